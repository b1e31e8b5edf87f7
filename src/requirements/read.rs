//! Reading versions: the history of one, what is in force, the systems other parts work with.

use std::sync::Arc;

use jiff::Timestamp;

use super::cache::Parsed;
use super::manifest::{Kind, RequirementSpec, SystemSpec};
use super::model::{Stated, Version};
use super::stated::{Specification, list, listed, one};
use super::store::{self, Listing};
use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};

/// More requirements than a system has.
const MAX_LIST: u64 = 10_000;

/// The system of this name in force at an instant; none before its first version and after its withdrawal.
///
/// # Errors
/// Unexpected ones only.
pub async fn system_in_force(scope: &Scope, name: &str, at: Timestamp) -> Result<Option<Arc<SystemSpec>>> {
    Ok(parsed_at(scope, Kind::System, name, at).await?.and_then(SystemSpec::of))
}

/// The system of this name in force now.
///
/// # Errors
/// `NOT_FOUND` when there is none.
pub async fn require_system(scope: &Scope, name: &str) -> Result<Arc<SystemSpec>> {
    system_in_force(scope, name, scope.at()).await?.ok_or_else(|| {
        Error::not_found("system").remedy("name a system whose manifest is applied and in force")
    })
}

/// Names of all systems in force now.
///
/// # Errors
/// Unexpected ones only.
pub async fn names_of_systems(scope: &Scope) -> Result<Vec<String>> {
    let at = scope.at_micros();
    let listing = Listing { kind: Kind::System, system: None, at, after: None, limit: MAX_LIST };
    let found = store::list_at(scope.connection(), scope.op().app().root()?, listing).await?;
    Ok(found.into_iter().map(|version| version.name).collect())
}

/// The requirement of this name in force at an instant.
///
/// # Errors
/// Unexpected ones only.
pub async fn requirement_in_force(
    scope: &Scope,
    name: &str,
    at: Timestamp,
) -> Result<Option<Arc<RequirementSpec>>> {
    Ok(parsed_at(scope, Kind::Requirement, name, at).await?.and_then(RequirementSpec::of))
}

/// The requirements of a system in force at an instant, by name.
///
/// # Errors
/// Unexpected ones only.
pub async fn requirements_in_force(
    scope: &Scope,
    system: &str,
    at: Timestamp,
) -> Result<Vec<Stated<RequirementSpec>>> {
    listed(scope, Some(system), at, None, MAX_LIST).await
}

/// Systems in force at an instant, by name. `after` is the last name of the page before.
///
/// # Errors
/// Those of permission.
pub async fn systems(
    op: &Op,
    at: Option<Timestamp>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Stated<SystemSpec>>> {
    list(op, None, at, after, limit).await
}

/// The system in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn system(op: &Op, name: &str) -> Result<Stated<SystemSpec>> {
    one(op, name).await
}

/// Requirements in force at an instant, of one system or of all, by name.
///
/// # Errors
/// Those of permission.
pub async fn requirements(
    op: &Op,
    system: Option<&str>,
    at: Option<Timestamp>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Stated<RequirementSpec>>> {
    list(op, system, at, after, limit).await
}

/// The requirement in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn requirement(op: &Op, name: &str) -> Result<Stated<RequirementSpec>> {
    one(op, name).await
}

/// Versions of one manifest, the newest first. `before` is the last number of the page before.
///
/// # Errors
/// Those of permission. A name without versions has an empty history.
pub async fn versions(
    op: &Op,
    kind: Kind,
    name: &str,
    before: Option<i32>,
    limit: u64,
) -> Result<Vec<Version>> {
    let scope = permit(op).await?;
    store::versions(scope.connection(), scope.tenant(), kind, name, before, limit).await
}

/// The version of a manifest in force at an instant; none before the first one and after a withdrawal.
///
/// # Errors
/// Those of permission.
pub async fn in_force(op: &Op, kind: Kind, name: &str, at: Timestamp) -> Result<Option<Version>> {
    version_at(&permit(op).await?, kind, name, at).await
}

pub(super) async fn permit(op: &Op) -> Result<Scope> {
    op.permit_at(op.app().root()?, Action::Read, "requirement").await
}

pub(super) async fn version_at(
    scope: &Scope,
    kind: Kind,
    name: &str,
    at: Timestamp,
) -> Result<Option<Version>> {
    let root = scope.op().app().root()?;
    match scope.op().app().manifests().head_at(root, kind, name, at.as_microsecond()).await? {
        Some(head) if !head.withdrawn => {
            store::version(&scope.op().app().manifests().of(root), root, kind, name, head.number).await
        }
        _ => Ok(None),
    }
}

async fn parsed_at(scope: &Scope, kind: Kind, name: &str, at: Timestamp) -> Result<Option<Parsed>> {
    let app = scope.op().app();
    let root = app.root()?;
    let head = app.manifests().head_at(root, kind, name, at.as_microsecond()).await?;
    let Some(head) = head.filter(|head| !head.withdrawn) else { return Ok(None) };
    if let Some(parsed) = app.manifests().get(&head.fingerprint) {
        return Ok(Some(parsed));
    }
    match store::version(&app.manifests().of(root), root, kind, name, head.number).await? {
        Some(version) => app.manifests().parse(&version.fingerprint, &version.manifest).map(Some),
        None => Ok(None),
    }
}
