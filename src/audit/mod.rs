//! The audit log: append-only, a hash chain a tenant. Who did what to which object and field, for which purpose, with which
//! decision, when; never the data.
//!
//! Changes are appended inside their own transaction (`Tx::commit`). Reads and refusals are appended by a writer task that
//! takes what has gathered and commits it at once, so that concurrent readers share one disk flush.

mod beginning;
mod chain;
mod checkpoint;
mod export;
mod log;
mod merkle;
mod note;
mod read;
mod reading;
mod seal;
mod store;
mod store_plans;
mod trim;
mod verify;

pub use beginning::Archive;
pub use checkpoint::{
    ConsistencyProof, Proof, ProofError, Proven, ProvenConsistency, checkpoint, checkpoint_key, open,
    own_checkpoint, prove, prove_consistency, verify_consistency, verify_proof,
};
pub use export::{ChainEnd, CopyError, CopyReport, export, verify_copy};
pub use log::Log;
pub use note::{Checkpoint, NoteError, Verifier};
pub use read::{Entries, Entry, Filter, about, archives, entries};
pub use reading::{Reading, Section, all_of, chains, reading};
pub use seal::{
    Seal, Sealed, StoredCheckpoint, VerifyProgress, checkpoints, next_unsealed, seal, verify_piece,
};
pub use trim::{Archived, Copied, Due, Rest, Trim, due, next_chain};
pub use verify::{ChainFault, ChainReport, FaultKind, verify, verify_all};

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

/// Whether the operation was permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    Denied,
}

impl Decision {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Allowed => "allowed",
            Decision::Denied => "denied",
        }
    }
}

/// What happened; who, when and why are added from the operation.
#[derive(Clone, Debug)]
pub struct Event {
    action: Cow<'static, str>,
    object: String,
    subject: Option<String>,
    subjects: Option<String>,
    fields: Option<String>,
    decision: Decision,
    detail: serde_json::Value,
}

impl Event {
    /// `action` (a verb such as `incident.open`) on `object` (a type and an id).
    pub fn new(action: impl Into<Cow<'static, str>>, object: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            object: object.into(),
            subject: None,
            subjects: None,
            fields: None,
            decision: Decision::Allowed,
            detail: serde_json::Value::Null,
        }
    }

    /// Whose data it was: the id of the subject, not its name.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// What happened to the data of several people of one record type at once: one entry that is found by each of them.
    pub fn about_people(
        action: &'static str,
        record_type: &str,
        people: impl IntoIterator<Item = Uuid>,
    ) -> Self {
        let people: BTreeSet<Uuid> = people.into_iter().collect();
        if let (Some(person), 1) = (people.first(), people.len()) {
            return Self::new(action, format!("subject:{person}")).subject(person.to_string());
        }
        let ids: Vec<String> = people.iter().map(Uuid::to_string).collect();
        let mut event = Self::new(action, format!("subjects:{record_type}"));
        event.subjects = (!ids.is_empty()).then(|| ids.join(" "));
        event
    }

    /// Which fields were read or changed.
    pub fn fields<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.fields = Some(fields.into_iter().collect::<Vec<_>>().join(" "));
        self
    }

    /// Sets the decision.
    pub fn decision(mut self, decision: Decision) -> Self {
        self.decision = decision;
        self
    }

    /// Further facts, such as counts and versions. Never personal data.
    pub fn detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }

    pub(crate) fn into_draft(
        self,
        at: Timestamp,
        actor: &str,
        purpose: Option<&str>,
        request_id: &str,
    ) -> Draft {
        let Event { action, object, subject, subjects, fields, decision, detail } = self;
        Draft {
            at: at.as_microsecond(),
            actor: printable(actor),
            action: printable(&action),
            object: printable(&object),
            subject: subject.as_deref().map(printable),
            // Ids that we wrote ourselves, however many.
            subjects,
            fields: fields.as_deref().map(printable),
            purpose: purpose.map(printable),
            decision: decision.as_str(),
            request_id: printable(request_id),
            detail: if detail.is_null() { "{}".to_owned() } else { detail.to_string() },
        }
    }
}

/// Without control characters and not endless. PostgreSQL refuses U+0000 in text, and one refused entry would take the
/// others of its batch with it.
fn printable(text: &str) -> String {
    const MAX: usize = 1000;
    text.chars().take(MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// An entry that has not yet found its place in the chain.
#[derive(Clone, Debug)]
pub struct Draft {
    at: i64,
    actor: String,
    action: String,
    object: String,
    subject: Option<String>,
    subjects: Option<String>,
    fields: Option<String>,
    purpose: Option<String>,
    decision: &'static str,
    request_id: String,
    detail: String,
}
