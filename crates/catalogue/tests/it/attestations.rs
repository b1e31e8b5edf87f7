//! CycloneDX: valid by the official schema, every reference leads somewhere, and the same input gives the same bytes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use catalogue::coverage::Status;
use catalogue::export::{ExportError, cyclonedx};
use jsonschema::Validator;
use serde_json::Value;

use crate::{evidence, instant, not_applicable, requirement, system};

fn validator() -> Validator {
    let parse = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let schema = parse(include_str!("../schema/bom-1.6.SNAPSHOT.schema.json"));
    let resources = [
        ("jsf-0.82", parse(include_str!("../schema/jsf-0.82.SNAPSHOT.schema.json"))),
        ("spdx", parse(include_str!("../schema/spdx.SNAPSHOT.schema.json"))),
    ];
    let mut registry = jsonschema::Registry::new();
    for (name, resource) in resources {
        registry = registry
            .add(format!("http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json"), resource)
            .unwrap();
    }
    let registry = registry.prepare().unwrap();
    jsonschema::options().with_registry(&registry).should_validate_formats(true).build(&schema).unwrap()
}

fn document(system: &catalogue::export::System) -> Value {
    serde_json::from_str(&cyclonedx(system).unwrap()).unwrap()
}

/// What the official schema has against a document.
pub(crate) fn faults(document: &Value) -> Vec<String> {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(validator);
    VALIDATOR.iter_errors(document).map(|error| format!("{} {error}", error.instance_path())).collect()
}

#[test]
fn the_export_is_valid_and_the_schema_would_notice() {
    let exported = document(&system());
    assert_eq!(faults(&exported), Vec::<String>::new());
    for (pointer, wrong) in [
        ("/declarations/attestations/0/map/0/confidence/score", serde_json::json!(2)),
        ("/declarations/evidence/0/created", serde_json::json!("yesterday")),
        ("/serialNumber", serde_json::json!("1")),
        ("/definitions/standards/0", serde_json::json!({ "other": 1 })),
    ] {
        let mut broken = exported.clone();
        *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = wrong;
        assert!(!faults(&broken).is_empty(), "{pointer}");
    }
}

/// The format has no word for it: no score, a rationale, and properties of the standard's entry.
#[test]
fn what_does_not_apply_has_no_score() {
    let mut system = system();
    // The second is cited by a requirement, which then counts.
    system.not_applicable = ["asvs@5.0.0:17", "asvs@5.0.0:14.3.2"].map(not_applicable).to_vec();
    let exported = document(&system);
    assert_eq!(faults(&exported), Vec::<String>::new());
    let of = |pointer: &str, key: &str, wanted: &str| -> Vec<Value> {
        let lists = exported.pointer(pointer).unwrap().as_array().unwrap().iter();
        let entries = lists.flat_map(|list| list[key.split('/').next().unwrap()].as_array().unwrap());
        entries.filter(|entry| entry[key.split('/').nth(1).unwrap()] == wanted).cloned().collect()
    };
    let attested = of("/declarations/attestations", "map/requirement", "asvs@5.0.0:17");
    assert_eq!(
        attested,
        [serde_json::json!({ "requirement": "asvs@5.0.0:17", "claims": [],
            "conformance": { "rationale": "not applicable: There is neither sound nor video. (security)" } })]
    );
    let entry = of("/definitions/standards", "requirements/bom-ref", "asvs@5.0.0:17");
    assert_eq!(entry.len(), 1);
    assert_eq!(entry[0]["title"], "WebRTC / WebRTC");
    assert_eq!(
        entry[0]["properties"][0],
        serde_json::json!({ "name": "suimon:not-applicable", "value": "true" })
    );
    let cited = of("/definitions/standards", "requirements/bom-ref", "asvs@5.0.0:14.3.2");
    assert!(cited.len() == 1 && cited[0]["properties"].is_null(), "{cited:?}");
    assert_eq!(of("/declarations/attestations", "map/requirement", "asvs@5.0.0:14.3.2").len(), 1);
}

