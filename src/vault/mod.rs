//! The vault: keys, subjects, search, erasure.
//!
//! ```text
//! KEK (file, environment, Vault, KMS) → tenant key → subject key → sealed record (all fields of a person, one column)
//!                      └→ index keys → index rows of searchable fields: whole values, and parts where the manifest says so
//! ```
//! Every field is sealed, also one that its manifest declares as plain: what the manifest states is the least.

mod blob;
mod contact;
mod erase;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod import;
mod index;
mod kek;
mod keyring;
mod master;
mod model;
mod read;
mod records;
mod reindex;
mod rekey;
mod rotate;
mod schema;
mod search;
mod status;
mod store;
mod store_due;
mod store_index;
mod store_keys;
mod store_plans;
mod store_secrets;
mod subjects;

pub use blob::{MAX_DOCUMENT, open_for_tenant, rewrap_document, seal_for_tenant};
pub use contact::{open_tenant_contact, set_tenant_contact};
pub use erase::{after_erase, begin_erase, count_due, due, erase_locked, lock_due, purge_batches};
pub use import::{
    Batch, BatchReport, Encoding, FileKind, ImportFile, ImportReport, MAX_BATCH, MAX_WHOLE, Mode, Progress,
    RawRow, RowProblem, State, TenantsReport, import_batch, import_file, import_tenants,
};
pub use kek::{KekProvider, Keks, KeyTrouble, key_file};
pub use keyring::Keyring;
pub use master::Master;
pub use model::{FieldValue, Shown, Subject, SubjectRef, Withheld};
pub use read::{
    find_by_external_id, find_by_external_ids, list_subjects, open_contact, open_contacts, open_to_count,
    read_fields, read_fields_of, subject,
};
pub use records::{plain_fields, records_of};
pub use rekey::{
    REKEY, WHILE, begin_destroy, destroy_below, forget_destroyed, locked_leftovers, move_documents,
    move_people, people_left, rotate_tenant_keys, succeed,
};
pub use rotate::{retire_kek, rotate_kek};
pub use search::{Found, MAX_MATCHES, SearchMode, search_subjects};
pub use status::{EarlierKek, KeyStatus, TenantKeyStatus, key_status};
pub use store::pseudonyms_of;
pub use store_keys::of_other_version;
pub use subjects::{Subjects, by_reference};

/// What the vault does in the background.
pub fn handlers() -> Vec<crate::jobs::Handler> {
    reindex::handlers().into_iter().chain([rotate::HANDLER]).collect()
}
