//! What comes back: reports in a maildir, matched by the return path that only the service can make.

use std::path::Path;

use mail_parser::{HeaderName, MessageParser};
use serde_json::{Value, json};

use super::fixture::Fixture;
use super::sink::Sink;
use crate::harness::text;

/// A maildir, with mails that came back put into it.
struct Maildir(tempfile::TempDir);

impl Maildir {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["new", "cur", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).expect("a maildir");
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, mail: &str) {
        std::fs::write(self.path().join("new").join(name), mail.replace('\n', "\r\n")).expect("a mail");
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join(folder)).expect("the folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// A delivery report as Postfix writes it.
fn report(to: &str, action: &str, status: &str, said: &str, about: &str) -> String {
    format!(
        "Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

<somebody@school.example>: {said}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; somebody@school.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--b
Content-Type: message/rfc822

Message-ID: {about}
Subject: x

x
--b--
"
    )
}

/// Return path and Message-ID of each mail that the server took, by recipient.
fn sent(sink: &Sink) -> std::collections::BTreeMap<String, (String, String)> {
    let mails = sink.mails().into_iter();
    mails.map(|mail| (mail.to.clone(), (returned_to(&mail), format!("<{}>", mail.message_id)))).collect()
}

/// The return path of a mail.
fn returned_to(mail: &super::sink::Mail) -> String {
    let parsed = MessageParser::default().parse(mail.source.as_bytes()).expect("a mail");
    let from = parsed.header(HeaderName::Other("X-Mail-Args".into())).and_then(|from| from.as_text());
    from.expect("a sender").trim_matches(['<', '>']).to_owned()
}

async fn scene(maildir: &Maildir, sink: &Sink) -> Fixture {
    let place = format!("mail.return_maildir={}", maildir.path().display());
    Fixture::sending_to(sink, &[&place, "mail.return_domain=returns.example"]).await
}

/// What happened to the message to a recipient: its state and events.
pub async fn history(fixture: &Fixture, notice: &str, recipient: &str) -> (String, Value) {
    let query =
        "query($id: ID!) { notice(id: $id) { messages(first: 200) { nodes { id recipient state history {
        intact events { kind code replyCode note sourceSha256 authorId } } } } } }";
    let answer = fixture.officer.gql_with(query, json!({ "id": notice })).await;
    let nodes =
        answer["data"]["notice"]["messages"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let node = nodes
        .iter()
        .find(|node| node["recipient"] == recipient)
        .unwrap_or_else(|| panic!("{answer}"))
        .clone();
    assert_eq!(node["history"]["intact"], true, "{node}");
    (text(&node["id"]), node)
}

