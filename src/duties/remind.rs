//! Reminders: when people are told that a deadline comes near or has passed. The plan of instants is pure; that nothing is told twice
//! stands in the database.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use law::Labels;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{Duty, DutyState};
use super::{store, store_reminders};
use crate::access::{Scope, Tx};
use crate::audit::Event;
use crate::error::Result;
use crate::incidents::{self, Incident};
use crate::jobs::{self, NewJob};

/// Kind of the job that sends the mail.
pub const REMINDER: &str = "duties.reminder";
/// Kind of the job that posts to the operator's address.
pub const WEBHOOK: &str = "duties.webhook";

/// How long before its last instant a duty may be told of for the first time.
const AHEAD: SignedDuration = SignedDuration::from_hours(8 * 24);
/// Of a duty that ends with a day people are told in the morning.
const MORNING: i8 = 9;
/// Days before the last day.
const DAYS: [i32; 3] = [7, 3, 1];
/// Hours before the last instant.
const HOURS: [i64; 3] = [24, 6, 1];
/// Duties in one message: its job names each.
const MAX_IN_ONE: usize = 100;

/// An instant at which people are told of a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// `d7`, `h6`, `d0`; `late` and a day for each day after the end. Unique for a duty and its end.
    pub name: String,
    pub at: Timestamp,
}

/// The newest instant of a duty that has come: earlier ones have lost their use. None before the first one, and none that had passed
/// when the duty was opened.
pub fn newest_point(duty: &Duty, now: Timestamp) -> Option<Point> {
    let due = duty.due_at.filter(|_| duty.state == DutyState::Open)?;
    let points = match &duty.wording.last_day {
        Some(last) => by_days(last.date, &last.zone, now),
        None => by_hours(due, now),
    };
    let come = points.into_iter().filter(|point| point.at <= now && point.at >= duty.created_at);
    come.max_by_key(|point| point.at)
}

/// A deadline that ends with a day: on mornings where the day is counted.
fn by_days(date: Date, zone: &str, now: Timestamp) -> Vec<Point> {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let morning = |day: Date| day.at(MORNING, 0, 0, 0).to_zoned(zone.clone()).ok().map(|at| at.timestamp());
    let before = DAYS.iter().filter_map(|days| {
        let at = morning(date.checked_sub(days.days()).ok()?)?;
        Some(Point { name: format!("d{days}"), at })
    });
    let day = morning(date).map(|at| Point { name: "d0".to_owned(), at });
    // Once each day after it: today's morning, and yesterday's when today's has not come.
    let today = now.to_zoned(zone.clone()).date();
    let late = [today.yesterday().ok(), Some(today)].into_iter().flatten().filter(|day| *day > date);
    let late = late.filter_map(|day| Some(Point { name: format!("late {day}"), at: morning(day)? }));
    before.chain(day).chain(late).collect()
}

/// A deadline that ends with an instant.
fn by_hours(due: Timestamp, now: Timestamp) -> Vec<Point> {
    let before = HOURS.iter().filter_map(|hours| {
        let at = due.checked_sub(SignedDuration::from_hours(*hours)).ok()?;
        Some(Point { name: format!("h{hours}"), at })
    });
    let days = now.duration_since(due).as_hours().max(0) / 24;
    let late = due.checked_add(SignedDuration::from_hours(days * 24)).ok();
    before.chain(late.map(|at| Point { name: format!("late {days}"), at })).collect()
}

/// How a reminder is called.
pub fn point_label(name: &str) -> Labels {
    match (name.strip_prefix('d'), name.strip_prefix('h')) {
        (Some("0"), _) => Labels::new("last day", "期限当日"),
        (Some(days), _) => Labels::new(format!("{days} d left"), format!("残り{days}日")),
        (_, Some(hours)) => Labels::new(format!("{hours} h left"), format!("残り{hours}時間")),
        _ => Labels::new("OVERDUE", "期限超過"),
    }
}

/// Duties of one incident of which people are to be told now.
pub struct DueReminders {
    incident: Incident,
    duties: Vec<(Duty, Point)>,
}

/// What is to be told now, by incident. Closed incidents are quiet.
///
/// # Errors
/// Unexpected ones only.
pub async fn due_reminders(scope: &Scope) -> Result<Vec<DueReminders>> {
    let until = scope.at().checked_add(AHEAD).unwrap_or(Timestamp::MAX);
    let mut by_incident: Vec<DueReminders> = Vec::new();
    for duty in store_reminders::open_until(scope, until).await? {
        let (Some(point), Some(due)) = (newest_point(&duty, scope.at()), duty.due_at) else { continue };
        if store_reminders::told(scope, duty.id, due, &point.name).await? {
            continue;
        }
        match by_incident.iter_mut().find(|due| due.incident.id == duty.incident) {
            Some(due) if due.duties.len() < MAX_IN_ONE => due.duties.push((duty, point)),
            // The others in the next round.
            Some(_) => {}
            None => {
                let Some(incident) = incidents::incident_in(scope, duty.incident).await? else { continue };
                by_incident.push(DueReminders { incident, duties: vec![(duty, point)] });
            }
        }
    }
    Ok(by_incident)
}

