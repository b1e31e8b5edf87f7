//! Reading typed values out of the located tree while collecting every fault.

use jiff::civil::Date;

use crate::{
    error::PackError,
    labels::Labels,
    tree::{Kind, Node},
};

/// The faults of one file.
pub(crate) struct Errors {
    pub file: String,
    pub list: Vec<PackError>,
}

/// Nobody reads more faults of one file at once; the rest shows after these are mended.
const MAX_FAULTS: usize = 100;

impl Errors {
    pub(crate) fn new(file: &str) -> Self {
        Errors { file: file.to_owned(), list: Vec::new() }
    }

    fn push(&mut self, fault: PackError) {
        if !self.full() {
            self.list.push(fault);
        }
    }

    /// Whether further faults would be dropped.
    pub(crate) fn full(&self) -> bool {
        self.list.len() >= MAX_FAULTS
    }
}

/// A node and the way to it.
#[derive(Clone)]
pub(crate) struct At<'t> {
    pub node: &'t Node,
    pub path: String,
}

impl<'t> At<'t> {
    pub(crate) fn root(node: &'t Node) -> Self {
        At { node, path: String::new() }
    }

    pub(crate) fn fail<T>(&self, errs: &mut Errors, message: impl Into<String>) -> Option<T> {
        errs.push(PackError::new(&errs.file.clone(), self.node.line, self.node.column, &*self.path, message));
        None
    }

    fn child(&self, name: &str, node: &'t Node) -> At<'t> {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        At { node, path }
    }

    /// The entries of a mapping, whatever their keys.
    pub(crate) fn entries(&self, errs: &mut Errors) -> Option<Vec<(&'t str, At<'t>)>> {
        match &self.node.kind {
            Kind::Map(m) => Some(m.iter().map(|(k, v)| (k.name.as_str(), self.child(&k.name, v))).collect()),
            other => self.fail(errs, format!("expected a mapping, found {}", other.what())),
        }
    }

    /// The entries of a mapping whose keys are all in `allowed`; others are reported at their own place.
    pub(crate) fn fields(&self, allowed: &[&str], errs: &mut Errors) -> Option<Fields<'t>> {
        let Kind::Map(map) = &self.node.kind else {
            return self.fail(
                errs,
                format!("expected a mapping with {}, found {}", allowed.join(", "), self.node.kind.what()),
            );
        };
        let mut entries = Vec::with_capacity(map.len());
        for (key, value) in map {
            if !allowed.contains(&key.name.as_str()) {
                errs.push(PackError::new(
                    &errs.file.clone(),
                    key.line,
                    key.column,
                    self.child(&short(&key.name), value).path,
                    format!("unknown field {:?}; allowed: {}", short(&key.name), allowed.join(", ")),
                ));
                continue;
            }
            entries.push((key.name.as_str(), self.child(&key.name, value)));
        }
        Some(Fields { entries, at: self.clone() })
    }

    pub(crate) fn list(&self, errs: &mut Errors) -> Option<Vec<At<'t>>> {
        match &self.node.kind {
            Kind::Seq(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .map(|(i, node)| At { node, path: format!("{}[{i}]", self.path) })
                    .collect(),
            ),
            other => self.fail(errs, format!("expected a list, found {}", other.what())),
        }
    }

    pub(crate) fn text(&self, errs: &mut Errors) -> Option<&'t str> {
        match &self.node.kind {
            Kind::Text(t) if !t.trim().is_empty() => Some(t),
            Kind::Text(_) => self.fail(errs, "expected text, found an empty one"),
            other => self.fail(errs, format!("expected text, found {}", other.what())),
        }
    }

    pub(crate) fn texts(&self, errs: &mut Errors) -> Option<Vec<String>> {
        let items = self.list(errs)?;
        Some(items.iter().filter_map(|i| i.text(errs)).map(str::to_owned).collect())
    }

    pub(crate) fn flag(&self, errs: &mut Errors) -> Option<bool> {
        match self.node.kind {
            Kind::Bool(b) => Some(b),
            ref other => self.fail(errs, format!("expected true or false, found {}", other.what())),
        }
    }

    pub(crate) fn count(&self, errs: &mut Errors) -> Option<u64> {
        match self.node.kind {
            Kind::Int(i) => match u64::try_from(i) {
                Ok(n) if n <= i64::MAX as u64 => Some(n),
                Ok(_) => self.fail(errs, "the number is too large"),
                Err(_) => self.fail(errs, "the number is negative or too large"),
            },
            ref other => self.fail(errs, format!("expected a whole number from 0, found {}", other.what())),
        }
    }

    pub(crate) fn date(&self, errs: &mut Errors) -> Option<Date> {
        let text = self.text(errs)?;
        match text.parse::<Date>() {
            Ok(d) if text.len() == 10 => Some(d),
            _ => self.fail(errs, "expected a calendar date such as 2024-04-01"),
        }
    }

    /// Text in both languages: `{en: …, ja: …}`, or one text that serves both.
    pub(crate) fn labels(&self, errs: &mut Errors) -> Option<Labels> {
        if let Kind::Text(_) = self.node.kind {
            let t = self.text(errs)?;
            return Some(Labels::new(t, t));
        }
        let f = self.fields(&["en", "ja"], errs)?;
        let en = f.need("en", errs).and_then(|a| a.text(errs));
        let ja = f.need("ja", errs).and_then(|a| a.text(errs));
        Some(Labels::new(en?, ja?))
    }

    pub(crate) fn choice<T: Copy>(&self, table: &[(&str, T)], errs: &mut Errors) -> Option<T> {
        let text = self.text(errs)?;
        match table.iter().find(|(name, _)| *name == text) {
            Some((_, value)) => Some(*value),
            None => {
                let names: Vec<_> = table.iter().map(|(n, _)| *n).collect();
                self.fail(errs, format!("expected one of {}", names.join(", ")))
            }
        }
    }
}

/// The known fields of a mapping.
pub(crate) struct Fields<'t> {
    entries: Vec<(&'t str, At<'t>)>,
    pub at: At<'t>,
}

impl<'t> Fields<'t> {
    pub(crate) fn get(&self, name: &str) -> Option<At<'t>> {
        self.entries.iter().find(|(n, _)| *n == name).map(|(_, at)| at.clone())
    }

    pub(crate) fn need(&self, name: &str, errs: &mut Errors) -> Option<At<'t>> {
        self.get(name).or_else(|| self.at.fail(errs, format!("the field {name:?} is missing")))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'t str> + '_ {
        self.entries.iter().map(|(n, _)| *n)
    }
}

/// A key as it may stand in a message: whole when short, cut when somebody pasted a novel.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
