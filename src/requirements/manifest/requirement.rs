//! `kind: Requirement`: one non-functional requirement, as a sentence and as figures.

use std::fmt;

use capacity::{EstimateResult, Quantity};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalogue::Citation;
use super::enforcement::Enforcement;
use super::model::Localized;
use super::vocabulary::vocabulary;

/// One non-functional requirement: target, condition, metric and threshold, and how it is kept or verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequirementSpec {
    /// Name of the system it belongs to.
    pub system: String,
    /// The requirement as a sentence.
    pub statement: Localized,
    /// What it is about.
    pub target: Target,
    /// When it applies, in words; without it: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What is measured, for example `shared_cache_stores`.
    pub metric: String,
    /// The bound for the metric.
    pub threshold: Threshold,
    /// Whether it binds.
    pub obligation: Obligation,
    /// Where catalogues ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catalogue: Vec<Citation>,
    /// How Suimon keeps it. Either this or `verification` is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<Enforcement>,
    /// How it is verified where nothing enforces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Who answers for it: a role or a team, not a person's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Why it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<Localized>,
    /// Names of requirements this one was derived from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived_from: Vec<String>,
    /// Names of requirements that must hold for this one to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Instant from which this version is in force; without it: when it is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub in_force_from: Option<Timestamp>,
}

vocabulary! {
    /// RFC 2119 words that a requirement may carry.
    pub enum Obligation {
        /// Binds.
        Must = "MUST",
        /// Binds unless a recorded exception says why not.
        Should = "SHOULD",
    }
}

vocabulary! {
    /// How a requirement without a mechanism is verified.
    pub enum Verification {
        /// By running a test.
        Test = "test",
        /// By looking at the thing.
        Inspection = "inspection",
        /// By reading a document.
        Document = "document",
    }
}

vocabulary! {
    /// Routes taken together.
    pub enum RouteClass {
        /// All personal routes, the undeclared ones included.
        Personal = "personal",
        /// All routes declared public.
        Public = "public",
    }
}

/// What a requirement is about. Written `system`, `route:mypage`, `routes:personal`, `record:applicant`,
/// `field:applicant.email` or `operation:createBooking`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Target {
    /// The system as a whole.
    System,
    /// One declared route.
    Route(String),
    /// A class of routes.
    Routes(RouteClass),
    /// One record type.
    Record(String),
    /// One field of a record type.
    Field {
        /// Record type.
        record_type: String,
        /// Field.
        field: String,
    },
    /// An operation of the system, named in its own words.
    Operation(String),
}

impl Target {
    /// Reads a target; the error is a sentence without the value in it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "is not a target";
        if text == "system" {
            return Ok(Self::System);
        }
        let (kind, rest) = text.split_once(':').ok_or(SHAPE)?;
        if rest.is_empty() || rest.contains(|c: char| c.is_whitespace() || c == ':') {
            return Err(SHAPE);
        }
        match kind {
            "route" => Ok(Self::Route(rest.to_owned())),
            "routes" => RouteClass::ALL
                .iter()
                .find(|class| class.as_str() == rest)
                .map(|class| Self::Routes(*class))
                .ok_or("names a class of routes that is neither `personal` nor `public`"),
            "record" => Ok(Self::Record(rest.to_owned())),
            "field" => match rest.split_once('.') {
                Some((record_type, field))
                    if !record_type.is_empty() && !field.is_empty() && !field.contains('.') =>
                {
                    Ok(Self::Field { record_type: record_type.to_owned(), field: field.to_owned() })
                }
                _ => Err("names a field, but not as `field:RECORD_TYPE.FIELD`"),
            },
            "operation" => Ok(Self::Operation(rest.to_owned())),
            _ => Err(SHAPE),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => out.write_str("system"),
            Self::Route(name) => write!(out, "route:{name}"),
            Self::Routes(class) => write!(out, "routes:{class}"),
            Self::Record(name) => write!(out, "record:{name}"),
            Self::Field { record_type, field } => write!(out, "field:{record_type}.{field}"),
            Self::Operation(name) => write!(out, "operation:{name}"),
        }
    }
}

