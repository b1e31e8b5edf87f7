//! AES-256-GCM with the layout that every sealed value has: `format | key version | nonce | ciphertext | tag`.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use rand_core::CryptoRng;

use crate::Error;
use crate::context::Place;

/// First byte of every sealed value. A new algorithm or layout takes the next number.
pub(crate) const FORMAT: u8 = 1;

const VERSION_END: usize = 1 + 4;
const NONCE_LEN: usize = 12;
const NONCE_END: usize = VERSION_END + NONCE_LEN;
const TAG_LEN: usize = 16;

/// Bytes that sealing adds to a plaintext: format 1, key version 4, nonce 12, tag 16.
pub const SEALED_OVERHEAD: usize = NONCE_END + TAG_LEN;

/// Longest plaintext of one field, in bytes (256 KiB). Far below the 64 GiB of AES-GCM: one row is read in one piece,
/// and a stranger who can write to the database must not make the service allocate at will.
pub const MAX_PLAINTEXT: usize = 256 * 1024;

/// Up to here a text is ciphered from one buffer into the other, which for fields is a tenth faster than a copy that is ciphered
/// in place; beyond it is slower (`benches/against_raw.rs`).
const LONG: usize = 512;

/// An expanded key. The schedule is boxed: moving the cipher moves a pointer and leaves no copy of the key behind.
///
/// Nonces are random, 96 bits: NIST SP 800-38D section 8.3 allows 2³² sealings under one key. A subject key seals some
/// dozens of values, a tenant key as many as the tenant has people.
pub(crate) struct Aead(Box<Aes256Gcm>);

impl Aead {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    /// Appends the sealed `plaintext` to `out`.
    pub(crate) fn seal_into(
        &self,
        place: Place<'_>,
        plaintext: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let too_large = Error::TooLarge { what: "number of plaintext bytes", limit: MAX_PLAINTEXT };
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(too_large);
        }
        let start = out.len();
        out.resize(start + plaintext.len() + SEALED_OVERHEAD, 0);
        let (header, rest) = out[start..].split_at_mut(NONCE_END);
        let (text, tag) = rest.split_at_mut(plaintext.len());
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        header[0] = FORMAT;
        header[1..VERSION_END].copy_from_slice(&place.header_version.to_be_bytes());
        header[VERSION_END..].copy_from_slice(&nonce);
        let buffers = if plaintext.len() > LONG {
            text.copy_from_slice(plaintext);
            InOutBuf::from(text)
        } else {
            InOutBuf::new(plaintext, text).map_err(|_| too_large)?
        };
        tag.copy_from_slice(&self.encrypt(&nonce, place.bytes, buffers).map_err(|_| too_large)?);
        Ok(())
    }

    /// Opens `sealed` into `out`, which must have exactly [`plaintext_len`] bytes. On failure `out` holds no plaintext (it may hold
    /// the ciphertext):
    /// the tag is checked before anything is decrypted.
    pub(crate) fn open_into(&self, place: Place<'_>, sealed: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let parts = Parts::of(sealed)?;
        // The version is also part of the additional data; comparing here only saves the work.
        if parts.key_version != place.header_version || parts.ciphertext.len() != out.len() {
            return Err(Error::DoesNotOpen);
        }
        let buffers = if out.len() > LONG {
            out.copy_from_slice(parts.ciphertext);
            InOutBuf::from(out)
        } else {
            InOutBuf::new(parts.ciphertext, out).map_err(|_| Error::DoesNotOpen)?
        };
        self.decrypt(parts.nonce, place.bytes, buffers, parts.tag).map_err(|_| Error::DoesNotOpen)
    }

    pub(crate) fn encrypt(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
    ) -> Result<[u8; 16], aes_gcm::Error> {
        let nonce: &Nonce<_> = nonce.into();
        self.0.encrypt_inout_detached(nonce, aad, buffer).map(Into::into)
    }

    pub(crate) fn decrypt(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
        tag: &[u8; 16],
    ) -> Result<(), aes_gcm::Error> {
        let (nonce, tag): (&Nonce<_>, &Tag) = (nonce.into(), tag.into());
        self.0.decrypt_inout_detached(nonce, aad, buffer, tag)
    }
}

struct Parts<'a> {
    key_version: u32,
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Result<Self, Error> {
        Self::split(sealed).ok_or(Error::DoesNotOpen)
    }

    fn split(sealed: &'a [u8]) -> Option<Self> {
        let (&format, rest) = sealed.split_first()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        if format != FORMAT || ciphertext.len() > MAX_PLAINTEXT {
            return None;
        }
        Some(Self { key_version: u32::from_be_bytes(*version), nonce, ciphertext, tag })
    }
}

/// Length of the plaintext inside `sealed`, in bytes, without opening it.
pub(crate) fn plaintext_len(sealed: &[u8]) -> Result<usize, Error> {
    Ok(Parts::of(sealed)?.ciphertext.len())
}

/// The key version in front of a sealed value: for a field the version of the subject key, for a wrapped subject key
/// the version of the tenant key that opens it, for a wrapped tenant key the version of that key itself.
///
/// It is only a hint for finding the key. Opening authenticates it.
///
/// # Errors
/// [`Error::DoesNotOpen`] when the bytes are not a sealed value.
pub fn sealed_key_version(sealed: &[u8]) -> Result<u32, Error> {
    Ok(Parts::of(sealed)?.key_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation", also in the NIST CAVP set: 256-bit
    /// key, 96-bit nonce, 60 bytes of plaintext, 20 bytes of additional data.
    #[test]
    fn gcm_test_case_16() {
        let key = bytes::<32>("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let nonce = bytes::<12>("cafebabefacedbaddecaf888");
        let aad = bytes::<20>("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plaintext = bytes::<60>(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        let ciphertext = bytes::<60>(concat!(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        ));
        let tag = bytes::<16>("76fc6ece0f4e1768cddf8853bb2d551b");

        let aead = Aead::new(&key);
        let mut buffer = plaintext;
        assert_eq!(aead.encrypt(&nonce, &aad, buffer.as_mut_slice().into()).unwrap(), tag);
        assert_eq!(buffer, ciphertext);
        aead.decrypt(&nonce, &aad, buffer.as_mut_slice().into(), &tag).unwrap();
        assert_eq!(buffer, plaintext);
    }

    #[test]
    fn a_failed_opening_leaves_no_plaintext_in_the_buffer() {
        let aead = Aead::new(&[7; 32]);
        let secret = *b"a secret of exactly thirty-two b";
        let mut buffer = secret;
        let mut tag = aead.encrypt(&[1; 12], b"", buffer.as_mut_slice().into()).unwrap();
        tag[0] ^= 1;
        assert!(aead.decrypt(&[1; 12], b"", buffer.as_mut_slice().into(), &tag).is_err());
        assert_ne!(buffer, secret);
    }
}
