//! Faults of a specification: where, what, and what to do.

use std::fmt;

use serde::Serialize;

/// One fault of a specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Path inside the specification, `inputs.burstTime`; `.` for the document as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message, remedy } = self;
        write!(f, "{path}: {message}; {remedy}")
    }
}

/// All faults that one reading found, in the order of the specification's fields. A document that is not even of the
/// right shape has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct SpecError(pub Vec<Problem>);

impl SpecError {
    pub(super) fn one(
        path: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        SpecError(vec![Problem { path: path.into(), message: message.into(), remedy: remedy.into() }])
    }
}

/// Gathers faults while a specification is checked.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, path: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Problem { path: path.to_owned(), message: message.into(), remedy: remedy.into() });
    }
}
