//! What an evaluation answers.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    Due, Grade, Labels, Lang, Nature, Status, Trace, Truth,
    pack::{Effect, ExclusionEffect},
    trace::fact_label,
};

/// Outcome for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// The duty exists.
    Must,
    /// A person has to decide: a fact or a rule is missing.
    NeedsReview,
    /// The law asks for best efforts.
    BestEffort,
    /// The duty would exist, but an exemption applies.
    Exempt,
    /// The law applies and asks for nothing here.
    NotRequired,
    /// The law does not bind this organisation, place or time.
    OutOfScope,
}

impl Outcome {
    /// Order of strength, for several duties to one recipient: the strongest is the recipient's outcome.
    fn strength(self) -> u8 {
        match self {
            Outcome::Must => 5,
            Outcome::NeedsReview => 4,
            Outcome::BestEffort => 3,
            Outcome::Exempt => 2,
            Outcome::NotRequired => 1,
            Outcome::OutOfScope => 0,
        }
    }

    pub(crate) fn stronger(self, other: Outcome) -> Outcome {
        if other.strength() > self.strength() { other } else { self }
    }

    /// The outcome in words.
    pub fn label(self) -> Labels {
        match self {
            Outcome::Must => Labels::new("required", "義務あり"),
            Outcome::NeedsReview => Labels::new("needs review by a person", "要確認（人による判断が必要）"),
            Outcome::BestEffort => Labels::new("best effort", "努力義務"),
            Outcome::Exempt => Labels::new("exempt", "免除"),
            Outcome::NotRequired => Labels::new("not required", "義務なし"),
            Outcome::OutOfScope => Labels::new("out of scope", "適用対象外"),
        }
    }
}

/// The table from three-valued answers to an outcome. `exclusions` in the order of the pack.
///
/// | scope | review | trigger | exclusion | outcome |
/// |---|---|---|---|---|
/// | F | any | any | any | OUT_OF_SCOPE |
/// | Unknown | any | any | any | NEEDS_REVIEW |
/// | T, version without duty | any | any | any | OUT_OF_SCOPE |
/// | T | T or Unknown | any | any | NEEDS_REVIEW |
/// | T | F | F | any | NOT_REQUIRED |
/// | T | F | T or Unknown | a "not required" one is T | NOT_REQUIRED |
/// | T | F | T | none Unknown of those, an "exempt" one is T | EXEMPT |
/// | T | F | T | all F | MUST, or BEST_EFFORT where the version says so |
/// | T | F | anything else | | NEEDS_REVIEW |
pub(crate) fn outcome(
    scope: Truth,
    effect: Effect,
    review: Truth,
    trigger: Truth,
    exclusions: &[(ExclusionEffect, Truth)],
) -> Outcome {
    match scope {
        Truth::F => return Outcome::OutOfScope,
        Truth::Unknown => return Outcome::NeedsReview,
        Truth::T => {}
    }
    if effect == Effect::OutOfScope {
        return Outcome::OutOfScope;
    }
    if review != Truth::F {
        return Outcome::NeedsReview;
    }
    if trigger == Truth::F {
        return Outcome::NotRequired;
    }
    let any = |kind: ExclusionEffect| {
        exclusions.iter().filter(|(k, _)| *k == kind).fold(Truth::F, |t, (_, r)| t.or(*r))
    };
    match (any(ExclusionEffect::NotRequired), any(ExclusionEffect::Exempt), trigger) {
        (Truth::T, _, _) => Outcome::NotRequired,
        (Truth::F, Truth::T, Truth::T) => Outcome::Exempt,
        (Truth::F, Truth::F, Truth::T) if effect == Effect::BestEffort => Outcome::BestEffort,
        (Truth::F, Truth::F, Truth::T) => Outcome::Must,
        _ => Outcome::NeedsReview,
    }
}

/// Whether the law binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// It does.
    In,
    /// It does not.
    Out,
    /// Not decided.
    Unknown,
}

/// A decision under one regime. Plain data: store it, send it, read it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Version that was applied (`jp-appi-26@2022-04-01`), or the regime's id when none could be chosen.
    pub pack_id: String,
    /// The version's part of the id, if a version was chosen.
    pub pack_version: Option<String>,
    /// Regime id.
    pub regime: String,
    /// Jurisdiction code.
    pub jurisdiction: String,
    /// Title of the version, or of the regime.
    pub title: Labels,
    /// Moments that chose the version.
    pub as_of: AsOf,
    /// Whether the law binds.
    pub scope: Scope,
    /// Report to the regulator.
    pub regulator: Outcome,
    /// Notice to the persons.
    pub persons: Outcome,
    /// Other recipients, in the order of the pack.
    pub others: Vec<Other>,
    /// Each duty with its deadlines, clauses and grade.
    pub duties: Vec<DutyDecision>,
    /// Facts that could change the outcome.
    pub missing_facts: Vec<MissingFact>,
    /// Clauses that are met.
    pub matched_clauses: Vec<Labels>,
    /// Worst grade among the texts that this decision rests on.
    pub grade: Grade,
    /// Each decisive rule graded below verified.
    pub caveats: Vec<Caveat>,
    /// Versions that are enacted or proposed: shown, not evaluated.
    pub pending: Vec<Pending>,
    /// Remarks for the reader.
    pub notes: Vec<Labels>,
    /// Every rule that was asked.
    pub trace: Trace,
}

