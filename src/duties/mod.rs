//! Facts, assessments and duties: what is known about an incident, what the laws ask for, and by when.
//!
//! Facts are append-only in two time axes (since when true, since when known). An assessment evaluates every shipped rule
//! pack on the facts known at its instant and is never overwritten. Its duties are kept up to date: one for each regime,
//! recipient and deadline; what a person has settled stays settled.

mod ask;
mod assess;
mod calendar;
mod consult;
mod escalate;
mod facts;
mod model;
mod order;
mod plan;
mod remind;
mod settle;
mod sources;
mod store;
mod store_consultations;
mod store_reminders;

pub use ask::{DeadlineChange, OutcomeChange, WhatIf, questions, questions_offline, what_if};
pub use assess::{
    assess, assess_as_known, assess_by_itself, assess_by_number, assess_offline, assessments,
    latest_assessment,
};
pub use calendar::{Standing, calendar, standing};
pub use consult::{AuthorityView, Consultation, NewConsultation, consultations, record_consultation};
pub use escalate::{ALARM, Alarm, EarlyWarning, alarm_of, early_warnings, fact_label};
pub use facts::{fact_catalogue, facts, facts_in, record_fact, record_facts};
pub use model::{
    Assessment, Duty, DutyState, FactRecord, LastDay, Nature, NewFact, OWN_SOURCE, Settlement,
    VoluntaryReport, Wording,
};
pub use order::{binding_first, out_of_scope};
pub use plan::due_words;
pub use remind::{
    DueReminders, Point, Posted, REMINDER, Reminder, WEBHOOK, due_reminders, newest_point, point_label,
    posted_of, reminder_of,
};
pub use settle::{record_voluntary_report, settle_duty};

use std::sync::OnceLock;

use jiff::Timestamp;
use law::Packs;
use uuid::Uuid;

use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};
use crate::incidents;

/// How far ahead of the clock an instant may lie that is said to have happened (clocks and zones differ).
const AHEAD_SECONDS: i64 = 24 * 3600;

/// The rule packs of this build, read once.
///
/// # Errors
/// Unexpected ones only: the packs were read by the tests of `law`.
pub fn packs() -> Result<&'static Packs> {
    static PACKS: OnceLock<std::result::Result<Packs, String>> = OnceLock::new();
    PACKS
        .get_or_init(|| {
            Packs::load(law::SHIPPED.iter().copied())
                .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })
        .as_ref()
        .map_err(|faults| anyhow::anyhow!("the shipped rule packs do not read: {faults}").into())
}

/// The duties of an incident by regime and recipient, settled and superseded ones too.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn duties(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Vec<Duty>> {
    let scope = permit(op, tenant, Action::Read, "duty", "incident").await?;
    incidents::incident(op, tenant, incident).await?;
    duties_in(&scope, incident).await
}

/// The same within a scope, for other parts.
///
/// # Errors
/// Unexpected ones only.
pub async fn duties_in(scope: &Scope, incident: Uuid) -> Result<Vec<Duty>> {
    store::duties(scope, scope.connection(), incident).await
}

/// Kinds of duties that no assessment made.
const VOLUNTARY: &str = "voluntary.";

/// Incidents belong to the operator: nobody else learns that one exists.
async fn permit(op: &Op, tenant: Uuid, action: Action, object: &str, what: &str) -> Result<Scope> {
    incidents::permit(op, action, object, what).await?.within(tenant, what)
}

fn line(field: &str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    if !(1..=max).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("wants one line of 1 to {max} characters")));
    }
    Ok(text.to_owned())
}

fn happened(field: &str, at: Timestamp, now: Timestamp) -> Result<()> {
    if at.as_second() > now.as_second() + AHEAD_SECONDS {
        return Err(Error::invalid(field, "lies more than a day in the future").remedy("check the year"));
    }
    if at.as_second() < 631_152_000 {
        return Err(Error::invalid(field, "lies before 1990").remedy("check the year"));
    }
    Ok(())
}

/// The record that no other one supersedes; the later of two.
fn newest(records: &[FactRecord]) -> Option<&FactRecord> {
    records
        .iter()
        .filter(|record| !records.iter().any(|other| other.supersedes == Some(record.id)))
        .max_by_key(|record| (record.recorded_at, record.id))
}
