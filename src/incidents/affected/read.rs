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

/// Everybody in a revision, whatever is said about them; of one tenant, where its short name is given. `after` is tenant and
/// person of the last one of the page before. The read is recorded, also at the tenants whose people are shown.
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
    let people = store::people(scope, revision, tenant, after, limit).await?;
    let tenants = people.iter().map(|person| person.tenant);
    scope.record_list("revision.people", &format!("revision:{revision}"), tenants).await?;
    Ok(people)
}

/// Where a person stands in a revision, at each tenant, whatever is said there. Unrecorded: the caller records whom it shows to whom.
///
/// # Errors
/// Unexpected ones only.
pub async fn places_of(scope: &Scope, revision: Uuid, person: &str) -> Result<Vec<RevisionPerson>> {
    store::places_of(scope, revision, person).await
}

/// People of one tenant whom a revision takes for affected, by person, `limit` of them after the first `skip`. Unrecorded, as
/// [`places_of`].
///
/// # Errors
/// Unexpected ones only.
pub async fn affected_of_tenant(
    scope: &Scope,
    revision: Uuid,
    tenant: &str,
    skip: u64,
    limit: u64,
) -> Result<Vec<RevisionPerson>> {
    store::affected_of_tenant(scope, revision, tenant, skip, limit).await
}

/// The difference between two revisions of one incident; `from` is the one before `to` when it is left out. It names the
/// people that changed: the read is recorded, also at their tenants.
///
/// # Errors
/// `NOT_FOUND` when `from` is not a revision of the same incident, or there is none before `to`.
pub async fn difference(scope: &Scope, to: &Revision, from: Option<Uuid>) -> Result<Difference> {
    let difference = changes(scope, to, from).await?;
    let object = format!("revision:{}", to.id);
    scope.record_list("revision.difference", &object, difference.tenants()).await?;
    Ok(difference)
}

/// The same unrecorded, for those who show numbers only.
///
/// # Errors
/// As `difference`.
pub async fn changes(scope: &Scope, to: &Revision, from: Option<Uuid>) -> Result<Difference> {
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
