//! Where a chain begins: at its first entry, or behind those that lie in archives. A beginning is proven twice: by an HMAC
//! with the key of the heads, so that nobody who only writes to the database can pretend a trim, and by the signed checkpoint
//! of what was taken away, whose tree the remaining entries go on from.

use entity::audit_beginning;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::chain::Walk;
use super::checkpoint::{open, origin};
use super::merkle::Frontier;
use super::{checkpoint_key, store};
use crate::access::Scope;
use crate::clock::from_micros;
use crate::error::Result;

/// The last entry of what was taken away, and the tree over all of it.
#[derive(Clone)]
pub(super) struct Beginning {
    pub row: audit_beginning::Model,
    pub hash: [u8; 32],
    pub tree: Frontier,
}

/// Where a chain begins now.
#[derive(Default)]
pub(super) struct Start {
    /// `None`: at its first entry.
    pub beginning: Option<Beginning>,
    /// A row is not one that this service wrote, or one of them is missing: its number.
    pub forged: Option<i64>,
    /// The trims that are proven, the newest first.
    rows: Vec<audit_beginning::Model>,
}

/// Entries of a chain that were taken away, and the file that holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Archive {
    /// Number of the first entry in the file.
    pub from: i64,
    /// Number of the last one.
    pub to: i64,
    /// The latest instant of an entry in it.
    pub latest: Timestamp,
    /// Name below the tenant's folder in `audit.archive_folder`.
    pub file: String,
    pub trimmed_at: Timestamp,
}

/// Trims that are looked at to see where a chain begins, and archives that an answer names.
pub(super) const RECENT: u64 = 100;

/// Where the chain of a tenant begins.
///
/// # Errors
/// Unexpected ones only: what is forged is a result.
pub(super) async fn start(scope: &Scope, tenant: Uuid) -> Result<Start> {
    start_from(scope, tenant, RECENT).await
}

/// The same with the archives of as many trims.
///
/// # Errors
/// As [`start`].
pub(super) async fn start_from(scope: &Scope, tenant: Uuid, trims: u64) -> Result<Start> {
    let rows = store::beginnings(scope, tenant, trims).await?;
    let all = (rows.len() as u64) < trims;
    let (mut start, mut next) = (Start::default(), None);
    for row in rows {
        // Each goes on from the one before it. What is not proven hides nothing: it is as if it were not there.
        let follows = next.is_none_or(|previous| previous == row.seq);
        if row.tenant_id != tenant
            || row.previous >= row.seq
            || !follows
            || !scope.op().app().audit().head_key().verify_beginning(&row)
        {
            start.forged = start.forged.or(Some(row.seq));
            continue;
        }
        if start.beginning.is_none() {
            start.beginning = proven(scope, tenant, row.clone());
            if start.beginning.is_none() {
                start.forged = start.forged.or(Some(row.seq));
                continue;
            }
        }
        next = Some(row.previous);
        start.rows.push(row);
    }
    // The first trim took away the first entry.
    if all && next.is_some_and(|previous| previous != 0) {
        start.forged = start.forged.or(next);
    }
    Ok(start)
}

/// The tree of a trim, when its checkpoint proves it.
fn proven(scope: &Scope, tenant: Uuid, row: audit_beginning::Model) -> Option<Beginning> {
    let sealed = open(&checkpoint_key(scope.op().app(), tenant), &row.note).ok()?;
    let tree = Frontier::restore(sealed.size, &row.tree)?;
    let whole = sealed.origin == origin(tenant) && i64::try_from(sealed.size) == Ok(row.seq);
    let hash = row.hash[..].try_into().ok()?;
    (whole && tree.root() == sealed.root).then_some(Beginning { row, hash, tree })
}

impl Start {
    /// Number of the last entry that was taken away; 0 when all are there.
    pub fn behind(&self) -> i64 {
        self.beginning.as_ref().map_or(0, |beginning| beginning.row.seq)
    }

    /// A walk over what remains.
    pub fn walk(&self) -> Walk {
        match &self.beginning {
            Some(Beginning { row, hash, tree }) => Walk::resume(row.seq, *hash, tree.clone()),
            None => Walk::default(),
        }
    }

    /// Whether the chain was trimmed since: then a walk may have missed entries that are in the archive.
    pub async fn moved(&self, scope: &Scope, tenant: Uuid) -> Result<bool> {
        Ok(start(scope, tenant).await?.behind() != self.behind())
    }

    /// The archives, the newest first.
    pub fn archives(self) -> Vec<Archive> {
        let archive = |row: audit_beginning::Model| Archive {
            from: row.previous + 1,
            to: row.seq,
            latest: from_micros(row.latest),
            file: row.archive,
            trimmed_at: from_micros(row.trimmed_at),
        };
        self.rows.into_iter().map(archive).collect()
    }
}
