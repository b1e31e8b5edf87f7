//! The facts record: what is known about an incident, how surely, and from which source.

use std::{collections::BTreeMap, ops::Bound};

use serde::{Deserialize, Serialize};

use crate::{
    Moment,
    catalogue::{self, FactDef, FactKind},
    error::{FactsError, PackError},
    read::{At, Errors, short},
    tree::{self, Kind, Node},
};

/// A value of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A whole number from 0.
    Count(u64),
    /// An instant with its zone.
    Moment(Moment),
    /// One word of the catalogue, or a short text.
    Word(String),
    /// Words of the catalogue or codes, sorted, without repetition.
    Words(Vec<String>),
}

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knowledge {
    /// The value is known.
    Known(Value),
    /// It lies between the two, both included. For a set: `min` is certainly in it, `max` is all that may be in it.
    /// A missing end is open.
    Range {
        /// Lower end.
        min: Option<Value>,
        /// Upper end.
        max: Option<Value>,
    },
    /// Nothing is known.
    Unknown,
}

/// How sure a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Established.
    #[default]
    Confirmed,
    /// Feared or believed, not established (おそれ).
    Suspected,
    /// Established not to be so.
    RuledOut,
}

/// One fact with its certainty and origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What is known.
    pub value: Knowledge,
    /// How surely.
    pub certainty: Certainty,
    /// Evidence it rests on (an id, never the evidence itself).
    pub source: Option<String>,
    /// Since when it has been so.
    pub valid_at: Option<Moment>,
}

impl Fact {
    /// A confirmed value without a source.
    pub fn known(value: Value) -> Self {
        Fact { value: Knowledge::Known(value), certainty: Certainty::Confirmed, source: None, valid_at: None }
    }

    /// Explicitly unknown.
    pub fn unknown() -> Self {
        Fact { value: Knowledge::Unknown, certainty: Certainty::Confirmed, source: None, valid_at: None }
    }
}

/// A facts record: facts by catalogue name. A fact that is absent is unknown, never false.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    pub(crate) map: BTreeMap<String, Fact>,
}

