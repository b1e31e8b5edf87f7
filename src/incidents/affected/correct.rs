//! What officers do with a list: correct it, approve it.

use std::collections::BTreeMap;

use serde_json::json;

use super::model::{
    Class, Counts, Evidence, Inputs, Method, Origin, Revision, RevisionPerson, State, Stored,
};
use super::{complete, created, input, tally};
use crate::access::{Action, Op};
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};
use crate::incidents::model::RowId;
use crate::incidents::{begin, check, store};

/// Additions and removals in one correction.
const MAX_CORRECTIONS: usize = 1000;

/// Somebody who is missing.
#[derive(Clone, Debug)]
pub struct Addition {
    /// Short name of the tenant.
    pub tenant: String,
    pub person: String,
    pub kind: String,
    pub reason: String,
}

/// Somebody who is not concerned.
#[derive(Clone, Debug)]
pub struct Removal {
    pub tenant: String,
    pub person: String,
    pub reason: String,
}

/// A correction of a list.
#[derive(Clone, Debug)]
pub struct Correction {
    pub base: RowId,
    pub add: Vec<Addition>,
    pub remove: Vec<Removal>,
    pub reason: String,
}

/// Makes the next revision from an earlier one. Who is removed stays in it as excluded, with the reason: that somebody was
/// once listed, and why not any more, is part of the record.
///
/// # Errors
/// `INVALID` with the place, `NOT_FOUND` and those of permission; then nothing is kept.
pub async fn correct_revision(op: &Op, incident: RowId, correction: Correction) -> Result<Revision> {
    let (scope, tx, incident) = begin(op, incident, Action::Create, "revision").await?;
    let Correction { base, add, remove, reason } = correction;
    scope.within(base.tenant, "revision")?;
    let reason = check::text("reason", &reason, 2000)?;
    if add.is_empty() && remove.is_empty() || add.len() + remove.len() > MAX_CORRECTIONS {
        return Err(Error::invalid("add", format!("wants 1 to {MAX_CORRECTIONS} people to add or remove")));
    }
    let base = store::lock_revision(&tx, base.id).await?;
    let base = base.filter(|base| base.incident == incident.id && base.state != State::Receiving);
    let base = base.ok_or_else(|| Error::not_found("revision"))?;
    let counted = (add.len(), remove.len());
    let mut people: BTreeMap<(String, String), RevisionPerson> =
        store::all_people(tx.connection(), &scope, base.id)
            .await?
            .into_iter()
            .map(|row| ((row.tenant_slug.clone(), row.person.clone()), row))
            .collect();
    for (index, removal) in remove.into_iter().enumerate() {
        exclude(&mut people, &format!("remove[{index}]"), removal)?;
    }
    let tenants = store::customers_by_slug(&tx).await?;
    for (index, addition) in add.into_iter().enumerate() {
        include(&mut people, &format!("add[{index}]"), addition, &tenants)?;
    }
    // The question is that of the list which logs gave, however many corrections lie between.
    let question = base.parameters.get("question").unwrap_or(&base.parameters);
    let parameters = json!({
        "base": { "number": base.number, "digest": base.digest }, "added": counted.0, "removed": counted.1,
        "question": question,
    });
    // What the base rests on is what its correction rests on.
    let inputs = Inputs { inputs: Vec::new(), ..base.inputs.clone() };
    let mut revision = Revision {
        tenant: incident.tenant,
        id: scope.new_id(),
        incident: incident.id,
        number: None,
        method: Method::Manual,
        state: State::Receiving,
        reason,
        stored: Stored {
            parameters: parameters.to_string(),
            inputs: serde_json::to_string(&inputs)?,
            counts: serde_json::to_string(&Counts::default())?,
        },
        parameters,
        inputs,
        counts: Counts::default(),
        digest: String::new(),
        created_at: scope.at(),
        created_by: scope.author(),
        approved_at: None,
        approved_by: None,
    };
    store::insert_revision(&tx, &revision).await?;
    let people: Vec<RevisionPerson> = people.into_values().collect();
    store::insert_people(&tx, revision.id, &people).await?;
    complete(&tx, &mut revision, people).await?;
    tx.commit(created(&revision)).await?;
    Ok(revision)
}

type People = BTreeMap<(String, String), RevisionPerson>;

fn exclude(people: &mut People, place: &str, removal: Removal) -> Result<()> {
    let Removal { tenant, person, reason } = removal;
    let reason = check::text(&format!("{place}.reason"), &reason, 1000)?;
    let row = people.get_mut(&(tenant, person)).filter(|row| row.class != Class::Excluded);
    let row = row.ok_or_else(|| {
        Error::invalid(place, "is not on the list").remedy("give tenant and person as the list has them")
    })?;
    row.class = Class::Excluded;
    row.origin = Origin::Manual;
    row.reason = Some(reason);
    Ok(())
}

