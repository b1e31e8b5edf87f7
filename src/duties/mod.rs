//! Facts, assessments and duties: what is known about an incident, what the laws ask for, and by when.
//!
//! Facts are append-only in two time axes (since when true, since when known). An assessment evaluates every shipped rule
//! pack on the facts known at its instant and is never overwritten. Its duties are kept up to date: one for each regime,
//! recipient and deadline; what a person has settled stays settled.

mod assess;
mod model;
mod plan;
pub use plan::due_words;
mod sources;
mod store;

pub use assess::{assess, assess_as_known, assess_by_number, assess_offline, assessments, latest_assessment};
pub use model::{
    Assessment, Duty, DutyState, FactRecord, Nature, NewFact, OWN_SOURCE, Settlement, VoluntaryReport,
    Wording,
};

use std::sync::OnceLock;

use jiff::Timestamp;
use law::{Labels, Packs};
use serde_json::json;
use uuid::Uuid;

use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents;

/// How far ahead of the clock an instant may lie that is said to have happened (clocks and zones differ).
const AHEAD_SECONDS: i64 = 24 * 3600;

/// The rule packs of this build, read once.
///
/// # Errors
/// Unexpected ones only: the packs were read by the tests of `law`.
pub fn packs() -> Result<&'static Packs> {
    static PACKS: OnceLock<std::result::Result<Packs, String>> = OnceLock::new();
    PACKS
        .get_or_init(|| {
            Packs::load(law::SHIPPED.iter().copied())
                .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })
        .as_ref()
        .map_err(|faults| anyhow::anyhow!("the shipped rule packs do not read: {faults}").into())
}

/// Records a fact. Nothing is overwritten: it takes the place of the one before it from now on.
///
/// # Errors
/// `INVALID` with the place: unknown name, wrong type, a range that is upside down; `NOT_FOUND`; those of permission.
pub async fn record_fact(op: &Op, tenant: Uuid, incident: Uuid, new: NewFact) -> Result<FactRecord> {
    let scope = permit(op, tenant, Action::Create, "fact", "incident").await?;
    let NewFact { name, value, certainty, valid_at, source } = new;
    let value: Option<serde_json::Value> = match value {
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
        let probe = value.clone().unwrap_or(serde_json::Value::Null);
        model::read_fact(&name, &probe, certainty)?;
    }
    let value = match value {
        Some(value) => Some(model::read_fact(&name, &value, certainty)?.value),
        None => None,
    };
    let tx = scope.begin().await?;
    store::lock_incident(&tx, scope.tenant(), incident).await?;
    let mut records = store::facts(&scope, tx.connection(), incident, Timestamp::MAX).await?;
    records.retain(|record| record.name == name && !record.automatic());
    let before = newest(&records);
    if value.is_none() && before.is_none_or(|record| record.value.is_none()) {
        return Err(Error::conflict("no officer has recorded this fact, so there is nothing to withdraw"));
    }
    let record = FactRecord {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident,
        name,
        value,
        certainty,
        valid_at: valid_at.unwrap_or(scope.at()),
        recorded_at: scope.at(),
        source,
        author: Some(scope.author()),
        supersedes: before.map(|record| record.id),
        current: true,
    };
    store::insert_fact(&tx, &record).await?;
    let event = Event::new("fact.record", format!("incident:{incident}"))
        .detail(json!({ "fact": record.name, "id": record.id, "withdrawal": record.value.is_none() }));
    tx.commit(event).await?;
    Ok(record)
}

/// The record that no other one supersedes; the later of two.
fn newest(records: &[FactRecord]) -> Option<&FactRecord> {
    records
        .iter()
        .filter(|record| !records.iter().any(|other| other.supersedes == Some(record.id)))
        .max_by_key(|record| (record.recorded_at, record.id))
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

/// The duties of an incident by regime and recipient, settled and superseded ones too.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn duties(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Vec<Duty>> {
    let scope = permit(op, tenant, Action::Read, "duty", "incident").await?;
    incidents::incident(op, tenant, incident).await?;
    duties_in(&scope, incident).await
}

/// The same within a scope, for other parts.
///
/// # Errors
/// Unexpected ones only.
pub async fn duties_in(scope: &Scope, incident: Uuid) -> Result<Vec<Duty>> {
    store::duties(scope, scope.connection(), incident).await
}

