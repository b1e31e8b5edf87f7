//! `kind: Estimate`: read as strictly as the others, and stored without loss.

use super::*;
use crate::requirements::manifest::{Manifest, parse_estimates};

const ESTIMATE: &str = "\
apiVersion: suimon/v1
kind: Estimate
metadata: { name: EST-1 }
spec:
  system: shop
  scenario: { ja: 初日, en: First day }
  population: 1000
  inputs:
    triesOnDayOne: 35..80 %
    comesAtOpening: 15..50 %
    burstTime: 3..20 min
    requestsPerSession: 12..40
    sessionTime: 4..15 min
    serviceTime: 50..400 ms
    retryFactor: 2..15
    firstPage: 0.5..3 MB
  seed: 1
";

fn problems(from: &str, to: &str) -> Vec<String> {
    assert!(ESTIMATE.contains(from), "{from}");
    let text = ESTIMATE.replace(from, to);
    let problems = parse(&[("s.yaml", SYSTEM), ("e.yaml", &text)]).unwrap_err();
    assert_eq!(
        parse_estimates([("e.yaml", &text)]).is_ok(),
        problems.iter().all(|problem| problem.contains("there is no system")),
        "{problems:?}"
    );
    problems
}

#[test]
fn an_estimate_belongs_to_a_system_and_survives_storage() {
    let set = parse(&[("s.yaml", SYSTEM), ("e.yaml", ESTIMATE)]).unwrap();
    let manifest = set.iter().find(|manifest| manifest.name == "EST-1").unwrap();
    assert_eq!(manifest.system_name(), "shop");
    let stored = Manifest::from_json(&manifest.to_json()).unwrap();
    assert_eq!((&stored, stored.fingerprint()), (manifest, manifest.fingerprint()));
    let more = ESTIMATE.replace("population: 1000", "population: 1001");
    let other = parse(&[("s.yaml", SYSTEM), ("e.yaml", &more)]).unwrap();
    let other = other.iter().find(|manifest| manifest.name == "EST-1").unwrap().fingerprint();
    assert_ne!(other, manifest.fingerprint(), "another assumption is another version");
    // Without its system it can be computed, and not applied.
    assert_eq!(parse_estimates([("e.yaml", ESTIMATE)]).unwrap()["EST-1"], *manifest.as_estimate().unwrap());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    insta::assert_debug_snapshot!([
        problems("system: shop", "system: shpo"),
        problems("  system: shop\n", ""),
        problems("burstTime: 3..20 min", "burstTime: 20..3 min"),
        problems("burstTime: 3..20 min", "burstTime: 3..20 MB"),
        problems("    burstTime: 3..20 min\n", ""),
        problems("    retryFactor: 2..15\n", "    retryFactor: 2..15\n    retryFactor: 3\n"),
        problems("  seed: 1\n", "  seed: 1\n  sed: 2\n"),
        problems("  seed: 1\n", "  seed: 1\n  samples: 999999999\n"),
        problems("spec:\n", "spec: 7\nrest:\n"),
    ]);
}

#[test]
fn the_same_estimate_twice_is_refused() {
    let twice = parse_estimates([("a.yaml", ESTIMATE), ("b.yaml", ESTIMATE)]).unwrap_err();
    assert_eq!(
        twice[0].to_string(),
        "b.yaml:3:19: metadata.name: Estimate `EST-1` is stated twice; rename or remove one of them"
    );
}
