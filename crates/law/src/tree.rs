//! A YAML (or JSON) document as a tree in which every node knows its line and column.
//!
//! Rule packs and facts are written by people, so an error must say where it is; and all errors of a file are
//! reported together, so the readers work on this tree instead of stopping at the first mismatch.

use std::{collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::error::PackError;

/// Larger documents are refused before they are parsed: no pack or facts record comes near this.
const MAX_BYTES: usize = 1 << 20;
/// Deeper nesting is refused; it also bounds the recursion of every reader behind this module.
const MAX_DEPTH: usize = 64;

/// Aliases may repeat this many parser events in all; our own packs stay below a tenth of it.
const MAX_REPLAYED: usize = 20_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub line: u64,
    pub column: u64,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i128),
    /// A number with a fraction or beyond 64 bits. Nothing in a pack is fractional, so only its presence matters.
    NotWhole,
    Text(String),
    Seq(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub line: u64,
    pub column: u64,
    pub name: String,
}

impl Kind {
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Int(_) => "a whole number",
            Kind::NotWhole => "a number that is not whole",
            Kind::Text(_) => "text",
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(d)?;
        Ok(Node { line: spanned.referenced.line(), column: spanned.referenced.column(), kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Kind, E> {
        Ok(Kind::Int(v.into()))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Kind, E> {
        Ok(Kind::Int(v.into()))
    }
    fn visit_i128<E>(self, v: i128) -> Result<Kind, E> {
        Ok(Kind::Int(v))
    }
    fn visit_u128<E>(self, v: u128) -> Result<Kind, E> {
        Ok(i128::try_from(v).map_or(Kind::NotWhole, Kind::Int))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Kind, E> {
        Ok(Kind::NotWhole)
    }
    fn visit_str<E>(self, v: &str) -> Result<Kind, E> {
        Ok(Kind::Text(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Kind, E> {
        Ok(Kind::Text(v))
    }
    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Node>()? {
            items.push(item);
        }
        Ok(Kind::Seq(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        // The parser compares keys as YAML values; `1` and `"1"` are the same name to us.
        let mut names = HashSet::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let key = Key { line: key.referenced.line(), column: key.referenced.column(), name: key.value };
            if !names.insert(key.name.clone()) {
                return Err(A::Error::custom(format!("duplicate key {:?}", key.name)));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Kind::Map(entries))
    }
}

/// Parses one YAML document.
///
/// # Errors
/// One located error: syntax, a duplicate key, more than one document, a document that is too large or too deep.
pub(crate) fn parse(file: &str, text: &str) -> Result<Node, PackError> {
    if text.len() > MAX_BYTES {
        return Err(PackError::new(file, 1, 1, "", format!("larger than {MAX_BYTES} bytes; split the file")));
    }
    let mut options =
        serde_saphyr::options! { strict_booleans: true, with_snippet: false, reject_unsupported_tags: true };
    options.alias_limits.max_total_replayed_events = MAX_REPLAYED;
    if let Some(budget) = options.budget.as_mut() {
        budget.max_depth = MAX_DEPTH;
    }
    serde_saphyr::from_str_with_options::<Node>(text, options).map_err(|e| {
        let (line, column) = e.location().map_or((1, 1), |l| (l.line(), l.column()));
        let text = e.to_string();
        // The library appends its own "at line …"; ours stands in fields already.
        let message = text.split(" at line ").next().unwrap_or(&text);
        // Its advice is for programmers who call it, not for the author of the file.
        let message = message.split(", set ").next().unwrap_or(message).to_owned();
        PackError::new(file, line, column, "", message)
    })
}

/// A tree without positions, for facts that arrive inside another JSON document.
pub(crate) fn from_json(value: serde_json::Value) -> Node {
    use serde_json::Value as J;
    let kind = match value {
        J::Null => Kind::Null,
        J::Bool(b) => Kind::Bool(b),
        J::Number(n) => {
            n.as_i64().map(i128::from).or(n.as_u64().map(i128::from)).map_or(Kind::NotWhole, Kind::Int)
        }
        J::String(s) => Kind::Text(s),
        J::Array(items) => Kind::Seq(items.into_iter().map(from_json).collect()),
        J::Object(map) => Kind::Map(
            map.into_iter().map(|(name, v)| (Key { line: 0, column: 0, name }, from_json(v))).collect(),
        ),
    };
    Node { line: 0, column: 0, kind }
}