/// The two time axes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsOf {
    /// Local date of the event in the regulator's zone.
    pub occurred: Option<Date>,
    /// Local date that chose the version (the temporal basis).
    pub basis: Option<Date>,
    /// Law as known at this instant.
    pub evaluated_at: Timestamp,
}

/// Outcome for a recipient besides regulator and persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Recipient as the pack names it (`controller`, `entrustor`, `documentation`).
    pub recipient: String,
    /// Outcome.
    pub outcome: Outcome,
}

/// One duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyDecision {
    /// Id within the pack.
    pub id: String,
    /// Recipient as the pack names it.
    pub recipient: String,
    /// Recipient in words.
    pub to: Labels,
    /// The duty in words.
    pub label: Labels,
    /// Its clause.
    pub clause: Labels,
    /// Outcome.
    pub outcome: Outcome,
    /// Worst grade among the texts that this duty rests on.
    pub grade: Grade,
    /// Clauses of its triggers or exclusions that are met.
    pub matched_clauses: Vec<Labels>,
    /// What the report or notice has to contain.
    pub contents: Vec<Labels>,
    /// Deadlines; when the outcome is NEEDS_REVIEW they are provisional.
    pub deadlines: Vec<DeadlineDecision>,
}

/// State of a computed deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineStatus {
    /// There is an end.
    Computed,
    /// The text gives no date.
    Open,
    /// The start has not happened or is only suspected.
    NotStarted,
    /// The end could not be computed; a person has to.
    NeedsReview,
    /// Held up, for instance at the request of law enforcement; `due` says until when as far as that is known.
    Suspended,
}

/// One deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadlineDecision {
    /// Id within the duty (`preliminary`, `final`, …).
    pub id: String,
    /// In words.
    pub label: Labels,
    /// Its clause.
    pub clause: Labels,
    /// What it is made of.
    pub nature: Nature,
    /// State.
    pub status: DeadlineStatus,
    /// The fact that started it.
    pub start_fact: Option<String>,
    /// When that was, in the zone of the record.
    pub start_at: Option<String>,
    /// First day of a guidance window.
    pub window_opens: Option<Due>,
    /// End before the roll over closed days.
    pub raw_due: Option<Due>,
    /// End.
    pub due: Option<Due>,
    /// Why it was moved.
    pub roll_reason: Option<Labels>,
    /// The computation in steps.
    pub computation: Vec<Labels>,
    /// Other readings, for information.
    pub annotations: Vec<Annotation>,
    /// Whether the duty or the choice of the period still hangs on missing facts.
    pub provisional: bool,
    /// Worst grade among texts and calendars behind it.
    pub grade: Grade,
}

/// Another reading of a deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// Which reading.
    pub label: Labels,
    /// Its result.
    pub due: Due,
    /// How well its text was checked.
    pub grade: Grade,
}

/// Why a fact could still change the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Not recorded or recorded as unknown.
    Unknown,
    /// Only a range is known.
    Range,
    /// Only suspected.
    Suspected,
}

/// A fact that could change the outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingFact {
    /// Name in the catalogue.
    pub fact: String,
    /// Why.
    pub reason: Missing,
    /// Name for people.
    pub label: Labels,
}

impl MissingFact {
    pub(crate) fn new(fact: &str, reason: Missing) -> Self {
        let label = Labels::new(fact_label(fact, Lang::En), fact_label(fact, Lang::Ja));
        MissingFact { fact: fact.to_owned(), reason, label }
    }
}

/// A decisive rule whose text was not verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caveat {
    /// Rule id.
    pub rule_id: String,
    /// Clause, if it has one.
    pub clause: Option<Labels>,
    /// Its grade.
    pub grade: Grade,
}

/// Law to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Version id.
    pub version: String,
    /// Title.
    pub title: Labels,
    /// Where it stands.
    pub status: Status,
    /// What it would change.
    pub note: Option<Labels>,
}

/// Decisions under all loaded regimes, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// One a regime.
    pub decisions: Vec<Decision>,
}

impl Assessment {
    /// The decision under a regime.
    pub fn regime(&self, id: &str) -> Option<&Decision> {
        self.decisions.iter().find(|d| d.regime == id)
    }
}

impl Decision {
    /// The duty of this id.
    pub fn duty(&self, id: &str) -> Option<&DutyDecision> {
        self.duties.iter().find(|d| d.id == id)
    }

    /// All deadlines with their duty.
    pub fn deadlines(&self) -> impl Iterator<Item = (&DutyDecision, &DeadlineDecision)> {
        self.duties.iter().flat_map(|d| d.deadlines.iter().map(move |l| (d, l)))
    }

    /// Outcome for a recipient as the pack names it.
    pub fn outcome_for(&self, recipient: &str) -> Option<Outcome> {
        match recipient {
            "regulator" => Some(self.regulator),
            "persons" => Some(self.persons),
            _ => self.others.iter().find(|o| o.recipient == recipient).map(|o| o.outcome),
        }
    }
}
