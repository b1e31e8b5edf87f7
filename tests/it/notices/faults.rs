//! What goes wrong around the sender while it sends: its database, its clock, its disk.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, TransactionTrait};
use serde_json::json;
use suimon::notices::worker::run_once;

use super::fixture::Fixture;
use super::sink::Sink;

/// Nobody has two different mails; how many copies of one there are beyond the first.
fn repeats(sink: &Sink, people: usize) -> usize {
    let mails = sink.by_recipient();
    assert_eq!(mails.len(), people, "everybody got it");
    for (to, mails) in &mails {
        assert!(mails.iter().all(|mail| mail.message_id == mails[0].message_id), "{to} got different mails");
    }
    mails.values().map(|mails| mails.len() - 1).sum()
}

/// The database goes away for about two seconds: PostgreSQL as at a restart (it ends every connection), SQLite as when another program
/// keeps it to itself.
async fn outage(database: &DatabaseConnection, owner_url: &str) {
    if database.get_database_backend() == DbBackend::Postgres {
        let by_another = Database::connect(owner_url).await.expect("the database");
        for _ in 0..20 {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            by_another.execute_unprepared(end).await.expect("connections end");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    } else {
        let held = database.begin().await.expect("a transaction");
        held.execute_unprepared("UPDATE notice SET template = template").await.expect("the write lock");
        tokio::time::sleep(Duration::from_secs(2)).await;
        held.rollback().await.expect("given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_goes_away_in_the_middle() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &["outbox.batch=20"]).await;
    let revision = fixture.people(200).await;
    let notice = fixture.approved(revision).await;
    let (app, url) = (fixture.app.app.clone(), fixture.app.owner_url().to_owned());
    let sending = tokio::spawn(async move {
        let mut failures = 0;
        for _ in 0..400 {
            match run_once(&app).await {
                Ok(sent) if sent == Default::default() => break,
                Ok(_) => {}
                // The program tries again at its next pass.
                Err(_) => failures += 1,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        failures
    });
    let since = Instant::now();
    while sink.begun() < 30 {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing is sent");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let before = Database::connect(&url).await.expect("the database");
    outage(&before, &url).await;
    let failures = sending.await.expect("the sender goes on");
    // What was under way when the outcome could not be written down is taken again when its lease has ended.
    fixture.app.clock.advance(3600);
    fixture.send().await;
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 200 0 0", "{failures} passes failed");
    let twice = repeats(&sink, 200);
    assert!(twice <= 8, "{twice} have it twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_jumps_while_mails_are_on_their_way() {
    // Each answer takes a second: the jumps come in the middle of attempts.
    let sink = Sink::start(&["-w", "1"]);
    let fixture = Fixture::sending_to(&sink, &["outbox.batch=4", "outbox.lease_seconds=6"]).await;
    let revision = fixture.people(12).await;
    let notice = fixture.approved(revision).await;
    let start = fixture.app.now();
    let app = &fixture.app.app;
    let jumps = async {
        for hours in [-48, 30 * 24, -1, 365 * 24, 2] {
            tokio::time::sleep(Duration::from_millis(700)).await;
            fixture.app.clock.set(start + jiff::SignedDuration::from_hours(hours));
        }
    };
    let (first, second, ()) = tokio::join!(run_once(app), run_once(app), jumps);
    first.expect("a pass");
    second.expect("a pass");
    for _ in 0..5 {
        fixture.app.clock.advance(7200);
        fixture.send().await;
    }
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 12 0 0");
    // A jump past the end of a lease makes one sender take what another is sending: the same mail twice, and it is said.
    let (twice, said) = (repeats(&sink, 12), may_be_repeated(&fixture, &notice).await);
    assert!(twice <= said, "{twice} have it twice, {said} are said to");
}

async fn may_be_repeated(fixture: &Fixture, notice: &str) -> usize {
    let query = "query($id: ID!) { notice(id: $id) { mayBeRepeated } }";
    let answer = fixture.officer.gql_with(query, json!({ "id": notice })).await;
    answer["data"]["notice"]["mayBeRepeated"].as_u64().unwrap_or_else(|| panic!("{answer}")) as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_an_hour_costs_nobody_the_mail() {
    let mut sink = Sink::reserved();
    let fixture = Fixture::sending_to(&sink, &["mail.smtp_connections=2"]).await;
    let revision = fixture.people(30).await;
    let notice = fixture.approved(revision).await;
    let mut tried = 0;
    for _minute in 0..60 {
        let sent = fixture.send().await;
        assert_eq!((sent.accepted, sent.failed), (0, 0));
        tried += sent.deferred;
        fixture.app.clock.advance(60);
    }
    // At most as many as there are connections find out in each pass; the rest is given back untried.
    assert!((60..=120).contains(&tried), "{tried} attempts");
    let most_tried = fixture.messages(&notice).await.iter().filter_map(|line| attempts(line)).max();
    assert!(most_tried.is_some_and(|tried| tried < 12), "{most_tried:?} attempts of one");
    sink.restart(&[]);
    let mut minutes = 0;
    while !fixture.standing(&notice).await.starts_with("DONE") {
        fixture.send().await;
        fixture.app.clock.advance(60);
        minutes += 1;
        // Who had been tried waits for twice as long each time: the longest wait of an hour's tries is about another hour.
        assert!(minutes <= 130, "{}", fixture.standing(&notice).await);
    }
    assert_eq!(fixture.standing(&notice).await, "DONE 0 0 30 0 0");
    assert_eq!(repeats(&sink, 30), 0);
}

fn attempts(line: &str) -> Option<u32> {
    line.rsplit(' ').next()?.parse().ok()
}

/// Two notices, and a row of the first damaged: by another program, or of a version that knows more.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_cannot_be_read_keeps_no_other_from_being_sent() {
    for (damage, repair) in [
        ("template = 'of_a_later_version'", "template = 'incident_notice_person'"),
        ("variables = '{' || variables", "variables = substr(variables, 2)"),
        ("send_between = 'always'", "send_between = NULL"),
    ] {
        let sink = Sink::start(&[]);
        let fixture = Fixture::sending_to(&sink, &[]).await;
        for (school, person) in [("school-001", "p-001"), ("school-002", "p-002")] {
            fixture.import(school, &[(person, "ja")]).await;
        }
        let people = [("school-001", "p-001", "possible"), ("school-002", "p-002", "possible")];
        let revision = fixture.revision(1, &people).await;
        let mut notices = Vec::new();
        for school in ["school-001", "school-002"] {
            let more = json!({ "filter": { "tenants": [school] } });
            let draft = super::planned::create(&fixture, revision, more).await;
            let id = crate::harness::text(&draft["id"]);
            let approved = fixture.act(&fixture.approver, "approveNotice", &id).await;
            assert_eq!(approved["state"], "APPROVED", "{approved}");
            notices.push(id);
        }
        let first = "WHERE id = (SELECT notice_id FROM message WHERE recipient = 'p-001')";
        let change = async |what: &str| {
            let update = format!("UPDATE notice SET {what} {first}");
            fixture.database.execute_unprepared(&update).await.expect("a change");
        };
        change(damage).await;
        assert_eq!(fixture.send().await.accepted, 1, "{damage}");
        assert_eq!(sink.by_recipient().into_keys().collect::<Vec<_>>(), ["p-002@school-002.example"]);
        assert_eq!(fixture.standing(&notices[1]).await, "DONE 0 0 1 0 0");
        change(repair).await;
        assert_eq!(fixture.messages(&notices[0]).await, ["p-001 QUEUED null null 0"], "{damage}");
        fixture.app.clock.advance(60);
        assert_eq!(fixture.send().await.accepted, 1, "{damage}");
        assert_eq!(fixture.standing(&notices[0]).await, "DONE 0 0 1 0 0");
    }
}

/// A row that this program cannot read, as of a later version: it stays where it is, and those behind it are sent.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_be_read_keep_no_others_from_being_sent() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &["outbox.batch=2"]).await;
    let revision = fixture.people(5).await;
    fixture.approved(revision).await;
    // The whole of what is taken first.
    let damage = "UPDATE message SET language = 'tlh' WHERE recipient IN ('p-000', 'p-001')";
    fixture.database.execute_unprepared(damage).await.expect("a change");
    let order = "UPDATE message SET next_attempt_at = next_attempt_at - 1 WHERE language = 'tlh'";
    fixture.database.execute_unprepared(order).await.expect("a change");
    assert_eq!(fixture.send().await.accepted, 3);
    assert_eq!(sink.count(), 3);
    let repair = "UPDATE message SET language = 'ja' WHERE language = 'tlh'";
    fixture.database.execute_unprepared(repair).await.expect("a change");
    fixture.app.clock.advance(3_600);
    assert_eq!(fixture.send().await.accepted, 2);
    assert_eq!(repeats(&sink, 5), 0);
}

/// A sender that works while the test goes on: a mail of it takes about a second, and it has one connection.
async fn slow(sink: &Sink, more: &[&str]) -> Fixture {
    Fixture::sending_to(sink, &[&["mail.smtp_connections=1"], more].concat()).await
}

async fn until_begun(sink: &Sink, mails: usize) {
    let since = Instant::now();
    while sink.begun() < mails {
        assert!(since.elapsed() < Duration::from_secs(60), "{} of {mails} mails were begun", sink.begun());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_falls_between_a_cancelled_notice_and_the_next_one() {
    let sink = Sink::start(&["-W", ".:1"]);
    let fixture = slow(&sink, &[]).await;
    let revision = fixture.people(6).await;
    let first = fixture.approved(revision).await;
    let app = fixture.app.app.clone();
    let sending = tokio::spawn(async move { run_once(&app).await.expect("a pass") });
    until_begun(&sink, 1).await;
    // All six are in the sender's hand, one of them on its way.
    assert_eq!(fixture.act(&fixture.officer, "cancelNotice", &first).await["state"], "CANCELLED");
    let next = fixture.draft(revision, "PERSONS").await;
    let refused = fixture.act(&fixture.approver, "approveNotice", &next).await;
    insta::assert_snapshot!(
        format!("{}: {}; {}", refused["code"], refused["message"], refused["remedy"]),
        @r#""CONFLICT": "a sender still has messages of a cancelled notice in hand"; "try again in a moment; after a crash, when outbox.lease_seconds have passed""#
    );
    sending.await.expect("the sender ends");
    let approved = fixture.act(&fixture.approver, "approveNotice", &next).await;
    assert_eq!(approved["state"], "APPROVED", "{approved}");
    fixture.send().await;
    assert!(sink.by_recipient().len() == 6, "everybody was told");
    assert_eq!(repeats(&sink, 6), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_before_the_evening_waits_for_the_morning() {
    let sink = Sink::start(&["-W", ".:1"]);
    let fixture = slow(&sink, &["outbox.lease_seconds=600"]).await;
    let revision = fixture.people(6).await;
    // 20:59 in Tokyo.
    fixture.app.clock.set("2023-10-30T11:59:00Z".parse().expect("an instant"));
    let draft = super::planned::create(&fixture, revision, json!({ "sendBetween": "08:00-21:00" })).await;
    let notice = crate::harness::text(&draft["id"]);
    fixture.act(&fixture.approver, "approveNotice", &notice).await;
    let app = fixture.app.app.clone();
    let sending = tokio::spawn(async move { run_once(&app).await.expect("a pass") });
    until_begun(&sink, 2).await;
    fixture.app.clock.advance(120);
    let sent = sending.await.expect("the sender ends");
    assert!((1..=3).contains(&sent.accepted) && sent.released == 6 - sent.accepted, "{sent:?}");
    fixture.app.clock.set("2023-10-30T23:00:00Z".parse().expect("an instant"));
    assert_eq!(fixture.send().await.accepted, 6 - sent.accepted, "eight in the morning");
    assert_eq!(repeats(&sink, 6), 0);
}

/// One server that does not answer the end of a mail must not keep what is approved meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_while_an_answer_is_waited_for_leaves_at_once() {
    let hanging = Sink::start(&["-W", ".:30"]);
    let fixture =
        Fixture::sending_to(&hanging, &["mail.smtp_connections=2", "outbox.poll_milliseconds=50"]).await;
    let mut people = Vec::new();
    for (school, person) in [("school-001", "p-000"), ("school-002", "q-000")] {
        fixture.import(school, &[(person, "ja")]).await;
        people.push((school, person, "possible"));
    }
    let revision = fixture.revision(1, &people).await;
    let mut ids = Vec::new();
    for (school, ..) in people {
        let more = json!({ "filter": { "tenants": [school] } });
        let draft = super::planned::create(&fixture, revision, more).await;
        ids.push(crate::harness::text(&draft["id"]));
    }
    fixture.act(&fixture.approver, "approveNotice", &ids[0]).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = fixture.app.app.clone();
    let sender = tokio::spawn(async move {
        suimon::notices::worker::run(app, async { drop(stopped.await) }).await.expect("it ends in order")
    });
    until_begun(&hanging, 1).await;
    fixture.act(&fixture.approver, "approveNotice", &ids[1]).await;
    let since = Instant::now();
    until_begun(&hanging, 2).await;
    assert!(since.elapsed() < Duration::from_secs(20), "it waited for the first one's answer");
    stop.send(()).expect("the sender works");
    sender.await.expect("the sender ends");
}

/// `suimon serve` on the database of a test, of which only so many blocks of 1,024 bytes may be written in a file: what a full disk does to
/// each write. Ends with it.
struct Program(Child);

impl Program {
    fn start(fixture: &Fixture, sink: &Sink, blocks: Option<u64>) -> Self {
        let settings = [
            format!("database.url={}", fixture.app.database_url()),
            format!("keys.file={}", fixture.app.folder().join("kek.key").display()),
            format!("mail.smtp_port={}", sink.port),
            "mail.transport=smtp".to_owned(),
            "mail.smtp_tls=none".to_owned(),
            "outbox.lease_seconds=3".to_owned(),
            "mail.smtp_timeout_seconds=2".to_owned(),
            "outbox.backoff_seconds=1".to_owned(),
            "outbox.poll_milliseconds=50".to_owned(),
            "log.filter=error".to_owned(),
            "retention.every_hours=0".to_owned(),
        ];
        let limit = blocks.map_or_else(|| "unlimited".to_owned(), |blocks| blocks.to_string());
        let child = Command::new("bash")
            // The soft limit alone: it can be taken back.
            .args(["-c", "trap '' XFSZ; ulimit -S -f \"$0\"; exec \"$@\"", &limit])
            .args([env!("CARGO_BIN_EXE_suimon"), "serve", "--listen", "127.0.0.1:0"])
            .args(settings.iter().flat_map(|setting| ["--set", setting.as_str()]))
            .current_dir(fixture.app.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("suimon serve starts"))
    }

    /// There is room again.
    fn may_write(&self) {
        let id = self.0.id().to_string();
        let status = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status();
        assert!(status.expect("prlimit runs").success(), "no room could be made");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().expect("SIGKILL");
        self.0.wait().expect("it is dead");
    }
}

/// A notice to 150 people whose sender's disk becomes full, and the sender, from whom no mail leaves any more: nothing may be sent whose
/// outcome cannot be written down. Nothing on PostgreSQL: its disk is the database's own, to the sender it is the outage above.
async fn out_of_room(sink: &Sink) -> Option<(Fixture, String, Program)> {
    let fixture = Fixture::sending_to(sink, &[]).await;
    if fixture.database.get_database_backend() == DbBackend::Postgres {
        return None;
    }
    let revision = fixture.people(150).await;
    let notice = fixture.approved(revision).await;
    let file = fixture.app.database_url().trim_start_matches("sqlite://").to_owned();
    let grown = |name: String| std::fs::metadata(name).map_or(0, |file| file.len());
    // A little beyond what there is.
    let blocks = (grown(file.clone()).max(grown(format!("{file}-wal"))) + 400_000) / 1024;
    let full = Program::start(&fixture, sink, Some(blocks));
    let (since, mut last) = (Instant::now(), (0, Instant::now()));
    while (last.0 == 0 || last.1.elapsed() < Duration::from_secs(4))
        && since.elapsed() < Duration::from_secs(60)
    {
        if sink.begun() != last.0 {
            last = (sink.begun(), Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((1..150).contains(&sink.begun()), "{} mails, with {blocks} blocks", sink.begun());
    Some((fixture, notice, full))
}

async fn until_everybody_is_told(fixture: &Fixture, notice: &str) {
    let since = Instant::now();
    loop {
        let standing = fixture.standing(notice).await;
        if standing == "DONE 0 0 150 0 0" {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(120), "{standing}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_on_a_full_disk_repeats_what_was_under_way() {
    let sink = Sink::start(&[]);
    let Some((fixture, notice, full)) = out_of_room(&sink).await else { return };
    drop(full);
    let _after = Program::start(&fixture, &sink, None);
    until_everybody_is_told(&fixture, &notice).await;
    // Four connections, each with a mail that is sent and one that is being written down.
    let twice = repeats(&sink, 150);
    assert!(twice <= 8, "{twice} have it twice: more was sent than could be written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_full_disk_has_room_again_the_service_goes_on_and_repeats_nothing() {
    let sink = Sink::start(&[]);
    let Some((fixture, notice, full)) = out_of_room(&sink).await else { return };
    full.may_write();
    until_everybody_is_told(&fixture, &notice).await;
    assert_eq!(repeats(&sink, 150), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_gets_what_it_bears_and_the_others_do_not_wait() {
    let sink = Sink::start(&[]);
    let fixture =
        Fixture::sending_to(&sink, &["mail.domain_rates=School-001.example=0.5", "outbox.batch=8"]).await;
    let names: Vec<String> = (0..12).map(|n| format!("p-{n:03}")).collect();
    let (slow, fast) = names.split_at(6);
    let people = |names: &[String]| names.iter().map(|name| (name.clone(), "ja")).collect::<Vec<_>>();
    for (school, names) in [("school-001", slow), ("school-002", fast)] {
        let people = people(names);
        let people: Vec<_> = people.iter().map(|(name, language)| (name.as_str(), *language)).collect();
        fixture.import(school, &people).await;
    }
    let entries: Vec<_> = slow
        .iter()
        .map(|name| ("school-001", name.as_str(), "possible"))
        .chain(fast.iter().map(|name| ("school-002", name.as_str(), "possible")))
        .collect();
    let revision = fixture.revision(1, &entries).await;
    let notice = fixture.approved(revision).await;
    let sent = fixture.send().await;
    assert_eq!((sent.accepted, sent.postponed, sent.failed), (7, 5, 0));
    assert!(
        fixture.messages(&notice).await.iter().filter(|line| line.ends_with("QUEUED null null 0")).count()
            == 5
    );
    // Another sender, which knows nothing of the turns that this one gave, gives its own.
    let mut passes = 0;
    while !fixture.standing(&notice).await.starts_with("DONE") {
        fixture.app.clock.advance(60);
        assert!(fixture.send().await.accepted >= 1);
        passes += 1;
    }
    assert_eq!((passes, sink.count()), (5, 12));
    assert_eq!(repeats(&sink, 12), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_told_to_whoever_has_the_token_and_to_nobody_else() {
    let sink = Sink::start(&["-r", "RCPT"]);
    let token = "metrics-token-of-a-test";
    let fixture = Fixture::sending_to(&sink, &[&format!("server.metrics_token={token}")]).await;
    let revision = fixture.people(3).await;
    fixture.approved(revision).await;
    fixture.send().await;
    fixture.app.clock.advance(900);
    let url = format!("{}/metrics", fixture.app.url);
    for header in [None, Some("Bearer "), Some("Bearer another-token-of-a-test"), Some(token)] {
        let mut request = fixture.app.http.get(&url);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        assert_eq!(request.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    }
    let answer = fixture.app.http.get(&url).bearer_auth(token).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.expect("a text");
    for line in ["suimon_messages{state=\"deferred\"} 3", "suimon_mails_total{outcome=\"deferred\"} 3"] {
        assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
    }
    assert!(text.contains("suimon_message_oldest_due_seconds 8"), "{text}");
    assert!(!text.contains("p-000") && !text.contains("school"), "{text}");
    let without = Fixture::captured().await;
    let url = format!("{}/metrics", without.app.url);
    let answer = without.app.http.get(url).bearer_auth("").send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}
