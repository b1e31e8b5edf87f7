//! What a system's requirements look like to other tools: CycloneDX attestations, OpenSLO, the columns of IPA's sheet.
//!
//! Each export is a function of its input alone: no clock, and every id is made of the content.

mod cyclonedx;
mod openslo;
mod sheet;

use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use cyclonedx::cyclonedx;
pub use openslo::{OpenSlo, Skipped, openslo};
pub use sheet::sheet_csv;

use crate::coverage::{Citation, NotApplicable, Status};
use crate::model::Obligation;
use crate::reference::{ItemRef, Relation};

/// Requirements of one system at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// Its name.
    pub name: String,
    /// The organisation that answers for it.
    pub operator: String,
    /// The instant of the export: evidence and exceptions are judged at it.
    pub at: Timestamp,
    /// Its requirements; their names differ.
    pub requirements: Vec<Requirement>,
    /// Items of catalogues, and groups of them, that say nothing about it.
    pub not_applicable: Vec<NotApplicable>,
}

/// A sentence in two languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

/// One requirement.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// Its name, unique in the system.
    pub name: String,
    /// The requirement as a sentence.
    pub statement: Text,
    /// What it is about: `route:mypage`.
    pub target: String,
    /// What is measured.
    pub metric: String,
    /// The bound for the metric.
    pub threshold: Threshold,
    /// Whether it binds.
    pub obligation: Obligation,
    /// Items of catalogues that it answers.
    pub citations: Vec<Cited>,
    /// What keeps it; none where people verify it.
    pub enforcement: Option<Enforcement>,
    /// Fingerprint of the version in force. Evidence for another one does not count.
    pub fingerprint: String,
    /// Since when this version is in force.
    pub in_force_from: Option<Timestamp>,
    /// Results of checks.
    pub evidence: Vec<Evidence>,
    /// Whether somebody has to look again though some results count: one of those that are expected to look has fallen silent. Then
    /// what the others found says too little, unless it is that the requirement is broken.
    pub lapsed: bool,
    /// Exceptions, expired ones included.
    pub exceptions: Vec<Exception>,
}

/// A bound: the measured value stands left of the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Comparison.
    pub op: Op,
    /// With what.
    pub value: Value,
    /// Unit of the value: `ms`, `ratio`, `req/s`.
    pub unit: String,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Less than.
    Lt,
    /// At most.
    Lte,
    /// Equal.
    Eq,
    /// At least.
    Gte,
    /// More than.
    Gt,
    /// One of a list.
    In,
}

impl Op {
    /// The word in manifests and in OpenSLO.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Eq => "eq",
            Self::Gte => "gte",
            Self::Gt => "gt",
            Self::In => "in",
        }
    }
}

/// What a measured value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A word.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Several words.
    List(Vec<String>),
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { op, value, unit } = self;
        let value = match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(list) => list.join(", "),
        };
        write!(out, "{} {value} {unit}", op.as_str())
    }
}

/// A reference to an item of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    /// The item.
    pub reference: ItemRef,
    /// How they relate.
    pub relation: Relation,
    /// The level chosen.
    pub level: Option<u8>,
}

/// What keeps a requirement.
#[derive(Debug, Clone, PartialEq)]
pub struct Enforcement {
    /// By which means.
    pub mechanism: Mechanism,
    /// What happens on a breach.
    pub mode: Mode,
}

/// Means that keep a requirement.
#[derive(Debug, Clone, PartialEq)]
pub enum Mechanism {
    /// Admission of people and requests.
    Admission,
    /// Rules for caches.
    Cache,
    /// Access policy.
    Access,
    /// Encryption of fields.
    Encryption,
    /// Retention periods.
    Retention,
    /// Service level objective.
    Slo(Objective),
}

impl Mechanism {
    /// The word in manifests.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Cache => "cache",
            Self::Access => "access",
            Self::Encryption => "encryption",
            Self::Retention => "retention",
            Self::Slo(_) => "slo",
        }
    }
}

/// A service level objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// What is counted as good.
    pub indicator: Indicator,
    /// Share of good events, 0 to 1.
    pub share: f64,
    /// Rolling window as an ISO 8601 duration: `P30D`.
    pub window: String,
}

/// What an objective counts as good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indicator {
    /// Answered without a server error.
    Availability,
    /// Answered within the requirement's threshold.
    Latency,
}

