//! Documents about incidents, made from the data, versioned, the same bytes for ever.
//!
//! A version is frozen as it was made: what it says as JSON, with its SHA-256, the assessment and the affected list that it rests
//! on. Nothing of it is ever changed (the database refuses it too): newer data, a field that somebody fills in and the approval
//! are versions of their own. Files are written from what is stored, so that the same version is the same bytes, whatever became
//! of the data since. Counts only: no builder reads a person.

mod board;
mod fields;
mod gdpr;
mod items;
mod legal;
mod material;
mod model;
mod ppc;
mod processor;
mod public;
mod register;
mod store;
mod web;
mod writer;

pub use model::{Change, FieldView, File, Form, Kind, NewDocument, Origin, Standing, Version, word_of};

use std::collections::BTreeMap;

use document::{Document, Sheet};
use law::Lang;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::material::Stamp;
use self::model::{Entered, Stored};
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

/// What a document is about, read and ready to be built.
enum Subject {
    One(Box<material::Material>),
    All(material::Register),
}

/// Makes a version from the data as they stand: the first of a document, or the next one under its number. What was filled in by
/// hand before stays where the data still leave the field open.
///
/// # Errors
/// `INVALID` when the kind and what was named do not fit, `NOT_FOUND`, `LIMIT_EXCEEDED`, and those of permission.
pub async fn create(op: &Op, new: NewDocument) -> Result<Version> {
    let NewDocument { incident, kind, lang, recipient } = new;
    let tenant = match incident {
        Some(incident) => incident.tenant,
        None => op.app().root()?,
    };
    let scope = permit(op, tenant, Action::Create).await?;
    if kind.of_one_incident() != incident.is_some() {
        return Err(Error::invalid("incidentId", "does not fit the kind of document")
            .remedy("a register is about all incidents and names none; each other kind names one"));
    }
    if kind.has_recipient() != recipient.is_some() {
        return Err(Error::invalid("recipientId", "does not fit the kind of document").remedy(
            "a processor's notice names the customer that it is written to; no other kind names one",
        ));
    }
    let subject = match incident {
        Some(incident) => {
            Subject::One(Box::new(material::of_incident(op, &scope, incident, recipient).await?))
        }
        None => Subject::All(material::of_all(op, &scope).await?),
    };
    let tx = scope.begin().await?;
    let about = incident.map(|incident| incident.id);
    store::lock(&tx, tenant, about).await?;
    let known = store::versions(tx.connection(), &scope, about).await?;
    let same =
        |version: &&Version| version.kind == kind && version.lang == lang && version.recipient == recipient;
    let last = known.iter().rfind(same);
    let number = match last {
        Some(last) => last.number,
        None => known.last().map_or(0, |newest| newest.number) + 1,
    };
    if number > MAX_DOCUMENTS {
        return Err(Error::limit(format!("an incident has at most {MAX_DOCUMENTS} documents")));
    }
    let version = next_of(last)?;
    let (mut document, words, rests_on) = build(subject, &scope, kind, lang, number, version)?;
    let entered = match last {
        Some(last) => fields::carry_over(
            &mut document,
            store::load(tx.connection(), &scope, last).await?.entered,
            &words,
        ),
        None => Entered::new(),
    };
    let (assessment, revision) = rests_on;
    let version = Version {
        tenant,
        id: scope.new_id(),
        incident: about,
        number,
        version,
        kind,
        lang,
        recipient,
        standing: Standing::Draft,
        origin: Origin::Data,
        sha256: String::new(),
        assessment,
        revision,
        author: scope.author(),
        created_at: scope.at(),
    };
    put(tx, Stored { version, document, entered }, "document.create", json!({})).await
}

/// The number of the version after this one.
fn next_of(last: Option<&Version>) -> Result<i32> {
    let next = last.map_or(0, |last| last.version) + 1;
    match next <= MAX_VERSIONS {
        true => Ok(next),
        false => Err(Error::limit(format!("a document has at most {MAX_VERSIONS} versions"))),
    }
}

/// What a document says, its words, and the assessment and list that it rests on.
type Built = (Document, Words, (Option<Uuid>, Option<Uuid>));

