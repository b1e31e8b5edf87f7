//! Every worked case beside the packs, in one table; and that the table covers what the packs can answer.

use std::collections::{BTreeMap, BTreeSet};

use law::{
    Outcome, Packs, SHIPPED_CASES, Status,
    cases::{Case, Cases, Trust},
    evaluate, view,
};

use super::shipped;

/// The cases of each file.
fn files() -> BTreeMap<&'static str, Vec<Case>> {
    SHIPPED_CASES
        .iter()
        .map(|file| {
            let cases = Cases::load([*file]).unwrap_or_else(|faults| {
                panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            });
            (file.0, cases.cases)
        })
        .collect()
}

#[test]
fn every_worked_case_comes_out_as_known() {
    let packs = shipped();
    let faults: Vec<_> = files().values().flatten().flat_map(|case| case.check(&packs)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_pack_has_a_file_of_cases_and_every_case_asks_a_pack_that_exists() {
    let packs = shipped();
    let regimes: BTreeSet<_> = packs.regimes().map(|r| r.id.to_owned()).collect();
    let files = files();
    let mut faults = Vec::new();
    for id in &regimes {
        let asked = files.get(format!("cases/{id}.yaml").as_str()).is_some_and(|cases| {
            cases.iter().flat_map(|c| &c.expect).any(|expectation| expectation.regime == *id)
        });
        if !asked {
            faults.push(format!("cases/{id}.yaml: the file is missing or asks nothing of {id}"));
        }
    }
    for (file, cases) in &files {
        let unknown = cases.iter().flat_map(|c| &c.expect).filter(|e| !regimes.contains(&e.regime));
        faults.extend(unknown.map(|e| format!("{file}: there is no pack {:?}", e.regime)));
        let recipients =
            cases.iter().flat_map(|c| &c.expect).flat_map(|e| e.outcomes.keys().map(|r| (&e.regime, r)));
        for (regime, recipient) in recipients.collect::<BTreeSet<_>>() {
            let known = view::regimes(&packs).iter().any(|r| {
                r.id == regime
                    && (["regulator", "persons"].contains(&recipient.as_str())
                        || r.versions.iter().flat_map(|v| &v.duties).any(|d| d.recipient == recipient))
            });
            if !known {
                faults.push(format!("{file}: {regime} has no duty to {recipient:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Outcomes that a regime can give to regulator or persons, by its versions in force. What the place alone decides
/// (another jurisdiction) is left to the properties.
fn possible(regime: &view::Regime<'_>) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::from(["NeedsReview"]);
    for v in regime.versions.iter().filter(|v| v.status == Status::InForce) {
        if v.scope.is_some() || v.effect == "out_of_scope" {
            kinds.insert("OutOfScope");
        }
        let duties = v.duties.iter().filter(|d| ["regulator", "persons"].contains(&d.recipient));
        for duty in duties.filter(|_| v.effect != "out_of_scope") {
            kinds.insert("NotRequired");
            kinds.insert(if v.effect == "mandatory" { "Must" } else { "BestEffort" });
            if duty.exclusions.iter().any(|(exempt, _)| *exempt) {
                kinds.insert("Exempt");
            }
        }
    }
    kinds
}

/// A table of cases that shrank would still be green. So its floor is what the packs can answer: of each regime every
/// version in force is chosen, every duty is once due, and every kind of outcome is given by some case. Taking one of
/// the cases away that alone show something turns this red, and a new pack brings its own floor.
#[test]
fn the_cases_show_everything_that_a_pack_can_answer() {
    let packs = shipped();
    let cases: Vec<Case> = files().into_values().flatten().collect();
    let mut faults = Vec::new();
    for regime in view::regimes(&packs) {
        let (versions, duties, kinds) = shown(&packs, regime.id, &cases);
        let in_force = regime.versions.iter().filter(|v| v.status == Status::InForce);
        for v in in_force {
            if !versions.contains(v.id) {
                faults.push(format!("{}: no case is decided by version {:?}", regime.id, v.id));
            }
        }
        // A version must name regulator and persons, were the duty never due.
        let possible_duties =
            regime.versions.iter().filter(|v| v.effect != "out_of_scope").flat_map(|v| &v.duties);
        let can_be_due = |d: &&view::Duty<'_>| {
            !matches!(view::search(&[(&d.when, true)], &mut |_| 0), view::Answer::Impossible)
        };
        let all: BTreeSet<_> = possible_duties.filter(can_be_due).map(|d| d.id).collect();
        for duty in all.into_iter().filter(|d| !duties.contains(*d)) {
            faults.push(format!("{}: no case shows the duty {duty:?} as due", regime.id));
        }
        for kind in possible(&regime).into_iter().filter(|k| !kinds.contains(*k)) {
            faults.push(format!("{}: no case ends in {kind}", regime.id));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Versions that decided, duties that were due, and outcomes that were *expected* of regulator and persons.
fn shown(
    packs: &Packs,
    regime: &str,
    cases: &[Case],
) -> (BTreeSet<String>, BTreeSet<String>, BTreeSet<String>) {
    let (mut versions, mut duties, mut kinds) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for case in cases {
        let Some(expectation) = case.expect.iter().find(|e| e.regime == regime) else { continue };
        let expected = ["regulator", "persons"].iter().filter_map(|r| expectation.outcomes.get(*r));
        kinds.extend(expected.map(|o| format!("{o:?}")));
        let assessment = evaluate(packs, &case.facts, case.evaluated_at);
        let Some(decision) = assessment.regime(regime) else { continue };
        versions.extend(decision.pack_version.clone());
        let due = decision.duties.iter().filter(|d| matches!(d.outcome, Outcome::Must | Outcome::BestEffort));
        duties.extend(due.map(|d| d.id.clone()));
    }
    (versions, duties, kinds)
}

/// The cases with which the packs began. Their number may grow, by trust.
#[test]
fn the_first_cases_are_still_there() {
    let mut counted = BTreeMap::new();
    for case in files().values().flatten() {
        *counted.entry(case.trust).or_insert(0usize) += 1;
    }
    for (trust, floor) in [(Trust::A, 20), (Trust::B, 19), (Trust::C, 28)] {
        let have = counted.get(&trust).copied().unwrap_or(0);
        assert!(have >= floor, "{have} cases of trust {trust:?} are left of {floor}");
    }
}

#[test]
fn a_case_file_without_cases_is_an_error() {
    let faults = Cases::load([("c.yaml", "kind: Cases\nevaluated_at: 2026-01-01T00:00:00Z\ncases: []\n")]);
    assert_eq!(faults.unwrap_err()[0].to_string(), "c.yaml:1:1: the file has no cases");
}

#[test]
fn a_wrong_expectation_is_told() {
    let text = "
kind: Cases
evaluated_at: 2026-01-01T00:00:00Z
cases:
  - id: X
    title: x
    trust: A
    decided_by: x
    expect: [{regime: jp-appi-26, regulator: MUST, persons: OUT_OF_SCOPE, deadlines: {regulator/final: 2026-01-01}}]
";
    let cases = Cases::load([("c.yaml", text)]).unwrap();
    assert_eq!(
        cases.cases[0].check(&shipped()),
        [
            "X: jp-appi-26 persons: expected OutOfScope, got NeedsReview",
            "X: jp-appi-26 regulator: expected Must, got NeedsReview",
            "X: jp-appi-26 regulator/final: expected 2026-01-01, got none",
        ]
    );
}
