//! How a team did, from the installation's own records: the audit log says when something was done, lists and messages say to whom. What
//! people write into the timeline about times does not count here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use law::Labels;
use serde::Serialize;

use super::judge::{self, Judged, Told};
use super::scene::day_of;
use super::{Folder, State};
use crate::access::Op;
use crate::audit::{self, Entry, Filter};
use crate::duties::{self, Duty, DutyState, Nature};
use crate::error::Result;
use crate::incidents::{self, Incident};

/// Entries of one kind that are looked at: the first of a kind is among them unless somebody did the same a thousand times.
const MOST_ENTRIES: u64 = 1000;
/// Incidents that are looked at. A drill has one.
const MOST_INCIDENTS: u64 = 100;

/// What is to be done, in the order in which it usually is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A first complaint or finding was recorded: from here on the team could know.
    FirstSign,
    /// An incident was opened.
    Detected,
    /// It was contained: the fault ended then.
    Contained,
    /// A first list of people was stored.
    FirstList,
    /// A list was approved by a second person.
    ApprovedList,
    /// The rule packs were evaluated.
    Assessed,
    /// The report was written.
    ReportWritten,
    /// A duty towards the authority was settled with a receipt, or a voluntary report recorded.
    AuthorityTold,
    /// The last mail to a person was accepted, and none is waiting.
    PersonsTold,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Step; 9] = [
        Step::FirstSign,
        Step::Detected,
        Step::Contained,
        Step::FirstList,
        Step::ApprovedList,
        Step::Assessed,
        Step::ReportWritten,
        Step::AuthorityTold,
        Step::PersonsTold,
    ];
}

/// When a step was taken.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Taken {
    pub step: Step,
    /// None: not yet.
    pub at: Option<Timestamp>,
    /// Simulated seconds since the fault began.
    pub after_fault_seconds: Option<i64>,
    /// Simulated seconds since the first sign; none for what was done before it.
    pub after_first_sign_seconds: Option<i64>,
}

/// How a duty stands against its last instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done in time, or the law names no last instant.
    Kept,
    /// Done afterwards.
    Late,
    /// People were told, and of those who were exposed not all.
    Incomplete,
    /// Not done, and there is time.
    Open,
    /// Not done, and the time is over.
    Missed,
    /// Somebody decided against it, with a reason.
    Waived,
}

/// A duty of the incident.
#[derive(Clone, Debug, Serialize)]
pub struct Deadline {
    pub regime: String,
    /// As the rule pack names it: `regulator.preliminary`.
    pub kind: String,
    #[serde(skip)]
    pub title: Labels,
    pub nature: Nature,
    pub due_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    pub outcome: Outcome,
}

/// How a drill went so far.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    /// Simulated seconds in a second.
    pub speed: u32,
    /// The present of the drill.
    pub at: Timestamp,
    pub fault_began: Timestamp,
    /// When it was contained; none while it goes on.
    pub fault_ended: Option<Timestamp>,
    pub steps: Vec<Taken>,
    pub duties: Vec<Deadline>,
    /// The newest approved list, else the newest; none when there is none.
    pub list: Option<Judged>,
    pub told: Told,
    /// People whose page somebody else saw, so far. No log shows it; the drill knows.
    pub truly_exposed: usize,
}

