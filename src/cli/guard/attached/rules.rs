//! The manifests that a guard keeps: asked for, remembered, and taken from memory when nobody answers.

use std::io::Write;
use std::path::Path;
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
pub fn remember(store: &Path, system: &str, digest: &str, manifests: &[String]) -> anyhow::Result<()> {
    let (system, digest) = (system.to_owned(), digest.to_owned());
    let text = serde_json::to_vec(&Remembered { system, digest, manifests: manifests.to_vec() })?;
    super::outbox::replace(store, &text)
}

/// What the guard begins with: Suimon's word, or the last one.
pub async fn first(client: &Client, system: &str, store: &Path) -> Result<Change, Failure> {
    let why = match asked_patiently(client, system, store).await {
        Ok(Some(Rules { digest, manifests })) => {
            let manifests = manifests.unwrap_or_default();
            let files = read(system, &manifests).map_err(|error| {
                Failure::usage(format!("--suimon: its manifests cannot be kept: {error:#}"))
            })?;
            remember(store, system, &digest, &manifests)
                .map_err(|error| Failure::usage(format!("--state: {error:#}")))?;
            return Ok(Change { files, digest });
        }
        Ok(None) => NoAnswer::Unreadable,
        Err(why) => why,
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
        Ok(Change { files: read(system, &manifests)?, digest })
    };
    let change =
        remembered().map_err(|error| Failure::usage(format!("--state {}: {error:#}", store.display())))?;
    tracing::warn!(%why, digest = change.digest, "Suimon gives no rules; those of the last time are kept");
    Ok(change)
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
