//! Parsed specifications by fingerprint. The key *is* the content, so an entry can never be out of date: which version is
//! in force is asked from the database each time (one look-up by primary key), parsing it is not repeated.

use std::sync::Arc;

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::manifest::{Manifest, RequirementSpec, Spec, SystemSpec};
use crate::error::{Error, Result};

/// Far above what one installation has in force; old versions that were looked at leave by themselves.
const ENTRIES: u64 = 4096;

/// Parsed specifications of stored versions.
pub struct ManifestCache {
    parsed: Cache<String, Parsed>,
}

/// A specification, shared.
#[derive(Clone)]
pub(super) enum Parsed {
    System(Arc<SystemSpec>),
    Requirement(Arc<RequirementSpec>),
}

impl Default for ManifestCache {
    fn default() -> Self {
        Self { parsed: Cache::new(ENTRIES) }
    }
}

impl ManifestCache {
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