/// The bound for a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threshold {
    /// How the measured value is compared.
    pub op: ThresholdOp,
    /// With what.
    pub value: ThresholdValue,
    /// Unit of the value, for example `req/s`, `responses`, `s`.
    pub unit: String,
}

impl Threshold {
    /// Whether a measured value is within it; none where the two cannot be compared. `figure` is the number of an estimate where
    /// the threshold comes from one.
    pub fn admits(&self, observed: &Value, figure: Option<f64>) -> Option<bool> {
        match &self.value {
            ThresholdValue::List(items) => {
                let each = items.iter().filter_map(|item| compared(observed, ThresholdOp::Eq, item, None));
                each.reduce(|any, equal| any || equal)
            }
            single => compared(observed, self.op, single, figure),
        }
    }
}

fn compared(observed: &Value, op: ThresholdOp, bound: &ThresholdValue, figure: Option<f64>) -> Option<bool> {
    let order = match (observed, bound) {
        (Value::Number(observed), ThresholdValue::Number(bound)) => {
            observed.as_f64()?.partial_cmp(&bound.as_f64()?)?
        }
        (Value::Number(observed), ThresholdValue::Figure(_)) => observed.as_f64()?.partial_cmp(&figure?)?,
        (Value::Bool(observed), ThresholdValue::Bool(bound)) => observed.cmp(bound),
        (Value::String(observed), ThresholdValue::Text(bound)) => observed.cmp(bound),
        _ => return None,
    };
    match op {
        ThresholdOp::Lt => Some(order.is_lt()),
        ThresholdOp::Lte => Some(order.is_le()),
        ThresholdOp::Eq => Some(order.is_eq()),
        ThresholdOp::Gte => Some(order.is_ge()),
        ThresholdOp::Gt => Some(order.is_gt()),
        ThresholdOp::In => None,
    }
}

vocabulary! {
    /// Comparison of the measured value (left) with the threshold (right).
    pub enum ThresholdOp {
        /// Less than.
        Lt = "lt",
        /// At most.
        Lte = "lte",
        /// Equal.
        Eq = "eq",
        /// At least.
        Gte = "gte",
        /// More than.
        Gt = "gt",
        /// One of a list.
        In = "in",
    }
}

/// A threshold's value: one number, word or truth value; a list for `in`; a figure of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ThresholdValue {
    /// `true` or `false`.
    Bool(bool),
    /// A number; `400.0` is read as `400`, so that the spelling does not change the fingerprint.
    Number(serde_json::Number),
    /// A word.
    Text(String),
    /// Several, for `in`.
    List(Vec<ThresholdValue>),
    /// A number that follows from an estimate, and changes with it.
    Figure(EstimateFigure),
}

/// A figure of an estimate of the same system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EstimateFigure {
    /// Name of the estimate.
    pub estimate: String,
    /// Which of its quantities, in that quantity's unit.
    pub figure: Quantity,
    /// How careful: of a hundred possible days so many stay below it.
    pub percentile: Percentile,
}

/// A percentile that estimates give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("enum" = [5, 50, 95]))]
pub enum Percentile {
    /// 5
    P5,
    /// 50
    P50,
    /// 95
    P95,
}

impl TryFrom<u8> for Percentile {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            5 => Ok(Self::P5),
            50 => Ok(Self::P50),
            95 => Ok(Self::P95),
            _ => Err("is none of the percentiles 5, 50 and 95"),
        }
    }
}

impl From<Percentile> for u8 {
    fn from(percentile: Percentile) -> Self {
        match percentile {
            Percentile::P5 => 5,
            Percentile::P50 => 50,
            Percentile::P95 => 95,
        }
    }
}

impl EstimateFigure {
    /// The number, from what the estimate gave.
    pub fn of(&self, result: &EstimateResult) -> f64 {
        let capacity::Range { p5, p50, p95 } = result.prior.range(self.figure);
        match self.percentile {
            Percentile::P5 => p5,
            Percentile::P50 => p50,
            Percentile::P95 => p95,
        }
    }
}
