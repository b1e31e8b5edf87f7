//! Tags by which an edge can tell that a response and its viewer belong together, without knowing either.
//!
//! The guard computes; the edge compares. A response on a personal route carries [`SUBJECT_TAG_HEADER`], a viewer's
//! browser sends [`VIEWER_COOKIE`]. VCL, a CloudFront function or a Worker refuses the response unless both are the same
//! text; they hold no key and compute nothing.
//!
//! A tag is `v1.KEYID.HEX`: HEX is the first 128 bits, in lower case, of
//! HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the key KEYID over the canonical string
//!
//! ```text
//! suimon-viewer-tag-v1,LEN:KEYID,LEN:SYSTEM,LEN:TENANT,LEN:SUBJECT,
//! ```
//!
//! where LEN is the number of bytes that follow the colon, in decimal (netstrings, so that no two identities share a
//! string). A tag names nobody without the key; it is no secret and authorises nothing.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, header};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Response header with the tag of the person whom the response is about, or [`ANONYMOUS`].
pub const SUBJECT_TAG_HEADER: HeaderName = HeaderName::from_static("suimon-subject-tag");
/// Cookie with the viewer's tag. The prefix binds it to this host over HTTPS (RFC 6265bis section 4.1.3.2); a page's own
/// script may read it.
pub const VIEWER_COOKIE: &str = "__Host-suimon-viewer";
/// What a response about nobody carries on a personal route: a login page, an error before login.
pub const ANONYMOUS: &str = "anonymous";
/// Longest tag, in bytes.
pub const MAX_TAG: usize = 3 + MAX_KEY_ID + 1 + DIGITS;
/// Longest key id, in bytes.
pub const MAX_KEY_ID: usize = 16;
/// Longest part of an identity (system, tenant, subject), in bytes.
pub const MAX_PART: usize = 1_024;
/// Most keys of a ring: the current one and those whose cookies are still about.
pub const MAX_KEYS: usize = 8;
/// Most bytes of `Cookie` that are looked at; browsers and servers stop at half of it.
pub const MAX_COOKIE_BYTES: usize = 16_384;

const DIGITS: usize = 32;
const PREFIX: &str = "v1.";

/// Why a tag, a key or a cookie was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TagError {
    /// Not `v1.KEYID.HEX`.
    #[error(
        "tag: not of the form v1.KEYID.HEX with 1 to 16 letters or digits and 32 hexadecimal digits; ask the guard for a new one"
    )]
    Malformed,
    /// Two viewer cookies: one of them may have been planted by another host of the domain.
    #[error("cookie: the viewer's tag was sent twice; clear it and ask the guard for a new one")]
    Ambiguous,
    /// Cookies beyond the limit.
    #[error("cookie: more than 16384 bytes; send fewer cookies")]
    TooLong,
    /// A key id that is not 1 to 16 lower-case letters or digits, or one that is used twice.
    #[error("keys: each id must be 1 to 16 lower-case letters or digits and differ from the others")]
    KeyId,
    /// No key, or more than [`MAX_KEYS`].
    #[error("keys: a ring holds 1 to 8 keys; retire old ones")]
    KeyCount,
    /// A part of the identity longer than [`MAX_PART`].
    #[error("identity: system, tenant and subject may have 1024 bytes each; shorten or hash the identifier")]
    PartTooLong,
}

/// A viewer's or subject's tag. Its `Debug` form shows the key id only.
#[derive(Clone, Eq)]
pub struct Tag(Box<str>);

impl Tag {
    /// Reads a tag.
    ///
    /// # Errors
    /// [`TagError::Malformed`] for anything but the exact form.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let (id, digits) = text
            .strip_prefix(PREFIX)
            .filter(|_| text.len() <= MAX_TAG)
            .and_then(|rest| rest.split_once('.'))
            .ok_or(TagError::Malformed)?;
        let is_hex =
            digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_key_id(id) || !is_hex {
            return Err(TagError::Malformed);
        }
        Ok(Self(text.into()))
    }

    /// The viewer's tag among the request's cookies; none if there is none.
    ///
    /// # Errors
    /// If it is malformed, sent twice, or the cookies are too long to look through.
    pub fn of_viewer(headers: &HeaderMap) -> Result<Option<Self>, TagError> {
        let lines = || headers.get_all(header::COOKIE).iter().map(http::HeaderValue::as_bytes);
        if lines().map(<[u8]>::len).sum::<usize>() > MAX_COOKIE_BYTES {
            return Err(TagError::TooLong);
        }
        let mut found = None;
        for cookie in lines().flat_map(|line| line.split(|byte| *byte == b';')) {
            let Some(value) = cookie
                .trim_ascii()
                .strip_prefix(VIEWER_COOKIE.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            if found.is_some() {
                return Err(TagError::Ambiguous);
            }
            found = Some(Self::parse(std::str::from_utf8(value).map_err(|_| TagError::Malformed)?)?);
        }
        Ok(found)
    }

    /// As header and cookie value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Id of the key it was made with.
    pub fn key_id(&self) -> &str {
        // The constructor leaves two dots; without them there is no id.
        self.0.split('.').nth(1).unwrap_or_default()
    }
}

