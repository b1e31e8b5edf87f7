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
    let definitions = generator.take_definitions(true);
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
