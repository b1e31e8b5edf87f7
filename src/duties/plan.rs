//! From decisions to duties: one for each regime, recipient and deadline. Pure.

use jiff::Timestamp;
use law::{DeadlineDecision, DeadlineStatus, Decision, Due, DutyDecision, Labels, Lang, Outcome, Scope};

use super::model::{LastDay, Nature, Wording};

/// A duty that an assessment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub regime: String,
    pub recipient: String,
    pub kind: String,
    pub clause: Labels,
    pub nature: Nature,
    pub due_at: Option<Timestamp>,
    pub wording: Wording,
}

/// Which duties follow. What is required is a duty; so is what still needs a person's decision under a law that binds,
/// with its provisional deadline, because the time runs while the decision is open. A law of which it is not even known
/// whether it binds shows its missing facts instead.
pub fn plan(decisions: &[Decision]) -> Vec<Planned> {
    let mut planned = Vec::new();
    for decision in decisions {
        for duty in &decision.duties {
            if !is_asked(duty.outcome, decision.scope) {
                continue;
            }
            if duty.deadlines.is_empty() {
                planned.push(without_deadline(decision, duty));
            }
            planned.extend(duty.deadlines.iter().map(|deadline| with_deadline(decision, duty, deadline)));
        }
    }
    planned
}

/// Whether a duty follows from an outcome.
pub fn is_asked(outcome: Outcome, scope: Scope) -> bool {
    match outcome {
        Outcome::Must | Outcome::BestEffort => true,
        Outcome::NeedsReview => scope == Scope::In,
        Outcome::Exempt | Outcome::NotRequired | Outcome::OutOfScope => false,
    }
}

fn without_deadline(decision: &Decision, duty: &DutyDecision) -> Planned {
    let provisional = duty.outcome == Outcome::NeedsReview;
    Planned {
        regime: decision.regime.clone(),
        recipient: duty.recipient.clone(),
        kind: duty.id.clone(),
        clause: duty.clause.clone(),
        nature: Nature::OpenTextured,
        due_at: None,
        wording: Wording {
            title: duty.label.clone(),
            to: duty.to.clone(),
            due: Labels::new("the text gives no time", "期限の定めなし"),
            provisional,
            best_effort: duty.outcome == Outcome::BestEffort,
            last_day: None,
        },
    }
}

fn with_deadline(decision: &Decision, duty: &DutyDecision, deadline: &DeadlineDecision) -> Planned {
    let title = |lang: Lang| format!("{} — {}", duty.label.get(lang), deadline.label.get(lang));
    Planned {
        regime: decision.regime.clone(),
        recipient: duty.recipient.clone(),
        kind: format!("{}.{}", duty.id, deadline.id),
        clause: deadline.clause.clone(),
        nature: deadline.nature.into(),
        due_at: deadline.due.as_ref().map(Due::ends_at),
        wording: Wording {
            title: Labels::new(title(Lang::En), title(Lang::Ja)),
            to: duty.to.clone(),
            due: Labels::new(due_words(deadline, Lang::En), due_words(deadline, Lang::Ja)),
            provisional: duty.outcome == Outcome::NeedsReview || deadline.provisional,
            best_effort: duty.outcome == Outcome::BestEffort,
            last_day: deadline.due.as_ref().and_then(last_day),
        },
    }
}

fn last_day(due: &Due) -> Option<LastDay> {
    match due {
        Due::Date { date, zone, .. } => Some(LastDay { date: *date, zone: zone.clone() }),
        Due::Instant { .. } => None,
    }
}

/// A deadline as people read it.
pub fn due_words(deadline: &DeadlineDecision, lang: Lang) -> String {
    let ja = lang == Lang::Ja;
    let mut text = match (deadline.status, &deadline.window_opens, &deadline.due) {
        (DeadlineStatus::Computed, Some(first), Some(last)) if ja => {
            format!("{}から{}まで", first.show(), last.show())
        }
        (DeadlineStatus::Computed, Some(first), Some(last)) => {
            format!("from {} to {}", first.show(), last.show())
        }
        (DeadlineStatus::Computed, None, Some(Due::Date { date, zone, .. })) if ja => {
            format!("{date} 24時まで（{zone}）")
        }
        (DeadlineStatus::Computed, None, Some(Due::Date { date, zone, .. })) => {
            format!("by the end of {date} ({zone})")
        }
        (DeadlineStatus::Computed, None, Some(due)) if ja => format!("{}まで", due.show()),
        (DeadlineStatus::Computed, None, Some(due)) => format!("by {}", due.show()),
        (DeadlineStatus::Suspended, _, due) => {
            let until = due.as_ref().map_or_else(String::new, Due::show);
            if ja { format!("停止中（{until}）") } else { format!("suspended ({until})") }
        }
        (DeadlineStatus::NotStarted, ..) => if ja { "未進行" } else { "not running yet" }.to_owned(),
        (DeadlineStatus::NeedsReview, ..) => {
            if ja { "人による確認が必要" } else { "a person has to compute it" }.to_owned()
        }
        (DeadlineStatus::Open | DeadlineStatus::Computed, ..) => if ja {
            "速やかに（日数の定めなし）"
        } else {
            "promptly; the text gives no number of days"
        }
        .to_owned(),
    };
    if let Some(reason) = &deadline.roll_reason {
        text.push_str(&if ja {
            format!("（{}）", reason.get(lang))
        } else {
            format!(" ({})", reason.get(lang))
        });
    }
    text
}
