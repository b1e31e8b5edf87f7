//! Estimates in force, and the figures that follow from them.

use std::sync::Arc;

use anyhow::Context;
use capacity::EstimateResult;
use jiff::Timestamp;

use super::manifest::SystemEstimate;
use super::model::Stated;
use super::stated::{list, one, one_at};
use crate::access::Op;
use crate::error::Result;

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
    list(op, system, at, after, limit).await
}

/// The estimate in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn estimate(op: &Op, name: &str) -> Result<Stated<SystemEstimate>> {
    one(op, name).await
}

/// The estimate in force at an instant.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub(super) async fn estimate_at(op: &Op, name: &str, at: Timestamp) -> Result<Stated<SystemEstimate>> {
    one_at(op, name, at).await
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
