//! Where a ciphertext belongs. The place is not stored with the ciphertext but must be named again to open it, so a
//! ciphertext that is moved to another tenant, person, column or key version does not open.

use crate::Error;
use crate::aead::FORMAT;

/// Longest record type, field name or KEK id, in bytes of UTF-8.
pub const MAX_NAME: usize = 128;

/// The column of one field of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldContext<'a> {
    /// Tenant id, the 16 bytes of its UUID.
    pub tenant: [u8; 16],
    /// Declared record type, for example `applicant`.
    pub record_type: &'a str,
    /// Subject id, the 16 bytes of its UUID.
    pub subject: [u8; 16],
    /// Declared field name, for example `date_of_birth`.
    pub field: &'a str,
    /// Version of the subject key that seals the field.
    pub key_version: u32,
}

/// All fields of one person: a [`FieldContext`] without the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordContext<'a> {
    /// Tenant id, the 16 bytes of its UUID.
    pub tenant: [u8; 16],
    /// Declared record type.
    pub record_type: &'a str,
    /// Subject id, the 16 bytes of its UUID.
    pub subject: [u8; 16],
    /// Version of the subject key that seals the fields.
    pub key_version: u32,
}

impl<'a> RecordContext<'a> {
    /// The place of one field in this record.
    pub fn field<'b>(&self, field: &'b str) -> FieldContext<'b>
    where
        'a: 'b,
    {
        let Self { tenant, record_type, subject, key_version } = *self;
        FieldContext { tenant, record_type, subject, field, key_version }
    }
}

/// The place of a subject key that is wrapped by its tenant's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectKeyContext {
    /// Tenant id, the 16 bytes of its UUID.
    pub tenant: [u8; 16],
    /// Subject id, the 16 bytes of its UUID.
    pub subject: [u8; 16],
    /// Version of the wrapping tenant key; stored in front, so that a reader knows which one to load.
    pub tenant_key_version: u32,
    /// Version of the subject key inside.
    pub key_version: u32,
}

/// The place of a tenant key that is wrapped by the key-encryption key. The id of that key is bound by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantKeyContext {
    /// Tenant id, the 16 bytes of its UUID.
    pub tenant: [u8; 16],
    /// Version of the tenant key inside; stored in front.
    pub key_version: u32,
}

/// What a ciphertext is for. The numbers are part of the format: never reuse one.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Purpose {
    TenantKey = 1,
    SubjectKey = 2,
    Field = 3,
}

/// Bytes of a place without its names: format, purpose, seven lengths of two bytes, two ids, two versions.
const FIXED: usize = 2 + 7 * 2 + 2 * 16 + 2 * 4;
const LONGEST: usize = FIXED + 3 * MAX_NAME;
/// A field's two names have together hardly ever more bytes. What is made for every field that is sealed or opened should not
/// begin with clearing four times as much.
const SHORT_NAMES: usize = 40;
const SHORT: usize = FIXED + SHORT_NAMES;

/// The additional data of AES-GCM: every component with its length in front, always the same components in the same
/// order (an absent one has length 0), so two different places never encode to the same bytes.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) bytes: &'a [u8],
    /// The key version that stands in front of the nonce.
    pub(crate) header_version: u32,
}

/// Runs `then` with the place of a field.
#[inline]
pub(crate) fn at_field<T>(
    context: &FieldContext<'_>,
    then: impl FnOnce(Place<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let FieldContext { record_type, field, .. } = context;
    check_name("record type", record_type)?;
    check_name("field name", field)?;
    if record_type.len() + field.len() <= SHORT_NAMES {
        let mut data = AdditionalData::<SHORT>::empty(context.key_version);
        data.field(context);
        then(data.place())
    } else {
        let mut data = AdditionalData::<LONGEST>::empty(context.key_version);
        data.field(context);
        then(data.place())
    }
}

/// A place as it is written. Kept on the stack.
pub(crate) struct AdditionalData<const N: usize = LONGEST> {
    bytes: [u8; N],
    len: usize,
    header_version: u32,
}

struct Components<'a> {
    purpose: Purpose,
    kek_id: &'a [u8],
    tenant: &'a [u8],
    record_type: &'a [u8],
    subject: &'a [u8],
    field: &'a [u8],
    wrapping_version: &'a [u8],
    key_version: &'a [u8],
    header_version: u32,
}

impl<const N: usize> AdditionalData<N> {
    #[inline]
    fn empty(header_version: u32) -> Self {
        Self { bytes: [0; N], len: 0, header_version }
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place { bytes: &self.bytes[..self.len], header_version: self.header_version }
    }

    /// What `encode` gives (a test compares), but with parts of fixed lengths: it would otherwise cost a fifth of the sealing.
    #[inline]
    fn field(&mut self, context: &FieldContext<'_>) {
        let FieldContext { tenant, record_type, subject, field, key_version } = context;
        self.fixed([FORMAT, Purpose::Field as u8, 0, 0, 0, 16]);
        self.fixed(*tenant);
        self.fixed((record_type.len() as u16).to_be_bytes());
        self.raw(record_type.as_bytes());
        self.fixed([0, 16]);
        self.fixed(*subject);
        self.fixed((field.len() as u16).to_be_bytes());
        self.raw(field.as_bytes());
        self.fixed([0, 0, 0, 4]);
        self.fixed(key_version.to_be_bytes());
    }

