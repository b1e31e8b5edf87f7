//! Which decisions a reader sees first: with a rule pack for each of many laws, most of them do not bind.

use law::{Decision, Outcome, Scope};

/// The decisions of laws that bind or may bind: first those that do, among them what asks for most.
pub fn binding_first(decisions: &[Decision]) -> Vec<&Decision> {
    let mut shown: Vec<_> = decisions.iter().filter(|decision| decision.scope != Scope::Out).collect();
    shown.sort_by_key(|decision| {
        (decision.scope != Scope::In, std::cmp::Reverse(strongest(decision)), decision.regime.clone())
    });
    shown
}

/// The decisions of laws that do not bind here, by regime.
pub fn out_of_scope(decisions: &[Decision]) -> Vec<&Decision> {
    decisions.iter().filter(|decision| decision.scope == Scope::Out).collect()
}

fn strongest(decision: &Decision) -> u8 {
    let others = decision.others.iter().map(|other| other.outcome);
    others.chain([decision.regulator, decision.persons]).map(strength).max().unwrap_or_default()
}

/// How much an outcome asks for.
pub(super) fn strength(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Must => 5,
        Outcome::NeedsReview => 4,
        Outcome::BestEffort => 3,
        Outcome::Exempt => 2,
        Outcome::NotRequired => 1,
        Outcome::OutOfScope => 0,
    }
}
