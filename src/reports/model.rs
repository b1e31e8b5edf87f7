//! What a report says, ready for a template: texts in one language, times in the incident's zone. What is `None` or empty is
//! not known yet, and the templates say so; nothing is invented, and nobody of the affected list is named.

use serde::Serialize;

/// The interim report of an incident.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub number: i32,
    pub title: String,
    /// The operator, as its manifest or its account names it.
    pub operator: String,
    /// The protected system.
    pub system: String,
    /// The calendar day of the report.
    pub date: String,
    /// Day and time of the report.
    pub prepared_at: String,
    pub zone: String,
    pub status: String,
    pub team: Vec<Member>,
    pub summary: Summary,
    pub timeline: Vec<Entry>,
    /// How the cause was found: reports, investigations, decisions.
    pub investigation: Vec<Entry>,
    pub causes: Vec<Passage>,
    pub scope: Scope,
    pub communications: Communications,
    pub inquiries: Vec<Inquiry>,
    pub law: Option<Law>,
    pub authority: Authority,
    pub containment: Vec<Passage>,
    /// Measures for those concerned and against a repetition, as told in the timeline.
    pub measures: Vec<Passage>,
    pub actions: Vec<Action>,
    pub next_steps: Vec<Step>,
    pub contacts: Vec<Member>,
    pub documents: Vec<Document>,
}

/// Somebody's role in the response team.
#[derive(Clone, Debug, Serialize)]
pub struct Member {
    pub role: String,
    pub name: String,
    pub organisation: String,
    pub contact: Option<String>,
    /// Whether the role has ended.
    pub until: Option<String>,
}

/// A narrative text with its time.
#[derive(Clone, Debug, Serialize)]
pub struct Passage {
    pub at: String,
    pub text: String,
}

/// The report in short.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Latest summary of the timeline, in paragraphs.
    pub what: Vec<String>,
    /// What it meant for the people concerned.
    pub impact: Vec<String>,
    /// First reports and detections.
    pub findings: Vec<Finding>,
    pub period: Option<Period>,
    pub detected_at: Option<String>,
    /// From the beginning to the first sign.
    pub detection_delay: Option<String>,
    pub aware_at: Option<String>,
    pub contained_at: Option<String>,
}

/// A broken requirement that was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub at: String,
    pub source: String,
    pub reporter: Option<String>,
    pub summary: String,
    pub requirement: Option<String>,
}

/// From when to when.
#[derive(Clone, Debug, Serialize)]
pub struct Period {
    pub from: String,
    pub to: Option<String>,
    pub duration: Option<String>,
}

/// An entry of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub seq: i32,
    pub at: String,
    pub kind: String,
    pub text: String,
    pub recorded_at: String,
    /// Number of the entry that took its place: this one no longer holds.
    pub replaced_by: Option<i32>,
    /// Number of the entry whose place it took.
    pub replaces: Option<i32>,
    pub attachments: Vec<Document>,
}

/// A document by its hash.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    pub name: String,
    pub sha256: String,
}

/// Who is affected: numbers only.
#[derive(Clone, Debug, Serialize)]
pub struct Scope {
    /// The list that holds: the approved one, or the newest draft.
    pub current: Option<List>,
    pub lists: Vec<List>,
}

/// A revision of the affected list.
#[derive(Clone, Debug, Serialize)]
pub struct List {
    pub number: i32,
    pub at: String,
    pub state: String,
    pub approved: bool,
    pub method: String,
    /// What the method asked: window, margins, what puts a person on the list.
    pub question: Vec<String>,
    pub reason: String,
    pub persons: u64,
    pub tenants: u64,
    pub kinds: Vec<Kind>,
    /// People of whom the logs cannot tell; not among `persons`.
    pub indeterminate: u64,
    pub excluded: u64,
    /// Of a list by reconstruction and its corrections: what both methods say, and what that rests on.
    pub statement: Option<String>,
    pub several_tenants: u64,
    pub inputs: Vec<Document>,
    /// What is known to be missing in the logs.
    pub gaps: Vec<String>,
    pub difference: Option<Difference>,
    pub digest: String,
}

