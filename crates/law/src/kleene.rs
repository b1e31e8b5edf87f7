//! Three-valued logic after Kleene: what is unknown stays unknown unless it cannot matter.

use serde::{Deserialize, Serialize};

/// The result of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Truth {
    /// Met.
    T,
    /// Not met.
    F,
    /// Cannot be decided on the facts recorded.
    Unknown,
}

impl Truth {
    /// False wins, then unknown.
    pub fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::F, _) | (_, Truth::F) => Truth::F,
            (Truth::T, Truth::T) => Truth::T,
            _ => Truth::Unknown,
        }
    }

    /// True wins, then unknown.
    pub fn or(self, other: Truth) -> Truth {
        !((!self).and(!other))
    }

    pub(crate) fn of(b: bool) -> Truth {
        if b { Truth::T } else { Truth::F }
    }
}

impl std::ops::Not for Truth {
    type Output = Truth;
    fn not(self) -> Truth {
        match self {
            Truth::T => Truth::F,
            Truth::F => Truth::T,
            Truth::Unknown => Truth::Unknown,
        }
    }
}
