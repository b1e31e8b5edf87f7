//! How facts are written: for people, and as JSON or YAML. Reading is in `facts`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};

use crate::{Fact, Facts, Knowledge, Value, tree};

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Flag(b) => write!(f, "{b}"),
            Value::Count(n) => write!(f, "{n}"),
            Value::Moment(m) => write!(f, "{m}"),
            Value::Word(w) => f.write_str(w),
            Value::Words(ws) if ws.is_empty() => f.write_str("[]"),
            Value::Words(ws) => f.write_str(&ws.join(", ")),
        }
    }
}

impl fmt::Display for Knowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |v: &Option<Value>| v.as_ref().map_or(String::from("?"), ToString::to_string);
        match self {
            Knowledge::Known(v) => write!(f, "{v}"),
            Knowledge::Range { min, max } => write!(f, "{}..{}", end(min), end(max)),
            Knowledge::Unknown => f.write_str("unknown"),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Flag(b) => s.serialize_bool(*b),
            Value::Count(n) => s.serialize_u64(*n),
            Value::Moment(m) => s.collect_str(m),
            Value::Word(w) => s.serialize_str(w),
            Value::Words(ws) => ws.serialize(s),
        }
    }
}

impl Serialize for Knowledge {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Knowledge::Unknown => s.serialize_str("unknown"),
            Knowledge::Known(v) => {
                let mut m = s.serialize_map(Some(1))?;
                m.serialize_entry("known", v)?;
                m.end()
            }
            Knowledge::Range { min, max } => {
                let mut ends = BTreeMap::new();
                ends.extend(min.as_ref().map(|v| ("min", v)));
                ends.extend(max.as_ref().map(|v| ("max", v)));
                let mut m = s.serialize_map(Some(1))?;
                m.serialize_entry("range", &ends)?;
                m.end()
            }
        }
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut m = s.serialize_map(None)?;
        m.serialize_entry("value", &self.value)?;
        m.serialize_entry("certainty", &self.certainty)?;
        if let Some(source) = &self.source {
            m.serialize_entry("source", source)?;
        }
        if let Some(at) = &self.valid_at {
            m.serialize_entry("valid_at", &at.to_string())?;
        }
        m.end()
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.map.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(d)?;
        // What was stored is read as it is: facts may have come to exclude one another later, and somebody has to see that.
        Facts::from_stored(&tree::from_json(value)).map_err(D::Error::custom)
    }
}