impl Facts {
    /// Reads a YAML mapping from fact name to fact. Short form: the bare value (`true`, `339`, `[leak]`, `unknown`).
    /// Long form: `{value: …, certainty: …, source: …, valid_at: …}` with `value` bare, `unknown`,
    /// `{known: …}` or `{range: {min: …, max: …}}`.
    ///
    /// # Errors
    /// Every fault with its place: unknown names, wrong types, ranges that are upside down, negative counts, bad zones.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, FactsError> {
        let node = tree::parse(file, text).map_err(|e| FactsError(vec![e]))?;
        Self::from_node(file, &node)
    }

    /// The same from JSON, with line and column.
    ///
    /// # Errors
    /// As [`Facts::from_yaml`].
    pub fn from_json(file: &str, text: &str) -> Result<Self, FactsError> {
        let at = |e: serde_json::Error| {
            let message = e.to_string();
            let message = message.split(" at line ").next().unwrap_or("not JSON").to_owned();
            FactsError(vec![PackError::new(file, e.line() as u64, e.column() as u64, "", message)])
        };
        let value: serde_json::Value = serde_json::from_str(text).map_err(at)?;
        // JSON is read a second time as YAML because that parser keeps places and refuses duplicate keys. A raw tab
        // in valid JSON is always mere spacing, but YAML objects to it.
        match tree::parse(file, &text.replace('\t', " ")) {
            Ok(node) => Self::from_node(file, &node),
            Err(e) if e.message.contains("duplicate") => Err(FactsError(vec![e])),
            // Valid JSON that the YAML parser will not take (an exotic escape): correct, only without places.
            Err(_) => Self::from_node(file, &tree::from_json(value)),
        }
    }

    /// A record as it was kept, whether its facts agree or not.
    pub(crate) fn from_stored(node: &Node) -> Result<Self, FactsError> {
        let mut errs = Errors::new("facts");
        match Self::read(&At::root(node), &mut errs) {
            Some(facts) if errs.list.is_empty() => Ok(facts),
            _ => Err(FactsError(errs.list)),
        }
    }

    pub(crate) fn from_node(file: &str, node: &Node) -> Result<Self, FactsError> {
        let mut errs = Errors::new(file);
        let facts = Self::read(&At::root(node), &mut errs);
        if let Some(facts) = facts.as_ref().filter(|_| errs.list.is_empty()) {
            facts.tell_contradictions(&At::root(node), &mut errs);
        }
        match facts {
            Some(facts) if errs.list.is_empty() => Ok(facts),
            _ => Err(FactsError(errs.list)),
        }
    }

    pub(crate) fn read(at: &At<'_>, errs: &mut Errors) -> Option<Self> {
        let mut map = BTreeMap::new();
        for (name, at) in at.entries(errs)? {
            if errs.full() {
                break;
            }
            let Some(def) = catalogue::find(name) else {
                let hint =
                    catalogue::nearest(name).map_or(String::new(), |n| format!("; did you mean {n:?}?"));
                at.fail::<()>(errs, format!("{:?} is not a fact of the catalogue{hint}", short(name)));
                continue;
            };
            if let Some(fact) = read_fact(def, &at, errs) {
                map.insert(name.to_owned(), fact);
            }
        }
        Some(Facts { map })
    }

    /// Each contradiction at the fact to look at first.
    pub(crate) fn tell_contradictions(&self, at: &At<'_>, errs: &mut Errors) {
        for c in self.contradictions() {
            let entries = at.entries(errs).unwrap_or_default();
            let place = entries.iter().rfind(|(name, _)| c.facts.iter().any(|f| f == name));
            place.map_or(at, |(_, at)| at).fail::<()>(errs, c.text.en.as_ref());
        }
    }

    /// The fact of this name, if recorded.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.map.get(name)
    }

    /// Records or replaces a fact.
    ///
    /// # Errors
    /// When the catalogue does not know the name, or the value is not of its type.
    pub fn set(&mut self, name: &str, fact: Fact) -> Result<(), FactsError> {
        let mut one = Facts::default();
        one.map.insert(name.to_owned(), fact);
        let json = serde_json::to_value(&one)
            .map_err(|e| FactsError(vec![PackError::new("facts", 0, 0, "", e.to_string())]))?;
        self.map.extend(Self::from_node("facts", &tree::from_json(json))?.map);
        Ok(())
    }

    /// Forgets a fact: from now on it is unknown.
    pub fn remove(&mut self, name: &str) -> Option<Fact> {
        self.map.remove(name)
    }

    /// All recorded facts in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.map.iter().map(|(n, f)| (n.as_str(), f))
    }

    /// The members of a family that begin so.
    pub(crate) fn members(&self, prefix: &str) -> impl Iterator<Item = (&str, &Fact)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let members = self.map.range::<str, _>(from).map(|(n, f)| (n.as_str(), f));
        members.take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// This record with the facts of `other` put over it.
    pub fn overlaid(mut self, other: Facts) -> Facts {
        self.map.extend(other.map);
        self
    }
}

fn read_fact(def: &FactDef, at: &At<'_>, errs: &mut Errors) -> Option<Fact> {
    let Kind::Map(map) = &at.node.kind else {
        return Some(Fact { value: read_knowledge(def, at, errs)?, ..Fact::unknown() });
    };
    if map.iter().any(|(k, _)| k.name == "known" || k.name == "range") {
        return Some(Fact { value: read_knowledge(def, at, errs)?, ..Fact::unknown() });
    }
    let f = at.fields(&["value", "certainty", "source", "valid_at"], errs)?;
    let value = f.need("value", errs).and_then(|v| read_knowledge(def, &v, errs));
    let certainty = match f.get("certainty") {
        None => Some(Certainty::Confirmed),
        Some(c) => c.choice(
            &[
                ("confirmed", Certainty::Confirmed),
                ("suspected", Certainty::Suspected),
                ("ruled_out", Certainty::RuledOut),
            ],
            errs,
        ),
    };
    let source = match f.get("source") {
        Some(s) if !matches!(s.node.kind, Kind::Null) => Some(s.text(errs)?.to_owned()),
        _ => None,
    };
    let valid_at = match f.get("valid_at") {
        Some(v) if !matches!(v.node.kind, Kind::Null) => match Moment::parse(v.text(errs)?) {
            Ok(m) => Some(m),
            Err(e) => return v.fail(errs, e),
        },
        _ => None,
    };
    let (value, certainty) = (value?, certainty?);
    if certainty == Certainty::RuledOut {
        let sensible = matches!(value, Knowledge::Known(_))
            && matches!(def.kind, FactKind::Flag | FactKind::Choice(_) | FactKind::Set(_) | FactKind::Codes);
        if !sensible {
            return at
                .fail(errs, "only a known word, set or flag can be ruled out; record what is known instead");
        }
    }
    Some(Fact { value, certainty, source, valid_at })
}

