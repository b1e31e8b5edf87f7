//! What is known of a request besides who asks for what: `record.tenant`, `slot.accepts_bookings`, `channel`, `purpose`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

use crate::error::{Error, Result};

/// Most attributes of one request.
pub const MAX_ATTRIBUTES: usize = 64;
/// Longest name and longest text, in bytes.
const MAX_NAME: usize = 100;
const MAX_TEXT: usize = 500;

/// One value. Texts compare by their bytes, numbers by their size; values of different types differ and have no order.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Text(Box<str>),
    Number(f64),
    Truth(bool),
}

impl Scalar {
    /// Of a JSON text, number or truth value.
    pub fn of_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Some(Scalar::Text(text.as_str().into())),
            serde_json::Value::Number(number) => number.as_f64().map(Scalar::Number),
            serde_json::Value::Bool(truth) => Some(Scalar::Truth(*truth)),
            _ => None,
        }
    }

    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Scalar::Text(left), Scalar::Text(right)) => Some(left.cmp(right)),
            (Scalar::Number(left), Scalar::Number(right)) => left.partial_cmp(right),
            _ => None,
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Scalar::Text(text.into())
    }
}

impl From<bool> for Scalar {
    fn from(truth: bool) -> Self {
        Scalar::Truth(truth)
    }
}

/// The attributes of one request, by dotted name. They may be personal data (a system may send a birth date to decide on):
/// they are compared and dropped, never logged, stored or shown.
#[derive(Clone, Default)]
pub struct Attributes {
    values: BTreeMap<Box<str>, Scalar>,
    watch: Option<Arc<Watch>>,
}

/// Whether anybody asked for the value of a name.
struct Watch {
    name: &'static str,
    asked: AtomicBool,
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only.
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

impl Attributes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one that the service itself knows; it replaces what a client may have said.
    pub fn set(&mut self, name: &str, value: impl Into<Scalar>) {
        self.values.insert(name.into(), value.into());
    }

    /// Removes one.
    pub fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// Adds one that a client sent.
    ///
    /// # Errors
    /// `INVALID` when the name or the value is too long, and `LIMIT_EXCEEDED` beyond [`MAX_ATTRIBUTES`].
    pub fn claim(&mut self, name: &str, value: Scalar) -> Result<()> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(Error::invalid("attribute", format!("wants a name of 1 to {MAX_NAME} bytes")));
        }
        if matches!(&value, Scalar::Text(text) if text.len() > MAX_TEXT) {
            return Err(Error::invalid("attribute", format!("wants a text of at most {MAX_TEXT} bytes")));
        }
        if self.values.len() >= MAX_ATTRIBUTES && !self.values.contains_key(name) {
            return Err(Error::limit(format!("more than {MAX_ATTRIBUTES} attributes")));
        }
        self.values.insert(name.into(), value);
        Ok(())
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Scalar> {
        if let Some(watch) = &self.watch
            && watch.name == name
        {
            watch.asked.store(true, Memory::Relaxed);
        }
        self.values.get(name)
    }

    /// From now on [`Attributes::was_asked`] tells whether a decision looked at this name. A decision that did not holds for
    /// every other value of it, too.
    pub fn watch(&mut self, name: &'static str) {
        self.watch = Some(Arc::new(Watch { name, asked: AtomicBool::new(false) }));
    }

    /// Whether the watched name was asked for; without a watch, nobody knows: true.
    pub fn was_asked(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.asked.load(Memory::Relaxed))
    }
}
