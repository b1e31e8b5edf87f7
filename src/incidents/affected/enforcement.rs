//! A list from this service's own record of reads: whose data did somebody get through it, and which fields, in which form?
//!
//! It is asked when an account was in wrong hands for a while, or when a rule was too wide between two versions of it. The record is the
//! audit log: every read of a person's fields is an entry in the chain of that person's tenant before any value leaves. Nothing is read but
//! that log and who the people in it are; no value of anybody is opened.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::gather::Search;
use super::model::{Counts, Inputs, Method, RecordOfReads, Revision, State, Stored};
use super::{complete, created, reads, tally};
use crate::access::{self, Action, Actors, NamedActor, Op, Scope};
use crate::error::{Error, Result};
use crate::incidents::model::RowId;
use crate::incidents::{begin, check, permit, store};

/// Purposes and record types of one question.
const MAX_NAMED: usize = 100;
/// How long ago the time must have ended: reads that began within it are written by then.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// A list that is asked of the record of reads.
#[derive(Clone, Debug)]
pub struct NewEnforcementList {
    pub reason: String,
    /// The first instant that counts.
    pub from: Timestamp,
    /// The last instant that counts.
    pub to: Timestamp,
    /// Only what these read; everybody, where none is named.
    pub actors: Vec<NamedActor>,
    /// Only what was read for one of these purposes, as it was stated; for any, where none is named.
    pub purposes: Vec<String>,
    /// Only people of these record types; of all, where none is named.
    pub record_types: Vec<String>,
    /// Only what today's policy refuses.
    pub now_denied: bool,
}

/// The question, as it stands in the revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadsQuestion {
    pub from: Timestamp,
    pub to: Timestamp,
    pub system: String,
    pub accounts: BTreeSet<Uuid>,
    pub tokens: BTreeSet<Uuid>,
    pub purposes: BTreeSet<String>,
    pub record_types: BTreeSet<String>,
    pub now_denied: bool,
}

/// Makes a list of the people of the incident's system whose data was read through this service.
///
/// The log is read without a lock, so nobody waits; that it was read is recorded in each chain with entries of the time. The list itself is
/// stored in one transaction.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `LIMIT_EXCEEDED` beyond 2,000,000 entries of the log, `CONFLICT` when it was trimmed meanwhile, and those of
/// permission; then no list is kept.
pub async fn create_from_enforcement_log(
    op: &Op,
    incident: RowId,
    new: NewEnforcementList,
) -> Result<Revision> {
    let scope =
        permit(op, Action::Create, "revision", "incident").await?.within(incident.tenant, "incident")?;
    let found = store::find_incident(&scope, incident.id).await?;
    let system = found.ok_or_else(|| Error::not_found("incident"))?.system;
    // The operator's people alone come so far: all its tenants.
    let all = op.permit(Action::Create, "revision").await?;
    let reason = check::text("reason", &new.reason, 2000)?;
    let actors = access::actors(&all, &new.actors).await?;
    let question = question(&scope, system, &actors, new)?;
    let slugs = store::slugs(&all).await?;
    let (mut people, record, inputs) = Search::new(&all, &question, &actors, &slugs).await?.run().await?;
    tally::sort(&mut people);
    // Before anything is stored: a pseudonym of two record types would be no list.
    tally::count(&people).map_err(|error| match error.problem() {
        Some(_) => Error::invalid("recordTypes", "are several, and one pseudonym is used for two of them")
            .remedy("make a list for each record type"),
        None => error,
    })?;
    let (plaintext, masked_only) = reads::by_form(&people);
    let people_digest = tally::people_digest(&people)?;
    let inputs =
        Inputs { reads: Some(RecordOfReads { plaintext, masked_only, people_digest, ..record }), ..inputs };
    let (scope, tx, incident) = begin(op, incident, Action::Create, "revision").await?;
    let mut revision = Revision {
        tenant: incident.tenant,
        id: scope.new_id(),
        incident: incident.id,
        number: None,
        method: Method::EnforcementLog,
        state: State::Receiving,
        reason,
        stored: Stored {
            parameters: serde_json::to_string(&question)?,
            inputs: serde_json::to_string(&inputs)?,
            counts: serde_json::to_string(&Counts::default())?,
        },
        parameters: serde_json::to_value(&question)?,
        inputs,
        counts: Counts::default(),
        digest: String::new(),
        created_at: scope.at(),
        created_by: scope.author(),
        approved_at: None,
        approved_by: None,
    };
    store::insert_revision(&tx, &revision).await?;
    store::insert_people(&tx, revision.id, &people).await?;
    complete(&tx, &mut revision, people).await?;
    tx.commit(created(&revision)).await?;
    Ok(revision)
}

fn question(
    scope: &Scope,
    system: String,
    actors: &Actors,
    new: NewEnforcementList,
) -> Result<ReadsQuestion> {
    let NewEnforcementList { from, to, purposes, record_types, now_denied, .. } = new;
    check::sane("from", from)?;
    check::order("to", Some(from), Some(to))?;
    if scope.at().duration_since(to) < SETTLED {
        return Err(Error::invalid("to", "lies less than a minute ago, or ahead")
            .remedy("what is still being read is written by then: ask for a time that is over"));
    }
    for (field, all) in [("purposes", &purposes), ("recordTypes", &record_types)] {
        if all.len() > MAX_NAMED {
            return Err(Error::invalid(field, format!("wants at most {MAX_NAMED}")));
        }
        for (index, text) in all.iter().enumerate() {
            check::line(&format!("{field}[{index}]"), text, 200)?;
        }
    }
    Ok(ReadsQuestion {
        from,
        to,
        system,
        accounts: actors.accounts.clone(),
        tokens: actors.tokens.clone(),
        purposes: purposes.into_iter().map(|purpose| purpose.trim().to_owned()).collect(),
        record_types: record_types.into_iter().collect(),
        now_denied,
    })
}
