//! Postmark: one JSON object a post. Nothing is signed: a secret that both know is sent along, as the password of basic authentication or
//! in a header of our own (<https://postmarkapp.com/developer/webhooks/webhooks-overview>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::{Event, MARK, Refused, Report, Why, codes, id, limits, permanent, same, text, word};
use crate::Verdict;

/// The header that a postmaster has Postmark send.
pub const SECRET_HEADER: &str = "x-suimon-secret";

/// Whether who posts knows the secret: `authorization` and `header` as they came, whoever the user is said to be.
///
/// # Errors
/// When neither holds it.
pub fn verify(authorization: Option<&[u8]>, header: Option<&[u8]>, secret: &str) -> Result<(), Refused> {
    if secret.is_empty() {
        return Err(Refused::WrongSignature);
    }
    let given = match (authorization.map(password), header) {
        (None, None) => return Err(Refused::Unsigned),
        (password, header) => [password.flatten(), header.map(<[u8]>::to_vec)],
    };
    let secret = secret.as_bytes();
    // Each is compared, also after the right one.
    let right = given.into_iter().flatten().fold(false, |right, given| right | same(&given, secret));
    if right { Ok(()) } else { Err(Refused::WrongSignature) }
}

/// RFC 7617: what follows the first colon.
fn password(authorization: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = authorization.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(rest.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|letter| *letter == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

/// What it says; nothing where it is about something else, such as that a mail was opened.
///
/// # Errors
/// When it is no JSON object.
pub fn parse(body: &[u8]) -> Result<Vec<Report>, Refused> {
    if body.len() > limits::BYTES {
        return Err(Refused::TooLarge);
    }
    let said: Value = serde_json::from_slice(body).map_err(|_| Refused::Unreadable)?;
    if !said.is_object() {
        return Err(Refused::Unreadable);
    }
    Ok(report(&said).into_iter().collect())
}

fn report(said: &Value) -> Option<Report> {
    let record = text(said, "RecordType")?;
    let details = text(said, "Details");
    let (code, reply) = codes(None, details);
    let (event, at) = match record {
        "Delivery" => (Event::Delivery(Verdict::Delivered), "DeliveredAt"),
        "Bounce" => (bounce(said, details, permanent(code, reply))?, "BouncedAt"),
        "SpamComplaint" => (Event::Complaint, "BouncedAt"),
        "SubscriptionChange" => (change(said)?, "ChangedAt"),
        _ => return None,
    };
    let at = text(said, at);
    let number = said.get("ID").and_then(Value::as_u64).map(|number| number.to_string());
    let own = number.as_deref().or(at).unwrap_or_default();
    let mark = said.get("Metadata").and_then(|metadata| text(metadata, MARK)).and_then(word);
    let tried = event.is_of_a_server();
    Some(Report {
        id: id("postmark", &[record, text(said, "MessageID").unwrap_or_default(), own]),
        marks: mark.into_iter().collect(),
        // Postmark puts an id of its own into mails.
        about: None,
        event,
        code: code.filter(|_| tried),
        reply: reply.filter(|_| tried),
        at: at.and_then(|at| at.parse::<Timestamp>().ok()),
    })
}

/// Kinds of bounces (<https://postmarkapp.com/developer/api/bounce-api#bounce-types>), by name.
fn bounce(said: &Value, details: Option<&str>, permanent: Verdict) -> Option<Event> {
    Some(match text(said, "Type").unwrap_or_default() {
        "HardBounce" => Event::Delivery(permanent),
        "BadEmailAddress" => Event::Delivery(Verdict::Hard),
        "Transient" => Event::Delivery(Verdict::Delayed),
        "AddressChange" | "Subscribe" | "Unsubscribe" => Event::Unknown,
        "AutoResponder" => Event::AutomaticAnswer,
        "SpamComplaint" => Event::Complaint,
        "ManuallyDeactivated" | "InactiveRecipient" => Event::Withheld(Why::Listed),
        // Taken over SMTP, and refused by what stands behind it: error 406 is "inactive recipient".
        "SMTPApiError" => Event::Withheld(match details.is_some_and(is_inactive) {
            true => Why::Listed,
            false => Why::Refused,
        }),
        "Unconfirmed" | "TemplateRenderingFailed" => Event::Withheld(Why::Refused),
        // About mails to Postmark, not from it.
        "InboundError" => return None,
        // Full, blocked, taken for spam, no answer of the name server, and whatever else there may be: it did not arrive.
        _ => Event::Delivery(Verdict::Soft),
    })
}

fn is_inactive(details: &str) -> bool {
    let details = details.to_ascii_lowercase();
    details.contains("inactive") || details.split(|c: char| !c.is_ascii_digit()).any(|word| word == "406")
}

/// The address was put on the list of those who get nothing more. It says why, and so what became of this mail.
fn change(said: &Value) -> Option<Event> {
    if said.get("SuppressSending").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    Some(match text(said, "SuppressionReason") {
        Some("SpamComplaint") => Event::Complaint,
        Some("HardBounce") => Event::Delivery(Verdict::Hard),
        _ => Event::Unknown,
    })
}
