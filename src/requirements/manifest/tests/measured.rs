//! What was measured, how far exceptions go, and known suffixes.

use super::*;
use crate::requirements::limits_above_measured;
use crate::requirements::manifest::Manifest;

const CACHE: &str = "enforcement: { mode: enforce, mechanism: cache, params: { rule: no_store } }";
const EXCEPTION: &str = "\
apiVersion: suimon/v1
kind: Exception
metadata: { name: EXC-1 }
spec:
  system: shop
  requirement: NFR-1
  reason: { ja: 一日だけ, en: One day only }
  approver: operations
  upTo: { rate: 600 }
  inForceFrom: 2026-01-01T00:00:00Z
  expires: 2026-01-02T00:00:00Z
";

fn measured() -> String {
    let figures = "channels: [web]\n  measured: { rate: 400, inFlight: 80, at: \"2025-12-01T10:00:00+09:00\", source: load test 7 }";
    with(SYSTEM, "channels: [web]", figures)
}

fn admission(rate: u32) -> String {
    let params = format!(
        "enforcement: {{ mode: enforce, mechanism: admission, params: {{ rate: {rate}, concurrency: 9 }} }}"
    );
    with(&with(REQUIREMENT, "routes:personal", "system"), CACHE, &params)
}

#[test]
fn a_limit_above_what_was_measured_wants_an_exception_that_goes_so_far() {
    let above = |files: &[(&str, &str)]| {
        let set = parse(files).unwrap();
        for manifest in set.iter() {
            assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), *manifest);
        }
        let found = limits_above_measured(&set, "shop");
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (system, raised) = (measured(), admission(600));
    assert_eq!(above(&[("s.yaml", &system), ("r.yaml", &admission(400))]), [""; 0]);
    assert_eq!(above(&[("s.yaml", SYSTEM), ("r.yaml", &raised)]), [""; 0], "nobody has measured");
    let refused = "r.yaml:1:1: spec.enforcement.params.rate: `NFR-1` states a rate of 600, and `shop` was measured to bear 400 \
        (load test 7, 2025-12-01T01:00:00Z); \
        lower it, measure again, or have an Exception on it approved with `upTo: { rate: 600 }`";
    assert_eq!(above(&[("s.yaml", &system), ("r.yaml", &raised)]), [refused]);
    assert_eq!(above(&[("s.yaml", &system), ("r.yaml", &raised), ("e.yaml", EXCEPTION)]), [""; 0]);
    let less = with(EXCEPTION, "rate: 600", "rate: 599, concurrency: 700");
    assert_eq!(above(&[("s.yaml", &system), ("r.yaml", &raised), ("e.yaml", &less)]), [refused]);
}

#[test]
fn the_exception_counts_only_while_it_holds() {
    let (system, raised) = (measured(), admission(600));
    let set = parse(&[("s.yaml", &system), ("r.yaml", &raised), ("e.yaml", EXCEPTION)]).unwrap();
    let at = |instant: &str| {
        let standing = crate::requirements::standing_at(&set, "shop", instant.parse().unwrap());
        let rate =
            serde_json::to_value(&standing.requirements[0].1.enforcement).unwrap()["params"]["rate"].clone();
        (rate.as_f64().unwrap(), standing.lowered.len(), standing.until.map(|until| until.to_string()))
    };
    let (begins, ends) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    assert_eq!(at("2025-12-31T23:59:59Z"), (400.0, 1, Some(begins.to_owned())));
    assert_eq!(at(begins), (600.0, 0, Some(ends.to_owned())));
    assert_eq!(at(ends), (400.0, 1, None));
}

#[test]
fn what_is_wrong_with_figures_and_exceptions() {
    assert_eq!(
        system_problems("channels: [web]", "channels: [web]\n  measured: { rate: 0, at: yesterday }"),
        [
            "s.yaml:10:13: spec.measured: `source` is missing; add `source`",
            "s.yaml:10:21: spec.measured.rate: the number is not above 0; correct the value",
            "s.yaml:10:28: spec.measured.at: `yesterday` is not an instant with an offset; \
             write it like `2023-10-27T09:00:00+09:00`",
        ]
    );
    let none = "channels: [web]\n  measured: { at: \"2025-12-01T10:00:00+09:00\", source: x }";
    assert_eq!(
        system_problems("channels: [web]", none),
        ["s.yaml:10:13: spec.measured: nothing was measured; add `rate`, `concurrency` or `inFlight`"]
    );
    assert_eq!(
        problems(&[("e.yaml", EXCEPTION), ("r.yaml", REQUIREMENT), ("s.yaml", SYSTEM)]),
        ["e.yaml:9:9: spec.upTo: `NFR-1` states no limits of admission; leave `upTo` out"]
    );
    assert_eq!(
        problems(&[
            ("e.yaml", &with(EXCEPTION, "{ rate: 600 }", "{}")),
            ("r.yaml", &admission(600)),
            ("s.yaml", SYSTEM)
        ]),
        ["e.yaml:9:9: spec.upTo: no limit is named; add `rate` or `concurrency`"]
    );
}

