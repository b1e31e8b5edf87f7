//! SendGrid: a JSON array of events a post, signed by ECDSA on P-256 over the time and the bytes as they came
//! (<https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::{Event, MARK, Refused, Report, Why, about, certificate, codes, id, is_timely, limits, permanent};
use super::{text, word};
use crate::Verdict;

/// The header with the signature, in base64.
pub const SIGNATURE_HEADER: &str = "x-twilio-email-event-webhook-signature";
/// The header with the second at which it was made.
pub const TIMESTAMP_HEADER: &str = "x-twilio-email-event-webhook-timestamp";

/// The public key of an account's webhook.
#[derive(Debug, Clone)]
pub struct Key(Vec<u8>);

/// Why a text is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no P-256 key in base64, as SendGrid shows it")]
pub struct BadKey;

impl Key {
    /// As SendGrid shows it: base64, with or without the lines of PEM around it.
    ///
    /// # Errors
    /// When it is no key on P-256.
    pub fn read(shown: &str) -> Result<Self, BadKey> {
        let lines = shown.lines().filter(|line| !line.starts_with("-----"));
        let plain: String = lines.flat_map(str::chars).filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(plain).map_err(|_| BadKey)?;
        certificate::p256(&der).map(Key).ok_or(BadKey)
    }

    /// Whether SendGrid signed this, lately.
    ///
    /// # Errors
    /// When it did not.
    pub fn verify(
        &self,
        signature: Option<&[u8]>,
        timestamp: Option<&[u8]>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Refused> {
        let (Some(signature), Some(timestamp)) = (signature, timestamp) else {
            return Err(Refused::Unsigned);
        };
        if body.len() > limits::BYTES {
            return Err(Refused::TooLarge);
        }
        let signature = STANDARD.decode(signature).map_err(|_| Refused::WrongSignature)?;
        let mut signed = Vec::with_capacity(timestamp.len() + body.len());
        signed.extend_from_slice(timestamp);
        signed.extend_from_slice(body);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0)
            .verify(&signed, &signature)
            .map_err(|_| Refused::WrongSignature)?;
        let at = std::str::from_utf8(timestamp).ok().and_then(|at| at.parse().ok());
        if at.is_some_and(|at| is_timely(at, now)) { Ok(()) } else { Err(Refused::WrongTime) }
    }
}

/// What its events say; those about other things, such as that a mail was opened, are left out.
///
/// # Errors
/// When it is no array of JSON.
pub fn parse(body: &[u8]) -> Result<Vec<Report>, Refused> {
    if body.len() > limits::BYTES {
        return Err(Refused::TooLarge);
    }
    let said: Vec<Value> = serde_json::from_slice(body).map_err(|_| Refused::Unreadable)?;
    if said.len() > limits::EVENTS {
        return Err(Refused::TooLarge);
    }
    Ok(said.iter().filter_map(report).collect())
}

/// Events (<https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>), by name.
fn report(said: &Value) -> Option<Report> {
    let name = text(said, "event")?;
    let reason = text(said, "reason");
    let (code, reply) = match name {
        // A deferral's or delivery's words stand in another field than a bounce's.
        "deferred" => codes(None, text(said, "response")),
        "bounce" => codes(text(said, "status"), reason),
        _ => (None, None),
    };
    let event = match name {
        "delivered" => Event::Delivery(Verdict::Delivered),
        "deferred" => Event::Delivery(Verdict::Delayed),
        "bounce" => Event::Delivery(bounce(said, code, reply)),
        "dropped" => Event::Withheld(why(reason.unwrap_or_default())),
        "spamreport" => Event::Complaint,
        _ => return None,
    };
    let second = said.get("timestamp").and_then(Value::as_i64);
    let own = text(said, "sg_event_id").map(str::to_owned).unwrap_or_else(|| said.to_string());
    let tried = event.is_of_a_server();
    Some(Report {
        id: id("sendgrid", &[name, &own]),
        marks: text(said, MARK).and_then(word).into_iter().collect(),
        about: text(said, "smtp-id").and_then(about),
        event,
        code: code.filter(|_| tried),
        reply: reply.filter(|_| tried),
        at: second.and_then(|second| Timestamp::from_second(second).ok()),
    })
}

/// "blocked" is about the mail and not the address, and so is every classification but that of addresses.
fn bounce(said: &Value, code: Option<crate::Code>, reply: Option<u16>) -> Verdict {
    let about_the_address = match text(said, "bounce_classification") {
        Some(class) if !class.is_empty() => class.eq_ignore_ascii_case("Invalid Address"),
        _ => code.is_some(),
    };
    match text(said, "type") {
        Some("blocked" | "expired") => Verdict::Soft,
        _ if about_the_address => permanent(code, reply),
        _ => Verdict::of_failure(code, reply),
    }
}

/// Reasons for a drop, by their words.
fn why(reason: &str) -> Why {
    let reason = reason.trim().to_ascii_lowercase();
    match reason.as_str() {
        "bounced address" => Why::Bounced,
        "spam reporting address" => Why::Complained,
        "invalid" | "invalid address" => Why::Invalid,
        _ if reason.starts_with("unsubscribe") => Why::Unsubscribed,
        _ => Why::Refused,
    }
}
