//! What is wrong with a declaration, where, and what to do about it.

/// A fault of declared rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}; {remedy}")]
pub struct RuleError {
    /// Where: `routes[3].pattern`, `name`.
    pub place: String,
    /// What is wrong. Never repeats more than 64 characters of what was given.
    pub fault: String,
    /// What to do.
    pub remedy: &'static str,
}

impl RuleError {
    pub(crate) fn new(place: impl Into<String>, fault: impl Into<String>, remedy: &'static str) -> Self {
        Self { place: place.into(), fault: fault.into(), remedy }
    }
}

/// `text` for a message: cut to 64 characters, control characters shown as escapes.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}
