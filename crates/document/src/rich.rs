//! Text with emphasis, links and open points, and values of form fields.

use serde::{Deserialize, Serialize};

/// A piece of text. `\n` within a text begins a new line in every form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inline {
    /// As it is.
    Text(String),
    /// Important: bold.
    Strong(String),
    /// Stressed: italic in English, dots over the characters in Japanese.
    Emphasis(String),
    /// A link to a page (`https`, `http`) or an address (`mailto`, `tel`).
    Link {
        /// What is shown.
        text: String,
        /// Where it leads.
        href: String,
    },
    /// Not known yet: every form shows this distinctly, with the reason where there is one.
    Unknown {
        /// Why it is not known, or what would tell.
        why: String,
    },
}

/// Pieces of text in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rich(pub Vec<Inline>);

impl Rich {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds plain text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Inline::Text(text.into()))
    }

    /// Adds important text.
    #[must_use]
    pub fn strong(self, text: impl Into<String>) -> Self {
        self.with(Inline::Strong(text.into()))
    }

    /// Adds stressed text.
    #[must_use]
    pub fn emphasis(self, text: impl Into<String>) -> Self {
        self.with(Inline::Emphasis(text.into()))
    }

    /// Adds a link.
    #[must_use]
    pub fn link(self, text: impl Into<String>, href: impl Into<String>) -> Self {
        self.with(Inline::Link { text: text.into(), href: href.into() })
    }

    /// Adds an open point.
    #[must_use]
    pub fn unknown(self, why: impl Into<String>) -> Self {
        self.with(Inline::Unknown { why: why.into() })
    }

    fn with(mut self, inline: Inline) -> Self {
        self.0.push(inline);
        self
    }

    /// Whether nothing would be seen.
    pub fn is_blank(&self) -> bool {
        self.0.iter().all(|inline| match inline {
            Inline::Text(text)
            | Inline::Strong(text)
            | Inline::Emphasis(text)
            | Inline::Link { text, .. } => text.trim().is_empty(),
            Inline::Unknown { .. } => false,
        })
    }

    /// Whether an open point is in it.
    pub fn is_open(&self) -> bool {
        self.0.iter().any(|inline| matches!(inline, Inline::Unknown { .. }))
    }

    /// How many characters people wrote in it, as [`limits::TEXT`](crate::limits::TEXT) counts them.
    pub fn characters(&self) -> usize {
        let of = |inline: &Inline| match inline {
            Inline::Text(text) | Inline::Strong(text) | Inline::Emphasis(text) => text.chars().count(),
            Inline::Link { text, .. } => text.chars().count(),
            Inline::Unknown { why } => why.chars().count(),
        };
        self.0.iter().map(of).sum()
    }
}

impl From<&str> for Rich {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Rich {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

impl From<Inline> for Rich {
    fn from(inline: Inline) -> Self {
        Self(vec![inline])
    }
}

/// What a field of a form says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// The value. It must not be blank: what is not known is `Unknown`, and that there is nothing must be said in words.
    Known(Rich),
    /// Boxes of the form, ticked or not.
    Choices(Vec<Choice>),
    /// Not known yet: shown as such, never invented.
    Unknown {
        /// Why it is not known, or what would tell.
        why: String,
    },
}

impl Value {
    /// The value, or that it is unknown.
    pub fn or_unknown<T: Into<Rich>>(value: Option<T>, why: impl Into<String>) -> Self {
        match value {
            Some(value) => Value::Known(value.into()),
            None => Value::Unknown { why: why.into() },
        }
    }

    /// Whether an open point is in it: it cannot be sent yet.
    pub fn is_open(&self) -> bool {
        match self {
            Value::Known(rich) => rich.is_open(),
            Value::Choices(_) => false,
            Value::Unknown { .. } => true,
        }
    }

    /// The value as text with its marks: a ticked box is ■, another □, as Japanese forms print them.
    pub fn to_rich(&self) -> Rich {
        match self {
            Value::Known(rich) => rich.clone(),
            Value::Unknown { why } => Rich::new().unknown(why.as_str()),
            Value::Choices(choices) => {
                let mut rich = Rich::new();
                for (index, choice) in choices.iter().enumerate() {
                    let line = format!("{}{}", if index > 0 { "\n" } else { "" }, choice.mark());
                    rich = match choice.chosen {
                        true => rich.text(line + " ").strong(choice.label.as_str()),
                        false => rich.text(format!("{line} {}", choice.label)),
                    };
                }
                rich
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Known(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Known(text.into())
    }
}

impl From<Rich> for Value {
    fn from(rich: Rich) -> Self {
        Value::Known(rich)
    }
}

/// A box of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// As the form words it.
    pub label: String,
    /// Whether it is ticked.
    pub chosen: bool,
}

impl Choice {
    /// A box with its label.
    pub fn new(label: impl Into<String>, chosen: bool) -> Self {
        Self { label: label.into(), chosen }
    }

    /// ■ or □.
    pub fn mark(&self) -> char {
        if self.chosen { '■' } else { '□' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_point_is_seen_wherever_it_stands() {
        assert!(Value::Unknown { why: String::new() }.is_open());
        assert!(Value::from(Rich::new().text("12").unknown("approved by nobody yet")).is_open());
        assert!(!Value::from("12").is_open());
        assert!(!Value::Choices(vec![Choice::new("yes", false)]).is_open());
    }

    #[test]
    fn characters_are_counted_as_the_limits_count_them() {
        let rich = Rich::new().text("漢字").strong("b").link("here", "https://example.jp").unknown("why");
        assert_eq!(rich.characters(), 2 + 1 + 4 + 3);
    }
}
