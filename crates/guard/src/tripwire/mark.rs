//! What marks a response: its id, whom it was made for, and that the guard said so.
//!
//! In a header and in HTML as `v1.ID.CHECK.SEAL.MODE`, in lower-case hexadecimal digits of 128 bits each:
//!
//! - ID: random, of this response alone.
//! - CHECK: the first half of SHA-256 (FIPS 180-4) over `suimon-tripwire-v1,32:ID,LEN:VIEWER,`, where VIEWER is the value of the
//!   viewer's cookie with which the response was asked for, and empty where there was none. Whoever holds that cookie can compute it and
//!   nobody needs a secret. It is different for each response, so it does not show that two responses were made for the same viewer.
//! - SEAL: the first half of HMAC-SHA-256 (RFC 2104) over all of it. A report with a seal that is not the guard's is refused before any
//!   table is looked at.
//! - MODE: `o`, `a` or `e`, for what the page's script does when it arrives in other hands.

use std::fmt;

use edge::Mode;
use edge::identity::{MAX_KEY_ID, Tag};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 128 bits.
pub const BYTES: usize = 16;
/// Bytes of a mark as text.
pub const LENGTH: usize = 3 + 3 * (2 * BYTES + 1) + 1;
/// Id of no key: viewer cookies that a browser made itself carry it, `v1.nonce.HEX`.
pub const NONCE: &str = "nonce";
const _: () = assert!(NONCE.len() <= MAX_KEY_ID);

/// A response's id: 128 random bits. As text lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResponseId(pub [u8; BYTES]);

impl fmt::Display for ResponseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ResponseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseId({self})")
    }
}

/// A viewer as far as the tripwire tells them apart: the keyed hash of the cookie's value. The same for all responses, and without the
/// key nobody's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Viewer(pub [u8; BYTES]);

impl fmt::Display for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Viewer({self})")
    }
}

/// What a viewer's cookie and a response's id give.
pub fn check(id: ResponseId, viewer: Option<&Tag>) -> [u8; BYTES] {
    let viewer = viewer.map_or("", Tag::as_str);
    let said = format!("suimon-tripwire-v1,32:{id},{}:{viewer},", viewer.len());
    half(&Sha256::digest(said.as_bytes()))
}

/// A response's mark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub id: ResponseId,
    pub check: [u8; BYTES],
    seal: [u8; BYTES],
    pub mode: Mode,
}

impl Mark {
    /// Reads a mark in its exact form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("v1.").filter(|_| text.len() == LENGTH)?.split('.');
        let mut next = || digits(parts.next()?);
        let (id, check, seal) = (next()?, next()?, next()?);
        let mode = match (parts.next()?, parts.next()) {
            ("o", None) => Mode::Observe,
            ("a", None) => Mode::Audit,
            ("e", None) => Mode::Enforce,
            _ => return None,
        };
        Some(Self { id: ResponseId(id), check, seal, mode })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, check, seal, mode } = self;
        let mode = letter(*mode);
        write!(f, "v1.{id}.{}.{}.{mode}", hex::encode(check), hex::encode(seal))
    }
}

fn letter(mode: Mode) -> char {
    match mode {
        Mode::Observe => 'o',
        Mode::Audit => 'a',
        Mode::Enforce => 'e',
    }
}

/// Lower-case hexadecimal digits, exactly as many as there must be.
pub fn digits(text: &str) -> Option<[u8; BYTES]> {
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; BYTES];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// Keys, the current one first; what was sealed under any of them is recognised. Wiped when dropped.
pub struct Keys(Vec<Zeroizing<[u8; 32]>>);

impl Keys {
    /// Most keys: the current one, and those whose pages may still be in a cache.
    pub const MOST: usize = 8;

    /// None without a key, or with more than [`Keys::MOST`].
    pub fn new(keys: Vec<Zeroizing<[u8; 32]>>) -> Option<Self> {
        (1..=Self::MOST).contains(&keys.len()).then_some(Self(keys))
    }

    /// A response's mark.
    pub fn mark(&self, id: ResponseId, viewer: Option<&Tag>, mode: Mode) -> Mark {
        let mut mark = Mark { id, check: check(id, viewer), seal: [0; BYTES], mode };
        // There is a first one: `new` takes no empty list.
        mark.seal = self.0.first().map_or([0; BYTES], |key| seal(key, &mark));
        mark
    }

