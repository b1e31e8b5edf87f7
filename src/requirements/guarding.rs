//! What a guard keeps of a system: the manifests in force, and of the exceptions those that hold.

use sha2::{Digest, Sha256};

use super::manifest::{RequirementSpec, SystemEstimate, SystemSpec};
use super::model::{Stated, Version};
use super::read::permit;
use super::stated::{listed, one};
use super::{MAX_KEPT, exceptions};
use crate::access::Op;
use crate::error::{Error, Result};

/// Manifests as a guard is given them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// A name for what they say: the same manifests have the same one. SHA-256 in hexadecimal.
    pub digest: String,
    /// Canonical JSON, each a whole manifest.
    pub manifests: Vec<String>,
}

/// What a guard of this system keeps now: the system, its requirements and estimates in force, and the exceptions that hold.
/// Those that nobody approved are not among them: a guard does not become more lenient by a file alone.
///
/// # Errors
/// `NOT_FOUND` when no such system is in force, `LIMIT_EXCEEDED` for a system with more manifests than a guard takes, and those of
/// permission.
pub async fn kept(op: &Op, system: &str) -> Result<Kept> {
    let stated: Stated<SystemSpec> = one(op, system).await?;
    let scope = permit(op).await?;
    let at = scope.at();
    let limit = MAX_KEPT as u64;
    let requirements = listed::<RequirementSpec>(&scope, Some(system), at, None, limit).await?;
    let estimates = listed::<SystemEstimate>(&scope, Some(system), at, None, limit).await?;
    let exceptions = exceptions::holding(&scope, system, at).await?;
    let versions: Vec<Version> = std::iter::once(stated.version)
        .chain(requirements.into_iter().map(|stated| stated.version))
        .chain(estimates.into_iter().map(|stated| stated.version))
        .chain(exceptions.into_iter().map(|exception| exception.stated.version))
        .collect();
    // Of each kind one more would be cut off, and the system itself is one.
    if versions.len() > MAX_KEPT {
        return Err(Error::limit(format!("the system has more than {MAX_KEPT} manifests in force"))
            .remedy("a guard takes fewer; withdraw what no longer serves"));
    }
    let mut digest = Sha256::new();
    for Version { kind, name, fingerprint, .. } in &versions {
        // None of them holds a line's end.
        digest.update(format!("{} {name} {fingerprint}\n", kind.as_str()));
    }
    let manifests = versions.into_iter().map(|version| version.manifest).collect();
    Ok(Kept { digest: hex::encode(digest.finalize()), manifests })
}
