//! ASVS 5.0.0, invented, in the shapes of its JSON forms as they were published.

use catalogue::{Imported, Limits, Scheme, import};
use serde_json::json;

fn read(document: &serde_json::Value) -> Imported {
    import(document.to_string().as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    import(text.as_bytes(), &Limits::default()).map(|copy| copy.notes).unwrap_err().to_string()
}

fn nested() -> serde_json::Value {
    json!({ "Name": "x", "ShortName": "ASVS", "Version": "5.0.0", "Requirements": [{
        "Shortcode": "V14", "Ordinal": 14, "ShortName": "Data", "Name": "Invented chapter",
        "Items": [{ "Shortcode": "V14.3", "Name": "Invented section", "Items": [
            { "Shortcode": "V14.3.1", "Description": "Invented one.", "L": "1" },
            { "Shortcode": "V14.3.2", "Description": "Invented two.", "L": 2 },
        ]}],
    }]})
}

fn row(id: &str, text: &str, level: &str) -> serde_json::Value {
    json!({ "chapter_id": "V14", "chapter_name": "Invented chapter", "section_id": "V14.3",
            "section_name": "Invented section", "req_id": id, "req_description": text, "L": level })
}

fn flat() -> serde_json::Value {
    json!({ "requirements": [row("V14.3.1", "Invented one.", "1"), row("V14.3.2", "Invented two.", "2")] })
}

/// Its legacy form: the levels are members of their own, and there are references to CWE and NIST.
fn nested_legacy() -> serde_json::Value {
    let required = |is| json!({ "Required": is, "Requirement": if is { "✓" } else { "" } });
    let mut document = nested();
    let items = document["Requirements"][0]["Items"][0]["Items"].as_array_mut().unwrap();
    for (item, first) in items.iter_mut().zip([1, 2]) {
        let item = item.as_object_mut().unwrap();
        item.remove("L");
        for level in 1..=3 {
            item.insert(format!("L{level}"), required(level >= first));
        }
        item.insert("CWE".into(), json!([]));
        item.insert("NIST".into(), json!([]));
    }
    document
}

fn flat_legacy() -> serde_json::Value {
    let mut document = flat();
    for (row, first) in document["requirements"].as_array_mut().unwrap().iter_mut().zip([1, 2]) {
        let row = row.as_object_mut().unwrap();
        row.remove("L");
        for level in 1..=3 {
            row.insert(format!("level{level}"), json!(if level >= first { "✓" } else { "" }));
        }
        row.insert("cwe".into(), json!(""));
        row.insert("nist".into(), json!(""));
    }
    document
}

fn standard() -> serde_json::Value {
    json!({ "standards": [{ "bom-ref": "ASVS-5.0.0", "version": "5.0.0", "requirements": [
        { "bom-ref": "V14", "identifier": "V14", "title": "Invented chapter" },
        { "bom-ref": "V14.3", "identifier": "V14.3", "title": "Invented section", "parent": "V14" },
        { "bom-ref": "V14.3.1", "identifier": "V14.3.1", "text": "Invented one.", "parent": "V14.3" },
        { "bom-ref": "V14.3.2", "identifier": "V14.3.2", "text": "Invented two.", "parent": "V14.3" },
    ]}]})
}

#[test]
fn all_forms_say_the_same() {
    let list = flat()["requirements"].clone();
    let forms = [
        (nested(), true),
        (flat(), true),
        (list, true),
        (nested_legacy(), true),
        (flat_legacy(), true),
        (json!({ "bomFormat": "CycloneDX", "declarations": standard() }), false),
        (json!({ "bomFormat": "CycloneDX", "definitions": standard() }), false),
    ];
    for (document, has_levels) in forms {
        let copy = read(&document);
        let catalogue = &copy.catalogue;
        assert_eq!((catalogue.scheme(), catalogue.version()), (Scheme::Asvs, "5.0.0"));
        let items: Vec<_> = catalogue
            .items()
            .iter()
            .map(|item| (item.id.as_str(), item.text.as_ref().unwrap().name.as_str(), item.level))
            .collect();
        let level = |level: u8| has_levels.then_some(level);
        assert_eq!(items, [("14.3.1", "Invented one.", level(1)), ("14.3.2", "Invented two.", level(2))]);
        let path: Vec<_> =
            catalogue.path(&catalogue.items()[0]).iter().map(|group| group.name.clone().unwrap()).collect();
        assert_eq!(path, ["Invented chapter", "Invented section"]);
        assert_eq!(catalogue.item("14.3.2").unwrap().label.as_ref().unwrap().en, "Not cached in browsers");
        assert_eq!(catalogue.groups()[0].label.as_ref().unwrap().en, "Data protection");
    }
}

#[test]
fn a_form_without_a_version_says_so() {
    assert!(read(&nested()).notes.is_empty());
    let notes: Vec<String> = read(&flat()).notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["file: this form names no version; taken as 5.0.0"]);
}

#[test]
fn other_versions_and_other_documents_are_refused() {
    let mut old = nested();
    old["Version"] = json!("4.0.3");
    assert!(refused(&old.to_string()).starts_with("JSON document: version `4.0.3` of ASVS; import OWASP_"));
    assert!(refused("{}").starts_with("JSON document: no requirements of ASVS; "));
    assert!(refused("[]").starts_with("JSON document: no requirements of ASVS; "));
    let torn = refused("{\n \"Requirements\": [");
    assert!(
        torn.starts_with("JSON document: EOF while parsing a list at line 2 column 18; import OWASP_"),
        "{torn}"
    );
}

#[test]
fn errors_point_at_the_value() {
    let mut wrong = nested();
    wrong["Requirements"][0]["Items"][0]["Items"][1]["Shortcode"] = json!("X1");
    let error = refused(&wrong.to_string());
    assert!(
        error.starts_with("JSON at /Requirements/0/Items/0/Items/1: `X1` is not a number like V14.3.2; "),
        "{error}"
    );
    wrong["Requirements"][0]["Items"][0]["Items"][1]["Shortcode"] = json!("V14.3.1");
    let error = refused(&wrong.to_string());
    assert!(error.contains("/Items/1: V14.3.1 stands in the file already; "), "{error}");
    let mut astray = standard();
    astray["standards"][0]["requirements"].as_array_mut().unwrap().remove(1);
    let error = refused(&json!({ "definitions": astray }).to_string());
    assert!(
        error.starts_with("JSON at /definitions/standards/0/requirements/1: V14.3.1 comes before"),
        "{error}"
    );
}
