//! What SES says through SNS, through the door.

use serde_json::{Value, json};

use super::fixture::Fixture;
use super::hooks_scene::{Sns, TOPIC, audited, headers_of, lines, post, ses_bounce};
use super::returns::{history, told};
use super::sink::Sink;

/// A mail as SES describes it, with its tags.
fn tagged(mark: &str) -> Value {
    json!({ "messageId": "0106-1", "source": "notice@suimon.example", "tags": { "suimon": [mark] } })
}

fn mark_of(header: &str) -> String {
    header.strip_prefix("suimon=").expect("a tag").to_owned()
}

async fn scene(sns: &Sns, sink: &Sink, more: &[&str]) -> Fixture {
    let topic = format!("mail.ses_topic={TOPIC}");
    let file = format!("mail.ses_certificate_file={}", sns.certificate());
    let mut all = vec!["mail.provider=ses", topic.as_str(), file.as_str()];
    all.extend(more);
    Fixture::sending_to(sink, &all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ses_says_through_our_topic_moves_the_message_that_it_marks() {
    let (sns, sink) = (Sns::new(), Sink::start(&[]));
    let maildir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(maildir.path().join("new")).expect("a maildir");
    let place = format!("mail.return_maildir={}", maildir.path().display());
    let more = [&place, "mail.return_domain=returns.example", "mail.ses_configuration_set=notices"];
    let fixture = scene(&sns, &sink, &more).await;
    let revision = fixture.people(7).await;
    let notice = fixture.approved(revision).await;
    assert_eq!(fixture.send().await.accepted, 7);
    let tags = headers_of(&sink, "X-SES-MESSAGE-TAGS");
    let sets = headers_of(&sink, "X-SES-CONFIGURATION-SET");
    assert!(sets.values().all(|(set, _)| set == "notices"), "{sets:?}");
    let paths = headers_of(&sink, "X-Mail-Args");
    let mark = |person: &str| mark_of(&tags[person].0);
    let app = &fixture.app;
    let (permanent, transient) = (["Permanent", "General"], ["Transient", "MailboxFull"]);
    let listed = ["Permanent", "OnAccountSuppressionList"];
    assert_eq!(sns.notify(app, &ses_bounce("a", permanent, "5.1.1", tagged(&mark("p-000")))).await, 200);
    // A notification has no tags; the return path is there, and the headers.
    let path = paths["p-001"].0.trim_matches(['<', '>']).to_owned();
    let by_path = json!({ "messageId": "0106-2", "source": path });
    assert_eq!(sns.notify(app, &ses_bounce("b", transient, "5.2.2", by_path)).await, 200);
    let by_header = json!({ "messageId": "0106-3", "headers": [
        { "name": "X-SES-MESSAGE-TAGS", "value": tags["p-002"].0 } ] });
    assert_eq!(sns.notify(app, &ses_bounce("c", listed, "5.1.1", by_header)).await, 200);
    let complaint = json!({ "notificationType": "Complaint", "mail": tagged(&mark("p-003")),
        "complaint": { "feedbackId": "d", "complaintSubType": "OnAccountSuppressionList" } });
    assert_eq!(sns.notify(app, &complaint).await, 200);
    let delivery = json!({ "eventType": "Delivery", "mail": tagged(&mark("p-004")),
        "delivery": { "timestamp": "2023-10-26T09:00:00.000Z", "smtpResponse": "250 OK" } });
    assert_eq!(sns.notify(app, &delivery).await, 200);
    // By its Message-ID alone.
    let id = &tags["p-005"].1;
    let by_id = json!({ "messageId": "0106-4", "commonHeaders": { "messageId": id } });
    assert_eq!(sns.notify(app, &ses_bounce("e", permanent, "5.1.1", by_id)).await, 200);
    // About nobody.
    assert_eq!(sns.notify(app, &ses_bounce("f", permanent, "5.1.1", tagged("aaaa"))).await, 200);
    // The old signature, with SHA-1; and the same bounce as the other form tells it.
    let mut other = ses_bounce("a", permanent, "5.1.1", tagged(&mark("p-000")));
    other["notificationType"] = other["eventType"].take();
    let old = sns.envelope(app.now(), "Notification", &other.to_string(), |envelope| {
        envelope["SignatureVersion"] = "1".into();
        envelope["Subject"] = "Amazon SES Email Event Notification".into();
    });
    assert_eq!(post(app, "ses", &[], old.to_string()).await, 200);
    let people = ["p-000", "p-001", "p-002", "p-003", "p-004", "p-005", "p-006"];
    insta::assert_snapshot!(lines(&fixture, &notice, &people).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_topic_and_another_signature_change_nothing() {
    let (sns, other, sink) = (Sns::new(), Sns::new(), Sink::start(&[]));
    let fixture = scene(&sns, &sink, &[]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    let mark = mark_of(&headers_of(&sink, "X-SES-MESSAGE-TAGS")["p-000"].0);
    let said = ses_bounce("a", ["Permanent", "General"], "5.1.1", tagged(&mark)).to_string();
    let (app, now) = (&fixture.app, fixture.app.now());
    let sign = |change: &dyn Fn(&mut Value)| sns.envelope(now, "Notification", &said, change);
    let mut altered = sign(&|_| {});
    altered["Message"] = altered["Message"].as_str().unwrap().replace("5.1.1", "5.1.2").into();
    let far = |host: &str| {
        let url = format!("https://{host}/SimpleNotificationService-0a1b2c.pem");
        sign(&|envelope: &mut Value| envelope["SigningCertURL"] = url.as_str().into())
    };
    let day = jiff::SignedDuration::from_hours(26);
    let wrong = [
        ("altered", altered),
        ("by another key", other.envelope(now, "Notification", &said, |_| {})),
        ("of another topic", sign(&|envelope| envelope["TopicArn"] = format!("{TOPIC}-2").into())),
        ("old", sns.envelope(now - day, "Notification", &said, |_| {})),
        ("certificate elsewhere", far("sns.ap-northeast-1.amazonaws.com.evil.example")),
        ("certificate of a bucket", far("s3.ap-northeast-1.amazonaws.com")),
        ("unknown signature", sign(&|envelope| envelope["SignatureVersion"] = "3".into())),
        ("of another kind", sign(&|envelope| envelope["Type"] = "Other".into())),
        ("nothing", json!({})),
    ];
    for (name, envelope) in wrong {
        assert_eq!(post(app, "ses", &[], envelope.to_string()).await, 403, "{name}");
    }
    assert_eq!(told(&history(&fixture, &notice, "p-000").await.1), "ACCEPTED: ACCEPTED 250");
    let counted = audited(&fixture, "hook.count").await;
    let said_so = counted.iter().map(Value::to_string).collect::<String>();
    assert!(said_so.contains("refused") && !said_so.contains("school"), "{said_so}");
    assert_eq!(post(app, "ses", &[], sign(&|_| {}).to_string()).await, 200);
    assert!(told(&history(&fixture, &notice, "p-000").await.1).starts_with("BOUNCED_HARD: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_topic_is_confirmed_and_its_certificate_asked_for_once() {
    let (mut sns, sink) = (Sns::new(), Sink::start(&[]));
    let asked = sns.listen();
    let (topic, place) = (format!("mail.ses_topic={TOPIC}"), format!("mail.ses_endpoint={}", sns.place));
    let fixture = Fixture::sending_to(&sink, &["mail.provider=ses", &topic, &place]).await;
    let revision = fixture.people(1).await;
    let notice = fixture.approved(revision).await;
    fixture.send().await;
    let (app, now) = (&fixture.app, fixture.app.now());
    let confirm = |change: &dyn Fn(&mut Value)| {
        sns.envelope(now, "SubscriptionConfirmation", "You have chosen to subscribe.", change)
    };
    let other_topic = confirm(&|envelope| envelope["TopicArn"] = format!("{TOPIC}-2").into());
    assert_eq!(post(app, "ses", &[], other_topic.to_string()).await, 403);
    let elsewhere = confirm(&|envelope| {
        envelope["SigningCertURL"] =
            "https://sns.ap-northeast-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem".into();
    });
    assert_eq!(post(app, "ses", &[], elsewhere.to_string()).await, 403);
    assert_eq!(*asked.lock().unwrap(), [""; 0], "nothing is asked for what is not ours");
    let leads_away = confirm(&|envelope| {
        envelope["SubscribeURL"] = "http://127.0.0.1:9/?Action=ConfirmSubscription&Token=1".into();
    });
    assert_eq!(post(app, "ses", &[], leads_away.to_string()).await, 403);
    assert_eq!(post(app, "ses", &[], confirm(&|_| {}).to_string()).await, 200);
    let mark = mark_of(&headers_of(&sink, "X-SES-MESSAGE-TAGS")["p-000"].0);
    let bounce = ses_bounce("a", ["Permanent", "General"], "5.1.1", tagged(&mark));
    assert_eq!(sns.notify(app, &bounce).await, 200);
    let ended = sns.envelope(now, "UnsubscribeConfirmation", "You have chosen to deactivate.", |_| {});
    assert_eq!(post(app, "ses", &[], ended.to_string()).await, 200);
    assert!(told(&history(&fixture, &notice, "p-000").await.1).starts_with("BOUNCED_HARD: "));
    let confirmation = format!("/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37");
    assert_eq!(*asked.lock().unwrap(), ["/SimpleNotificationService-0a1b2c.pem", confirmation.as_str()]);
    assert_eq!(audited(&fixture, "hook.subscribed").await.len(), 1);
    assert_eq!(audited(&fixture, "hook.ended").await.len(), 1);
    // Another certificate, that cannot be had: to be posted again.
    let gone = sns.envelope(now, "Notification", &bounce.to_string(), |envelope| {
        envelope["SigningCertURL"] = format!("{}/SimpleNotificationService-ffff.pem", sns.place).into();
    });
    assert_eq!(post(app, "ses", &[], gone.to_string()).await, 503);
}