fn build(
    subject: Subject,
    scope: &Scope,
    kind: Kind,
    lang: Lang,
    number: i32,
    version: i32,
) -> Result<Built> {
    let stamp =
        |number: String, source_digest: String| Stamp { number, version, at: scope.at(), source_digest };
    let wrong = || anyhow::anyhow!("a kind of document that is not about what was read");
    match subject {
        Subject::All(mut register) => {
            register.stamp = stamp(format!("R-{number}"), material::digest_of_all(&register, kind, lang));
            let words = Words::new(lang, register.zone());
            Ok((register::build(&register, lang), words, (None, None)))
        }
        Subject::One(mut one) => {
            let number = format!("{}-{number}", one.base.incident.number);
            one.stamp = stamp(number, material::digest(&one, kind, lang));
            let document = match (kind, &one.recipient) {
                (Kind::PpcPreliminary, _) => ppc::build(&one, ppc::Stage::Preliminary, lang),
                (Kind::PpcFinal, _) => ppc::build(&one, ppc::Stage::Final, lang),
                (Kind::GdprNotification, _) => gdpr::build(&one, lang),
                (Kind::ProcessorNotice, Some(recipient)) => processor::build(&one, recipient, lang),
                (Kind::InterimReport, _) => public::build(&one, public::Stage::Interim, lang),
                (Kind::FinalReport, _) => public::build(&one, public::Stage::Final, lang),
                (Kind::PublicNotice, _) => web::build(&one, lang),
                (Kind::BoardSummary, _) => board::build(&one, lang),
                (Kind::ProcessorNotice, None) | (Kind::GdprRegister, _) => return Err(wrong().into()),
            };
            let words = Words::new(lang, &one.base.incident.zone);
            let revision = one.list().map(|list| list.id);
            Ok((document, words, (one.base.assessment.as_ref().map(|known| known.id), revision)))
        }
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
    newest(&scope, Some(incident.id)).await
}

/// The newest version of each document about all incidents.
///
/// # Errors
/// Those of permission.
pub async fn registers(op: &Op) -> Result<Vec<Version>> {
    let scope = incidents::permit(op, Action::Read, "report", "document").await?;
    newest(&scope.within(op.app().root()?, "document")?, None).await
}

async fn newest(scope: &Scope, incident: Option<Uuid>) -> Result<Vec<Version>> {
    let all = store::versions(scope.connection(), scope, incident).await?;
    let by_number: BTreeMap<i32, Version> =
        all.into_iter().map(|version| (version.number, version)).collect();
    Ok(by_number.into_values().collect())
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
    let all = store::versions(scope.connection(), &scope, version.incident).await?;
    Ok(all.into_iter().filter(|other| other.number == version.number).collect())
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

/// The version, locked and still the newest one of its document; with all versions of that document.
async fn locked(tx: &Tx, scope: &Scope, version: &Version) -> Result<(Stored, Vec<Version>)> {
    store::lock(tx, version.tenant, version.incident).await?;
    let mut all = store::versions(tx.connection(), scope, version.incident).await?;
    all.retain(|other| other.number == version.number);
    if all.last().is_none_or(|newest| newest.id != version.id) {
        return Err(Error::conflict("a later version of this document exists").remedy("take the newest one"));
    }
    Ok((store::load(tx.connection(), scope, version).await?, all))
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
    let zone = match version.incident {
        Some(incident) => incidents::incident(op, version.tenant, incident).await?.zone,
        None => "UTC".to_owned(),
    };
    let words = Words::new(version.lang, &zone);
    let tx = scope.begin().await?;
    let (mut stored, _) = locked(&tx, &scope, &version).await?;
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
    let mut all = store::versions(scope.connection(), &scope, version.incident).await?;
    all.retain(|other| other.number == version.number);
    if authors(&all).any(|author| author == scope.author()) {
        let event =
            Event::new("document.final", format!("document:{}", version.id)).decision(Decision::Denied);
        scope.record(scope.tenant(), vec![event]).await?;
        return Err(Error::forbidden("approve", "report")
            .remedy("whoever made a document or filled in a field cannot approve it; ask another person"));
    }
    let zone = match version.incident {
        Some(incident) => incidents::incident(op, version.tenant, incident).await?.zone,
        None => "UTC".to_owned(),
    };
    let words = Words::new(version.lang, &zone);
    let tx = scope.begin().await?;
    let (stored, _) = locked(&tx, &scope, &version).await?;
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

/// What is read of a version: each read is recorded with the SHA-256 of what was given out, so that a copy can be matched.
async fn open(op: &Op, version: &Version) -> Result<(Scope, Stored)> {
    let scope = permit(op, version.tenant, Action::Read).await?;
    let stored = store::load(scope.connection(), &scope, version).await?;
    Ok((scope, stored))
}

async fn record(scope: &Scope, version: &Version, form: &str, sha256: &str) -> Result<()> {
    let event = Event::new("document.read", format!("document:{}", version.id)).detail(json!({
        "number": version.number, "version": version.version, "kind": version.kind.as_str(), "form": form, "sha256": sha256,
    }));
    scope.record(scope.tenant(), vec![event]).await
}

/// A version as a file.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when what is stored is damaged, and those of permission.
pub async fn file(op: &Op, version: &Version, form: Form) -> Result<File> {
    let (scope, stored) = open(op, version).await?;
    let sheet = sheet(stored.document)?;
    // A long document in PDF takes a second of a core.
    let written = tokio::task::spawn_blocking(move || match form {
        Form::Html => Ok(sheet.html().into_bytes()),
        Form::Text => Ok(sheet.text().into_bytes()),
        Form::Docx => Ok(sheet.docx()),
        Form::Pdf => sheet.pdf().map(|pdf| pdf.bytes),
    });
    let bytes = written.await.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?;
    let sha256 = hex::encode(Sha256::digest(&bytes));
    record(&scope, version, form.extension(), &sha256).await?;
    let name = format!("{}.{}", version.file_stem(), form.extension());
    Ok(File { name, media_type: form.media_type(), bytes, sha256 })
}

/// The fields of a version, each to be copied by itself.
///
/// # Errors
/// As [`file`].
pub async fn fields(op: &Op, version: &Version) -> Result<Vec<FieldView>> {
    let (scope, stored) = open(op, version).await?;
    let views = fields::views(&sheet(stored.document)?, &stored.entered);
    record(&scope, version, "fields", &version.sha256).await?;
    Ok(views)
}

/// What a version says otherwise than the one before it; nothing of a first version.
///
/// # Errors
/// As [`file`].
pub async fn differences(op: &Op, version: &Version) -> Result<Vec<Change>> {
    let (scope, stored) = open(op, version).await?;
    let all = store::versions(scope.connection(), &scope, version.incident).await?;
    let before = all.iter().rfind(|other| other.number == version.number && other.version < version.version);
    let changes = match before {
        None => Vec::new(),
        Some(before) => {
            let before = store::load(scope.connection(), &scope, before).await?;
            fields::differences(&before.document, &stored.document)
        }
    };
    record(&scope, version, "differences", &version.sha256).await?;
    Ok(changes)
}
