//! Proving that nothing was changed, removed or swapped.

use std::collections::BTreeSet;
use std::sync::Arc;

use entity::audit_head;
use serde::Serialize;
use uuid::Uuid;

use super::beginning::{self, Start};
use super::chain::Walk;
use super::checkpoint::tenant_of;
use super::merkle::Frontier;
use super::note::Checkpoint;
use super::read::people;
use super::{seal, store};
use crate::access::{Reach, Scope};
use crate::app::App;
use crate::error::Result;

const PAGE: u64 = 2000;

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainFault {
    /// Number of the entry.
    pub seq: i64,
    /// What is wrong there.
    pub kind: FaultKind,
}

/// Kinds of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The entry does not match its own hash: it was changed.
    Changed,
    /// The number is not the one that follows: entries before it were removed.
    Missing,
    /// The entry does not continue the one before it: it was swapped, or its neighbour was replaced.
    Broken,
    /// The chain ends before its head says, or goes on after it: the end was cut off or added.
    WrongEnd,
    /// The entries up to here are not those that a checkpoint sealed: the chain was rewritten.
    NotAsSealed,
    /// A checkpoint sealed more entries than there are: the end was cut off.
    ShorterThanSealed,
    /// The head was written without the key: the chain was recomputed, or the key file is not the one that was used.
    ForgedHead,
    /// A stored checkpoint was not signed by this service, or is not the one that was.
    ForgedCheckpoint,
    /// The chain is said to begin later than this service made it begin: a trim was pretended.
    ForgedBeginning,
    /// The entry is about several people and is not found by each of them: whoever asks for the reads of one is not told of it.
    Unlisted,
}

impl FaultKind {
    /// As reports name it.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::Changed => "changed",
            FaultKind::Missing => "missing",
            FaultKind::Broken => "broken",
            FaultKind::WrongEnd => "wrong_end",
            FaultKind::NotAsSealed => "not_as_sealed",
            FaultKind::ShorterThanSealed => "shorter_than_sealed",
            FaultKind::ForgedHead => "forged_head",
            FaultKind::ForgedCheckpoint => "forged_checkpoint",
            FaultKind::ForgedBeginning => "forged_beginning",
            FaultKind::Unlisted => "unlisted",
        }
    }
}

/// The state of one tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Whose chain.
    pub tenant: Uuid,
    /// Entries that were read.
    pub entries: i64,
    /// Entries before them, which lie in archives and were not read.
    pub archived: i64,
    /// What is wrong; empty when all is well.
    pub faults: Vec<ChainFault>,
}

/// Verifies every chain of the installation, for whoever runs the program on the service's own machine.
///
/// # Errors
/// `CONFLICT` before `suimon init`; unexpected ones.
pub async fn verify_all(app: &Arc<App>, sealed: &[Checkpoint]) -> Result<Vec<ChainReport>> {
    verify(&Scope::system(app, app.root()?, Reach::All, "audit verify"), sealed).await
}

/// Reads every chain within the scope from where it begins and checks it, also against checkpoints that were kept elsewhere.
///
/// # Errors
/// Unexpected ones only: faults are the result, not an error.
pub async fn verify(scope: &Scope, sealed: &[Checkpoint]) -> Result<Vec<ChainReport>> {
    let mut tenants = tenants(scope).await?;
    tenants.extend(sealed.iter().filter_map(|checkpoint| tenant_of(&checkpoint.origin)));
    let mut reports = Vec::new();
    for tenant in tenants.into_iter().filter(|tenant| scope.covers(*tenant)) {
        let given: Vec<_> =
            sealed.iter().filter(|checkpoint| tenant_of(&checkpoint.origin) == Some(tenant)).collect();
        reports.push(whole(scope, tenant, &given).await?);
    }
    Ok(reports)
}

