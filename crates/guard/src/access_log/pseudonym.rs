//! Pseudonyms of people, tenants and sessions: the same for the same under one key, nobody's without it.

use std::fmt;

use edge::identity::{MAX_KEY_ID, MAX_KEYS};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a pseudonym stands for.
#[derive(Clone, Copy)]
pub enum Of<'a> {
    Tenant(&'a str),
    /// A person of a tenant; an empty tenant where the system names none.
    Subject {
        tenant: &'a str,
        subject: &'a str,
    },
    /// SHA-256 of the session's value.
    Session(&'a [u8; 32]),
}

/// Keys for pseudonyms, the current one first. Wiped when dropped.
///
/// A pseudonym is `KEYID.HEX`: HEX is the first 128 bits, in lower case, of HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the key KEYID over
///
/// ```text
/// suimon-access-log-v1,LEN:WHAT,LEN:KEYID,LEN:SYSTEM,LEN:TENANT,LEN:VALUE,
/// ```
///
/// WHAT is `tenant`, `subject` or `session`, LEN the number of bytes after the colon in decimal. TENANT is empty for a tenant and a
/// session; VALUE is the tenant, the subject, or the 64 hexadecimal digits of the session's SHA-256.
pub struct Ring {
    system: Box<str>,
    keys: Vec<(Box<str>, Zeroizing<[u8; 32]>)>,
}

/// What is wrong with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    #[error("keys: a ring holds 1 to 8 keys; retire old ones")]
    Count,
    #[error("keys: each id has 1 to 16 lower-case letters or digits and differs from the others")]
    Id,
    #[error("keys: the system's name has 1 to 128 bytes")]
    System,
}

impl Ring {
    /// A ring of `(id, key)` for one system. Pseudonyms are made with the first; all of them are recognised.
    ///
    /// # Errors
    /// [`RingError`].
    pub fn new(
        system: &str,
        keys: impl IntoIterator<Item = (String, Zeroizing<[u8; 32]>)>,
    ) -> Result<Self, RingError> {
        if system.is_empty() || system.len() > crate::identity::MAX_SYSTEM {
            return Err(RingError::System);
        }
        let mut ring: Vec<(Box<str>, Zeroizing<[u8; 32]>)> = Vec::new();
        for (id, key) in keys {
            let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
            let is_id = (1..=MAX_KEY_ID).contains(&id.len()) && id.bytes().all(plain);
            if !is_id || ring.iter().any(|(known, _)| **known == *id) {
                return Err(RingError::Id);
            }
            if ring.len() == MAX_KEYS {
                return Err(RingError::Count);
            }
            ring.push((id.into(), key));
        }
        if ring.is_empty() { Err(RingError::Count) } else { Ok(Self { system: system.into(), keys: ring }) }
    }

    /// Name of the system.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Under the current key.
    pub fn pseudonym(&self, of: Of<'_>) -> String {
        // A ring is never empty.
        self.keys.first().map(|(id, key)| self.make(id, key, of)).unwrap_or_default()
    }

    /// Whether a pseudonym stands for this one, under the key that it names; in constant time. A key that is not in the ring
    /// recognises nobody.
    pub fn recognises(&self, pseudonym: &str, of: Of<'_>) -> bool {
        let id = pseudonym.split_once('.').map(|(id, _)| id);
        let key = self.keys.iter().find(|(known, _)| Some(&**known) == id);
        key.is_some_and(|(id, key)| self.make(id, key, of).as_bytes().ct_eq(pseudonym.as_bytes()).into())
    }

    fn make(&self, id: &str, key: &Zeroizing<[u8; 32]>, of: Of<'_>) -> String {
        let digits;
        let (what, tenant, value) = match of {
            Of::Tenant(tenant) => ("tenant", "", tenant),
            Of::Subject { tenant, subject } => ("subject", tenant, subject),
            Of::Session(digest) => {
                digits = hex::encode(digest);
                ("session", "", &*digits)
            }
        };
        // HMAC takes keys of any length, so that this cannot fail for 32 bytes.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key[..]) else { return String::new() };
        mac.update(b"suimon-access-log-v1,");
        for part in [what, id, &*self.system, tenant, value] {
            mac.update(part.len().to_string().as_bytes());
            mac.update(b":");
            mac.update(part.as_bytes());
            mac.update(b",");
        }
        let digest = mac.finalize().into_bytes();
        format!("{id}.{}", hex::encode(digest.first_chunk::<16>().unwrap_or(&[0; 16]))) // of 32 bytes
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(system: &str, keys: &[(&str, u8)]) -> Ring {
        Ring::new(system, keys.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; 32].into()))).unwrap()
    }

    const TARO: Of<'static> = Of::Subject { tenant: "school-1", subject: "a-123" };

    /// Computed with another implementation: printf 'suimon-access-log-v1,7:subject,2:k1,18:online-application,8:school-1,5:a-123,' |
    /// openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07, first 32 digits.
    #[test]
    fn the_canonical_string_is_as_documented() {
        let ring = ring("online-application", &[("k1", 7)]);
        assert_eq!(ring.pseudonym(TARO), "k1.32a3ab84c6775af72dbe7516121d40ed");
        assert_eq!(ring.pseudonym(Of::Tenant("school-1")), "k1.ef769b88cdf55ebd357166f38fdd0048");
    }

    #[test]
    fn old_pseudonyms_are_recognised_as_long_as_their_key_is_there() {
        let before = ring("s", &[("k1", 7)]).pseudonym(TARO);
        let during = ring("s", &[("k2", 8), ("k1", 7)]);
        assert!(during.pseudonym(TARO).starts_with("k2."));
        assert!(during.recognises(&before, TARO) && during.recognises(&during.pseudonym(TARO), TARO));
        assert!(!ring("s", &[("k2", 8)]).recognises(&before, TARO));
        // The same id with another key, another system, another person.
        assert!(!ring("s", &[("k1", 8)]).recognises(&before, TARO));
        assert!(!ring("t", &[("k1", 7)]).recognises(&before, TARO));
        assert!(!during.recognises(&before, Of::Subject { tenant: "school-2", subject: "a-123" }));
    }

    #[test]
    fn rings_have_limits_and_print_no_key() {
        let new = |ids: &[&str]| {
            Ring::new("s", ids.iter().map(|id| ((*id).to_owned(), [1; 32].into()))).map(|_| ())
        };
        assert_eq!(new(&[]), Err(RingError::Count));
        assert_eq!(new(&["a", "a"]), Err(RingError::Id));
        assert_eq!(new(&["A"]), Err(RingError::Id));
        assert_eq!(new(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]), Err(RingError::Count));
        assert_eq!(Ring::new("", [("a".to_owned(), [1; 32].into())]).map(|_| ()), Err(RingError::System));
        assert_eq!(format!("{:?}", ring("s", &[("k1", 7)])), r#"["k1"]"#);
    }

    proptest! {
        #[test]
        fn parts_cannot_be_moved_into_each_other(a in "[a-c,:0-9]{0,6}", b in "[a-c,:0-9]{0,6}", c in "[a-c,:0-9]{0,6}", d in "[a-c,:0-9]{0,6}") {
            let ring = ring("s", &[("k1", 7)]);
            let one = ring.pseudonym(Of::Subject { tenant: &a, subject: &b });
            let other = ring.pseudonym(Of::Subject { tenant: &c, subject: &d });
            prop_assert_eq!(one == other, (&a, &b) == (&c, &d));
            prop_assert_ne!(one, ring.pseudonym(Of::Tenant(&b)));
        }
    }
}
