//! Files in, changes or located problems out.

use async_graphql::{Enum, InputObject, Object, SimpleObject, Union};

use super::super::problem::{Problem, settle};
use super::super::scalars::Instant;
use super::ManifestKind;
use crate::requirements::{self, Outcome, PlannedChange, manifest};

/// A file of manifests: YAML or JSON.
#[derive(InputObject)]
pub struct ManifestFile {
    /// How problems name it.
    name: String,
    content: String,
}

pub fn bytes(files: Vec<ManifestFile>) -> Vec<requirements::ManifestFile> {
    files
        .into_iter()
        .map(|ManifestFile { name, content }| requirements::ManifestFile { name, content: content.into() })
        .collect()
}

/// What applying does to one manifest.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "requirements::ChangeKind")]
pub enum ManifestChangeKind {
    /// The first version, or the first one after a withdrawal.
    Create,
    /// A new version.
    Update,
    /// A version that ends it.
    Withdraw,
    /// Nothing is stored.
    Unchanged,
}

/// A value that differs from the version before.
#[derive(SimpleObject)]
pub struct ManifestDifference {
    /// Where in the manifest, for example `spec.recordTypes[applicant].fields[email].searchable`.
    path: String,
    /// JSON; null when it is new.
    before: Option<String>,
    /// JSON; null when it was removed.
    after: Option<String>,
}

/// One line of a plan, or of what was applied.
pub struct ManifestChange(pub PlannedChange);

#[Object]
impl ManifestChange {
    async fn kind(&self) -> ManifestKind {
        self.0.kind.into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn system(&self) -> &str {
        &self.0.system
    }

    async fn change(&self) -> ManifestChangeKind {
        self.0.change.into()
    }

    /// The newest stored version before; null for the first one.
    async fn base(&self) -> Option<i32> {
        self.0.base
    }

    /// The version that applying stores; for an unchanged manifest the newest stored one.
    async fn version(&self) -> i32 {
        self.0.version
    }

    async fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    async fn in_force_from(&self) -> Instant {
        self.0.in_force_from.into()
    }

    /// What differs from the version before.
    async fn diff(&self) -> Vec<ManifestDifference> {
        let text = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
        let differences = self.0.diff.iter().map(|change| ManifestDifference {
            path: change.path.clone(),
            before: text(&change.before),
            after: text(&change.after),
        });
        differences.collect()
    }

    /// What somebody should know before applying it.
    async fn notes(&self) -> &[String] {
        &self.0.notes
    }
}

/// Something wrong in a file, with its place.
#[derive(SimpleObject)]
pub struct ManifestProblem {
    file: String,
    /// From 1.
    line: u32,
    /// From 1, in characters.
    column: u32,
    /// Path inside the manifest; empty for the file as a whole.
    path: String,
    message: String,
    /// What to do about it.
    remedy: String,
}

impl From<manifest::Problem> for ManifestProblem {
    fn from(problem: manifest::Problem) -> Self {
        let manifest::Problem { place, path, message, remedy } = problem;
        Self { file: place.file, line: place.line, column: place.column, path, message, remedy }
    }
}

/// What applying would do. With problems there are no changes.
#[derive(SimpleObject)]
pub struct Plan {
    changes: Vec<ManifestChange>,
    problems: Vec<ManifestProblem>,
    /// How many manifests would get a new version.
    pending: i32,
    /// A name for what it was planned against, for `applyManifests`; null with problems.
    base: Option<String>,
}

impl From<requirements::Plan> for Plan {
    fn from(plan: requirements::Plan) -> Self {
        Self {
            base: Some(plan.base.clone()).filter(|base| !base.is_empty()),
            pending: i32::try_from(plan.pending()).unwrap_or(i32::MAX),
            changes: plan.changes.into_iter().map(ManifestChange).collect(),
            problems: plan.problems.into_iter().map(ManifestProblem::from).collect(),
        }
    }
}

/// What was applied, the unchanged ones included.
#[derive(SimpleObject)]
pub struct ManifestsApplied {
    changes: Vec<ManifestChange>,
}

/// The files are wrong; nothing was stored.
#[derive(SimpleObject)]
pub struct ManifestProblems {
    problems: Vec<ManifestProblem>,
}

/// Result of `applyManifests`.
#[derive(Union)]
pub enum ApplyManifestsPayload {
    Applied(ManifestsApplied),
    Refused(ManifestProblems),
    Problem(Problem),
}

impl ApplyManifestsPayload {
    pub fn from_result(result: crate::error::Result<Outcome>) -> async_graphql::Result<Self> {
        Ok(match settle(result)? {
            Ok(Outcome::Applied(changes)) => {
                Self::Applied(ManifestsApplied { changes: changes.into_iter().map(ManifestChange).collect() })
            }
            Ok(Outcome::Refused(problems)) => Self::Refused(ManifestProblems {
                problems: problems.into_iter().map(ManifestProblem::from).collect(),
            }),
            Err(problem) => Self::Problem(problem),
        })
    }
}
