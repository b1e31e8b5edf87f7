//! One binary, so that the crate links once.

mod boundaries;
mod cases;
mod clocks;
mod document;
mod engine;
mod facts;
mod guide;
mod lint;
mod naive;
mod packs;
mod properties;
mod prose;
mod questions;
mod records;
mod verdicts;

use law::{Decision, EvaluatedAt, Facts, Packs, SHIPPED, evaluate};

/// The shipped packs.
fn shipped() -> Packs {
    match Packs::load(SHIPPED.iter().copied()) {
        Ok(packs) => packs,
        Err(faults) => panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

fn now() -> EvaluatedAt {
    EvaluatedAt("2026-11-22T00:00:00Z".parse().unwrap())
}

fn facts(yaml: &str) -> Facts {
    Facts::from_yaml("facts.yaml", yaml).unwrap_or_else(|e| panic!("{e}"))
}

fn decide(packs: &Packs, facts: &Facts, regime: &str) -> Decision {
    evaluate(packs, facts, now()).regime(regime).unwrap().clone()
}

/// A complete record of a plain incident at a private operator in Japan; later lines of `more` replace earlier ones.
fn japan(more: &str) -> Facts {
    facts(
        "
scope.jurisdictions: [JP]
parties.entity_type: private
parties.role: controller
timeline.occurred_from: 2025-06-01T09:00:00+09:00[Asia/Tokyo]
timeline.became_aware_at: 2025-06-02T10:00:00+09:00[Asia/Tokyo]
data.is_personal_data: true
data.being_acquired: false
data.planned_for_database: true
data.pseudonymised: false
data.categories: [ordinary]
event.kinds: [leak]
event.recovered_unread: false
event.duplicate_kept: false
event.intended_provision: false
event.trivial_misdelivery: false
cause.malicious_purpose: false
cause.indicators: []
risk.property_damage: false
protection.encrypted: none
counts.principals_total: 1
persons.contact_data_available: true
",
    )
    .overlaid(facts(more))
}
