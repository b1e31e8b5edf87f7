//! Incidents: from the first finding to closure. Everything here belongs to the operator; a customer's account finds nothing.
//!
//! What happened is append-only: entries of the timeline, answers and the people of affected lists are never changed (the
//! database refuses it too); a correction is a new row that names the old one. Whatever is numbered within an incident is
//! numbered under the lock of its row, so that two officers who write at the same moment get two numbers.

mod actions;
pub mod affected;
mod check;
mod detection;
mod findings;
mod hold;
mod inquiries;
mod lifecycle;
pub mod model;
mod reassess;
pub mod scans;
mod store;
mod team;
mod timeline;
mod words;

pub use actions::{NewAction, actions, complete_action, drop_action, plan_action};
pub use affected::{
    Revision, RevisionPerson, approve_revision, approved_revision, changes, correct_revision,
    create_revision, difference, find_revision, people, receive_people, revision, revisions,
};
pub use check::text;
pub use detection::{
    ALARM, Containment, Seen, add_seen, containment, for_alarm, lock_running, note, open_from_seen,
    recipients,
};
pub use findings::{
    NewFinding, all_findings, detect, entry_text, finding_groups, findings, link_finding, report_finding,
};
pub use hold::{TenantHold, holds_tenant, on_hold, on_hold_in, open_since};
pub use inquiries::{
    NewAnswer, NewInquiry, PageQuestion, QUESTIONS, answer_inquiry, ask_from_page, asked_on_pages,
    close_inquiry, forget_questions, inquiries, record_inquiry, waiting_questions,
};
pub use lifecycle::{
    NewIncident, Times, contain_incident, incident, incident_by_number, incidents, open_incident,
    set_incident_status, set_incident_times,
};
pub use model::{
    Entry, Fault, Finding, FindingGroup, FindingsFilter, GroupKey, Incident, Inquiry, Member, RowId,
};
pub use reassess::{REASSESS, append_entry, incident_in, officers, reassess};
pub use team::{NewMember, assign_team_role, end_team_role, members};
pub use timeline::{NewEntry, add_entry, timeline, timeline_page};

use crate::access::{Action, Op, Scope, Tx};
use crate::error::{Error, Result};

/// Most rows of a kind that one incident may have where they are listed without pages.
const MAX_LISTED: u64 = 500;

/// Permission at the operator. Others do not learn that there is anything: `what` is not found.
///
/// # Errors
/// `NOT_FOUND` for customers' accounts, `FORBIDDEN` when the role does not allow it.
pub async fn permit(op: &Op, action: Action, object: &str, what: &str) -> Result<Scope> {
    let root = op.app().root()?;
    op.permit_at(root, action, object)
        .await
        .map_err(|error| if op.actor().operator { error } else { Error::not_found(what) })
}

/// Permission to change something of an incident that the client named, a transaction, and the incident, locked.
async fn begin(op: &Op, incident: RowId, action: Action, object: &str) -> Result<(Scope, Tx, Incident)> {
    let scope = permit(op, action, object, "incident").await?.within(incident.tenant, "incident")?;
    let tx = scope.begin().await?;
    let locked = store::lock_incident(&tx, incident.id).await?.ok_or_else(|| Error::not_found("incident"))?;
    Ok((scope, tx, locked))
}