/// Measures a drill. What is read for it is recorded as any read.
///
/// # Errors
/// Those of permission, and unexpected ones.
pub async fn measure(op: &Op, folder: &Folder) -> Result<Report> {
    let State { seed, speed, begins, .. } = folder.state()?;
    let incidents = incidents::incidents(op, None, MOST_INCIDENTS).await?;
    let contained = contained_at(op).await?;
    let day = day_of(seed, contained).await?;
    let seen = |time: &Timestamp| *time <= op.at();
    let exposed = day.truth().sightings.iter().filter(|sighting| seen(&sighting.time));
    let exposed = exposed.map(|sighting| sighting.victim.clone()).collect();
    let told = judge::told(op, &incidents, &exposed).await?;
    let settled = done(op, "duty.settle").await?;
    let settled = settled.into_iter().filter(|entry| entry.detail["state"] == DutyState::Done.as_str());
    let settled: BTreeMap<String, Entry> = settled.map(|entry| (entry.object.clone(), entry)).collect();
    let to_authority =
        settled.values().filter(|entry| entry.detail["kind"].as_str().is_some_and(is_to_authority));
    let voluntary = first(op, "duty.voluntary_report").await?;
    let mut at = Vec::new();
    for step in Step::ALL {
        at.push(match step {
            Step::FirstSign => first(op, "finding.report").await?,
            Step::Detected => first(op, "incident.open").await?,
            Step::Contained => contained,
            Step::FirstList => first(op, "revision.create").await?,
            Step::ApprovedList => first(op, "revision.approve").await?,
            Step::Assessed => first(op, "assessment.create").await?,
            Step::ReportWritten => first(op, "report.render").await?,
            Step::AuthorityTold => to_authority.clone().map(|entry| entry.at).chain(voluntary).min(),
            Step::PersonsTold => told.last_at,
        });
    }
    let sign = at[0];
    let steps = Step::ALL.into_iter().zip(&at).map(|(step, at)| Taken {
        step,
        at: *at,
        after_fault_seconds: at.map(|at| seconds(begins, at)),
        after_first_sign_seconds: at
            .zip(sign)
            .map(|(at, sign)| seconds(sign, at))
            .filter(|seconds| *seconds >= 0),
    });
    let mut deadlines = Vec::new();
    for Incident { tenant, id, .. } in &incidents {
        for duty in duties::duties(op, *tenant, *id).await? {
            deadlines.extend(deadline(duty, op.at(), &settled, &told));
        }
    }
    Ok(Report {
        seed,
        speed,
        at: op.at(),
        fault_began: begins,
        fault_ended: contained,
        steps: steps.collect(),
        duties: deadlines,
        list: judge::list(op, &incidents, &exposed).await?,
        truly_exposed: exposed.len(),
        told,
    })
}

/// When the incident was first contained. The fault ends then, whatever time was given for it.
pub(super) async fn contained_at(op: &Op) -> Result<Option<Timestamp>> {
    first(op, "incident.contain").await
}

fn is_to_authority(kind: &str) -> bool {
    kind.split('.').next() == Some("regulator")
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

/// What stands in the operator's log of an action, the newest first, without refusals.
async fn done(op: &Op, action: &str) -> Result<Vec<Entry>> {
    let filter = Filter { action: Some(action.to_owned()), ..Filter::default() };
    let found = audit::entries(op, op.app().root()?, &filter, None, MOST_ENTRIES).await?;
    Ok(found.entries.into_iter().filter(|entry| entry.allowed).collect())
}

async fn first(op: &Op, action: &str) -> Result<Option<Timestamp>> {
    Ok(done(op, action).await?.last().map(|entry| entry.at))
}

/// How a duty stands; nothing for one that is no longer asked for, or never was.
fn deadline(duty: Duty, now: Timestamp, settled: &BTreeMap<String, Entry>, told: &Told) -> Option<Deadline> {
    let Duty { id, regime, recipient, kind, nature, due_at, wording, state, .. } = duty;
    // A voluntary report is a step, and no law's deadline.
    if state == DutyState::Superseded || (state == DutyState::Done && nature == Nature::Internal) {
        return None;
    }
    // Whether people were told, their mails say, not a receipt.
    let done_at = match recipient.as_str() {
        "persons" => told.last_at,
        _ => settled.get(&format!("duty:{id}")).map(|entry| entry.at),
    };
    let outcome = match (done_at, due_at) {
        (None, _) if state == DutyState::Waived => Outcome::Waived,
        (Some(_), _) if recipient == "persons" && !told.missed.is_empty() => Outcome::Incomplete,
        (Some(done), Some(due)) if done > due => Outcome::Late,
        (Some(_), _) => Outcome::Kept,
        (None, Some(due)) if now > due => Outcome::Missed,
        (None, _) => Outcome::Open,
    };
    Some(Deadline { regime, kind, title: wording.title, nature, due_at, done_at, outcome })
}
