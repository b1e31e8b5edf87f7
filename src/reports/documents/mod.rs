//! Documents about incidents, made from the data, versioned, the same bytes for ever.
//!
//! A version is frozen as it was made: what it says as JSON, with its SHA-256, the assessment and the affected list that it rests
//! on. Nothing of it is ever changed (the database refuses it too): newer data, a field that somebody fills in and the approval
//! are versions of their own. Files are written from what is stored, so that the same version is the same bytes, whatever became
//! of the data since. Counts only: no builder reads a person.

mod board;
mod bounds;
mod create;
mod fields;
mod gdpr;
mod items;
mod legal;
mod material;
mod model;
mod others;
mod people;
mod ppc;
mod processor;
mod public;
mod reading;
mod register;
mod store;
mod web;
mod writer;

pub use create::create;
pub use model::{Change, FieldView, File, Form, Kind, NewDocument, Origin, Standing, Version, word_of};
pub use reading::{differences, fields, file};

use document::{Document, Sheet};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::model::Stored;
use super::words::Words;
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};
use crate::incidents::{self, RowId};

/// Most versions of one document.
const MAX_VERSIONS: i32 = 500;
/// Most documents about one incident: each kind in both languages, and a notice to each of many customers.
const MAX_DOCUMENTS: i32 = 2_000;

/// Permission at the operator, who keeps incidents; others do not learn that there is anything.
async fn permit(op: &Op, tenant: Uuid, action: Action) -> Result<Scope> {
    let scope = incidents::permit(op, action, "report", "document").await?.within(tenant, "document")?;
    op.require_fresh(action, "report").await?;
    Ok(scope)
}

/// The number of the version after this one.
fn next_of(last: Option<&Version>) -> Result<i32> {
    let next = last.map_or(0, |last| last.version) + 1;
    match next <= MAX_VERSIONS {
        true => Ok(next),
        false => Err(Error::limit(format!("a document has at most {MAX_VERSIONS} versions"))),
    }
}

/// Checks, hashes and stores a version.
async fn put(tx: Tx, mut stored: Stored, action: &'static str, more: serde_json::Value) -> Result<Version> {
    sheet(stored.document.clone())?;
    let content = serde_json::to_string(&stored.document)?;
    stored.version.sha256 = hex::encode(Sha256::digest(content.as_bytes()));
    store::insert(&tx, &stored, content).await?;
    let version = stored.version;
    let object = match version.incident {
        Some(incident) => format!("incident:{incident}"),
        None => "incident:*".to_owned(),
    };
    let detail = json!({
        "document": version.id, "number": version.number, "version": version.version, "kind": version.kind.as_str(),
        "language": version.lang, "sha256": version.sha256, "recipient": version.recipient, "more": more,
    });
    tx.commit(Event::new(action, object).detail(detail)).await?;
    Ok(version)
}

/// Work that takes a while of a core, beside the threads that answer.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(anyhow::Error::from)?)
}

/// The document, ready to be written.
fn sheet(document: Document) -> Result<Sheet> {
    document.check().map_err(|faults| {
        // Only data that are too large can do that: builders are tested. The places name no values.
        Error::limit(format!("the document cannot be written: {faults}"))
            .remedy("shorten what the incident says at these places")
    })
}

/// The newest version of each document about an incident, by number.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn documents_of(op: &Op, incident: RowId) -> Result<Vec<Version>> {
    let scope = incidents::permit(op, Action::Read, "report", "incident").await?;
    let scope = scope.within(incident.tenant, "incident")?;
    store::newest(scope.connection(), &scope, Some(incident.id)).await
}

/// The newest version of each document about all incidents.
///
/// # Errors
/// Those of permission.
pub async fn registers(op: &Op) -> Result<Vec<Version>> {
    let scope = incidents::permit(op, Action::Read, "report", "document").await?;
    let scope = scope.within(op.app().root()?, "document")?;
    store::newest(scope.connection(), &scope, None).await
}

/// A version by its id, without what it says.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn document(op: &Op, id: RowId) -> Result<Version> {
    let scope = incidents::permit(op, Action::Read, "report", "document").await?;
    find(&scope.within(id.tenant, "document")?, id.id).await
}

async fn find(scope: &Scope, id: Uuid) -> Result<Version> {
    store::find(scope, id).await?.ok_or_else(|| Error::not_found("document"))
}

/// All versions of a document, the oldest first.
///
/// # Errors
/// Those of permission.
pub async fn versions_of(op: &Op, version: &Version) -> Result<Vec<Version>> {
    let scope = incidents::permit(op, Action::Read, "report", "document").await?;
    let scope = scope.within(version.tenant, "document")?;
    store::versions(scope.connection(), &scope, version.incident, version.number).await
}

