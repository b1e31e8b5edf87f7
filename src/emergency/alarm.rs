//! The alarm: at a request, at its approval and at the first use, everybody who may decide on such access is told by mail. It is
//! a job of the operator, enqueued with the change itself, so it is neither lost nor rung for what did not happen.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{Role, Scope, Tx, WithAddress, people_with};
use crate::error::Result;
use crate::jobs::{self, NewJob};

/// Kind of the job.
pub const ALARM: &str = "emergency.alarm";

/// Why it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    Requested,
    Approved,
    /// For the first time.
    Used,
}

impl Alarm {
    /// As keys and Message-IDs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Alarm::Requested => "requested",
            Alarm::Approved => "approved",
            Alarm::Used => "used",
        }
    }
}

/// Enqueues it in the transaction of what happened.
pub(super) async fn ring(tx: &Tx, tenant: Uuid, grant: Uuid, alarm: Alarm) -> Result<()> {
    let job = NewJob {
        kind: ALARM,
        key: format!("{grant}:{}", alarm.as_str()),
        payload: json!({ "tenant": tenant, "grant": grant, "alarm": alarm }),
        run_at: None,
    };
    let root = tx.scope().op().app().root()?;
    jobs::enqueue_at(tx, root, job).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Payload {
    tenant: Uuid,
    grant: Uuid,
    alarm: Alarm,
}

/// What a job is about: tenant, grant and why.
///
/// # Errors
/// Unexpected ones only.
pub fn alarm_of(payload: &Value) -> Result<(Uuid, Uuid, Alarm)> {
    let Payload { tenant, grant, alarm } = serde_json::from_value(payload.clone())?;
    Ok((tenant, grant, alarm))
}

/// Who is told: the operator's administrators, officers and approvers, and the administrators of the tenant itself.
///
/// # Errors
/// Unexpected ones only.
pub async fn recipients(scope: &Scope, tenant: Uuid) -> Result<Vec<WithAddress>> {
    const TOLD: [Role; 3] = [Role::OperatorAdmin, Role::ComplianceOfficer, Role::Approver];
    let root = scope.op().app().root()?;
    let mut told = people_with(scope, root, &TOLD).await?;
    if tenant != root {
        told.extend(people_with(scope, tenant, &[Role::TenantAdmin]).await?);
    }
    Ok(told)
}
