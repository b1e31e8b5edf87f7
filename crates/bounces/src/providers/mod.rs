//! What the large providers of mail tell by webhooks: whether a word is theirs, and what it says of which message.
//!
//! Each has a way of its own to show that it is the one that speaks ([`ses`], [`sendgrid`], [`postmark`]); what they say is brought to
//! one form, the [`Report`]. Their words name people and repeat what servers wrote: a report holds neither.

mod certificate;
pub mod postmark;
pub mod sendgrid;
pub mod ses;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Code, Verdict, words};

pub use certificate::{BadCertificate, Certificate};

/// What is read at most.
pub mod limits {
    /// Bytes of what is posted. SendGrid sends up to 768 KiB at once, SNS up to 256 KiB in a message.
    pub const BYTES: usize = 1 << 20;
    /// Events at once: a mebibyte holds a few thousand.
    pub const EVENTS: usize = 10_000;
    /// Marks that an event may name.
    pub const MARKS: usize = 8;
    /// Characters of a mark or a Message-ID: an address has 254, a line of a mail 998.
    pub const WORD: usize = 998;
    /// Characters of a server's words that are looked at for codes.
    pub const SAID: usize = 4_000;
}

/// The name under which our mark travels with a provider: a tag, an argument, a piece of metadata.
pub const MARK: &str = "suimon";

/// What a provider says of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// SHA-256 of what the provider calls this event: the same for a repeat, and no way back to what it was.
    pub id: String,
    /// Words that may be our mark: a token or a return path. Whoever has the key finds out.
    pub marks: Vec<String>,
    /// Message-ID of the mail that it is about, without angle brackets. Anybody who got the mail knows it: no proof, a help in looking.
    pub about: Option<String>,
    /// What happened.
    pub event: Event,
    /// Enhanced status code of the last server.
    pub code: Option<Code>,
    /// Its reply code.
    pub reply: Option<u16>,
    /// When, by the provider's clock.
    pub at: Option<Timestamp>,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The recipient's server took it, or the provider goes on trying, or it was given up.
    Delivery(Verdict),
    /// The provider never tried: the person has been told nothing.
    Withheld(Why),
    /// The person called it unwanted. It arrived.
    Complaint,
    /// A program answered for the person.
    AutomaticAnswer,
    /// Something that no rule understands: somebody has to look at it.
    Unknown,
}

impl Event {
    /// Whether another server spoke: only then are codes in the provider's words that server's.
    const fn is_of_a_server(self) -> bool {
        matches!(self, Event::Delivery(_) | Event::Unknown)
    }
}

/// Why a provider did not even try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its list has the address, because an earlier mail came back.
    Bounced,
    /// Its list has the address, because the person called a mail unwanted.
    Complained,
    /// Its list has the address, because the person wants no more.
    Unsubscribed,
    /// It takes the address for none.
    Invalid,
    /// Its list has the address; it does not say why.
    Listed,
    /// Another reason: content, quota, settings.
    Refused,
}

impl Why {
    /// Words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::Bounced => "listed: an earlier mail came back",
            Why::Complained => "listed: a mail was called unwanted",
            Why::Unsubscribed => "listed: unsubscribed",
            Why::Invalid => "listed: taken for no address",
            Why::Listed => "listed",
            Why::Refused => "refused by the provider",
        }
    }

    /// Whether taking the address off the provider's list helps.
    pub const fn is_of_a_list(self) -> bool {
        !matches!(self, Why::Refused)
    }
}

/// Why what was posted is not taken. Nothing of it stands in the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing shows who speaks.
    #[error("is not signed")]
    Unsigned,
    /// The signature, or the secret, is not the right one.
    #[error("is wrongly signed")]
    WrongSignature,
    /// Signed too long ago, or by a clock far ahead.
    #[error("was signed at another time")]
    WrongTime,
    /// Of a topic that is not ours.
    #[error("is of another topic")]
    WrongTopic,
    /// It names a place that the provider does not speak from.
    #[error("names a place that is not the provider's")]
    WrongPlace,
    /// No form that the provider uses.
    #[error("is not what the provider sends")]
    Unreadable,
    /// Larger than [`limits`] say.
    #[error("is too large")]
    TooLarge,
}

/// How old a signature may be. Providers try again for up to a day, and do not say whether they sign anew; what comes twice is recorded
/// once, so a repeat within that day does nothing.
const OLDEST: i64 = 25 * 3600;
/// How far a provider's clock may be ahead, in seconds.
const AHEAD: i64 = 300;

/// Whether something was signed at a time that fits.
fn is_timely(signed: i64, now: Timestamp) -> bool {
    let age = now.as_second().saturating_sub(signed);
    (-AHEAD..=OLDEST).contains(&age)
}

/// A field that is text.
fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}

/// A text that a database can hold, and no longer than a line of a mail.
fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= limits::WORD && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// A Message-ID without its angle brackets.
fn about(text: &str) -> Option<String> {
    word(text.trim().trim_start_matches('<').trim_end_matches('>'))
}

/// What a provider calls an event, unrecognisable.
fn id(provider: &str, parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in std::iter::once(&provider).chain(parts) {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Codes of what a server said, where a code of its own field does not say more (`smtp; 550 5.1.1 …`).
fn codes(status: Option<&str>, said: Option<&str>) -> (Option<Code>, Option<u16>) {
    let said = said.unwrap_or_default();
    let end = said.char_indices().nth(limits::SAID).map_or(said.len(), |(end, _)| end);
    let (reply, in_words) = words::codes(&said[..end]);
    let code = match (status.and_then(Code::parse), in_words) {
        (Some(own), Some(said)) if own.subject == 0 && own.class == said.class => Some(said),
        (None, said) => said,
        (own, _) => own,
    };
    (code, reply)
}

/// A provider's "for good" where codes say something of the address, or say nothing at all: then it knows more than its words tell.
fn permanent(code: Option<Code>, reply: Option<u16>) -> Verdict {
    match code {
        None => Verdict::Hard,
        Some(_) => Verdict::of_failure(code, reply),
    }
}

/// Whether two secrets are the same, in a time that tells nothing of where they differ.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let (given, expected) = (Sha256::digest(given), Sha256::digest(expected));
    bool::from(given.as_slice().ct_eq(expected.as_slice()))
}
