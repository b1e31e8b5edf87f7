//! Making a version from the data as they stand.
//!
//! What takes long is done before the lock: a crowded incident takes a core for a while, and SQLite has one writer. Under the lock the
//! version gets its number, and what was filled in by hand before.

use document::Document;
use jiff::Timestamp;
use law::Lang;
use serde_json::json;
use uuid::Uuid;

use super::material::{self, Material, Register, Stamp};
use super::model::{Entered, Kind, NewDocument, Origin, Standing, Stored, Version};
use super::{
    MAX_DOCUMENTS, aside, board, fields, gdpr, next_of, permit, ppc, processor, public, put, register, store,
    web,
};
use crate::access::{Action, Op};
use crate::error::{Error, Result};
use crate::reports::Words;

/// What a document is about, read and ready to be built.
enum Subject {
    One(Box<Material>),
    All(Register),
}

/// What a document says as long as it has no number, its words, and what it rests on.
struct Built {
    document: Document,
    words: Words,
    /// Number of the incident; none of a document about all of them.
    incident: Option<i32>,
    assessment: Option<Uuid>,
    revision: Option<Uuid>,
}

/// Makes a version from the data as they stand: the first of a document, or the next one under its number. What was filled in by
/// hand before stays where the data still leave the field open.
///
/// # Errors
/// `INVALID` when the kind and what was named do not fit, `CONFLICT` when somebody made a version meanwhile, `NOT_FOUND`,
/// `LIMIT_EXCEEDED`, and those of permission.
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
    let at = scope.at();
    let built = aside(move || build(subject, at, kind, lang)).await??;
    let tx = scope.begin().await?;
    let about = incident.map(|incident| incident.id);
    store::lock(&tx, tenant, about).await?;
    let last = store::newest_of(&tx, about, kind, lang, recipient).await?;
    // Its maker read later data than these: a version after it would say what was known before.
    if last.as_ref().is_some_and(|last| last.created_at > scope.at()) {
        return Err(Error::conflict("a version of this document was made meanwhile")
            .remedy("look at it; make the document again if it does not say all"));
    }
    let number = match &last {
        Some(last) => last.number,
        None => store::last_number(&tx, about).await? + 1,
    };
    if number > MAX_DOCUMENTS {
        return Err(Error::limit(format!("an incident has at most {MAX_DOCUMENTS} documents")));
    }
    let Built { mut document, words, incident, assessment, revision } = built;
    let version = Version {
        tenant,
        id: scope.new_id(),
        incident: about,
        number,
        version: next_of(last.as_ref())?,
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
    document.meta.version = version.version.to_string();
    document.meta.number = match incident {
        Some(incident) => format!("{incident}-{}", version.mark()),
        None => format!("R-{}", version.mark()),
    };
    let entered = match &last {
        Some(last) => {
            let earlier = store::load(tx.connection(), &scope, last).await?.entered;
            fields::carry_over(&mut document, earlier, &words)
        }
        None => Entered::new(),
    };
    put(tx, Stored { version, document, entered }, "document.create", json!({})).await
}

fn build(subject: Subject, at: Timestamp, kind: Kind, lang: Lang) -> Result<Built> {
    let wrong = || anyhow::anyhow!("a kind of document that is not about what was read");
    match subject {
        Subject::All(mut all) => {
            all.stamp = Stamp { at, source_digest: material::digest_of_all(&all, kind, lang) };
            let words = Words::new(lang, all.zone());
            let document = register::build(&all, lang);
            Ok(Built { document, words, incident: None, assessment: None, revision: None })
        }
        Subject::One(mut one) => {
            one.stamp = Stamp { at, source_digest: material::digest(&one, kind, lang) };
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
            Ok(Built {
                document,
                words: Words::new(lang, &one.base.incident.zone),
                incident: Some(one.base.incident.number),
                assessment: one.base.assessment.as_ref().map(|known| known.id),
                revision: one.list().map(|list| list.id),
            })
        }
    }
}
