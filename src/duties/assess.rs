//! Evaluating the rule packs on what is known, and keeping the duties up to date.

use jiff::Timestamp;
use law::{EvaluatedAt, Facts};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{Assessment, Duty, DutyState, FactRecord};
use super::plan::{Planned, plan};
use super::sources::{self, Known};
use super::{VOLUNTARY, WEBHOOK, escalate, model, newest, packs, permit, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::model::{EntryKind, Status};
use crate::incidents::{self, Incident, NewEntry, Revision, affected};
use crate::jobs::{self, NewJob};
use crate::notices;
use crate::requirements;

/// Most assessments in one answer: each carries every trace.
const MAX_PAGE: u64 = 50;
/// Most lines about one assessment in the timeline.
const MAX_LINES: usize = 20;

/// Evaluates every rule pack on what is known now, stores the assessment and brings the duties up to date: new ones are
/// opened, open ones follow, those no longer asked for are superseded, settled ones stay as they are.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn assess(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Assessment> {
    let scope = permit(op, tenant, Action::Create, "assessment", "incident").await?;
    let found = incidents::incident(op, tenant, incident).await?;
    let assessed = assess_in(&scope, found.id, false).await?;
    assessed.ok_or_else(|| anyhow::anyhow!("an assessment that was asked for was not made").into())
}

/// The same for a change that was just made, without anybody's asking: nothing is stored when nothing would differ, nor of an
/// incident that is closed.
///
/// # Errors
/// Unexpected ones only.
pub async fn assess_by_itself(scope: &Scope, incident: Uuid) -> Result<Option<Assessment>> {
    assess_in(scope, incident, true).await
}

async fn assess_in(scope: &Scope, incident: Uuid, only_if_new: bool) -> Result<Option<Assessment>> {
    let tx = scope.begin().await?;
    // Before anything is read: of two assessments at once, the second must not put what the first has seen anew back to what was.
    store::lock_incident(&tx, scope.tenant(), incident).await?;
    let found = incidents::incident_in(scope, incident).await?.ok_or_else(|| Error::not_found("incident"))?;
    if only_if_new && found.status == Status::Closed {
        return Ok(None);
    }
    // Revisions come by number; lists that are still coming in are not among them.
    let list = incidents::revisions(scope, incident)
        .await?
        .into_iter()
        .rfind(|list| matches!(list.state, affected::State::Draft | affected::State::Approved));
    let own = own_facts(scope, &found, list.as_ref()).await?;
    let before = store::latest(scope, incident).await?;
    let mut records = store::facts(scope, tx.connection(), incident, Timestamp::MAX).await?;
    let taken_over = take_over(&tx, incident, &mut records, own).await?;
    model::mark_current(&mut records);
    let facts = model::facts_of(&records)?;
    let evaluated = law::evaluate(packs()?, &facts, EvaluatedAt(scope.at()));
    if only_if_new && before.as_ref().is_some_and(|before| says_the_same(before, &facts, &evaluated)) {
        return Ok(None);
    }
    let (facts_text, decisions_text) = (text_of(&facts)?, text_of(&evaluated.decisions)?);
    let assessment = Assessment {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident,
        number: store::next_number(&tx, scope.tenant(), incident).await?,
        evaluated_at: scope.at(),
        revision: list.map(|list| list.id),
        digest: digest(&facts_text, &decisions_text),
        facts,
        decisions: evaluated.decisions,
        author: Some(scope.author()).filter(|author| !author.is_nil()),
    };
    store::insert_assessment(&tx, &assessment, facts_text, decisions_text).await?;
    let changes = update_duties(&tx, &assessment).await?;
    let stricter = tell(&tx, before.as_ref(), &assessment).await?;
    let outcomes: serde_json::Map<_, _> = assessment
        .decisions
        .iter()
        .map(|decision| (decision.regime.clone(), json!([decision.regulator, decision.persons])))
        .collect();
    // What a person asked for and what made itself are told apart: drills measure the former.
    let action = if only_if_new { "assessment.renew" } else { "assessment.create" };
    let event = Event::new(action, format!("assessment:{}", assessment.id)).detail(json!({
        "incident": incident, "number": assessment.number, "digest": assessment.digest, "outcomes": outcomes,
        "facts_taken_over": taken_over, "duties": changes, "stricter": stricter,
    }));
    tx.commit(event).await?;
    Ok(Some(assessment))
}

