//! Which manifest is in force, and what it says, without reading and parsing it again for each request.
//!
//! Three memories, all of things that cannot change: parsed specifications by fingerprint (the key *is* the content), and, by
//! the number of versions that there are in all (versions are only added), the line of versions of a manifest and a system
//! with its access rules. That number is asked from the database each time, in a trip that concurrent requests share; so an
//! applied manifest holds with the next request on every node.

use std::sync::Arc;

use capacity::EstimateResult;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::guarded::Span;
use super::manifest::{
    ExceptionSpec, Kind, Manifest, ProbeSpec, RequirementSpec, Spec, SystemEstimate, SystemSpec,
};
use super::model::Version;
use super::store::{self, Head};
use crate::error::{Error, Result};
use crate::loader::Loader;
use crate::storage::{Database, Wall, Walled};

/// Far above what one installation has in force; old versions that were looked at leave by themselves.
const ENTRIES: u64 = 4096;
/// Results of estimates; one has some 10 KB.
const ESTIMATES: u64 = 256;

/// The manifests of one service.
pub struct Manifests {
    database: Database,
    generations: Loader<Uuid, i64>,
    lines: Cache<(Name, i64), Arc<[Head]>>,
    parsed: Cache<String, Parsed>,
    guarded: Cache<AskedOf, Arc<[Span]>>,
    /// By fingerprint: the same assumptions give the same figures.
    estimated: Cache<String, Arc<EstimateResult>>,
    estimating: Arc<Semaphore>,
}

/// Root tenant, kind and name of a manifest.
type Name = (Uuid, Kind, Arc<str>);

/// Root tenant, name of a system (none: the only one) and number of versions.
pub(super) type AskedOf = (Uuid, Option<Arc<str>>, i64);

/// A specification, shared.
#[derive(Clone)]
pub(super) enum Parsed {
    System(Arc<SystemSpec>),
    Requirement(Arc<RequirementSpec>),
    Estimate(Arc<SystemEstimate>),
    Probe(Arc<ProbeSpec>),
    Exception(Arc<ExceptionSpec>),
}

impl From<Parsed> for Spec {
    fn from(parsed: Parsed) -> Self {
        match parsed {
            Parsed::System(spec) => Spec::System(Box::new(spec.as_ref().clone())),
            Parsed::Requirement(spec) => Spec::Requirement(Box::new(spec.as_ref().clone())),
            Parsed::Estimate(spec) => Spec::Estimate(Box::new(spec.as_ref().clone())),
            Parsed::Probe(spec) => Spec::Probe(Box::new(spec.as_ref().clone())),
            Parsed::Exception(spec) => Spec::Exception(Box::new(spec.as_ref().clone())),
        }
    }
}

/// Of the versions in the order of names and numbers those that decide at an instant. The highest number decides first: a
/// requirement that was withdrawn or moved to another system must not fall back to its version before.
fn in_force(versions: Vec<Version>, system: &str, at: i64) -> Vec<Version> {
    let mut highest: Vec<Version> = Vec::new();
    for version in versions.into_iter().filter(|version| version.in_force_from.as_microsecond() <= at) {
        match highest.last_mut().filter(|last| last.name == version.name) {
            Some(last) => *last = version,
            None => highest.push(version),
        }
    }
    highest.retain(|version| !version.withdrawn && version.system == system);
    highest
}

impl Manifests {
    /// Over the service's database.
    pub fn start(database: &Database) -> Self {
        let asked = database.clone();
        let generations = Loader::start(move |roots: Vec<Uuid>| {
            let database = asked.behind(Wall::Tenants(roots.clone().into()));
            async move { Ok(store::generations(&database, &roots).await?.into_iter().collect()) }
        });
        let database = database.clone();
        let (lines, parsed, guarded) = (Cache::new(ENTRIES), Cache::new(ENTRIES), Cache::new(ENTRIES));
        let (estimated, estimating) = (Cache::new(ESTIMATES), Arc::new(Semaphore::new(1)));
        Self { database, generations, lines, parsed, guarded, estimated, estimating }
    }

    /// How many versions there are in all.
    pub(super) async fn generation(&self, root: Uuid) -> Result<i64> {
        Ok(self.generations.load(root).await?.unwrap_or(0))
    }

    pub(super) fn guarded(&self, place: &AskedOf) -> Arc<[Span]> {
        self.guarded.get(place).unwrap_or_default()
    }

    pub(super) fn remember_guarded(&self, place: AskedOf, known: Arc<[Span]>, span: Span) {
        self.guarded.insert(place, known.iter().cloned().chain([span]).collect());
    }

    /// Manifests are the root tenant's rows, read for everybody who works with a system.
    pub(super) fn of(&self, root: Uuid) -> Walled {
        self.database.behind(Wall::tenant(root))
    }

    /// Which version is in force at an instant (microseconds).
    pub(super) async fn head_at(&self, root: Uuid, kind: Kind, name: &str, at: i64) -> Result<Option<Head>> {
        let name: Name = (root, kind, name.into());
        let Some(generation) = self.generations.load(root).await? else { return Ok(None) };
        let place = (name.clone(), generation);
        let line = match self.lines.get(&place) {
            Some(line) => line,
            None => {
                let line: Arc<[Head]> = store::line(&self.of(root), &name).await?.into();
                self.lines.insert(place, line.clone());
                line
            }
        };
        // In the order of numbers: the highest one that holds by then decides.
        Ok(line.iter().rfind(|head| head.in_force_from <= at).cloned())
    }

    /// The requirements of a system in force at an instant (microseconds).
    pub(super) async fn requirements_at(&self, root: Uuid, system: &str, at: i64) -> Result<Vec<Version>> {
        Ok(in_force(store::all_requirements(&self.of(root), root).await?, system, at))
    }

    pub(super) fn estimated(&self) -> &Cache<String, Arc<EstimateResult>> {
        &self.estimated
    }

    pub(super) fn estimating(&self) -> Arc<Semaphore> {
        self.estimating.clone()
    }

    pub(super) fn get(&self, fingerprint: &str) -> Option<Parsed> {
        self.parsed.get(fingerprint)
    }

    /// Parses a stored version, or takes what was parsed before.
    pub(super) fn parse(&self, fingerprint: &str, manifest: &str) -> Result<Parsed> {
        if let Some(parsed) = self.get(fingerprint) {
            return Ok(parsed);
        }
        let parsed = match read_stored(fingerprint, manifest)?.spec {
            Spec::System(spec) => Parsed::System(Arc::from(spec)),
            Spec::Requirement(spec) => Parsed::Requirement(Arc::from(spec)),
            Spec::Estimate(spec) => Parsed::Estimate(Arc::from(spec)),
            Spec::Probe(spec) => Parsed::Probe(Arc::from(spec)),
            Spec::Exception(spec) => Parsed::Exception(Arc::from(spec)),
        };
        self.parsed.insert(fingerprint.to_owned(), parsed.clone());
        Ok(parsed)
    }
}

/// Reads a stored manifest after proving that it is the one whose fingerprint was recorded: a rule that somebody changed
/// in the database behind the service's back must not come into force silently.
pub(super) fn read_stored(fingerprint: &str, manifest: &str) -> Result<Manifest> {
    if hex::encode(Sha256::digest(manifest.as_bytes())) != fingerprint {
        let text = format!("a stored manifest does not have its fingerprint {fingerprint}: it was changed");
        return Err(Error::Internal(anyhow::anyhow!(text)));
    }
    let value = serde_json::from_str(manifest)?;
    Ok(Manifest::from_json(&value).map_err(anyhow::Error::new)?)
}
