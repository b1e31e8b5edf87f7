//! Facts, assessments and duties as the rest of the service sees them. Pure.

use std::fmt;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use law::{Certainty, Fact, Facts, Knowledge, Labels, Lang, Moment};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Sources that begin so are the service's own; people cannot record them.
pub const OWN_SOURCE: &str = "suimon:";

/// A fact that an officer records.
#[derive(Clone, Debug)]
pub struct NewFact {
    /// Name in the catalogue, such as `counts.principals_total`.
    pub name: String,
    /// The value as JSON text: bare (`339`, `"private"`, `["JP"]`), `"unknown"`, `{"known": …}` or
    /// `{"range": {"min": …, "max": …}}`. `None` withdraws what was recorded: the service's own fact counts again.
    pub value: Option<String>,
    /// How sure it is.
    pub certainty: Certainty,
    /// Since when it is true; the instant of recording when not given.
    pub valid_at: Option<Timestamp>,
    /// What it rests on: a document, a log, a person's function. Never personal data.
    pub source: String,
}

/// One recorded fact.
#[derive(Clone, Debug)]
pub struct FactRecord {
    pub tenant: Uuid,
    pub id: Uuid,
    pub incident: Uuid,
    pub name: String,
    /// What is known; `None` when this record withdraws an earlier one.
    pub value: Option<Knowledge>,
    pub certainty: Certainty,
    /// Since when it is true.
    pub valid_at: Timestamp,
    /// Since when it is known.
    pub recorded_at: Timestamp,
    pub source: String,
    /// Who recorded it; `None` for facts that the service took over by itself.
    pub author: Option<Uuid>,
    pub supersedes: Option<Uuid>,
    /// Whether this record counts, among those known at the asked instant.
    pub current: bool,
}

impl FactRecord {
    /// Whether the service took the fact over by itself.
    pub fn automatic(&self) -> bool {
        self.author.is_none()
    }

    /// The value as JSON text, `null` for a withdrawal.
    pub fn value_json(&self) -> String {
        match &self.value {
            None => "null".to_owned(),
            Some(value) => json!(value).to_string(),
        }
    }
}

/// Marks the records that count: per name the newest of an officer, unless it withdraws; else the newest of the service.
///
/// "Newest" is the one that no other record supersedes; between two (recorded at the same moment by two people) the later one.
pub fn mark_current(records: &mut [FactRecord]) {
    let superseded: std::collections::HashSet<Uuid> =
        records.iter().filter_map(|record| record.supersedes).collect();
    let mut order: Vec<usize> =
        (0..records.len()).filter(|i| !superseded.contains(&records[*i].id)).collect();
    order.sort_by_key(|i| (records[*i].recorded_at, records[*i].id));
    let mut leaves: std::collections::BTreeMap<(String, bool), usize> = std::collections::BTreeMap::new();
    for index in order {
        leaves.insert((records[index].name.clone(), records[index].automatic()), index);
    }
    records.iter_mut().for_each(|record| record.current = false);
    let names: std::collections::BTreeSet<String> = leaves.keys().map(|(name, _)| name.clone()).collect();
    for name in names {
        let leaf = |automatic: bool| {
            leaves.get(&(name.clone(), automatic)).copied().filter(|i| records[*i].value.is_some())
        };
        if let Some(index) = leaf(false).or_else(|| leaf(true)) {
            records[index].current = true;
        }
    }
}

/// The facts that count, in the form the law engine reads.
///
/// # Errors
/// Unexpected ones only: every record was checked when it was written.
pub fn facts_of(records: &[FactRecord]) -> Result<Facts> {
    let mut facts = Facts::default();
    for record in records.iter().filter(|record| record.current) {
        let Some(value) = record.value.clone() else { continue };
        let valid_at = Some(Moment::exact(record.valid_at, TimeZone::UTC));
        let fact = Fact { value, certainty: record.certainty, source: Some(record.source.clone()), valid_at };
        facts
            .set(&record.name, fact)
            .map_err(|error| anyhow::anyhow!("a stored fact does not read: {error}"))?;
    }
    Ok(facts)
}

/// Reads a fact with the law's catalogue.
///
/// # Errors
/// `INVALID` with the place: unknown name, wrong type, a range that is upside down.
pub fn read_fact(name: &str, value: &Value, certainty: Certainty) -> Result<Fact> {
    let mut record = serde_json::Map::new();
    record.insert(name.to_owned(), json!({ "value": value, "certainty": certainty }));
    let facts: Facts = match serde_json::from_value(Value::Object(record)) {
        Ok(facts) => facts,
        Err(error) => {
            let field = if law::find_fact(name).is_some() { "value" } else { "name" };
            return Err(Error::invalid(field, without_place(&error.to_string()))
                .remedy("the query factCatalogue lists names, types and words"));
        }
    };
    facts.get(name).cloned().ok_or_else(|| anyhow::anyhow!("a fact was read but is not there").into())
}

/// The law engine's errors begin with `facts:0:0` where there is no text with lines.
fn without_place(text: &str) -> String {
    text.lines().map(|line| line.strip_prefix("facts:0:0 ").unwrap_or(line)).collect::<Vec<_>>().join("; ")
}

/// One evaluation of all rule packs. Never overwritten.
#[derive(Clone, Debug)]
pub struct Assessment {
    pub tenant: Uuid,
    pub id: Uuid,
    pub incident: Uuid,
    /// Counts from 1 in the incident.
    pub number: i32,
    pub evaluated_at: Timestamp,
    /// The revision of the affected list whose numbers were used.
    pub revision: Option<Uuid>,
    /// The facts used, as they were known.
    pub facts: Facts,
    pub decisions: Vec<law::Decision>,
    /// SHA-256 over facts and decisions as stored.
    pub digest: String,
    pub author: Option<Uuid>,
}

