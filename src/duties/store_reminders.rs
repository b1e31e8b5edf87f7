//! Open duties with a last instant, and which reminders were sent.

use entity::{duty, duty_reminder, incident};
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
};
use uuid::Uuid;

use super::model::{Duty, DutyState};
use super::remind::Point;
use super::store;
use crate::access::{Scope, Tx};
use crate::error::Result;
use crate::incidents::model::Status;

/// Rows of one step of the reading.
const PAGE: u64 = 1000;

/// Open duties of incidents that are not closed, which end before an instant; what ends first comes first. All of them: a bound
/// would silence the newest incident behind what is long overdue.
pub async fn open_until(scope: &Scope, until: Timestamp) -> Result<Vec<Duty>> {
    let closed = incident::Entity::find()
        .select_only()
        .column(incident::Column::Id)
        .filter(incident::Column::TenantId.eq(scope.tenant()))
        .filter(incident::Column::Status.eq(Status::Closed.as_str()))
        .into_query();
    let mut duties: Vec<Duty> = Vec::new();
    let mut after: Option<(i64, Uuid)> = None;
    loop {
        let mut query = duty::Entity::find()
            .filter(scope.rows(duty::Column::TenantId))
            .filter(duty::Column::TenantId.eq(scope.tenant()))
            .filter(duty::Column::State.eq(DutyState::Open.as_str()))
            .filter(duty::Column::DueAt.lte(until.as_microsecond()))
            .filter(duty::Column::IncidentId.not_in_subquery(closed.clone()));
        if let Some((due, id)) = after {
            let same = duty::Column::DueAt.eq(due).and(duty::Column::Id.gt(id));
            query = query.filter(duty::Column::DueAt.gt(due).or(same));
        }
        let rows = query
            .order_by_asc(duty::Column::DueAt)
            .order_by_asc(duty::Column::Id)
            .limit(PAGE)
            .all(scope.connection())
            .await?;
        let full = rows.len() as u64 == PAGE;
        after = rows.last().and_then(|row| Some((row.due_at?, row.id)));
        for row in rows {
            duties.push(store::read_duty(row)?);
        }
        if !full || after.is_none() {
            return Ok(duties);
        }
    }
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
