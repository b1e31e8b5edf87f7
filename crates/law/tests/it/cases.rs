//! Every worked case beside the packs, in one table.

use law::{
    SHIPPED, SHIPPED_CASES,
    cases::{Cases, Trust},
};

use super::shipped;

#[test]
fn every_worked_case_comes_out_as_known() {
    let packs = shipped();
    let mut faults = Vec::new();
    let mut counted = [0usize; 3];
    for file in SHIPPED_CASES {
        let cases = Cases::load([*file]).unwrap_or_else(|e| panic!("{e:#?}"));
        assert!(!cases.cases.is_empty(), "{} has no cases", file.0);
        for case in &cases.cases {
            counted[match case.trust {
                Trust::A => 0,
                Trust::B => 1,
                Trust::C => 2,
            }] += 1;
            faults.extend(case.check(&packs));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    // A table that shrank would still be green, so its size is part of the test.
    assert_eq!(counted, [20, 19, 28], "cases of trust A, B, C");
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

#[test]
fn every_file_beside_the_packs_is_shipped() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/regulations");
    let mut found = Vec::new();
    for folder in ["", "calendars/", "cases/"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".yaml") {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    found.sort();
    let mut listed: Vec<_> = SHIPPED.iter().chain(SHIPPED_CASES).map(|(n, _)| (*n).to_owned()).collect();
    listed.sort();
    assert_eq!(found, listed);
}
