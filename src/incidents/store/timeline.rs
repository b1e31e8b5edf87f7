//! Entries of the timeline.

use std::collections::HashMap;

use entity::incident_entry as entry;
use jiff::Timestamp;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::{instant, micros, word};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::incidents::model::{Entry, EntryKind, RowId};

/// Ids in one statement, far below what either database binds.
const IDS_AT_ONCE: usize = 1000;

fn entry(row: entry::Model) -> Result<Entry> {
    let entry::Model {
        tenant_id,
        id,
        incident_id,
        seq,
        kind,
        occurred_at,
        occurred_until,
        precision,
        recorded_at,
        author,
        text,
        supersedes,
        attachments,
    } = row;
    Ok(Entry {
        tenant: tenant_id,
        id,
        incident: incident_id,
        seq,
        kind: word(&kind)?,
        occurred_at: from_micros(occurred_at),
        occurred_until: instant(occurred_until),
        precision: word(&precision)?,
        recorded_at: from_micros(recorded_at),
        author,
        text,
        supersedes,
        superseded_by: None,
        attachments: serde_json::from_str(&attachments)?,
    })
}

/// The number of the last entry. The caller holds the incident's lock.
pub async fn last_seq(tx: &Tx, incident: Uuid) -> Result<i32> {
    let last: Option<Option<i32>> = entry::Entity::find()
        .select_only()
        .column_as(entry::Column::Seq.max(), "last")
        .filter(entry::Column::TenantId.eq(tx.scope().tenant()))
        .filter(entry::Column::IncidentId.eq(incident))
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

pub async fn insert_entry(tx: &Tx, new: &Entry) -> Result<()> {
    let row = entry::Model {
        tenant_id: new.tenant,
        id: new.id,
        incident_id: new.incident,
        seq: new.seq,
        kind: new.kind.as_str().to_owned(),
        occurred_at: new.occurred_at.as_microsecond(),
        occurred_until: micros(new.occurred_until),
        precision: new.precision.as_str().to_owned(),
        recorded_at: new.recorded_at.as_microsecond(),
        author: new.author,
        text: new.text.clone(),
        supersedes: new.supersedes,
        attachments: serde_json::to_string(&new.attachments)?,
    };
    entry::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// When the newest entry of a kind was recorded.
pub async fn newest_entry(tx: &Tx, incident: Uuid, kind: EntryKind) -> Result<Option<Timestamp>> {
    let newest: Option<Option<i64>> = entry::Entity::find()
        .select_only()
        .column_as(entry::Column::RecordedAt.max(), "newest")
        .filter(entry::Column::TenantId.eq(tx.scope().tenant()))
        .filter(entry::Column::IncidentId.eq(incident))
        .filter(entry::Column::Kind.eq(kind.as_str()))
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(newest.flatten().map(from_micros))
}

/// Whether there is such an entry in the incident, and whether it is superseded already.
pub async fn entry_state(tx: &Tx, incident: RowId, id: Uuid) -> Result<Option<bool>> {
    let of_incident = || {
        entry::Entity::find()
            .filter(entry::Column::TenantId.eq(incident.tenant))
            .filter(entry::Column::IncidentId.eq(incident.id))
    };
    if of_incident().filter(entry::Column::Id.eq(id)).count(tx.connection()).await? == 0 {
        return Ok(None);
    }
    let superseded = of_incident().filter(entry::Column::Supersedes.eq(id)).count(tx.connection()).await?;
    Ok(Some(superseded > 0))
}

/// By the time of the event, then by number; `after` is the place of the last one of the page before.
pub async fn entries(
    scope: &Scope,
    incident: Uuid,
    after: Option<(i64, i32)>,
    limit: u64,
) -> Result<Vec<Entry>> {
    let mut query = entry::Entity::find()
        .filter(scope.rows(entry::Column::TenantId))
        .filter(entry::Column::IncidentId.eq(incident))
        .order_by_asc(entry::Column::OccurredAt)
        .order_by_asc(entry::Column::Seq)
        .limit(limit);
    if let Some((at, seq)) = after {
        let later = entry::Column::OccurredAt
            .gt(at)
            .or(entry::Column::OccurredAt.eq(at).and(entry::Column::Seq.gt(seq)));
        query = query.filter(later);
    }
    let rows = query.all(scope.connection()).await?;
    let mut entries: Vec<Entry> = rows.into_iter().map(entry).collect::<Result<_>>()?;
    for chunk in entries.chunks_mut(IDS_AT_ONCE) {
        let successors: Vec<(Option<Uuid>, Uuid)> = entry::Entity::find()
            .select_only()
            .column(entry::Column::Supersedes)
            .column(entry::Column::Id)
            .filter(scope.rows(entry::Column::TenantId))
            .filter(entry::Column::IncidentId.eq(incident))
            .filter(entry::Column::Supersedes.is_in(chunk.iter().map(|entry| entry.id)))
            .into_tuple()
            .all(scope.connection())
            .await?;
        let by_old: HashMap<_, _> = successors.into_iter().collect();
        for entry in chunk {
            entry.superseded_by = by_old.get(&Some(entry.id)).copied();
        }
    }
    Ok(entries)
}