fn read_knowledge(def: &FactDef, at: &At<'_>, errs: &mut Errors) -> Option<Knowledge> {
    match &at.node.kind {
        Kind::Null => Some(Knowledge::Unknown),
        Kind::Text(t) if t == "unknown" => Some(Knowledge::Unknown),
        Kind::Map(_) => {
            let f = at.fields(&["known", "range"], errs)?;
            match (f.get("known"), f.get("range")) {
                (Some(k), None) => Some(Knowledge::Known(read_value(def, &k, errs)?)),
                (None, Some(r)) => read_range(def, &r, errs),
                _ => at.fail(errs, "expected either known or range"),
            }
        }
        _ => Some(Knowledge::Known(read_value(def, at, errs)?)),
    }
}

fn read_range(def: &FactDef, at: &At<'_>, errs: &mut Errors) -> Option<Knowledge> {
    let f = at.fields(&["min", "max"], errs)?;
    let mut end = |name: &str| -> Option<Option<Value>> {
        match f.get(name) {
            Some(v) if !matches!(v.node.kind, Kind::Null) => Some(Some(read_value(def, &v, errs)?)),
            _ => Some(None),
        }
    };
    let (min, max) = (end("min"), end("max"));
    let (min, max) = (min?, max?);
    let ordered = match (&min, &max) {
        (None, None) => {
            return at.fail(errs, "a range needs min or max; write unknown when neither is known");
        }
        (Some(Value::Flag(_) | Value::Word(_)), _) | (_, Some(Value::Flag(_) | Value::Word(_))) => {
            return at.fail(errs, format!("{} has no order, so it cannot be a range", def.name));
        }
        (Some(Value::Count(a)), Some(Value::Count(b))) => a <= b,
        (Some(Value::Moment(a)), Some(Value::Moment(b))) => a.timestamp() <= b.timestamp(),
        (Some(Value::Words(a)), Some(Value::Words(b))) => a.iter().all(|w| b.contains(w)),
        _ => true,
    };
    if !ordered {
        return at.fail(errs, "the range is upside down: min lies above max");
    }
    Some(Knowledge::Range { min, max })
}

/// Reads a value of the fact's type. Shared with the packs, whose conditions compare against such values.
pub(crate) fn read_value(def: &FactDef, at: &At<'_>, errs: &mut Errors) -> Option<Value> {
    match def.kind {
        FactKind::Flag => Some(Value::Flag(at.flag(errs)?)),
        FactKind::Count => Some(Value::Count(at.count(errs)?)),
        FactKind::Moment => match Moment::parse(at.text(errs)?) {
            Ok(m) => Some(Value::Moment(m)),
            Err(e) => at.fail(errs, e),
        },
        FactKind::Choice(words) => Some(Value::Word(read_word(words, at, errs)?)),
        FactKind::Text => {
            let text = at.text(errs)?;
            if text.len() > 1000 {
                return at.fail(errs, "longer than 1,000 bytes");
            }
            Some(Value::Word(text.to_owned()))
        }
        FactKind::Set(words) => {
            let items = at.list(errs)?;
            let read: Vec<_> = items.iter().map(|i| read_word(words, i, errs)).collect();
            Some(words_of(read.into_iter().collect::<Option<Vec<_>>>()?))
        }
        FactKind::Codes => {
            let items = at.list(errs)?;
            let mut codes = Vec::new();
            for item in items {
                let text = item.text(errs)?;
                if !catalogue::is_code(text) {
                    return item.fail(errs, "expected a jurisdiction code such as JP, EU or US-CA");
                }
                codes.push(text.to_owned());
            }
            Some(words_of(codes))
        }
    }
}

fn words_of(mut words: Vec<String>) -> Value {
    words.sort();
    words.dedup();
    Value::Words(words)
}

fn read_word(words: &[&str], at: &At<'_>, errs: &mut Errors) -> Option<String> {
    let text = at.text(errs)?;
    if words.contains(&text) {
        Some(text.to_owned())
    } else {
        at.fail(errs, format!("expected one of {}", words.join(", ")))
    }
}
