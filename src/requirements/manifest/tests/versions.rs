//! Fingerprints, stored form and differences.

use serde_json::{Value, json};

use super::*;
use crate::requirements::manifest::{Manifest, ManifestError, diff};

fn only(text: &str) -> Manifest {
    let set = parse(&[
        ("m.yaml", text),
        ("s.yaml", if text.contains("kind: System") { REQUIREMENT } else { SYSTEM }),
    ]);
    let kind = text.contains("kind: System");
    set.unwrap().iter().find(|manifest| manifest.as_system().is_some() == kind).unwrap().clone()
}

#[test]
fn layout_comments_and_key_order_do_not_change_the_fingerprint() {
    let one = only(REQUIREMENT);
    let other = only(
        "# a comment
kind: Requirement
apiVersion: 'suimon/v1'
spec:
  enforcement:
    params:
      rule: no_store
    mechanism: cache
    mode: enforce
  obligation: MUST
  threshold: { unit: responses, value: 0.0, op: eq }
  metric: shared_cache_stores
  target: routes:personal
  statement:
    en: Not stored
    ja: 保存しない
  system: shop
metadata:
  name: NFR-1
",
    );
    assert_eq!(one.fingerprint(), other.fingerprint());
    assert_eq!(diff(&one.to_json(), &other.to_json()), []);
    // Pinned: evidence is stored against it, so it must stay what it is across releases.
    assert_eq!(one.fingerprint(), "50b1a4062abdca9493de9d9579d7f3a567cea330256d2a8ad1d24b4a9fa3e62b");
}

#[test]
fn a_changed_value_changes_the_fingerprint() {
    let one = only(REQUIREMENT);
    let other = only(&with(REQUIREMENT, "mode: enforce", "mode: audit"));
    assert_ne!(one.fingerprint(), other.fingerprint());
    let lines: Vec<String> = diff(&one.to_json(), &other.to_json()).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["~ spec.enforcement.mode: \"enforce\" → \"audit\""]);
}

#[test]
fn lists_of_named_things_are_compared_by_name() {
    let one = only(SYSTEM).to_json();
    let text = with(SYSTEM, "    - { name: top, pattern: /, personal: false }\n", "");
    let text =
        with(&text, "  routes:\n", "  routes:\n    - { name: help, pattern: /help, personal: false }\n");
    let text = with(&text, "kind: mail\n", "kind: mail\n          searchable: true\n");
    let other = only(&text).to_json();
    let lines: Vec<String> = diff(&one, &other).iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "~ spec.recordTypes[customer].fields[email].searchable: false → true",
            r#"+ spec.routes[help]: {"name":"help","pattern":"/help","personal":false}"#,
            r#"- spec.routes[top]: {"name":"top","pattern":"/","personal":false}"#,
        ]
    );
}

#[test]
fn a_changed_order_is_a_change() {
    let one = only(SYSTEM).to_json();
    let mut other = one.clone();
    other["spec"]["routes"].as_array_mut().unwrap().reverse();
    let lines: Vec<String> = diff(&one, &other).iter().map(ToString::to_string).collect();
    assert_eq!(lines, [r#"~ spec.routes (order): ["account","top"] → ["top","account"]"#]);
}

#[test]
fn a_first_version_is_one_addition() {
    let new = json!({ "a": 1 });
    let changes = diff(&Value::Null, &new);
    assert_eq!(serde_json::to_value(&changes).unwrap(), json!([{ "path": "", "after": { "a": 1 } }]));
}

#[test]
fn plain_lists_change_as_a_whole() {
    let lines: Vec<String> =
        diff(&json!({ "l": [1, 2] }), &json!({ "l": [2] })).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["~ l: [1,2] → [2]"]);
}

#[test]
fn the_stored_form_reads_back() {
    for text in [SYSTEM, REQUIREMENT] {
        let manifest = only(text);
        let stored = serde_json::to_string(&manifest).unwrap();
        let read: Manifest = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, manifest);
        assert_eq!(read.fingerprint(), manifest.fingerprint());
    }
}

#[test]
fn a_changed_stored_form_is_refused() {
    let mut stored = only(REQUIREMENT).to_json();
    stored["spec"]["colour"] = json!("red");
    assert!(matches!(Manifest::from_json(&stored), Err(ManifestError::Shape(_))));
    let mut stored = only(REQUIREMENT).to_json();
    stored["apiVersion"] = json!("suimon/v9");
    assert!(matches!(Manifest::from_json(&stored), Err(ManifestError::ApiVersion(_))));
    let mut stored = only(REQUIREMENT).to_json();
    stored["spec"]["target"] = json!("elsewhere");
    assert!(matches!(Manifest::from_json(&stored), Err(ManifestError::Shape(_))));
}
