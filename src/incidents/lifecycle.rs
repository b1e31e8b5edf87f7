//! The incident itself: opening, containment, status, times.

use anyhow::anyhow;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use uuid::Uuid;

use super::model::{ActionState, EntryKind, Finding, Incident, RowId, Status};
use super::timeline::{NewEntry, append};
use super::{begin, check, findings, permit, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Findings that open one incident.
const MAX_FINDINGS: usize = 100;
/// Tries to get a number while others open incidents at the same moment; each round at least one of them gets its own.
const NUMBER_TRIES: usize = 20;

/// What a new incident needs.
#[derive(Clone, Debug)]
pub struct NewIncident {
    pub system: String,
    pub title: String,
    /// IANA time zone in which people speak about it, such as `Asia/Tokyo`.
    pub zone: String,
    /// What it rests on: at least one finding without an incident.
    pub findings: Vec<RowId>,
}

/// Opens an incident from findings. It counts as detected, and known to the organisation, at the earliest of them: the
/// cautious reading, since legal clocks start there; `set_incident_times` corrects it.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when a finding has an incident already, and those of permission.
pub async fn open_incident(op: &Op, new: NewIncident) -> Result<Incident> {
    let scope = permit(op, Action::Create, "incident", "incident").await?;
    let NewIncident { system, title, zone, findings } = new;
    let system = check::name("system", &system)?;
    let title = check::line("title", &title, 200)?;
    if zone.len() > 100 || TimeZone::get(&zone).is_err() {
        return Err(Error::invalid("zone", "is not a time zone").remedy("write one such as Asia/Tokyo"));
    }
    let mut ids: Vec<Uuid> = Vec::with_capacity(findings.len());
    for finding in findings {
        scope.within(finding.tenant, "finding")?;
        if !ids.contains(&finding.id) {
            ids.push(finding.id);
        }
    }
    if !(1..=MAX_FINDINGS).contains(&ids.len()) {
        return Err(Error::invalid("findingIds", format!("wants 1 to {MAX_FINDINGS} findings"))
            .remedy("report what was seen first; an incident rests on a finding"));
    }
    for _ in 0..NUMBER_TRIES {
        if let Some(incident) = try_open(&scope, &system, &title, &zone, &ids).await? {
            return Ok(incident);
        }
    }
    Err(Error::conflict("too many incidents are being opened at this moment").remedy("try again"))
}

/// `None` when another one took the number.
async fn try_open(
    scope: &Scope,
    system: &str,
    title: &str,
    zone: &str,
    ids: &[Uuid],
) -> Result<Option<Incident>> {
    let tx = scope.begin().await?;
    let found = store::findings_by_id(tx.connection(), scope, ids).await?;
    if found.len() != ids.len() {
        return Err(Error::not_found("finding"));
    }
    if found.iter().any(|finding| finding.system != system) {
        return Err(Error::invalid("findingIds", "has a finding about another system"));
    }
    let Some((incident, event)) = open_in(&tx, title, zone, found).await? else { return Ok(None) };
    tx.commit(event).await?;
    Ok(Some(incident))
}

/// Opens an incident from findings of one system (at least one), to be committed with the event. `None` when another one took
/// the number: the transaction is void then.
pub(super) async fn open_in(
    tx: &Tx,
    title: &str,
    zone: &str,
    mut found: Vec<Finding>,
) -> Result<Option<(Incident, Event)>> {
    let scope = tx.scope();
    found.sort_by_key(|finding| (finding.occurred_at, finding.id));
    let Some(first) = found.first() else { return Err(anyhow!("an incident without a finding").into()) };
    let ids: Vec<Uuid> = found.iter().map(|finding| finding.id).collect();
    let incident = Incident {
        tenant: scope.tenant(),
        id: scope.new_id(),
        number: store::last_incident_number(tx).await? + 1,
        title: title.to_owned(),
        system: first.system.clone(),
        status: Status::Open,
        zone: zone.to_owned(),
        opened_at: scope.at(),
        opened_by: scope.author(),
        occurred_from: None,
        occurred_to: None,
        detected_at: Some(first.occurred_at),
        aware_at: Some(first.occurred_at),
        contained_at: None,
        closed_at: None,
    };
    if !store::insert_incident(tx, &incident).await? {
        return Ok(None);
    }
    let home = RowId { tenant: incident.tenant, id: incident.id };
    if !store::link_findings(tx, home, &ids).await? {
        return Err(Error::conflict("a finding belongs to an incident already")
            .remedy("add entries to that incident, or leave the finding out"));
    }
    for finding in &found {
        findings::tell(tx, incident.id, finding).await?;
    }
    append(tx, incident.id, NewEntry::of(EntryKind::Status, scope.at(), "→ open")).await?;
    // At night nobody may record anything for hours, and clocks run from the first sign.
    super::reassess(tx, incident.id, incident.id).await?;
    let detail = json!({ "number": incident.number, "system": incident.system, "findings": ids });
    let event = Event::new("incident.open", format!("incident:{}", incident.id)).detail(detail);
    Ok(Some((incident, event)))
}

/// Records that the fault has stopped: time of containment, end of the harm where it is not known yet, an entry with what
/// was done, and the status where it was open. A second call corrects the time.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the incident is closed, and those of permission.
pub async fn contain_incident(op: &Op, incident: RowId, at: Timestamp, text: &str) -> Result<Incident> {
    let (scope, tx, mut incident) = begin(op, incident, Action::Update, "incident").await?;
    check::past("at", at, scope.at())?;
    if incident.status == Status::Closed {
        return Err(closed());
    }
    check::order("at", incident.occurred_from, Some(at))?;
    incident.contained_at = Some(at);
    incident.occurred_to = Some(at);
    append(&tx, incident.id, NewEntry::of(EntryKind::Containment, at, text)).await?;
    if incident.status == Status::Open {
        incident.status = Status::Contained;
        append(&tx, incident.id, status_entry(scope.at(), Status::Open, Status::Contained, None)).await?;
    }
    store::update_incident(&tx, &incident).await?;
    super::reassess(&tx, incident.id, scope.new_id()).await?;
    let detail = json!({ "contained_at": at.to_string() });
    tx.commit(Event::new("incident.contain", format!("incident:{}", incident.id)).detail(detail)).await?;
    Ok(incident)
}

/// Moves an incident to another status, by the table of [`Status::may_become`].
///
/// # Errors
/// `CONFLICT` when the table or what is left to do forbids it, `INVALID` without a needed reason, `NOT_FOUND`, and those of
/// permission.
pub async fn set_incident_status(
    op: &Op,
    incident: RowId,
    next: Status,
    reason: Option<String>,
) -> Result<Incident> {
    let (scope, tx, mut incident) = begin(op, incident, Action::Update, "incident").await?;
    let reason = match reason {
        Some(reason) => Some(check::text("reason", &reason, 2000)?),
        None => None,
    };
    let before = incident.status;
    if !before.may_become(next) {
        return Err(Error::conflict(format!("an incident that is {before} cannot become {next}")));
    }
    if before.needs_reason(next) && reason.is_none() {
        return Err(Error::invalid("reason", format!("is needed from {before} to {next}")).remedy("say why"));
    }
    if (before, next) == (Status::Open, Status::Contained) && incident.contained_at.is_none() {
        return Err(Error::conflict("when it was contained is not recorded")
            .remedy("use containIncident with the time"));
    }
    if next == Status::Closed {
        let inquiries = store::count_open_inquiries(&tx, incident.id).await?;
        let actions = store::count_actions(&tx, incident.id, Some(ActionState::Planned)).await?;
        if inquiries + actions > 0 {
            let left = format!("{inquiries} inquiries are open and {actions} corrective actions are planned");
            return Err(
                Error::conflict(left).remedy("answer or close the inquiries, complete or drop the actions")
            );
        }
    }
    incident.status = next;
    incident.closed_at = (next == Status::Closed).then(|| scope.at());
    if (before, next) == (Status::Contained, Status::Open) {
        incident.contained_at = None;
        incident.occurred_to = None;
    }
    // A closed incident is not assessed: what was recorded meanwhile counts from now on.
    if before == Status::Closed || (before, next) == (Status::Contained, Status::Open) {
        super::reassess(&tx, incident.id, scope.new_id()).await?;
    }
    store::update_incident(&tx, &incident).await?;
    append(&tx, incident.id, status_entry(scope.at(), before, next, reason.as_deref())).await?;
    let detail = json!({ "from": before, "to": next });
    tx.commit(Event::new("incident.set_status", format!("incident:{}", incident.id)).detail(detail)).await?;
    Ok(incident)
}

fn status_entry(at: Timestamp, from: Status, to: Status, reason: Option<&str>) -> NewEntry {
    let text = match reason {
        Some(reason) => format!("{from} → {to}: {reason}"),
        None => format!("{from} → {to}"),
    };
    NewEntry::of(EntryKind::Status, at, text)
}

fn closed() -> Error {
    Error::conflict("the incident is closed").remedy("set its status to resolved first, with a reason")
}

/// Times of an incident that are to be set; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Times {
    pub occurred_from: Option<Timestamp>,
    pub occurred_to: Option<Timestamp>,
    pub detected_at: Option<Timestamp>,
    pub aware_at: Option<Timestamp>,
    /// Why they change; stands in each entry.
    pub reason: Option<String>,
}

