//! Parameters of access requirements: who may do what with which data, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vocabulary::vocabulary;

/// One access rule. An explicit deny wins over every allow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessParams {
    /// Whether the rule allows or denies.
    #[serde(default)]
    pub effect: AccessEffect,
    /// Roles it speaks of, for example `tenant_staff`.
    pub roles: Vec<String>,
    /// Verbs, for example `read_masked`.
    pub actions: Vec<String>,
    /// Dotted objects, `applicant.email`, `applicant.*`, `booking`.
    pub objects: Vec<String>,
    /// Conditions that must all hold for the rule to speak.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<AccessCondition>,
}

vocabulary! {
    /// Direction of an access rule.
    #[derive(Default)]
    pub enum AccessEffect {
        /// Grants.
        #[default]
        Allow = "allow",
        /// Refuses, whatever else grants.
        Deny = "deny",
    }
}

/// A comparison of an attribute of the request with a fixed value or with another attribute. What is not known never helps who
/// asks: no condition of an `allow` holds on an absent attribute, and of a `deny` only `eq` and `in` do not.
// serde cannot combine `flatten` with `deny_unknown_fields`; the manifest parser refuses unknown fields itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessCondition {
    /// Dotted attribute, for example `slot.accepts_bookings` or `record.tenant`.
    pub attribute: String,
    /// How it is compared.
    pub op: ConditionOp,
    /// With what: `value` or `other` in the manifest.
    #[serde(flatten)]
    pub with: Operand,
}

vocabulary! {
    /// Comparison in an access condition.
    pub enum ConditionOp {
        /// Both are equal.
        Eq = "eq",
        /// They differ. An attribute that is absent differs from everything.
        Ne = "ne",
        /// Equal to one of `values`.
        In = "in",
        /// Equal to none of `values`.
        NotIn = "not_in",
        /// Below. Texts compare by their characters, so times of day are written as `09:00`.
        Lt = "lt",
        /// Below or equal.
        Lte = "lte",
        /// Above.
        Gt = "gt",
        /// Above or equal.
        Gte = "gte",
    }
}

/// The right-hand side of an access condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Operand {
    /// A fixed text, number or truth value.
    Value(serde_json::Value),
    /// A list of them, for `in` and `not_in`.
    Values(Vec<serde_json::Value>),
    /// Another dotted attribute of the request, for example `actor.tenant`.
    Other(String),
}
