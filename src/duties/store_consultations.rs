//! The table of consultations.

use entity::consultation;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::consult::{AuthorityView, Consultation};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;

/// More than an incident may have.
const MAX_ROWS: u64 = 1000;

pub async fn consultations<C: ConnectionTrait>(
    scope: &Scope,
    database: &C,
    incident: Uuid,
) -> Result<Vec<Consultation>> {
    let rows = consultation::Entity::find()
        .filter(scope.rows(consultation::Column::TenantId))
        .filter(consultation::Column::TenantId.eq(scope.tenant()))
        .filter(consultation::Column::IncidentId.eq(incident))
        .order_by_asc(consultation::Column::ConsultedAt)
        .order_by_asc(consultation::Column::Entry)
        .limit(MAX_ROWS)
        .all(database)
        .await?;
    rows.into_iter().map(read).collect()
}

fn read(row: consultation::Model) -> Result<Consultation> {
    let consultation::Model {
        tenant_id,
        id,
        incident_id,
        regime,
        consulted_at,
        with_whom,
        summary,
        view,
        entry,
        recorded_at,
        author,
    } = row;
    Ok(Consultation {
        tenant: tenant_id,
        id,
        incident: incident_id,
        regime,
        at: from_micros(consulted_at),
        with_whom,
        summary,
        view: view.as_deref().map(AuthorityView::read).transpose()?,
        entry,
        recorded_at: from_micros(recorded_at),
        author,
    })
}

pub async fn insert_consultation(tx: &Tx, new: &Consultation) -> Result<()> {
    let row = consultation::Model {
        tenant_id: new.tenant,
        id: new.id,
        incident_id: new.incident,
        regime: new.regime.clone(),
        consulted_at: new.at.as_microsecond(),
        with_whom: new.with_whom.clone(),
        summary: new.summary.clone(),
        view: new.view.map(|view| view.as_str().to_owned()),
        entry: new.entry,
        recorded_at: new.recorded_at.as_microsecond(),
        author: new.author,
    };
    consultation::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}
