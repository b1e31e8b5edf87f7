//! What an assessment says more strictly than the one before, and counts that are near to what decides. Pure, but for who is told.

use std::collections::BTreeMap;

use law::{Decision, DutyDecision, Facts, Knowledge, Labels, Lang, Operator, Outcome, Scope, Truth, Value};
use serde::Deserialize;
use uuid::Uuid;

use super::model::Assessment;
use super::order::strength;
use super::store;
use crate::access;
use crate::error::Result;

/// Kind of the job that tells officers. Its payload names the incident and the assessment.
pub const ALARM: &str = "duties.alarm";

/// Near is what has this many hundredths of a threshold.
const NEAR_PERCENT: u64 = 80;

/// A count that has not reached what decides, and is near to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlyWarning {
    /// Rule pack.
    pub regime: String,
    /// Title of the law.
    pub title: Labels,
    /// Name of the count in the catalogue.
    pub fact: String,
    /// Its name for people.
    pub label: Labels,
    /// The most that it may be.
    pub count: u64,
    /// From which number on the duty exists.
    pub reached_at: u64,
    /// The clause that asks for it, where it has one.
    pub clause: Option<Labels>,
}

/// Counts near to a threshold that decides, by regime.
pub fn early_warnings(facts: &Facts, decisions: &[Decision]) -> Vec<EarlyWarning> {
    let mut warnings: Vec<EarlyWarning> = Vec::new();
    for decision in decisions.iter().filter(|decision| decision.scope != Scope::Out) {
        for duty in decision.duties.iter().filter(|duty| duty.outcome != Outcome::Must) {
            let mut leaves = Vec::new();
            let trees = decision.trace.nodes.iter().filter(|node| node.rule_id == duty.id);
            trees.for_each(|node| node.decisive(&mut leaves));
            for (clause, leaf) in leaves {
                let Some(reached_at) = threshold(leaf).filter(|_| leaf.result == Truth::F) else { continue };
                for operand in &leaf.operands {
                    let Some(count) = most(facts, &operand.fact) else { continue };
                    let near = count < reached_at
                        && count.saturating_mul(100) >= reached_at.saturating_mul(NEAR_PERCENT);
                    let told = warnings.iter().any(|warning| {
                        warning.regime == decision.regime
                            && warning.fact == operand.fact
                            && warning.reached_at == reached_at
                    });
                    if near && !told {
                        warnings.push(EarlyWarning {
                            regime: decision.regime.clone(),
                            title: decision.title.clone(),
                            fact: operand.fact.clone(),
                            label: fact_label(&operand.fact),
                            count,
                            reached_at,
                            clause: clause.or(leaf.clause.as_ref()).cloned(),
                        });
                    }
                }
            }
        }
    }
    warnings
}

/// The smallest number that meets a comparison of a count.
fn threshold(leaf: &law::TraceNode) -> Option<u64> {
    let number: u64 = leaf.expected.as_ref()?.parse().ok()?;
    match leaf.op {
        Operator::MoreThan => number.checked_add(1),
        Operator::AtLeast => Some(number).filter(|number| *number > 0),
        _ => None,
    }
}

fn most(facts: &Facts, name: &str) -> Option<u64> {
    match &facts.get(name)?.value {
        Knowledge::Known(Value::Count(count)) => Some(*count),
        Knowledge::Range { max: Some(Value::Count(count)), .. } => Some(*count),
        _ => None,
    }
}

/// Name of a fact for people; of a member of a family with its code.
pub fn fact_label(fact: &str) -> Labels {
    law::find_fact(fact).map_or_else(
        || Labels::new(fact, fact),
        |def| {
            let member = fact.strip_prefix(def.name).filter(|member| !member.is_empty());
            let with = |label: &str| match member {
                Some(member) => format!("{label} {member}"),
                None => label.to_owned(),
            };
            Labels::new(with(def.en), with(def.ja))
        },
    )
}

/// What an assessment says more strictly than the one before it (or, as the first one, requires), one line each; then counts that
/// have come near to a threshold since.
pub(super) fn lines(before: Option<&Assessment>, now: &Assessment) -> Vec<Labels> {
    let known = before.map(|before| &before.decisions[..]);
    let mut lines = Vec::new();
    for decision in &now.decisions {
        let earlier = known.and_then(|known| known.iter().find(|old| old.regime == decision.regime));
        outcomes(earlier, decision, known.is_none(), &mut lines);
        if let Some(earlier) = earlier {
            deadlines(earlier, decision, &mut lines);
        }
    }
    let told = before.map(|before| early_warnings(&before.facts, &before.decisions)).unwrap_or_default();
    for warning in early_warnings(&now.facts, &now.decisions) {
        let same = |old: &EarlyWarning| {
            (&old.regime, &old.fact, old.reached_at) == (&warning.regime, &warning.fact, warning.reached_at)
        };
        if !told.iter().any(same) {
            lines.push(warning.line());
        }
    }
    lines
}