/// Whether an assessment says what is known and decided now; when it was made does not matter.
fn says_the_same(before: &Assessment, facts: &Facts, now: &law::Assessment) -> bool {
    let mut earlier = before.decisions.clone();
    for (old, new) in earlier.iter_mut().zip(&now.decisions) {
        old.as_of.evaluated_at = new.as_of.evaluated_at;
    }
    before.facts == *facts && earlier == now.decisions
}

/// An assessment that is stricter than the one before it leaves an entry in the timeline, and officers are told. Gives how many lines.
async fn tell(tx: &Tx, before: Option<&Assessment>, now: &Assessment) -> Result<usize> {
    let lines = escalate::lines(before, now);
    if lines.is_empty() {
        return Ok(0);
    }
    let mut text = format!("法的評価 第{0}号 / Assessment no. {0}", now.number);
    for line in lines.iter().take(MAX_LINES) {
        text.push_str(&format!("\n{}\n{}", line.ja, line.en));
    }
    let entry = NewEntry::of(EntryKind::Assessment, tx.scope().at(), text);
    incidents::append_entry(tx, now.incident, entry).await?;
    let payload = json!({ "incident": now.incident, "assessment": now.number });
    let key = format!("{}:{}", now.incident, now.number);
    if !tx.scope().op().app().config().duties.webhook_url.is_empty() {
        let job = NewJob { kind: WEBHOOK, key: key.clone(), payload: payload.clone(), run_at: None };
        jobs::enqueue(tx, job).await?;
    }
    jobs::enqueue(tx, NewJob { kind: escalate::ALARM, key, payload, run_at: None }).await?;
    Ok(lines.len())
}

/// The same for an incident named by its number.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn assess_by_number(op: &Op, number: i32) -> Result<Assessment> {
    let incident = incidents::incident_by_number(op, number).await?;
    assess(op, incident.tenant, incident.id).await
}

/// What an assessment would have said with the facts and the law known at an earlier instant. Stores nothing.
///
/// # Errors
/// `INVALID` when the instant lies ahead, `NOT_FOUND` and those of permission.
pub async fn assess_as_known(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    known_at: Timestamp,
) -> Result<(Facts, law::Assessment)> {
    let scope = permit(op, tenant, Action::Read, "assessment", "incident").await?;
    if known_at > scope.at() {
        return Err(Error::invalid("knownAt", "lies in the future"));
    }
    incidents::incident(op, tenant, incident).await?;
    let facts = model::facts_of(&super::facts_in(&scope, incident, known_at).await?)?;
    let assessment = law::evaluate(packs()?, &facts, EvaluatedAt(known_at));
    Ok((facts, assessment))
}

/// Evaluates a facts record that stands alone, without a database.
///
/// # Errors
/// Unexpected ones only.
pub fn assess_offline(facts: &Facts, at: Timestamp) -> Result<law::Assessment> {
    Ok(law::evaluate(packs()?, facts, EvaluatedAt(at)))
}

/// The assessments of an incident, newest first; `before` is the number of the last one of the page before.
///
/// # Errors
/// `INVALID`, `NOT_FOUND` and those of permission.
pub async fn assessments(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    before: Option<i32>,
    limit: u64,
) -> Result<Vec<Assessment>> {
    let scope = permit(op, tenant, Action::Read, "assessment", "incident").await?;
    incidents::incident(op, tenant, incident).await?;
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::invalid("first", format!("wants 1 to {MAX_PAGE}")));
    }
    store::assessments(&scope, incident, before, limit).await
}

/// The newest assessment of an incident, for other parts.
///
/// # Errors
/// Unexpected ones only.
pub async fn latest_assessment(scope: &Scope, incident: Uuid) -> Result<Option<Assessment>> {
    store::latest(scope, incident).await
}

/// What the service itself knows: from the incident, its newest list, and the manifest of its system.
async fn own_facts(scope: &Scope, incident: &Incident, list: Option<&Revision>) -> Result<Vec<Known>> {
    let mut facts = sources::of_incident(incident);
    let zone = sources::zone_of(incident);
    let duties = store::duties(scope, scope.connection(), incident.id).await?;
    facts.extend(sources::of_duties(packs()?, &duties, &zone));
    facts.extend(sources::of_notices(notices::first_accepted(scope, incident.id).await?, &zone));
    let mut kinds = Vec::new();
    if let Some(list) = list {
        facts.extend(sources::of_list(list));
        if let Some((known, unknown)) = affected::residences(scope, list.id).await? {
            facts.extend(sources::of_residences(list, &known, unknown));
        }
        kinds.extend(list.counts.by_kind.iter().map(|count| count.kind.clone()));
    }
    // What the system held when it happened, not what it holds today.
    let at = incident.occurred_from.unwrap_or(incident.opened_at);
    if let Some(spec) = requirements::system_in_force(scope, &incident.system, at).await? {
        facts.extend(sources::of_system(&incident.system, &spec, at, &kinds));
    }
    Ok(facts)
}

