//! The vault: keys, subjects, search, erasure.
//!
//! ```text
//! KEK (key file) → tenant key → subject key → sealed record (all fields of a person, one column)
//!                      └→ index keys → index rows of searchable fields: whole values, and parts where the manifest says so
//! ```
//! Every field is sealed, also one that its manifest declares as plain: what the manifest states is the least.

mod blob;
mod contact;
mod erase;
mod import;
mod index;
mod kek;
mod keyring;
mod model;
mod read;
mod records;
mod reindex;
mod schema;
mod search;
mod status;
mod store;
mod store_index;
mod subjects;

pub use blob::{MAX_DOCUMENT, open_for_tenant, seal_for_tenant};
pub use contact::{open_tenant_contact, set_tenant_contact};
pub use erase::erase_subject;
pub use import::{
    Batch, BatchReport, Encoding, FileKind, ImportFile, ImportReport, MAX_BATCH, MAX_WHOLE, Mode, Progress,
    RawRow, RowProblem, State, TenantsReport, import_batch, import_file, import_tenants,
};
pub use kek::MasterKey;
pub use keyring::Keyring;
pub use model::{FieldValue, Shown, Subject, SubjectRef, Withheld};
pub use read::{
    find_by_external_id, find_by_external_ids, list_subjects, open_contact, read_fields, read_fields_of,
    subject,
};
pub use records::{plain_fields, records_of};
pub use reindex::handlers;
pub use search::{Found, MAX_MATCHES, SearchMode, search_subjects};
pub use status::{KeyStatus, TenantKeyStatus, key_status};
pub use subjects::Subjects;
