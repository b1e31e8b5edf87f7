//! The audit log.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};

use super::connection::Page;
use super::id;
use super::scalars::Instant;
use crate::access::{Action, Op};
use crate::audit;
use crate::error::Error;

/// Kinds of damage in a chain.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::audit::FaultKind")]
pub enum AuditFaultKind {
    Changed,
    Missing,
    Broken,
    WrongEnd,
    NotAsSealed,
    ShorterThanSealed,
    ForgedHead,
    ForgedCheckpoint,
    ForgedBeginning,
    Unlisted,
}

/// Damage at one place of a chain.
#[derive(SimpleObject)]
pub struct AuditFault {
    /// Number of the entry.
    seq: i64,
    kind: AuditFaultKind,
}

/// The state of one tenant's chain.
#[derive(SimpleObject)]
pub struct AuditChain {
    tenant_id: ID,
    entries: i64,
    /// Entries before them, which lie in archives and were not read.
    archived: i64,
    /// Empty when nothing was changed, removed or swapped.
    faults: Vec<AuditFault>,
}

/// Which entries are asked for; what is left out does not matter.
#[derive(InputObject, Default)]
pub struct AuditFilter {
    /// Those about this person: who read the data, who changed it.
    subject_id: Option<ID>,
    /// As `actor` of the entries names it.
    actor: Option<String>,
    /// Such as `subject.read`.
    action: Option<String>,
    from: Option<Instant>,
    before: Option<Instant>,
}

/// An entry of the audit log: who did what, when, for which purpose. Never the data.
#[derive(SimpleObject)]
pub struct AuditEntry {
    /// Number in the tenant's chain.
    seq: i64,
    at: Instant,
    /// `account:…`, `token:…`, or `system:…` for the service itself.
    actor: String,
    action: String,
    object: String,
    /// Whose data it was: the one person it is about, or the one that was asked for.
    subject_id: Option<ID>,
    /// The people that an entry about several is about, such as those of a list.
    subject_ids: Vec<ID>,
    /// Which fields.
    fields: Vec<String>,
    purpose: Option<String>,
    /// False for a refusal.
    allowed: bool,
    request_id: String,
    /// Counts, versions, reasons.
    detail: Json<serde_json::Value>,
}

impl From<audit::Entry> for AuditEntry {
    fn from(entry: audit::Entry) -> Self {
        let audit::Entry {
            tenant,
            seq,
            at,
            actor,
            action,
            object,
            subject,
            subjects,
            fields,
            purpose,
            allowed,
            request_id,
            detail,
        } = entry;
        let person = |subject| id::encode("Subject", tenant, subject);
        Self {
            seq,
            at: Instant(at),
            actor,
            action,
            object,
            subject_id: subject.map(person),
            subject_ids: subjects.into_iter().map(person).collect(),
            fields,
            purpose,
            allowed,
            request_id,
            detail: Json(detail),
        }
    }
}

/// Entries of a chain that are no longer in the database, and the file that holds them.
#[derive(SimpleObject)]
pub struct AuditArchive {
    /// Number of the first entry in the file.
    from_seq: i64,
    /// Number of the last one.
    to_seq: i64,
    /// The latest instant of an entry in it.
    latest: Instant,
    /// Its name in the tenant's folder of archives; `suimon audit verify --copy` proves it.
    file: String,
    trimmed_at: Instant,
}

impl From<audit::Archive> for AuditArchive {
    fn from(archive: audit::Archive) -> Self {
        let audit::Archive { from, to, latest, file, trimmed_at } = archive;
        Self { from_seq: from, to_seq: to, latest: Instant(latest), file, trimmed_at: Instant(trimmed_at) }
    }
}

/// What this list cannot show.
#[derive(SimpleObject)]
pub struct AuditElsewhere {
    /// Archives that hold older entries and may hold some of what was asked for, the newest first, at most a hundred. Empty:
    /// the list is all that there is.
    archives: Vec<AuditArchive>,
}

/// A signed checkpoint of a chain.
#[derive(SimpleObject)]
pub struct AuditCheckpoint {
    /// Entries that it seals.
    entries: i64,
    at: Instant,
    /// The signed note (C2SP), which `suimon audit verify --checkpoint` takes.
    note: String,
}

impl From<audit::StoredCheckpoint> for AuditCheckpoint {
    fn from(row: audit::StoredCheckpoint) -> Self {
        let audit::StoredCheckpoint { tenant: _, entries, at, note } = row;
        Self { entries, at: Instant(at), note }
    }
}

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// What happened at a tenant, the newest first. Reading the log is itself recorded. Ask for `archives`, too: older entries
    /// may have left for them.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn audit_entries(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        filter: Option<AuditFilter>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, AuditEntry, AuditElsewhere, EmptyFields>> {
        let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
        let AuditFilter { subject_id, actor, action, from, before } = filter.unwrap_or_default();
        let subject = match subject_id {
            None => None,
            Some(id) => {
                let (home, subject) = id::decode("Subject", &id, "filter.subjectId")?;
                // A person of another tenant has no entries in this one's chain.
                if home != tenant {
                    return Err(Error::not_found("subject").into());
                }
                Some(subject)
            }
        };
        let filter = audit::Filter {
            subject,
            actor,
            action,
            from: from.map(|instant| instant.0),
            before: before.map(|instant| instant.0),
        };
        let page = Page::read(context, first, after)?;
        let number = |cursor: &str| {
            cursor.parse().map_err(|_| Error::invalid("after", "is not a cursor of this list"))
        };
        let older_than = page.after.as_deref().map(number).transpose()?;
        let op = context.data_unchecked::<Op>();
        let audit::Entries { entries, archives } =
            audit::entries(op, tenant, &filter, older_than, page.limit()).await?;
        let elsewhere = AuditElsewhere { archives: archives.into_iter().map(AuditArchive::from).collect() };
        Ok(page.connection_with(elsewhere, entries, |row| row.seq.to_string(), AuditEntry::from))
    }

    /// Signed checkpoints that the service made by itself of a tenant's chain, the newest first. Keep some elsewhere.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn audit_checkpoints(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, AuditCheckpoint, EmptyFields, EmptyFields>> {
        let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
        let page = Page::read(context, first, after)?;
        let cursor =
            |text: &str| text.parse().map_err(|_| Error::invalid("after", "is not a cursor of this list"));
        let smaller = page.after.as_deref().map(cursor).transpose()?;
        let op = context.data_unchecked::<Op>();
        let rows = audit::checkpoints(op, tenant, smaller, page.limit()).await?;
        Ok(page.connection(rows, |row| row.entries.to_string(), AuditCheckpoint::from))
    }

    /// Reads every audit chain that you may verify from where it begins and checks it.
    #[graphql(complexity = "2000 + child_complexity")]
    async fn verify_audit(&self, context: &Context<'_>) -> async_graphql::Result<Vec<AuditChain>> {
        let scope = context.data::<Op>()?.permit(Action::Verify, "audit").await?;
        let reports = audit::verify(&scope, &[]).await?;
        Ok(reports
            .into_iter()
            .map(|report| AuditChain {
                tenant_id: id::encode("Tenant", report.tenant, report.tenant),
                entries: report.entries,
                archived: report.archived,
                faults: report
                    .faults
                    .into_iter()
                    .map(|fault| AuditFault { seq: fault.seq, kind: fault.kind.into() })
                    .collect(),
            })
            .collect())
    }
}
