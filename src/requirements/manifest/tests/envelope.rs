//! The envelope: version, kind, metadata, unknown and repeated fields, wrong types.

use super::*;

#[test]
fn a_system_and_a_requirement_are_read() {
    let set = parse(&[("r.yaml", REQUIREMENT), ("s.yaml", SYSTEM)]).unwrap();
    assert_eq!(set.len(), 2);
    assert_eq!(set.system("shop").unwrap().record_types[0].fields.len(), 2);
    assert_eq!(set.requirement("NFR-1").unwrap().metric, "shared_cache_stores");
    assert_eq!(
        set.place(crate::requirements::manifest::Kind::System, "shop").unwrap().to_string(),
        "s.yaml:1:1"
    );
}

#[test]
fn several_documents_and_json_are_read() {
    let both = format!("{SYSTEM}---\n# nothing here\n---\n{REQUIREMENT}");
    assert_eq!(parse(&[("all.yaml", &both)]).unwrap().len(), 2);
    let set = parse(&[("s.yaml", SYSTEM)]).unwrap();
    let json = serde_json::to_string_pretty(&set.iter().next().unwrap()).unwrap();
    assert_eq!(parse(&[("s.json", &json)]).unwrap().system("shop"), set.system("shop"));
    let tabs = json.replace("  ", "\t");
    assert_eq!(parse(&[("s.json", &tabs)]).unwrap().system("shop"), set.system("shop"));
}

#[test]
fn a_repeated_key_names_both_lines() {
    assert_eq!(
        requirement_problems("  metric: shared_cache_stores\n", "  metric: one\n  metric: two\n"),
        ["r.yaml:9:3: spec.metric: `metric` is stated twice, first at line 8; keep one of them"]
    );
}

#[test]
fn an_unknown_kind_is_told_with_the_known_ones() {
    assert_eq!(
        requirement_problems("kind: Requirement", "kind: Requirment"),
        ["r.yaml:2:7: kind: unknown kind `Requirment`; did you mean `Requirement`?"]
    );
    assert_eq!(
        requirement_problems("kind: Requirement", "kind: Deployment"),
        ["r.yaml:2:7: kind: unknown kind `Deployment`; write one of `System`, `Requirement`, `Estimate`, \
          `Probe`, `Exception`"]
    );
}

#[test]
fn another_version_is_refused() {
    assert_eq!(
        requirement_problems("suimon/v1", "suimon/v2"),
        ["r.yaml:1:13: apiVersion: unknown apiVersion `suimon/v2`; write `suimon/v1`"]
    );
}

#[test]
fn an_unknown_field_suggests_the_nearest_one() {
    assert_eq!(
        system_problems("timeZone:", "time_zone:"),
        [
            "s.yaml:5:3: spec: `timeZone` is missing; add `timeZone`",
            "s.yaml:7:3: spec.time_zone: unknown field `time_zone`; did you mean `timeZone`?",
        ]
    );
    assert_eq!(
        requirement_problems("metadata: { name: NFR-1 }", "metadata: { name: NFR-1, colour: red }"),
        ["r.yaml:3:26: metadata.colour: unknown field `colour`; remove it; known here: name, labels"]
    );
}

#[test]
fn a_wrong_type_says_what_was_found() {
    assert_eq!(
        requirement_problems("metric: shared_cache_stores", "metric: 7"),
        ["r.yaml:8:11: spec.metric: expected a text, found a number; put it in quotes"]
    );
    assert_eq!(
        requirement_problems("statement: { ja: 保存しない, en: Not stored }", "statement: Not stored"),
        ["r.yaml:6:14: spec.statement: expected a mapping, found a text; write `key: value` lines"]
    );
    assert_eq!(
        requirement_problems("  obligation: MUST\n", "  obligation: MUST\n  derivedFrom: NFR-0\n"),
        [
            "r.yaml:11:16: spec.derivedFrom: expected a list, found a text; write `- item` lines or `[item, item]`"
        ]
    );
    assert_eq!(
        requirement_problems("  obligation: MUST\n", "  obligation: MUST\n  owner:\n"),
        ["r.yaml:11:8: spec.owner: expected a text, found nothing; write a value or remove the key"]
    );
}

#[test]
fn a_name_is_one_word() {
    assert_eq!(
        requirement_problems("name: NFR-1", "name: NFR 1"),
        ["r.yaml:3:19: metadata.name: `NFR 1` is not a name; \
             write letters, digits, `-`, `_` and `.`, a letter or digit first"]
    );
}

#[test]
fn two_errors_in_two_files_are_told_at_once() {
    let system = with(SYSTEM, "protection: encrypted", "protection: encryptd");
    let requirement = with(REQUIREMENT, "obligation: MUST", "obligation: must");
    let requirement = with(&requirement, "  target: routes:personal\n", "");
    // The order of the files does not matter.
    assert_eq!(
        problems(&[("s.yaml", &system), ("r.yaml", &requirement)]),
        [
            "r.yaml:5:3: spec: `target` is missing; add `target`",
            "r.yaml:9:15: spec.obligation: `must` is not an obligation; did you mean `MUST`?",
            "s.yaml:19:23: spec.recordTypes[0].fields[0].protection: `encryptd` is not a protection; \
             did you mean `encrypted`?",
        ]
    );
}

#[test]
fn problems_are_data_too() {
    let text = with(REQUIREMENT, "suimon/v1", "suimon/v2");
    let problems = parse_files([("r.yaml", text.as_bytes()), ("s.yaml", SYSTEM.as_bytes())]).unwrap_err();
    assert_eq!(
        serde_json::to_value(&problems[0]).unwrap(),
        serde_json::json!({
            "file": "r.yaml", "line": 1, "column": 13, "path": "apiVersion",
            "message": "unknown apiVersion `suimon/v2`", "remedy": "write `suimon/v1`"
        })
    );
}
