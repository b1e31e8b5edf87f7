//! What a mail server can do: accept, refuse, put off, hang up, be slow, be away.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, Statement};
use suimon::notices::worker::run_once;

use super::fixture::{Fixture, texts};
use super::sink::Sink;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_one_mail_that_reads_right() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(25).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert_eq!((sent.accepted, sent.deferred, sent.failed, sent.released), (25, 0, 0, 0));
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 25 0 0");
    assert_eq!(fixture.send().await.accepted, 0, "what was accepted is not sent again");

    let mails = sink.mails();
    let addresses: BTreeSet<_> = mails.iter().map(|mail| mail.to.clone()).collect();
    let expected: BTreeSet<_> = (0..25).map(|n| format!("p-{n:03}@school-001.example")).collect();
    assert_eq!((mails.len(), addresses), (25, expected));
    assert_eq!(mails.iter().map(|mail| &mail.message_id).collect::<BTreeSet<_>>().len(), 25);
    let mail = mails.iter().find(|mail| mail.to == "p-007@school-001.example").unwrap();
    insta::assert_snapshot!(mail.subject, @"【重要】出願システムにおける個人情報に関するお知らせ(みほん出願サービス)");
    insta::assert_snapshot!(mail.body, @r"
    山田 p-007 様

    みほん出願サービスです。
    出願システムにおいて、あなたの個人情報が他の方に表示された可能性があります。
    深くお詫び申し上げますとともに、次のとおりお知らせいたします。

    関係する学校: 学校 school-001

    期間: 2023年10月26日 11:00 から 2023年10月26日 15:41 まで (Asia/Tokyo)

    ■ 何が起きたか
    10月26日、他の方のページが表示されました。

    ■ 対象となる情報
    氏名、メールアドレス

    ■ 原因
    配信設定の誤り

    ■ 二次被害のおそれ
    現時点で確認されていません。

    ■ 当社の対応
    設定を戻し、再発防止策を行いました。

    ■ お問い合わせ窓口
    お問い合わせ: 03-0000-0000

    みほん出願サービス
    ");
    for line in [
        "Auto-Submitted: auto-generated",
        "Date: Thu, 26 Oct 2023 00:00:00 +0000",
        "To: p-007@school-001.example",
    ] {
        assert!(mail.source.contains(line), "{line} is missing in {}", mail.source);
    }
    assert!(
        mail.message_id.ends_with("@suimon.example") && mail.message_id.len() == 32 + 15,
        "{}",
        mail.message_id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_for_good_is_not_tried_again() {
    let sink = Sink::start(&["-f", "RCPT", "-B", "550 5.1.1 <p-000@school-001.example> unknown"]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(3).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.failed, 3);
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 0 0 3");
    assert_eq!(fixture.messages(&notice).await[0], r#"p-000 FAILED 550 "refused" 1"#);
    fixture.app.clock.advance(86_400);
    assert_eq!(fixture.send().await, Default::default());
    assert_eq!(sink.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_off_is_tried_again_later_and_accepted_once() {
    let mut sink = Sink::start(&["-r", "RCPT", "-b", "451 4.3.0 try later"]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(3).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.deferred, 3);
    assert_eq!(fixture.messages(&notice).await[0], r#"p-000 DEFERRED 451 "refused for now" 1"#);
    sink.restart(&[]);
    assert_eq!(fixture.send().await, Default::default(), "it waits");
    fixture.app.clock.advance(60);
    assert_eq!(fixture.send().await.accepted, 3);
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 3 0 0");
    assert_eq!(sink.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_attempt_a_person_decides() {
    let mut sink = Sink::start(&["-r", "DATA"]);
    let fixture = Fixture::sending_to(&sink, &["outbox.max_attempts=3"]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    for expected in ["APPROVED 0 0 0 1 0", "APPROVED 0 0 0 1 0", "DONE 0 0 0 0 1"] {
        fixture.send().await;
        assert_eq!(fixture.standing(&notice).await, expected);
        fixture.app.clock.advance(3600);
    }
    assert_eq!(fixture.messages(&notice).await, [r#"p-000 FAILED 450 "refused for now" 3"#]);
    sink.restart(&[]);
    assert_eq!(fixture.act(&fixture.officer, "retryNotice", &notice).await["state"], "APPROVED");
    assert_eq!(fixture.send().await.accepted, 1);
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 1 0 0");
    let again = fixture.act(&fixture.officer, "retryNotice", &notice).await;
    assert_eq!(again["message"], "no message of this notice has failed or come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_gets_the_mail_again() {
    for (command, reason) in [("DATA", "DATA"), ("RCPT", "RCPT")] {
        let mut sink = Sink::start(&["-q", command]);
        let fixture = Fixture::sending_to(&sink, &[]).await;
        let revision = fixture.people(2).await;
        let notice = fixture.approved(revision).await;
        assert_eq!(fixture.send().await.deferred, 2, "after {reason}");
        assert_eq!(fixture.messages(&notice).await[0], r#"p-000 DEFERRED null "the connection broke off" 1"#);
        let before = sink.count();
        sink.restart(&[]);
        fixture.app.clock.advance(60);
        assert_eq!(fixture.send().await.accepted, 2);
        assert_eq!(fixture.standing(&notice).await, "DONE 0 0 2 0 0");
        assert_eq!(sink.count() - before, 2, "after {reason}");
        for (to, mails) in sink.by_recipient() {
            assert!(
                mails.iter().all(|mail| mail.message_id == mails[0].message_id),
                "{to}: a repeat looks like one"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_after_the_mail_may_have_it_and_a_person_decides() {
    let mut sink = Sink::start(&["-q", "."]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.failed, 2);
    assert_eq!(
        fixture.messages(&notice).await[0],
        r#"p-000 FAILED null "ambiguous: the server did not answer after the message" 1"#
    );
    let before = sink.count();
    sink.restart(&[]);
    fixture.app.clock.advance(86_400);
    assert_eq!(fixture.send().await, Default::default(), "no second copy by itself");
    fixture.act(&fixture.officer, "retryNotice", &notice).await;
    assert_eq!(fixture.send().await.accepted, 2);
    assert_eq!(sink.count() - before, 2);
    for (to, mails) in sink.by_recipient() {
        assert!(
            mails.iter().all(|mail| mail.message_id == mails[0].message_id),
            "{to}: a repeat looks like one"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_the_end_of_a_mail_is_waited_for_under_a_lease() {
    let sink = Sink::start(&["-W", ".:4"]);
    let fixture =
        Fixture::sending_to(&sink, &["mail.smtp_timeout_seconds=1", "outbox.lease_seconds=3"]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(
        fixture.send().await.accepted,
        1,
        "longer than any command may take, and than the first lease"
    );
    assert_eq!((fixture.standing(&notice).await.as_str(), sink.count()), ("DONE 0 0 1 0 0", 1));
    let renewals = Statement::from_string(
        fixture.database.get_database_backend(),
        "SELECT COUNT(*) AS n FROM audit_entry WHERE action = 'outbox.renew'",
    );
    let row = fixture.database.query_one_raw(renewals).await.unwrap().unwrap();
    assert!(row.try_get::<i64>("", "n").unwrap() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_stops_what_a_worker_has_taken_already() {
    let sink = Sink::start(&["-w", "1"]);
    let fixture = Fixture::sending_to(&sink, &["mail.smtp_connections=1"]).await;
    let revision = fixture.people(6).await;
    let notice = fixture.approved(revision).await;
    let cancel = async {
        while sink.count() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        fixture.act(&fixture.officer, "cancelNotice", &notice).await
    };
    let (sent, cancelled) = tokio::join!(fixture.send(), cancel);
    assert_eq!(cancelled["state"], "CANCELLED");
    assert!(sent.accepted <= 3 && sent.accepted + sent.failed == 6, "{sent:?}");
    assert_eq!(sink.count() as u64, sent.accepted);
    let messages = fixture.messages(&notice).await;
    let stopped =
        messages.iter().filter(|line| line.ends_with(r#"FAILED null "the notice was cancelled" 1"#));
    assert_eq!(stopped.count() as u64, sent.failed, "{messages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_is_waited_for_and_too_slow_is_tried_again() {
    let mut sink = Sink::start(&["-w", "2"]);
    let fixture =
        Fixture::sending_to(&sink, &["mail.smtp_timeout_seconds=1", "outbox.lease_seconds=10"]).await;
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.deferred, 2);
    assert_eq!(
        fixture.messages(&notice).await[0],
        r#"p-000 DEFERRED null "the mail server did not answer in time" 1"#
    );
    sink.restart(&[]);
    fixture.app.clock.advance(60);
    assert_eq!(fixture.send().await.accepted, 2);
    assert_eq!(sink.count(), 2);

    let sink = Sink::start(&["-w", "1"]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(2).await;
    fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 2);
    assert_eq!(sink.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_costs_few_attempts() {
    let mut sink = Sink::reserved();
    let fixture = Fixture::sending_to(&sink, &["mail.smtp_connections=2"]).await;
    let revision = fixture.people(20).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert!((1..=2).contains(&sent.deferred) && sent.deferred + sent.released == 20, "{sent:?}");
    let waiting = fixture.messages(&notice).await;
    assert!(waiting.contains(&"p-019 QUEUED null null 0".to_owned()), "{waiting:?}");
    assert!(waiting.iter().any(|line| line.contains("no connection to the mail server")), "{waiting:?}");
    sink.restart(&[]);
    fixture.app.clock.advance(60);
    assert_eq!(fixture.send().await.accepted, 20);
    assert_eq!((fixture.standing(&notice).await.as_str(), sink.count()), ("DONE 0 0 20 0 0", 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_let_us_in_says_nothing_about_the_recipient() {
    let sink = Sink::start(&["-f", "CONNECT"]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    let messages = fixture.messages(&notice).await;
    assert!(
        messages[0].contains(r#"DEFERRED 5"#) && messages[0].contains("does not let this service in"),
        "{messages:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_demanded_protection_nothing_leaves() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &["mail.smtp_tls=starttls"]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    assert_eq!((fixture.standing(&notice).await.as_str(), sink.count()), ("APPROVED 0 0 0 1 0", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_at_the_same_time_never_send_the_same_message() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &["outbox.batch=7", "mail.smtp_connections=2"]).await;
    let revision = fixture.people(80).await;
    let notice = fixture.approved(revision).await;
    let app = &fixture.app.app;
    let (a, b, c) = tokio::join!(run_once(app), run_once(app), run_once(app));
    assert_eq!(a.unwrap().accepted + b.unwrap().accepted + c.unwrap().accepted, 80);
    assert_eq!((fixture.standing(&notice).await.as_str(), sink.count()), ("DONE 0 0 80 0 0", 80));
    assert_eq!(sink.by_recipient().len(), 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_outlives_its_worker_each_time_is_given_to_a_person() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &["outbox.max_attempts=2"]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    // As after two crashes in the middle of it.
    let taken = format!(
        "UPDATE message SET state = 'sending', attempts = 2, lease_until = {}",
        fixture.app.now().as_microsecond() + 1_000_000
    );
    fixture.database.execute_unprepared(&taken).await.unwrap();
    assert_eq!(fixture.send().await, Default::default(), "a lease is respected");
    fixture.app.clock.advance(1);
    assert_eq!(fixture.send().await.failed, 1);
    assert_eq!(
        fixture.messages(&notice).await,
        [r#"p-000 FAILED null "the service ended during each attempt" 3"#]
    );
    assert_eq!(sink.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_takes_the_mails_of_one_that_lets_nobody_in() {
    let (first, second) = (Sink::reserved(), Sink::start(&[]));
    let fallbacks = format!("mail.smtp_fallbacks=127.0.0.1:{}", second.port);
    let fixture = Fixture::sending_to(&first, &[&fallbacks]).await;
    let revision = fixture.people(8).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert_eq!((sent.accepted, sent.deferred, sent.released), (8, 0, 0));
    assert_eq!(second.by_recipient().len(), 8);
    assert_eq!(second.count(), 8, "one each");
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 8 0 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_server_lets_anybody_in_everything_waits() {
    let (first, second) = (Sink::reserved(), Sink::reserved());
    let fallbacks = format!("mail.smtp_fallbacks=127.0.0.1:{}", second.port);
    let fixture = Fixture::sending_to(&first, &[&fallbacks]).await;
    let revision = fixture.people(5).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 0);
    let standing = fixture.standing(&notice).await;
    assert!(
        standing.starts_with("APPROVED ") && standing.ends_with(" 0"),
        "nothing has failed for good: {standing}"
    );
    drop(first);
    let mut second = second;
    second.restart(&[]);
    fixture.app.clock.advance(3_600);
    assert_eq!(fixture.send().await.accepted, 5, "the one that is there again takes all");
}

/// Decodes as an old program does, with a reader that is not ours: Python's own.
const READER: &str = "\
import sys, email, email.header
mail = email.message_from_bytes(sys.stdin.buffer.read())
part = next(part for part in mail.walk() if part.get_content_type() == 'text/plain')
decoded = lambda name: ''.join(text.decode(charset or 'ascii') if isinstance(text, bytes) else text for text, charset in email.header.decode_header(mail[name]))
print(part.get_content_charset(), part['Content-Transfer-Encoding'], decoded('Subject'), decoded('From'), sep='|')
sys.stdout.write(part.get_payload(decode=True).decode(part.get_content_charset()))
";

fn read_by_python(source: &str) -> String {
    use std::io::Write;
    let mut child = std::process::Command::new("python3")
        .args(["-c", READER])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3");
    child.stdin.take().expect("a pipe").write_all(source.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("an answer");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_for_old_programs_reads_right_in_them_and_nothing_is_changed_to_fit() {
    for (what, expected) in [("設定の誤りです。", "iso-2022-jp|7bit|"), ("𠮷野さんの誤りです。", "utf-8|")]
    {
        let sink = Sink::start(&[]);
        let fixture = Fixture::sending_to(&sink, &["mail.charset=iso-2022-jp"]).await;
        let revision = fixture.people(1).await;
        let mut texts = texts();
        texts["ja"]["cause"] = what.into();
        let notice = fixture.create(&fixture.officer, revision, "PERSONS", texts).await;
        let notice = crate::harness::text(&notice["id"]);
        fixture.act(&fixture.approver, "approveNotice", &notice).await;
        fixture.send().await;
        let mails = sink.mails();
        let read = read_by_python(&mails[0].source);
        assert!(read.starts_with(expected), "{read}");
        // This reader leaves out the blank between a name and its address.
        assert!(
            read.replace("サービス <", "サービス<").contains("みほん出願サービス<notice@suimon.example>"),
            "{read}"
        );
        assert!(read.contains("山田 p-000"), "{read}");
        assert!(read.contains(what), "{read}");
        assert!(mails[0].source.lines().all(|line| line.len() <= 998));
    }
}
