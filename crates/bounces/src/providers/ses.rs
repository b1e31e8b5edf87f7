//! Amazon SES, through SNS: one signed envelope a post, and in it what SES says. Both forms are read, notifications and event publishing
//! (<https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html>,
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>).
//!
//! SNS signs for whoever has a topic: what counts is that the envelope is of our own one
//! (<https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Certificate, Event, MARK, Refused, Report, Why, about, codes, id, is_timely, limits, permanent};
use super::{text, word};
use crate::Verdict;

/// What SNS says first to a topic's new subscriber once it is confirmed, and no event.
const GREETING: &str = "Successfully validated SNS topic for Amazon SES event publishing.";

/// Where the certificates and confirmations of SNS may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `https://sns.<region>.amazonaws.com`, also with `.cn`.
    Amazon,
    /// Another service that speaks as SNS does: its address, without a path.
    Other(String),
}

impl Place {
    /// What follows the host of an address that lies here.
    fn path_of<'u>(&self, url: &'u str) -> Option<&'u str> {
        let plain = url.bytes().all(|letter| letter.is_ascii_graphic() && letter != b'\\' && letter != b'#');
        if !plain || url.len() > 2_000 {
            return None;
        }
        match self {
            Place::Other(own) => {
                url.strip_prefix(own.trim_end_matches('/')).filter(|path| path.starts_with('/'))
            }
            Place::Amazon => {
                let (host, _) = url.strip_prefix("https://")?.split_once('/')?;
                let region = host.strip_prefix("sns.")?;
                let region = region.strip_suffix(".cn").unwrap_or(region).strip_suffix(".amazonaws.com")?;
                let is_label = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
                let is_region = (3..=40).contains(&region.len()) && region.bytes().all(is_label);
                is_region.then(|| &url["https://".len() + host.len()..])
            }
        }
    }
}

/// What SNS posts. Its fields are what was signed; there may be others, which mean nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
    subject: Option<String>,
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
}

/// What an envelope is, once it is known to be genuine.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something happened.
    Notification(Vec<Report>),
    /// Somebody subscribed this address to our topic: asking for this address confirms it.
    Confirmation(String),
    /// Somebody ended the subscription.
    Ended,
}

impl Envelope {
    /// Reads what was posted; nothing is checked yet.
    ///
    /// # Errors
    /// When it is not what SNS sends.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        if body.len() > limits::BYTES {
            return Err(Refused::TooLarge);
        }
        serde_json::from_slice(body).map_err(|_| Refused::Unreadable)
    }

    /// Whether it is of this topic, and of this time. Asked before anything is fetched for it.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, topic: &str, now: Timestamp) -> Result<(), Refused> {
        if topic.is_empty() || self.topic_arn != topic {
            return Err(Refused::WrongTopic);
        }
        let signed: Timestamp = self.timestamp.parse().map_err(|_| Refused::Unreadable)?;
        if is_timely(signed.as_second(), now) { Ok(()) } else { Err(Refused::WrongTime) }
    }

    /// Where its certificate lies: `/SimpleNotificationService-<letters and digits>.pem`, and nowhere else.
    ///
    /// # Errors
    /// When that is not a place of SNS.
    pub fn certificate_url(&self, place: &Place) -> Result<&str, Refused> {
        let path = place.path_of(&self.signing_cert_url).ok_or(Refused::WrongPlace)?;
        let name =
            path.strip_prefix("/SimpleNotificationService-").and_then(|name| name.strip_suffix(".pem"));
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric());
        if name.is_some_and(is_name) { Ok(&self.signing_cert_url) } else { Err(Refused::WrongPlace) }
    }

    /// Whether one of these certificates signed it.
    ///
    /// # Errors
    /// When none did that holds now.
    pub fn verify(&self, certificates: &[Certificate], now: Timestamp) -> Result<(), Refused> {
        let algorithm = match self.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(Refused::WrongSignature),
        };
        let signature = STANDARD.decode(&self.signature).map_err(|_| Refused::WrongSignature)?;
        let signed = self.signed().ok_or(Refused::Unreadable)?;
        let by_this = |certificate: &&Certificate| {
            let key = UnparsedPublicKey::new(algorithm, certificate.key());
            certificate.holds(now) && key.verify(signed.as_bytes(), &signature).is_ok()
        };
        certificates.iter().find(by_this).map(|_| ()).ok_or(Refused::WrongSignature)
    }

    /// Names and values that were signed, in the order of the names, each on a line.
    fn signed(&self) -> Option<String> {
        let mut fields = vec![("Message", self.message.as_str()), ("MessageId", &self.message_id)];
        match self.kind.as_str() {
            "Notification" => fields.extend(self.subject.as_deref().map(|subject| ("Subject", subject))),
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
                fields.push(("SubscribeURL", self.subscribe_url.as_deref()?));
                fields.push(("Timestamp", &self.timestamp));
                fields.push(("Token", self.token.as_deref()?));
            }
            _ => return None,
        }
        if self.kind == "Notification" {
            fields.push(("Timestamp", &self.timestamp));
        }
        fields.extend([("TopicArn", self.topic_arn.as_str()), ("Type", &self.kind)]);
        Some(fields.into_iter().map(|(name, value)| format!("{name}\n{value}\n")).collect())
    }

    /// What it says: to be asked once it is verified.
    ///
    /// # Errors
    /// When it is not what SES sends, or a confirmation names a place that is not of SNS.
    pub fn kind(&self, place: &Place) -> Result<Kind, Refused> {
        match self.kind.as_str() {
            "Notification" => parse(&self.message).map(Kind::Notification),
            "SubscriptionConfirmation" => {
                let url = self.subscribe_url.as_deref().ok_or(Refused::Unreadable)?;
                let path = place.path_of(url).ok_or(Refused::WrongPlace)?;
                let confirms = path.starts_with("/?Action=ConfirmSubscription&");
                if confirms { Ok(Kind::Confirmation(url.to_owned())) } else { Err(Refused::WrongPlace) }
            }
            "UnsubscribeConfirmation" => Ok(Kind::Ended),
            _ => Err(Refused::Unreadable),
        }
    }
}

