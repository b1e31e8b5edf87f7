//! Which manifest is in force, and what it says, without reading and parsing it again for each request.
//!
//! Two memories, both of things that cannot change: parsed specifications by fingerprint (the key *is* the content), and
//! the line of versions of a manifest up to its newest number (versions are immutable). Which number is the newest is asked
//! from the database each time, in a trip that concurrent requests share; so an applied manifest holds with the next
//! request on every node.

use std::sync::Arc;

use moka::sync::Cache;
use sea_orm::DatabaseConnection;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::manifest::{Kind, Manifest, RequirementSpec, Spec, SystemSpec};
use super::store::{self, Head};
use crate::error::{Error, Result};
use crate::loader::Loader;

/// Far above what one installation has in force; old versions that were looked at leave by themselves.
const ENTRIES: u64 = 4096;

/// The manifests of one service.
pub struct Manifests {
    database: DatabaseConnection,
    newest: Loader<Name, i32>,
    lines: Cache<(Name, i32), Arc<[Head]>>,
    parsed: Cache<String, Parsed>,
}

/// Root tenant, kind and name of a manifest.
type Name = (Uuid, Kind, Arc<str>);

/// A specification, shared.
#[derive(Clone)]
pub(super) enum Parsed {
    System(Arc<SystemSpec>),
    Requirement(Arc<RequirementSpec>),
}

impl Manifests {
    /// Over the service's database.
    pub fn start(database: &DatabaseConnection) -> Self {
        let asked = database.clone();
        let newest = Loader::start(move |names: Vec<Name>| {
            let database = asked.clone();
            async move { Ok(store::newest_numbers(&database, &names).await?.into_iter().collect()) }
        });
        let (lines, parsed) = (Cache::new(ENTRIES), Cache::new(ENTRIES));
        Self { database: database.clone(), newest, lines, parsed }
    }

    /// Which version is in force at an instant (microseconds).
    pub(super) async fn head_at(&self, root: Uuid, kind: Kind, name: &str, at: i64) -> Result<Option<Head>> {
        let name: Name = (root, kind, name.into());
        let Some(newest) = self.newest.load(name.clone()).await? else { return Ok(None) };
        let place = (name.clone(), newest);
        let line = match self.lines.get(&place) {
            Some(line) => line,
            None => {
                let line: Arc<[Head]> = store::line(&self.database, &name, newest).await?.into();
                self.lines.insert(place, line.clone());
                line
            }
        };
        // In the order of numbers: the highest one that holds by then decides.
        Ok(line.iter().rfind(|head| head.in_force_from <= at).cloned())
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
