//! The three levels of keys. A key is wiped when dropped, prints no byte, cannot be cloned and cannot be serialised.

use std::fmt;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::aead::{Aead, SEALED_OVERHEAD};
use crate::blind_index::{IndexContext, IndexKey};
use crate::context::{AdditionalData, Place, SubjectKeyContext, TenantKeyContext, check_name};
use crate::parts::{self, Part, PartKey};
use crate::{Error, IndexKind};

/// Length of every key, in bytes.
pub const KEY_LEN: usize = 32;

/// Separates the wrapping key of a tenant from its index keys, which are derived with other labels.
const WRAP_LABEL: &[u8] = b"suimon/envelope/v1/wrap";

/// 32 secret bytes on the heap: moving a key moves a pointer and leaves no copy on the stack.
struct Secret(Box<[u8; KEY_LEN]>);

impl Secret {
    fn zero() -> Self {
        Self(Box::new([0; KEY_LEN]))
    }

    fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut secret = Self::zero();
        rng.fill_bytes(secret.0.as_mut_slice());
        secret
    }

    fn copy_of(bytes: &[u8; KEY_LEN]) -> Self {
        let mut secret = Self::zero();
        secret.0.copy_from_slice(bytes);
        secret
    }

    fn unwrap(aead: &Aead, place: Place<'_>, wrapped: &[u8]) -> Result<Self, Error> {
        let mut secret = Self::zero();
        aead.open_into(place, wrapped, secret.0.as_mut_slice())?;
        Ok(secret)
    }

    fn wrap(
        &self,
        aead: &Aead,
        place: Place<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(KEY_LEN + SEALED_OVERHEAD);
        aead.seal_into(place, self.0.as_slice(), rng, &mut out)?;
        Ok(out)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

/// Key-encryption key: wraps tenant keys. It stays outside the database (key file, environment, key service).
pub struct Kek {
    id: String,
    secret: Secret,
    aead: Aead,
}

impl Kek {
    /// A new key. `id` names it in configuration and rows, and is bound to everything it wraps; it is not secret.
    ///
    /// # Errors
    /// [`Error::Name`] when the id is empty, too long or has control characters.
    pub fn generate(id: &str, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, Error> {
        Self::build(id, Secret::generate(rng))
    }

    /// The key with these bytes, as read from a key file. The caller wipes its own copy.
    ///
    /// # Errors
    /// As [`Kek::generate`].
    pub fn from_bytes(id: &str, bytes: &[u8; KEY_LEN]) -> Result<Self, Error> {
        Self::build(id, Secret::copy_of(bytes))
    }

    fn build(id: &str, secret: Secret) -> Result<Self, Error> {
        check_name("KEK id", id)?;
        let aead = Aead::new(&secret.0);
        Ok(Self { id: id.to_owned(), secret, aead })
    }

    /// The name of this key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The bytes, for writing a new key file. Nothing else needs them.
    pub fn expose_bytes(&self) -> &[u8; KEY_LEN] {
        &self.secret.0
    }

    /// Wraps a tenant key for storage.
    ///
    /// # Errors
    /// None in practice: a key is never too long to be sealed.
    pub fn wrap_tenant_key(
        &self,
        place: &TenantKeyContext,
        key: &TenantKey,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        key.root.wrap(&self.aead, AdditionalData::of_tenant_key(&self.id, place).place(), rng)
    }

    /// Unwraps a stored tenant key.
    ///
    /// # Errors
    /// [`Error::DoesNotOpen`] for another KEK, KEK id, tenant or version, and for altered bytes.
    pub fn unwrap_tenant_key(&self, place: &TenantKeyContext, wrapped: &[u8]) -> Result<TenantKey, Error> {
        let place = AdditionalData::of_tenant_key(&self.id, place);
        Secret::unwrap(&self.aead, place.place(), wrapped).map(TenantKey::build)
    }
}

/// Key of one tenant: wraps subject keys and derives index keys. Expanded once, so keep it (in a bounded cache) while
/// a tenant is active.
pub struct TenantKey {
    root: Secret,
    wrapping: Aead,
}

impl TenantKey {
    /// A new key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::build(Secret::generate(rng))
    }

    /// The key with these bytes, as unwrapped by a key service outside. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self::build(Secret::copy_of(bytes))
    }

    fn build(root: Secret) -> Self {
        let mut wrapping = Secret::zero();
        derive(&root, WRAP_LABEL, &mut wrapping);
        Self { wrapping: Aead::new(&wrapping.0), root }
    }

    /// The bytes, for a key service outside that wraps them itself. Nothing else needs them.
    pub fn expose_bytes(&self) -> &[u8; KEY_LEN] {
        &self.root.0
    }

    /// Wraps a subject key for storage.
    ///
    /// # Errors
    /// None in practice: a key is never too long to be sealed.
    pub fn wrap_subject_key(
        &self,
        place: &SubjectKeyContext,
        key: &SubjectKey,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        key.0.wrap(&self.wrapping, AdditionalData::of_subject_key(place).place(), rng)
    }

    /// Unwraps a stored subject key.
    ///
    /// # Errors
    /// [`Error::DoesNotOpen`] for another tenant key, tenant, subject or version, and for altered bytes.
    pub fn unwrap_subject_key(&self, place: &SubjectKeyContext, wrapped: &[u8]) -> Result<SubjectKey, Error> {
        Secret::unwrap(&self.wrapping, AdditionalData::of_subject_key(place).place(), wrapped).map(SubjectKey)
    }

    /// Derives the key of the blind index of one field. Costs as much as two
    /// sealed fields: keep it while importing or searching.
    ///
    /// # Errors
    /// [`Error::Name`] when the record type or field name cannot be bound.
    pub fn index_key(&self, place: &IndexContext<'_>, kind: IndexKind) -> Result<IndexKey, Error> {
        let label = place.index_label(kind)?;
        let mut key = Secret::zero();
        derive(&self.root, &label, &mut key);
        Ok(IndexKey::new(kind, &key.0))
    }

    /// Derives the key by which the parts of one field's values are indexed: another one than that of the blind index.
    ///
    /// # Errors
    /// As [`TenantKey::index_key`].
    pub fn part_key(&self, place: &IndexContext<'_>, kind: IndexKind, part: Part) -> Result<PartKey, Error> {
        let label = parts::label(place, kind, part)?;
        let mut key = Secret::zero();
        derive(&self.root, &label, &mut key);
        Ok(PartKey::new(kind, part, &key.0))
    }
}