/// Begins a change of a document: the version that was named must be its newest one, and a draft.
async fn begin(op: &Op, id: RowId, action: Action) -> Result<(Scope, Version)> {
    let scope = permit(op, id.tenant, action).await?;
    let version = find(&scope, id.id).await?;
    if version.standing == Standing::Final {
        return Err(
            Error::conflict("this version is final").remedy("make the document again: a new version begins")
        );
    }
    Ok((scope, version))
}

/// The version, locked and still the newest one of its document.
async fn locked(tx: &Tx, scope: &Scope, version: &Version) -> Result<Stored> {
    store::lock(tx, version.tenant, version.incident).await?;
    let all = store::versions(tx.connection(), scope, version.incident, version.number).await?;
    if all.last().is_none_or(|newest| newest.id != version.id) {
        return Err(Error::conflict("a later version of this document exists").remedy("take the newest one"));
    }
    store::load(tx.connection(), scope, version).await
}

/// Words of the version that follows a stored one. What is about an incident tells times in its zone. A register keeps the offset that
/// it was made with: which incident is the newest may have changed since, and the words of before stay as they are.
async fn words_after(op: &Op, scope: &Scope, version: &Version) -> Result<Words> {
    match version.incident {
        Some(incident) => {
            let incident = incidents::incident(op, version.tenant, incident).await?;
            Ok(Words::new(version.lang, &incident.zone))
        }
        None => {
            let stored = store::load(scope.connection(), scope, version).await?;
            Ok(Words::within(version.lang, material::zone_of(stored.document.meta.generated_at)))
        }
    }
}

/// Fills in a field that the data leave open, or takes back what was filled in (`None`): a new version, in which the text is
/// marked with the role of who entered it and the time.
///
/// # Errors
/// `INVALID` for the field or the text, `CONFLICT` when the value comes from the data or the version is not the newest draft,
/// `NOT_FOUND`, and those of permission.
pub async fn set_field(op: &Op, id: RowId, field: &str, text: Option<&str>) -> Result<Version> {
    let (scope, version) = begin(op, id, Action::Update).await?;
    let text = text.map(fields::check).transpose()?;
    let words = words_after(op, &scope, &version).await?;
    let tx = scope.begin().await?;
    let mut stored = locked(&tx, &scope, &version).await?;
    let entry = text.map(|text| (text, op.roles(), scope.at(), scope.author()));
    let taken_back = entry.is_none();
    fields::set(&mut stored.document, &mut stored.entered, field, entry, &words)?;
    let stored = follow(&scope, stored, Origin::Field, &words)?;
    put(tx, stored, "document.field", json!({ "field": field, "taken_back": taken_back })).await
}

/// Approves the newest version: a new version, which says that it is final. Nobody approves what they made or filled in.
///
/// # Errors
/// `FORBIDDEN` for its authors, `CONFLICT` when it is not the newest draft or damaged, `NOT_FOUND`, and those of permission.
pub async fn finalise(op: &Op, id: RowId) -> Result<Version> {
    let (scope, version) = begin(op, id, Action::Approve).await?;
    // Before the transaction: the audit writer could not note the refusal while it holds SQLite's only write lock.
    let all = store::versions(scope.connection(), &scope, version.incident, version.number).await?;
    if authors(&all).any(|author| author == scope.author()) {
        let event =
            Event::new("document.final", format!("document:{}", version.id)).decision(Decision::Denied);
        scope.record(scope.tenant(), vec![event]).await?;
        return Err(Error::forbidden("approve", "report")
            .remedy("whoever made a document or filled in a field cannot approve it; ask another person"));
    }
    let words = words_after(op, &scope, &version).await?;
    let tx = scope.begin().await?;
    let stored = locked(&tx, &scope, &version).await?;
    let mut stored = follow(&scope, stored, Origin::Final, &words)?;
    stored.version.standing = Standing::Final;
    stored.document.meta.state = document::State::Final;
    put(tx, stored, "document.final", json!({})).await
}

/// Who worked on a document since it was last approved.
fn authors(versions: &[Version]) -> impl Iterator<Item = Uuid> {
    let drafts = versions.iter().rev().take_while(|version| version.standing == Standing::Draft);
    drafts.map(|version| version.author)
}

/// The version after a stored one, with the same content so far.
fn follow(scope: &Scope, mut stored: Stored, origin: Origin, words: &Words) -> Result<Stored> {
    let next = next_of(Some(&stored.version))?;
    stored.version.version = next;
    stored.version.id = scope.new_id();
    stored.version.origin = origin;
    stored.version.author = scope.author();
    stored.version.created_at = scope.at();
    stored.document.meta.version = next.to_string();
    stored.document.meta.generated_at = material::moment(scope.at(), words.zone());
    Ok(stored)
}
