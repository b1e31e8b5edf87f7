//! Reading mappings and lists out of the located tree, with every problem noted instead of the first one.

use std::collections::HashMap;

use super::problem::{Place, Problem};
use super::tree::{At, Key, Node, Value, join};
use super::wording::{nearest, quoted};

/// Collects the problems of one document.
pub(super) struct Report {
    file: String,
    places: HashMap<String, At>,
    problems: Vec<Problem>,
}

impl Report {
    pub fn new(file: &str, root: &Node) -> Self {
        Self { file: file.to_owned(), places: root.places(), problems: Vec::new() }
    }

    /// Notes a problem at a path; its place is that of the value, or of the nearest value around it.
    pub fn at(&mut self, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.at_place(self.place_of(path), path, message, remedy);
    }

    pub fn at_place(&mut self, at: At, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let place = Place { file: self.file.clone(), line: at.0, column: at.1 };
        let (message, remedy) = (message.into(), remedy.into());
        self.problems.push(Problem { place, path: path.to_owned(), message, remedy });
    }

    pub fn place_of(&self, path: &str) -> At {
        let mut path = path;
        loop {
            if let Some(at) = self.places.get(path) {
                return *at;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.places.get("").copied().unwrap_or((1, 1)),
            }
        }
    }

    pub fn place(&self, path: &str) -> Place {
        let (line, column) = self.place_of(path);
        Place { file: self.file.clone(), line, column }
    }

    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes a value of the wrong type.
    pub fn expected(&mut self, node: &Node, path: &str, what: &str) {
        let remedy = match (&node.value, what) {
            (Value::Number(_) | Value::Bool(_), "a text") => "put it in quotes",
            (Value::Null, _) => "write a value or remove the key",
            (_, "a list") => "write `- item` lines or `[item, item]`",
            (_, "a mapping") => "write `key: value` lines",
            _ => "correct the value",
        };
        self.at(path, format!("expected {what}, found {}", node.describe()), remedy);
    }
}

/// A mapping with a fixed set of keys.
pub(super) struct Object<'n, 'r> {
    entries: &'n [(Key, Node)],
    path: String,
    pub report: &'r mut Report,
}

impl<'n, 'r> Object<'n, 'r> {
    /// Opens a mapping; unknown and repeated keys are noted at once.
    pub fn open(node: &'n Node, path: &str, report: &'r mut Report, known: &[&str]) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            report.expected(node, path, "a mapping");
            return None;
        };
        note_repeated(entries, path, report);
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let remedy = match nearest(&key.text, known) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("remove it; known here: {}", known.join(", ")),
                };
                let message = format!("unknown field {}", quoted(&key.text));
                report.at_place(key.at, &join(path, &key.text), message, remedy);
            }
        }
        Some(Self { entries, path: path.to_owned(), report })
    }

    pub fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub fn node(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    pub fn required<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Node, &str, &mut Report) -> Option<T>,
    ) -> Option<T> {
        if self.node(key).is_none() {
            let path = self.path.clone();
            self.report.at(&path, format!("`{key}` is missing"), format!("add `{key}`"));
        }
        self.optional(key, read)
    }

    /// None when it is absent or wrong; a wrong one has been noted.
    pub fn optional<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Node, &str, &mut Report) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key)?;
        read(node, &self.path(key), self.report)
    }

    /// A list that may be absent. Its wrong items are left out, but noted.
    pub fn list<T>(
        &mut self,
        key: &str,
        limit: usize,
        read: impl FnMut(&Node, &str, &mut Report) -> Option<T>,
    ) -> Vec<T> {
        self.optional(key, |node, path, report| list(node, path, report, limit, read)).unwrap_or_default()
    }

    /// A list that must be there and have an item.
    pub fn filled_list<T>(
        &mut self,
        key: &str,
        limit: usize,
        mut read: impl FnMut(&Node, &str, &mut Report) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.required(key, |node, path, report| {
            if matches!(&node.value, Value::List(items) if items.is_empty()) {
                report.at(path, "the list is empty", "add an item");
            }
            list(node, path, report, limit, &mut read)
        })
    }
}

/// Notes keys that are stated more than once.
pub(super) fn note_repeated(entries: &[(Key, Node)], path: &str, report: &mut Report) {
    let mut first: HashMap<&str, u32> = HashMap::new();
    for (key, _) in entries {
        match first.get(key.text.as_str()) {
            Some(line) => {
                let message = format!("{} is stated twice, first at line {line}", quoted(&key.text));
                report.at_place(key.at, &join(path, &key.text), message, "keep one of them");
            }
            None => {
                first.insert(&key.text, key.at.0);
            }
        }
    }
}

fn list<T>(
    node: &Node,
    path: &str,
    report: &mut Report,
    limit: usize,
    mut read: impl FnMut(&Node, &str, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::List(items) = &node.value else {
        report.expected(node, path, "a list");
        return None;
    };
    if items.len() > limit {
        report.at(path, format!("the list has {} items, more than {limit}", items.len()), "shorten it");
        return None;
    }
    Some(
        items
            .iter()
            .enumerate()
            .filter_map(|(at, item)| read(item, &format!("{path}[{at}]"), report))
            .collect(),
    )
}
