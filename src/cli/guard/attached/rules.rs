//! The manifests that a guard keeps: asked for, remembered, and taken from memory when nobody answers.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use super::super::super::Failure;
use super::super::super::caching::Files;
use super::Change;
use super::client::{Client, NoAnswer};
use crate::guards::wire::{RULES, Rules, RulesData};
use crate::requirements::MAX_KEPT;
use crate::requirements::manifest::{Manifest, ManifestSet};

/// How long a guard that remembers nothing waits for its first rules.
const FIRST: Duration = Duration::from_secs(15);

/// What is remembered.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    system: String,
    digest: String,
    manifests: Vec<String>,
}

/// Asks; none while what is known still holds.
pub async fn ask(client: &Client, system: &str, known: Option<&str>) -> Result<Option<Rules>, NoAnswer> {
    let variables = json!({ "system": system, "known": known });
    let RulesData { guard_rules } = client.ask(RULES, variables).await?;
    let same = known == Some(guard_rules.digest.as_str());
    match guard_rules.manifests {
        None if same => Ok(None),
        None => Err(NoAnswer::Unreadable),
        Some(_) => Ok(Some(guard_rules)),
    }
}

/// Of a system, as they came.
pub fn read(system: &str, manifests: &[String]) -> anyhow::Result<Files> {
    if manifests.len() > MAX_KEPT {
        return Err(anyhow!("there are more than {MAX_KEPT} manifests"));
    }
    let manifest = |text: &String| -> anyhow::Result<Manifest> {
        let value = serde_json::from_str(text).context("a manifest is no JSON")?;
        Ok(Manifest::from_json(&value)?)
    };
    let set = ManifestSet::of_stored(manifests.iter().map(manifest).collect::<anyhow::Result<Vec<_>>>()?);
    if set.system(system).is_none() {
        return Err(anyhow!("the manifests do not state the system"));
    }
    Ok(Files::of(set, system))
}

/// Remembers them: all or nothing, on the disk when it returns.
pub fn remember(store: &Path, system: &str, change: &Change) -> anyhow::Result<()> {
    let Change { files: _, digest, manifests } = change;
    let (system, digest) = (system.to_owned(), digest.clone());
    let text = serde_json::to_vec(&Remembered { system, digest, manifests: manifests.to_vec() })?;
    super::outbox::replace(store, &text)
}

/// What the guard begins with.
pub struct First {
    pub in_force: Change,
    /// Digest of the manifests that Suimon gave last, whether or not they can be kept.
    pub given: String,
}

/// Suimon's word, or the last one that could be kept. What can be kept is remembered.
pub async fn first(
    client: &Client,
    system: &str,
    store: &Path,
    fits: impl Fn(&Files) -> Result<(), Failure>,
) -> Result<First, Failure> {
    let (why, given) = match asked_patiently(client, system, store).await {
        Ok(Some(rules)) => match read(system, rules.manifests.as_deref().unwrap_or_default()) {
            Ok(files) => match fits(&files) {
                Ok(()) => {
                    let Rules { digest, manifests } = rules;
                    let in_force = Change {
                        files: Arc::new(files),
                        digest: digest.clone(),
                        manifests: manifests.unwrap_or_default().into(),
                    };
                    remember(store, system, &in_force)
                        .map_err(|error| Failure::usage(format!("--state: {error:#}")))?;
                    return Ok(First { in_force, given: digest });
                }
                Err(unfit) => (format!("its manifests cannot be kept: {unfit}"), Some(rules.digest)),
            },
            Err(error) => (format!("its manifests cannot be kept: {error:#}"), Some(rules.digest)),
        },
        Ok(None) => (NoAnswer::Unreadable.to_string(), None),
        Err(why) => (why.to_string(), None),
    };
    if !store.exists() {
        return Err(Failure::usage(format!(
            "--suimon: {why}; and the state folder remembers no rules. Start Suimon, or run from files with --manifests"
        )));
    }
    let remembered = || -> anyhow::Result<Change> {
        let Remembered { system: of, digest, manifests } = serde_json::from_slice(&std::fs::read(store)?)?;
        if of != system {
            return Err(anyhow!("it remembers the rules of another system"));
        }
        let files = Arc::new(read(system, &manifests)?);
        Ok(Change { files, digest, manifests: manifests.into() })
    };
    let in_force =
        remembered().map_err(|error| Failure::usage(format!("--state {}: {error:#}", store.display())))?;
    tracing::warn!(why, digest = in_force.digest, "Suimon gives no rules; those of the last time are kept");
    let given = given.unwrap_or_else(|| in_force.digest.clone());
    Ok(First { in_force, given })
}

/// Without anything remembered it waits a while for a Suimon that is about to start, as after a power cut.
async fn asked_patiently(client: &Client, system: &str, store: &Path) -> Result<Option<Rules>, NoAnswer> {
    let begun = Instant::now();
    loop {
        let answer = ask(client, system, None).await;
        let may_come = matches!(answer, Err(NoAnswer::Failed | NoAnswer::Slow | NoAnswer::Status(_)));
        if !may_come || store.exists() || begun.elapsed() >= FIRST {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Writes through to the disk.
pub fn synced(file: &mut std::fs::File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}
