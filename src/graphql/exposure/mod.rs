//! Affected lists: who is affected by an incident, in numbered revisions.

mod difference;
mod enforcement;
mod mutation;
mod reconstruction;
mod scans;
mod types;

pub use mutation::ExposureMutation;
pub use scans::{ExposureScan, ScansMutation, ScansQuery};
pub use types::{ExposureQuery, Revision};
