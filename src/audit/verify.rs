//! Proving that nothing was changed, removed or swapped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entity::audit_head;
use serde::Serialize;
use uuid::Uuid;

use super::chain::Walk;
use super::checkpoint::tenant_of;
use super::note::Checkpoint;
use super::store;
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
}

/// The state of one tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// Whose chain.
    pub tenant: Uuid,
    /// Entries that were read.
    pub entries: i64,
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

/// Reads every chain within the scope from its first entry and checks it, also against checkpoints that were kept elsewhere.
///
/// # Errors
/// Unexpected ones only: faults are the result, not an error.
pub async fn verify(scope: &Scope, sealed: &[Checkpoint]) -> Result<Vec<ChainReport>> {
    let database = scope.connection();
    // Heads first: entries that are appended meanwhile lie behind them and are not looked at.
    let heads: BTreeMap<Uuid, _> =
        store::heads(database).await?.into_iter().map(|head| (head.tenant_id, head)).collect();
    let mut tenants: BTreeSet<Uuid> = heads.keys().copied().collect();
    tenants.extend(store::tenants_with_entries(database).await?);
    // A chain that was removed whole leaves nothing of its own behind.
    tenants.extend(store::tenants_with_accounts(database).await?);
    tenants.extend(sealed.iter().filter_map(|checkpoint| tenant_of(&checkpoint.origin)));
    let mut reports = Vec::new();
    for tenant in tenants.into_iter().filter(|tenant| scope.covers(*tenant)) {
        let of_tenant = sealed.iter().filter(|checkpoint| tenant_of(&checkpoint.origin) == Some(tenant));
        let (report, _) = chain(scope, tenant, heads.get(&tenant), Walk::sealed(of_tenant)).await?;
        reports.push(report);
    }
    Ok(reports)
}

/// One chain: what is wrong with it, and number and root of its entries.
pub(super) async fn chain(
    scope: &Scope,
    tenant: Uuid,
    head: Option<&audit_head::Model>,
    mut walk: Walk,
) -> Result<(ChainReport, (u64, [u8; 32]))> {
    let end = head.map_or(i64::MAX, |head| head.seq);
    'chain: loop {
        let page = store::page(scope.connection(), tenant, walk.end().0, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            if entry.seq > end {
                break 'chain;
            }
            walk.take(&entry);
        }
    }
    let ((seq, last), root) = (walk.end(), walk.root());
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
    Ok((ChainReport { tenant, entries, faults }, root))
}
