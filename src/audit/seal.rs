//! Checkpoints by themselves: what was appended since the last one is checked and sealed; a damaged chain never is.
//!
//! A checkpoint goes on from the tree of the one before it, which its own signature proves. So it costs what was appended
//! meanwhile, and it seals the older entries as they were then, whatever became of them: changing one shows at the next
//! whole verification, which runs by schedule too.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::beginning::Start;
use super::chain::{GENESIS, Walk, hash};
use super::checkpoint::{open, origin, signer};
use super::merkle::Frontier;
use super::note::Checkpoint;
use super::verify::{self, ChainFault, ChainReport, FaultKind};
use super::{Event, beginning, checkpoint_key, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;

/// Heads that are looked at in one step.
const HEADS: u64 = 500;
/// Entries that one step of a whole verification reads.
const PIECE: u64 = 20_000;
/// Newest checkpoints that a verification compares with.
const COMPARED: u64 = 50;

/// A checkpoint that is signed and not yet stored.
pub struct Seal {
    tenant: Uuid,
    checkpoint: Checkpoint,
    note: String,
    tree: Frontier,
}

/// What came of sealing a chain.
pub enum Sealed {
    Good(Box<Seal>),
    /// It was not sealed.
    Damaged(ChainReport),
}

/// The first tenant behind `after` whose chain has grown since its last checkpoint.
///
/// # Errors
/// Unexpected ones only.
pub async fn next_unsealed(scope: &Scope, mut after: Option<Uuid>) -> Result<Option<Uuid>> {
    loop {
        let heads = store::heads_after(scope, after, HEADS).await?;
        let Some(last) = heads.last() else { return Ok(None) };
        after = Some(last.0);
        let tenants: Vec<Uuid> = heads.iter().map(|(tenant, _)| *tenant).collect();
        let sizes = store::checkpoint_sizes(scope, &tenants).await?;
        let grown = |(tenant, seq): &(Uuid, i64)| sizes.get(tenant).is_none_or(|size| size < seq);
        if let Some((tenant, _)) = heads.into_iter().find(grown) {
            return Ok(Some(tenant));
        }
    }
}

/// Checks what was appended since the last checkpoint, and signs the next one.
///
/// # Errors
/// Unexpected ones only: damage is a result.
pub async fn seal(scope: &Scope, tenant: Uuid) -> Result<Sealed> {
    loop {
        let start = beginning::start(scope, tenant).await?;
        let sealed = seal_behind(scope, tenant, &start).await?;
        // A trim may have taken entries away from under the walk: then it was no damage.
        if matches!(sealed, Sealed::Good(_)) || !start.moved(scope, tenant).await? {
            return Ok(sealed);
        }
    }
}

async fn seal_behind(scope: &Scope, tenant: Uuid, start: &Start) -> Result<Sealed> {
    let head = store::head(scope.connection(), tenant).await?;
    let damaged = |seq, kind| {
        let faults = vec![ChainFault { seq, kind }];
        Sealed::Damaged(ChainReport { tenant, entries: 0, archived: start.behind(), faults })
    };
    let walk = match store::last_checkpoint(scope, tenant).await? {
        // What it sealed lies in the archive; the beginning has its tree.
        Some(row) if row.size > start.behind() => {
            let Some(tree) = tree_of(scope, tenant, &row) else {
                return Ok(damaged(row.size, FaultKind::ForgedCheckpoint));
            };
            let entry = store::page(scope.connection(), tenant, row.size - 1, 1).await?.into_iter().next();
            let Some(entry) = entry.filter(|entry| entry.seq == row.size) else {
                return Ok(damaged(row.size, FaultKind::ShorterThanSealed));
            };
            if hash(&entry)[..] != entry.hash[..] {
                return Ok(damaged(row.size, FaultKind::Changed));
            }
            Walk::resume(row.size, entry.hash[..].try_into().unwrap_or(GENESIS), tree)
        }
        _ => start.walk(),
    };
    let (report, tree) = verify::chain(scope, tenant, head.as_ref(), start, walk).await?;
    if !report.faults.is_empty() {
        return Ok(Sealed::Damaged(report));
    }
    let checkpoint = Checkpoint { origin: origin(tenant), size: tree.size(), root: tree.root() };
    let note = signer(scope.op().app(), tenant).sign(&checkpoint.to_string());
    Ok(Sealed::Good(Box::new(Seal { tenant, checkpoint, note, tree })))
}

/// The tree of a stored checkpoint, when its signature proves it.
pub(super) fn tree_of(
    scope: &Scope,
    tenant: Uuid,
    row: &entity::audit_checkpoint::Model,
) -> Option<Frontier> {
    let checkpoint = open(&checkpoint_key(scope.op().app(), tenant), &row.note).ok()?;
    let tree = Frontier::restore(checkpoint.size, &row.tree)?;
    let whole = checkpoint.origin == origin(tenant) && i64::try_from(checkpoint.size) == Ok(row.size);
    (whole && tree.root() == checkpoint.root).then_some(tree)
}

impl Seal {
    /// Writes the checkpoint into a folder outside the database, `<folder>/<tenant>/<entries>.note`, where one is configured:
    /// before it is stored, so that none is stored that does not lie there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_outside(&self, folder: &str) -> Result<()> {
        if folder.is_empty() {
            return Ok(());
        }
        let folder = Path::new(folder).join(self.tenant.to_string());
        std::fs::create_dir_all(&folder).context("audit.checkpoint_folder cannot be created")?;
        let path = folder.join(format!("{:020}.note", self.checkpoint.size));
        // A crash may have left a part of it: the same checkpoint has the same bytes, and takes its place as a whole.
        let part = folder.join(format!("{:020}.part", self.checkpoint.size));
        let write = || {
            let mut file = std::fs::File::create(&part)?;
            file.write_all(self.note.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &path)
        };
        write().context("a checkpoint cannot be written into audit.checkpoint_folder")?;
        Ok(())
    }

    /// Stores the checkpoint; what to commit it with.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn keep(&self, tx: &Tx) -> Result<Event> {
        let Checkpoint { size, root, .. } = &self.checkpoint;
        let row = entity::audit_checkpoint::Model {
            tenant_id: self.tenant,
            size: i64::try_from(*size).context("a chain of 2^63 entries")?,
            at: tx.scope().at_micros(),
            note: self.note.clone(),
            tree: self.tree.bytes(),
        };
        store::insert_checkpoint(tx, row).await?;
        let detail = json!({ "tenant": self.tenant, "entries": size, "root": hex::encode(root) });
        Ok(Event::new("audit.checkpoint", "audit").detail(detail))
    }
}

