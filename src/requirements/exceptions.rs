//! Exceptions and probes in force.

use std::sync::Arc;

use jiff::Timestamp;

use super::approvals::{Approval, approval};
use super::manifest::{ExceptionSpec, Kind, ProbeSpec};
use super::measured::Approved;
use super::model::Stated;
use super::read::{permit, version_at};
use super::stated::{list, listed, one, stated};
use super::store_evidence;
use crate::access::{Op, Scope};
use crate::error::Result;

/// More exceptions and probes than a system has.
const MAX_LIST: u64 = 10_000;

/// An exception as it stands.
#[derive(Clone, Debug)]
pub struct StandingException {
    pub stated: Stated<ExceptionSpec>,
    pub approval: Option<Approval>,
    /// Whether it holds at the instant that was asked about: approved, begun, not over.
    pub holds: bool,
}

/// Exceptions whose newest version is in force at an instant, of one system or of all, by name: those that wait for approval and
/// those that are over too. `after` is the last name of the page before.
///
/// # Errors
/// Those of permission.
pub async fn exceptions(
    op: &Op,
    system: Option<&str>,
    at: Option<Timestamp>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<StandingException>> {
    let scope = permit(op).await?;
    standing(&scope, system, at.unwrap_or(op.at()), after, limit).await
}

/// Names and fingerprints of what was approved by now.
pub(super) async fn approved(scope: &Scope) -> Result<Approved> {
    let approvals = store_evidence::approvals(scope, Kind::Exception).await?.into_values();
    let by_now = approvals.filter(|approval| approval.approved_at <= scope.at());
    Ok(by_now.map(|approval| (approval.name, approval.fingerprint)).collect())
}

/// All exceptions of a system that hold at an instant.
pub(super) async fn holding(scope: &Scope, system: &str, at: Timestamp) -> Result<Vec<StandingException>> {
    let found = standing(scope, Some(system), at, None, MAX_LIST).await?;
    Ok(found.into_iter().filter(|exception| exception.holds).collect())
}

async fn standing(
    scope: &Scope,
    system: Option<&str>,
    at: Timestamp,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<StandingException>> {
    let found = listed::<ExceptionSpec>(scope, system, at, after, limit).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut approvals = store_evidence::approvals(scope, Kind::Exception).await?;
    let approved = |stated: Stated<ExceptionSpec>| {
        let approval = approvals.remove(&(stated.version.name.clone(), stated.version.number));
        StandingException::at(stated, approval, at)
    };
    Ok(found.into_iter().map(approved).collect())
}

impl StandingException {
    fn at(stated: Stated<ExceptionSpec>, approval: Option<Approval>, at: Timestamp) -> Self {
        // Only what was approved as it is written, and by then.
        let approval = approval.filter(|approval| {
            approval.fingerprint == stated.version.fingerprint && approval.approved_at <= at
        });
        let holds = approval.is_some() && stated.spec.holds_at(at);
        Self { stated, approval, holds }
    }
}

/// The exception whose newest version is in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn exception(op: &Op, name: &str) -> Result<StandingException> {
    let stated: Stated<ExceptionSpec> = one(op, name).await?;
    let approval = approval(op, Kind::Exception, name, stated.version.number).await?;
    Ok(StandingException::at(stated, approval, op.at()))
}

/// Probes in force at an instant, of one system or of all, by name. `after` is the last name of the page before.
///
/// # Errors
/// Those of permission.
pub async fn probes(
    op: &Op,
    system: Option<&str>,
    at: Option<Timestamp>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Stated<ProbeSpec>>> {
    list(op, system, at, after, limit).await
}

/// The probe of this name in force at the scope's instant.
pub(super) async fn probe_in_force(scope: &Scope, name: &str) -> Result<Option<Arc<ProbeSpec>>> {
    let version = version_at(scope, Kind::Probe, name, scope.at()).await?;
    version.map(|version| stated(scope, version).map(|stated| stated.spec)).transpose()
}