impl DueReminders {
    /// Writes down that people are told, and has them told; to be committed with the event.
    ///
    /// # Errors
    /// Unexpected ones only, also when another worker was faster: then nothing of this is kept.
    pub async fn tell(&self, tx: &Tx) -> Result<Event> {
        let webhook = !tx.scope().op().app().config().duties.webhook_url.is_empty();
        let mut told = Vec::new();
        for (duty, point) in &self.duties {
            store_reminders::insert(tx, duty, point).await?;
            told.push(json!({ "duty": duty.id, "point": point.name }));
        }
        let payload = json!({ "incident": self.incident.id, "duties": told });
        // Its first duty and instant are told once, so the key is free.
        let (first, point) = self.duties.first().map(|(duty, point)| (duty.id, point.at)).unwrap_or_default();
        let key = format!("{}:{first}:{}", self.incident.id, point.as_second());
        if webhook {
            let job = NewJob { kind: WEBHOOK, key: key.clone(), payload: payload.clone(), run_at: None };
            jobs::enqueue(tx, job).await?;
        }
        jobs::enqueue(tx, NewJob { kind: REMINDER, key, payload, run_at: None }).await?;
        let detail = json!({ "duties": told });
        Ok(Event::new("duty.remind", format!("incident:{}", self.incident.id)).detail(detail))
    }
}

#[derive(Deserialize)]
struct Payload {
    incident: Uuid,
    #[serde(default)]
    duties: Vec<Told>,
    #[serde(default)]
    assessment: Option<i32>,
}

#[derive(Deserialize)]
struct Told {
    duty: Uuid,
    point: String,
}

/// What a job of this part tells, from what is stored now: what was settled meanwhile is told no more, and of a duty whose next
/// instant has come, or whose end has moved, the next reminder tells.
pub struct Reminder {
    /// Number of the incident.
    pub number: i32,
    /// Its id, for the audit log.
    pub incident: Uuid,
    /// Open duties, each with its point.
    pub duties: Vec<(Duty, String)>,
}

/// Reads the payload of a job of kind [`REMINDER`].
///
/// # Errors
/// Unexpected ones only.
pub async fn reminder_of(scope: &Scope, payload: &Value) -> Result<Option<Reminder>> {
    let Payload { incident: id, duties: told, assessment: _ } = serde_json::from_value(payload.clone())?;
    let Some(incident) = incidents::incident_in(scope, id).await? else { return Ok(None) };
    let all = store::duties(scope, scope.connection(), id).await?;
    let open = told.into_iter().filter_map(|Told { duty, point }| {
        let duty = all.iter().find(|other| other.id == duty && other.state == DutyState::Open)?;
        let newest = newest_point(duty, scope.at()).is_some_and(|newest| newest.name == point);
        newest.then(|| (duty.clone(), point))
    });
    let duties: Vec<_> = open.collect();
    Ok((!duties.is_empty()).then_some(Reminder { number: incident.number, incident: id, duties }))
}

/// What is posted to the operator's address: numbers of incidents, words of laws, instants. Nothing of a person.
#[derive(Clone, Debug, Serialize)]
pub struct Posted {
    #[serde(rename = "type")]
    kind: &'static str,
    incident: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    assessment: Option<i32>,
    duties: Vec<Value>,
}

/// Reads the payload of a job of kind [`WEBHOOK`]. None when there is nothing to tell any more.
///
/// # Errors
/// Unexpected ones only.
pub async fn posted_of(scope: &Scope, payload: &Value) -> Result<Option<Posted>> {
    let read: Payload = serde_json::from_value(payload.clone())?;
    if let Some(assessment) = read.assessment {
        let found = incidents::incident_in(scope, read.incident).await?;
        return Ok(found.map(|incident| Posted {
            kind: "assessment.stricter",
            incident: incident.number,
            assessment: Some(assessment),
            duties: Vec::new(),
        }));
    }
    let Some(Reminder { number, incident: _, duties }) = reminder_of(scope, payload).await? else {
        return Ok(None);
    };
    let one = |(duty, point): &(Duty, String)| {
        json!({
            "regime": duty.regime, "recipient": duty.recipient, "kind": duty.kind, "title": duty.wording.title,
            "due": duty.wording.due, "due_at": duty.due_at, "overdue": duty.overdue(scope.at()), "point": point,
        })
    };
    Ok(Some(Posted {
        kind: "duty.reminder",
        incident: number,
        assessment: None,
        duties: duties.iter().map(one).collect(),
    }))
}
