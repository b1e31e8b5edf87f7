//! What is wrong with a manifest, where, and what to do about it.

use std::fmt;

use serde::Serialize;

/// A place in a file. Line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Name of the file as it was given.
    pub file: String,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One problem. Displayed as `file:line:column: path: message; remedy`; these texts are a contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Path inside the manifest, `spec.recordTypes[2].fields[0].protection`; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, path, message, remedy } = self;
        if path.is_empty() {
            write!(out, "{place}: {message}; {remedy}")
        } else {
            write!(out, "{place}: {path}: {message}; {remedy}")
        }
    }
}

impl std::error::Error for Problem {}
