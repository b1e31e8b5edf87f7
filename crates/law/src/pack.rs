//! The shape of a rule pack in memory. `pack_read` builds it; `evaluate` walks it.

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Labels, clock::Clock, facts::Value};

/// How well the text behind a rule was checked. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// The primary text was read.
    Verified,
    /// Only a secondary source was read.
    Secondary,
    /// Written down from memory; not checked.
    Memory,
}

/// Where a version of a law stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Binding in its effective period, and evaluated.
    InForce,
    /// Adopted but not yet in force: shown, never evaluated.
    Enacted,
    /// Only proposed: shown, never evaluated.
    Proposed,
    /// Withdrawn: shown, never evaluated.
    Repealed,
}

/// What a deadline is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// A period that the law states.
    Statute,
    /// A period or window that only a guideline states.
    Guidance,
    /// A target of the organisation itself.
    Internal,
    /// "Promptly", "without undue delay": no date follows from the text.
    OpenTextured,
}

/// A text that rules rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Title for people.
    pub title: Labels,
    /// Where to read it.
    pub url: Option<String>,
    /// When it was read.
    pub read_at: Option<Date>,
    /// How well it was checked.
    pub verification: Grade,
}

#[derive(Debug, Clone)]
pub(crate) struct Regime {
    pub id: String,
    pub jurisdiction: String,
    pub title: Labels,
    pub short: Labels,
    pub zone: TimeZone,
    /// Hour clocks are shown in the zone of the start fact instead of the pack's.
    pub show_in_fact_zone: bool,
    pub reviewer: Option<String>,
    pub sources: BTreeMap<String, Source>,
    pub scope: Condition,
    /// Ask for a human when the event lies under another version than the knowledge of it.
    pub transition_review: Option<Labels>,
    pub versions: Vec<Version>,
}

#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub id: String,
    pub title: Labels,
    pub status: Status,
    pub effective_from: Option<Date>,
    pub effective_to: Option<Date>,
    /// Last day on which this version is certainly the one in force; afterwards nobody has looked yet.
    pub assured_to: Option<Date>,
    pub known_from: Option<Date>,
    pub known_to: Option<Date>,
    /// When a person last compared this version with the law.
    pub checked: Date,
    /// Facts whose earliest known moment decides which version binds.
    pub basis: Vec<String>,
    pub effect: Effect,
    pub source: String,
    /// What the dates rest on; often another text than the rules.
    pub dating: String,
    pub clauses: Vec<Labels>,
    pub note: Option<Labels>,
    pub reading: Reading,
    pub scope: Option<Condition>,
    pub review: Vec<Review>,
    pub duties: Vec<Duty>,
    /// Named conditions, the version's own over the file's.
    pub definitions: BTreeMap<String, Condition>,
}

impl Version {
    /// The deadline of a duty, both by id.
    pub(crate) fn deadline(&self, duty: &str, id: &str) -> Option<&Deadline> {
        self.duties.iter().find(|d| d.id == duty)?.deadlines.iter().find(|d| d.id == id)
    }
}

/// What the version's triggers bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Mandatory,
    BestEffort,
    OutOfScope,
}

/// How the law reads uncertain facts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    /// A suspected fact counts where it speaks for the duty, never where it speaks against it.
    pub suspicion_counts: bool,
    /// A count that is a range is taken at its maximum where that speaks for the duty.
    pub count_at_maximum: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub when: Condition,
    pub text: Labels,
}

#[derive(Debug, Clone)]
pub(crate) struct Duty {
    pub id: String,
    pub recipient: String,
    pub to: Labels,
    pub label: Labels,
    pub clause: Labels,
    pub source: Option<String>,
    pub when: Condition,
    pub exclusions: Vec<Exclusion>,
    /// What makes this duty alone a matter for a person.
    pub review: Vec<Review>,
    pub contents: Vec<Labels>,
    pub when_not_required: Option<Labels>,
    pub deadlines: Vec<Deadline>,
}

#[derive(Debug, Clone)]
pub(crate) struct Exclusion {
    pub when: Condition,
    pub effect: ExclusionEffect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExclusionEffect {
    NotRequired,
    Exempt,
}

#[derive(Debug, Clone)]
pub(crate) struct Deadline {
    pub id: String,
    pub label: Labels,
    pub clause: Labels,
    pub source: Option<String>,
    pub nature: Nature,
    pub when: Option<Condition>,
    pub start: Vec<String>,
    /// Empty for an open-textured deadline. Of several that apply, the latest binds (`on_multiple: max_of`) or the
    /// earliest (`min_of`).
    pub clocks: Vec<Alternative>,
    pub latest_binds: bool,
    /// The first and last day of a guidance window.
    pub window: Option<(Clock, Clock)>,
    /// Shows the due hour rounded as well, for the reading in which the hour of the event does not count.
    pub rounded_hour: Option<(Labels, String)>,
    /// Duty and deadline whose end starts this one for as long as no starting fact is recorded.
    pub after: Option<(String, String)>,
    /// What holds the deadline up.
    pub suspended_by: Option<Suspension>,
}

/// A cause that holds a deadline up, such as a request of law enforcement.
#[derive(Debug, Clone)]
pub(crate) struct Suspension {
    pub when: Condition,
    pub text: Labels,
    /// Moment until which it is held up, where one is set.
    pub until: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Alternative {
    pub when: Option<Condition>,
    pub clock: Clock,
}

#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub id: String,
    pub clause: Option<Labels>,
    pub text: Option<Labels>,
    pub source: Option<String>,
    pub op: Op,
}

#[derive(Debug, Clone)]
pub(crate) enum Op {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Use(String),
    Test(Test),
}

#[derive(Debug, Clone)]
pub(crate) struct Test {
    /// Name in the catalogue. One that ends in `*` asks whether any member of a family of counts is so many.
    pub fact: String,
    pub check: Check,
}

#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// One of these values.
    Is(Vec<Value>),
    /// The set has one of these words; `shown` is how the pack wrote them (`special_care.*`).
    ContainsAny { words: Vec<String>, shown: String },
    /// Strictly more.
    MoreThan(u64),
    /// As many or more.
    AtLeast(u64),
    /// Before the beginning of this day in the pack's zone.
    Before(Date),
    /// On this day in the pack's zone or later.
    OnOrAfter(Date),
    /// Something has been recorded, whatever it is.
    Recorded,
}
