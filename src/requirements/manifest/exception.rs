//! `kind: Exception`: that a requirement is not kept for a while, who answers for it, why, and when that ends.

use jiff::{Span, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decode::{Object, Report};
use super::decode_requirement::instant;
use super::enforcement::Mode;
use super::limits;
use super::measured::{UpTo, up_to};
use super::model::Localized;
use super::tree::Node;
use super::values::{localized, name, text, word};

/// Longest time from its beginning to its end: what lasts longer is another requirement.
pub const MAX_DAYS: i64 = 366;

/// A requirement that is not kept, or less strictly, until an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExceptionSpec {
    /// Name of the system it belongs to.
    pub system: String,
    /// Name of the requirement that is not kept.
    pub requirement: String,
    /// Why.
    pub reason: Localized,
    /// Who answers for it: a role or a team, not a person's address.
    pub approver: String,
    /// What is done instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Localized>,
    /// How strictly the requirement's mechanism keeps it meanwhile; without it: as stated. Weaker than the requirement's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// How far the limits of the requirement may go beyond what was measured meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<UpTo>,
    /// Instant from which it holds; without it: when it is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub in_force_from: Option<Timestamp>,
    /// Instant at which it ends. Nobody has to remember it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires: Timestamp,
}

impl ExceptionSpec {
    /// Whether it holds at an instant, as far as it says itself.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.in_force_from.is_none_or(|from| from <= at) && at < self.expires
    }
}

pub(super) fn exception(node: &Node, path: &str, report: &mut Report) -> Option<ExceptionSpec> {
    let known =
        ["system", "requirement", "reason", "approver", "instead", "mode", "upTo", "inForceFrom", "expires"];
    let mut object = Object::open(node, path, report, &known)?;
    let system = object.required("system", name);
    let requirement = object.required("requirement", name);
    let reason = object.required("reason", localized(limits::PROSE));
    let approver = object.required("approver", text(limits::LINE));
    let instead = object.optional("instead", localized(limits::PROSE));
    let mode = object.optional("mode", word("a mode"));
    let up_to = object.optional("upTo", up_to);
    let in_force_from = object.optional("inForceFrom", instant);
    let expires = object.required("expires", instant);
    if mode == Some(Mode::Enforce) {
        let at = object.path("mode");
        object.report.at(&at, "`enforce` is no exception", "write `audit` or `observe`, or leave it out");
    }
    if let (Some(from), Some(expires)) = (in_force_from, expires) {
        let at = object.path("expires");
        if expires <= from {
            object.report.at(&at, "the exception ends before it begins", "correct one of the instants");
        } else if too_long(from, expires) {
            object.report.at(&at, exception_lasting(), exception_remedy());
        }
    }
    Some(ExceptionSpec {
        system: system?,
        requirement: requirement?,
        reason: reason?,
        approver: approver?,
        instead,
        mode,
        up_to,
        in_force_from,
        expires: expires?,
    })
}

/// Whether an exception from one instant to the other lasts longer than exceptions may.
pub fn too_long(from: Timestamp, expires: Timestamp) -> bool {
    let most = Span::new().hours(MAX_DAYS * 24);
    from.checked_add(most).is_ok_and(|latest| expires > latest)
}

/// What is wrong with one that does.
pub fn exception_lasting() -> String {
    format!("the exception lasts more than {MAX_DAYS} days")
}

/// What to do about it.
pub fn exception_remedy() -> &'static str {
    "let it end earlier and state it anew then, or change the requirement"
}