    /// Whether a mark is the guard's; in constant time for each key.
    pub fn made(&self, mark: &Mark) -> bool {
        self.0.iter().any(|key| seal(key, mark).ct_eq(&mark.seal).into())
    }

    /// Who holds this cookie.
    pub fn viewer(&self, viewer: &Tag) -> Viewer {
        let hash = |key| keyed(key, &[b"suimon-tripwire-viewer-v1,", viewer.as_str().as_bytes()]);
        Viewer(self.0.first().map_or([0; BYTES], hash))
    }
}

fn seal(key: &Zeroizing<[u8; 32]>, mark: &Mark) -> [u8; BYTES] {
    let Mark { id, check, seal: _, mode } = mark;
    // Parts of fixed length: no two marks give the same bytes.
    keyed(key, &[b"suimon-tripwire-seal-v1,", &id.0, check, &[letter(*mode) as u8]])
}

fn keyed(key: &Zeroizing<[u8; 32]>, parts: &[&[u8]]) -> [u8; BYTES] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key[..]) else { return [0; BYTES] };
    parts.iter().for_each(|part| mac.update(part));
    half(&mac.finalize().into_bytes())
}

fn half(digest: &[u8]) -> [u8; BYTES] {
    // A digest of SHA-256 is twice as long.
    std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Keys {
        Keys::new(bytes.iter().map(|byte| Zeroizing::new([*byte; 32])).collect()).unwrap()
    }

    fn tag(digit: char) -> Tag {
        Tag::parse(&format!("v1.nonce.{}", digit.to_string().repeat(32))).unwrap()
    }

    /// The same figures stand in the test of the script.
    #[test]
    fn a_known_check() {
        let id = ResponseId([0x11; BYTES]);
        assert_eq!(hex::encode(check(id, Some(&tag('a')))), "7f6888da0ffbad972808b816668f7ce2");
        assert_eq!(hex::encode(check(id, None)), "09d2117f67cb730b69257e6a8d705b2e");
    }

    #[test]
    fn a_mark_is_read_back_and_belongs_to_its_viewer_and_key() {
        let (id, keys_of_old) = (ResponseId([7; BYTES]), keys(&[1]));
        let mark = keys_of_old.mark(id, Some(&tag('a')), Mode::Enforce);
        let text = mark.to_string();
        assert_eq!(text.len(), LENGTH);
        let read = Mark::parse(&text).unwrap();
        assert!(read == mark && keys_of_old.made(&read));
        assert!(keys(&[2, 1]).made(&read), "a key that was in use before");
        assert!(!keys(&[2]).made(&read));
        for (one, other) in [(Some('a'), Some('b')), (Some('a'), None)] {
            assert_ne!(check(id, one.map(tag).as_ref()), check(id, other.map(tag).as_ref()));
        }
        assert_ne!(keys_of_old.viewer(&tag('a')), keys_of_old.viewer(&tag('b')));
        assert_ne!(keys_of_old.viewer(&tag('a')), keys(&[2]).viewer(&tag('a')));
    }

    #[test]
    fn numbers_of_keys() {
        assert!(Keys::new(Vec::new()).is_none());
        assert!(Keys::new(vec![Zeroizing::new([0; 32]); 9]).is_none());
        assert!(Keys::new(vec![Zeroizing::new([0; 32]); 8]).is_some());
    }

    proptest! {
        /// Whatever is changed of a sealed mark, it is no longer one of the guard's.
        #[test]
        fn nothing_of_a_mark_can_be_changed(id in any::<[u8; BYTES]>(), at in 0..LENGTH, to in any::<char>()) {
            let keys = keys(&[3]);
            let text = keys.mark(ResponseId(id), Some(&tag('c')), Mode::Audit).to_string();
            let mut changed: Vec<char> = text.chars().collect();
            prop_assume!(changed[at] != to);
            changed[at] = to;
            let changed: String = changed.into_iter().collect();
            prop_assert!(!Mark::parse(&changed).is_some_and(|mark| keys.made(&mark)), "{}", changed);
        }

        #[test]
        fn any_text_is_a_mark_or_none(text in "\\PC{0,120}") {
            if let Some(mark) = Mark::parse(&text) {
                prop_assert_eq!(mark.to_string(), text);
            }
        }
    }
}