/// What happens on a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is measured.
    Observe,
    /// It is reported.
    Audit,
    /// It is prevented.
    Enforce,
}

impl Mode {
    /// The word in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Audit => "audit",
            Self::Enforce => "enforce",
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What was found. [`Status::Excepted`] and [`Status::Unchecked`] say nothing and are passed over.
    pub status: Status,
    /// When.
    pub observed: Timestamp,
    /// Until when it counts; none: until the requirement changes.
    pub expires: Option<Timestamp>,
    /// Which check, or which role: not a person's address.
    pub collector: String,
    /// Digest of what was kept of it: `sha256:…`.
    pub digest: String,
    /// The requirement's fingerprint at that time.
    pub fingerprint: String,
    /// Whether what it was compared with has changed since, though the requirement's own version has not. Then it does not count.
    pub outdated: bool,
}

/// Leave not to keep a requirement for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Who gave it: a role.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Why nothing was exported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Ids in the export are made of names.
    #[error("two requirements have the name `{0}`; export one version of each")]
    SameName(String),
    /// A name is needed wherever something refers to it.
    #[error("the system or a requirement has an empty name; name it")]
    EmptyName,
    /// The format cannot hold it.
    #[error("the export could not be written: {0}; report it with the input that led to it")]
    Write(String),
}

impl System {
    /// Names that ids can be made of.
    fn check(&self) -> Result<(), ExportError> {
        let mut seen = BTreeSet::new();
        if self.name.is_empty() {
            return Err(ExportError::EmptyName);
        }
        for requirement in &self.requirements {
            if requirement.name.is_empty() {
                return Err(ExportError::EmptyName);
            }
            if !seen.insert(requirement.name.as_str()) {
                return Err(ExportError::SameName(crate::text::shown(&requirement.name)));
            }
        }
        Ok(())
    }

    /// The citations of all requirements with their status at [`System::at`], for [`crate::coverage::coverage`].
    pub fn citations(&self) -> Vec<Citation> {
        let of = |requirement: &Requirement| {
            let status = requirement.status(self.at);
            let one = |cited: &Cited| {
                let Cited { reference, relation, level } = cited.clone();
                Citation { reference, relation, level, requirement: requirement.name.clone(), status }
            };
            requirement.citations.iter().map(one).collect::<Vec<_>>()
        };
        self.requirements.iter().flat_map(of).collect()
    }
}

impl Requirement {
    /// The status at an instant: excepted while an exception is in force; otherwise the worst of each collector's latest result
    /// that is for this fingerprint, not outdated, not from the future and not expired; otherwise, and where somebody has to look
    /// again, unchecked.
    pub fn status(&self, at: Timestamp) -> Status {
        if self.exceptions.iter().any(|exception| exception.expires > at) {
            return Status::Excepted;
        }
        let worst = self.current(at).into_iter().map(|evidence| evidence.status).max();
        match worst {
            Some(worst) if !self.lapsed || worst.is_broken() => worst,
            _ => Status::Unchecked,
        }
    }

    /// Each collector's latest result that counts at an instant. Of two at the same instant, the worse.
    pub fn current(&self, at: Timestamp) -> Vec<&Evidence> {
        let mut latest: Vec<&Evidence> = Vec::new();
        for evidence in self.evidence.iter().filter(|evidence| self.counts(evidence, at)) {
            match latest.iter_mut().find(|other| other.collector == evidence.collector) {
                Some(other) if (evidence.observed, evidence.status) > (other.observed, other.status) => {
                    *other = evidence;
                }
                Some(_) => {}
                None => latest.push(evidence),
            }
        }
        latest
    }

    fn counts(&self, evidence: &Evidence, at: Timestamp) -> bool {
        let says_something = !matches!(evidence.status, Status::Excepted | Status::Unchecked);
        says_something
            && evidence.fingerprint == self.fingerprint
            && !evidence.outdated
            && evidence.observed <= at
            && evidence.expires.is_none_or(|expires| expires > at)
    }
}

impl Status {
    /// The word in exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unchecked => "unchecked",
            Self::Skip => "skip",
            Self::Error => "error",
            Self::Fail => "fail",
            Self::Excepted => "excepted",
        }
    }
}

/// SHA-256 over the parts, each with its length in front so that no two lists of parts are alike.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

/// The first `count` bytes in hexadecimal.
fn hex(bytes: &[u8], count: usize) -> String {
    bytes.iter().take(count).map(|byte| format!("{byte:02x}")).collect()
}
