//! Findings and incidents.

use entity::{finding, incident};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, SqlErr,
};
use uuid::Uuid;

use super::groups::asked_for;
use super::{instant, micros, must_hit, word};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::incidents::model::{Fault, Finding, FindingsFilter, Incident, RowId};

fn finding(row: finding::Model) -> Result<Finding> {
    let finding::Model {
        tenant_id,
        id,
        system,
        source,
        requirement,
        summary,
        reporter,
        occurred_at,
        recorded_at,
        recorded_by: _,
        incident_id,
        kind,
        grade,
        route,
    } = row;
    Ok(Finding {
        tenant: tenant_id,
        id,
        system,
        source: word(&source)?,
        requirement,
        summary,
        reporter,
        occurred_at: from_micros(occurred_at),
        recorded_at: from_micros(recorded_at),
        incident: incident_id,
        fault: kind.zip(grade).map(|(kind, grade)| Fault { kind, grade, route }),
    })
}

fn incident(row: incident::Model) -> Result<Incident> {
    let incident::Model {
        tenant_id,
        id,
        number,
        title,
        system,
        status,
        zone,
        opened_at,
        opened_by,
        occurred_from,
        occurred_to,
        detected_at,
        aware_at,
        contained_at,
        closed_at,
    } = row;
    Ok(Incident {
        tenant: tenant_id,
        id,
        number,
        title,
        system,
        status: word(&status)?,
        zone,
        opened_at: from_micros(opened_at),
        opened_by,
        occurred_from: instant(occurred_from),
        occurred_to: instant(occurred_to),
        detected_at: instant(detected_at),
        aware_at: instant(aware_at),
        contained_at: instant(contained_at),
        closed_at: instant(closed_at),
    })
}

fn row_of(incident: &Incident) -> incident::Model {
    let Incident {
        tenant,
        id,
        number,
        title,
        system,
        status,
        zone,
        opened_at,
        opened_by,
        occurred_from,
        occurred_to,
        detected_at,
        aware_at,
        contained_at,
        closed_at,
    } = incident.clone();
    incident::Model {
        tenant_id: tenant,
        id,
        number,
        title,
        system,
        status: status.as_str().to_owned(),
        zone,
        opened_at: opened_at.as_microsecond(),
        opened_by,
        occurred_from: micros(occurred_from),
        occurred_to: micros(occurred_to),
        detected_at: micros(detected_at),
        aware_at: micros(aware_at),
        contained_at: micros(contained_at),
        closed_at: micros(closed_at),
    }
}