impl Assessment {
    /// The decision under a regime.
    pub fn regime(&self, id: &str) -> Option<&law::Decision> {
        self.decisions.iter().find(|decision| decision.regime == id)
    }
}

/// State of a duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyState {
    /// To be done.
    Open,
    /// Done, with a receipt.
    Done,
    /// Not done, with a reason.
    Waived,
    /// A later assessment no longer asks for it.
    Superseded,
}

impl DutyState {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            DutyState::Open => "open",
            DutyState::Done => "done",
            DutyState::Waived => "waived",
            DutyState::Superseded => "superseded",
        }
    }

    /// Whether a person has closed it; an assessment does not touch it any more.
    pub fn settled(self) -> bool {
        matches!(self, DutyState::Done | DutyState::Waived)
    }
}

impl std::str::FromStr for DutyState {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        [DutyState::Open, DutyState::Done, DutyState::Waived, DutyState::Superseded]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| anyhow::anyhow!("{text:?} is not a state of a duty"))
    }
}

/// What a deadline is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Binding text with a number of days or hours.
    Statute,
    /// The authority's guideline.
    Guidance,
    /// A target of one's own, or a voluntary act.
    Internal,
    /// Binding text without a number, such as "promptly".
    OpenTextured,
}

impl Nature {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Nature::Statute => "statute",
            Nature::Guidance => "guidance",
            Nature::Internal => "internal",
            Nature::OpenTextured => "open_textured",
        }
    }

    /// In words.
    pub fn label(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Nature::Statute, Lang::En) => "statute",
            (Nature::Statute, Lang::Ja) => "法定",
            (Nature::Guidance, Lang::En) => "guidance",
            (Nature::Guidance, Lang::Ja) => "ガイドライン上の目安",
            (Nature::Internal, Lang::En) => "voluntary or internal",
            (Nature::Internal, Lang::Ja) => "任意・内部目標",
            (Nature::OpenTextured, Lang::En) => "no number of days in the text",
            (Nature::OpenTextured, Lang::Ja) => "日数の定めなし",
        }
    }
}

impl From<law::Nature> for Nature {
    fn from(nature: law::Nature) -> Self {
        match nature {
            law::Nature::Statute => Nature::Statute,
            law::Nature::Guidance => Nature::Guidance,
            law::Nature::Internal => Nature::Internal,
            law::Nature::OpenTextured => Nature::OpenTextured,
        }
    }
}

impl std::str::FromStr for Nature {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        [Nature::Statute, Nature::Guidance, Nature::Internal, Nature::OpenTextured]
            .into_iter()
            .find(|nature| nature.as_str() == text)
            .ok_or_else(|| anyhow::anyhow!("{text:?} is not the nature of a deadline"))
    }
}

impl fmt::Display for Nature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The words of a duty in both languages; stored with it, so that a later rule pack does not rewrite the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// What is to be done.
    pub title: Labels,
    /// Towards whom.
    pub to: Labels,
    /// By when, with the reason where the day was moved.
    pub due: Labels,
    /// Whether it still hangs on missing facts: a person has to decide.
    pub provisional: bool,
    /// Whether the law only asks for best efforts.
    pub best_effort: bool,
    /// The last day, where the deadline ends with one and not with an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<LastDay>,
}

/// A last day, as the law counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDay {
    pub date: Date,
    /// Zone in which it ends.
    pub zone: String,
}

/// What must be done towards whom by when.
#[derive(Clone, Debug)]
pub struct Duty {
    pub tenant: Uuid,
    pub id: Uuid,
    pub incident: Uuid,
    /// The assessment that last confirmed it.
    pub assessment: Uuid,
    pub regime: String,
    /// As the rule pack names it: `regulator`, `persons`, …
    pub recipient: String,
    /// Duty and deadline within the pack, such as `regulator.final`.
    pub kind: String,
    pub clause: Labels,
    pub nature: Nature,
    /// The last instant, where the law gives one.
    pub due_at: Option<Timestamp>,
    pub wording: Wording,
    pub state: DutyState,
    pub receipt: Option<String>,
    pub reason: Option<String>,
    /// Why it was done after its last instant.
    pub late_reason: Option<String>,
    pub settled_at: Option<Timestamp>,
    pub settled_by: Option<Uuid>,
    pub created_at: Timestamp,
}

impl Duty {
    /// Open although its last instant has passed.
    pub fn overdue(&self, now: Timestamp) -> bool {
        self.state == DutyState::Open && self.due_at.is_some_and(|due| due < now)
    }
}

/// How a duty ends.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Whether it was done; else it is waived.
    pub done: bool,
    /// For what was done: the authority's number, or where the proof lies.
    pub receipt: Option<String>,
    /// For what is waived: why.
    pub reason: Option<String>,
    /// For what was done after its last instant: why it was late.
    pub late_reason: Option<String>,
    /// When it was done; now, when not given.
    pub at: Option<Timestamp>,
}

/// A report that no law asked for, such as an early one to the authority.
#[derive(Clone, Debug)]
pub struct VoluntaryReport {
    /// Regime under which it was made, such as `jp-appi-26`.
    pub regime: String,
    /// `regulator`, `persons` or another recipient.
    pub recipient: String,
    /// What was filed.
    pub title: String,
    /// Proof: the receipt number, or who filed it how.
    pub receipt: String,
    /// When it was filed.
    pub filed_at: Timestamp,
}
