//! What is read of a version: each read is recorded with the SHA-256 of what was given out, so that a copy can be matched.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::model::{Change, FieldView, File, Form, Stored, Version};
use super::{aside, permit, sheet, store};
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::Result;

async fn open(op: &Op, version: &Version) -> Result<(Scope, Stored)> {
    let scope = permit(op, version.tenant, Action::Read).await?;
    let stored = store::load(scope.connection(), &scope, version).await?;
    Ok((scope, stored))
}

async fn record(scope: &Scope, version: &Version, form: &str, sha256: &str) -> Result<()> {
    let event = Event::new("document.read", format!("document:{}", version.id)).detail(json!({
        "number": version.number, "version": version.version, "kind": version.kind.as_str(), "form": form, "sha256": sha256,
    }));
    scope.record(scope.tenant(), vec![event]).await
}

/// A version as a file.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when what is stored is damaged, and those of permission.
pub async fn file(op: &Op, version: &Version, form: Form) -> Result<File> {
    let (scope, stored) = open(op, version).await?;
    let written = aside(move || write(stored, form)).await?;
    let (bytes, sha256) = written?;
    record(&scope, version, form.extension(), &sha256).await?;
    let name = format!("{}.{}", version.file_stem(), form.extension());
    Ok(File { name, media_type: form.media_type(), bytes, sha256 })
}

/// The bytes and their SHA-256. A long document in PDF takes a second of a core.
fn write(stored: Stored, form: Form) -> Result<(Vec<u8>, String)> {
    let sheet = sheet(stored.document)?;
    let bytes = match form {
        Form::Html => sheet.html().into_bytes(),
        Form::Text => sheet.text().into_bytes(),
        Form::Docx => sheet.docx(),
        Form::Pdf => sheet.pdf().map_err(anyhow::Error::from)?.bytes,
    };
    let sha256 = hex::encode(Sha256::digest(&bytes));
    Ok((bytes, sha256))
}

/// The fields of a version, each to be copied by itself.
///
/// # Errors
/// As [`file`].
pub async fn fields(op: &Op, version: &Version) -> Result<Vec<FieldView>> {
    let (scope, stored) = open(op, version).await?;
    let Stored { document, entered, version: _ } = stored;
    let views = aside(move || sheet(document).map(|sheet| super::fields::views(&sheet, &entered))).await??;
    record(&scope, version, "fields", &version.sha256).await?;
    Ok(views)
}

/// What a version says otherwise than the one before it; nothing of a first version.
///
/// # Errors
/// As [`file`].
pub async fn differences(op: &Op, version: &Version) -> Result<Vec<Change>> {
    let (scope, stored) = open(op, version).await?;
    let all = store::versions(scope.connection(), &scope, version.incident, version.number).await?;
    let changes = match all.iter().rfind(|other| other.version < version.version) {
        None => Vec::new(),
        Some(before) => {
            let before = store::load(scope.connection(), &scope, before).await?;
            aside(move || super::fields::differences(&before.document, &stored.document)).await?
        }
    };
    record(&scope, version, "differences", &version.sha256).await?;
    Ok(changes)
}