pub async fn insert_finding(tx: &Tx, new: &Finding) -> Result<()> {
    let (kind, grade, route) = match new.fault.clone() {
        Some(Fault { kind, grade, route }) => (Some(kind), Some(grade), route),
        None => (None, None, None),
    };
    let row = finding::Model {
        tenant_id: new.tenant,
        id: new.id,
        system: new.system.clone(),
        source: new.source.as_str().to_owned(),
        requirement: new.requirement.clone(),
        summary: new.summary.clone(),
        reporter: new.reporter.clone(),
        occurred_at: new.occurred_at.as_microsecond(),
        recorded_at: new.recorded_at.as_microsecond(),
        recorded_by: tx.scope().op().actor().account,
        incident_id: new.incident,
        kind,
        grade,
        route,
    };
    finding::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// Whether a finding of this id is there.
pub async fn finding_exists(tx: &Tx, id: Uuid) -> Result<bool> {
    let found = finding::Entity::find_by_id((tx.scope().tenant(), id)).one(tx.connection()).await?;
    Ok(found.is_some())
}

/// A finding of this text that belongs to no incident.
pub async fn open_finding(tx: &Tx, system: &str, summary: &str) -> Result<Option<Uuid>> {
    Ok(finding::Entity::find()
        .select_only()
        .column(finding::Column::Id)
        .filter(finding::Column::TenantId.eq(tx.scope().op().app().root()?))
        .filter(finding::Column::System.eq(system))
        .filter(finding::Column::Summary.eq(summary))
        .filter(finding::Column::IncidentId.is_null())
        .into_tuple()
        .one(tx.connection())
        .await?)
}

/// Those of the ids that exist, in no order.
pub async fn findings_by_id<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<Vec<Finding>> {
    let rows = finding::Entity::find()
        .filter(scope.rows(finding::Column::TenantId))
        .filter(finding::Column::Id.is_in(ids.iter().copied()))
        .all(database)
        .await?;
    rows.into_iter().map(finding).collect()
}

/// Which findings.
pub enum FindingsOf {
    Incident(Uuid),
    Any(FindingsFilter),
}

/// By time; `after` is the place of the last one of the page before.
pub async fn findings(
    scope: &Scope,
    of: FindingsOf,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Finding>> {
    let mut query = finding::Entity::find()
        .filter(scope.rows(finding::Column::TenantId))
        .order_by_asc(finding::Column::OccurredAt)
        .order_by_asc(finding::Column::Id)
        .limit(limit);
    match of {
        FindingsOf::Incident(incident) => query = query.filter(finding::Column::IncidentId.eq(incident)),
        FindingsOf::Any(filter) => query = query.filter(asked_for(&filter)),
    }
    if let Some((at, id)) = after {
        let later = finding::Column::OccurredAt
            .gt(at)
            .or(finding::Column::OccurredAt.eq(at).and(finding::Column::Id.gt(id)));
        query = query.filter(later);
    }
    query.all(scope.connection()).await?.into_iter().map(finding).collect()
}

/// Gives findings to an incident. Returns false, and then the caller must not commit, when one had an incident already.
pub async fn link_findings(tx: &Tx, incident: RowId, findings: &[Uuid]) -> Result<bool> {
    let updated = finding::Entity::update_many()
        .col_expr(finding::Column::IncidentId, incident.id.into())
        .filter(finding::Column::TenantId.eq(incident.tenant))
        .filter(finding::Column::Id.is_in(findings.iter().copied()))
        .filter(finding::Column::IncidentId.is_null())
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == findings.len() as u64)
}

pub async fn last_incident_number(tx: &Tx) -> Result<i32> {
    let last: Option<Option<i32>> = incident::Entity::find()
        .select_only()
        .column_as(incident::Column::Number.max(), "last")
        .filter(incident::Column::TenantId.eq(tx.scope().tenant()))
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

/// Returns false when another one took the number in the meantime; then the transaction is of no more use.
pub async fn insert_incident(tx: &Tx, new: &Incident) -> Result<bool> {
    let row = row_of(new).into_active_model().reset_all();
    match incident::Entity::insert(row).exec_without_returning(tx.connection()).await {
        Ok(_) => Ok(true),
        Err(error) if is_taken(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

pub async fn update_incident(tx: &Tx, changed: &Incident) -> Result<()> {
    let row = row_of(changed);
    let updated = incident::Entity::update_many()
        .col_expr(incident::Column::Status, row.status.into())
        .col_expr(incident::Column::OccurredFrom, row.occurred_from.into())
        .col_expr(incident::Column::OccurredTo, row.occurred_to.into())
        .col_expr(incident::Column::DetectedAt, row.detected_at.into())
        .col_expr(incident::Column::AwareAt, row.aware_at.into())
        .col_expr(incident::Column::ContainedAt, row.contained_at.into())
        .col_expr(incident::Column::ClosedAt, row.closed_at.into())
        .filter(incident::Column::TenantId.eq(row.tenant_id))
        .filter(incident::Column::Id.eq(row.id))
        .exec(tx.connection())
        .await?;
    Ok(must_hit(updated.rows_affected, 1)?)
}

/// Reads and locks it until the transaction ends, so that what is numbered within it is numbered one after the other.
pub async fn lock_incident(tx: &Tx, id: Uuid) -> Result<Option<Incident>> {
    // SQLite has no row locks; a writing transaction there holds the only write lock already.
    incident::Entity::find_by_id((tx.scope().tenant(), id))
        .lock_exclusive()
        .one(tx.connection())
        .await?
        .map(incident)
        .transpose()
}

pub async fn find_incident(scope: &Scope, id: Uuid) -> Result<Option<Incident>> {
    let row = incident::Entity::find()
        .filter(scope.rows(incident::Column::TenantId))
        .filter(incident::Column::Id.eq(id))
        .one(scope.connection())
        .await?;
    row.map(incident).transpose()
}

pub async fn incident_by_number(scope: &Scope, number: i32) -> Result<Option<Incident>> {
    let row = incident::Entity::find()
        .filter(scope.rows(incident::Column::TenantId))
        .filter(incident::Column::Number.eq(number))
        .one(scope.connection())
        .await?;
    row.map(incident).transpose()
}

/// The newest first; `before` is the number of the last one of the page before.
pub async fn incidents(scope: &Scope, before: Option<i32>, limit: u64) -> Result<Vec<Incident>> {
    let mut query = incident::Entity::find()
        .filter(scope.rows(incident::Column::TenantId))
        .order_by_desc(incident::Column::Number)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(incident::Column::Number.lt(before));
    }
    query.all(scope.connection()).await?.into_iter().map(incident).collect()
}
