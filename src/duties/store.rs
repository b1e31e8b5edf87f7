//! The only place that knows the tables of facts, assessments and duties.

use entity::{assessment, duty, fact, incident};
use jiff::Timestamp;
use law::Labels;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::model::{Assessment, Duty, DutyState, FactRecord};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// Most facts and duties of one incident that are read at once: officers stop recording long before (`MAX_FACTS`), and each list adds
/// those that changed.
const MAX_ROWS: u64 = 100_000;

/// Locks the incident for this transaction: facts supersede, assessments count and duties change one after the other.
/// SQLite has one writer anyway.
pub async fn lock_incident(tx: &Tx, tenant: Uuid, id: Uuid) -> Result<()> {
    let found = incident::Entity::find_by_id((tenant, id)).lock_exclusive().one(tx.connection()).await?;
    found.map(|_| ()).ok_or_else(|| Error::not_found("incident"))
}

pub async fn facts<C: ConnectionTrait>(
    scope: &Scope,
    database: &C,
    incident: Uuid,
    known_at: Timestamp,
) -> Result<Vec<FactRecord>> {
    let rows = fact::Entity::find()
        .filter(scope.rows(fact::Column::TenantId))
        .filter(fact::Column::TenantId.eq(scope.tenant()))
        .filter(fact::Column::IncidentId.eq(incident))
        .filter(fact::Column::RecordedAt.lte(known_at.as_microsecond()))
        .order_by_asc(fact::Column::RecordedAt)
        .order_by_asc(fact::Column::Name)
        .order_by_asc(fact::Column::Id)
        .limit(MAX_ROWS)
        .all(database)
        .await?;
    rows.into_iter().map(fact_record).collect()
}

fn fact_record(row: fact::Model) -> Result<FactRecord> {
    let fact::Model {
        tenant_id,
        id,
        incident_id,
        name,
        value,
        certainty,
        valid_at,
        recorded_at,
        source,
        author,
        supersedes,
    } = row;
    let certainty =
        serde_json::from_value(serde_json::Value::String(certainty)).map_err(anyhow::Error::from)?;
    let value: serde_json::Value = parse(&value)?;
    let value = match value {
        serde_json::Value::Null => None,
        value => Some(super::model::read_fact(&name, &value, certainty)?.value),
    };
    Ok(FactRecord {
        tenant: tenant_id,
        id,
        incident: incident_id,
        name,
        value,
        certainty,
        valid_at: from_micros(valid_at),
        recorded_at: from_micros(recorded_at),
        source,
        author,
        supersedes,
        current: false,
    })
}

pub async fn insert_fact(tx: &Tx, record: &FactRecord) -> Result<()> {
    let certainty = serde_json::to_value(record.certainty).map_err(anyhow::Error::from)?;
    let row = fact::Model {
        tenant_id: record.tenant,
        id: record.id,
        incident_id: record.incident,
        name: record.name.clone(),
        value: record.value_json(),
        certainty: certainty.as_str().unwrap_or_default().to_owned(),
        valid_at: record.valid_at.as_microsecond(),
        recorded_at: record.recorded_at.as_microsecond(),
        source: record.source.clone(),
        author: record.author,
        supersedes: record.supersedes,
    };
    fact::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.connection()).await?;
    Ok(())
}

/// The newest first; `before` is the number of the last one of the page before.
pub async fn assessments(
    scope: &Scope,
    incident: Uuid,
    before: Option<i32>,
    limit: u64,
) -> Result<Vec<Assessment>> {
    let rows = assessment::Entity::find()
        .filter(scope.rows(assessment::Column::TenantId))
        .filter(assessment::Column::IncidentId.eq(incident))
        .filter(assessment::Column::Number.lt(before.unwrap_or(i32::MAX)))
        .order_by_desc(assessment::Column::Number)
        .limit(limit)
        .all(scope.connection())
        .await?;
    rows.into_iter().map(read_assessment).collect()
}

/// The newest assessment of an incident.
pub async fn latest(scope: &Scope, incident: Uuid) -> Result<Option<Assessment>> {
    let row = assessment::Entity::find()
        .filter(scope.rows(assessment::Column::TenantId))
        .filter(assessment::Column::IncidentId.eq(incident))
        .order_by_desc(assessment::Column::Number)
        .one(scope.connection())
        .await?;
    row.map(read_assessment).transpose()
}

/// Number of the newest assessment, without reading it.
pub async fn latest_number(scope: &Scope, incident: Uuid) -> Result<Option<i32>> {
    let last: Option<i32> = assessment::Entity::find()
        .select_only()
        .column(assessment::Column::Number)
        .filter(scope.rows(assessment::Column::TenantId))
        .filter(assessment::Column::IncidentId.eq(incident))
        .order_by_desc(assessment::Column::Number)
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(last)
}

