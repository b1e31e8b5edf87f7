//! Recording facts: append-only, in two time axes, never against what is known already.

use jiff::Timestamp;
use law::{Certainty, Contradiction, Facts, Knowledge};
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{self, FactRecord, NewFact, OWN_SOURCE};
use super::{happened, line, newest, permit, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents;

/// Most records of facts by officers in one incident: a hundred corrections of every fact of the catalogue.
const MAX_FACTS: usize = 9_000;
/// Why a fact cannot be withdrawn.
const NOTHING_TO_WITHDRAW: &str = "no officer has recorded this fact, so there is nothing to withdraw";
/// Most facts in one call: more than the catalogue has.
pub(super) const MAX_AT_ONCE: usize = 200;

/// A fact whose form is right.
pub(super) struct Checked {
    pub name: String,
    pub value: Option<Knowledge>,
    pub certainty: Certainty,
    pub valid_at: Timestamp,
    pub source: String,
}

/// Records a fact. Nothing is overwritten: it takes the place of the one before it from now on.
///
/// # Errors
/// `INVALID` with the place: unknown name, wrong type, a range that is upside down, a contradiction with what counts now;
/// `NOT_FOUND`; those of permission.
pub async fn record_fact(op: &Op, tenant: Uuid, incident: Uuid, new: NewFact) -> Result<FactRecord> {
    let scope = permit(op, tenant, Action::Create, "fact", "incident").await?;
    let checked = check(&scope, new)?;
    let mut recorded = record(&scope, incident, vec![checked], |_, error| error).await?;
    recorded.pop().ok_or_else(|| anyhow::anyhow!("a fact was recorded and is not there").into())
}

/// Records several facts: all of them, or none. They may correct each other.
///
/// # Errors
/// As [`record_fact`], each with its index in the field: `facts[2].value`. What is wrong with the form of several is told at once.
pub async fn record_facts(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    new: Vec<NewFact>,
) -> Result<Vec<FactRecord>> {
    let scope = permit(op, tenant, Action::Create, "fact", "incident").await?;
    if !(1..=MAX_AT_ONCE).contains(&new.len()) {
        return Err(Error::invalid("facts", format!("wants 1 to {MAX_AT_ONCE}")));
    }
    record(&scope, incident, check_all(&scope, new)?, at).await
}

/// Puts facts over what is known, without storing anything: as recording them would, so that it can say nothing else.
pub(super) fn suppose(
    scope: &Scope,
    incident: Uuid,
    mut records: Vec<FactRecord>,
    instead: Vec<NewFact>,
) -> Result<Facts> {
    add(scope, incident, &mut records, check_all(scope, instead)?, at)?;
    model::facts_of(&records)
}

fn check_all(scope: &Scope, new: Vec<NewFact>) -> Result<Vec<Checked>> {
    let (mut checked, mut faults) = (Vec::new(), Vec::new());
    for (index, fact) in new.into_iter().enumerate() {
        match check(scope, fact) {
            Ok(fact) if checked.iter().any(|other: &Checked| other.name == fact.name) => {
                faults.push(at(index, Error::invalid("name", "stands in the list twice")));
            }
            Ok(fact) => checked.push(fact),
            Err(Error::Internal(error)) => return Err(error.into()),
            Err(error) => faults.push(at(index, error)),
        }
    }
    match faults.len() {
        0 => Ok(checked),
        1 => Err(faults.remove(0)),
        _ => {
            let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Err(Error::invalid("facts", format!("{} are wrong: {}", all.len(), all.join("; "))))
        }
    }
}

/// The error with the index of the fact that it is about.
fn at(index: usize, mut error: Error) -> Error {
    if let Error::Expected(problem) = &mut error {
        let field = problem.field.take().map(|field| format!(".{field}")).unwrap_or_default();
        problem.field = Some(format!("facts[{index}]{field}"));
    }
    error
}

fn check(scope: &Scope, new: NewFact) -> Result<Checked> {
    let NewFact { name, value, certainty, valid_at, source } = new;
    let value: Option<Value> = match value {
        None => None,
        Some(text) => Some(serde_json::from_str(&text).map_err(|_| {
            Error::invalid("value", "is not JSON")
                .remedy("write 339, true, \"private\", [\"JP\"], \"unknown\" or {\"range\": {\"max\": 358}}")
        })?),
    };
    let source = line("source", &source, 300)?;
    if source.starts_with(OWN_SOURCE) {
        return Err(Error::invalid("source", format!("must not begin with {OWN_SOURCE}")).remedy(
            "name what the fact rests on; that prefix marks facts which Suimon takes over by itself",
        ));
    }
    if let Some(at) = valid_at {
        happened("validAt", at, scope.at())?;
    }
    if law::find_fact(&name).is_none() || value.is_some() {
        // Also for a withdrawal the name has to be one of the catalogue.
        let probe = value.clone().unwrap_or(Value::Null);
        model::read_fact(&name, &probe, certainty)?;
    }
    let value = match value {
        Some(value) => {
            let fact = model::read_fact(&name, &value, certainty)?;
            let mut one = Facts::default();
            one.set(&name, fact.clone())
                .map_err(|error| anyhow::anyhow!("a fact was read and not taken: {error}"))?;
            if !one.after(scope.at()).is_empty() {
                return Err(
                    Error::invalid("value", "lies more than a day in the future").remedy("check the year")
                );
            }
            Some(fact.value)
        }
        None => None,
    };
    Ok(Checked { name, value, certainty, valid_at: valid_at.unwrap_or(scope.at()), source })
}

async fn record(
    scope: &Scope,
    incident: Uuid,
    facts: Vec<Checked>,
    place: impl Fn(usize, Error) -> Error,
) -> Result<Vec<FactRecord>> {
    let tx = scope.begin().await?;
    store::lock_incident(&tx, scope.tenant(), incident).await?;
    let (recorded, event) = append(&tx, incident, facts, place).await?;
    tx.commit(event).await?;
    Ok(recorded)
}

/// Appends facts to an incident that the transaction has locked, and has it assessed again; to be committed with the event.
pub(super) async fn append(
    tx: &Tx,
    incident: Uuid,
    facts: Vec<Checked>,
    place: impl Fn(usize, Error) -> Error,
) -> Result<(Vec<FactRecord>, Event)> {
    let scope = tx.scope();
    let mut records = store::facts(scope, tx.connection(), incident, Timestamp::MAX).await?;
    if records.iter().filter(|record| !record.automatic()).count() + facts.len() > MAX_FACTS {
        return Err(Error::limit(format!("an incident has at most {MAX_FACTS} recorded facts")));
    }
    let added = add(scope, incident, &mut records, facts, place)?;
    for record in &added {
        store::insert_fact(tx, record).await?;
    }
    let last = added.last().map(|record| record.id).unwrap_or_default();
    incidents::reassess(tx, incident, last).await?;
    let told: Vec<Value> = added
        .iter()
        .map(|record| json!({ "fact": record.name, "id": record.id, "withdrawal": record.value.is_none() }))
        .collect();
    let detail = match &told[..] {
        [one] => one.clone(),
        all => json!({ "facts": all }),
    };
    Ok((added, Event::new("fact.record", format!("incident:{incident}")).detail(detail)))
}

/// Adds facts to the records of an incident; gives what was added.
fn add(
    scope: &Scope,
    incident: Uuid,
    records: &mut Vec<FactRecord>,
    facts: Vec<Checked>,
    place: impl Fn(usize, Error) -> Error,
) -> Result<Vec<FactRecord>> {
    model::mark_current(records);
    let before = model::facts_of(records)?.contradictions();
    let mut added = Vec::new();
    for (index, fact) in facts.into_iter().enumerate() {
        let Checked { name, value, certainty, valid_at, source } = fact;
        let of_name: Vec<FactRecord> =
            records.iter().filter(|record| record.name == name && !record.automatic()).cloned().collect();
        let earlier = newest(&of_name);
        if value.is_none() && earlier.is_none_or(|record| record.value.is_none()) {
            return Err(place(index, Error::conflict(NOTHING_TO_WITHDRAW)));
        }
        added.push(FactRecord {
            tenant: scope.tenant(),
            id: scope.new_id(),
            incident,
            name,
            value,
            certainty,
            valid_at,
            recorded_at: scope.at(),
            source,
            author: Some(scope.author()),
            supersedes: earlier.map(|record| record.id),
            current: true,
        });
    }
    records.extend(added.iter().cloned());
    model::mark_current(records);
    let names: Vec<String> = added.iter().map(|record| record.name.clone()).collect();
    agree(&before, &model::facts_of(records)?.contradictions(), &names, place)?;
    Ok(added)
}

/// Refuses what cannot be true together with what counts. What did not agree before is not made worse by a correction.
fn agree(
    before: &[Contradiction],
    after: &[Contradiction],
    added: &[String],
    place: impl Fn(usize, Error) -> Error,
) -> Result<()> {
    let Some(fault) = after.iter().find(|fault| !before.iter().any(|old| old.facts == fault.facts)) else {
        return Ok(());
    };
    let new = added.iter().position(|name| fault.facts.contains(name)).unwrap_or_default();
    let last = fault.facts.last().map(String::as_str).unwrap_or_default();
    let error = Error::invalid("value", format!("{last} {}", fault.text.en))
        .remedy("correct both in one recordFacts, or withdraw the other one first");
    Err(place(new, error))
}

/// The facts that can be recorded.
///
/// # Errors
/// Those of permission.
pub async fn fact_catalogue(op: &Op) -> Result<&'static [law::FactDef]> {
    incidents::permit(op, Action::Read, "fact", "fact").await?;
    Ok(law::FACTS)
}

/// Every fact recorded of an incident until `known_at` (now, when not given), oldest first; those that count are marked.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn facts(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    known_at: Option<Timestamp>,
) -> Result<Vec<FactRecord>> {
    let scope = permit(op, tenant, Action::Read, "fact", "incident").await?;
    incidents::incident(op, tenant, incident).await?;
    facts_in(&scope, incident, known_at.unwrap_or(Timestamp::MAX)).await
}

/// The same within a scope, for other parts.
///
/// # Errors
/// Unexpected ones only.
pub async fn facts_in(scope: &Scope, incident: Uuid, known_at: Timestamp) -> Result<Vec<FactRecord>> {
    let mut records = store::facts(scope, scope.connection(), incident, known_at).await?;
    model::mark_current(&mut records);
    Ok(records)
}
