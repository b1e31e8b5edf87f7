//! Trusted documents: the texts that the operator has let in, each under the SHA-256 of its text. The list is read once, at
//! the start. Whoever may do what is decided when one is executed, as for any other text.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use async_graphql::parser::types::ExecutableDocument;
use sha2::{Digest, Sha256};

/// Documents of one list. More are a mistake, such as the wrong folder.
const MOST: usize = 10_000;
/// Bytes of the list or of one text.
const LONGEST: u64 = 16 << 20;

/// The documents by the digest of their text.
#[derive(Default)]
pub struct Trusted(HashMap<[u8; 32], Arc<ExecutableDocument>>);

impl Trusted {
    /// Reads a folder of `*.graphql` files, or a manifest: a JSON object of id and text, or one in the format of Apollo
    /// (`apollo-persisted-query-manifest`, version 1). `parse` reads a text within the limits of the service.
    ///
    /// # Errors
    /// For the person who starts the service: what cannot be read, is no document, exceeds a limit, or stands under an id
    /// that is not its digest.
    pub fn load(
        path: &Path,
        parse: impl Fn(&str) -> anyhow::Result<Arc<ExecutableDocument>>,
    ) -> anyhow::Result<Self> {
        let place = || format!("graphql.trusted_documents_path: {}", path.display());
        let texts = if path.is_dir() { folder(path) } else { manifest(path) }.with_context(place)?;
        ensure!(!texts.is_empty(), "{}: holds no document", place());
        ensure!(texts.len() <= MOST, "{}: holds more than {MOST} documents", place());
        let mut documents = HashMap::with_capacity(texts.len());
        for (name, text) in texts {
            let document = parse(&text).with_context(|| format!("{}: {name}", place()))?;
            documents.insert(Sha256::digest(text.as_bytes()).into(), document);
        }
        Ok(Self(documents))
    }

    /// Adds a document that this program's own parts send.
    pub fn add(&mut self, text: &str, document: Arc<ExecutableDocument>) {
        self.0.insert(Sha256::digest(text.as_bytes()).into(), document);
    }

    /// The document of a digest.
    pub fn get(&self, digest: &[u8; 32]) -> Option<Arc<ExecutableDocument>> {
        self.0.get(digest).cloned()
    }
}

/// The digest that an id such as `sha256:9f86d0…` names; `None` for every other kind of id.
pub fn digest(id: &str) -> Option<[u8; 32]> {
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    let mut digest = [0; 32];
    hex::decode_to_slice(hex, &mut digest).ok()?;
    Some(digest)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let length = std::fs::metadata(path)?.len();
    ensure!(length <= LONGEST, "{}: longer than {LONGEST} bytes", path.display());
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn folder(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "graphql") {
            texts.push((path.display().to_string(), read(&path)?));
        }
    }
    Ok(texts)
}

fn manifest(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let list: serde_json::Value = serde_json::from_str(&read(path)?).context("is not JSON")?;
    let pairs: Vec<(Option<&str>, Option<&str>)> = match (list.get("operations"), list.as_object()) {
        (Some(serde_json::Value::Array(operations)), _) => {
            operations.iter().map(|one| (one["id"].as_str(), one["body"].as_str())).collect()
        }
        (_, Some(object)) => object.iter().map(|(id, text)| (Some(id.as_str()), text.as_str())).collect(),
        _ => bail!("wants an object of id and text"),
    };
    pairs
        .into_iter()
        .map(|pair| match pair {
            (Some(id), Some(text)) => {
                let proven = digest(id) == Some(Sha256::digest(text.as_bytes()).into());
                ensure!(proven, "{id}: is not the SHA-256 of its text");
                Ok((id.to_owned(), text.to_owned()))
            }
            _ => bail!("wants an id and a text in each entry"),
        })
        .collect()
}
