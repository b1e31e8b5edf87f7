//! Exceptions and probes in force.

use std::sync::Arc;

use jiff::Timestamp;

use super::approvals::Approval;
use super::cache::Parsed;
use super::manifest::{ExceptionSpec, Kind, ProbeSpec};
use super::model::{Stated, Version};
use super::read::{another_kind, permit, version_at};
use super::store::{self, Listing};
use super::store_evidence;
use crate::access::{Op, Scope};
use crate::error::{Error, Result};

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
    listed(&scope, system, at.unwrap_or(op.at()), after, limit).await
}

/// All exceptions of a system that hold at an instant.
pub(super) async fn holding(scope: &Scope, system: &str, at: Timestamp) -> Result<Vec<StandingException>> {
    let found = listed(scope, Some(system), at, None, MAX_LIST).await?;
    Ok(found.into_iter().filter(|exception| exception.holds).collect())
}

async fn listed(
    scope: &Scope,
    system: Option<&str>,
    at: Timestamp,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<StandingException>> {
    let listing = Listing { kind: Kind::Exception, system, at: at.as_microsecond(), after, limit };
    let versions = store::list_at(scope.connection(), scope.tenant(), listing).await?;
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    let mut approvals = store_evidence::approvals(scope, Kind::Exception).await?;
    let mut found = Vec::with_capacity(versions.len());
    for version in versions {
        // Only what was approved as it is written now.
        let approval = approvals
            .remove(&(version.name.clone(), version.number))
            .filter(|approval| approval.fingerprint == version.fingerprint && approval.approved_at <= at);
        let stated = exception_of(scope, version)?;
        let holds = approval.is_some() && stated.spec.holds_at(at);
        found.push(StandingException { stated, approval, holds });
    }
    Ok(found)
}

/// The exception whose newest version is in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn exception(op: &Op, name: &str) -> Result<StandingException> {
    let scope = permit(op).await?;
    let version = version_at(&scope, Kind::Exception, name, op.at()).await?;
    let version = version.ok_or_else(|| Error::not_found("exception"))?;
    let approval = store_evidence::approval(&scope, Kind::Exception, name, version.number).await?;
    let approval = approval.filter(|approval| approval.fingerprint == version.fingerprint);
    let stated = exception_of(&scope, version)?;
    let holds = approval.is_some() && stated.spec.holds_at(op.at());
    Ok(StandingException { stated, approval, holds })
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
    let scope = permit(op).await?;
    let at = at.unwrap_or(op.at()).as_microsecond();
    let listing = Listing { kind: Kind::Probe, system, at, after, limit };
    let found = store::list_at(scope.connection(), scope.tenant(), listing).await?;
    found.into_iter().map(|version| probe_of(&scope, version)).collect()
}

/// The probe of this name in force at the scope's instant.
pub(super) async fn probe_in_force(scope: &Scope, name: &str) -> Result<Option<Arc<ProbeSpec>>> {
    let version = version_at(scope, Kind::Probe, name, scope.at()).await?;
    version.map(|version| probe_of(scope, version).map(|stated| stated.spec)).transpose()
}

fn exception_of(scope: &Scope, version: Version) -> Result<Stated<ExceptionSpec>> {
    match scope.op().app().manifests().parse(&version.fingerprint, &version.manifest)? {
        Parsed::Exception(spec) => Ok(Stated { version, spec }),
        _ => Err(another_kind(&version)),
    }
}

fn probe_of(scope: &Scope, version: Version) -> Result<Stated<ProbeSpec>> {
    match scope.op().app().manifests().parse(&version.fingerprint, &version.manifest)? {
        Parsed::Probe(spec) => Ok(Stated { version, spec }),
        _ => Err(another_kind(&version)),
    }
}
