//! What providers post. The forms are those of their documentation; addresses, names and numbers are made up. The envelopes of SNS were
//! signed once by a key that nobody has any more.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bounces::ReturnPath;
use bounces::providers::{Certificate, Event, Refused, Report, limits, postmark, sendgrid, ses};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:notices";
const CERTIFICATE: &[u8] = include_bytes!("../webhooks/sns.pem");
const CONFIRMATION: &str = include_str!("../webhooks/sns-confirmation.json");

macro_rules! envelopes {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("../webhooks/", $name, ".json")))),+] };
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn line(report: &Report) -> String {
    let event = match report.event {
        Event::Withheld(why) => format!("withheld, {}", why.as_str()),
        event => format!("{event:?}"),
    };
    let code = report.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
    let reply = report.reply.map_or_else(|| "-".to_owned(), |reply| reply.to_string());
    let marks = report.marks.len();
    let about = report.about.as_deref().unwrap_or("-");
    format!("{event}; {code} {reply}; {marks} marks, about {about}; {}", report.at.unwrap_or_default())
}

#[test]
fn what_ses_says_is_understood_in_both_forms() {
    let mut told = String::new();
    let messages = envelopes![
        "ses-bounce-notification",
        "ses-bounce-event",
        "ses-full",
        "ses-policy",
        "ses-permanent-without-code",
        "ses-undetermined",
        "ses-suppressed",
        "ses-account-list",
        "ses-unsubscribed",
        "ses-complaint",
        "ses-complaint-list",
        "ses-delivery",
        "ses-delay",
        "ses-reject",
        "ses-open",
    ];
    let mut ids = Vec::new();
    for (name, message) in messages {
        let reports = ses::parse(message).unwrap();
        told.push_str(&format!("{name}: {}\n", reports.iter().map(line).collect::<String>()));
        ids.extend(reports.into_iter().map(|report| report.id));
    }
    insta::assert_snapshot!(told);
    assert_eq!(ids[0], ids[1], "one bounce, told in both forms");
    ids.remove(0);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn what_sendgrid_says_is_understood() {
    let reports = sendgrid::parse(include_bytes!("../webhooks/sendgrid.json")).unwrap();
    insta::assert_snapshot!(reports.iter().map(line).collect::<Vec<_>>().join("\n"));
    let ids: std::collections::BTreeSet<_> = reports.iter().map(|report| &report.id).collect();
    assert_eq!(ids.len(), reports.len());
}

#[test]
fn what_postmark_says_is_understood() {
    let posts: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../webhooks/postmark.json")).unwrap();
    let mut told = String::new();
    for post in posts {
        let reports = postmark::parse(post.to_string().as_bytes()).unwrap();
        let kind = post["Type"].as_str().or(post["SuppressionReason"].as_str()).unwrap_or("-");
        told.push_str(&format!("{} {kind}: ", post["RecordType"].as_str().unwrap()));
        told.push_str(&format!("{}\n", reports.iter().map(line).collect::<String>()));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn no_report_holds_an_address_or_a_servers_words() {
    let mut all = sendgrid::parse(include_bytes!("../webhooks/sendgrid.json")).unwrap();
    all.extend(ses::parse(include_str!("../webhooks/ses-bounce-event.json")).unwrap());
    for report in all {
        let told = format!("{report:?}");
        assert!(!told.contains("hanako") && !told.contains("school.example"), "{told}");
        assert!(!told.contains("exist") && !told.contains("unknown"), "{told}");
    }
}

fn envelope(text: &str) -> ses::Envelope {
    ses::Envelope::read(text.as_bytes()).unwrap()
}

#[test]
fn an_envelope_is_taken_from_the_one_topic_that_signed_it() {
    let certificates = Certificate::read(CERTIFICATE).unwrap();
    let now = at("2026-11-01T09:01:00Z");
    let all = envelopes!["sns-1", "sns-2", "sns-greeting", "sns-confirmation", "sns-ended"];
    for (name, text) in all {
        let envelope = envelope(text);
        assert_eq!(envelope.check(TOPIC, now), Ok(()), "{name}");
        assert!(envelope.certificate_url(&ses::Place::Amazon).is_ok(), "{name}");
        assert_eq!(envelope.verify(&certificates, now), Ok(()), "{name}");
        let kind = envelope.kind(&ses::Place::Amazon).unwrap();
        let right = match (name, kind) {
            ("sns-1" | "sns-2", ses::Kind::Notification(reports)) => reports.len() == 1,
            ("sns-greeting", ses::Kind::Notification(reports)) => reports.is_empty(),
            ("sns-confirmation", ses::Kind::Confirmation(url)) => url.ends_with("&Token=2336412f37"),
            (name, ses::Kind::Ended) => name == "sns-ended",
            _ => false,
        };
        assert!(right, "{name}");
        assert_eq!(
            envelope.check("arn:aws:sns:ap-northeast-1:123456789012:other", now),
            Err(Refused::WrongTopic)
        );
        assert_eq!(envelope.check("", now), Err(Refused::WrongTopic));
        assert_eq!(envelope.check(TOPIC, now + SignedDuration::from_hours(26)), Err(Refused::WrongTime));
        assert_eq!(envelope.check(TOPIC, now - SignedDuration::from_mins(10)), Err(Refused::WrongTime));
        let later = at("2099-06-01T00:00:00Z");
        assert_eq!(envelope.verify(&certificates, later), Err(Refused::WrongSignature), "it has run out");
        assert_eq!(envelope.verify(&[], now), Err(Refused::WrongSignature));
    }
}

#[test]
fn whatever_is_changed_in_an_envelope_breaks_its_signature() {
    let certificates = Certificate::read(CERTIFICATE).unwrap();
    let now = at("2026-11-01T09:01:00Z");
    for (text, fields) in [
        (
            include_str!("../webhooks/sns-1.json"),
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn"][..],
        ),
        (CONFIRMATION, &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn"][..]),
    ] {
        for field in fields {
            let mut changed: serde_json::Value = serde_json::from_str(text).unwrap();
            let value = changed[field].as_str().unwrap().replacen('1', "2", 1);
            changed[field] = serde_json::json!(format!("{value} "));
            let changed = envelope(&changed.to_string());
            assert_eq!(changed.verify(&certificates, now), Err(Refused::WrongSignature), "{field}");
        }
    }
    let swapped = include_str!("../webhooks/sns-2.json")
        .replace("\"SignatureVersion\": \"2\"", "\"SignatureVersion\": \"1\"");
    assert_eq!(envelope(&swapped).verify(&certificates, now), Err(Refused::WrongSignature));
    let other = swapped.replace("\"Type\": \"Notification\"", "\"Type\": \"Other\"");
    assert_eq!(envelope(&other).verify(&certificates, now), Err(Refused::Unreadable));
    // The second of two fields of a name would be read by some and signed by others.
    let twice = swapped.replacen('{', "{\"Message\": \"x\",", 1);
    assert!(ses::Envelope::read(twice.as_bytes()).is_err());
}

#[test]
fn certificates_and_confirmations_lie_with_sns_alone() {
    let own = ses::Place::Other("http://127.0.0.1:4566".to_owned());
    let with = |field: &str, url: &str| {
        let mut changed: serde_json::Value = serde_json::from_str(CONFIRMATION).unwrap();
        changed[field] = serde_json::json!(url);
        envelope(&changed.to_string())
    };
    let name = "SimpleNotificationService-0a1b.pem";
    for good in
        ["sns.us-east-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn", "sns.us-gov-west-1.amazonaws.com"]
    {
        let url = format!("https://{good}/{name}");
        assert!(with("SigningCertURL", &url).certificate_url(&ses::Place::Amazon).is_ok(), "{good}");
        assert!(with("SigningCertURL", &url).certificate_url(&own).is_err());
    }
    for wrong in [
        format!("http://sns.us-east-1.amazonaws.com/{name}"),
        format!("https://sns.us-east-1.amazonaws.com.evil.example/{name}"),
        format!("https://sns.us-east-1.evil.example/{name}"),
        format!("https://sns.evil.example/x.amazonaws.com/{name}"),
        format!("https://evil.example/sns.us-east-1.amazonaws.com/{name}"),
        format!("https://sns.us-east-1.amazonaws.com:8443/{name}"),
        format!("https://sns.us-east-1.amazonaws.com@evil.example/{name}"),
        format!("https://user@sns.us-east-1.amazonaws.com/{name}"),
        format!("https://sns.a.b.amazonaws.com/{name}"),
        format!("https://s3.us-east-1.amazonaws.com/{name}"),
        format!("https://sns.us-east-1.amazonaws.com\\@evil.example/{name}"),
        format!("https://sns.us-east-1.amazonaws.com/evil/../{name}"),
        format!("https://sns.us-east-1.amazonaws.com/{name}?x"),
        format!("https://sns.us-east-1.amazonaws.com/{name}#x"),
        "https://sns.us-east-1.amazonaws.com/?Action=Publish&x=SimpleNotificationService-0.pem".to_owned(),
        "https://sns.us-east-1.amazonaws.com/evil.pem".to_owned(),
        String::new(),
    ] {
        let refused = with("SigningCertURL", &wrong).certificate_url(&ses::Place::Amazon).map(str::to_owned);
        assert_eq!(refused, Err(Refused::WrongPlace), "{wrong}");
    }
    assert!(with("SigningCertURL", &format!("http://127.0.0.1:4566/{name}")).certificate_url(&own).is_ok());
    assert!(with("SigningCertURL", &format!("http://127.0.0.1:45667/{name}")).certificate_url(&own).is_err());
    for wrong in [
        "https://evil.example/?Action=ConfirmSubscription&Token=1",
        "https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&Token=1",
        "https://sns.us-east-1.amazonaws.com/",
    ] {
        let kind = with("SubscribeURL", wrong).kind(&ses::Place::Amazon);
        assert_eq!(kind, Err(Refused::WrongPlace), "{wrong}");
    }
}

struct Account(EcdsaKeyPair);

impl Account {
    fn new() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap())
    }

    fn shown(&self) -> String {
        // RFC 5480: what stands before the point of every P-256 key.
        let mut der = hex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
        der.extend_from_slice(self.0.public_key().as_ref());
        STANDARD.encode(der)
    }

    fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        let signed = [timestamp.as_bytes(), body].concat();
        STANDARD.encode(self.0.sign(&SystemRandom::new(), &signed).unwrap())
    }
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn sendgrids_signature_covers_the_time_and_every_byte() {
    let (account, other) = (Account::new(), Account::new());
    let key = sendgrid::Key::read(&account.shown()).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", account.shown());
    assert!(sendgrid::Key::read(&pem).is_ok());
    let body = include_bytes!("../webhooks/sendgrid.json");
    let now = Timestamp::from_second(1_793_523_700).unwrap();
    let check = |signature: &str, timestamp: &str, body: &[u8]| {
        key.verify(Some(signature.as_bytes()), Some(timestamp.as_bytes()), body, now)
    };
    let timestamp = "1793523650";
    let right = account.sign(timestamp, body);
    assert_eq!(check(&right, timestamp, body), Ok(()));
    assert_eq!(check(&right, "1793523651", body), Err(Refused::WrongSignature));
    assert_eq!(check(&right, timestamp, body.trim_ascii_end()), Err(Refused::WrongSignature));
    assert_eq!(check(&other.sign(timestamp, body), timestamp, body), Err(Refused::WrongSignature));
    assert_eq!(check("AAAA", timestamp, body), Err(Refused::WrongSignature));
    assert_eq!(check("?", timestamp, body), Err(Refused::WrongSignature));
    for wrong in ["1793433600", "1793524100", "-1", "", "9223372036854775807", "99999999999999999999", "now"]
    {
        assert_eq!(check(&account.sign(wrong, body), wrong, body), Err(Refused::WrongTime), "{wrong}");
    }
    assert_eq!(key.verify(None, Some(b"1"), body, now), Err(Refused::Unsigned));
    assert_eq!(key.verify(Some(right.as_bytes()), None, body, now), Err(Refused::Unsigned));
    for wrong in ["", "MFkw", "?", &STANDARD.encode([0x30; 91]), &account.shown()[..80]] {
        assert!(sendgrid::Key::read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn postmark_is_who_knows_the_secret() {
    let secret = "correct horse battery staple";
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let check = |authorization: Option<&str>, header: Option<&str>| {
        postmark::verify(authorization.map(str::as_bytes), header.map(str::as_bytes), secret)
    };
    assert_eq!(check(Some(&basic("postmark:correct horse battery staple")), None), Ok(()));
    assert_eq!(check(Some(&basic("a:correct horse battery staple").replace("Basic", "bASIC")), None), Ok(()));
    assert_eq!(check(None, Some(secret)), Ok(()));
    assert_eq!(check(Some(&basic("a:b")), Some(secret)), Ok(()));
    assert_eq!(check(None, None), Err(Refused::Unsigned));
    for (authorization, header) in [
        (Some(basic("a:correct horse battery stapl")), None),
        (Some(basic("correct horse battery staple:")), None),
        (Some(basic("correct horse battery staple")), None),
        (Some(format!("Bearer {secret}")), None),
        (Some("Basic".to_owned()), None),
        (Some("Basic ?".to_owned()), Some("")),
        (None, Some("")),
        (None, Some("correct horse battery staple ")),
    ] {
        assert_eq!(
            check(authorization.as_deref(), header),
            Err(Refused::WrongSignature),
            "{authorization:?}"
        );
    }
    assert_eq!(postmark::verify(Some(b"Basic Og=="), Some(b""), ""), Err(Refused::WrongSignature));
}

#[test]
fn what_is_large_or_strange_is_refused() {
    let large = vec![b' '; limits::BYTES + 1];
    assert_eq!(sendgrid::parse(&large), Err(Refused::TooLarge));
    assert_eq!(postmark::parse(&large), Err(Refused::TooLarge));
    assert_eq!(ses::Envelope::read(&large).err(), Some(Refused::TooLarge));
    let many = format!("[{}1]", "1,".repeat(limits::EVENTS));
    assert_eq!(sendgrid::parse(many.as_bytes()), Err(Refused::TooLarge));
    let deep = "[".repeat(100_000);
    assert_eq!(sendgrid::parse(deep.as_bytes()), Err(Refused::Unreadable));
    assert_eq!(postmark::parse(b"[]"), Err(Refused::Unreadable));
    assert_eq!(ses::parse("hello"), Err(Refused::Unreadable));
    let long = format!(
        "[{{\"event\":\"dropped\",\"suimon\":\"{}\",\"smtp-id\":\"<a\\u0000b>\"}}]",
        "a".repeat(2_000)
    );
    let report = sendgrid::parse(long.as_bytes()).unwrap().remove(0);
    assert_eq!((report.marks.len(), report.about), (0, None));
}

#[test]
fn a_mark_is_the_word_of_the_return_path() {
    let paths = ReturnPath::new([7; 32], "return", "mail.example.jp").unwrap();
    let token = paths.token([5; 16], 0);
    assert_eq!(paths.address([5; 16], 0), format!("return+{token}@mail.example.jp"));
    assert_eq!(paths.message_of_token(&token), Some(([5; 16], Some(0))));
    assert_eq!(paths.message_of_token(&token.to_uppercase()), Some(([5; 16], Some(0))));
    let other = ReturnPath::new([8; 32], "return", "mail.example.jp").unwrap();
    assert_eq!(other.message_of_token(&token), None);
    assert!(token.bytes().all(|letter| letter.is_ascii_alphanumeric()) && token.len() <= 80);
}

proptest! {
    #[test]
    fn nothing_makes_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0..1_100_usize) {
        let _ = sendgrid::parse(&bytes);
        let _ = postmark::parse(&bytes);
        let _ = ses::Envelope::read(&bytes);
        let _ = sendgrid::Key::read(&String::from_utf8_lossy(&bytes));
        let mut der = STANDARD.decode(
            String::from_utf8_lossy(CERTIFICATE).lines().filter(|line| !line.starts_with('-')).collect::<String>()
        ).unwrap();
        let at = at % der.len();
        let end = (at + bytes.len()).min(der.len());
        der[at..end].copy_from_slice(&bytes[..end - at]);
        let pem = format!("-----BEGIN CERTIFICATE-----{}-----END CERTIFICATE-----", STANDARD.encode(der));
        let _ = Certificate::read(pem.as_bytes());
    }

    #[test]
    fn events_of_any_words_are_read_or_left_out(name in "[a-z]{0,12}", words in ".{0,80}", number in any::<i64>()) {
        let event = serde_json::json!([{ "event": name, "reason": words, "status": words, "type": words,
            "timestamp": number, "suimon": words, "smtp-id": words, "sg_event_id": number }]);
        let _ = sendgrid::parse(event.to_string().as_bytes()).unwrap();
        let bounce = serde_json::json!({ "RecordType": "Bounce", "Type": words, "Details": words, "ID": number,
            "BouncedAt": words, "Metadata": { "suimon": words } });
        let _ = postmark::parse(bounce.to_string().as_bytes()).unwrap();
        let said = serde_json::json!({ "eventType": "Bounce", "bounce": { "bounceType": words,
            "bouncedRecipients": [{ "status": words, "diagnosticCode": words }] },
            "mail": { "source": words, "headers": [{ "name": words, "value": words }], "tags": { "suimon": [words] } } });
        let _ = ses::parse(&said.to_string()).unwrap();
    }
}
