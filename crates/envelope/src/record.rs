//! All sealed fields of one person in one byte string, so that one row carries them. Only names and lengths are in
//! clear. The bytes come from a database that may be hostile: every length is checked before it is used.

use std::collections::BTreeMap;
use std::fmt;

use crate::Error;
use crate::aead::SEALED_OVERHEAD;
use crate::context::{MAX_NAME, check_name};

/// First byte of a record. Different from the format byte of a sealed value, so that one is never taken for the other.
const RECORD_FORMAT: u8 = 0x81;

/// Most fields of one record.
pub const MAX_FIELDS: usize = 256;

/// Longest encoded record, in bytes (1 MiB).
pub const MAX_RECORD: usize = 1024 * 1024;

const HEADER_LEN: usize = 1 + 2;

/// Collects sealed fields and writes them in the one canonical order (by name).
#[derive(Default)]
pub struct RecordBuilder(BTreeMap<String, Vec<u8>>);

impl RecordBuilder {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field that is not there yet.
    ///
    /// # Errors
    /// [`Error::DuplicateField`], [`Error::Name`], and [`Error::DoesNotOpen`] for bytes too short to be sealed ones.
    pub fn insert(&mut self, name: &str, sealed: Vec<u8>) -> Result<(), Error> {
        if self.0.contains_key(name) {
            return Err(Error::DuplicateField);
        }
        self.replace(name, sealed)
    }

    /// Adds or replaces a field.
    ///
    /// # Errors
    /// [`Error::Name`], and [`Error::DoesNotOpen`] for bytes too short to be sealed ones.
    pub fn replace(&mut self, name: &str, sealed: Vec<u8>) -> Result<(), Error> {
        check_name("field name", name)?;
        if sealed.len() < SEALED_OVERHEAD {
            return Err(Error::DoesNotOpen);
        }
        self.0.insert(name.to_owned(), sealed);
        Ok(())
    }

    /// Takes a field out; returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The bytes to store.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond [`MAX_FIELDS`] or [`MAX_RECORD`].
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        if self.0.len() > MAX_FIELDS {
            return Err(Error::TooLarge { what: "number of fields in a record", limit: MAX_FIELDS });
        }
        let len =
            self.0.iter().map(|(name, sealed)| 1 + name.len() + 4 + sealed.len()).sum::<usize>() + HEADER_LEN;
        if len > MAX_RECORD {
            return Err(Error::TooLarge { what: "number of bytes in a record", limit: MAX_RECORD });
        }
        // The casts below cannot cut: at most 256 fields, names of 128 bytes, 1 MiB in all.
        let mut out = Vec::with_capacity(len);
        out.push(RECORD_FORMAT);
        out.extend_from_slice(&(self.0.len() as u16).to_be_bytes());
        for (name, sealed) in &self.0 {
            out.push(name.len() as u8);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&(sealed.len() as u32).to_be_bytes());
            out.extend_from_slice(sealed);
        }
        Ok(out)
    }
}

/// To change some fields of a stored record: the others are taken over as they are, unopened.
impl From<&SealedRecord<'_>> for RecordBuilder {
    fn from(record: &SealedRecord<'_>) -> Self {
        Self(record.iter().map(|(name, sealed)| (name.to_owned(), sealed.to_vec())).collect())
    }
}

/// A stored record, checked once as a whole and then read in place.
#[derive(Clone, Copy)]
pub struct SealedRecord<'a> {
    count: usize,
    entries: &'a [u8],
}

impl<'a> SealedRecord<'a> {
    /// Checks format, bounds, names and their order. Opens nothing, copies nothing.
    ///
    /// # Errors
    /// [`Error::MalformedRecord`] with the rule that is broken; [`Error::TooLarge`] beyond a limit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_RECORD {
            return Err(Error::TooLarge { what: "number of bytes in a record", limit: MAX_RECORD });
        }
        let (&format, rest) = bytes.split_first().ok_or(Error::MalformedRecord("empty"))?;
        if format != RECORD_FORMAT {
            return Err(Error::MalformedRecord("unknown format byte"));
        }
        let (count, entries) =
            rest.split_first_chunk().ok_or(Error::MalformedRecord("cut off in the header"))?;
        let count = usize::from(u16::from_be_bytes(*count));
        if count > MAX_FIELDS {
            return Err(Error::TooLarge { what: "number of fields in a record", limit: MAX_FIELDS });
        }
        let mut rest = entries;
        let mut previous = "";
        for _ in 0..count {
            let (name, sealed, after) =
                split_entry(rest).ok_or(Error::MalformedRecord("cut off in a field"))?;
            let name =
                std::str::from_utf8(name).map_err(|_| Error::MalformedRecord("field name is not UTF-8"))?;
            check_name("field name", name).map_err(|_| Error::MalformedRecord("impossible field name"))?;
            if name <= previous {
                return Err(Error::MalformedRecord("fields out of order or twice"));
            }
            if sealed.len() < SEALED_OVERHEAD {
                return Err(Error::MalformedRecord("field too short to be sealed"));
            }
            (previous, rest) = (name, after);
        }
        if !rest.is_empty() {
            return Err(Error::MalformedRecord("bytes after the last field"));
        }
        Ok(Self { count, entries })
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The sealed bytes of one field, borrowed.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find_map(|(candidate, sealed)| (candidate == name).then_some(sealed))
    }

    /// Names and sealed bytes in the order of names, borrowed.
    pub fn iter(&self) -> RecordFields<'a> {
        RecordFields { rest: self.entries }
    }
}

impl<'a> IntoIterator for &SealedRecord<'a> {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = RecordFields<'a>;

    fn into_iter(self) -> RecordFields<'a> {
        self.iter()
    }
}

/// Names are not personal data and help; the sealed bytes would only fill the log.
impl fmt::Debug for RecordBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordBuilder")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Names only, as for [`RecordBuilder`].
impl fmt::Debug for SealedRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedRecord")?;
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// Iterator over a [`SealedRecord`].
#[derive(Clone)]
pub struct RecordFields<'a> {
    rest: &'a [u8],
}

/// Names only, as for [`RecordBuilder`].
impl fmt::Debug for RecordFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordFields")?;
        f.debug_set().entries(self.clone().map(|(name, _)| name)).finish()
    }
}

impl<'a> Iterator for RecordFields<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // `parse` went over the same bytes with the same steps: `None` here is the end.
        let (name, sealed, rest) = split_entry(self.rest)?;
        self.rest = rest;
        Some((std::str::from_utf8(name).ok()?, sealed))
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&name_len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(name_len))?;
    let (sealed_len, rest) = rest.split_first_chunk()?;
    let (sealed, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*sealed_len)).ok()?)?;
    Some((name, sealed, rest))
}

const _: () = assert!(MAX_NAME <= u8::MAX as usize, "the length of a name has one byte");
