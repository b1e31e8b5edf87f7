//! A system as decisions about its people need it: what it declares and its access rules, in one trip to the database.

use std::sync::Arc;

use super::access_rules::access_rules;
use super::manifest::{Kind, SystemSpec};
use super::store::{self, Listing};
use crate::access::{Scope, SystemRules};
use crate::error::{Error, Result};

/// A system in force with its access rules in force.
#[derive(Clone)]
pub struct Guarded {
    pub name: Arc<str>,
    pub spec: Arc<SystemSpec>,
    pub rules: Arc<SystemRules>,
}

/// One that holds from an instant until before another (microseconds).
#[derive(Clone)]
pub(super) struct Span {
    pub from: i64,
    pub until: i64,
    pub guarded: Guarded,
}

/// The system of this name in force at the scope's instant; without a name the only one there is.
///
/// # Errors
/// `NOT_FOUND` when there is none, `INVALID` when several are in force and none is named.
pub async fn guarded(scope: &Scope, name: Option<&str>) -> Result<Guarded> {
    let app = scope.op().app();
    let (root, at) = (app.root()?, scope.at_micros());
    let manifests = app.manifests();
    let place = (root, name.map(Arc::from), manifests.generation(root).await?);
    let known = manifests.guarded(&place);
    if let Some(span) = known.iter().find(|span| (span.from..span.until).contains(&at)) {
        return Ok(span.guarded.clone());
    }
    let name: Arc<str> = match name {
        Some(name) => name.into(),
        None => only(scope).await?,
    };
    let spec = super::require_system(scope, &name).await?;
    let rules = access_rules(scope, &name, &spec).await?.into();
    let (from, until) = store::span(&manifests.of(root), root, at).await?;
    let guarded = Guarded { name, spec, rules };
    manifests.remember_guarded(place, known, Span { from, until, guarded: guarded.clone() });
    Ok(guarded)
}

async fn only(scope: &Scope) -> Result<Arc<str>> {
    let listing = Listing { kind: Kind::System, system: None, at: scope.at_micros(), after: None, limit: 2 };
    let root = scope.op().app().root()?;
    let systems = store::list_at(&scope.op().app().manifests().of(root), root, listing).await?;
    match &systems[..] {
        [] => Err(Error::not_found("system").remedy("apply the manifest of the system first")),
        [only] => Ok(only.name.as_str().into()),
        _ => Err(Error::invalid("context.system", "is missing: there are several systems")
            .remedy("name the system that is asked about")),
    }
}
