//! A version of a system that states other searchable fields than the one before: who is there already is indexed anew.

use serde_json::{Value, json};

use super::manifest::Kind;
use super::model::Version;
use super::store;
use crate::access::Tx;
use crate::error::Result;
use crate::jobs::{self, NewJob};

/// The kind of the job that makes index rows anew; the vault does it.
pub const REINDEX: &str = "search.reindex";

/// Asks for it, in the transaction that stores these versions. A first version has nobody to index.
pub(super) async fn enqueue(tx: &Tx, versions: &[Version]) -> Result<()> {
    for version in versions.iter().filter(|version| version.kind == Kind::System && !version.withdrawn) {
        if version.number == 1 {
            continue;
        }
        let root = tx.scope().tenant();
        let before =
            store::version(tx.connection(), root, Kind::System, &version.name, version.number - 1).await?;
        if before.is_some_and(|before| searchable(&before.manifest) == searchable(&version.manifest)) {
            continue;
        }
        let job = NewJob {
            kind: REINDEX,
            // One a version: one that is at its last step could have missed this change.
            key: format!("{}:{}", version.name, version.number),
            payload: json!({ "system": version.name }),
            run_at: Some(version.in_force_from),
        };
        jobs::enqueue(tx, job).await?;
    }
    Ok(())
}

/// What a manifest states about search: each field's name, kind and how it is searched. `None` when it is not readable.
fn searchable(manifest: &str) -> Option<Vec<[String; 5]>> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let mut stated = Vec::new();
    for record_type in manifest["spec"]["recordTypes"].as_array()? {
        for field in record_type["fields"].as_array()? {
            let text = |value: &Value| value.to_string();
            stated.push([
                text(&record_type["name"]),
                text(&field["name"]),
                text(&field["kind"]),
                text(&field["searchable"]),
                text(&field["search"]),
            ]);
        }
    }
    stated.sort_unstable();
    Some(stated)
}
