//! Estimates in force, and the figures that follow from them.

use std::sync::Arc;

use anyhow::Context;
use capacity::EstimateResult;
use jiff::Timestamp;

use super::cache::Parsed;
use super::manifest::{Kind, SystemEstimate};
use super::model::{Stated, Version};
use super::read::{another_kind, permit, version_at};
use super::store::{self, Listing};
use crate::access::{Op, Scope};
use crate::error::{Error, Result};

/// Estimates in force at an instant, of one system or of all, by name. `after` is the last name of the page before.
///
/// # Errors
/// Those of permission.
pub async fn estimates(
    op: &Op,
    system: Option<&str>,
    at: Option<Timestamp>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Stated<SystemEstimate>>> {
    let scope = permit(op).await?;
    let at = at.unwrap_or(op.at()).as_microsecond();
    let listing = Listing { kind: Kind::Estimate, system, at, after, limit };
    let found = store::list_at(scope.connection(), scope.tenant(), listing).await?;
    found.into_iter().map(|version| estimate_of(&scope, version)).collect()
}

/// The estimate in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn estimate(op: &Op, name: &str) -> Result<Stated<SystemEstimate>> {
    let scope = permit(op).await?;
    match version_at(&scope, Kind::Estimate, name, op.at()).await? {
        Some(version) => estimate_of(&scope, version),
        None => Err(Error::not_found("estimate")),
    }
}

/// The figures that follow from an estimate that was read. The same estimate always gives the same.
///
/// # Errors
/// Unexpected ones only: what is stored was checked.
pub async fn figures(op: &Op, estimate: &Stated<SystemEstimate>) -> Result<Arc<EstimateResult>> {
    let known = op.app().manifests().estimated();
    let fingerprint = &estimate.version.fingerprint;
    if let Some(result) = known.get(fingerprint) {
        return Ok(result);
    }
    // One at a time, and not on a thread that answers others: with the most samples one takes 80 ms and 35 MB. Its place is kept
    // until it is done, also when nobody waits for it any more.
    let place = op.app().manifests().estimating().acquire_owned().await.context("estimating")?;
    if let Some(result) = known.get(fingerprint) {
        return Ok(result);
    }
    let spec = estimate.spec.clone();
    let computed = tokio::task::spawn_blocking(move || {
        let _place = place;
        capacity::estimate(&spec.spec)
    });
    let computed = computed.await;
    let result = computed.context("estimating")?.context("a stored estimate cannot be computed")?;
    let result = Arc::new(result);
    known.insert(fingerprint.clone(), result.clone());
    Ok(result)
}

fn estimate_of(scope: &Scope, version: Version) -> Result<Stated<SystemEstimate>> {
    match scope.op().app().manifests().parse(&version.fingerprint, &version.manifest)? {
        Parsed::Estimate(spec) => Ok(Stated { version, spec }),
        _ => Err(another_kind(&version)),
    }
}
