//! The installation's own copies of catalogues. What is kept is what coverage needs: ids, titles and levels. The titles are their
//! publishers' text: shown to whoever may read requirements, in no export, and removed when somebody says so.

use anyhow::Context;
use catalogue::{Catalogue, Limits, Note, Scheme};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::read::permit;
use super::store_copies;
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Copies of an installation: some editions of three catalogues.
const MAX_COPIES: u64 = 30;

/// A copy that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueCopy {
    /// SHA-256 of the imported file, in hexadecimal.
    pub digest: String,
    pub catalogue: Scheme,
    /// Its edition.
    pub version: String,
    pub items: i32,
    /// The account that imported it.
    pub imported_by: Uuid,
    pub imported_at: Timestamp,
}

/// What an import did.
#[derive(Clone, Debug)]
pub struct ImportedCopy {
    /// What is kept: for a file that was there already, what was kept of it then.
    pub copy: CatalogueCopy,
    /// Whether it is new.
    pub is_new: bool,
    /// What was read otherwise than it stands, or left out.
    pub notes: Vec<Note>,
    /// Ids that are known of the edition and not in the file.
    pub missing: Vec<String>,
}

/// Keeps a copy: IPA's sheet, secreq or ASVS, told by its content. The same file again changes nothing; another one stands beside it.
///
/// # Errors
/// Those of permission, `INVALID` naming place, fault and remedy in the file, `LIMIT_EXCEEDED` for too many copies.
pub async fn import_catalogue(op: &Op, bytes: Vec<u8>) -> Result<ImportedCopy> {
    let scope = op.permit_at(op.app().root()?, Action::Create, "catalogue").await?;
    let digest = hex::encode(Sha256::digest(&bytes));
    // A workbook is unpacked and parsed: not on a thread that answers others.
    let read = tokio::task::spawn_blocking(move || catalogue::import(&bytes, &Limits::default()));
    let read = read.await.context("reading a catalogue")?;
    let read = read.map_err(|error| {
        let remedy = error.remedy;
        Error::invalid("file", format!("{}: {}", error.place, error.fault)).remedy(remedy)
    })?;
    let content = read.catalogue.keep().map_err(|error| Error::invalid("file", error.to_string()))?;
    let copy = CatalogueCopy {
        digest: digest.clone(),
        catalogue: read.catalogue.scheme(),
        version: read.catalogue.version().to_owned(),
        items: i32::try_from(read.catalogue.items().len()).unwrap_or(i32::MAX),
        imported_by: scope.author(),
        imported_at: scope.at(),
    };
    let (notes, missing) = (read.notes, read.comparison.missing);
    let tx = scope.begin().await?;
    if !store_copies::insert(&tx, &copy, content).await? {
        drop(tx);
        let copy = store_copies::one(&scope, &digest).await?;
        let copy =
            copy.ok_or_else(|| Error::conflict("the copy was removed meanwhile").remedy("try again"))?;
        return Ok(ImportedCopy { copy, is_new: false, notes, missing });
    }
    if store_copies::count(&tx).await? > MAX_COPIES {
        return Err(Error::limit(format!("{MAX_COPIES} copies of catalogues are kept"))
            .remedy("remove one that is no longer needed (`removeCatalogueCopy`)"));
    }
    tx.commit(event("catalogue.import", &copy)).await?;
    Ok(ImportedCopy { copy, is_new: true, notes, missing })
}

/// The copies that are kept, the newest first.
///
/// # Errors
/// Those of permission.
pub async fn catalogue_copies(op: &Op) -> Result<Vec<CatalogueCopy>> {
    store_copies::list(&permit(op).await?).await
}

/// Removes a copy with its titles.
///
/// # Errors
/// Those of permission, `NOT_FOUND`.
pub async fn remove_catalogue_copy(op: &Op, digest: &str) -> Result<CatalogueCopy> {
    let scope = op.permit_at(op.app().root()?, Action::Delete, "catalogue").await?;
    let gone = || Error::not_found("copy of a catalogue");
    let copy = store_copies::one(&scope, digest).await?.ok_or_else(gone)?;
    let tx = scope.begin().await?;
    if !store_copies::remove(&tx, digest).await? {
        return Err(gone());
    }
    tx.commit(event("catalogue.remove", &copy)).await?;
    Ok(copy)
}

/// A kept copy of a catalogue: the one of this digest, or the newest of the catalogue; none where there is none of it.
pub(super) async fn kept(
    scope: &Scope,
    scheme: Scheme,
    digest: Option<&str>,
) -> Result<Option<(CatalogueCopy, Catalogue)>> {
    let copies = store_copies::list(scope).await?;
    let of_it =
        |copy: &CatalogueCopy| copy.catalogue == scheme && digest.is_none_or(|digest| copy.digest == digest);
    let Some(copy) = copies.into_iter().find(of_it) else { return Ok(None) };
    let Some(content) = store_copies::content(scope, &copy.digest).await? else { return Ok(None) };
    let catalogue = Catalogue::kept(&content).context("a stored copy of a catalogue")?;
    Ok(Some((copy, catalogue)))
}

fn event(action: &'static str, copy: &CatalogueCopy) -> Event {
    let CatalogueCopy { digest, catalogue, version, items, imported_by: _, imported_at: _ } = copy;
    let detail = serde_json::json!({ "digest": digest, "items": items });
    Event::new(action, format!("catalogue:{catalogue}@{version}")).detail(detail)
}
