use std::fmt;

use rand_core::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::aead::{Aead, SEALED_OVERHEAD, plaintext_len};
use crate::context::at_field;
use crate::record::{RecordBuilder, SealedRecord};
use crate::{Error, FieldContext, Plaintext, RecordContext, SubjectKey};

/// Seals and opens the fields of one person. Holds the expanded AES key, so that the eight fields of a person cost one
/// key schedule and not eight.
pub struct FieldCipher(Aead);

impl FieldCipher {
    /// Expands the key.
    pub fn new(key: &SubjectKey) -> Self {
        Self(key.aead())
    }

    /// Seals a text for one place. Output: [`SEALED_OVERHEAD`] bytes more than the text.
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::TooLarge`].
    pub fn seal(
        &self,
        place: &FieldContext<'_>,
        plaintext: &Plaintext,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        self.seal_bytes(place, plaintext.expose().as_bytes(), rng)
    }

    /// Seals bytes for one place; see [`FieldCipher::seal`].
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::TooLarge`].
    pub fn seal_bytes(
        &self,
        place: &FieldContext<'_>,
        plaintext: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(plaintext.len().saturating_add(SEALED_OVERHEAD));
        at_field(place, |place| self.0.seal_into(place, plaintext, rng, &mut out))?;
        Ok(out)
    }

    /// Opens a text that was sealed for exactly this place.
    ///
    /// # Errors
    /// [`Error::DoesNotOpen`] whatever the reason; [`Error::NotText`] when it was sealed from other bytes;
    /// [`Error::Name`] when the place itself is impossible.
    pub fn open(&self, place: &FieldContext<'_>, sealed: &[u8]) -> Result<Plaintext, Error> {
        Plaintext::from_utf8(self.open_bytes(place, sealed)?)
    }

    /// Opens bytes that were sealed for exactly this place. They are wiped when dropped.
    ///
    /// # Errors
    /// As [`FieldCipher::open`], without [`Error::NotText`].
    pub fn open_bytes(&self, place: &FieldContext<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        at_field(place, |place| {
            let mut out = Zeroizing::new(vec![0; plaintext_len(sealed)?]);
            self.0.open_into(place, sealed, &mut out)?;
            Ok(out)
        })
    }

    /// Seals all fields of a person into one record, ready to be stored.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::DuplicateField`] and [`Error::TooLarge`].
    pub fn seal_record<'f>(
        &self,
        place: &RecordContext<'_>,
        fields: impl IntoIterator<Item = (&'f str, &'f Plaintext)>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        let mut record = RecordBuilder::new();
        for (name, plaintext) in fields {
            record.insert(name, self.seal(&place.field(name), plaintext, rng)?)?;
        }
        record.encode()
    }

    /// Opens one field of a record and touches no other. `None` when the record has no such field.
    ///
    /// # Errors
    /// As [`FieldCipher::open`].
    pub fn open_field(
        &self,
        place: &RecordContext<'_>,
        record: &SealedRecord<'_>,
        field: &str,
    ) -> Result<Option<Plaintext>, Error> {
        record.get(field).map(|sealed| self.open(&place.field(field), sealed)).transpose()
    }
}

impl ZeroizeOnDrop for FieldCipher {}

impl fmt::Debug for FieldCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldCipher(…)")
    }
}
