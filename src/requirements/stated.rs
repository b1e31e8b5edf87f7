//! Versions with what they say, whatever their kind.

use std::sync::Arc;

use jiff::Timestamp;

use super::cache::Parsed;
use super::manifest::{ExceptionSpec, Kind, ProbeSpec, RequirementSpec, SystemEstimate, SystemSpec};
use super::model::{Stated, Version};
use super::read::{permit, version_at};
use super::store::{self, Listing};
use crate::access::{Op, Scope};
use crate::error::{Error, Result};

/// What manifests of one kind say.
pub(super) trait Specification: Sized {
    const KIND: Kind;
    /// None when it is another kind's.
    fn of(parsed: Parsed) -> Option<Arc<Self>>;
}

macro_rules! specifications {
    ($($kind:ident: $spec:ty,)+) => {
        $(impl Specification for $spec {
            const KIND: Kind = Kind::$kind;

            fn of(parsed: Parsed) -> Option<Arc<Self>> {
                match parsed {
                    Parsed::$kind(spec) => Some(spec),
                    _ => None,
                }
            }
        })+
    };
}

specifications! {
    System: SystemSpec,
    Requirement: RequirementSpec,
    Estimate: SystemEstimate,
    Probe: ProbeSpec,
    Exception: ExceptionSpec,
}

/// The version with what it says.
pub(super) fn stated<S: Specification>(scope: &Scope, version: Version) -> Result<Stated<S>> {
    let parsed = scope.op().app().manifests().parse(&version.fingerprint, &version.manifest)?;
    let spec = S::of(parsed).ok_or_else(|| {
        anyhow::anyhow!("stored {} {} holds a manifest of another kind", version.kind, version.name)
    })?;
    Ok(Stated { version, spec })
}

/// Those in force at an instant, of one system or of all, by name; `after` is the last name of the page before. The root tenant's
/// rows, read for everybody who works with a system: who may list them is the caller's to ask.
pub(super) async fn listed<S: Specification>(
    scope: &Scope,
    system: Option<&str>,
    at: Timestamp,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Stated<S>>> {
    let root = scope.op().app().root()?;
    let listing = Listing { kind: S::KIND, system, at: at.as_microsecond(), after, limit };
    let found = store::list_at(&scope.op().app().manifests().of(root), root, listing).await?;
    found.into_iter().map(|version| stated(scope, version)).collect()
}

/// The same for who may read requirements, now unless at another instant.
///
/// # Errors
/// Those of permission.
pub(super) async fn list<S: Specification>(
    op: &Op,
    system: Option<&str>,
    at: Option<Timestamp>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Stated<S>>> {
    listed(&permit(op).await?, system, at.unwrap_or(op.at()), after, limit).await
}

/// The one of this name in force now.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub(super) async fn one<S: Specification>(op: &Op, name: &str) -> Result<Stated<S>> {
    one_at(op, name, op.at()).await
}

/// The one of this name in force at an instant.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub(super) async fn one_at<S: Specification>(op: &Op, name: &str, at: Timestamp) -> Result<Stated<S>> {
    let scope = permit(op).await?;
    let version = version_at(&scope, S::KIND, name, at).await?;
    let missing =
        || Error::not_found(S::KIND.noun()).remedy("name one whose manifest is applied and in force");
    stated(&scope, version.ok_or_else(missing)?)
}
