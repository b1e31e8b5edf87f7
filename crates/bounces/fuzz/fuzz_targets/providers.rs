//! What is posted as a provider's words is written by anybody until its signature is checked, and quotes strangers after that: none may
//! make the readers panic or hang, nothing unsigned may pass for signed, and no word may be taken for a mark that was never made.
#![no_main]

use std::sync::LazyLock;

use bounces::ReturnPath;
use bounces::providers::{Certificate, Report, limits, postmark, sendgrid, ses};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static PATHS: LazyLock<ReturnPath> =
    LazyLock::new(|| ReturnPath::new([7; 32], "return", "mail.example.jp").unwrap());

static CERTIFICATES: LazyLock<Vec<Certificate>> =
    LazyLock::new(|| Certificate::read(include_bytes!("../../tests/webhooks/sns.pem")).unwrap());

fn check(reports: Vec<Report>) {
    assert!(reports.len() <= limits::EVENTS);
    for report in reports {
        assert!(report.id.len() == 64 && report.marks.len() <= limits::MARKS);
        for word in report.marks.iter().chain(&report.about) {
            assert!(word.len() <= limits::WORD && !word.contains('\0'));
            assert_eq!(PATHS.message_of(word).or(PATHS.message_of_token(word)), None, "nobody has the key");
        }
    }
}

fn read(bytes: &[u8], now: Timestamp) {
    sendgrid::parse(bytes).into_iter().for_each(check);
    postmark::parse(bytes).into_iter().for_each(check);
    let Ok(envelope) = ses::Envelope::read(bytes) else { return };
    for place in [ses::Place::Amazon, ses::Place::Other("http://127.0.0.1:4566".to_owned())] {
        let _ = envelope.certificate_url(&place);
        if let Ok(ses::Kind::Notification(reports)) = envelope.kind(&place) {
            check(reports);
        }
    }
    assert!(envelope.verify(&CERTIFICATES, now).is_err(), "nobody has the key");
}

fuzz_target!(|data: &[u8]| {
    let now = Timestamp::from_second(1_793_523_700).unwrap();
    read(data, now);
    let _ = Certificate::read(data);
    let (head, rest) = data.split_at(data.len().min(24));
    assert!(postmark::verify(Some(head), Some(rest), "a secret that is longer than both").is_err());
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let _ = sendgrid::Key::read(text);
    ses::parse(text).into_iter().for_each(check);
    // The forms themselves, with strangers' words in each place.
    let word = String::from_utf8_lossy(head);
    let mail = json!({ "messageId": text, "source": text, "headers": [{ "name": "X-SES-MESSAGE-TAGS", "value": text },
        { "name": word, "value": text }], "tags": { "suimon": [word, text] }, "commonHeaders": { "messageId": text } });
    let bounce = json!({ "bounceType": word, "bounceSubType": word, "feedbackId": text, "timestamp": word,
        "bouncedRecipients": [{ "status": word, "diagnosticCode": text }] });
    let said = json!({ "eventType": "Bounce", "bounce": bounce, "mail": mail }).to_string();
    let topic = "arn:aws:sns:x:1:y";
    for kind in ["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation", &word] {
        let envelope = json!({ "Type": kind, "MessageId": word, "TopicArn": topic, "Message": said, "Timestamp": word,
            "SignatureVersion": "1", "Signature": text, "SigningCertURL": text, "SubscribeURL": text, "Token": word });
        read(envelope.to_string().as_bytes(), now);
    }
    for event in ["bounce", "dropped", "deferred"] {
        let event = json!([{ "event": event, "reason": text, "response": text, "status": word, "type": word,
            "bounce_classification": word, "smtp-id": text, "suimon": text, "sg_event_id": text }]);
        read(event.to_string().as_bytes(), now);
    }
    let post = json!({ "RecordType": "Bounce", "Type": word, "Details": text, "MessageID": text, "BouncedAt": word,
        "Metadata": { "suimon": text } });
    read(post.to_string().as_bytes(), now);
});
