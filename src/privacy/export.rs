//! What a person gets who asks for the own data: every field, every read of it, every notice.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::access::{self, Action, Op, Reader};
use crate::audit::{self, Event};
use crate::error::{Error, Result};
use crate::vault::{self, Shown, Withheld};
use crate::{notices, requirements};

/// Entries of the audit log that one document holds; the newest ones, where there are more.
const MAX_READS: u64 = 10_000;

/// The document. Its JSON is described in `docs/SUBJECT_EXPORT.md`. It holds personal data in clear and cannot be printed.
#[derive(Serialize)]
pub struct SubjectDocument {
    format: &'static str,
    pub made_at: Timestamp,
    pub system: String,
    pub system_title: requirements::manifest::Localized,
    pub record_type: String,
    /// The system's own pseudonym for the person.
    pub external_id: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub erased_at: Option<Timestamp>,
    pub fields: Vec<Told>,
    /// Who read the data, the newest first.
    pub reads: Vec<Read>,
    /// Whether there are more reads than these.
    pub reads_cut: bool,
    /// Reads before those of `reads` stand in archives of the audit log, where it was trimmed.
    pub reads_archived: Option<ReadsArchived>,
    pub notices: Vec<Notice>,
}

/// A field of the person.
#[derive(Serialize)]
pub struct Told {
    pub name: String,
    pub title: requirements::manifest::Localized,
    /// `null` when nothing is stored.
    pub value: Option<String>,
    /// Why a stored value is missing here.
    pub withheld: Option<&'static str>,
}

/// Somebody read or found data of the person, or tried to.
#[derive(Serialize)]
pub struct Read {
    pub at: Timestamp,
    pub reader: Reader,
    pub action: String,
    pub allowed: bool,
    pub purpose: Option<String>,
    /// Fields that were shown in clear, and shortened ones.
    pub clear: Vec<String>,
    pub masked: Vec<String>,
}

/// Where older reads stand: this document does not hold them.
#[derive(Serialize)]
pub struct ReadsArchived {
    /// The latest instant of an entry in the archives.
    pub until: Timestamp,
    /// Their files, the newest first, at most a hundred.
    pub files: Vec<String>,
}

/// A notice to the person.
#[derive(Serialize)]
pub struct Notice {
    pub channel: String,
    pub language: String,
    pub state: String,
    pub written_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub message_id: String,
    /// What the person asked on the page of this notice.
    pub questions: Vec<Question>,
}

/// A question of the person, and what was answered.
#[derive(Serialize)]
pub struct Question {
    pub asked_at: Timestamp,
    pub question: String,
    pub answers: Vec<Answer>,
}

/// An answer.
#[derive(Serialize)]
pub struct Answer {
    pub answered_at: Timestamp,
    pub text: String,
}

impl From<notices::portal::Asked> for Question {
    fn from(asked: notices::portal::Asked) -> Self {
        let answer = |(answered_at, text)| Answer { answered_at, text };
        Self {
            asked_at: asked.at,
            question: asked.text,
            answers: asked.answers.into_iter().map(answer).collect(),
        }
    }
}

/// Everything about one person, for that person. It is itself a read of all fields, and recorded as an export.
///
/// # Errors
/// `INVALID` when no purpose was stated, `FORBIDDEN` when a field may not be read in clear by whoever asks, `NOT_FOUND`,
/// `REAUTHENTICATION_REQUIRED`.
pub async fn export_subject(op: &Op, tenant: Uuid, id: Uuid) -> Result<SubjectDocument> {
    let scope = op.permit(Action::Export, "subject").await?.within(tenant, "subject")?;
    op.require_fresh(Action::Export, "subject").await?;
    if op.purpose().is_none() {
        return Err(Error::invalid("purpose", "is missing")
            .remedy("name the person's request, such as: request 2023-118"));
    }
    let subject = vault::subject(op, tenant, id).await?;
    let system = requirements::require_system(&scope, &subject.system).await?;
    let record = system.record_types.iter().find(|record| record.name == subject.record_type);
    let mut fields = Vec::new();
    for value in vault::read_fields(op, &subject, None, false).await? {
        let title = record.and_then(|record| record.field(&value.name)).map(|field| field.title.clone());
        let title = title.unwrap_or_else(|| requirements::manifest::Localized {
            ja: value.name.clone(),
            en: value.name.clone(),
        });
        let (shown, withheld) = match value.shown {
            Shown::Clear(text) => (text.map(|text| text.expose().to_owned()), None),
            Shown::Withheld(Withheld::Erased) => (None, Some("erased")),
            Shown::Withheld(Withheld::Damaged) => (None, Some("damaged")),
            // Half a document would pass for a whole one.
            Shown::Masked(_) | Shown::Withheld(_) => return Err(Error::forbidden("read", "data in clear")),
        };
        fields.push(Told { name: value.name, title, value: shown, withheld });
    }
    let audit::Entries { entries, archives } = audit::about(&scope, tenant, id, MAX_READS + 1).await?;
    let reads_archived = archives.first().map(|newest| ReadsArchived {
        until: archives.iter().map(|archive| archive.latest).max().unwrap_or(newest.latest),
        files: archives.iter().map(|archive| archive.file.clone()).collect(),
    });
    let reads_cut = entries.len() as u64 > MAX_READS;
    let actors: BTreeSet<String> = entries.iter().map(|entry| entry.actor.clone()).collect();
    let readers = access::readers(&scope, &actors).await?;
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|name| name.as_str()).map(str::to_owned).collect()
    };
    let reads =
        entries.into_iter().take(usize::try_from(MAX_READS).unwrap_or(usize::MAX)).map(|entry| Read {
            at: entry.at,
            reader: readers.get(&entry.actor).cloned().unwrap_or_default(),
            clear: names(&entry.detail["clear"]),
            masked: names(&entry.detail["masked"]),
            action: entry.action,
            allowed: entry.allowed,
            purpose: entry.purpose,
        });
    let reads: Vec<Read> = reads.collect();
    let written = notices::written_to(&scope, &subject).await?;
    let notices: Vec<Notice> = written
        .into_iter()
        .map(|written| Notice {
            channel: written.channel,
            language: written.language,
            state: written.state,
            written_at: written.created_at,
            accepted_at: written.accepted_at,
            message_id: written.message_id,
            questions: written.questions.into_iter().map(Question::from).collect(),
        })
        .collect();
    let event = Event::new("subject.export", format!("subject:{id}"))
        .subject(id.to_string())
        .detail(json!({ "fields": fields.len(), "reads": reads.len(), "notices": notices.len() }));
    scope.record(tenant, vec![event]).await?;
    Ok(SubjectDocument {
        format: "suimon/subject-export/v1",
        made_at: scope.at(),
        system: subject.system,
        system_title: system.title.clone(),
        record_type: subject.record_type,
        external_id: subject.external_id,
        created_at: subject.created_at,
        updated_at: subject.updated_at,
        erased_at: subject.erased_at,
        fields,
        reads,
        reads_cut,
        reads_archived,
        notices,
    })
}