/// Closes an open duty: done with a receipt, or waived with a reason.
///
/// # Errors
/// `CONFLICT` when it is not open, `INVALID`, `NOT_FOUND` and those of permission.
pub async fn settle_duty(op: &Op, tenant: Uuid, id: Uuid, settlement: Settlement) -> Result<Duty> {
    let scope = permit(op, tenant, Action::Update, "duty", "duty").await?;
    let Settlement { done, receipt, reason, at } = settlement;
    let (state, receipt, reason) = match (done, receipt, reason) {
        (true, Some(receipt), None) => (DutyState::Done, Some(line("receipt", &receipt, 300)?), None),
        (false, None, Some(reason)) => (DutyState::Waived, None, Some(line("reason", &reason, 1000)?)),
        (true, ..) => return Err(Error::invalid("receipt", "DONE wants a receipt and no reason")),
        (false, ..) => return Err(Error::invalid("reason", "WAIVED wants a reason and no receipt")),
    };
    let at = at.unwrap_or(scope.at());
    happened("at", at, scope.at())?;
    let tx = scope.begin().await?;
    let duty =
        store::duty(tx.connection(), scope.tenant(), id).await?.ok_or_else(|| Error::not_found("duty"))?;
    match duty.state {
        DutyState::Open => {}
        DutyState::Done | DutyState::Waived => {
            return Err(Error::conflict(format!("the duty is already {}", duty.state.as_str())));
        }
        DutyState::Superseded => {
            return Err(Error::conflict("the latest assessment no longer asks for this duty")
                .remedy("record a voluntary report where something was filed all the same"));
        }
    }
    let settled =
        Duty { state, receipt, reason, settled_at: Some(at), settled_by: Some(scope.author()), ..duty };
    store::update_duty(&tx, &settled, DutyState::Open).await?;
    let event = Event::new("duty.settle", format!("duty:{id}"))
        .detail(json!({ "state": settled.state.as_str(), "regime": settled.regime, "kind": settled.kind }));
    tx.commit(event).await?;
    Ok(settled)
}

/// Records a report that was made although no law asked for it. It stands among the duties as done, by its own nature.
///
/// # Errors
/// `INVALID`, `CONFLICT` before the first assessment, `NOT_FOUND` and those of permission.
pub async fn record_voluntary_report(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    report: VoluntaryReport,
) -> Result<Duty> {
    let scope = permit(op, tenant, Action::Update, "duty", "incident").await?;
    let VoluntaryReport { regime, recipient, title, receipt, filed_at } = report;
    let known = packs()?;
    let Some(law) = known.regimes().find(|info| info.id == regime) else {
        let ids: Vec<_> = known.regimes().map(|info| info.id.to_owned()).collect();
        return Err(Error::invalid("regime", "is not a rule pack of this installation")
            .remedy(format!("use one of {}", ids.join(", "))));
    };
    let recipient = line("recipient", &recipient, 60)?;
    let (title, receipt) = (line("title", &title, 200)?, line("receipt", &receipt, 300)?);
    happened("filedAt", filed_at, scope.at())?;
    let tx = scope.begin().await?;
    store::lock_incident(&tx, scope.tenant(), incident).await?;
    let Some(assessment) = store::latest(&scope, incident).await? else {
        return Err(Error::conflict("the incident was not assessed yet").remedy("assess it first"));
    };
    let duties = store::duties(&scope, tx.connection(), incident).await?;
    let number = duties.iter().filter(|duty| duty.kind.starts_with(VOLUNTARY)).count() + 1;
    let duty = Duty {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident,
        assessment: assessment.id,
        regime,
        recipient,
        kind: format!("{VOLUNTARY}{number}"),
        clause: law.short.clone(),
        nature: Nature::Internal,
        due_at: None,
        wording: Wording {
            title: Labels::new(title.as_str(), title.as_str()),
            to: Labels::new("voluntary report", "任意の報告"),
            due: Labels::new("voluntary", "任意"),
            provisional: false,
            best_effort: false,
        },
        state: DutyState::Done,
        receipt: Some(receipt),
        reason: None,
        settled_at: Some(filed_at),
        settled_by: Some(scope.author()),
        created_at: scope.at(),
    };
    store::insert_duty(&tx, &duty).await?;
    let event = Event::new("duty.voluntary_report", format!("duty:{}", duty.id))
        .detail(json!({ "incident": incident, "regime": duty.regime }));
    tx.commit(event).await?;
    Ok(duty)
}

/// Kinds of duties that no assessment made.
const VOLUNTARY: &str = "voluntary.";

/// Incidents belong to the operator: nobody else learns that one exists.
async fn permit(op: &Op, tenant: Uuid, action: Action, object: &str, what: &str) -> Result<Scope> {
    incidents::permit(op, action, object, what).await?.within(tenant, what)
}

fn line(field: &str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    if !(1..=max).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("wants one line of 1 to {max} characters")));
    }
    Ok(text.to_owned())
}

fn happened(field: &str, at: Timestamp, now: Timestamp) -> Result<()> {
    if at.as_second() > now.as_second() + AHEAD_SECONDS {
        return Err(Error::invalid(field, "lies more than a day in the future").remedy("check the year"));
    }
    if at.as_second() < 631_152_000 {
        return Err(Error::invalid(field, "lies before 1990").remedy("check the year"));
    }
    Ok(())
}
