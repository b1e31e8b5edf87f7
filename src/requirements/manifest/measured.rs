//! What a system was measured to bear, and how far an exception lets limits go beyond that.
//!
//! The figure stands in the system's manifest: it is a fact about the system as it is, not something that is asked of it (a
//! requirement) or expected (an estimate), it has versions with an instant and a source like all that is stated, and a guard that
//! runs from files alone sees it. Evidence lives in the registry's database, is about one requirement's metric and goes stale with
//! its wording: what a machine bears does not change because a sentence did.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::{Object, Report};
use super::decode_requirement::instant;
use super::limits;
use super::tree::Node;
use super::values::{between, text, whole};

/// What a load test showed. Limits of admission may not be above it without an exception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measured {
    /// Requests a second that it answered as it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// People inside at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Requests in flight at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Where that is written: a report and its digest, the name of a run.
    pub source: String,
}

/// How far limits of an excepted requirement may go, measured or not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpTo {
    /// Requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// People inside at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

// `f64` keeps the specifications from being `Eq`; no figure that the parser lets through is not a number.
impl Eq for UpTo {}

pub(super) fn measured(node: &Node, path: &str, report: &mut Report) -> Option<Measured> {
    let known = ["rate", "concurrency", "inFlight", "at", "source"];
    let mut object = Object::open(node, path, report, &known)?;
    let rate = object.optional("rate", between(0.0, f64::INFINITY));
    let concurrency = object.optional("concurrency", whole(1, 100_000_000));
    let in_flight = object.optional("inFlight", whole(1, 100_000));
    let at = object.required("at", instant);
    let source = object.required("source", text(limits::LINE));
    if ["rate", "concurrency", "inFlight"].iter().all(|key| object.node(key).is_none()) {
        object.report.at(path, "nothing was measured", "add `rate`, `concurrency` or `inFlight`");
    }
    Some(Measured { rate, concurrency, in_flight, at: at?, source: source? })
}

pub(super) fn up_to(node: &Node, path: &str, report: &mut Report) -> Option<UpTo> {
    let mut object = Object::open(node, path, report, &["rate", "concurrency"])?;
    let rate = object.optional("rate", between(0.0, f64::INFINITY));
    let concurrency = object.optional("concurrency", whole(1, 100_000_000));
    if object.node("rate").is_none() && object.node("concurrency").is_none() {
        object.report.at(path, "no limit is named", "add `rate` or `concurrency`");
    }
    Some(UpTo { rate, concurrency })
}
