//! The signed link of a message: which one, and until when. Whoever has it may ask for a one-time code; nothing more.
//!
//! `16 bytes message · 8 bytes end of its time (seconds) · 20 bytes HMAC-SHA-256`, in the alphabet of addresses. The address names
//! nobody: a message's id is a random number.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::app::App;
use crate::config::{Config, MailTransport};

/// What links are signed with.
const KEY: &str = "suimon portal link v1";
/// Bytes of the signature: nobody guesses 160 bits.
const MARK: usize = 20;
const BYTES: usize = 16 + 8 + MARK;
/// Characters of a token.
const LENGTH: usize = BYTES.div_ceil(3) * 4;
const DAY: i64 = 86_400;

/// Whose page it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// An affected person's.
    Person,
    /// A tenant's, with the list of its people.
    Tenant,
}

impl Side {
    /// First part of the path of its pages, which is also bound into the signature.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Person => "my",
            Self::Tenant => "tenant",
        }
    }
}

fn mark(key: &[u8; 32], side: Side, signed: &[u8]) -> [u8; MARK] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!());
    mac.update(side.path().as_bytes());
    mac.update(b"\x1f");
    mac.update(signed);
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let mut mark = [0; MARK];
    mark.copy_from_slice(&whole[..MARK]);
    mark
}

fn make(key: &[u8; 32], side: Side, message: Uuid, end: i64) -> String {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend_from_slice(message.as_bytes());
    bytes.extend_from_slice(&end.to_be_bytes());
    let mark = mark(key, side, &bytes);
    bytes.extend_from_slice(&mark);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(key: &[u8; 32], side: Side, token: &str, now: Timestamp) -> Option<Uuid> {
    if token.len() > LENGTH {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signed, given) = bytes.split_last_chunk::<MARK>()?;
    let (message, end) = signed.split_first_chunk::<16>()?;
    let end = i64::from_be_bytes(end.try_into().ok()?);
    // First the signature, then what it signs: a forged token and an expired one take the same way out.
    let genuine = bool::from(mark(key, side, signed).ct_eq(given));
    (genuine && now.as_second() < end).then(|| Uuid::from_bytes(*message))
}

/// The message that a token names; nothing for one that is forged, damaged or over.
pub fn message_of(app: &App, side: Side, token: &str, now: Timestamp) -> Option<Uuid> {
    open(&app.master().derive(KEY), side, token, now)
}

/// Whether a recipient can open what lies below this address. Over plain http a stranger on the way reads the code along; it is good
/// enough where nothing leaves the machine.
fn reachable(config: &Config) -> Option<&str> {
    let base = config.server.public_url.trim_end_matches('/');
    let host = base.strip_prefix("https://").or_else(|| {
        base.strip_prefix("http://").filter(|_| config.mail.transport == MailTransport::Captured)
    })?;
    (config.notices.links && !host.is_empty()).then_some(base)
}

/// The link that a mail carries when it is sent at `at`; nothing where the configuration wants none. Whole days: a mail that is sent
/// twice on one day has the same one.
pub fn link(app: &App, side: Side, message: Uuid, at: Timestamp) -> Option<String> {
    let config = app.config();
    let base = reachable(config)?;
    let days = match side {
        Side::Person => config.notices.link_days,
        Side::Tenant => config.notices.tenant_link_days,
    };
    let end = (at.as_second() / DAY + i64::from(days) + 1) * DAY;
    let token = make(&app.master().derive(KEY), side, message, end);
    Some(format!("{base}/{}/{token}", side.path()))
}

/// A link as long as any other that opens nothing: for previews.
pub fn sample(app: &App, side: Side) -> Option<String> {
    link(app, side, Uuid::nil(), Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 32] = [1; 32];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_token_opens_for_its_side_and_time_alone() {
        let message = Uuid::from_u128(7);
        let token = make(&ONE, Side::Person, message, 100);
        assert_eq!(token.len(), 59, "{token}");
        assert_eq!(open(&ONE, Side::Person, &token, at(99)), Some(message));
        assert_eq!(open(&ONE, Side::Person, &token, at(100)), None, "its time is over");
        assert_eq!(open(&ONE, Side::Tenant, &token, at(99)), None, "another side's");
        assert_eq!(open(&[2; 32], Side::Person, &token, at(99)), None, "another installation's");
    }

    #[test]
    fn no_changed_token_opens() {
        let token = make(&ONE, Side::Person, Uuid::from_u128(7), 100);
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'Q' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&ONE, Side::Person, &changed, at(1)), None, "{changed}");
        }
        for other in ["", "x", &token[..58], &format!("{token}A"), &"A".repeat(10_000), "日本"] {
            assert_eq!(open(&ONE, Side::Person, other, at(1)), None);
        }
    }
}
