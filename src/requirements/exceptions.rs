//! Exceptions and probes in force.

use std::sync::Arc;

use jiff::Timestamp;

use super::approvals::{Approval, approval};
use super::manifest::{ExceptionSpec, Kind, ProbeSpec};
use super::measured::Approved;
use super::model::{Stated, Version};
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
    /// Whether it holds at the instant that was asked about: approved, begun, not over, and the requirement in force is a version
    /// that whoever approved it could read.
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
    // Those that have not begun let nothing through, approved or not.
    let found = listed::<ExceptionSpec>(scope, None, scope.at(), None, MAX_LIST).await?;
    let versions: Vec<&Version> = found.iter().map(|stated| &stated.version).collect();
    let mut approvals = store_evidence::approvals(scope, Kind::Exception, &versions).await?;
    // Of these versions and no others: one that was withdrawn and is stated anew wants approval anew.
    let of_version = |version: &Version| {
        let approval = approvals.remove(&(version.name.clone(), version.number))?;
        let holds = approval.fingerprint == version.fingerprint && approval.approved_at <= scope.at();
        holds.then_some((approval.name, approval.fingerprint))
    };
    Ok(versions.into_iter().filter_map(of_version).collect())
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
    let versions: Vec<&Version> = found.iter().map(|stated| &stated.version).collect();
    let mut approvals = store_evidence::approvals(scope, Kind::Exception, &versions).await?;
    let mut standing = Vec::with_capacity(found.len());
    for stated in found {
        let approval = approvals.remove(&(stated.version.name.clone(), stated.version.number));
        standing.push(StandingException::at(scope, stated, approval, at).await?);
    }
    Ok(standing)
}

/// Whether the version of a requirement in force at an instant was there to be read by another: whoever approves that something is
/// not kept has read what. Otherwise a later version could be about more, and so would what nobody keeps.
async fn known_by(scope: &Scope, requirement: &str, read: Timestamp, at: Timestamp) -> Result<bool> {
    let app = scope.op().app();
    let head =
        app.manifests().head_at(app.root()?, Kind::Requirement, requirement, at.as_microsecond()).await?;
    Ok(head.is_some_and(|head| !head.withdrawn && head.applied_at <= read.as_microsecond()))
}

impl StandingException {
    async fn at(
        scope: &Scope,
        stated: Stated<ExceptionSpec>,
        approval: Option<Approval>,
        at: Timestamp,
    ) -> Result<Self> {
        // Only what was approved as it is written, and by then.
        let approval = approval.filter(|approval| {
            approval.fingerprint == stated.version.fingerprint && approval.approved_at <= at
        });
        // One that says itself how far limits may go comes before the limits that rest on it.
        let bounded = stated.spec.mode.is_none() && stated.spec.up_to.is_some();
        let holds = match approval.as_ref().filter(|_| stated.spec.holds_at(at)) {
            Some(_) if bounded => true,
            Some(approval) => known_by(scope, &stated.spec.requirement, approval.approved_at, at).await?,
            None => false,
        };
        Ok(Self { stated, approval, holds })
    }
}

/// The exception whose newest version is in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn exception(op: &Op, name: &str) -> Result<StandingException> {
    let scope = permit(op).await?;
    let stated: Stated<ExceptionSpec> = one(op, name).await?;
    let approval = approval(op, Kind::Exception, name, stated.version.number).await?;
    StandingException::at(&scope, stated, approval, op.at()).await
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

/// All probes of a system in force at an instant.
pub(super) async fn probing(scope: &Scope, system: &str, at: Timestamp) -> Result<Vec<Stated<ProbeSpec>>> {
    listed(scope, Some(system), at, None, MAX_LIST).await
}

/// The probe of this name in force at the scope's instant.
pub(super) async fn probe_in_force(scope: &Scope, name: &str) -> Result<Option<Arc<ProbeSpec>>> {
    let version = version_at(scope, Kind::Probe, name, scope.at()).await?;
    version.map(|version| stated(scope, version).map(|stated| stated.spec)).transpose()
}