fn include(
    people: &mut People,
    place: &str,
    addition: Addition,
    tenants: &BTreeMap<String, uuid::Uuid>,
) -> Result<()> {
    let Addition { tenant, person, kind, reason } = addition;
    let reason = check::text(&format!("{place}.reason"), &reason, 1000)?;
    input::word(&format!("{place}.tenant"), &tenant, false)?;
    input::word(&format!("{place}.kind"), &kind, false)?;
    input::pseudonym(&format!("{place}.person"), &person)?;
    let key = (tenant.clone(), person.clone());
    if let Some(row) = people.get_mut(&key) {
        if row.class.is_affected() {
            return Err(Error::invalid(place, "is on the list already"));
        }
        if row.kind != kind {
            return Err(Error::invalid(&format!("{place}.kind"), "is not the kind that the list has"));
        }
        row.class = Class::Possible;
        row.origin = Origin::Manual;
        row.reason = Some(reason);
        return Ok(());
    }
    let known = tenants.get(&tenant).copied();
    if known.is_none() {
        return Err(Error::invalid(&format!("{place}.tenant"), "is not a tenant")
            .remedy("give the short name of a tenant, such as school-017"));
    }
    people.insert(
        key,
        RevisionPerson {
            tenant_slug: tenant,
            person,
            kind,
            tenant: known,
            class: Class::Possible,
            first_at: None,
            last_at: None,
            requests: 0,
            logins: 0,
            origin: Origin::Manual,
            reason: Some(reason),
            evidence: Evidence::default(),
        },
    );
    Ok(())
}

/// Approves a revision: it is frozen, and notices go by it. The approved one before it is superseded. Its people are read
/// and hashed again: what is approved is what was made.
///
/// # Errors
/// `FORBIDDEN` for its author, `CONFLICT` when it is no draft, older than the approved one or damaged, `NOT_FOUND`, and
/// those of permission.
pub async fn approve_revision(op: &Op, revision: RowId) -> Result<Revision> {
    let scope = crate::incidents::permit(op, Action::Approve, "revision", "revision").await?;
    let scope = scope.within(revision.tenant, "revision")?;
    // Before the transaction: the audit writer could not note the refusal while it holds SQLite's only write lock.
    if super::find_revision(&scope, revision.id).await?.created_by == scope.author() {
        let event =
            Event::new("revision.approve", format!("revision:{}", revision.id)).decision(Decision::Denied);
        scope.record(scope.tenant(), vec![event]).await?;
        return Err(Error::forbidden("approve", "revision")
            .remedy("whoever made a list cannot approve it; ask another approver"));
    }
    let tx = scope.begin().await?;
    // First the incident, then the revision: the order in which everything here locks.
    let incident = store::incident_of_revision(&tx, revision.id).await?;
    let incident = incident.ok_or_else(|| Error::not_found("revision"))?;
    store::lock_incident(&tx, incident).await?.ok_or_else(|| Error::not_found("revision"))?;
    let found = store::lock_revision(&tx, revision.id).await?;
    let mut found =
        found.filter(|found| found.state != State::Receiving).ok_or_else(|| Error::not_found("revision"))?;
    if found.state != State::Draft {
        return Err(Error::conflict(format!("this revision is {} already", found.state)));
    }
    if let Some(approved) = store::approved_revision(tx.connection(), &scope, incident).await?
        && approved.number > found.number
    {
        return Err(Error::conflict("a later revision is approved").remedy("correct that one instead"));
    }
    let mut people = store::all_people(tx.connection(), &scope, found.id).await?;
    tally::sort(&mut people);
    if tally::digest(&found.stored, &people)? != found.digest {
        return Err(Error::conflict("the list is not what it was when it was made")
            .remedy("verify the database and its backups; make the list again from the logs"));
    }
    store::supersede_approved(&tx, incident).await?;
    found.state = State::Approved;
    found.approved_at = Some(scope.at());
    found.approved_by = Some(scope.author());
    store::approve(&tx, &found).await?;
    crate::incidents::reassess(&tx, incident, found.id).await?;
    let detail = json!({
        "revision": found.id, "number": found.number, "persons": found.counts.persons, "digest": found.digest,
    });
    tx.commit(Event::new("revision.approve", format!("incident:{incident}")).detail(detail)).await?;
    Ok(found)
}
