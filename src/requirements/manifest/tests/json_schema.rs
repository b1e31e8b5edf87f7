//! The published schema and the parser say the same of shapes.

use serde_json::{Value, json};

use super::examples::all;
use crate::requirements::manifest::{json_schema, parse_files};

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::options().build(&json_schema()).expect("a schema")
}

/// Every manifest of the examples as JSON.
fn examples() -> Vec<Value> {
    let set = parse_files(all()).expect("good examples");
    set.iter().map(|manifest| manifest.to_json()).collect()
}

#[test]
fn the_examples_are_of_the_published_shape() {
    let validator = validator();
    for example in examples() {
        let faults: Vec<String> = validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", example["metadata"]["name"]);
    }
}

/// One change each that the parser refuses because of its shape: the schema refuses it too.
#[test]
fn what_has_another_shape_is_refused_by_both() {
    let validator = validator();
    let mut tried = 0;
    for example in examples() {
        let members: Vec<String> = example["spec"].as_object().expect("an object").keys().cloned().collect();
        let mut wrong = vec![json!({ "unknown": 1 })];
        wrong.extend(
            members.iter().map(|member| json!({ member.as_str(): { "not": ["of", "this", "shape"] } })),
        );
        for change in wrong {
            let mut changed = example.clone();
            let change = change.as_object().expect("an object");
            changed["spec"].as_object_mut().expect("an object").extend(change.clone());
            let text = changed.to_string();
            // Alone, so that only what stands in this document is looked at; references lead nowhere then, too.
            let parsed = parse_files([("changed.json", text)]).expect_err("another shape");
            assert!(!parsed.is_empty());
            assert!(!validator.is_valid(&changed), "{change:?} in {}", example["metadata"]["name"]);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}
