//! The envelope around personal data: which key protects what, and what a stored byte string must look like.
//!
//! ```text
//! KEK ──wraps──▶ tenant key ──wraps──▶ subject key ──seals──▶ field
//!                    └──derives──▶ index keys (one a searchable field)
//! ```
//!
//! Destroying a subject key makes that person's fields unreadable in every copy and backup; destroying a tenant
//! key does the same for a whole tenant. The crate does no I/O, reads no clock and draws no randomness of its own:
//! the generator is passed in.
//!
//! ```
//! # use rand::{SeedableRng, rngs::StdRng};
//! # fn main() -> Result<(), envelope::Error> {
//! # let mut rng = StdRng::seed_from_u64(1);
//! use envelope::{FieldCipher, FieldContext, Plaintext, SubjectKey};
//!
//! let key = SubjectKey::generate(&mut rng);
//! let cipher = FieldCipher::new(&key);
//! let place = FieldContext {
//!     tenant: [1; 16],
//!     record_type: "applicant",
//!     subject: [2; 16],
//!     field: "name",
//!     key_version: 1,
//! };
//! let sealed = cipher.seal(&place, &Plaintext::from("水野 花"), &mut rng)?;
//! let opened = cipher.open(&place, &sealed)?;
//! assert_eq!(opened.expose(), "水野 花");
//! assert_eq!(format!("{opened:?} {opened}"), "[withheld] [withheld]");
//!
//! // The same bytes in another column do not open.
//! assert!(cipher.open(&FieldContext { field: "mail", ..place }, &sealed).is_err());
//! # Ok(()) }
//! ```
//!
//! Wire layouts and what this does *not* protect against: `README.md` of this crate.

mod aead;
mod blind_index;
mod context;
mod date;
mod error;
mod field;
mod hardware;
mod keys;
mod mask;
mod normalise;
mod parts;
mod plaintext;
mod record;
#[cfg(test)]
mod vectors;

pub use aead::{MAX_PLAINTEXT, SEALED_OVERHEAD, sealed_key_version};
pub use blind_index::{BLIND_INDEX_LEN, INDEX_RULES, IndexContext, IndexKey};
pub use context::{FieldContext, MAX_NAME, RecordContext, SubjectKeyContext, TenantKeyContext};
pub use date::iso_date;
pub use error::Error;
pub use field::FieldCipher;
pub use hardware::{HardwareAes, hardware_aes};
pub use keys::{KEY_LEN, Kek, SubjectKey, TenantKey};
pub use mask::MaskRule;
pub use normalise::IndexKind;
pub use parts::{MAX_INDEXED, MAX_PART, MIN_PART, Needle, PART_DIGEST_LEN, Part, PartKey};
pub use plaintext::{Plaintext, WITHHELD};
pub use record::{MAX_FIELDS, MAX_RECORD, RecordBuilder, RecordFields, SealedRecord};
