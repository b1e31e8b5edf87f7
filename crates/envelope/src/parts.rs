//! Search by a part of a value: keyed digests of its beginnings, or of its pairs of neighbouring characters.
//!
//! What a thief of the index learns is the price of it: `docs/SEARCH.md` of the service.

use std::fmt;

use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::blind_index::{IndexContext, short_mac};
use crate::{Error, IndexKind};

/// Length of the digest of a part, in bytes: 65,536 different ones a field and tenant, and deliberately no more.
///
/// A digest here is no proof of a match, for every candidate is opened and compared. So digests may collide, and should:
/// among a million names each digest has some sixty people by chance alone, and in that noise a rare pair of characters,
/// the one that would give a rare name away, can no longer be told by how often it occurs. Frequent pairs stand out all the
/// same. Sixty more candidates cost a search about a millisecond.
pub const PART_DIGEST_LEN: usize = 2;

/// Shortest part that is searched for, in characters after normalising: one character is no name, and would list everybody.
pub const MIN_PART: usize = 2;

/// Longest part that is searched for, in characters after normalising.
pub const MAX_PART: usize = 64;

/// Beginnings up to this length have a digest of their own; of a longer one the first so many are looked up.
const MAX_PREFIX: usize = 8;

/// How much of a value can be found by its parts, in characters after normalising: bounds the rows of one person.
pub const MAX_INDEXED: usize = 256;

/// Separates these keys from those of the blind index and names the version of the rules.
const LABEL: &[u8] = b"suimon/envelope/v2/parts";

/// Where in a value a part may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// At its beginning.
    Prefix,
    /// Anywhere.
    Substring,
}

impl Part {
    /// Part of the derivation of keys: never change one.
    fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Substring => "substring",
        }
    }
}

pub(crate) fn label(place: &IndexContext<'_>, kind: IndexKind, part: Part) -> Result<Vec<u8>, Error> {
    let mut label = place.label(LABEL, kind)?;
    label.extend_from_slice(part.as_str().as_bytes());
    Ok(label)
}

/// A part that is searched for, normalised like the values of its field. Wiped when dropped.
pub struct Needle {
    kind: IndexKind,
    part: Part,
    normal: Zeroizing<String>,
}

impl Needle {
    /// Normalises the part.
    ///
    /// # Errors
    /// [`Error::PartLength`] outside [`MIN_PART`] to [`MAX_PART`]; those of normalising.
    pub fn new(kind: IndexKind, part: Part, text: &str) -> Result<Self, Error> {
        let normal = kind.normalise(text)?;
        if !(MIN_PART..=MAX_PART).contains(&normal.chars().count()) {
            return Err(Error::PartLength { least: MIN_PART, most: MAX_PART });
        }
        Ok(Self { kind, part, normal })
    }

    /// Whether an opened value has the part. The index only names candidates; this decides.
    pub fn is_in(&self, value: &str) -> bool {
        let Ok(value) = self.kind.normalise(value) else { return false };
        let value = first(&value, MAX_INDEXED);
        match self.part {
            Part::Prefix => value.starts_with(self.normal.as_str()),
            Part::Substring => value.contains(self.normal.as_str()),
        }
    }
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Needle({}, {:?}, …)", self.kind, self.part)
    }
}

/// Key of the parts of one field of one tenant; see [`TenantKey::part_key`](crate::TenantKey::part_key).
pub struct PartKey {
    kind: IndexKind,
    part: Part,
    mac: Box<Hmac<Sha256>>,
}

impl PartKey {
    pub(crate) fn new(kind: IndexKind, part: Part, key: &[u8; 32]) -> Self {
        let mac = Hmac::new_from_slice(key).expect("HMAC accepts keys of every length");
        Self { kind, part, mac: Box::new(mac) }
    }

    /// The digests to store for a value, each once, in ascending order: their order says nothing about the value's. None
    /// for a value that is shorter than every part.
    ///
    /// # Errors
    /// Those of normalising.
    pub fn digests(&self, text: &str) -> Result<Vec<[u8; PART_DIGEST_LEN]>, Error> {
        let normal = self.kind.normalise(text)?;
        let normal = first(&normal, MAX_INDEXED);
        Ok(sorted(match self.part {
            Part::Prefix => beginnings(normal).map(|part| self.digest(part)).collect(),
            Part::Substring => pairs(normal).map(|part| self.digest(part)).collect(),
        }))
    }

    /// The digests that every value with this part has, each once.
    ///
    /// # Errors
    /// [`Error::PartNotIndexed`] for a part within values of which only beginnings are indexed.
    pub fn look_up(&self, needle: &Needle) -> Result<Vec<[u8; PART_DIGEST_LEN]>, Error> {
        Ok(sorted(match (self.part, needle.part) {
            (Part::Prefix, Part::Substring) => return Err(Error::PartNotIndexed),
            (Part::Prefix, Part::Prefix) => {
                beginnings(&needle.normal).last().map(|part| self.digest(part)).into_iter().collect()
            }
            // A beginning is also a part: its pairs are there, and comparing tells where they stood.
            (Part::Substring, _) => pairs(&needle.normal).map(|part| self.digest(part)).collect(),
        }))
    }

    fn digest(&self, part: &str) -> [u8; PART_DIGEST_LEN] {
        short_mac(&self.mac, part.as_bytes())
    }
}

impl ZeroizeOnDrop for PartKey {}

impl fmt::Debug for PartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartKey({}, {:?}, …)", self.kind, self.part)
    }
}

fn sorted(mut digests: Vec<[u8; PART_DIGEST_LEN]>) -> Vec<[u8; PART_DIGEST_LEN]> {
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// The first characters of a text.
fn first(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

/// Beginnings of 2 to 8 characters.
fn beginnings(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
    ends.take(MAX_PREFIX).skip(MIN_PART - 1).map(|end| &text[..end])
}

/// Pairs of neighbouring characters (Unicode scalar values).
fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.char_indices().map(|(at, character)| at + character.len_utf8()).skip(1);
    text.char_indices().zip(ends).map(|((start, _), end)| &text[start..end])
}
