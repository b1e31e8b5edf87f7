//! Versions, plans and outcomes.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::manifest::{Change, Kind, Problem};

/// A file of manifests as somebody handed it in.
#[derive(Clone, Debug)]
pub struct ManifestFile {
    /// How problems name it; a path on somebody's machine, never opened here.
    pub name: String,
    /// Its bytes: YAML or JSON.
    pub content: Vec<u8>,
}

/// One stored version of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub kind: Kind,
    pub name: String,
    /// Counts from 1.
    pub number: i32,
    /// The system it belongs to; a system belongs to itself.
    pub system: String,
    /// SHA-256 of the canonical JSON.
    pub fingerprint: String,
    /// Canonical JSON of the whole manifest; for a withdrawal that of the version before.
    pub manifest: String,
    /// From `in_force_from` on nothing is in force under this name.
    pub withdrawn: bool,
    pub in_force_from: Timestamp,
    pub applied_at: Timestamp,
    /// The account that applied it.
    pub applied_by: Uuid,
    pub reason: String,
}

/// A version with its specification, read.
#[derive(Clone, Debug)]
pub struct Stated<S> {
    pub version: Version,
    pub spec: Arc<S>,
}

/// What applying would do to one manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The first version, or the first one after a withdrawal.
    Create,
    /// A new version.
    Update,
    /// A version that ends it.
    Withdraw,
    /// Nothing is stored.
    Unchanged,
}

impl ChangeKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Create => "create",
            ChangeKind::Update => "update",
            ChangeKind::Withdraw => "withdraw",
            ChangeKind::Unchanged => "unchanged",
        }
    }
}

/// One line of a plan, or of what was applied.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    pub kind: Kind,
    pub name: String,
    pub system: String,
    pub change: ChangeKind,
    /// The newest stored version before; none for the first one.
    pub base: Option<i32>,
    /// The version that is stored by applying; for an unchanged one the newest stored version.
    pub version: i32,
    pub fingerprint: String,
    pub in_force_from: Timestamp,
    /// What differs from the newest stored version.
    pub diff: Vec<Change>,
    /// What somebody should know before applying it.
    pub notes: Vec<String>,
}

/// What applying a set of files would do. With problems there are no changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub changes: Vec<PlannedChange>,
    pub problems: Vec<Problem>,
    /// A name for what it was planned against; empty with problems.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base: String,
}

impl Plan {
    /// How many manifests would get a new version.
    pub fn pending(&self) -> usize {
        self.changes.iter().filter(|change| change.change != ChangeKind::Unchanged).count()
    }
}

/// A name for what changes were planned against: which manifests, and the newest version of each.
pub(super) fn base<'c>(changes: impl Iterator<Item = &'c PlannedChange>) -> String {
    let mut digest = Sha256::new();
    for PlannedChange { kind, name, base, .. } in changes {
        digest.update(format!("{kind}\n{name}\n{}\n", base.unwrap_or_default()));
    }
    hex::encode(&digest.finalize()[..16])
}

/// What became of an application.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "files with problems are not applied"]
pub enum Outcome {
    /// Everything is stored; those unchanged had nothing to store.
    Applied(Vec<PlannedChange>),
    /// Nothing was stored.
    Refused(Vec<Problem>),
}