pub async fn next_number(tx: &Tx, tenant: Uuid, incident: Uuid) -> Result<i32> {
    let last: Option<i32> = assessment::Entity::find()
        .select_only()
        .column(assessment::Column::Number)
        .filter(assessment::Column::TenantId.eq(tenant))
        .filter(assessment::Column::IncidentId.eq(incident))
        .order_by_desc(assessment::Column::Number)
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(last.unwrap_or(0) + 1)
}

fn read_assessment(row: assessment::Model) -> Result<Assessment> {
    Ok(Assessment {
        tenant: row.tenant_id,
        id: row.id,
        incident: row.incident_id,
        number: row.number,
        evaluated_at: from_micros(row.evaluated_at),
        revision: row.revision_id,
        facts: parse(&row.facts)?,
        decisions: parse(&row.decisions)?,
        digest: row.digest,
        author: row.author,
    })
}

/// Stores an assessment; `facts` and `decisions` are the very texts that the digest was taken of.
pub async fn insert_assessment(
    tx: &Tx,
    assessment: &Assessment,
    facts: String,
    decisions: String,
) -> Result<()> {
    let row = assessment::Model {
        tenant_id: assessment.tenant,
        id: assessment.id,
        incident_id: assessment.incident,
        number: assessment.number,
        evaluated_at: assessment.evaluated_at.as_microsecond(),
        revision_id: assessment.revision,
        facts,
        decisions,
        digest: assessment.digest.clone(),
        author: assessment.author,
    };
    assessment::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

pub async fn duties<C: ConnectionTrait>(scope: &Scope, database: &C, incident: Uuid) -> Result<Vec<Duty>> {
    let rows = duty::Entity::find()
        .filter(scope.rows(duty::Column::TenantId))
        .filter(duty::Column::IncidentId.eq(incident))
        .order_by_asc(duty::Column::Regime)
        .order_by_asc(duty::Column::Recipient)
        .order_by_asc(duty::Column::Kind)
        .limit(MAX_ROWS)
        .all(database)
        .await?;
    rows.into_iter().map(read_duty).collect()
}

pub async fn duty<C: ConnectionTrait>(database: &C, tenant: Uuid, id: Uuid) -> Result<Option<Duty>> {
    duty::Entity::find_by_id((tenant, id)).one(database).await?.map(read_duty).transpose()
}

pub(super) fn read_duty(row: duty::Model) -> Result<Duty> {
    let duty::Model {
        tenant_id,
        id,
        incident_id,
        assessment_id,
        regime,
        recipient,
        kind,
        clause,
        nature,
        due_at,
        due_text,
        state,
        receipt,
        reason,
        late_reason,
        settled_at,
        settled_by,
        created_at,
    } = row;
    Ok(Duty {
        tenant: tenant_id,
        id,
        incident: incident_id,
        assessment: assessment_id,
        regime,
        recipient,
        kind,
        clause: parse::<Labels>(&clause)?,
        nature: nature.parse()?,
        due_at: due_at.map(from_micros),
        wording: parse(&due_text)?,
        state: state.parse()?,
        receipt,
        reason,
        late_reason,
        settled_at: settled_at.map(from_micros),
        settled_by,
        created_at: from_micros(created_at),
    })
}

fn duty_row(duty: &Duty) -> Result<duty::Model> {
    Ok(duty::Model {
        tenant_id: duty.tenant,
        id: duty.id,
        incident_id: duty.incident,
        assessment_id: duty.assessment,
        regime: duty.regime.clone(),
        recipient: duty.recipient.clone(),
        kind: duty.kind.clone(),
        clause: serde_json::to_string(&duty.clause).map_err(anyhow::Error::from)?,
        nature: duty.nature.as_str().to_owned(),
        due_at: duty.due_at.map(Timestamp::as_microsecond),
        due_text: serde_json::to_string(&duty.wording).map_err(anyhow::Error::from)?,
        state: duty.state.as_str().to_owned(),
        receipt: duty.receipt.clone(),
        reason: duty.reason.clone(),
        late_reason: duty.late_reason.clone(),
        settled_at: duty.settled_at.map(Timestamp::as_microsecond),
        settled_by: duty.settled_by,
        created_at: duty.created_at.as_microsecond(),
    })
}

pub async fn insert_duty(tx: &Tx, duty: &Duty) -> Result<()> {
    duty::Entity::insert(duty_row(duty)?.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// Writes a duty whose stored state must still be `was`: two people who settle at once do not overwrite each other.
pub async fn update_duty(tx: &Tx, duty: &Duty, was: DutyState) -> Result<()> {
    let updated = duty::Entity::update_many()
        .set(duty_row(duty)?.into_active_model().reset_all())
        .filter(duty::Column::TenantId.eq(duty.tenant))
        .filter(duty::Column::Id.eq(duty.id))
        .filter(duty::Column::State.eq(was.as_str()))
        .exec(tx.connection())
        .await?;
    if updated.rows_affected == 1 {
        Ok(())
    } else {
        Err(Error::conflict("the duty was changed by somebody else meanwhile").remedy("read it again"))
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| anyhow::anyhow!("a stored document does not read: {error}").into())
}
