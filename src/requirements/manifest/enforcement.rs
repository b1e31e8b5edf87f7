//! How a requirement is kept: the mechanism and its typed parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::AccessParams;
use super::admission::AdmissionParams;
use super::period::Period;
use super::vocabulary::vocabulary;

/// Which mechanism keeps a requirement, and how strictly.
// serde cannot combine `flatten` with `deny_unknown_fields`; the manifest parser refuses unknown fields itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enforcement {
    /// How strictly.
    pub mode: Mode,
    /// Mechanism and parameters: `mechanism` and `params` in the manifest.
    #[serde(flatten)]
    pub params: Params,
}

impl Enforcement {
    /// The mechanism of the parameters.
    pub fn mechanism(&self) -> Mechanism {
        self.params.mechanism()
    }
}

vocabulary! {
    /// How strictly a requirement is kept.
    pub enum Mode {
        /// Measure only.
        Observe = "observe",
        /// Let it pass, but make a finding.
        Audit = "audit",
        /// Prevent it.
        Enforce = "enforce",
    }
}

vocabulary! {
    /// The part of Suimon that keeps a requirement.
    pub enum Mechanism {
        /// Admission of people and requests at the guard.
        Admission = "admission",
        /// Caching of responses.
        Cache = "cache",
        /// Access policy.
        Access = "access",
        /// Encryption of fields.
        Encryption = "encryption",
        /// Erasure after a period.
        Retention = "retention",
        /// Service level objective, measured.
        Slo = "slo",
    }
}

/// The parameters of each mechanism.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mechanism", content = "params", rename_all = "snake_case")]
pub enum Params {
    /// `mechanism: admission`
    Admission(AdmissionParams),
    /// `mechanism: cache`
    Cache(CacheParams),
    /// `mechanism: access`
    Access(AccessParams),
    /// `mechanism: encryption`
    Encryption(EncryptionParams),
    /// `mechanism: retention`
    Retention(RetentionParams),
    /// `mechanism: slo`
    Slo(SloParams),
}

impl Params {
    /// The mechanism these parameters are for.
    pub fn mechanism(&self) -> Mechanism {
        match self {
            Self::Admission(_) => Mechanism::Admission,
            Self::Cache(_) => Mechanism::Cache,
            Self::Access(_) => Mechanism::Access,
            Self::Encryption(_) => Mechanism::Encryption,
            Self::Retention(_) => Mechanism::Retention,
            Self::Slo(_) => Mechanism::Slo,
        }
    }
}

/// What shared caches may do with responses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum CacheParams {
    /// `rule: no_store`: no cache keeps the response (RFC 9111 section 5.2.2.5).
    NoStore {},
    /// `rule: public`: any cache may keep it.
    #[serde(rename_all = "camelCase")]
    Public {
        /// Seconds of freshness (RFC 9111 section 5.2.2.1).
        max_age: u32,
    },
}

/// Which fields are stored encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptionParams {
    /// Dotted names, `applicant.full_name`; `applicant.*` means every field of the record type.
    pub fields: Vec<String>,
}

/// What happens when data has been kept long enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetentionParams {
    /// Period after the record's last change.
    pub after: Period,
    /// What is done then.
    pub action: RetentionAction,
}

vocabulary! {
    /// What is done with data whose period is over.
    pub enum RetentionAction {
        /// Destroy the subject's key and index entries.
        Erase = "erase",
    }
}

/// A service level objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SloParams {
    /// What is counted as good.
    pub indicator: Indicator,
    /// Share of good events, above 0 and below 1.
    pub objective: f64,
    /// Rolling window over which it is counted.
    pub window: Period,
}

vocabulary! {
    /// What a service level objective counts.
    pub enum Indicator {
        /// Answered without a server error.
        Availability = "availability",
        /// Answered within the requirement's threshold.
        Latency = "latency",
    }
}
