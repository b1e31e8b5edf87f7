//! OpenSLO: what it can hold is exported as its specification says, the rest is named.

use catalogue::export::{
    Enforcement, Indicator, Mechanism, Mode, Objective, Op, Requirement, Value, openslo,
};
use serde_json::Value as Json;

use crate::{requirement, system};

fn objects(system: &catalogue::export::System) -> Vec<Json> {
    serde_json::from_str(&openslo(system).unwrap().to_json().unwrap()).unwrap()
}

#[test]
fn availability_is_a_ratio_and_latency_a_threshold() {
    let exported = openslo(&system()).unwrap();
    assert_eq!((exported.len(), exported.is_empty(), exported.skipped.len()), (2, false, 0));
    let objects = objects(&system());
    assert_eq!(objects[0]["kind"], "Service");
    let [available, quick] = [&objects[1], &objects[2]];
    for slo in [available, quick] {
        assert_eq!((slo["apiVersion"].as_str(), slo["kind"].as_str()), (Some("openslo/v1"), Some("SLO")));
        assert_eq!(slo["spec"]["service"], "online-application");
        assert_eq!(slo["spec"]["budgetingMethod"], "Occurrences");
        assert_eq!(slo["spec"]["timeWindow"][0]["isRolling"], true);
    }
    assert_eq!(available["metadata"]["displayName"], "NFR-AVL-001");
    assert_eq!(
        available["metadata"]["annotations"],
        serde_json::json!({ "suimon-mode": "observe", "suimon-obligation": "SHOULD" })
    );
    assert_eq!(available["spec"]["description"], "NFR-AVL-001 is kept.\nNFR-AVL-001を守る。");
    assert_eq!(available["spec"]["timeWindow"][0]["duration"], "30d");
    assert_eq!(available["spec"]["objectives"], serde_json::json!([{ "target": 0.999 }]));
    let ratio = &available["spec"]["indicator"]["spec"]["ratioMetric"];
    assert_eq!(ratio["good"]["metricSource"]["spec"]["metric"], "availability");
    assert_eq!(ratio["good"]["metricSource"]["spec"]["fingerprint"], "f1");
    assert_eq!(ratio["total"]["metricSource"]["type"], "suimon");
    assert_eq!(quick["spec"]["timeWindow"][0]["duration"], "4w");
    assert_eq!(
        quick["spec"]["objectives"],
        serde_json::json!([{ "op": "lte", "value": 2.0, "target": 0.95 }])
    );
    assert!(quick["spec"]["indicator"]["spec"]["thresholdMetric"].is_object());
}

#[test]
fn yaml_says_what_json_says() {
    let mut system = system();
    // Words that YAML would read as something else.
    for (at, text) in
        ["no", "1.0", "2023-10-26", "a: b # c", "- x", "'", "\u{1F600}\n---\nkind: Evil"].iter().enumerate()
    {
        let mut odd = requirement(&format!("odd-{at}"));
        odd.statement.en = (*text).into();
        odd.statement.ja = (*text).into();
        odd.enforcement = system.requirements[2].enforcement.clone();
        system.requirements.push(odd);
    }
    let yaml = openslo(&system).unwrap().to_yaml().unwrap();
    let read: Vec<Json> = serde_saphyr::from_multiple(&yaml).unwrap();
    assert_eq!(read, objects(&system));
    assert_eq!(read.len(), 10);
}

#[test]
fn what_openslo_cannot_hold_is_named() {
    let with = |name: &str, objective: Objective, op: Op, value: Value| {
        let mut one = requirement(name);
        one.threshold.op = op;
        one.threshold.value = value;
        one.enforcement = Some(Enforcement { mechanism: Mechanism::Slo(objective), mode: Mode::Audit });
        one
    };
    let slo = |indicator, share, window: &str| Objective { indicator, share, window: window.into() };
    let number = || Value::Number(1.0);
    let mut given = system();
    given.requirements = vec![
        with("all", slo(Indicator::Availability, 1.0, "P30D"), Op::Gte, number()),
        with("nothing", slo(Indicator::Availability, f64::NAN, "P30D"), Op::Gte, number()),
        with("window", slo(Indicator::Availability, 0.9, "P1DT12H"), Op::Gte, number()),
        with("lower", slo(Indicator::Latency, 0.9, "P30D"), Op::Gte, number()),
        with("word", slo(Indicator::Latency, 0.9, "P30D"), Op::Lte, Value::Text("fast".into())),
        with("endless", slo(Indicator::Latency, 0.9, "P30D"), Op::Lte, Value::Number(f64::INFINITY)),
        Requirement { enforcement: None, ..requirement("by people") },
    ];
    let exported = openslo(&given).unwrap();
    assert!(exported.is_empty());
    let names: Vec<&str> = exported.skipped.iter().map(|skipped| skipped.requirement.as_str()).collect();
    assert_eq!(names, ["all", "nothing", "window", "lower", "word", "endless"]);
    assert!(exported.skipped[0].reason.contains("below 1"));
}