/// What SES says in a message; nothing where it is about something else, such as that a mail was opened.
///
/// # Errors
/// When it is no JSON object.
pub fn parse(message: &str) -> Result<Vec<Report>, Refused> {
    if message.len() > limits::BYTES {
        return Err(Refused::TooLarge);
    }
    if message.trim() == GREETING {
        return Ok(Vec::new());
    }
    let said: Value = serde_json::from_str(message).map_err(|_| Refused::Unreadable)?;
    if !said.is_object() {
        return Err(Refused::Unreadable);
    }
    Ok(report(&said).into_iter().collect())
}

fn report(said: &Value) -> Option<Report> {
    let name = text(said, "eventType").or_else(|| text(said, "notificationType"))?;
    let nothing = Value::Null;
    let mail = said.get("mail").unwrap_or(&nothing);
    let part = |field: &str| said.get(field).unwrap_or(&nothing);
    let (detail, recipients) = match name {
        "Bounce" => (part("bounce"), "bouncedRecipients"),
        "Complaint" => (part("complaint"), "complainedRecipients"),
        "Delivery" => (part("delivery"), "recipients"),
        "DeliveryDelay" => (part("deliveryDelay"), "delayedRecipients"),
        "Reject" => (part("reject"), ""),
        "Rendering Failure" => (part("failure"), ""),
        _ => return None,
    };
    // One mail of ours has one recipient.
    let recipient = detail.get(recipients).and_then(|all| all.get(0)).unwrap_or(&nothing);
    let (code, reply) = codes(text(recipient, "status"), text(recipient, "diagnosticCode"));
    let event = match name {
        "Bounce" => bounce(detail, permanent(code, reply)),
        "Complaint" => match text(detail, "complaintSubType") {
            Some("OnAccountSuppressionList") => Event::Withheld(Why::Complained),
            _ if text(detail, "complaintFeedbackType") == Some("not-spam") => Event::Unknown,
            _ => Event::Complaint,
        },
        "Delivery" => Event::Delivery(Verdict::Delivered),
        "DeliveryDelay" => Event::Delivery(Verdict::Delayed),
        // A virus, or a text that could not be made: it did not leave.
        _ => Event::Withheld(Why::Refused),
    };
    let at = text(detail, "timestamp");
    let message = text(mail, "messageId").unwrap_or_default();
    // Both forms may be switched on at once, and tell of the same thing under the same id.
    let own = match text(detail, "feedbackId") {
        Some(feedback) => feedback,
        None if name == "DeliveryDelay" => at.unwrap_or_default(),
        None => "",
    };
    let tried = event.is_of_a_server();
    Some(Report {
        id: id("ses", &[name, message, own]),
        marks: marks(mail),
        about: about_of(mail),
        event,
        code: code.filter(|_| tried),
        reply: reply.filter(|_| tried),
        at: at.and_then(|at| at.parse::<Timestamp>().ok()),
    })
}

/// Types and subtypes (<https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types>).
fn bounce(detail: &Value, permanent: Verdict) -> Event {
    match (text(detail, "bounceType"), text(detail, "bounceSubType")) {
        (_, Some("Suppressed" | "OnAccountSuppressionList")) => Event::Withheld(Why::Bounced),
        (_, Some("UnsubscribedRecipient")) => Event::Withheld(Why::Unsubscribed),
        (Some("Permanent"), _) => Event::Delivery(permanent),
        _ => Event::Delivery(Verdict::Soft),
    }
}

/// Our mark stands in the tags, in the header that made them, and in the return path.
fn marks(mail: &Value) -> Vec<String> {
    let tags = mail.get("tags").and_then(|tags| tags.get(MARK)).and_then(Value::as_array);
    let tags = tags.into_iter().flatten().filter_map(Value::as_str);
    let header = header(mail, "X-SES-MESSAGE-TAGS");
    let in_header = header.iter().flat_map(|value| value.split([',', ';'])).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim() == MARK).then_some(value.trim())
    });
    let source = text(mail, "source");
    tags.chain(in_header).chain(source).filter_map(word).take(limits::MARKS).collect()
}

/// The Message-ID that the mail had when it was handed over: SES gives it another one.
fn about_of(mail: &Value) -> Option<String> {
    let common = mail.get("commonHeaders").and_then(|headers| text(headers, "messageId"));
    header(mail, "Message-ID").or(common).and_then(about)
}

fn header<'v>(mail: &'v Value, name: &str) -> Option<&'v str> {
    let headers = mail.get("headers")?.as_array()?;
    let found =
        headers.iter().find(|header| text(header, "name").is_some_and(|own| own.eq_ignore_ascii_case(name)));
    text(found?, "value")
}