/// In constant time for tags of equal length.
impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({PREFIX}{}.…)", self.key_id())
    }
}

/// Whose tag.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// Name of the protected system.
    pub system: &'a str,
    /// The tenant.
    pub tenant: &'a str,
    /// The system's own identifier of the person, or a hash of the session.
    pub subject: &'a str,
}

/// Keys for tags, the current one first. Wiped when dropped.
pub struct Keyring(Vec<(Box<str>, Zeroizing<[u8; 32]>)>);

impl Keyring {
    /// A ring of `(id, key)`; new tags are made with the first, tags of all of them are recognised.
    ///
    /// # Errors
    /// If an id is malformed or used twice, or the number of keys is out of bounds.
    pub fn new(keys: impl IntoIterator<Item = (String, Zeroizing<[u8; 32]>)>) -> Result<Self, TagError> {
        let mut ring: Vec<(Box<str>, Zeroizing<[u8; 32]>)> = Vec::with_capacity(MAX_KEYS);
        for (id, key) in keys {
            if !is_key_id(&id) || ring.iter().any(|(known, _)| **known == *id) {
                return Err(TagError::KeyId);
            }
            if ring.len() == MAX_KEYS {
                return Err(TagError::KeyCount);
            }
            ring.push((id.into(), key));
        }
        if ring.is_empty() { Err(TagError::KeyCount) } else { Ok(Self(ring)) }
    }

    /// The identity's tag under the current key.
    ///
    /// # Errors
    /// [`TagError::PartTooLong`].
    pub fn tag(&self, identity: Identity<'_>) -> Result<Tag, TagError> {
        let (id, key) = &self.0[0]; // a ring is never empty
        make(id, key, identity)
    }

    /// Whether the tag is the identity's under the key that it names; in constant time.
    ///
    /// # Errors
    /// [`TagError::PartTooLong`].
    pub fn verify(&self, tag: &Tag, identity: Identity<'_>) -> Result<bool, TagError> {
        match self.0.iter().find(|(id, _)| **id == *tag.key_id()) {
            Some((id, key)) => Ok(make(id, key, identity)? == *tag),
            None => Ok(false),
        }
    }

    /// What the guard must do with a response on a personal route, given the viewer's tag (as the browser sent it) and
    /// the person whom the request's session belongs to.
    ///
    /// # Errors
    /// [`TagError::PartTooLong`].
    pub fn bind(&self, viewer: Option<&Tag>, session: Option<Identity<'_>>) -> Result<Binding, TagError> {
        let Some(identity) = session else { return Ok(Binding::Anonymous) };
        if let Some(viewer) = viewer
            && self.verify(viewer, identity)?
        {
            // Under the key of the cookie, so that a rotation refuses nobody's page.
            return Ok(Binding::Bound(viewer.clone()));
        }
        Ok(Binding::Rebind(self.tag(identity)?))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// What the guard must do with a response on a personal route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The response is about nobody: it carries [`ANONYMOUS`].
    Anonymous,
    /// It carries this tag, which is the viewer's.
    Bound(Tag),
    /// The browser does not hold this tag yet (or another person's), so that the edge would refuse the page. Instead of the
    /// page, a redirect to the same address that carries [`ANONYMOUS`] and sets [`VIEWER_COOKIE`] to it; 307 for `GET`, and
    /// for other methods after the origin has answered, so that nothing is done twice.
    Rebind(Tag),
}

fn is_key_id(id: &str) -> bool {
    (1..=MAX_KEY_ID).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
}

fn make(id: &str, key: &Zeroizing<[u8; 32]>, identity: Identity<'_>) -> Result<Tag, TagError> {
    let Identity { system, tenant, subject } = identity;
    // HMAC takes keys of any length, so that this cannot fail for 32 bytes.
    let mut mac = Hmac::<Sha256>::new_from_slice(&key[..]).map_err(|_| TagError::KeyId)?;
    mac.update(b"suimon-viewer-tag-v1,");
    for part in [id, system, tenant, subject] {
        if part.len() > MAX_PART {
            return Err(TagError::PartTooLong);
        }
        mac.update(part.len().to_string().as_bytes());
        mac.update(b":");
        mac.update(part.as_bytes());
        mac.update(b",");
    }
    let mut text = String::with_capacity(MAX_TAG);
    text.push_str(PREFIX);
    text.push_str(id);
    text.push('.');
    for byte in mac.finalize().into_bytes().iter().take(DIGITS / 2) {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0')); // a nibble is below 16
        }
    }
    Ok(Tag(text.into()))
}