/// HKDF-SHA-256 (RFC 5869) without salt: the root is already uniformly random.
fn derive(root: &Secret, label: &[u8], out: &mut Secret) {
    hkdf_sha256(root.0.as_slice(), label, out.0.as_mut_slice())
        .expect("32 bytes are below the 8,160 that HKDF-SHA-256 can give");
}

pub(crate) fn hkdf_sha256(
    root: &[u8],
    label: &[u8],
    out: &mut [u8],
) -> std::result::Result<(), hkdf::InvalidLength> {
    Hkdf::<Sha256>::new(None, root).expand(label, out)
}

/// Key of one person. Destroying its wrapped form erases the person's fields everywhere.
pub struct SubjectKey(Secret);

impl SubjectKey {
    /// A new key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::generate(rng))
    }

    pub(crate) fn aead(&self) -> Aead {
        Aead::new(&self.0.0)
    }
}

impl ZeroizeOnDrop for Kek {}
impl ZeroizeOnDrop for TenantKey {}
impl ZeroizeOnDrop for SubjectKey {}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({:?}, …)", self.id)
    }
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKey(…)")
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes_gcm::Aes256Gcm;
    use hmac::Hmac;

    /// The markers on the key types are promises; these are the parts that keep them. Does not compile when a feature
    /// flag that wipes key schedules gets lost. `Hmac` bears no marker itself, but consists of `Sha256` states.
    #[test]
    fn the_parts_that_hold_key_material_wipe_themselves() {
        fn wipes<T: ZeroizeOnDrop>() {}
        wipes::<Secret>();
        wipes::<Aes256Gcm>();
        wipes::<Sha256>();
        assert!(std::mem::needs_drop::<Hmac<Sha256>>());
    }
}