    #[inline]
    fn fixed<const M: usize>(&mut self, part: [u8; M]) {
        self.bytes[self.len..self.len + M].copy_from_slice(&part);
        self.len += M;
    }

    #[inline]
    fn raw(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

impl AdditionalData {
    pub(crate) fn of_subject_key(context: &SubjectKeyContext) -> Self {
        let SubjectKeyContext { tenant, subject, tenant_key_version, key_version } = context;
        Self::encode(&Components {
            purpose: Purpose::SubjectKey,
            kek_id: &[],
            tenant,
            record_type: &[],
            subject,
            field: &[],
            wrapping_version: &tenant_key_version.to_be_bytes(),
            key_version: &key_version.to_be_bytes(),
            header_version: *tenant_key_version,
        })
    }

    /// `kek_id` has been checked when the KEK was made.
    pub(crate) fn of_tenant_key(kek_id: &str, context: &TenantKeyContext) -> Self {
        let TenantKeyContext { tenant, key_version } = context;
        Self::encode(&Components {
            purpose: Purpose::TenantKey,
            kek_id: kek_id.as_bytes(),
            tenant,
            record_type: &[],
            subject: &[],
            field: &[],
            wrapping_version: &[],
            key_version: &key_version.to_be_bytes(),
            header_version: *key_version,
        })
    }

    // Inlined, or the buffer is copied on its way out.
    #[inline]
    fn encode(components: &Components<'_>) -> Self {
        let mut out = Self::empty(components.header_version);
        out.raw(&[FORMAT, components.purpose as u8]);
        let Components { kek_id, tenant, record_type, subject, field, wrapping_version, key_version, .. } =
            components;
        for part in [kek_id, tenant, record_type, subject, field, wrapping_version, key_version] {
            // Names are at most MAX_NAME bytes and ids 16, so the length fits.
            out.raw(&(part.len() as u16).to_be_bytes());
            out.raw(part);
        }
        out
    }
}

/// Names are bound byte by byte: an empty, endless or invisible one is a mistake in a manifest.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    // Checked for every field that is sealed or opened, and nearly every name is ASCII: bytes before characters.
    let plain = |name: &str| {
        // To the end whatever it meets: names are short and in order, and without a way out the loop is unrolled.
        name.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
            || !name.chars().any(char::is_control)
    };
    if name.is_empty() || name.len() > MAX_NAME || !plain(name) {
        return Err(Error::Name { what, limit: MAX_NAME });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_fit_and_longer_ones_are_refused() {
        let longest = "x".repeat(MAX_NAME);
        let place = FieldContext {
            tenant: [1; 16],
            record_type: &longest,
            subject: [2; 16],
            field: &longest,
            key_version: 1,
        };
        assert!(at_field(&place, |_| Ok(())).is_ok());
        AdditionalData::of_tenant_key(&longest, &TenantKeyContext { tenant: [1; 16], key_version: 1 });

        let longer = "x".repeat(MAX_NAME + 1);
        for bad in ["", longer.as_str(), "na\0me"] {
            assert_eq!(
                at_field(&FieldContext { field: bad, ..place }, |_| Ok(())).err(),
                Some(Error::Name { what: "field name", limit: MAX_NAME })
            );
        }
    }

    #[test]
    fn the_boundary_between_names_is_bound() {
        let one =
            FieldContext { tenant: [0; 16], record_type: "ab", subject: [0; 16], field: "c", key_version: 1 };
        let two = FieldContext { record_type: "a", field: "bc", ..one };
        let encode = |place| at_field(place, |place| Ok(place.bytes.to_vec())).unwrap();
        assert_ne!(encode(&one), encode(&two));
    }

    #[test]
    fn the_short_way_of_a_field_gives_the_encoding_of_all() {
        let (long, longest) = ("x".repeat(20), "y".repeat(MAX_NAME));
        for (record_type, field) in [
            ("applicant", "date_of_birth"),
            ("a", "氏名"),
            (&longest, &longest),
            // On both sides of what the short buffer takes.
            (&long, &"z".repeat(SHORT_NAMES - 20)),
            (&long, &"z".repeat(SHORT_NAMES - 19)),
        ] {
            let place =
                FieldContext { tenant: [0xaa; 16], record_type, subject: [0xbb; 16], field, key_version: 7 };
            let whole = AdditionalData::encode(&Components {
                purpose: Purpose::Field,
                kek_id: &[],
                tenant: &place.tenant,
                record_type: record_type.as_bytes(),
                subject: &place.subject,
                field: field.as_bytes(),
                wrapping_version: &[],
                key_version: &7_u32.to_be_bytes(),
                header_version: 7,
            });
            let short = at_field(&place, |place| Ok((place.bytes.to_vec(), place.header_version))).unwrap();
            let whole = whole.place();
            assert_eq!(short, (whole.bytes.to_vec(), whole.header_version));
        }
    }

    #[test]
    fn the_encoding_is_fixed() {
        let place = FieldContext {
            tenant: [0xaa; 16],
            record_type: "applicant",
            subject: [0xbb; 16],
            field: "name",
            key_version: 7,
        };
        assert_eq!(
            at_field(&place, |place| Ok(hex::encode(place.bytes))).unwrap(),
            concat!(
                "0103",                                 // format, purpose
                "0000",                                 // no KEK id
                "0010aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", // tenant
                "00096170706c6963616e74",               // record type
                "0010bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", // subject
                "00046e616d65",                         // field
                "0000",                                 // no wrapping key version
                "000400000007",                         // key version
            )
        );
    }
}
