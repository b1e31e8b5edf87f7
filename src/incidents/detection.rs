//! What a guard saw, recorded without anybody's decision: a finding, and where a stranger saw somebody's data an incident.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::lifecycle::open_in;
use super::model::{EntryKind, Fault, Finding, FindingSource, Incident, RowId, Status};
use super::{check, findings, store};
use crate::access::{Role, Scope, Tx, WithAddress, people_with};
use crate::audit::Event;
use crate::error::Result;
use crate::jobs::{self, NewJob};

/// Kind of the job that tells officers of an incident that nobody opened by hand.
pub const ALARM: &str = "incident.alarm";

/// What a guard saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Of the finding: the guard's own, so that what is told twice is one.
    pub id: Uuid,
    pub system: String,
    pub requirement: Option<String>,
    /// Names of routes and kinds; nothing of a person.
    pub summary: String,
    /// The same for counting.
    pub fault: Fault,
    pub at: Timestamp,
}

impl Seen {
    fn finding(self, tx: &Tx) -> Result<Finding> {
        let Self { id, system, requirement, summary, fault, at } = self;
        let scope = tx.scope();
        Ok(Finding {
            tenant: scope.tenant(),
            id,
            system: check::name("system", &system)?,
            source: FindingSource::Guard,
            requirement: requirement.map(|name| check::name("requirement", &name)).transpose()?,
            summary: check::text("summary", &summary, 2000)?,
            reporter: None,
            // Its clock may be ahead; nothing was seen after it was told.
            occurred_at: at.min(scope.at()),
            recorded_at: scope.at(),
            incident: None,
            fault: Some(fault),
        })
    }
}

/// Records a finding, unless it is known or the same stands there already and nobody has taken it up. To be committed with the
/// event.
///
/// # Errors
/// `INVALID`.
pub async fn note(tx: &Tx, seen: Seen) -> Result<Option<Event>> {
    let finding = seen.finding(tx)?;
    if store::finding_exists(tx, finding.id).await?
        || store::open_finding(tx, &finding.system, &finding.summary).await?.is_some()
    {
        return Ok(None);
    }
    store::insert_finding(tx, &finding).await?;
    Ok(Some(event(&finding)))
}

fn event(finding: &Finding) -> Event {
    let detail = json!({ "system": finding.system, "source": finding.source.as_str(), "requirement": finding.requirement });
    Event::new("finding.report", format!("finding:{}", finding.id)).detail(detail)
}

/// The incident, locked, if the fault may still be going on: whatever is seen further belongs to it. One that was resolved is
/// another one's.
///
/// # Errors
/// Unexpected ones only.
pub async fn lock_running(tx: &Tx, incident: Uuid) -> Result<Option<Incident>> {
    let locked = store::lock_incident(tx, incident).await?;
    Ok(locked.filter(|incident| matches!(incident.status, Status::Open | Status::Contained)))
}

/// When the fault had stopped, by what was said last of it, and when that was said.
pub struct Containment {
    pub at: Timestamp,
    pub said_at: Timestamp,
}

/// What was said of a running incident's containment; none as long as it is open, or open again.
///
/// # Errors
/// Unexpected ones only.
pub async fn containment(tx: &Tx, incident: &Incident) -> Result<Option<Containment>> {
    let Some(at) = incident.contained_at else { return Ok(None) };
    let said_at = store::newest_entry(tx, incident.id, EntryKind::Containment).await?;
    Ok(Some(Containment { at, said_at: said_at.unwrap_or(at) }))
}

/// Adds what was seen to a running incident, each with an entry of the timeline; to be committed with the events.
///
/// # Errors
/// `INVALID`.
pub async fn add_seen(tx: &Tx, incident: &Incident, seen: Vec<Seen>) -> Result<Vec<Event>> {
    let home = RowId { tenant: incident.tenant, id: incident.id };
    let mut events = Vec::new();
    for seen in seen {
        let finding = seen.finding(tx)?;
        if store::finding_exists(tx, finding.id).await? {
            continue;
        }
        store::insert_finding(tx, &finding).await?;
        store::link_findings(tx, home, &[finding.id]).await?;
        findings::tell(tx, incident.id, &finding).await?;
        events.push(event(&finding));
    }
    Ok(events)
}

/// Opens an incident from what was seen (at least one thing), and rings the officers' alarm; to be committed with the events.
/// `None` when another one took the number: the transaction is void then, and begins anew.
///
/// # Errors
/// `INVALID`.
pub async fn open_from_seen(
    tx: &Tx,
    title: &str,
    zone: &str,
    seen: Vec<Seen>,
) -> Result<Option<(Incident, Vec<Event>)>> {
    let title = check::line("title", title, 200)?;
    let (mut found, mut events) = (Vec::new(), Vec::new());
    for seen in seen {
        let finding = seen.finding(tx)?;
        store::insert_finding(tx, &finding).await?;
        events.push(event(&finding));
        found.push(finding);
    }
    let Some((incident, opened)) = open_in(tx, &title, zone, found).await? else { return Ok(None) };
    events.push(opened);
    let job = NewJob {
        kind: ALARM,
        key: incident.id.to_string(),
        payload: json!({ "incident": incident.id }),
        run_at: None,
    };
    jobs::enqueue_at(tx, incident.tenant, job).await?;
    Ok(Some((incident, events)))
}

/// The incident that an alarm is about.
///
/// # Errors
/// Unexpected ones only.
pub async fn for_alarm(scope: &Scope, incident: Uuid) -> Result<Option<Incident>> {
    store::find_incident(scope, incident).await
}

/// Who is told: the operator's officers and approvers.
///
/// # Errors
/// Unexpected ones only.
pub async fn recipients(scope: &Scope) -> Result<Vec<WithAddress>> {
    people_with(scope, scope.op().app().root()?, &[Role::ComplianceOfficer, Role::Approver]).await
}
