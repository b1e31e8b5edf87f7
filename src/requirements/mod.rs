//! Requirements: what a system promises, as versioned manifests.
//!
//! [`plan`] compares files with the newest stored versions, [`apply`] stores what differs as new immutable versions in one
//! transaction, [`withdraw`] ends one. A version is in force from its `in_force_from` until the next one is; nothing that
//! was in force is ever rewritten, so [`in_force`] answers "which rule held at 11:00?" the same way for ever.
//!
//! Manifests are statements of the operator about its systems, not data of a customer: they belong to the root tenant,
//! and only the operator's people plan, apply and list them. Other parts read the system in force ([`system_in_force`])
//! with whatever scope they hold, because a customer's own data cannot be stored or shown without it.

pub mod manifest;

mod access_rules;
mod admission;
mod agreement;
mod apply;
mod approvals;
mod attest;
mod blind_spots;
mod cache;
mod caching;
mod copies;
mod coverage;
mod covered;
mod estimates;
mod evidence;
mod exceptions;
mod explain;
mod guarded;
mod guarding;
mod measured;
mod model;
mod plan;
mod read;
mod reindex;
mod standing;
mod stated;
mod status;
mod store;
mod store_copies;
mod store_evidence;
mod watched;

pub use access_rules::object_of;
pub use admission::{AdmissionRules, admission_conflicts, admission_rules};
pub use apply::{apply, apply_planned, plan, withdraw};
pub use approvals::{Approval, approval, approve};
pub use attest::attested;
pub use blind_spots::{BlindSpot, Gap, blind_spots};
pub use cache::Manifests;
pub use caching::{caching_rules, is_about, is_about_undeclared};
pub use copies::{CatalogueCopy, ImportedCopy, catalogue_copies, import_catalogue, remove_catalogue_copy};
pub use coverage::{Coverage, EnforcedBy, enforced_by};
pub use covered::{Against, Covered, catalogue_coverage};
pub use estimates::{estimate, estimates, figures};
pub use evidence::{CheckResult, Evidence, NewEvidence, evidence, record, threshold_figure};
pub use exceptions::{StandingException, exception, exceptions, probes};
pub use explain::{Asked, Asker, explain};
pub use guarded::{Guarded, guarded};
pub use guarding::{Kept, kept};
pub use measured::limits_above_measured;
pub use model::{ChangeKind, ManifestFile, Outcome, Plan, PlannedChange, Stated, Version};
pub use read::{
    in_force, names_of_systems, require_system, requirement, requirement_in_force, requirements,
    requirements_in_force, system, system_in_force, systems, versions,
};
pub use reindex::REINDEX;
pub use standing::{StandingAt, standing_at};
pub use status::{Drift, Seen, Standing, Status, gaps, status, statuses};
pub use watched::{EVIDENCE_COUNTS_FOR, WATCHED_PERIOD, Watched, note_watched, weigh_watched};

/// Manifests that a guard takes at most.
pub const MAX_KEPT: usize = 2_000;
