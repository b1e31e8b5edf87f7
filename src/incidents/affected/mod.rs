//! Affected lists: who is affected by an incident, in numbered revisions.
//!
//! The people of a revision never change. A list from logs is revision 1; an officer's correction, or a scan with another
//! question, is the next one; approval freezes it. A list that comes in by batches is no revision, and nobody sees it, until
//! its last batch is in: a sender that dies in the middle leaves nothing that could be mistaken for a list.

mod correct;
pub mod difference;
mod enforcement;
mod gather;
mod input;
mod judged;
pub mod model;
mod read;
mod reads;
mod residences;
mod shown;
pub mod statement;
mod tally;

pub use correct::{Addition, Correction, Removal, approve_revision, correct_revision};
pub use difference::Difference;
pub use enforcement::{NewEnforcementList, ReadsQuestion, create_from_enforcement_log};
pub use input::NewPerson;
pub use model::{Class, Counts, Method, Revision, RevisionPerson, State};
pub use read::{
    affected_of_tenant, approved_revision, changes, difference, find_revision, is_intact, people, places_of,
    revision, revisions,
};
pub use residences::{RESIDENCES, count as count_residences, residences};
pub use shown::{fields_of, fields_of_others};

use std::collections::{BTreeMap, BTreeSet};

use exposure::{Reconstruction, WindowQuery, WindowResult};
use serde_json::json;
use uuid::Uuid;

