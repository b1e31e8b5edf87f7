//! Tickets: what a browser keeps of its place. Signed, so that a place survives the guard's memory; about nobody, for they hold a
//! number drawn by chance and where it stands.
//!
//! `v1.KEYID.PAYLOAD.MAC`: PAYLOAD is 51 bytes, MAC HMAC-SHA-256 (RFC 2104) under the key KEYID over
//! `suimon-place-v1,LEN:KEYID,` and the payload; both in base64url without padding (RFC 4648 section 5).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use capacity::admission::VisitorId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Longest ticket, in bytes; a true one has at most 133.
pub const MAX_TICKET: usize = 160;
/// Longest key id, in bytes.
pub const MAX_KEY_ID: usize = 16;
/// Most keys of a ring: the current one and those whose tickets are still about.
pub const MAX_KEYS: usize = 8;

const PREFIX: &str = "v1.";
const PAYLOAD: usize = 51;

/// Why a ticket or a key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TicketError {
    /// Not of the form.
    #[error("ticket: not of the form v1.KEYID.PAYLOAD.MAC; ask for the page without it")]
    Malformed,
    /// Signed by nobody whose key is in the ring, or changed after it was.
    #[error("ticket: the signature is not this guard's; ask for the page without it")]
    Forged,
    /// Its time is over.
    #[error("ticket: expired; ask for the page without it")]
    Expired,
    /// A key id that is not 1 to 16 lower-case letters or digits, or one that is used twice.
    #[error("keys: each id must be 1 to 16 lower-case letters or digits and differ from the others")]
    KeyId,
    /// No key, or more than [`MAX_KEYS`].
    #[error("keys: a ring holds 1 to 8 keys; retire old ones")]
    KeyCount,
}

/// A line, by what is hashed into a ticket: system, event, tenant, channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line(pub u64);

impl Line {
    /// The line of these names.
    pub fn of(system: &str, event: &str, tenant: &str, channel: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [system, event, tenant, channel] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut first = [0; 8];
        first.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self(u64::from_be_bytes(first))
    }
}

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Numbers were not given yet.
    Early {
        /// By its place among the groups.
        group: u16,
    },
    /// In line.
    Waiting {
        /// In the line.
        number: u64,
    },
    /// Let in.
    Inside {
        /// Drawn by chance, new with each ticket.
        nonce: u64,
    },
}

/// A ticket. Times are whole milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Whose.
    pub id: VisitorId,
    /// In which line.
    pub line: Line,
    /// For what.
    pub stands: Stands,
    /// When it was given.
    pub issued: Duration,
    /// Until when it is taken.
    pub expires: Duration,
}

impl Ticket {
    fn payload(&self) -> [u8; PAYLOAD] {
        let Ticket { id, line, stands, issued, expires } = *self;
        let (kind, group, value) = match stands {
            Stands::Early { group } => (0, group, 0),
            Stands::Waiting { number } => (1, 0, number),
            Stands::Inside { nonce } => (2, 0, nonce),
        };
        let mut bytes = [0; PAYLOAD];
        let parts: [&[u8]; 7] = [
            &[kind],
            &group.to_be_bytes(),
            &id.0.to_be_bytes(),
            &line.0.to_be_bytes(),
            &value.to_be_bytes(),
            &millis(issued).to_be_bytes(),
            &millis(expires).to_be_bytes(),
        ];
        bytes.iter_mut().zip(parts.concat()).for_each(|(to, from)| *to = from);
        bytes
    }