impl EarlyWarning {
    /// The warning in words.
    pub fn line(&self) -> Labels {
        let Self { title, label, count, reached_at, .. } = self;
        Labels::new(
            format!("{}: {} {count} is near to {reached_at}, which decides", title.en, label.en),
            format!("{}：{} {count} が判断の基準 {reached_at} に近づいています", title.ja, label.ja),
        )
    }
}

fn outcomes(earlier: Option<&Decision>, now: &Decision, first: bool, lines: &mut Vec<Labels>) {
    let before = earlier.map(by_recipient).unwrap_or_default();
    for (recipient, (duty, outcome)) in by_recipient(now) {
        let old = before.get(recipient).map(|(_, outcome)| *outcome);
        let asks = match outcome {
            Outcome::Must => true,
            Outcome::BestEffort => !first,
            Outcome::NeedsReview => !first && now.scope == Scope::In,
            Outcome::Exempt | Outcome::NotRequired | Outcome::OutOfScope => false,
        };
        if asks && strength(outcome) > old.map_or(0, strength) {
            let line = |lang: Lang| {
                let from = old.map_or_else(|| "–".to_owned(), |old| old.label().get(lang).to_owned());
                format!(
                    "{}{}{}{}{from} → {}",
                    now.title.get(lang),
                    colon(lang),
                    duty.to.get(lang),
                    colon(lang),
                    outcome.label().get(lang)
                )
            };
            lines.push(Labels::new(line(Lang::En), line(Lang::Ja)));
        }
    }
}

fn colon(lang: Lang) -> &'static str {
    match lang {
        Lang::En => ": ",
        Lang::Ja => "：",
    }
}

/// The strongest duty towards each recipient.
fn by_recipient(decision: &Decision) -> BTreeMap<&str, (&DutyDecision, Outcome)> {
    let mut strongest: BTreeMap<&str, (&DutyDecision, Outcome)> = BTreeMap::new();
    for duty in &decision.duties {
        let slot = strongest.entry(&duty.recipient).or_insert((duty, duty.outcome));
        if strength(duty.outcome) > strength(slot.1) {
            *slot = (duty, duty.outcome);
        }
    }
    strongest
}

fn deadlines(earlier: &Decision, now: &Decision, lines: &mut Vec<Labels>) {
    for (duty, deadline) in now.deadlines() {
        let asked = strength(duty.outcome) >= strength(Outcome::BestEffort);
        let old = earlier
            .deadlines()
            .find(|(other, line)| other.id == duty.id && line.id == deadline.id)
            .and_then(|(_, line)| line.due.as_ref());
        let (Some(due), Some(old)) = (&deadline.due, old) else { continue };
        if asked && due.ends_at() < old.ends_at() {
            let line = |lang: Lang| {
                format!(
                    "{}{}{} — {}{}{} → {}",
                    now.title.get(lang),
                    colon(lang),
                    duty.label.get(lang),
                    deadline.label.get(lang),
                    colon(lang),
                    old.show(),
                    due.show()
                )
            };
            lines.push(Labels::new(line(Lang::En), line(Lang::Ja)));
        }
    }
}

/// What officers are told of an assessment.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Number of the incident.
    pub incident: i32,
    /// Number of the assessment.
    pub assessment: i32,
    /// What changed, in both languages.
    pub lines: Vec<Labels>,
}

#[derive(Deserialize)]
struct Payload {
    incident: Uuid,
    assessment: i32,
}

/// What a job of kind [`ALARM`] tells, from what is stored.
///
/// # Errors
/// Unexpected ones only.
pub async fn alarm_of(scope: &access::Scope, payload: &serde_json::Value) -> Result<Option<Alarm>> {
    let Payload { incident: id, assessment: number } = serde_json::from_value(payload.clone())?;
    let Some(incident) = crate::incidents::incident_in(scope, id).await? else { return Ok(None) };
    let mut found = store::assessments(scope, id, number.checked_add(1), 2).await?.into_iter();
    let Some(now) = found.next().filter(|now| now.number == number) else { return Ok(None) };
    let lines = lines(found.next().as_ref(), &now);
    Ok(Some(Alarm { incident: incident.number, assessment: number, lines }))
}
