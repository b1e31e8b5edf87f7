//! How a requirement stands: evidence, drift, exceptions, approval.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};

use super::super::id;
use super::super::problem::payload;
use super::super::scalars::Instant;
use super::exception::Exception;
use super::requirement::Requirement;
use super::version::ManifestApproval;
use crate::access::Op;
use crate::requirements::{self, NewEvidence};

/// What a check found.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "requirements::CheckResult")]
pub enum CheckResult {
    Pass,
    Fail,
    /// It holds, but not for long, or not everywhere.
    Warn,
    /// The check itself did not work.
    Error,
    /// It was not looked at.
    Skip,
}

/// Whether what was seen of a requirement still says something about it.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "requirements::Standing")]
pub enum EvidenceStanding {
    /// It was seen by the version in force, and that counts still.
    Current,
    /// Its time is over, or that of a probe in force: somebody has to look again.
    Expired,
    /// It was seen by an earlier version only, or of another number: the requirement or its estimate has changed since.
    Stale,
    /// Nobody has looked.
    Unknown,
}

/// How a requirement stands.
pub struct RequirementStatus(pub requirements::Status);

#[Object]
impl RequirementStatus {
    async fn requirement(&self) -> Requirement {
        Requirement::new(self.0.requirement.clone(), None)
    }

    async fn standing(&self) -> EvidenceStanding {
        self.0.standing.into()
    }

    /// The worst of what the collectors say, as far as it still counts; null when nothing does. What was measured is compared with the
    /// number of now, where that follows from an estimate: what passed may fail, and what failed stays failed until somebody looks again.
    async fn result(&self) -> Option<CheckResult> {
        self.0.result.map(CheckResult::from)
    }

    /// The newest evidence of each collector as it was recorded, what no longer counts included.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn evidence(&self) -> Vec<Evidence> {
        self.0.evidence.iter().map(|seen| Evidence(seen.evidence.clone())).collect()
    }

    /// What was measured and is not as declared.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn drift(&self) -> Vec<Drift> {
        self.0.drift.iter().cloned().map(Drift::from).collect()
    }

    /// Exceptions that hold now.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn exceptions(&self) -> Vec<Exception> {
        self.0.exceptions.iter().cloned().map(Exception).collect()
    }

    /// Who approved the version in force; null when nobody has, or when its number follows from an estimate that was applied since.
    async fn approval(&self) -> Option<ManifestApproval> {
        self.0.approval.clone().map(ManifestApproval)
    }
}

/// Something that was measured and is not as declared.
#[derive(SimpleObject)]
pub struct Drift {
    metric: String,
    /// How the measured value is compared: lt, lte, eq, gte, gt, in.
    op: String,
    /// JSON: the declared bound; the number where it follows from an estimate.
    declared: Json<serde_json::Value>,
    /// JSON: the measured value.
    observed: Json<serde_json::Value>,
    unit: String,
    collector: String,
    observed_at: Instant,
}

impl From<requirements::Drift> for Drift {
    fn from(drift: requirements::Drift) -> Self {
        let requirements::Drift { metric, declared, figure, observed, collector, observed_at } = drift;
        let bound = match figure {
            Some(figure) => figure.into(),
            None => serde_json::to_value(&declared.value).unwrap_or_default(),
        };
        Self {
            metric,
            op: declared.op.as_str().to_owned(),
            declared: Json(bound),
            observed: Json(observed),
            unit: declared.unit,
            collector,
            observed_at: observed_at.into(),
        }
    }
}

/// A piece of evidence: what was seen of a requirement, by whom, and how long that counts.
pub struct Evidence(pub requirements::Evidence);

#[Object]
impl Evidence {
    async fn id(&self, context: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(id::encode("Evidence", context.data::<Op>()?.app().root()?, self.0.id))
    }

    async fn requirement(&self) -> &str {
        &self.0.requirement
    }

    /// Who or what saw it: the name of a probe, or another word.
    async fn collector(&self) -> &str {
        &self.0.collector
    }

    /// Of the requirement's version that it is about. With another version in force it is stale.
    async fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    async fn system(&self) -> &str {
        &self.0.system
    }

    async fn result(&self) -> CheckResult {
        self.0.result.into()
    }

    /// JSON: the measured value, in the unit of the requirement's threshold.
    async fn observed(&self) -> Option<Json<serde_json::Value>> {
        self.0.observed.clone().map(Json)
    }

    async fn summary(&self) -> &str {
        &self.0.summary
    }

    /// SHA-256 of the file that shows it; the file itself is kept elsewhere.
    async fn digest(&self) -> Option<&str> {
        self.0.digest.as_deref()
    }

    async fn observed_at(&self) -> Instant {
        self.0.observed_at.into()
    }

    async fn expires_at(&self) -> Instant {
        self.0.expires_at.into()
    }

    async fn recorded_at(&self) -> Instant {
        self.0.recorded_at.into()
    }

    /// The account that recorded it.
    async fn recorded_by(&self, context: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(id::encode("Account", context.data::<Op>()?.app().root()?, self.0.recorded_by))
    }
}

/// New evidence.
#[derive(InputObject)]
pub struct EvidenceInput {
    requirement: String,
    /// The name of a probe that verifies the requirement, or the tool or role that looked; no person.
    collector: String,
    /// The version that was looked at; refused when another one is in force. Without it the one in force, refused when it was seen
    /// before that one began.
    fingerprint: Option<String>,
    /// May be left out where the measured value decides.
    result: Option<CheckResult>,
    /// JSON: a number, a truth value or a word, in the unit of the requirement's threshold.
    observed: Option<Json<serde_json::Value>>,
    /// What was seen; no personal data.
    #[graphql(default)]
    summary: String,
    /// SHA-256 of the file that shows it, in lower-case hexadecimal.
    digest: Option<String>,
    /// Without it: now.
    observed_at: Option<Instant>,
    /// Without it: as long as the probe says, else 90 days after it was seen.
    expires_at: Option<Instant>,
}

impl From<EvidenceInput> for NewEvidence {
    fn from(input: EvidenceInput) -> Self {
        let EvidenceInput {
            requirement,
            collector,
            fingerprint,
            result,
            observed,
            summary,
            digest,
            observed_at,
            expires_at,
        } = input;
        Self {
            requirement,
            collector,
            fingerprint,
            result: result.map(Into::into),
            observed: observed.map(|json| json.0),
            summary,
            digest,
            observed_at: observed_at.map(|at| at.0),
            expires_at: expires_at.map(|at| at.0),
        }
    }
}

payload!(
    /// Result of `recordEvidence`.
    RecordEvidencePayload, Evidence
);
