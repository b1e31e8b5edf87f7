//! Work for the law: what changed is assessed again, by itself.

use serde_json::json;
use uuid::Uuid;

use super::timeline::{self, NewEntry};
use super::{Entry, store};
use crate::access::{Role, Scope, Tx, WithAddress, people_with};
use crate::error::Result;
use crate::jobs::{self, NewJob};

/// Kind of the job that assesses an incident again. Its payload names the incident.
pub const REASSESS: &str = "duties.assess";

/// Has an incident assessed again because of a change, in the transaction of that change. Each change has a job of its own: one that
/// is running already may have read what was before.
///
/// # Errors
/// Unexpected ones only.
pub async fn reassess(tx: &Tx, incident: Uuid, change: Uuid) -> Result<()> {
    let key = format!("{incident}:{change}");
    let payload = json!({ "incident": incident });
    jobs::enqueue(tx, NewJob { kind: REASSESS, key, payload, run_at: None }).await?;
    Ok(())
}

/// Appends an entry to the timeline of an incident that the transaction has locked.
///
/// # Errors
/// `INVALID` and `LIMIT_EXCEEDED`.
pub async fn append_entry(tx: &Tx, incident: Uuid, new: NewEntry) -> Result<Entry> {
    timeline::append(tx, incident, new).await
}

/// Who is told of what the law asks for: the operator's officers.
///
/// # Errors
/// Unexpected ones only.
pub async fn officers(scope: &Scope) -> Result<Vec<WithAddress>> {
    people_with(scope, scope.op().app().root()?, &[Role::ComplianceOfficer]).await
}

/// An incident within a scope, for work that nobody asked for by name.
///
/// # Errors
/// Unexpected ones only.
pub async fn incident_in(scope: &Scope, incident: Uuid) -> Result<Option<super::Incident>> {
    store::find_incident(scope, incident).await
}
