//! A book of rules: what holds for one tenant, in one system. Equal books have equal fingerprints, so tenants without rules of
//! their own share one set of enforcers.

use std::sync::Arc;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use super::rule::{Against, Condition, Rule};

/// Rules of one system's access requirements in force, as the requirements part reads them from manifests.
#[derive(Debug)]
pub struct SystemRules {
    /// Those that decide.
    pub(super) enforced: Vec<Rule>,
    /// Those that are only watched: what they would have refused is recorded, not refused.
    pub(super) audited: Vec<Rule>,
    fingerprint: [u8; 32],
    /// The system's zone, where a rule asks for the time.
    zone: Option<TimeZone>,
    system: Option<Box<str>>,
}

impl SystemRules {
    /// Of requirements in mode `enforce`, and of those in mode `audit`.
    pub fn new(enforced: Vec<Rule>, audited: Vec<Rule>, zone: &TimeZone) -> Self {
        let fingerprint = fingerprint(&[0; 32], &enforced);
        let asks = |condition: &Condition| {
            let other = matches!(&condition.against, Against::Other(other) if other.starts_with("time."));
            condition.attribute.starts_with("time.") || other
        };
        let timed = enforced.iter().chain(&audited).flat_map(|rule| &rule.when).any(asks);
        Self { enforced, audited, fingerprint, zone: timed.then(|| zone.clone()), system: None }
    }

    /// Says whose they are.
    pub fn of(self, system: &str) -> Self {
        Self { system: Some(system.into()), ..self }
    }

    /// The system's name, where it was said.
    pub(crate) fn system(&self) -> Option<&str> {
        self.system.as_deref()
    }

    /// The same for equal rules.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Whether an enforced rule names this object, as it stands.
    pub(crate) fn names_object(&self, object: &str) -> bool {
        self.enforced.iter().any(|rule| &*rule.object == object)
    }

    /// Whether an enforced rule names this verb, as it stands.
    pub(crate) fn names_action(&self, action: &str) -> bool {
        self.enforced.iter().any(|rule| &*rule.action == action)
    }

    /// The system's zone, where a rule asks for the time.
    pub(crate) fn zone(&self) -> Option<&TimeZone> {
        self.zone.as_ref()
    }
}

/// An immutable list of rules.
pub struct Book {
    pub(super) rules: Arc<[Rule]>,
    pub(super) fingerprint: [u8; 32],
}

impl Book {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let fingerprint = fingerprint(&[0; 32], &rules);
        Self { rules: rules.into(), fingerprint }
    }

    /// The same with the rules of a system.
    pub(super) fn with(&self, system: &SystemRules) -> Self {
        let rules = self.rules.iter().chain(&system.enforced).cloned().collect();
        Self { rules, fingerprint: self.key_with(Some(system)) }
    }

    /// The fingerprint that [`Book::with`] would give, without making the book.
    pub(super) fn key_with(&self, system: Option<&SystemRules>) -> [u8; 32] {
        match system {
            None => self.fingerprint,
            Some(system) => Sha256::new()
                .chain_update(self.fingerprint)
                .chain_update(system.fingerprint)
                .finalize()
                .into(),
        }
    }
}

fn fingerprint(before: &[u8; 32], rules: &[Rule]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(before);
    for rule in rules {
        let line = rule.line();
        hash.update(line.len().to_le_bytes());
        hash.update(line.as_bytes());
    }
    hash.finalize().into()
}
