//! Calendar periods such as `P5Y`: how long something is kept or measured.

use std::fmt;

use jiff::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A positive ISO 8601 duration (`P5Y`, `P90D`, `PT30M`), kept in the author's spelling.
///
/// `P1Y` and `P12M` are different spellings and therefore different manifests, although they last equally long.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Period {
    text: String,
}

impl Period {
    /// Reads a period; the error is a sentence without the value in it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let span: Span = text.parse().map_err(|_| "is not an ISO 8601 duration")?;
        // Only the upper-case ISO form: jiff also reads friendly forms such as `5 years`, which other tools do not.
        if !text.starts_with('P') || text.contains(|c: char| c.is_ascii_lowercase()) {
            return Err("is not an ISO 8601 duration");
        }
        if !span.is_positive() {
            return Err("is not longer than zero");
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The period as a calendar span, to be added to a date in the system's time zone.
    pub fn span(&self) -> Span {
        self.text.parse().expect("`parse` is the only constructor and has read this text as a span")
    }

    /// The spelling of the manifest.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for Period {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.text
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
