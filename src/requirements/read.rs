//! Reading versions: the history of one, what is in force, the systems other parts work with.

use std::sync::Arc;

use jiff::Timestamp;

use super::cache::Parsed;
use super::manifest::{Kind, RequirementSpec, SystemSpec};
use super::model::{Stated, Version};
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
    match parsed_at(scope, Kind::System, name, at).await? {
        Some(Parsed::System(spec)) => Ok(Some(spec)),
        _ => Ok(None),
    }
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
    match parsed_at(scope, Kind::Requirement, name, at).await? {
        Some(Parsed::Requirement(spec)) => Ok(Some(spec)),
        _ => Ok(None),
    }
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
    let at = at.as_microsecond();
    let listing = Listing { kind: Kind::Requirement, system: Some(system), at, after: None, limit: MAX_LIST };
    let root = scope.op().app().root()?;
    let found = store::list_at(&scope.op().app().manifests().of(root), root, listing).await?;
    found.into_iter().map(|version| requirement_of(scope, version)).collect()
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
    let scope = permit(op).await?;
    let at = at.unwrap_or(op.at()).as_microsecond();
    let listing = Listing { kind: Kind::System, system: None, at, after, limit };
    let found = store::list_at(scope.connection(), scope.tenant(), listing).await?;
    found.into_iter().map(|version| system_of(&scope, version)).collect()
}

/// The system in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn system(op: &Op, name: &str) -> Result<Stated<SystemSpec>> {
    let scope = permit(op).await?;
    match version_at(&scope, Kind::System, name, op.at()).await? {
        Some(version) => system_of(&scope, version),
        None => Err(Error::not_found("system")),
    }
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
    let scope = permit(op).await?;
    let at = at.unwrap_or(op.at()).as_microsecond();
    let listing = Listing { kind: Kind::Requirement, system, at, after, limit };
    let found = store::list_at(scope.connection(), scope.tenant(), listing).await?;
    found.into_iter().map(|version| requirement_of(&scope, version)).collect()
}

/// The requirement in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn requirement(op: &Op, name: &str) -> Result<Stated<RequirementSpec>> {
    let scope = permit(op).await?;
    match version_at(&scope, Kind::Requirement, name, op.at()).await? {
        Some(version) => requirement_of(&scope, version),
        None => Err(Error::not_found("requirement")),
    }
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

fn system_of(scope: &Scope, version: Version) -> Result<Stated<SystemSpec>> {
    match scope.op().app().manifests().parse(&version.fingerprint, &version.manifest)? {
        Parsed::System(spec) => Ok(Stated { version, spec }),
        _ => Err(another_kind(&version)),
    }
}

fn requirement_of(scope: &Scope, version: Version) -> Result<Stated<RequirementSpec>> {
    match scope.op().app().manifests().parse(&version.fingerprint, &version.manifest)? {
        Parsed::Requirement(spec) => Ok(Stated { version, spec }),
        _ => Err(another_kind(&version)),
    }
}

pub(super) fn another_kind(version: &Version) -> Error {
    anyhow::anyhow!("stored {} {} holds a manifest of another kind", version.kind, version.name).into()
}