#[test]
fn suffixes_are_declared_in_one_spelling() {
    let public = "pattern: /, personal: false";
    assert_eq!(
        system_problems(public, "pattern: /, personal: false, suffixes: [.pdf, PDF, pdf, pdf]"),
        [
            "s.yaml:30:59: spec.routes[1].suffixes: suffix `pdf` is declared twice; remove one of them",
            "s.yaml:30:60: spec.routes[1].suffixes[0]: `.pdf` is not 1 to 16 lower-case letters and digits; \
             write it without its dot: `pdf`",
            "s.yaml:30:66: spec.routes[1].suffixes[1]: `PDF` is not 1 to 16 lower-case letters and digits; \
             write it without its dot: `pdf`",
        ]
    );
    let system = with(SYSTEM, public, "pattern: /files/**, personal: false, suffixes: [css]");
    let set = parse(&[("s.yaml", &system)]).unwrap();
    let is_personal = |path: &str| resolved(set.system("shop").unwrap(), path).1;
    assert!(!is_personal("/files/a.css"));
    assert!(!is_personal("/files/A.CSS"));
    assert!(!is_personal("/files/list"));
    assert!(is_personal("/files/answers.pdf"));
}

#[test]
fn two_requirements_that_no_order_fits_both_are_named() {
    use crate::requirements::{admission_conflicts, admission_rules};
    let stated = |name: &str, more: &str| {
        let text =
            with(&admission(400), "metadata: { name: NFR-1 }", &format!("metadata: {{ name: {name} }}"));
        with(&text, "concurrency: 9", &format!("concurrency: 9{more}"))
    };
    let of = |one: &str, other: &str| {
        let (one, other) = (stated("CAP-1", one), stated("CAP-2", other));
        let system = with(SYSTEM, "channels: [web]", "channels: [web, call_centre]");
        parse(&[("a.yaml", &one), ("b.yaml", &other), ("s.yaml", &system)]).unwrap()
    };
    let conflicts = |set: &ManifestSet| {
        admission_conflicts(set, "shop", set).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let lottery = ", order: { by: lottery, closesAt: \"2026-01-01T00:00:00Z\" }";
    assert_eq!(
        conflicts(&of(", order: { by: fifo }", lottery)),
        ["b.yaml:1:1: spec.enforcement.params.order: `CAP-1` and `CAP-2` state different orders, \
          and neither is the stricter one; state it in one of them, or alike in both"]
    );
    assert_eq!(
        conflicts(&of(", reserve: { web: 0.6 }", ", reserve: { call_centre: 0.4 }")),
        [
            "b.yaml:1:1: spec.enforcement.params.reserve: the shares that `CAP-1` and `CAP-2` reserve leave nothing for the others; \
          of each channel the largest share holds: let them be below 1 together"
        ]
    );
    // What has a smallest is merged.
    let set = of(
        ", newcomersPerMinute: 60, waitingRoom: { grace: PT1H, most: 9 }, tenants: { paths: [\"/t/{tenant}/**\"], each: { rate: 5, concurrency: 8 }, named: { north: {} } }",
        ", order: { by: fifo }, waitingRoom: { grace: PT10M }, reserve: { call_centre: 0.2 }, tenants: { paths: [\"/t/{tenant}/**\"], named: { north: { rate: 3, concurrency: 9 }, south: { rate: 1, concurrency: 1 } } }",
    );
    assert_eq!(conflicts(&set), [""; 0]);
    let rules = admission_rules(set.requirements_of("shop").map(|(_, spec)| spec)).unwrap();
    assert_eq!(
        serde_json::to_value(&rules.params).unwrap(),
        serde_json::json!({
            "rate": 400.0, "concurrency": 9, "newcomersPerMinute": 60, "reserve": { "call_centre": 0.2 }, "order": { "by": "fifo" },
            "tenants": { "paths": ["/t/{tenant}/**"],
                "named": { "north": { "rate": 3.0, "concurrency": 8 }, "south": { "rate": 1.0, "concurrency": 1 } } },
            "waitingRoom": { "most": 9, "grace": "PT10M" },
        })
    );
}
