//! `kind: Estimate`: how large a system must be, as the assumptions from which that follows. The figures are computed from it
//! (crate `capacity`), never stated.

use capacity::EstimateSpec;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::decode::{Object, Report, note_repeated};
use super::tree::{self, Node, join};
use super::values::name;

/// The assumptions of an estimate and the system that it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemEstimate {
    /// Name of the system.
    pub system: String,
    /// What the figures are computed from.
    pub spec: EstimateSpec,
}

const SYSTEM: &str = "system";

impl JsonSchema for SystemEstimate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SystemEstimate".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = EstimateSpec::json_schema(generator);
        let name = generator.subschema_for::<String>();
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(SYSTEM.to_owned(), name.into());
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.push(SYSTEM.into());
        }
        schema
    }
}

// One object, though two types: serde's own flattening would let unknown fields pass.
impl Serialize for SystemEstimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { system, spec } = self;
        let mut value = serde_json::to_value(spec).map_err(S::Error::custom)?;
        value[SYSTEM] = Value::String(system.clone());
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SystemEstimate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let system = match value.as_object_mut().and_then(|members| members.remove(SYSTEM)) {
            Some(Value::String(system)) => system,
            _ => return Err(D::Error::missing_field(SYSTEM)),
        };
        Ok(Self { system, spec: EstimateSpec::deserialize(value).map_err(D::Error::custom)? })
    }
}

pub(super) fn estimate(node: &Node, path: &str, report: &mut Report) -> Option<SystemEstimate> {
    let tree::Value::Map(entries) = &node.value else {
        report.expected(node, path, "a mapping");
        return None;
    };
    // `system` is read here; which other fields there are, the engine knows.
    let assumptions = entries.iter().filter(|(key, _)| key.text != SYSTEM);
    let value = members(assumptions, path, report);
    let known: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
    let mut object = Object::open(node, path, report, &known)?;
    let system = object.required(SYSTEM, name);
    let spec = EstimateSpec::from_value(&value).and_then(|spec| spec.check().map(|()| spec));
    match spec {
        Ok(spec) => Some(SystemEstimate { system: system?, spec }),
        Err(faults) => {
            for fault in faults.0 {
                let place = if fault.path == "." { path.to_owned() } else { join(path, &fault.path) };
                report.at(&place, fault.message, fault.remedy);
            }
            None
        }
    }
}

/// The value without its places. Keys that stand twice are noted, for the last one would win in silence.
fn json(node: &Node, path: &str, report: &mut Report) -> Value {
    match &node.value {
        tree::Value::Null => Value::Null,
        tree::Value::Bool(value) => Value::Bool(*value),
        tree::Value::Number(number) => Value::Number(number.clone()),
        tree::Value::Text(text) => Value::String(text.clone()),
        tree::Value::List(items) => {
            let item = |(at, item)| json(item, &format!("{path}[{at}]"), report);
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        tree::Value::Map(entries) => {
            note_repeated(entries, path, report);
            members(entries, path, report)
        }
    }
}

fn members<'n>(
    entries: impl IntoIterator<Item = &'n (tree::Key, Node)>,
    path: &str,
    report: &mut Report,
) -> Value {
    let member =
        |(key, node): &(tree::Key, Node)| (key.text.clone(), json(node, &join(path, &key.text), report));
    Value::Object(entries.into_iter().map(member).collect())
}