/// All `bom-ref`s differ, and whatever names one names one that is there.
#[test]
fn references_lead_somewhere() {
    fn collect(value: &Value, named: &mut Vec<String>) {
        match value {
            Value::Array(all) => all.iter().for_each(|one| collect(one, named)),
            Value::Object(members) => {
                for (key, value) in members {
                    if let (true, Some(reference)) = (key == "bom-ref", value.as_str()) {
                        named.push(reference.to_owned());
                    }
                    collect(value, named);
                }
            }
            _ => {}
        }
    }
    let exported = document(&system());
    let mut named = Vec::new();
    collect(&exported, &mut named);
    let unique: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(unique.len(), named.len());
    let mut checked = 0;
    let mut leads = |value: &Value| {
        let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for reference in list {
            assert!(unique.contains(reference.as_str().unwrap()), "{reference}");
            checked += 1;
        }
    };
    for claim in exported["declarations"]["claims"].as_array().unwrap() {
        for member in ["target", "evidence", "counterEvidence", "mitigationStrategies"] {
            leads(&claim[member]);
        }
    }
    for attestation in exported["declarations"]["attestations"].as_array().unwrap() {
        leads(&attestation["assessor"]);
        for entry in attestation["map"].as_array().unwrap() {
            for member in ["requirement", "claims", "counterClaims"] {
                leads(&entry[member]);
            }
            leads(&entry["conformance"]["mitigationStrategies"]);
        }
    }
    assert!(checked > 40, "{checked}");
}

fn entry<'a>(exported: &'a Value, reference: &str) -> &'a Value {
    let attestations = exported["declarations"]["attestations"].as_array().unwrap();
    let mut entries = attestations.iter().flat_map(|one| one["map"].as_array().unwrap());
    entries.find(|entry| entry["requirement"] == reference).unwrap_or_else(|| panic!("{reference}"))
}

#[test]
fn conformance_follows_the_evidence() {
    let exported = document(&system());
    for (reference, score, confidence, is_counter) in [
        ("owasp-secreq-ja@4.0:7.9.1", Some(1.0), 1.0, false),
        ("asvs@5.0.0:14.2.2", Some(0.5), 1.0, false),
        ("ipa-nfrg@2018:B.4.3.1", Some(0.0), 1.0, true),
        ("ipa-nfrg@2018:A.1.5.1", None, 0.0, false),
        ("ipa-nfrg@2018:E.7.1.1", None, 0.0, false),
        ("requirement:NFR-CACHE-001", Some(1.0), 1.0, false),
    ] {
        let entry = entry(&exported, reference);
        assert_eq!(entry["conformance"]["score"].as_f64(), score, "{reference}");
        assert_eq!(entry["confidence"]["score"].as_f64(), Some(confidence), "{reference}");
        assert_eq!(entry["counterClaims"].as_array().unwrap().len(), usize::from(is_counter), "{reference}");
    }
    // What was only written because of an item attests nothing of it, but the item is in the standard.
    let text = exported["declarations"]["attestations"].to_string();
    assert!(!text.contains("E.6.1.3"));
    assert!(exported["definitions"]["standards"].to_string().contains("E.6.1.3"));
    let excepted = &entry(&exported, "ipa-nfrg@2018:E.7.1.1")["conformance"];
    assert_eq!(excepted["mitigationStrategies"].as_array().unwrap().len(), 1);
    assert_eq!(excepted["rationale"], "NFR-LOG-001 satisfies: excepted");
}

#[test]
fn evidence_has_its_time_and_an_older_version_proves_nothing() {
    let mut system = system();
    system.requirements[0].evidence[1].fingerprint = "f0".into();
    system.requirements[0].evidence.remove(0);
    let exported = document(&system);
    let entry = entry(&exported, "asvs@5.0.0:14.3.2");
    assert_eq!(
        (entry["conformance"]["score"].as_f64(), entry["confidence"]["score"].as_f64()),
        (None, Some(0.5))
    );
    let all = exported["declarations"]["evidence"].as_array().unwrap();
    let kept = all.iter().find(|one| one["expires"] == "2023-11-26T07:00:00Z").unwrap();
    assert_eq!(
        (kept["created"].as_str(), kept["author"]["name"].as_str()),
        (Some("2023-10-26T07:00:00Z"), Some("edge-check"))
    );
}

