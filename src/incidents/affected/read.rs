//! Reading lists.

use uuid::Uuid;

use super::difference::{Difference, compare};
use super::model::{Revision, RevisionPerson, State};
use super::tally;
use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};
use crate::incidents::model::RowId;
use crate::incidents::{permit, store};

/// A revision that a client named.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn revision(op: &Op, id: RowId) -> Result<Revision> {
    let scope = permit(op, Action::Read, "revision", "revision").await?.within(id.tenant, "revision")?;
    find_revision(&scope, id.id).await
}

/// A revision by its id, for whoever has a scope already.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn find_revision(scope: &Scope, id: Uuid) -> Result<Revision> {
    store::find_revision(scope, id).await?.ok_or_else(|| Error::not_found("revision"))
}

/// The revisions of an incident by number. Lists that are still coming in are not among them.
///
/// # Errors
/// Unexpected ones only.
pub async fn revisions(scope: &Scope, incident: Uuid) -> Result<Vec<Revision>> {
    store::revisions(scope, incident).await
}

/// The approved revision of an incident.
///
/// # Errors
/// Unexpected ones only.
pub async fn approved_revision(scope: &Scope, incident: Uuid) -> Result<Option<Revision>> {
    store::approved_revision(scope.connection(), scope, incident).await
}

/// Affected people of a revision, by tenant and person: those who are to be told. Who was excluded, or of whom the logs
/// cannot tell, is not among them. `after` is tenant and person of the last one of the page before.
///
/// # Errors
/// Unexpected ones only.
pub async fn revision_people(
    scope: &Scope,
    revision: Uuid,
    after: Option<(String, String)>,
    limit: u64,
) -> Result<Vec<RevisionPerson>> {
    store::people(scope, revision, None, true, after, limit).await
}

/// Everybody in a revision, whatever is said about them; of one tenant, where its short name is given.
///
/// # Errors
/// Unexpected ones only.
pub async fn people(
    scope: &Scope,
    revision: Uuid,
    tenant: Option<&str>,
    after: Option<(String, String)>,
    limit: u64,
) -> Result<Vec<RevisionPerson>> {
    store::people(scope, revision, tenant, false, after, limit).await
}

/// The difference between two revisions of one incident; `from` is the one before `to` when it is left out.
///
/// # Errors
/// `NOT_FOUND` when `from` is not a revision of the same incident, or there is none before `to`.
pub async fn difference(scope: &Scope, to: &Revision, from: Option<Uuid>) -> Result<Difference> {
    let all = revisions(scope, to.incident).await?;
    let from = match from {
        Some(id) => all.iter().find(|revision| revision.id == id),
        None => all.iter().rev().find(|revision| revision.number < to.number),
    };
    let from = from.ok_or_else(|| Error::not_found("revision to compare with"))?;
    let before = store::all_people(scope.connection(), scope, from.id).await?;
    let after = store::all_people(scope.connection(), scope, to.id).await?;
    Ok(compare((from.number.unwrap_or(0), &before), (to.number.unwrap_or(0), &after)))
}

/// Whether the stored people are still those that the digest was made over.
///
/// # Errors
/// Unexpected ones only.
pub async fn is_intact(scope: &Scope, revision: &Revision) -> Result<bool> {
    if revision.state == State::Receiving {
        return Ok(false);
    }
    let mut people = store::all_people(scope.connection(), scope, revision.id).await?;
    tally::sort(&mut people);
    Ok(tally::digest(&revision.stored, &people)? == revision.digest)
}
