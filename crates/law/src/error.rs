//! Errors that say where they are: file, line, column and path.

use std::fmt;

/// One fault in a rule pack, a calendar, a case file or a facts record.
///
/// `line` and `column` count from 1; both are 0 when the record did not come from a text (facts inside another
/// JSON document). The message never repeats a value of a facts record, because such a value may be personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PackError {
    /// Name under which the text was handed in.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// Way to the faulty node, such as `versions[1].duties[0].when`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl PackError {
    pub(crate) fn new(
        file: &str,
        line: u64,
        column: u64,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        PackError { file: file.to_owned(), line, column, path: path.into(), message: message.into() }
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All faults of a facts record at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct FactsError(pub Vec<PackError>);