/// A kind of people on a list.
#[derive(Clone, Debug, Serialize)]
pub struct Kind {
    pub name: String,
    pub persons: u64,
    pub tenants: u64,
}

/// What a list changed.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    pub from: i32,
    pub added: u64,
    pub removed: u64,
    pub kinds: Vec<Moved>,
}

/// The change of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    pub name: String,
    pub added: u64,
    pub removed: u64,
}

/// What was told to tenants, persons and the public.
#[derive(Clone, Debug, Serialize)]
pub struct Communications {
    pub notices: Vec<Notice>,
    pub entries: Vec<Entry>,
}

/// A notification campaign, in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    pub at: String,
    pub audience: String,
    pub list: Option<i32>,
    pub state: String,
    pub total: u64,
    pub accepted: u64,
    pub waiting: u64,
    pub failed: u64,
}

/// A question from or to somebody outside.
#[derive(Clone, Debug, Serialize)]
pub struct Inquiry {
    pub at: String,
    pub direction: String,
    pub party: String,
    pub channel: Option<String>,
    pub question: String,
    pub state: String,
    pub answers: Vec<Passage>,
}

/// The newest assessment.
#[derive(Clone, Debug, Serialize)]
pub struct Law {
    pub number: i32,
    pub at: String,
    pub digest: String,
    /// Laws that apply, what asks for most first.
    pub decisions: Vec<Decision>,
    /// Laws of which it is not known yet whether they apply.
    pub undecided: Vec<Undecided>,
    /// Titles of laws that do not apply here.
    pub not_applicable: Vec<String>,
    pub facts: Vec<Fact>,
}

/// A law that applies.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    pub title: String,
    pub pack: String,
    pub regulator: String,
    pub persons: String,
    /// The rules that decided, one a line, with their clauses.
    pub reasons: Vec<String>,
    pub deadlines: Vec<Deadline>,
    pub missing: Vec<String>,
    pub notes: Vec<String>,
    /// Clauses whose text was not checked against the primary source.
    pub caveats: Vec<String>,
    /// Every rule that was asked.
    pub trace: String,
}

/// A law of which it is not known whether it applies.
#[derive(Clone, Debug, Serialize)]
pub struct Undecided {
    pub title: String,
    /// Facts that would tell.
    pub missing: Vec<String>,
}

/// A deadline or duty.
#[derive(Clone, Debug, Serialize)]
pub struct Deadline {
    pub title: String,
    pub clause: String,
    pub due: String,
    pub nature: String,
    pub provisional: bool,
}

/// A fact that the assessment used.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    pub label: String,
    pub value: String,
    pub certainty: String,
    pub source: Option<String>,
}

/// Reports to and consultations of the authority.
#[derive(Clone, Debug, Serialize)]
pub struct Authority {
    pub duties: Vec<Duty>,
    pub entries: Vec<Entry>,
    pub consultations: Vec<Inquiry>,
}

/// A duty with its state.
#[derive(Clone, Debug, Serialize)]
pub struct Duty {
    pub title: String,
    pub to: String,
    pub clause: String,
    pub due: String,
    pub nature: String,
    pub state: String,
    pub provisional: bool,
    pub settled_at: Option<String>,
    /// The receipt, or why it was waived.
    pub proof: Option<String>,
}

/// A corrective action.
#[derive(Clone, Debug, Serialize)]
pub struct Action {
    pub title: String,
    /// The requirement that it adds.
    pub requirement: Option<String>,
    pub owner: Option<String>,
    pub starts: Option<String>,
    pub due: Option<String>,
    pub state: String,
    pub done_at: Option<String>,
}

/// Something that is still to be done.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    pub what: String,
    pub when: Option<String>,
    pub who: Option<String>,
}
