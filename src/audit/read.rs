//! Reading the log: what happened at a tenant, and who read the data of one person.

use entity::audit_entry;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::beginning::{self, Archive};
use super::{Event, store};
use crate::access::{Action, Op, Scope};
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// Archives that [`archives`] gives.
const ARCHIVES: u64 = 100_000;

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those about this person.
    pub subject: Option<Uuid>,
    /// Of this actor, as the log names it: `account:…`, `token:…`, `system:…`.
    pub actor: Option<String>,
    /// Of this action, such as `subject.read`.
    pub action: Option<String>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub before: Option<Timestamp>,
}

/// One entry, as its readers see it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub tenant: Uuid,
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub object: String,
    /// Whose data it was: the one person it is about, or the one that was asked for.
    pub subject: Option<Uuid>,
    /// The people that an entry about several is about.
    pub subjects: Vec<Uuid>,
    /// Which fields.
    pub fields: Vec<String>,
    pub purpose: Option<String>,
    pub allowed: bool,
    pub request_id: String,
    pub detail: serde_json::Value,
}

/// Entries of a chain, and where those before lie.
#[derive(Clone, Debug)]
pub struct Entries {
    pub entries: Vec<Entry>,
    /// Files that hold older entries, the newest first, at most a hundred: what is asked for may stand there, too.
    pub archives: Vec<Archive>,
}

/// Entries of a tenant's chain, the newest first; `older_than` is the number of the last one of the page before. Reading the
/// log is itself recorded.
///
/// # Errors
/// `INVALID` for a filter that is too long, `NOT_FOUND` and those of permission.
pub async fn entries(
    op: &Op,
    tenant: Uuid,
    filter: &Filter,
    older_than: Option<i64>,
    limit: u64,
) -> Result<Entries> {
    let scope = op.permit_at(tenant, Action::Read, "audit").await?;
    for (name, text) in [("actor", &filter.actor), ("action", &filter.action)] {
        if text.as_ref().is_some_and(|text| text.len() > 200) {
            return Err(Error::invalid(name, "wants at most 200 bytes"));
        }
    }
    let (rows, archives) = rows(&scope, tenant, filter, older_than, limit).await?;
    let mut event = Event::new("audit.read", "audit").detail(json!({ "entries": rows.len() }));
    if let Some(subject) = filter.subject {
        event = event.subject(subject.to_string());
    }
    scope.record(tenant, vec![event]).await?;
    let entries = rows.into_iter().map(|row| describe(row, filter.subject)).collect::<Result<_>>()?;
    // An archive that ends before the asked time holds nothing of it.
    let within = |archive: &Archive| filter.from.is_none_or(|from| archive.latest >= from);
    Ok(Entries { entries, archives: archives.into_iter().filter(within).collect() })
}

/// What the filter lets through of what remains; rows at or before the beginning say nothing, whoever put them there.
async fn rows(
    scope: &Scope,
    tenant: Uuid,
    filter: &Filter,
    older_than: Option<i64>,
    limit: u64,
) -> Result<(Vec<audit_entry::Model>, Vec<Archive>)> {
    let start = beginning::start(scope, tenant).await?;
    let (mut rows, mut older_than) = (Vec::new(), older_than);
    // The entry itself says whom it is about, and its hash covers that; the rows beside it do not count alone. However many of
    // them somebody planted: the page is filled with what is left.
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    loop {
        let page = store::entries(scope, tenant, filter, (start.behind(), older_than), limit).await?;
        let last = page.len() < wanted;
        older_than = page.last().map(|row| row.seq);
        rows.extend(page.into_iter().filter(|row| is_about(row, filter.subject)));
        if last || rows.len() >= wanted {
            rows.truncate(wanted);
            return Ok((rows, start.archives()));
        }
    }
}

fn is_about(entry: &audit_entry::Model, subject: Option<Uuid>) -> bool {
    let Some(subject) = subject else { return true };
    entry.subject == Some(subject.to_string()) || people(entry).any(|person| person == subject)
}

/// Where the older entries of a tenant's chain lie, the newest archive first.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn archives(op: &Op, tenant: Uuid) -> Result<Vec<Archive>> {
    let scope = op.permit_at(tenant, Action::Read, "audit").await?;
    Ok(beginning::start_from(&scope, tenant, ARCHIVES).await?.archives())
}

/// Reads of one person's data and other entries about that person, the newest first, for a document to that person. The
/// caller's scope covers the tenant.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn about(scope: &Scope, tenant: Uuid, subject: Uuid, limit: u64) -> Result<Entries> {
    let scope = scope.within(tenant, "subject")?;
    let filter = Filter { subject: Some(subject), ..Filter::default() };
    let (rows, archives) = rows(&scope, tenant, &filter, None, limit).await?;
    // Who else was on a list is nothing for this person.
    let alone = |row| describe(row, Some(subject)).map(|entry| Entry { subjects: Vec::new(), ..entry });
    Ok(Entries { entries: rows.into_iter().map(alone).collect::<Result<_>>()?, archives })
}

/// The people that an entry about several names.
pub(super) fn people(entry: &audit_entry::Model) -> impl Iterator<Item = Uuid> {
    entry.subjects.iter().flat_map(|subjects| ids(subjects))
}

/// What stands in `subjects`.
pub(super) fn ids(subjects: &str) -> impl Iterator<Item = Uuid> {
    subjects.split(' ').filter_map(|subject| subject.parse().ok())
}

pub(super) fn describe(row: audit_entry::Model, asked: Option<Uuid>) -> Result<Entry> {
    let subjects = people(&row).collect();
    Ok(Entry {
        subjects,
        tenant: row.tenant_id,
        seq: row.seq,
        at: from_micros(row.at),
        actor: row.actor,
        action: row.action,
        object: row.object,
        subject: row.subject.and_then(|subject| subject.parse().ok()).or(asked),
        fields: row.fields.iter().flat_map(|fields| fields.split(' ')).map(str::to_owned).collect(),
        purpose: row.purpose,
        allowed: row.decision == "allowed",
        request_id: row.request_id,
        detail: serde_json::from_str(&row.detail)?,
    })
}
