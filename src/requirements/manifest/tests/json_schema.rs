//! The published schema and the parser say the same of shapes.

use serde_json::{Value, json};

use super::examples::all;
use crate::requirements::manifest::{ManifestSet, json_schema, parse_files, parse_files_against};

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::options().build(&json_schema()).expect("a schema")
}

/// No example is excepted from anything.
const EXCEPTION: &str = "\
apiVersion: suimon/v1
kind: Exception
metadata: { name: EXC-1 }
spec:
  system: online-application
  requirement: NFR-CACHE-001
  reason: { ja: 移行中, en: Being moved }
  approver: security
  instead: { ja: 監視する, en: Watched }
  mode: audit
  inForceFrom: 2023-11-01T00:00:00Z
  expires: 2023-12-01T00:00:00Z
";

/// Every manifest of the examples, and one of the kind that none has.
fn set() -> ManifestSet {
    let files = all().into_iter().map(|(name, text)| (name.to_owned(), text.to_owned()));
    let exception = ("exception.yaml".to_owned(), EXCEPTION.to_owned());
    parse_files(files.chain([exception])).expect("good examples")
}

/// The same as JSON.
fn examples() -> Vec<Value> {
    set().iter().map(|manifest| manifest.to_json()).collect()
}

#[test]
fn the_examples_are_of_the_published_shape() {
    let validator = validator();
    for example in examples() {
        let faults: Vec<String> = validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", example["metadata"]["name"]);
    }
}

/// Pointers to all values inside.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in inside {
        let place = format!("{at}/{key}");
        places(value, &place, found);
        found.push(place);
    }
}

/// One change each, at every depth, that the parser refuses because of its shape: the schema refuses it too.
#[test]
fn what_has_another_shape_is_refused_by_both() {
    let (validator, set) = (validator(), set());
    let parsed = |manifest: &Value| parse_files_against([("changed.json", manifest.to_string())], &set);
    let mut tried = 0;
    for example in examples() {
        assert!(parsed(&example).is_ok(), "{}", example["metadata"]["name"]);
        let mut found = vec![String::new()];
        places(&example["spec"], "", &mut found);
        for place in found {
            let at = format!("/spec{place}");
            for wrong in [Value::Null, json!({ "not": ["of", "this", "shape"] })] {
                let mut changed = example.clone();
                *changed.pointer_mut(&at).expect("its place") = wrong.clone();
                // The reader of estimates takes null for a member that is left out.
                let taken = wrong.is_null() && example["kind"] == "Estimate";
                assert!(
                    taken || parsed(&changed).is_err(),
                    "{wrong} at {at} in {}",
                    example["metadata"]["name"]
                );
                assert!(!validator.is_valid(&changed), "{wrong} at {at} in {}", example["metadata"]["name"]);
                tried += 1;
            }
            let mut changed = example.clone();
            let Some(object) = changed.pointer_mut(&at).and_then(Value::as_object_mut) else { continue };
            object.insert("unknown".to_owned(), json!(1));
            assert!(
                parsed(&changed).is_err(),
                "an unknown member at {at} in {}",
                example["metadata"]["name"]
            );
            assert!(
                !validator.is_valid(&changed),
                "an unknown member at {at} in {}",
                example["metadata"]["name"]
            );
            tried += 1;
        }
    }
    assert!(tried > 1000, "{tried}");
}
