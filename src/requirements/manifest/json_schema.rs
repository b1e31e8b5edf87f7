//! The JSON Schema of manifests, generated from the types that hold them: for editors, and for pipelines that look before they send.
//! It knows shapes; what must agree between manifests only [`super::parse_files`] sees.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::estimate::SystemEstimate;
use super::exception::ExceptionSpec;
use super::limits;
use super::model::{API_VERSION, Kind};
use super::probe::ProbeSpec;
use super::requirement::RequirementSpec;
use super::system::SystemSpec;

/// The schema of one manifest (JSON Schema 2020-12).
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let kinds: Vec<Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let spec = match kind {
                Kind::System => generator.subschema_for::<SystemSpec>(),
                Kind::Requirement => generator.subschema_for::<RequirementSpec>(),
                Kind::Estimate => generator.subschema_for::<SystemEstimate>(),
                Kind::Probe => generator.subschema_for::<ProbeSpec>(),
                Kind::Exception => generator.subschema_for::<ExceptionSpec>(),
            };
            json!({ "if": { "properties": { "kind": { "const": kind } } }, "then": { "properties": { "spec": spec } } })
        })
        .collect();
    let mut definitions = Value::Object(generator.take_definitions(true));
    tighten(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:suimon:schema:manifest:v1",
        "title": "Suimon manifest",
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "const": API_VERSION },
            "kind": { "enum": Kind::ALL },
            "metadata": {
                "type": "object",
                "additionalProperties": false,
                "required": ["name"],
                "properties": {
                    "name": {
                        "type": "string",
                        "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$",
                        "maxLength": limits::NAME,
                    },
                    "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                },
            },
            "spec": { "type": "object" },
        },
        "allOf": kinds,
        "$defs": definitions,
    })
}

/// What the parser refuses and the types' own schemas would let pass.
fn tighten(definitions: &mut Value) {
    // Keys of a mapping by channel, and what a condition compares with.
    let channel = json!({ "$ref": "#/$defs/Channel" });
    set(definitions, "/AdmissionParams/properties/reserve", "propertyNames", &channel);
    let word = json!({ "type": ["string", "number", "boolean"] });
    for variant in 0..3 {
        let properties = format!("/AccessCondition/oneOf/{variant}/properties");
        set(definitions, &properties, "value", &word);
        set(definitions, &format!("{properties}/values"), "items", &word);
    }
    for definition in definitions.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        let Some(members) = definition.as_object_mut() else { continue };
        // One object whose members stand in several schemas: none of these can close it alone.
        if members.contains_key("properties") && members.contains_key("oneOf") {
            members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
        }
        // Whoever states nothing leaves the member out.
        let properties = members.get_mut("properties").and_then(Value::as_object_mut);
        properties.into_iter().flat_map(|properties| properties.values_mut()).for_each(without_null);
    }
}

/// Replaces a member that is there.
fn set(definitions: &mut Value, pointer: &str, member: &str, value: &Value) {
    let members = definitions.pointer_mut(pointer).and_then(Value::as_object_mut);
    if let Some(members) = members.filter(|members| member == "propertyNames" || members.contains_key(member))
    {
        members.insert(member.to_owned(), value.clone());
    }
}

fn without_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(types) = members.get("type").and_then(Value::as_array) {
        let kept: Vec<&Value> = types.iter().filter(|word| *word != "null").collect();
        let kept = if let [one] = kept.as_slice() { (*one).clone() } else { json!(kept) };
        members.insert("type".to_owned(), kept);
    }
    let Some(mut choices) = members.get("anyOf").and_then(Value::as_array).cloned() else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = choices.as_slice() {
        members.remove("anyOf");
        for (key, value) in only {
            members.entry(key.as_str()).or_insert_with(|| value.clone());
        }
    } else {
        members.insert("anyOf".to_owned(), Value::Array(choices));
    }
}
