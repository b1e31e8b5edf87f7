//! What providers post, through the door: SendGrid and Postmark, and what is refused.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::fixture::Fixture;
use super::hooks_scene::{Sendgrid, audited, headers_of, lines, post};
use super::returns::{history, told};
use super::sink::Sink;

/// The mark in a header of SendGrid's.
fn mark_of(header: &str) -> String {
    let read: Value = serde_json::from_str(header).unwrap_or_else(|error| panic!("{error}: {header}"));
    assert_eq!(read["filters"]["bypass_list_management"]["settings"]["enable"], 1);
    read["unique_args"]["suimon"].as_str().expect("a mark").to_owned()
}

fn event(id: &str, mark: &str, rest: Value) -> Value {
    let mut event = json!({ "email": "somebody@school-001.example", "timestamp": 1_698_310_800, "sg_event_id": id, "suimon": mark });
    for (name, value) in rest.as_object().expect("fields") {
        event[name] = value.clone();
    }
    event
}

async fn scene(account: &Sendgrid, sink: &Sink) -> Fixture {
    let key = format!("mail.sendgrid_public_key={}", account.public_key());
    Fixture::sending_to(sink, &[&key, "mail.provider=sendgrid"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sendgrid_signs_is_recorded_once_and_moves_the_message_that_it_marks() {
    let (account, sink) = (Sendgrid::new(), Sink::start(&[]));
    let fixture = scene(&account, &sink).await;
    let revision = fixture.people(8).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 8);
    let sent = headers_of(&sink, "X-SMTPAPI");
    let mark = |person: &str| mark_of(&sent[person].0);
    let forged = format!("{}a", &mark("p-007")[..41]);
    let events = json!([
        event(
            "1",
            &mark("p-000"),
            json!({ "event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 <p-000@school-001.example> unknown", "bounce_classification": "Invalid Address", "smtp-id": sent["p-007"].1 })
        ),
        event(
            "2",
            &mark("p-001"),
            json!({ "event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 blocked" })
        ),
        event("3", &mark("p-002"), json!({ "event": "dropped", "reason": "Bounced Address" })),
        event(
            "4",
            &mark("p-003"),
            json!({ "event": "dropped", "reason": "Recipient List over Package Quota" })
        ),
        event(
            "5",
            &mark("p-004"),
            json!({ "event": "deferred", "response": "451 4.7.1 try again later", "attempt": "1" })
        ),
        event("6", &mark("p-004"), json!({ "event": "delivered", "response": "250 OK" })),
        event("7", &mark("p-005"), json!({ "event": "spamreport" })),
        // Nobody's mark; a mark that was never made, with the id of a mail that was; and no mark at all.
        event("8", "aaaa", json!({ "event": "bounce", "type": "bounce", "status": "5.1.1" })),
        event("9", &forged, json!({ "event": "dropped", "reason": "Invalid", "smtp-id": sent["p-006"].1 })),
        event("10", &mark("p-007"), json!({ "event": "open" })),
    ]);
    assert_eq!(account.post(&fixture.app, &events).await, 200);
    let people = ["p-000", "p-001", "p-002", "p-003", "p-004", "p-005", "p-006", "p-007"];
    let first = lines(&fixture, &notice, &people).await;
    insta::assert_snapshot!(first);
    let counted = audited(&fixture, "hook.count").await;
    assert_eq!(counted[0]["object"], "hook:sendgrid");
    assert!(counted[0].to_string().contains("not_ours"), "{counted:?}");
    // Once more, and in another order with others: it says nothing new.
    assert_eq!(account.post(&fixture.app, &events).await, 200);
    let again = json!([events[2].clone(), events[0].clone()]);
    assert_eq!(account.post(&fixture.app, &again).await, 200);
    assert_eq!(lines(&fixture, &notice, &people).await, first);
    let query = "query($id: ID!) { notice(id: $id) { counts { audience accepted bouncedSoft bouncedHard failed notReached }
        messages(first: 200) { nodes { recipient reason history { events { kind source sourceSha256 } } } } } }";
    let answer = fixture.officer.gql_with(query, json!({ "id": notice })).await;
    insta::assert_snapshot!(answer["data"]["notice"]["counts"]);
    let nodes = answer["data"]["notice"]["messages"]["nodes"].as_array().expect("messages").clone();
    for (person, reason) in [
        ("p-002", "the provider did not send it: the address is on its list of those that get nothing"),
        ("p-003", "the provider did not send it"),
    ] {
        let node = nodes.iter().find(|node| node["recipient"] == person).expect("a message");
        assert_eq!(node["reason"], reason);
        let events = node["history"]["events"].as_array().expect("events");
        assert!(events[0]["source"].is_null(), "{node}");
        assert_eq!(events[1]["source"], "sendgrid");
        assert_eq!(events[1]["sourceSha256"].as_str().map(str::len), Some(64));
    }
    // Off the provider's list, it is tried again.
    assert_eq!(fixture.act(&fixture.officer, "retryNotice", &notice).await["state"], "APPROVED");
    assert_eq!(fixture.send().await.accepted, 4);
    let (_, node) = history(&fixture, &notice, "p-002").await;
    assert!(told(&node).starts_with("ACCEPTED: "), "{}", told(&node));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_the_provider_changes_nothing() {
    let (account, other, sink) = (Sendgrid::new(), Sendgrid::new(), Sink::start(&[]));
    let fixture = scene(&account, &sink).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    let mark = mark_of(&headers_of(&sink, "X-SMTPAPI")["p-000"].0);
    let app = &fixture.app;
    let body = json!([event("1", &mark, json!({ "event": "dropped", "reason": "Invalid" }))]).to_string();
    let now = app.now().as_second();
    let send = async |signature: &str, at: &str, body: &str| {
        let names = ["X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"];
        let both = [(names[0], signature), (names[1], at)];
        let headers: Vec<_> = both.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        post(app, "sendgrid", &headers, body).await
    };
    let at = now.to_string();
    let right = account.sign(&at, &body);
    let old = (now - 26 * 3600).to_string();
    let ahead = (now + 600).to_string();
    for (signature, at, body) in [
        // First, because what comes first is counted first.
        (right.as_str(), at.as_str(), body.replace("Invalid", "invalid").as_str()),
        ("", &at, &body),
        (&right, "", &body),
        (&right, &at, &format!("{body}\n")),
        (&right, &(now + 1).to_string(), &body),
        (&other.sign(&at, &body), &at, &body),
        (&account.sign(&old, &body), &old, &body),
        (&account.sign(&ahead, &body), &ahead, &body),
        ("AAAA", &at, &body),
    ] {
        assert_eq!(send(signature, at, body).await, 403, "{at} {body}");
    }
    assert_eq!(send(&right, &at, &"x".repeat((1 << 20) + 1)).await, 413);
    assert_eq!(app.http.get(format!("{}/hooks/sendgrid", app.url)).send().await.unwrap().status(), 405);
    // Those that are not configured are not there.
    for provider in ["ses", "postmark", "other", ""] {
        assert_eq!(post(app, provider, &[], "{}").await, 404, "{provider}");
    }
    let (_, node) = history(&fixture, &notice, "p-000").await;
    assert_eq!(told(&node), "ACCEPTED: ACCEPTED 250");
    let counted = audited(&fixture, "hook.count").await;
    let said = counted.iter().map(Value::to_string).collect::<String>();
    assert!(said.contains("wrongly signed") && said.contains("\"allowed\":false"), "{said}");
    assert!(!said.contains("school-001") && !said.contains(&mark), "{said}");
    // A flood of them is held off, and the provider is not.
    let mut held_off = false;
    for _ in 0..30 {
        held_off |= send("AAAA", &at, &body).await == 429;
    }
    assert!(held_off);
    assert_eq!(send(&right, &at, &body).await, 200);
    let (_, node) = history(&fixture, &notice, "p-000").await;
    assert!(told(&node).starts_with("FAILED: "), "{}", told(&node));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_now_is_asked_for_again() {
    let (account, sink) = (Sendgrid::new(), Sink::start(&[]));
    let fixture = scene(&account, &sink).await;
    let revision = fixture.people(2).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    let sent = headers_of(&sink, "X-SMTPAPI");
    let bounce = |id: &str, person: &str| {
        event(
            id,
            &mark_of(&sent[person].0),
            json!({ "event": "bounce", "type": "bounce", "status": "5.1.1" }),
        )
    };
    let both = json!([bounce("1", "p-000"), bounce("2", "p-001")]);
    let run = async |statement: &str| {
        fixture.database.execute_unprepared(statement).await.expect("a statement");
    };
    // One is still being written down: the other one does not wait for it.
    run("UPDATE message SET state = 'sending' WHERE recipient = 'p-000'").await;
    assert_eq!(account.post(&fixture.app, &both).await, 503);
    let told_of = async |person: &str| told(&history(&fixture, &notice, person).await.1);
    assert_eq!(told_of("p-000").await, "SENDING: ACCEPTED 250");
    assert_eq!(told_of("p-001").await, "BOUNCED_HARD: ACCEPTED 250, BOUNCED_HARD 5.1.1");
    run("UPDATE message SET state = 'accepted' WHERE recipient = 'p-000'").await;
    // The database does not do its work.
    run("ALTER TABLE message_event RENAME TO message_event_away").await;
    assert_eq!(account.post(&fixture.app, &both).await, 503);
    run("ALTER TABLE message_event_away RENAME TO message_event").await;
    assert_eq!(account.post(&fixture.app, &both).await, 200);
    assert_eq!(told_of("p-000").await, "BOUNCED_HARD: ACCEPTED 250, BOUNCED_HARD 5.1.1");
    assert_eq!(told_of("p-001").await, "BOUNCED_HARD: ACCEPTED 250, BOUNCED_HARD 5.1.1");
    // About an attempt before this one: recorded, and what waits goes on waiting.
    fixture.act(&fixture.officer, "retryNotice", &notice).await;
    fixture.act(&fixture.officer, "pauseNotice", &notice).await;
    assert_eq!(account.post(&fixture.app, &json!([bounce("3", "p-000")])).await, 200);
    assert!(told_of("p-000").await.starts_with("QUEUED: "));
}

const SECRET: &str = "made-up-secret-of-a-test";

#[tokio::test(flavor = "multi_thread")]
async fn postmark_knows_the_secret_and_its_list_is_shown() {
    let sink = Sink::start(&[]);
    let secret = format!("mail.postmark_secret={SECRET}");
    let fixture = Fixture::sending_to(&sink, &[&secret, "mail.provider=postmark"]).await;
    let revision = fixture.people(4).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 4);
    let marks = headers_of(&sink, "X-PM-Metadata-suimon");
    assert!(headers_of(&sink, "X-PM-TrackLinks").values().all(|(value, _)| value == "None"));
    let said = |person: &str, rest: Value| {
        let mut said = json!({ "RecordType": "Bounce", "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "ID": 42,
            "Email": format!("{person}@school-001.example"), "BouncedAt": "2023-10-26T18:00:02.2735393+09:00",
            "Metadata": { "suimon": marks[person].0 } });
        for (name, value) in rest.as_object().expect("fields") {
            said[name] = value.clone();
        }
        said.to_string()
    };
    let app = &fixture.app;
    let inactive = json!({ "Type": "SMTPApiError", "ID": 1, "Details": "Error 406: p-000@school-001.example is inactive" });
    let body = said("p-000", inactive);
    assert_eq!(post(app, "postmark", &[], body.clone()).await, 403);
    assert_eq!(
        post(app, "postmark", &[("X-Suimon-Secret", "made-up-secret-of-a-tesT")], body.clone()).await,
        403
    );
    assert_eq!(told(&history(&fixture, &notice, "p-000").await.1), "ACCEPTED: ACCEPTED 250");
    let knows = [("X-Suimon-Secret", SECRET)];
    assert_eq!(post(app, "postmark", &knows, body.clone()).await, 200);
    assert_eq!(post(app, "postmark", &knows, body).await, 200);
    let hard = said("p-001", json!({ "Type": "HardBounce", "Details": "smtp;550 5.1.1 unknown", "ID": 2 }));
    let answer = app.http.post(format!("{}/hooks/postmark", app.url)).basic_auth("postmark", Some(SECRET));
    assert_eq!(answer.body(hard).send().await.unwrap().status(), 200);
    for body in [
        said("p-002", json!({ "RecordType": "SpamComplaint", "ID": 3 })),
        said("p-003", json!({ "RecordType": "Delivery", "DeliveredAt": "2023-10-26T18:00:02+09:00" })),
        said("p-003", json!({ "RecordType": "Open" })),
        "not JSON".to_owned(),
    ] {
        assert_eq!(post(app, "postmark", &knows, body).await, 200);
    }
    insta::assert_snapshot!(lines(&fixture, &notice, &["p-000", "p-001", "p-002", "p-003"]).await);
    let counted = audited(&fixture, "hook.count").await;
    assert_eq!(counted[0]["object"], "hook:postmark");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_no_mail_has_its_headers() {
    let sink = Sink::start(&[]);
    let fixture = Fixture::sending_to(&sink, &[]).await;
    let revision = fixture.people(1).await;
    fixture.approved(revision).await;
    fixture.send().await;
    let source = sink.mails().remove(0).source.to_ascii_lowercase();
    for name in ["x-ses-", "x-smtpapi", "x-pm-"] {
        assert!(!source.contains(name), "{name}");
    }
    for provider in ["ses", "sendgrid", "postmark"] {
        assert_eq!(post(&fixture.app, provider, &[], "{}").await, 404, "{provider}");
    }
}
