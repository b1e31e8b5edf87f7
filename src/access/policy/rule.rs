//! One rule of a policy and the conditions under which it speaks. Pure.

use std::cmp::Ordering;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::attributes::{Attributes, Scalar};

/// Whether a rule grants or refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Allow,
    Deny,
}

impl Effect {
    /// As policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
    }
}

/// How an attribute is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Eq,
    Ne,
    In,
    NotIn,
    Lt,
    Lte,
    Gt,
    Gte,
}

impl Comparison {
    fn as_str(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::Ne => "≠",
            Comparison::In => "∈",
            Comparison::NotIn => "∉",
            Comparison::Lt => "<",
            Comparison::Lte => "≤",
            Comparison::Gt => ">",
            Comparison::Gte => "≥",
        }
    }
}

/// With what an attribute is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Against {
    Value(Scalar),
    Values(Vec<Scalar>),
    /// Another attribute of the same request.
    Other(Box<str>),
}

/// A comparison of an attribute of the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub attribute: Box<str>,
    pub comparison: Comparison,
    pub against: Against,
}

impl Condition {
    /// Whether it holds for a rule of this effect. What is not known never helps who asks: with an absent attribute no
    /// condition of an allow holds, and of a deny every one holds that absence does not contradict (absent is equal to
    /// nothing, so `=` and `∈` do not hold; all others do).
    pub fn holds(&self, effect: Effect, attributes: &Attributes) -> bool {
        let left = attributes.get(&self.attribute);
        let known = left.is_some()
            && match &self.against {
                Against::Other(other) => attributes.get(other).is_some(),
                Against::Value(_) | Against::Values(_) => true,
            };
        let Some(left) = left.filter(|_| known) else {
            return effect == Effect::Deny && !matches!(self.comparison, Comparison::Eq | Comparison::In);
        };
        let rights: Vec<&Scalar> = match &self.against {
            Against::Value(value) => vec![value],
            Against::Values(values) => values.iter().collect(),
            Against::Other(other) => attributes.get(other).into_iter().collect(),
        };
        let ordered = |wanted: &[Ordering]| match rights.first().and_then(|right| left.order(right)) {
            Some(order) => wanted.contains(&order),
            // A text is neither above nor below a number: as little known as an absent one.
            None => effect == Effect::Deny,
        };
        match self.comparison {
            Comparison::Eq | Comparison::In => rights.contains(&left),
            Comparison::Ne | Comparison::NotIn => !rights.contains(&left),
            Comparison::Lt => ordered(&[Ordering::Less]),
            Comparison::Lte => ordered(&[Ordering::Less, Ordering::Equal]),
            Comparison::Gt => ordered(&[Ordering::Greater]),
            Comparison::Gte => ordered(&[Ordering::Greater, Ordering::Equal]),
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} ", self.attribute, self.comparison.as_str())?;
        let value = |value: &Scalar| match value {
            Scalar::Text(text) => text.to_string(),
            Scalar::Number(number) => number.to_string(),
            Scalar::Truth(truth) => truth.to_string(),
        };
        match &self.against {
            Against::Value(right) => formatter.write_str(&value(right)),
            Against::Values(right) => {
                let values: Vec<String> = right.iter().map(value).collect();
                write!(formatter, "{{{}}}", values.join(", "))
            }
            Against::Other(other) => formatter.write_str(other),
        }
    }
}

/// Where a rule comes from; told by explanations.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `policies/access/roles.csv`.
    Template,
    /// The tenant's own rule.
    Override,
    /// A requirement in force, by name.
    Requirement(String),
    /// A grant for a time, by its id.
    BreakGlass(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Template => formatter.write_str("role template"),
            Origin::Override => formatter.write_str("rule of the tenant"),
            Origin::Requirement(name) => write!(formatter, "requirement {name}"),
            Origin::BreakGlass(id) => write!(formatter, "break-glass grant {id}"),
        }
    }
}

/// One rule: it speaks of a role, objects and actions, each of which may end in `*`, when all its conditions hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub origin: Origin,
    pub role: Box<str>,
    pub object: Box<str>,
    pub action: Box<str>,
    pub effect: Effect,
    pub when: Vec<Condition>,
}

impl Rule {
    /// Whether object and action are the rule's.
    pub fn speaks_of(&self, action: &str, object: &str) -> bool {
        matches(&self.object, object) && matches(&self.action, action)
    }

    /// Whether all conditions hold.
    pub fn holds(&self, attributes: &Attributes) -> bool {
        self.when.iter().all(|condition| condition.holds(self.effect, attributes))
    }

    /// Everything that distinguishes one rule from another, for the fingerprint of a book of rules.
    pub(super) fn line(&self) -> String {
        let mut line =
            format!("{}|{}|{}|{}|{}", self.origin, self.role, self.object, self.action, self.effect.as_str());
        for condition in &self.when {
            // `Debug` tells types apart that `Display` shows alike (the text "1" and the number 1).
            let _ = write!(line, "|{condition:?}");
        }
        line
    }
}

/// casbin's `keyMatch`: `*` matches any ending. Texts here are ASCII.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, _)) => text.starts_with(start),
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(comparison: Comparison, against: Against) -> Condition {
        Condition { attribute: "slot.accepts_bookings".into(), comparison, against }
    }

    #[test]
    fn what_is_absent_never_helps_who_asks() {
        let nothing = Attributes::new();
        let value = || Against::Value(Scalar::Truth(true));
        for comparison in [
            Comparison::Eq,
            Comparison::Ne,
            Comparison::In,
            Comparison::NotIn,
            Comparison::Lt,
            Comparison::Gte,
        ] {
            assert!(!condition(comparison, value()).holds(Effect::Allow, &nothing), "{comparison:?}");
            let refuses = condition(comparison, value()).holds(Effect::Deny, &nothing);
            assert_eq!(refuses, !matches!(comparison, Comparison::Eq | Comparison::In), "{comparison:?}");
        }
    }

    #[test]
    fn values_of_different_types_differ_and_have_no_order() {
        let mut attributes = Attributes::new();
        attributes.set("slot.accepts_bookings", "true");
        let truth = || Against::Value(Scalar::Truth(true));
        assert!(
            condition(Comparison::Ne, truth()).holds(Effect::Deny, &attributes),
            "a text is not a truth value"
        );
        assert!(!condition(Comparison::Lt, truth()).holds(Effect::Allow, &attributes));
        assert!(condition(Comparison::Lt, truth()).holds(Effect::Deny, &attributes), "unknown order refuses");
    }

    #[test]
    fn times_of_day_are_compared_as_texts() {
        let mut attributes = Attributes::new();
        attributes.set("slot.accepts_bookings", "08:59");
        let from = condition(Comparison::Gte, Against::Value("09:00".into()));
        assert!(!from.holds(Effect::Allow, &attributes));
        attributes.set("slot.accepts_bookings", "09:00");
        assert!(from.holds(Effect::Allow, &attributes));
        assert_eq!(from.to_string(), "slot.accepts_bookings ≥ 09:00");
    }
}
