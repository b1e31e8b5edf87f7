//! Import of subjects: from a file, streaming, or in batches through the API.
//!
//! Two modes. *Keep good*: each chunk is a transaction of its own together with the progress of the run; rows that are wrong
//! are refused with line and reason; the same file imported again changes nothing that is there already, so a killed import is
//! simply run again. *All or nothing*: one wrong row and nothing is kept. A file is read twice: first to check every row,
//! then to write them in a single transaction. Batches are kept sealed and out of sight of every reader until the last one
//! has come, and are then written in a single transaction; when one had a wrong row, or the last one does not come within a
//! day, they are deleted.
//!
//! A row states the whole record of a person: an existing person of the same tenant and external id is replaced by it, or left
//! untouched when nothing differs. An erased person stays erased.

mod batch;
mod decode;
mod engine;
mod file;
mod row;
mod run;
mod seal;
mod source;
mod store;
mod tenants;

pub use batch::{Batch, BatchReport, MAX_BATCH, MAX_WHOLE, import_batch};
pub use decode::Encoding;
pub use file::{ImportFile, Progress, import_file};
pub(super) use row::is_mail;
pub use row::{RawRow, RowProblem};
pub use run::{ImportReport, Mode, State};
pub use source::FileKind;
pub use tenants::{TenantsReport, import_tenants};

/// For `vault::fuzzing`.
#[cfg(fuzzing)]
pub(super) mod fuzzing {
    pub use super::engine::check_row;
    pub use super::source::{FileKind, Source};
}