/// Sets times of an incident and leaves one entry for each that changed, with the value before.
///
/// # Errors
/// `INVALID` when they are out of order, `NOT_FOUND`, `CONFLICT` when the incident is closed, and those of permission.
pub async fn set_incident_times(op: &Op, incident: RowId, times: Times) -> Result<Incident> {
    let (scope, tx, mut incident) = begin(op, incident, Action::Update, "incident").await?;
    if incident.status == Status::Closed {
        return Err(closed());
    }
    let Times { occurred_from, occurred_to, detected_at, aware_at, reason } = times;
    let reason = match reason {
        Some(reason) => Some(check::text("reason", &reason, 2000)?),
        None => None,
    };
    let mut entries = Vec::new();
    let slots = [
        ("occurredFrom", occurred_from, &mut incident.occurred_from),
        ("occurredTo", occurred_to, &mut incident.occurred_to),
        ("detectedAt", detected_at, &mut incident.detected_at),
        ("awareAt", aware_at, &mut incident.aware_at),
    ];
    for (field, given, slot) in slots {
        let Some(at) = given else { continue };
        check::past(field, at, scope.at())?;
        if *slot == Some(at) {
            continue;
        }
        let before = slot.map_or_else(|| "–".to_owned(), |before| before.to_string());
        let mut text = format!("{field}: {before} → {at}");
        if let Some(reason) = &reason {
            text.push_str(&format!("\n{reason}"));
        }
        entries.push((field, NewEntry::of(EntryKind::Times, scope.at(), text)));
        *slot = Some(at);
    }
    if entries.is_empty() {
        return Err(Error::invalid("times", "change nothing").remedy("give at least one time that differs"));
    }
    check::order("occurredTo", incident.occurred_from, incident.occurred_to)?;
    store::update_incident(&tx, &incident).await?;
    let fields: Vec<_> = entries.iter().map(|(field, _)| *field).collect();
    for (_, entry) in entries {
        append(&tx, incident.id, entry).await?;
    }
    // The law's clocks begin with these times.
    super::reassess(&tx, incident.id, scope.new_id()).await?;
    let detail = json!({ "times": fields });
    tx.commit(Event::new("incident.set_times", format!("incident:{}", incident.id)).detail(detail)).await?;
    Ok(incident)
}

/// An incident.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn incident(op: &Op, tenant: Uuid, id: Uuid) -> Result<Incident> {
    let scope = permit(op, Action::Read, "incident", "incident").await?.within(tenant, "incident")?;
    store::find_incident(&scope, id).await?.ok_or_else(|| Error::not_found("incident"))
}

/// An incident by its number.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn incident_by_number(op: &Op, number: i32) -> Result<Incident> {
    let scope = permit(op, Action::Read, "incident", "incident").await?;
    store::incident_by_number(&scope, number).await?.ok_or_else(|| Error::not_found("incident"))
}

/// Incidents, the newest first; `before` is the number of the last one of the page before.
///
/// # Errors
/// Those of permission.
pub async fn incidents(op: &Op, before: Option<i32>, limit: u64) -> Result<Vec<Incident>> {
    let scope = permit(op, Action::Read, "incident", "incident").await?;
    store::incidents(&scope, before, limit).await
}