/// A chain from where it begins to its head.
async fn whole(scope: &Scope, tenant: Uuid, given: &[&Checkpoint]) -> Result<ChainReport> {
    loop {
        // The head first: entries that are appended meanwhile lie behind it and are not looked at.
        let head = store::head(scope.connection(), tenant).await?;
        let start = beginning::start(scope, tenant).await?;
        let (known, forged) = seal::stored(scope, tenant).await?;
        let walk = start.walk().compare(given.iter().copied()).compare(&known);
        let (walk, _) = some(scope, tenant, head.as_ref(), walk, u64::MAX).await?;
        let report = report(scope, tenant, head.as_ref(), walk, &start, forged);
        // A trim may have taken entries away from under the walk: then they were none that are missing.
        if report.faults.is_empty() || !start.moved(scope, tenant).await? {
            return Ok(report);
        }
    }
}

/// Every tenant within the scope that has or must have a chain.
pub(super) async fn tenants(scope: &Scope) -> Result<BTreeSet<Uuid>> {
    let database = scope.connection();
    let mut tenants: BTreeSet<Uuid> =
        store::heads(database).await?.into_iter().map(|head| head.tenant_id).collect();
    tenants.extend(store::tenants_with_entries(database).await?);
    // A chain that was removed whole leaves nothing of its own behind.
    tenants.extend(store::tenants_with_accounts(database).await?);
    tenants.retain(|tenant| scope.covers(*tenant));
    Ok(tenants)
}

/// One chain from where the walk stands to its head: what is wrong with it, and the tree over its entries.
pub(super) async fn chain(
    scope: &Scope,
    tenant: Uuid,
    head: Option<&audit_head::Model>,
    start: &Start,
    walk: Walk,
) -> Result<(ChainReport, Frontier)> {
    let (walk, _) = some(scope, tenant, head, walk, u64::MAX).await?;
    let tree = walk.tree().clone();
    Ok((report(scope, tenant, head, walk, start, false), tree))
}

/// Takes about `limit` entries up to the head; whether they were the last ones.
pub(super) async fn some(
    scope: &Scope,
    tenant: Uuid,
    head: Option<&audit_head::Model>,
    mut walk: Walk,
    limit: u64,
) -> Result<(Walk, bool)> {
    let end = head.map_or(i64::MAX, |head| head.seq);
    let mut taken = 0;
    while taken < limit {
        let page = store::page(scope.connection(), tenant, walk.end().0, PAGE).await?;
        if page.is_empty() {
            return Ok((walk, true));
        }
        let (mut ended, mut listed) = (false, Vec::new());
        for entry in page {
            ended = entry.seq > end;
            if ended {
                break;
            }
            walk.take(&entry);
            listed.extend(people(&entry).map(|person| (entry.seq, person)));
            taken += 1;
        }
        if let Some(seq) = store::unlisted(scope, tenant, listed).await? {
            walk.fault(seq, FaultKind::Unlisted);
        }
        if ended {
            return Ok((walk, true));
        }
    }
    Ok((walk, false))
}

/// What is wrong with a chain that was read to its end.
pub(super) fn report(
    scope: &Scope,
    tenant: Uuid,
    head: Option<&audit_head::Model>,
    walk: Walk,
    start: &Start,
    forged: bool,
) -> ChainReport {
    let (seq, last) = walk.end();
    let (entries, mut faults) = walk.finish();
    match head {
        Some(head) => {
            if !scope.op().app().audit().head_key().verify(tenant, head.seq, &head.hash, &head.mac) {
                faults.push(ChainFault { seq: head.seq, kind: FaultKind::ForgedHead });
            } else if head.seq != seq || head.hash != last {
                faults.push(ChainFault { seq, kind: FaultKind::WrongEnd });
            }
        }
        None => faults.push(ChainFault { seq, kind: FaultKind::WrongEnd }),
    }
    if forged {
        faults.push(ChainFault { seq, kind: FaultKind::ForgedCheckpoint });
    }
    if let Some(seq) = start.forged {
        faults.push(ChainFault { seq, kind: FaultKind::ForgedBeginning });
    }
    ChainReport { tenant, entries, archived: start.behind(), faults }
}