/// Score and confidence of the requirement that the first of the sample's two cites.
fn judged(system: &catalogue::export::System) -> (Option<f64>, Option<f64>) {
    let exported = document(system);
    let entry = entry(&exported, "requirement:NFR-CACHE-001");
    (entry["conformance"]["score"].as_f64(), entry["confidence"]["score"].as_f64())
}

#[test]
fn who_has_fallen_silent_is_not_made_up_for_by_who_still_passes() {
    let mut system = system();
    let mut canary = evidence(Status::Pass, "2023-10-26T00:00:00Z", Some("2023-10-27T00:00:00Z"));
    canary.collector = "canary".into();
    system.requirements[0].evidence.push(canary);
    assert_eq!(judged(&system), (Some(1.0), Some(1.0)), "nobody waits for it");
    system.requirements[0].lapsed = true;
    assert_eq!(judged(&system), (None, Some(0.5)));
    assert_eq!(system.requirements[0].status(system.at), Status::Unchecked);
    // What fails is not made better by what nobody looks at any more.
    system.requirements[0].evidence[1].status = Status::Fail;
    assert_eq!(judged(&system), (Some(0.0), Some(1.0)));
}

#[test]
fn what_was_compared_with_something_else_proves_nothing() {
    let mut system = system();
    for evidence in &mut system.requirements[0].evidence {
        evidence.outdated = true;
    }
    assert_eq!(judged(&system), (None, Some(0.5)));
}

#[test]
fn a_check_that_did_not_run_speaks_neither_for_nor_against() {
    let mut system = system();
    system.requirements[0].evidence = vec![evidence(Status::Error, "2023-10-26T07:00:00Z", None)];
    assert_eq!(judged(&system), (None, Some(0.5)));
    let claims = &document(&system)["declarations"]["claims"];
    assert_eq!(
        (&claims[0]["evidence"], &claims[0]["counterEvidence"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_another_serial() {
    let one = cyclonedx(&system()).unwrap();
    assert_eq!(one, cyclonedx(&system()).unwrap());
    let mut changed = system();
    changed.requirements[0].statement.en.push('!');
    assert_ne!(document(&system())["serialNumber"], document(&changed)["serialNumber"]);
}

#[test]
fn names_that_collide_are_refused() {
    let mut twice = system();
    twice.requirements.push(requirement("NFR-CAP-001"));
    assert_eq!(cyclonedx(&twice), Err(ExportError::SameName("NFR-CAP-001".into())));
    twice.requirements.clear();
    assert_eq!(faults(&document(&twice)), Vec::<String>::new());
    twice.name.clear();
    assert_eq!(cyclonedx(&twice), Err(ExportError::EmptyName));
}

#[test]
fn a_status_is_the_worst_of_what_counts() {
    let at = instant("2023-10-28T00:00:00Z");
    let mut one = requirement("R");
    assert_eq!(one.status(at), Status::Unchecked);
    one.evidence.push(evidence(Status::Fail, "2023-10-27T00:00:00Z", None));
    assert_eq!(one.status(at), Status::Fail);
    one.evidence.push(evidence(Status::Pass, "2023-10-27T12:00:00Z", None));
    assert_eq!(one.status(at), Status::Pass, "the same collector looked again");
    let mut other = evidence(Status::Warn, "2023-10-20T00:00:00Z", None);
    other.collector = "canary".into();
    one.evidence.push(other);
    assert_eq!(one.status(at), Status::Warn);
    one.evidence.push(evidence(Status::Fail, "2023-10-29T00:00:00Z", None));
    assert_eq!(one.status(at), Status::Warn, "a result from the future");
    one.evidence.retain(|evidence| evidence.collector != "canary");
    one.evidence[1].expires = Some(at);
    assert_eq!(one.status(at), Status::Fail, "what has expired hides nothing");
}