pub fn told(node: &Value) -> String {
    let events = node["history"]["events"].as_array().expect("events").iter();
    let kinds: Vec<String> = events
        .map(|event| {
            let word = |name: &str| match &event[name] {
                Value::Null => String::new(),
                Value::String(word) => format!(" {word}"),
                other => format!(" {other}"),
            };
            format!("{}{}{}{}", text(&event["kind"]), word("code"), word("replyCode"), word("note"))
        })
        .collect();
    format!("{}: {}", text(&node["state"]), kinds.join(", "))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_known_by_its_own_return_path() {
    let (maildir, sink) = (Maildir::new(), Sink::start(&[]));
    let fixture = scene(&maildir, &sink).await;
    let revision = fixture.people(6).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 6);
    let sent = sent(&sink);
    let path = |person: &str| sent[&format!("{person}@school-001.example")].clone();
    let (hard, hard_id) = path("p-000");
    assert!(hard.starts_with("return+") && hard.ends_with("@returns.example"), "{hard}");
    assert_eq!(
        sent.values().map(|(from, _)| from).collect::<std::collections::BTreeSet<_>>().len(),
        6,
        "each has its own"
    );
    maildir.put("1.a", &report(&hard, "failed", "5.1.1", "550 5.1.1 User unknown", &hard_id));
    let (soft, soft_id) = path("p-001");
    maildir.put("2.a", &report(&soft, "failed", "5.2.2", "552 5.2.2 Mailbox full", &soft_id));
    let (slow, slow_id) = path("p-002");
    maildir.put("3.a", &report(&slow, "delayed", "4.4.1", "451 4.4.1 timed out", &slow_id));
    // A forged one: it names a message by its Message-ID, and comes to an address that nobody gave.
    let (_, known) = path("p-003");
    maildir.put("4.a", &report("return+aaaa@returns.example", "failed", "5.1.1", "550 5.1.1 no", &known));
    maildir.put("5.a", "From: a@b.example\nTo: return+x@returns.example\nSubject: hello\n\nBuy this.\n");
    let (away, away_id) = path("p-004");
    let vacation = format!(
        "From: P <p-004@school-001.example>\nTo: {away}\nAuto-Submitted: auto-replied\nIn-Reply-To: {away_id}\n\nAway.\n"
    );
    maildir.put("6.a", &vacation);
    fixture.app.run_jobs().await;
    let mut lines = Vec::new();
    for person in ["p-000", "p-001", "p-002", "p-003", "p-004", "p-005"] {
        lines.push(format!("{person} {}", told(&history(&fixture, &notice, person).await.1)));
    }
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(maildir.names("new"), [""; 0]);
    // What was recorded names a person and does not stay; what nobody understood waits for somebody.
    assert_eq!(maildir.names("cur"), ["5.a:2,F"]);
    let counts = "query($id: ID!) { notice(id: $id) { counts { audience accepted bouncedSoft bouncedHard failed toldOtherwise open notReached } } }";
    let answer = fixture.officer.gql_with(counts, json!({ "id": notice })).await;
    insta::assert_snapshot!(answer["data"]["notice"]["counts"]);
    // The same report once more, as a server may send it, and as a maildir may show it after a crash.
    maildir.put("7.a", &report(&hard, "failed", "5.1.1", "550 5.1.1 User unknown", &hard_id));
    fixture.app.clock.advance(120);
    fixture.app.run_jobs().await;
    let (message, node) = history(&fixture, &notice, "p-000").await;
    assert_eq!(told(&node), "BOUNCED_HARD: ACCEPTED 250, BOUNCED_HARD 5.1.1 550");
    // An officer knows better, says why, and is named.
    let mutation = "mutation($id: ID!, $note: String!) { overrideReturn(messageId: $id, note: $note) {
        __typename ... on Message { state } ... on Problem { code field message remedy } } }";
    let judge =
        |note: &'static str| fixture.officer.gql_with(mutation, json!({ "id": message, "note": note }));
    let refused = judge("she wrote from p-000@school-001.example").await;
    insta::assert_snapshot!(refused["data"]["overrideReturn"]);
    assert_eq!(
        judge("the person answered by telephone").await["data"]["overrideReturn"]["state"],
        "ACCEPTED"
    );
    assert_eq!(judge("again").await["data"]["overrideReturn"]["code"], "CONFLICT");
    let (_, node) = history(&fixture, &notice, "p-000").await;
    assert_eq!(
        told(&node),
        "ACCEPTED: ACCEPTED 250, BOUNCED_HARD 5.1.1 550, OVERRIDDEN the person answered by telephone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_law_hears_when_the_first_person_was_really_told() {
    let (maildir, sink) = (Maildir::new(), Sink::start(&[]));
    let fixture = scene(&maildir, &sink).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    let first_told = async || {
        let query = "query($id: ID!) { facts(incidentId: $id, currentOnly: true) { name value } }";
        fixture.app.run_jobs().await;
        let answer = fixture.officer.gql_with(query, json!({ "id": fixture.incident_id() })).await;
        let facts = answer["data"]["facts"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let fact = facts.into_iter().find(|fact| fact["name"] == "timeline.persons_notified_at");
        fact.map(|fact| fact["value"].clone()).unwrap_or_default()
    };
    assert_eq!(fixture.send().await.accepted, 1);
    let by_mail = first_told().await;
    assert!(!by_mail.is_null());
    let (path, id) = sent(&sink)["p-000@school-001.example"].clone();
    maildir.put("1.a", &report(&path, "failed", "5.1.1", "550 5.1.1 no", &id));
    fixture.app.clock.advance(120);
    assert_eq!(first_told().await, Value::Null, "the mail came back: nobody was told");
    let message = history(&fixture, &notice, "p-000").await.0;
    let mutation = "mutation($input: RecordContactsInput!) { recordContacts(input: $input) { __typename } }";
    let record = async |kind: &str| {
        fixture.app.clock.advance(60);
        let input = json!({ "messageIds": [message], "kind": kind });
        let answer = fixture.officer.gql_with(mutation, json!({ "input": input })).await;
        assert_eq!(answer["data"]["recordContacts"]["__typename"], "ChangedMessages", "{answer}");
        first_told().await
    };
    let by_letter = record("LETTER_SENT").await;
    assert!(!by_letter.is_null() && by_letter != by_mail, "{by_letter}");
    assert_eq!(record("LETTER_RETURNED").await, Value::Null);
    let by_telephone = record("PHONE_REACHED").await;
    assert!(
        !by_telephone.is_null() && by_telephone != by_letter,
        "not when the letter was posted: {by_telephone}"
    );
    assert_eq!(record("LETTER_RETURNED").await, by_telephone, "a letter takes nothing from a talk");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_no_mail_reached_is_told_otherwise() {
    let (maildir, sink) = (Maildir::new(), Sink::start(&[]));
    let fixture = scene(&maildir, &sink).await;
    let revision = fixture.people(3).await;
    let notice = fixture.approved(revision).await;
    let waiting = history(&fixture, &notice, "p-000").await.0;
    let mutation = "mutation($input: RecordContactsInput!) { recordContacts(input: $input) {
        __typename ... on ChangedMessages { messages { recipient state reason } } ... on Problem { code field message remedy } } }";
    let record = |ids: Value, kind: &'static str| {
        fixture
            .officer
            .gql_with(mutation, json!({ "input": { "messageIds": ids, "kind": kind, "note": "batch 1" } }))
    };
    let early = record(json!([waiting]), "LETTER_SENT").await;
    let told_early = &early["data"]["recordContacts"];
    assert_eq!(told_early["code"], "CONFLICT");
    assert!(text(&told_early["message"]).ends_with(" is still being sent"), "{told_early}");
    assert_eq!(fixture.send().await.accepted, 3);
    for (person, index) in [("p-000", 1), ("p-001", 2)] {
        let (path, id) = sent(&sink)[&format!("{person}@school-001.example")].clone();
        maildir.put(&format!("{index}.a"), &report(&path, "failed", "5.1.1", "550 5.1.1 no", &id));
    }
    fixture.app.run_jobs().await;
    let ids: Vec<String> = {
        let mut ids = Vec::new();
        for person in ["p-000", "p-001"] {
            ids.push(history(&fixture, &notice, person).await.0);
        }
        ids
    };
    let sent_letters = record(json!(ids), "LETTER_SENT").await;
    insta::assert_snapshot!(sent_letters["data"]["recordContacts"]);
    // One letter comes back; then the telephone.
    record(json!([ids[0]]), "LETTER_RETURNED").await;
    record(json!([ids[0]]), "PHONE_NOT_REACHED").await;
    let (_, node) = history(&fixture, &notice, "p-000").await;
    insta::assert_snapshot!(told(&node));
    record(json!([ids[0]]), "PHONE_REACHED").await;
    let (_, node) = history(&fixture, &notice, "p-000").await;
    assert!(told(&node).starts_with("TOLD_OTHERWISE: "), "{}", told(&node));
    let counts = "query($id: ID!) { notice(id: $id) { counts { audience accepted bouncedHard toldOtherwise failed notReached } } }";
    let answer = fixture.officer.gql_with(counts, json!({ "id": notice })).await;
    insta::assert_snapshot!(answer["data"]["notice"]["counts"]);
    // Whoever was told otherwise is told; whoever only bounced would be written to anew for a later list.
    let answer = fixture
        .approver
        .gql_with(mutation, json!({ "input": { "messageIds": ids, "kind": "LETTER_SENT" } }))
        .await;
    assert_eq!(answer["data"]["recordContacts"]["code"], "FORBIDDEN", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_back_can_be_tried_again_and_a_later_list_reaches_anew() {
    let (maildir, sink) = (Maildir::new(), Sink::start(&[]));
    let fixture = scene(&maildir, &sink).await;
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 2);
    let (path, id) = sent(&sink)["p-000@school-001.example"].clone();
    maildir.put("1.a", &report(&path, "failed", "5.2.2", "552 5.2.2 full", &id));
    fixture.app.run_jobs().await;
    assert_eq!(fixture.act(&fixture.officer, "retryNotice", &notice).await["state"], "APPROVED");
    assert_eq!(fixture.send().await.accepted, 1);
    let (_, node) = history(&fixture, &notice, "p-000").await;
    assert_eq!(told(&node), "ACCEPTED: ACCEPTED 250, BOUNCED_SOFT 5.2.2 552, REQUEUED, ACCEPTED 250");
    let again = sink.by_recipient()["p-000@school-001.example"].clone();
    assert_eq!(
        (again.len(), &again[0].message_id),
        (2, &again[1].message_id),
        "the same mail, known as such"
    );
    // What another server says late about the first mail says nothing of the second.
    maildir.put("2.a", &report(&path, "failed", "5.1.1", "550 5.1.1 gone", &id));
    fixture.app.clock.advance(120);
    fixture.app.run_jobs().await;
    let (_, node) = history(&fixture, &notice, "p-000").await;
    let late = "ACCEPTED: ACCEPTED 250, BOUNCED_SOFT 5.2.2 552, REQUEUED, ACCEPTED 250, \
                BOUNCED_HARD 5.1.1 550 about an earlier mail of this message";
    assert_eq!(told(&node), late);
    // The second comes back for good, to an address of its own; the next list has the person too.
    let paths: Vec<String> = again.iter().map(returned_to).collect();
    let second = paths.iter().find(|other| **other != path).expect("another return path");
    maildir.put("3.a", &report(second, "failed", "5.1.1", "550 5.1.1 no", &id));
    fixture.app.clock.advance(120);
    fixture.app.run_jobs().await;
    let people = [("school-001", "p-000", "possible"), ("school-001", "p-001", "possible")];
    let later = fixture.revision(2, &people).await;
    let next = fixture.approved(later).await;
    assert_eq!(
        fixture.messages(&next).await,
        ["p-000 QUEUED null null 0"],
        "whoever was told is not told twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_of_a_cancelled_notice_does_not_stop_the_next_one() {
    let (maildir, sink) = (Maildir::new(), Sink::start(&[]));
    let fixture = scene(&maildir, &sink).await;
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 2);
    // Done notices cannot be cancelled; one whose people came back is tried again, and then cancelled.
    for (person, index) in [("p-000", 1), ("p-001", 2)] {
        let (path, id) = sent(&sink)[&format!("{person}@school-001.example")].clone();
        maildir.put(&format!("{index}.a"), &report(&path, "failed", "5.2.2", "552 5.2.2 full", &id));
    }
    fixture.app.run_jobs().await;
    fixture.act(&fixture.officer, "retryNotice", &notice).await;
    let (path, id) = sent(&sink)["p-000@school-001.example"].clone();
    assert_eq!(fixture.act(&fixture.officer, "cancelNotice", &notice).await["state"], "CANCELLED");
    maildir.put("3.a", &report(&path, "failed", "5.1.1", "550 5.1.1 no", &id));
    fixture.app.clock.advance(120);
    fixture.app.run_jobs().await;
    let next = fixture.approved(revision).await;
    assert_eq!(fixture.messages(&next).await, ["p-000 QUEUED null null 0", "p-001 QUEUED null null 0"]);
    assert_eq!(fixture.send().await.accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_come_too_early_stop_no_others() {
    let (maildir, sink) = (Maildir::new(), Sink::start(&[]));
    let fixture = scene(&maildir, &sink).await;
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 2);
    let (path, id) = sent(&sink)["p-000@school-001.example"].clone();
    maildir.put("0.a", &report(&path, "failed", "5.2.2", "552 5.2.2 full", &id));
    fixture.app.run_jobs().await;
    // Tried again, and held up before it leaves: what more comes back about it has to wait.
    fixture.act(&fixture.officer, "retryNotice", &notice).await;
    fixture.act(&fixture.officer, "pauseNotice", &notice).await;
    for index in 0..150 {
        maildir.put(
            &format!("1.{index:03}"),
            &report(&path, "failed", "5.2.2", &format!("552 5.2.2 full {index}"), &id),
        );
    }
    // And a mail that no database would take as it stands.
    maildir.put(
        "2.a",
        "From: x@y.example\nTo: return+x@returns.example\nIn-Reply-To: <a\u{0}b@x.example>\n\nx\n",
    );
    let (other, other_id) = sent(&sink)["p-001@school-001.example"].clone();
    maildir.put("3.a", &report(&other, "failed", "5.1.1", "550 5.1.1 no", &other_id));
    fixture.app.clock.advance(120);
    fixture.app.run_jobs().await;
    assert!(told(&history(&fixture, &notice, "p-001").await.1).starts_with("BOUNCED_HARD: "));
    assert_eq!(maildir.names("new").len(), 150);
    fixture.act(&fixture.officer, "resumeNotice", &notice).await;
    assert_eq!(fixture.send().await.accepted, 1);
    fixture.app.clock.advance(120);
    fixture.app.run_jobs().await;
    assert_eq!(maildir.names("new"), [""; 0]);
    let (_, node) = history(&fixture, &notice, "p-000").await;
    assert!(node["history"]["events"].as_array().unwrap().len() <= 101, "nobody reads more of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_comes_back_takes_nothing_from_a_call() {
    let (maildir, sink) = (Maildir::new(), Sink::start(&[]));
    let fixture = scene(&maildir, &sink).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    let (path, id) = sent(&sink)["p-000@school-001.example"].clone();
    maildir.put("1.a", &report(&path, "failed", "5.1.1", "550 5.1.1 no", &id));
    fixture.app.run_jobs().await;
    let message = history(&fixture, &notice, "p-000").await.0;
    let mutation = "mutation($input: RecordContactsInput!) { recordContacts(input: $input) {
        __typename ... on ChangedMessages { messages { state } } ... on Problem { code field message } } }";
    for kind in ["LETTER_SENT", "PHONE_REACHED", "LETTER_RETURNED"] {
        let input = json!({ "input": { "messageIds": [message], "kind": kind } });
        let answer = fixture.officer.gql_with(mutation, input).await;
        assert_eq!(
            answer["data"]["recordContacts"]["messages"][0]["state"], "TOLD_OTHERWISE",
            "{kind} {answer}"
        );
    }
    let input =
        json!({ "input": { "messageIds": [message], "kind": "PHONE_REACHED", "note": "090-1234-5678" } });
    let answer = fixture.officer.gql_with(mutation, input).await;
    assert_eq!(answer["data"]["recordContacts"]["message"], "holds an address or a long number", "{answer}");
}
