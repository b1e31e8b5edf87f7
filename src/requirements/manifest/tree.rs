//! YAML (and with it JSON) as a tree in which every value knows its place.

use std::collections::HashMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, Spanned};

use super::limits;
use super::problem::{Place, Problem};
use super::wording::{printable, shown};

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub value: Value,
    pub at: At,
}

/// Line and column, from 1.
pub(super) type At = (u32, u32);

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file, repeated keys included: the decoder reports them all.
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Debug)]
pub(super) struct Key {
    pub text: String,
    pub at: At,
}

impl Node {
    /// What it is, for "found …".
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(name, _)| name.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Places of this node and everything under it, by path.
    pub fn places(&self) -> HashMap<String, At> {
        let mut places = HashMap::new();
        self.collect(String::new(), &mut places);
        places
    }

    fn collect(&self, path: String, places: &mut HashMap<String, At>) {
        match &self.value {
            Value::Map(entries) => {
                for (key, node) in entries {
                    node.collect(join(&path, &key.text), places);
                }
            }
            Value::List(items) => {
                for (index, node) in items.iter().enumerate() {
                    node.collect(format!("{path}[{index}]"), places);
                }
            }
            _ => {}
        }
        // The first of repeated keys keeps its place: the report of the repetition names it.
        places.entry(path).or_insert(self.at);
    }
}

/// `path.key`, or the key alone at the top. The key is shown as [`shown`] shows it.
pub(super) fn join(path: &str, key: &str) -> String {
    let key = shown(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// The documents of a file, without empty ones, or the one reason why it cannot be read as YAML.
pub(super) fn documents(file: &str, bytes: &[u8]) -> Result<Vec<Node>, Problem> {
    let text = decode(file, bytes)?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: limits::DEPTH,
            flow_nesting_limit: limits::DEPTH,
            max_documents: limits::DOCUMENTS,
            max_nodes: limits::NODES,
            max_aliases: limits::ALIASES,
            max_anchors: limits::ALIASES,
            max_total_scalar_bytes: limits::FILE_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: limits::REPEATED,
            max_replay_stack_depth: 8,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        strict_indentation: false,
        with_snippet: false,
    };
    let parsed: Vec<Spanned<Raw>> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| syntax_problem(file, text, &error))?;
    let nodes = parsed.into_iter().map(Node::from);
    Ok(nodes.filter(|node| !matches!(node.value, Value::Null)).collect())
}

fn decode<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, Problem> {
    let problem = |at, message: String, remedy: &str| Err(problem_at(file, at, message, remedy));
    if bytes.len() > limits::FILE_BYTES {
        let message = format!("the file has {} bytes, more than {}", bytes.len(), limits::FILE_BYTES);
        return problem((1, 1), message, "split it into several files");
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return problem((1, 1), "the file is UTF-16, not UTF-8".into(), "save it as UTF-8");
    }
    // An UTF-8 byte order mark is harmless: YAML 1.2 section 5.2 allows it.
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let message = format!("byte 0x{:02x} is not UTF-8", bytes[error.valid_up_to()]);
            let remedy =
                "save the file as UTF-8; a Japanese editor on Windows may have saved it as Shift_JIS";
            problem(end_of(&before), message, remedy)
        }
    }
}

/// Place of the character after this text.
fn end_of(text: &str) -> At {
    let lines = text.matches('\n').count();
    let column = text.rsplit('\n').next().map_or(0, |line| line.chars().count());
    (number(lines as u64 + 1), number(column as u64 + 1))
}

fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn problem_at(file: &str, (line, column): At, message: String, remedy: &str) -> Problem {
    let place = Place { file: file.to_owned(), line, column };
    Problem { place, path: String::new(), message, remedy: remedy.to_owned() }
}

fn syntax_problem(file: &str, text: &str, error: &Error) -> Problem {
    let mut error = error.without_snippet();
    while let Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    let at = error.location().map_or((1, 1), |location| (number(location.line()), number(location.column())));
    let (message, remedy): (String, &str) = match error {
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => (deep(), "write it flatter"),
            BudgetBreach::Documents { .. } => (
                format!("the file has more than {} documents", limits::DOCUMENTS),
                "split it into several files",
            ),
            BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } => {
                (format!("the file has more than {} aliases", limits::ALIASES), "write the values out")
            }
            BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
                (format!("the file has more than {} values", limits::NODES), "split it into several files")
            }
            BudgetBreach::ScalarBytes { .. } => {
                ("the file holds too much text".into(), "split it into several files")
            }
            _ => ("the file is larger than what is read".into(), "split it into several files"),
        },
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => {
            (format!("the aliases repeat more than {} values", limits::REPEATED), "write the values out")
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("the alias stands inside its own anchor".into(), "write the values out")
        }
        Error::NullIntoString { .. } | Error::Unexpected { .. } => {
            ("a key is not a text".into(), "write a word before the colon")
        }
        Error::NonFiniteFloat { .. } => ("the number is not finite".into(), "write a finite number"),
        Error::InvalidScalar { .. } | Error::TaggedScalarCannotDeserializeIntoString { .. } => {
            ("the value does not fit its tag".into(), "remove the tag")
        }
        Error::UnknownAnchor { .. } => ("the alias has no anchor".into(), "write the value out"),
        Error::MergeKeyNotAllowed { .. } => {
            ("merge keys (`<<`) are not supported".into(), "write the fields out")
        }
        other => {
            if let Some(at) = tab_indent(text, at.0) {
                return problem_at(file, at, "the line is indented with a tab".into(), "indent with spaces");
            }
            let said = other.to_string();
            if said.contains("recursion limit exceeded") {
                return problem_at(file, at, deep(), "write it flatter");
            }
            // The parser appends the place, which the problem states already.
            let said = said.split(" at line ").next().unwrap_or_default();
            let message = format!("this is not YAML: {}", printable(said));
            (message, "check indentation, quotes and brackets here and just above")
        }
    };
    problem_at(file, at, message, remedy)
}

fn deep() -> String {
    format!("lists and mappings are nested more than {} deep", limits::DEPTH)
}

/// The first line up to where the parser gave up, or just after it, whose indentation contains a tab.
fn tab_indent(text: &str, up_to: u32) -> Option<At> {
    text.lines().take(up_to as usize + 1).enumerate().find_map(|(index, line)| {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        indent.find('\t').map(|column| (number(index as u64 + 1), number(column as u64 + 1)))
    })
}

/// The untyped shape in which serde hands over a document.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<RawKey>, Spanned<Raw>)>),
}

struct RawKey(String);

impl From<Spanned<Raw>> for Node {
    fn from(raw: Spanned<Raw>) -> Self {
        let at = place_of(&raw);
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Number(value) => Value::Number(value),
            Raw::Text(value) => Value::Text(value),
            Raw::List(items) => Value::List(items.into_iter().map(Node::from).collect()),
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, node)| (Key { at: place_of(&key), text: key.value.0 }, Node::from(node)))
                    .collect(),
            ),
        };
        Self { value, at }
    }
}

/// Where it is used: of an alias the alias, not the anchor, so that the path and the place agree.
fn place_of<T>(spanned: &Spanned<T>) -> At {
    (number(spanned.referenced.line()), number(spanned.referenced.column()))
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        // `400.0` and `400` are one number: the fingerprint must not depend on the spelling. 2^53 is the bound up to
        // which whole numbers are exact in both.
        let whole = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
        let number = if whole { Some((value as i64).into()) } else { serde_json::Number::from_f64(value) };
        Ok(number.map_or_else(|| Raw::Text(value.to_string()), Raw::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

impl<'de> Deserialize<'de> for RawKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}