use self::model::{Inputs, Stored};
use super::model::{Incident, RowId};
use super::{begin, check, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// People in one batch of a client.
pub const MAX_BATCH: usize = 1000;
/// Entries in one list. All of them are held in memory once, when they are counted.
const MAX_PEOPLE: u64 = 2_000_000;

/// What a new list needs besides its people. With a reconstruction among its inputs it is a list of that method, else of the window's.
#[derive(Clone, Debug)]
pub struct NewRevision {
    pub reason: String,
    pub query: WindowQuery,
    pub inputs: Inputs,
}

/// A list that is coming in.
#[derive(Clone, Debug)]
pub struct Received {
    /// Names the list in the next batch.
    pub id: RowId,
    /// Entries so far.
    pub received: u64,
    /// The revision, once the last batch is in.
    pub revision: Option<Revision>,
}

/// Begins a list with its first batch. With `last` it is complete at once.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `LIMIT_EXCEEDED` and those of permission; then nothing is kept.
pub async fn create_revision(
    op: &Op,
    incident: RowId,
    new: NewRevision,
    people: Vec<NewPerson>,
    last: bool,
) -> Result<Received> {
    check_batch(&people, true)?;
    let (scope, tx, incident) = begin(op, incident, Action::Create, "revision").await?;
    start(Author::of(&scope), tx, incident, new, people, last).await
}

/// Stores the whole result of a scan as the next revision, in one transaction; with a reconstruction of the same logs, its classes. The
/// counts of the result must be those that the people give: a result that was changed after the scan is refused.
///
/// # Errors
/// As `create_revision`.
pub async fn store_result(
    op: &Op,
    incident: RowId,
    reason: &str,
    result: &WindowResult,
    reconstruction: Option<&Reconstruction>,
) -> Result<Revision> {
    let (new, people) = of_result(reason, result, reconstruction)?;
    let (scope, tx, incident) = begin(op, incident, Action::Create, "revision").await?;
    completed(start(Author::of(&scope), tx, incident, new, people, true).await?)
}

/// Whose list it is, and its id.
pub(in crate::incidents) struct Author {
    pub account: Uuid,
    pub revision: Uuid,
}

impl Author {
    fn of(scope: &Scope) -> Self {
        Self { account: scope.author(), revision: scope.new_id() }
    }
}

/// The same for a scan of the service's own: whoever asked for it is the author, and was permitted to when asking. The transaction holds
/// the incident's lock, and what else belongs to the scan.
pub(in crate::incidents) async fn store_scanned(
    author: Author,
    tx: Tx,
    incident: Incident,
    reason: &str,
    result: &WindowResult,
    reconstruction: Option<&Reconstruction>,
) -> Result<Revision> {
    let (new, people) = of_result(reason, result, reconstruction)?;
    completed(start(author, tx, incident, new, people, true).await?)
}

fn completed(received: Received) -> Result<Revision> {
    received.revision.ok_or_else(|| anyhow::anyhow!("a whole list was not completed").into())
}

fn of_result(
    reason: &str,
    result: &WindowResult,
    reconstruction: Option<&Reconstruction>,
) -> Result<(NewRevision, Vec<NewPerson>)> {
    let people = match reconstruction {
        None => input::people_of(result),
        Some(reconstruction) => input::people_of_both(result, reconstruction)?,
    };
    let new = NewRevision {
        reason: reason.to_owned(),
        query: result.query.clone(),
        inputs: input::inputs_of(result, reconstruction),
    };
    let known = input::rows(people.clone(), new.method(), &BTreeMap::new())?;
    let counts = tally::count(&known)?;
    let agrees = match reconstruction {
        None => {
            counts.persons == result.counts.total_persons
                && counts.tenants == result.counts.total_tenants
                && counts.indeterminate == result.counts.indeterminate_persons
                && counts.sum_over_tenants == result.counts.reconciliation.sum_over_tenants
        }
        Some(Reconstruction { counts: said, .. }) => {
            counts.confirmed == said.confirmed
                && counts.persons - counts.confirmed == said.possible
                && counts.indeterminate == said.indeterminate
                && counts.self_only == said.self_only
                && counts.excluded == said.excluded
        }
    };
    if !agrees {
        return Err(Error::invalid("result", "its counts are not those of its people")
            .remedy("it was changed after the scan; scan the logs again"));
    }
    Ok((new, people))
}

impl NewRevision {
    fn method(&self) -> Method {
        if self.inputs.reconstruction.is_some() { Method::Reconstruction } else { Method::Window }
    }
}

async fn start(
    author: Author,
    tx: Tx,
    incident: Incident,
    new: NewRevision,
    people: Vec<NewPerson>,
    last: bool,
) -> Result<Received> {
    let scope = tx.scope();
    let method = new.method();
    let NewRevision { reason, query, mut inputs } = new;
    let reason = check::text("reason", &reason, 2000)?;
    // The query must be one that a scan would take: reversed windows and wrong patterns are refused here too.
    exposure::Scan::new(query.clone()).map_err(|error| Error::invalid("parameters", error.to_string()))?;
    input::check_inputs(&inputs)?;
    // What pages show is said by the manifest, not by whoever sends a list.
    inputs.shown = shown::on_routes(scope, &incident.system, &query).await?;
    let stored = Stored {
        parameters: serde_json::to_string(&query)?,
        inputs: serde_json::to_string(&inputs)?,
        counts: serde_json::to_string(&Counts::default())?,
    };
    let revision = Revision {
        tenant: incident.tenant,
        id: author.revision,
        incident: incident.id,
        number: None,
        method,
        state: State::Receiving,
        reason,
        parameters: serde_json::to_value(&query)?,
        inputs,
        counts: Counts::default(),
        digest: String::new(),
        created_at: scope.at(),
        created_by: author.account,
        approved_at: None,
        approved_by: None,
        stored,
    };
    store::insert_revision(&tx, &revision).await?;
    take(tx, &incident, revision, people, last).await
}

/// Takes the next batch of a list. A batch that came in already, because its answer was lost, may be sent again.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the list is complete, `LIMIT_EXCEEDED` and those of permission; then nothing of
/// this batch is kept.
pub async fn receive_people(
    op: &Op,
    incident: RowId,
    revision: RowId,
    people: Vec<NewPerson>,
    last: bool,
) -> Result<Received> {
    check_batch(&people, last)?;
    let (scope, tx, incident) = begin(op, incident, Action::Create, "revision").await?;
    scope.within(revision.tenant, "revision")?;
    let found = store::lock_revision(&tx, revision.id).await?;
    let found = found.filter(|found| found.incident == incident.id);
    let found = found.ok_or_else(|| Error::not_found("revision"))?;
    if found.created_by != scope.author() {
        return Err(Error::forbidden("create", "revision").remedy("who began a list sends all of it"));
    }
    if found.state == State::Receiving {
        return take(tx, &incident, found, people, last).await;
    }
    // The last batch again: its answer was lost. Anything else would change a list that is complete.
    let rows = input::rows(people, found.method, &known_tenants(&tx).await?)?;
    let missing = store::not_yet_stored(&tx, revision.id, rows).await?;
    if !last || missing.is_none_or(|rows| !rows.is_empty()) {
        return Err(Error::conflict("this list is complete").remedy("correct it, or begin a new one"));
    }
    let received = store::count_people(&tx, revision.id).await?;
    Ok(Received { id: revision, received, revision: Some(found) })
}

fn check_batch(people: &[NewPerson], may_be_empty: bool) -> Result<()> {
    if people.len() > MAX_BATCH || (people.is_empty() && !may_be_empty) {
        return Err(Error::invalid("people", format!("wants 1 to {MAX_BATCH} in a batch"))
            .remedy("send the rest in further batches with revisionId"));
    }
    Ok(())
}

/// Adds people to a list that is being received, and completes it with the last of them.
async fn take(
    tx: Tx,
    incident: &Incident,
    mut revision: Revision,
    people: Vec<NewPerson>,
    last: bool,
) -> Result<Received> {
    let rows = input::rows(people, revision.method, &known_tenants(&tx).await?)?;
    let mut places = BTreeSet::new();
    for (index, row) in rows.iter().enumerate() {
        if !places.insert((&row.tenant_slug, &row.person)) {
            return Err(twice(index));
        }
    }
    let all = rows.len();
    let Some(rows) = store::not_yet_stored(&tx, revision.id, rows).await? else {
        return Err(Error::conflict("a person of this batch came before, with other values")
            .remedy("begin the list again"));
    };
    store::insert_people(&tx, revision.id, &rows).await?;
    let received = store::count_people(&tx, revision.id).await?;
    if received > MAX_PEOPLE {
        return Err(Error::limit(format!("a list has at most {MAX_PEOPLE} entries")));
    }
    let id = RowId { tenant: revision.tenant, id: revision.id };
    let object = format!("incident:{}", incident.id);
    if !last {
        let detail = json!({ "revision": revision.id, "batch": all, "received": received });
        tx.commit(Event::new("revision.receive", object).detail(detail)).await?;
        return Ok(Received { id, received, revision: None });
    }
    let people = store::all_people(tx.connection(), tx.scope(), revision.id).await?;
    complete(&tx, &mut revision, people).await?;
    tx.commit(created(&revision)).await?;
    Ok(Received { id, received, revision: Some(revision) })
}

fn twice(index: usize) -> Error {
    Error::invalid(&format!("people[{index}]"), "is in the batch twice, with the same tenant")
}

/// Counts a list, gives it its number and digest. The transaction holds the incident's lock.
async fn complete(tx: &Tx, revision: &mut Revision, mut people: Vec<RevisionPerson>) -> Result<()> {
    tally::sort(&mut people);
    revision.counts = tally::count(&people)?;
    revision.stored.counts = serde_json::to_string(&revision.counts)?;
    revision.digest = tally::digest(&revision.stored, &people)?;
    revision.number = Some(store::last_revision_number(tx, revision.incident).await? + 1);
    revision.state = State::Draft;
    store::complete_revision(tx, revision).await?;
    // What the law asks for may hang on these numbers.
    crate::incidents::reassess(tx, revision.incident, revision.id).await?;
    residences::count_later(tx, revision).await
}

fn created(revision: &Revision) -> Event {
    let detail = json!({
        "revision": revision.id,
        "number": revision.number,
        "method": revision.method,
        "persons": revision.counts.persons,
        "tenants": revision.counts.tenants,
        "digest": revision.digest,
    });
    Event::new("revision.create", format!("incident:{}", revision.incident)).detail(detail)
}

async fn known_tenants(tx: &Tx) -> Result<BTreeMap<String, Uuid>> {
    store::customers_by_slug(tx).await
}