/// Appends the service's own facts where they differ from what it last took over. Returns how many.
async fn take_over(tx: &Tx, incident: Uuid, records: &mut Vec<FactRecord>, own: Vec<Known>) -> Result<usize> {
    let scope = tx.scope();
    let mut names: Vec<String> = own.iter().map(|(name, _)| name.clone()).collect();
    names.extend(records.iter().filter(|record| record.automatic()).map(|record| record.name.clone()));
    names.sort();
    names.dedup();
    let mut appended = 0;
    for name in names {
        let same_name: Vec<FactRecord> =
            records.iter().filter(|record| record.name == name && record.automatic()).cloned().collect();
        let before = newest(&same_name);
        let now = own.iter().find(|(own_name, _)| *own_name == name).map(|(_, fact)| fact);
        let unchanged = match (before, now) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(before), None) => before.value.is_none(),
            (Some(before), Some(now)) => {
                before.value.as_ref() == Some(&now.value)
                    && Some(before.source.as_str()) == now.source.as_deref()
                    && before.certainty == now.certainty
            }
        };
        if unchanged {
            continue;
        }
        let record = FactRecord {
            tenant: scope.tenant(),
            id: scope.new_id(),
            incident,
            name,
            value: now.map(|fact| fact.value.clone()),
            certainty: now.map(|fact| fact.certainty).unwrap_or_default(),
            valid_at: scope.at(),
            recorded_at: scope.at(),
            source: now
                .and_then(|fact| fact.source.clone())
                .unwrap_or_else(|| format!("{}no longer known", super::OWN_SOURCE)),
            author: None,
            supersedes: before.map(|before| before.id),
            current: false,
        };
        store::insert_fact(tx, &record).await?;
        records.push(record);
        appended += 1;
    }
    Ok(appended)
}

/// Brings the duties in line with an assessment.
async fn update_duties(tx: &Tx, assessment: &Assessment) -> Result<serde_json::Value> {
    let scope = tx.scope();
    let stored = store::duties(scope, tx.connection(), assessment.incident).await?;
    let planned = plan(&assessment.decisions);
    let (mut opened, mut updated, mut superseded) = (0, 0, 0);
    for planned in &planned {
        match stored.iter().find(|duty| same(duty, planned)) {
            None => {
                store::insert_duty(tx, &opened_duty(scope, assessment, planned)).await?;
                opened += 1;
            }
            Some(duty) if duty.state.settled() => {}
            Some(duty) => {
                let next = Duty {
                    id: duty.id,
                    created_at: duty.created_at,
                    ..opened_duty(scope, assessment, planned)
                };
                store::update_duty(tx, &next, duty.state).await?;
                updated += 1;
            }
        }
    }
    for duty in stored.into_iter().filter(|duty| duty.state == DutyState::Open) {
        if !planned.iter().any(|planned| same(&duty, planned)) && !duty.kind.starts_with(VOLUNTARY) {
            let next = Duty { state: DutyState::Superseded, assessment: assessment.id, ..duty };
            store::update_duty(tx, &next, DutyState::Open).await?;
            superseded += 1;
        }
    }
    Ok(json!({ "opened": opened, "updated": updated, "superseded": superseded }))
}

fn same(duty: &Duty, planned: &Planned) -> bool {
    duty.regime == planned.regime && duty.recipient == planned.recipient && duty.kind == planned.kind
}

fn opened_duty(scope: &Scope, assessment: &Assessment, planned: &Planned) -> Duty {
    let Planned { regime, recipient, kind, clause, nature, due_at, wording } = planned.clone();
    Duty {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident: assessment.incident,
        assessment: assessment.id,
        regime,
        recipient,
        kind,
        clause,
        nature,
        due_at,
        wording,
        state: DutyState::Open,
        receipt: None,
        reason: None,
        late_reason: None,
        settled_at: None,
        settled_by: None,
        created_at: scope.at(),
    }
}

fn text_of<T: serde::Serialize>(value: &T) -> Result<String> {
    Ok(serde_json::to_string(value).map_err(anyhow::Error::from)?)
}

fn digest(facts: &str, decisions: &str) -> String {
    let mut hash = Sha256::new();
    // The length separates the two, so that no text can move from one into the other.
    hash.update((facts.len() as u64).to_be_bytes());
    hash.update(facts.as_bytes());
    hash.update(decisions.as_bytes());
    hex::encode(hash.finalize())
}