    fn of_payload(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; PAYLOAD] = bytes.try_into().ok()?;
        // Each slice is within the array, and as long as its number.
        let word = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        let group = u16::from_be_bytes([bytes[1], bytes[2]]);
        let id = VisitorId(u128::from_be_bytes(bytes.get(3..19)?.try_into().ok()?));
        let value = word(27)?;
        let stands = match (bytes[0], group, value) {
            (0, group, 0) => Stands::Early { group },
            (1, 0, number) => Stands::Waiting { number },
            (2, 0, nonce) => Stands::Inside { nonce },
            _ => return None,
        };
        let (issued, expires) = (Duration::from_millis(word(35)?), Duration::from_millis(word(43)?));
        Some(Self { id, line: Line(word(19)?), stands, issued, expires })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Keys for tickets, the current one first. Wiped when dropped.
pub struct Keys(Vec<(Box<str>, Zeroizing<[u8; 32]>)>);

impl Keys {
    /// A ring of `(id, key)`: the first signs, all are recognised.
    ///
    /// # Errors
    /// If an id is malformed or used twice, or the number of keys is out of bounds.
    pub fn new(keys: impl IntoIterator<Item = (String, Zeroizing<[u8; 32]>)>) -> Result<Self, TicketError> {
        let mut ring: Vec<(Box<str>, Zeroizing<[u8; 32]>)> = Vec::with_capacity(MAX_KEYS);
        for (id, key) in keys {
            let sound = (1..=MAX_KEY_ID).contains(&id.len())
                && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
            if !sound || ring.iter().any(|(known, _)| **known == *id) {
                return Err(TicketError::KeyId);
            }
            if ring.len() == MAX_KEYS {
                return Err(TicketError::KeyCount);
            }
            ring.push((id.into(), key));
        }
        if ring.is_empty() { Err(TicketError::KeyCount) } else { Ok(Self(ring)) }
    }

    /// Signs a ticket with the first key.
    pub fn sign(&self, ticket: &Ticket) -> String {
        let (id, key) = &self.0[0]; // a ring is never empty
        let payload = ticket.payload();
        let mac = mac(id, key, &payload).finalize().into_bytes();
        format!("{PREFIX}{id}.{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(mac))
    }

    /// Reads a ticket; the signature is compared in constant time.
    ///
    /// # Errors
    /// [`TicketError::Malformed`], [`TicketError::Forged`], [`TicketError::Expired`].
    pub fn read(&self, text: &str, now: Duration) -> Result<Ticket, TicketError> {
        let rest = text.strip_prefix(PREFIX).filter(|_| text.len() <= MAX_TICKET);
        let mut parts = rest.ok_or(TicketError::Malformed)?.split('.');
        let (Some(id), Some(payload), Some(signed), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TicketError::Malformed);
        };
        let decode = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| TicketError::Malformed);
        let (payload, signed) = (decode(payload)?, decode(signed)?);
        let (id, key) = self.0.iter().find(|(known, _)| **known == *id).ok_or(TicketError::Forged)?;
        mac(id, key, &payload).verify_slice(&signed).map_err(|_| TicketError::Forged)?;
        let ticket = Ticket::of_payload(&payload).ok_or(TicketError::Malformed)?;
        if now > ticket.expires { Err(TicketError::Expired) } else { Ok(ticket) }
    }

    /// A number that stands for a session of the system and cannot be led back to it without the key.
    pub(super) fn pseudonym(&self, session: &[u8]) -> VisitorId {
        let (id, key) = &self.0[0]; // a ring is never empty
        let mut hash = start(key, b"suimon-place-session-v1,", id);
        hash.update(session);
        let mut first = [0; 16];
        first.iter_mut().zip(hash.finalize().into_bytes()).for_each(|(to, from)| *to = from);
        VisitorId(u128::from_be_bytes(first))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

fn start(key: &Zeroizing<[u8; 32]>, purpose: &[u8], id: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "there is nothing that could be answered instead")]
    let mut mac = Hmac::<Sha256>::new_from_slice(&key[..]).expect("HMAC takes keys of any length");
    mac.update(purpose);
    mac.update(id.len().to_string().as_bytes());
    mac.update(b":");
    mac.update(id.as_bytes());
    mac.update(b",");
    mac
}

fn mac(id: &str, key: &Zeroizing<[u8; 32]>, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = start(key, b"suimon-place-v1,", id);
    mac.update(payload);
    mac
}

#[cfg(test)]
#[path = "ticket_tests.rs"]
mod tests;
