//! Manifests: the files in which an operator states a system and its requirements.
//!
//! ```yaml
//! apiVersion: suimon/v1
//! kind: Requirement
//! metadata: { name: NFR-CACHE-001 }
//! spec: { … }
//! ```
//!
//! This part is pure: it gets file names and bytes, and gives typed manifests or *all* that is wrong with them, each
//! with file, line, column, path and remedy. It knows no database, no clock and no file system.
//!
//! - [`parse_files`] reads a set that stands alone, [`parse_files_against`] one that may refer to what is stored,
//!   [`parse_files_checked`] one that must also keep rules of the caller;
//! - [`Manifest::fingerprint`] names a version by its content, [`diff()`] shows what a new version changes;

mod access;
mod admission;
mod catalogue;
mod check;
mod check_system;
mod decode;
mod decode_admission;
mod decode_enforcement;
mod decode_requirement;
mod decode_system;
mod decode_waiting;
mod diff;
mod enforcement;
mod estimate;
mod exception;
mod json_schema;
mod limits;
mod measured;
mod model;
mod not_applicable;
mod period;
mod probe;
mod problem;
mod references;
mod requirement;
mod routes;
mod sessions;
mod set;
mod system;
mod tree;
mod values;
mod vocabulary;
mod wording;

pub use access::{AccessCondition, AccessEffect, AccessParams, ConditionOp, Operand};
pub use admission::{
    AdmissionParams, ChannelHeader, Entrance, GroupField, KnownBy, TenantBudget, TenantBudgets, WaitingGroup,
    WaitingOrder, WaitingRoom, clock_time,
};
pub use catalogue::{Catalogue, CatalogueRef, Citation, Relation};
pub(super) use check::{disagreements, of_exception, of_probe};
pub use diff::{Change, diff};
pub use enforcement::{
    CacheParams, EncryptionParams, Enforcement, Indicator, Mechanism, Mode, Params, RetentionAction,
    RetentionParams, SloParams,
};
pub use estimate::SystemEstimate;
pub use exception::{ExceptionSpec, exception_lasting, exception_remedy, too_long};
pub use json_schema::json_schema;
pub use measured::{Measured, UpTo};
pub use model::{API_VERSION, Kind, Localized, Manifest, ManifestError, Spec};
pub use not_applicable::{CataloguePart, NotApplicable};
pub use period::Period;
pub use probe::{Check, ProbeSpec};
pub use problem::{Place, Problem};
pub use requirement::{
    EstimateFigure, Obligation, Percentile, RequirementSpec, RouteClass, Target, Threshold, ThresholdOp,
    ThresholdValue, Verification,
};
pub use sessions::Sessions;
pub use set::{Finding, ManifestSet, parse_estimates, parse_files, parse_files_against, parse_files_checked};
pub use system::{
    Category, Channel, Field, FieldKind, Mask, Method, Operator, Protection, RecordType, Route, Search,
    Shown, SystemSpec,
};

#[cfg(test)]
mod tests;
