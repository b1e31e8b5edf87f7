use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::ZeroizeOnDrop;

use crate::context::check_name;
use crate::{Error, IndexKind};

/// Length of an index value, in bytes.
///
/// HMAC-SHA-256 gives 32; the first 16 are kept, as RFC 2104 section 5 allows (not below half, not below 80 bits).
/// A false hit needs two values of one field and tenant with the same 128 bits: among ten million values the chance
/// that any pair exists is (10⁷)²/2¹²⁹ ≈ 1.5·10⁻²⁵. Half the length is half the index on disk.
pub const BLIND_INDEX_LEN: usize = 16;

/// Separates index keys from the wrapping key of the tenant and names the version of the normalisation rules.
const LABEL: &[u8] = b"suimon/envelope/v2/index";

/// Version of the rules of normalising, and so of all index keys. Rows that were made by other rules are never found: they
/// are made anew.
pub const INDEX_RULES: u32 = 2;

/// The column that an index key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexContext<'a> {
    /// Tenant id, the 16 bytes of its UUID.
    pub tenant: [u8; 16],
    /// Declared record type.
    pub record_type: &'a str,
    /// Declared field name.
    pub field: &'a str,
}

impl IndexContext<'_> {
    /// The HKDF label of the blind index.
    pub(crate) fn index_label(&self, kind: IndexKind) -> Result<Vec<u8>, Error> {
        self.label(LABEL, kind)
    }

    /// The HKDF label: every component with its length in front, so that no two columns share one.
    pub(crate) fn label(&self, purpose: &[u8], kind: IndexKind) -> Result<Vec<u8>, Error> {
        let Self { tenant, record_type, field } = self;
        check_name("record type", record_type)?;
        check_name("field name", field)?;
        let mut label = purpose.to_vec();
        for part in [tenant.as_slice(), record_type.as_bytes(), field.as_bytes(), kind.as_str().as_bytes()] {
            // Names are at most MAX_NAME bytes, so the length fits.
            label.extend_from_slice(&(part.len() as u16).to_be_bytes());
            label.extend_from_slice(part);
        }
        Ok(label)
    }
}

/// Key of the blind index of one field of one tenant; see [`TenantKey::index_key`](crate::TenantKey::index_key).
/// Holds the keyed HMAC state (on the heap, wiped when dropped), which saves half the hashing of a short value.
pub struct IndexKey {
    kind: IndexKind,
    mac: Box<Hmac<Sha256>>,
}

impl IndexKey {
    pub(crate) fn new(kind: IndexKind, key: &[u8; 32]) -> Self {
        let mac = Hmac::new_from_slice(key).expect("HMAC accepts keys of every length");
        Self { kind, mac: Box::new(mac) }
    }

    /// The value to store beside the ciphertext, or to look up. Equal for all spellings that [`IndexKind`] unites.
    ///
    /// # Errors
    /// [`Error::NothingToIndex`] when nothing is left after normalising, [`Error::NotADate`] for an impossible date.
    pub fn blind(&self, text: &str) -> Result<[u8; BLIND_INDEX_LEN], Error> {
        let normal = self.kind.normalise(text)?;
        Ok(short_mac(&self.mac, normal.as_bytes()))
    }

    /// How values are normalised before they are hashed.
    pub fn kind(&self) -> IndexKind {
        self.kind
    }
}

/// The first `LENGTH` bytes of HMAC-SHA-256.
pub(crate) fn short_mac<const LENGTH: usize>(mac: &Hmac<Sha256>, bytes: &[u8]) -> [u8; LENGTH] {
    let mut mac = mac.clone();
    mac.update(bytes);
    let full: [u8; 32] = mac.finalize().into_bytes().into();
    let mut short = [0; LENGTH];
    short.copy_from_slice(&full[..LENGTH]);
    short
}

impl ZeroizeOnDrop for IndexKey {}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexKey({}, …)", self.kind)
    }
}
