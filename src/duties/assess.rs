//! Evaluating the rule packs on what is known, and keeping the duties up to date.

use jiff::Timestamp;
use law::{EvaluatedAt, Facts};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{Assessment, Duty, DutyState, FactRecord};
use super::plan::{Planned, plan};
use super::sources::{self, Known};
use super::{VOLUNTARY, model, newest, packs, permit, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::{self, Incident, Revision, affected};
use crate::requirements;

/// Evaluates every rule pack on what is known now, stores the assessment and brings the duties up to date: new ones are
/// opened, open ones follow, those no longer asked for are superseded, settled ones stay as they are.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn assess(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Assessment> {
    let scope = permit(op, tenant, Action::Create, "assessment", "incident").await?;
    let found = incidents::incident(op, tenant, incident).await?;
    // Revisions come by number; lists that are still coming in are not among them.
    let list = incidents::revisions(&scope, incident)
        .await?
        .into_iter()
        .rfind(|list| matches!(list.state, affected::State::Draft | affected::State::Approved));
    let own = own_facts(&scope, &found, list.as_ref()).await?;
    let tx = scope.begin().await?;
    store::lock_incident(&tx, scope.tenant(), incident).await?;
    let mut records = store::facts(&scope, tx.connection(), incident, Timestamp::MAX).await?;
    let taken_over = take_over(&tx, incident, &mut records, own).await?;
    model::mark_current(&mut records);
    let facts = model::facts_of(&records)?;
    let evaluated = law::evaluate(packs()?, &facts, EvaluatedAt(scope.at()));
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
        author: Some(scope.author()),
    };
    store::insert_assessment(&tx, &assessment, facts_text, decisions_text).await?;
    let changes = update_duties(&tx, &assessment).await?;
    let outcomes: serde_json::Map<_, _> = assessment
        .decisions
        .iter()
        .map(|decision| (decision.regime.clone(), json!([decision.regulator, decision.persons])))
        .collect();
    let event = Event::new("assessment.create", format!("assessment:{}", assessment.id)).detail(json!({
        "incident": incident, "number": assessment.number, "digest": assessment.digest, "outcomes": outcomes,
        "facts_taken_over": taken_over, "duties": changes,
    }));
    tx.commit(event).await?;
    Ok(assessment)
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

/// The assessments of an incident, newest first.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn assessments(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Vec<Assessment>> {
    let scope = permit(op, tenant, Action::Read, "assessment", "incident").await?;
    incidents::incident(op, tenant, incident).await?;
    store::assessments(&scope, incident).await
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
    let mut kinds = Vec::new();
    if let Some(list) = list {
        facts.extend(sources::of_list(list));
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
