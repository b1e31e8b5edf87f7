//! How a guard and this service speak: two documents, what goes with them and what comes back. The service trusts these documents
//! whatever list of trusted ones it has: both ends are this program.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::How;
use crate::requirements::manifest::Mode;

/// Asks what a system's guard keeps; with the digest of what is known already, only whether that still holds.
pub const RULES: &str = "query GuardRules($system: String!, $known: String) {
  guardRules(system: $system, known: $known) { digest manifests }
}";

/// Tells what a guard saw.
pub const REPORT: &str = "mutation ReportGuard($input: GuardReportInput!) {
  reportGuard(input: $input) {
    __typename
    ... on GuardReport { recorded incidentNumber }
    ... on Problem { code message field remedy }
  }
}";

/// Both.
pub const DOCUMENTS: [&str; 2] = [RULES, REPORT];

/// A fault, as `GuardFindingInput` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    pub id: Uuid,
    pub at: Timestamp,
    pub route: Option<String>,
    pub kind: String,
    pub grade: String,
    pub effect: String,
}

/// A sighting, as `SightingInput` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sighted {
    pub id: Uuid,
    pub response_id: String,
    pub known: bool,
    pub route: Option<String>,
    pub made_at: Option<Timestamp>,
    pub owner: Option<String>,
    pub seen_at: Timestamp,
    pub viewer: Option<String>,
    pub how: Way,
    pub hidden: bool,
}

/// What was looked at while a requirement was kept, as `WatchedInput` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Watched {
    pub id: Uuid,
    pub requirement: String,
    pub fingerprint: String,
    pub mode: Strictness,
    pub since: Timestamp,
    pub until: Timestamp,
    pub judged: u32,
    pub noted: u32,
    pub corrected: u32,
    pub uncorrected: u32,
}

/// How strictly a requirement was kept, as the API's words have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Strictness {
    Observe,
    Audit,
    Enforce,
}

impl From<Mode> for Strictness {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Observe => Self::Observe,
            Mode::Audit => Self::Audit,
            Mode::Enforce => Self::Enforce,
        }
    }
}

/// How a browser got a response, as the API's words have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Way {
    Page,
    Fetch,
}

impl From<Way> for How {
    fn from(way: Way) -> Self {
        match way {
            Way::Page => Self::Page,
            Way::Fetch => Self::Fetch,
        }
    }
}

/// What `reportGuard` takes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    pub system: &'a str,
    pub node: &'a str,
    pub rules: Option<&'a str>,
    pub version: &'a str,
    pub started_at: Timestamp,
    pub findings: Vec<Fault>,
    pub sightings: Vec<Sighted>,
    /// Left out where there is nothing, so that a service of before takes the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<Watched>,
}

/// What comes back.
#[derive(Debug, Deserialize)]
pub struct Answer<D> {
    pub data: Option<D>,
    #[serde(default)]
    pub errors: Vec<Refusal>,
}

/// Why nothing, or not all, comes back.
#[derive(Debug, Deserialize)]
pub struct Refusal {
    pub message: String,
}

/// The data of [`RULES`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RulesData {
    pub guard_rules: Rules,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub digest: String,
    /// None: what is known still holds.
    pub manifests: Option<Vec<String>>,
}

/// The data of [`REPORT`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportData {
    pub report_guard: Reported,
}

/// Whether it was taken.
#[derive(Debug, Deserialize)]
#[serde(tag = "__typename")]
pub enum Reported {
    #[serde(rename_all = "camelCase")]
    GuardReport {
        recorded: u32,
        incident_number: Option<i32>,
    },
    Problem {
        code: String,
        message: String,
        field: Option<String>,
        remedy: Option<String>,
    },
}
