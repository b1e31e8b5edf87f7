//! Questions to officers: which fact to find out next, and what an answer would change. Nothing is stored.

use law::{EvaluatedAt, Facts, Labels, Outcome, Question};
use uuid::Uuid;

use super::escalate::{EarlyWarning, early_warnings};
use super::facts::{self, MAX_AT_ONCE};
use super::model::{self, NewFact};
use super::{packs, permit, store};
use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};
use crate::incidents;

/// Most questions in one answer.
const MAX_QUESTIONS: usize = 50;

/// The facts that are worth finding out about an incident, what most hangs on first.
///
/// # Errors
/// `INVALID`, `NOT_FOUND` and those of permission.
pub async fn questions(op: &Op, tenant: Uuid, incident: Uuid, first: usize) -> Result<Vec<Question>> {
    let scope = permit(op, tenant, Action::Read, "assessment", "incident").await?;
    if !(1..=MAX_QUESTIONS).contains(&first) {
        return Err(Error::invalid("first", format!("wants 1 to {MAX_QUESTIONS}")));
    }
    let (known, at) = (known(op, &scope, tenant, incident).await?, EvaluatedAt(scope.at()));
    let packs = packs()?;
    // Every answer is evaluated: that is a matter of the processor, and must not hold up others.
    let asked = tokio::task::spawn_blocking(move || law::questions(packs, &known, at)).await;
    let mut asked = asked.map_err(anyhow::Error::from)?;
    asked.truncate(first);
    Ok(asked)
}

/// The same for facts that stand alone, without a database.
///
/// # Errors
/// Unexpected ones only.
pub fn questions_offline(known: &Facts, at: jiff::Timestamp) -> Result<Vec<Question>> {
    Ok(law::questions(packs()?, known, EvaluatedAt(at)))
}

async fn known(op: &Op, scope: &Scope, tenant: Uuid, incident: Uuid) -> Result<Facts> {
    incidents::incident(op, tenant, incident).await?;
    model::facts_of(&facts::facts_in(scope, incident, jiff::Timestamp::MAX).await?)
}

/// What would differ from the latest assessment.
#[derive(Clone, Debug)]
pub struct WhatIf {
    /// Number of the assessment that it is compared with; none when there was none yet.
    pub assessment: Option<i32>,
    pub outcomes: Vec<OutcomeChange>,
    pub deadlines: Vec<DeadlineChange>,
    pub early_warnings: Vec<EarlyWarning>,
}

/// An outcome that would differ.
#[derive(Clone, Debug)]
pub struct OutcomeChange {
    pub regime: String,
    pub title: Labels,
    pub recipient: String,
    pub before: Option<Outcome>,
    pub after: Outcome,
}

/// A deadline that would differ; `None` where there is none.
#[derive(Clone, Debug)]
pub struct DeadlineChange {
    pub regime: String,
    /// Duty and deadline within the pack, such as `regulator.final`.
    pub kind: String,
    pub label: Labels,
    pub before: Option<law::Due>,
    pub after: Option<law::Due>,
}

/// Evaluates what is known with some facts taken instead, and says what would differ from the latest assessment.
///
/// # Errors
/// `INVALID` with the index of the fact, as recording them would; `NOT_FOUND` and those of permission.
pub async fn what_if(op: &Op, tenant: Uuid, incident: Uuid, instead: Vec<NewFact>) -> Result<WhatIf> {
    let scope = permit(op, tenant, Action::Read, "assessment", "incident").await?;
    if !(1..=MAX_AT_ONCE).contains(&instead.len()) {
        return Err(Error::invalid("facts", format!("wants 1 to {MAX_AT_ONCE}")));
    }
    incidents::incident(op, tenant, incident).await?;
    let records = facts::facts_in(&scope, incident, jiff::Timestamp::MAX).await?;
    let known = facts::suppose(&scope, incident, records, instead)?;
    let now = law::evaluate(packs()?, &known, EvaluatedAt(scope.at()));
    let before = store::latest(&scope, incident).await?;
    let old = before.as_ref().map(|before| &before.decisions[..]).unwrap_or_default();
    let (mut outcomes, mut deadlines) = (Vec::new(), Vec::new());
    for decision in &now.decisions {
        let earlier = old.iter().find(|other| other.regime == decision.regime);
        let recipients = ["regulator", "persons"].into_iter().map(str::to_owned);
        for recipient in recipients.chain(decision.others.iter().map(|other| other.recipient.clone())) {
            let before = earlier.and_then(|earlier| earlier.outcome_for(&recipient));
            let Some(after) = decision.outcome_for(&recipient).filter(|after| Some(*after) != before) else {
                continue;
            };
            let (regime, title) = (decision.regime.clone(), decision.title.clone());
            outcomes.push(OutcomeChange { regime, title, recipient, before, after });
        }
        deadlines.extend(moved(earlier, decision));
    }
    Ok(WhatIf {
        assessment: before.as_ref().map(|before| before.number),
        outcomes,
        deadlines,
        early_warnings: early_warnings(&known, &now.decisions),
    })
}

/// Deadlines of duties that are asked for, whose end differs, appears or falls away.
fn moved(earlier: Option<&law::Decision>, now: &law::Decision) -> Vec<DeadlineChange> {
    let asked = |decision: &law::Decision| -> Vec<(String, Labels, Option<law::Due>)> {
        decision
            .deadlines()
            .filter(|(duty, _)| super::plan::is_asked(duty.outcome, decision.scope))
            .map(|(duty, line)| {
                let label = |lang| format!("{} — {}", duty.label.get(lang), line.label.get(lang));
                let label = Labels::new(label(law::Lang::En), label(law::Lang::Ja));
                (format!("{}.{}", duty.id, line.id), label, line.due.clone())
            })
            .collect()
    };
    let (before, after) = (earlier.map(asked).unwrap_or_default(), asked(now));
    let end = |list: &[(String, Labels, Option<law::Due>)], kind: &str| {
        list.iter().find(|(other, ..)| other == kind).and_then(|(.., due)| due.clone())
    };
    let mut kinds: Vec<(&String, &Labels)> = after.iter().map(|(kind, label, _)| (kind, label)).collect();
    let gone = before.iter().filter(|(kind, ..)| !after.iter().any(|(other, ..)| other == kind));
    kinds.extend(gone.map(|(kind, label, _)| (kind, label)));
    let change = |(kind, label): (&String, &Labels)| {
        let (before, after) = (end(&before, kind), end(&after, kind));
        (before != after).then(|| DeadlineChange {
            regime: now.regime.clone(),
            kind: kind.clone(),
            label: label.clone(),
            before,
            after,
        })
    };
    kinds.into_iter().filter_map(change).collect()
}