/// The newest stored checkpoints of a chain, and whether one of them was not signed by this service.
pub(super) async fn stored(scope: &Scope, tenant: Uuid) -> Result<(Vec<Checkpoint>, bool)> {
    let (mut good, mut forged) = (Vec::new(), false);
    for row in store::checkpoints(scope, tenant, None, COMPARED).await? {
        match tree_of(scope, tenant, &row) {
            Some(tree) => {
                good.push(Checkpoint { origin: origin(tenant), size: tree.size(), root: tree.root() })
            }
            None => forged = true,
        }
    }
    Ok((good, forged))
}

/// A stored checkpoint, as its readers see it.
#[derive(Clone, Debug, Serialize)]
pub struct StoredCheckpoint {
    pub tenant: Uuid,
    pub entries: i64,
    pub at: jiff::Timestamp,
    /// The signed note.
    pub note: String,
}

/// Stored checkpoints of a tenant's chain, the newest first; `smaller_than` is the size of the last one of the page before.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn checkpoints(
    op: &Op,
    tenant: Uuid,
    smaller_than: Option<i64>,
    limit: u64,
) -> Result<Vec<StoredCheckpoint>> {
    let scope = op.permit_at(tenant, Action::Read, "audit").await?;
    let rows = store::checkpoints(&scope, tenant, smaller_than, limit).await?;
    let shown = |row: entity::audit_checkpoint::Model| StoredCheckpoint {
        tenant: row.tenant_id,
        entries: row.size,
        at: from_micros(row.at),
        note: row.note,
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// How far a whole verification came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VerifyProgress {
    /// The last tenant that was verified to its end.
    after: Option<Uuid>,
    within: Option<Within>,
    /// Entries read so far, of all chains.
    pub entries: i64,
}

/// A place inside a chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Within {
    tenant: Uuid,
    seq: i64,
    last: String,
    tree: String,
}

impl Within {
    fn walk(&self) -> Option<Walk> {
        let size = u64::try_from(self.seq).ok()?;
        let tree = Frontier::restore(size, &hex::decode(&self.tree).ok()?)?;
        Some(Walk::resume(self.seq, hex::decode(&self.last).ok()?.try_into().ok()?, tree))
    }
}

/// Verifies a piece of all chains from where they begin. Gives the damaged ones that it met, and how to go on: `None` at
/// the end.
///
/// # Errors
/// Unexpected ones only: damage is a result.
pub async fn verify_piece(
    scope: &Scope,
    mut progress: VerifyProgress,
) -> Result<(Vec<ChainReport>, VerifyProgress, bool)> {
    let (mut damaged, mut budget) = (Vec::new(), PIECE);
    let tenants = verify::tenants(scope).await?;
    while budget > 0 {
        let next = match &progress.within {
            Some(within) => Some(within.tenant),
            None => tenants.iter().copied().find(|tenant| progress.after.is_none_or(|after| *tenant > after)),
        };
        let Some(tenant) = next else { return Ok((damaged, progress, true)) };
        let (known, forged) = stored(scope, tenant).await?;
        // What was stored between two steps was in our own database: whoever changed it gains nothing but a fault.
        let start = beginning::start(scope, tenant).await?;
        let walk = progress.within.take().and_then(|within| within.walk());
        // What was read so far may have gone into the archive since.
        let walk = walk.filter(|walk| walk.end().0 >= start.behind()).unwrap_or_else(|| start.walk());
        let walk = walk.compare(&known);
        let head = store::head(scope.connection(), tenant).await?;
        let before = walk.end().0;
        let (walk, whole) = verify::some(scope, tenant, head.as_ref(), walk, budget).await?;
        let (seq, last) = walk.end();
        let read = seq.saturating_sub(before).max(1);
        progress.entries += read;
        budget = budget.saturating_sub(read.unsigned_abs());
        if !whole && walk.is_sound() {
            let (last, tree) = (hex::encode(last), hex::encode(walk.tree().bytes()));
            progress.within = Some(Within { tenant, seq, last, tree });
            continue;
        }
        let report = if whole {
            verify::report(scope, tenant, head.as_ref(), walk, &start, forged)
        } else {
            let (entries, faults) = walk.finish_early();
            ChainReport { tenant, entries, archived: start.behind(), faults }
        };
        if !report.faults.is_empty() {
            // A trim may have taken entries away from under the walk: again, from where the chain begins now.
            if start.moved(scope, tenant).await? {
                continue;
            }
            damaged.push(report);
        }
        progress.after = Some(tenant);
    }
    Ok((damaged, progress, false))
}
