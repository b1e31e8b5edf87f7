//! Open duties with a last instant, and which reminders were sent.

use entity::{duty, duty_reminder};
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::model::{Duty, DutyState};
use super::remind::Point;
use super::store;
use crate::access::{Scope, Tx};
use crate::error::Result;

/// Duties that one round looks at; what is due first comes first.
const MAX_ROWS: u64 = 2000;

/// Open duties that end before an instant, those of an incident together.
pub async fn open_until(scope: &Scope, until: Timestamp) -> Result<Vec<Duty>> {
    let rows = duty::Entity::find()
        .filter(scope.rows(duty::Column::TenantId))
        .filter(duty::Column::TenantId.eq(scope.tenant()))
        .filter(duty::Column::State.eq(DutyState::Open.as_str()))
        .filter(duty::Column::DueAt.lte(until.as_microsecond()))
        .order_by_asc(duty::Column::IncidentId)
        .order_by_asc(duty::Column::DueAt)
        .order_by_asc(duty::Column::Id)
        .limit(MAX_ROWS)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(store::read_duty).collect()
}

/// Whether this reminder was sent.
pub async fn told(scope: &Scope, duty: Uuid, due: Timestamp, point: &str) -> Result<bool> {
    let key = (scope.tenant(), duty, due.as_microsecond(), point.to_owned());
    let found = duty_reminder::Entity::find_by_id(key)
        .filter(scope.rows(duty_reminder::Column::TenantId))
        .one(scope.connection())
        .await?;
    Ok(found.is_some())
}

/// Writes down that it is sent. The key refuses a second one.
pub async fn insert(tx: &Tx, duty: &Duty, point: &Point) -> Result<()> {
    let row = duty_reminder::Model {
        tenant_id: duty.tenant,
        duty_id: duty.id,
        due_at: duty.due_at.map(Timestamp::as_microsecond).unwrap_or_default(),
        point: point.name.clone(),
        incident_id: duty.incident,
        recorded_at: tx.scope().at_micros(),
    };
    duty_reminder::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}
