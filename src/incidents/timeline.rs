//! The timeline: append-only, with corrections that supersede.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{Attachment, Entry, EntryKind, Precision, RowId};
use super::{check, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Most entries of one incident: the long ones of this trade have some hundreds.
const MAX_ENTRIES: i32 = 20_000;
const MAX_ATTACHMENTS: usize = 20;

/// What a new entry needs.
#[derive(Clone, Debug)]
pub struct NewEntry {
    pub kind: EntryKind,
    pub occurred_at: Timestamp,
    /// The end, of what lasted.
    pub occurred_until: Option<Timestamp>,
    pub precision: Precision,
    pub text: String,
    /// The entry of the same incident that this one replaces.
    pub supersedes: Option<RowId>,
    pub attachments: Vec<Attachment>,
}

impl NewEntry {
    /// A plain entry.
    pub fn of(kind: EntryKind, occurred_at: Timestamp, text: impl Into<String>) -> Self {
        Self {
            kind,
            occurred_at,
            occurred_until: None,
            precision: Precision::Exact,
            text: text.into(),
            supersedes: None,
            attachments: Vec::new(),
        }
    }
}

/// Adds an entry, whatever the incident's status: corrections come late.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the entry to supersede is superseded already, and those of permission.
pub async fn add_entry(op: &Op, incident: RowId, new: NewEntry) -> Result<Entry> {
    if new.kind.is_automatic() {
        return Err(Error::invalid("kind", format!("{} is written by Suimon itself", new.kind))
            .remedy("use note, or change the status or the times"));
    }
    let (_, tx, incident) = super::begin(op, incident, Action::Create, "incident.entry").await?;
    let entry = append(&tx, incident.id, new).await?;
    let detail = json!({
        "seq": entry.seq, "kind": entry.kind, "supersedes": entry.supersedes, "attachments": entry.attachments.len(),
    });
    tx.commit(Event::new("incident.add_entry", format!("incident:{}", incident.id)).detail(detail)).await?;
    Ok(entry)
}

/// Appends to an incident that the transaction has locked.
pub(super) async fn append(tx: &Tx, incident: Uuid, new: NewEntry) -> Result<Entry> {
    let NewEntry { kind, occurred_at, occurred_until, precision, text, supersedes, attachments } = new;
    let scope = tx.scope();
    check::past("occurredAt", occurred_at, scope.at())?;
    if let Some(until) = occurred_until {
        check::past("occurredUntil", until, scope.at())?;
    }
    check::order("occurredUntil", Some(occurred_at), occurred_until)?;
    let text = check::text("text", &text, check::MAX_TEXT)?;
    let attachments = check_attachments(attachments)?;
    let home = RowId { tenant: scope.tenant(), id: incident };
    let supersedes = match supersedes {
        None => None,
        Some(old) => Some(check_supersedes(tx, home, old).await?),
    };
    let seq = store::last_seq(tx, incident).await? + 1;
    if seq > MAX_ENTRIES {
        return Err(Error::limit(format!("an incident has at most {MAX_ENTRIES} entries")));
    }
    let entry = Entry {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident,
        seq,
        kind,
        occurred_at,
        occurred_until,
        precision,
        recorded_at: scope.at(),
        author: scope.author(),
        text,
        supersedes,
        superseded_by: None,
        attachments,
    };
    store::insert_entry(tx, &entry).await?;
    Ok(entry)
}

async fn check_supersedes(tx: &Tx, incident: RowId, old: RowId) -> Result<Uuid> {
    tx.scope().within(old.tenant, "entry")?;
    match store::entry_state(tx, incident, old.id).await? {
        None => Err(Error::not_found("entry to supersede").remedy("name an entry of the same incident")),
        Some(true) => Err(Error::conflict("this entry is superseded already")
            .remedy("supersede the entry that took its place")),
        Some(false) => Ok(old.id),
    }
}

fn check_attachments(given: Vec<Attachment>) -> Result<Vec<Attachment>> {
    if given.len() > MAX_ATTACHMENTS {
        return Err(Error::invalid("attachments", format!("wants at most {MAX_ATTACHMENTS}")));
    }
    let mut attachments = Vec::with_capacity(given.len());
    for (index, attachment) in given.into_iter().enumerate() {
        let Attachment { name, sha256, media_type, size } = attachment;
        let at = |field: &str| format!("attachments[{index}].{field}");
        let sha256 = sha256.to_ascii_lowercase();
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid(&at("sha256"), "wants 64 hexadecimal digits")
                .remedy("give the SHA-256 of the file, such as sha256sum prints it"));
        }
        let media_type = check::line(&at("mediaType"), &media_type, 100)?;
        if !media_type.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty()) {
            return Err(Error::invalid(&at("mediaType"), "wants type/subtype, such as application/pdf"));
        }
        if size < 0 {
            return Err(Error::invalid(&at("size"), "wants a number of bytes"));
        }
        attachments.push(Attachment {
            name: check::line(&at("name"), &name, 200)?,
            sha256,
            media_type,
            size,
        });
    }
    Ok(attachments)
}

/// The whole timeline by the time of the events; superseded entries are in it and marked.
///
/// # Errors
/// Unexpected ones only.
pub async fn timeline(scope: &Scope, incident: Uuid) -> Result<Vec<Entry>> {
    store::entries(scope, incident, None, u64::from(MAX_ENTRIES.unsigned_abs())).await
}

/// A page of it; `after` is time (in microseconds) and number of the last entry of the page before.
///
/// # Errors
/// Unexpected ones only.
pub async fn timeline_page(
    scope: &Scope,
    incident: Uuid,
    after: Option<(i64, i32)>,
    limit: u64,
) -> Result<Vec<Entry>> {
    store::entries(scope, incident, after, limit).await
}
