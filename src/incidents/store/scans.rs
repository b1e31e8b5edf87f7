//! Files and pieces of scans.

use entity::{job, scan_file as file, scan_part as part};
use sea_orm::sea_query::Query;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::must_hit;
use crate::access::{Scope, Tx};
use crate::error::Result;
use crate::incidents::scans::LogFile;

/// SQLite binds at most 32,766 values in a statement; a row has 7.
const ROWS_PER_INSERT: usize = 4000;

pub async fn insert_files(tx: &Tx, job: Uuid, files: &[LogFile]) -> Result<()> {
    let mut number = 0;
    for chunk in files.chunks(ROWS_PER_INSERT) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|log| {
                number += 1;
                file::Model {
                    tenant_id: tx.scope().tenant(),
                    job_id: job,
                    number,
                    source: log.source.clone(),
                    name: log.name.clone(),
                    size: i64::try_from(log.size).unwrap_or(i64::MAX),
                    read: false,
                }
                .into_active_model()
                .reset_all()
            })
            .collect();
        file::Entity::insert_many(rows).exec_without_returning(tx.connection()).await?;
    }
    Ok(())
}

/// The next files that were not read, with their numbers.
pub async fn unread_files(scope: &Scope, job: Uuid, limit: u64) -> Result<Vec<(i32, LogFile)>> {
    let rows = file::Entity::find()
        .filter(file::Column::TenantId.eq(scope.tenant()))
        .filter(file::Column::JobId.eq(job))
        .filter(file::Column::Read.eq(false))
        .order_by_asc(file::Column::Number)
        .limit(limit)
        .all(scope.connection())
        .await?;
    let log = |row: file::Model| {
        let size = u64::try_from(row.size).unwrap_or(0);
        (row.number, LogFile { source: row.source, name: row.name, size })
    };
    Ok(rows.into_iter().map(log).collect())
}

pub async fn mark_read(tx: &Tx, job: Uuid, numbers: &[i32]) -> Result<()> {
    let updated = file::Entity::update_many()
        .col_expr(file::Column::Read, true.into())
        .filter(file::Column::TenantId.eq(tx.scope().tenant()))
        .filter(file::Column::JobId.eq(job))
        .filter(file::Column::Number.is_in(numbers.iter().copied()))
        .filter(file::Column::Read.eq(false))
        .exec(tx.connection())
        .await?;
    Ok(must_hit(updated.rows_affected, numbers.len() as u64)?)
}

/// `place`: the last file of the turn, and the piece's number in it.
pub async fn insert_part(tx: &Tx, job: Uuid, place: (i32, i32), id: Uuid, sealed: Vec<u8>) -> Result<()> {
    let (file, piece) = place;
    let row = part::Model { tenant_id: tx.scope().tenant(), job_id: job, file, piece, id, sealed };
    part::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.connection()).await?;
    Ok(())
}

/// The turns that left something, by their last file.
pub async fn part_files(scope: &Scope, job: Uuid) -> Result<Vec<i32>> {
    Ok(part::Entity::find()
        .select_only()
        .column(part::Column::File)
        .filter(part::Column::TenantId.eq(scope.tenant()))
        .filter(part::Column::JobId.eq(job))
        .filter(part::Column::Piece.eq(0))
        .order_by_asc(part::Column::File)
        .into_tuple()
        .all(scope.connection())
        .await?)
}

/// The pieces of one turn, in order.
pub async fn parts(scope: &Scope, job: Uuid, file: i32) -> Result<Vec<(Uuid, Vec<u8>)>> {
    Ok(part::Entity::find()
        .select_only()
        .columns([part::Column::Id, part::Column::Sealed])
        .filter(part::Column::TenantId.eq(scope.tenant()))
        .filter(part::Column::JobId.eq(job))
        .filter(part::Column::File.eq(file))
        .order_by_asc(part::Column::Piece)
        .into_tuple()
        .all(scope.connection())
        .await?)
}

pub async fn forget_scan(tx: &Tx, job: Uuid) -> Result<()> {
    let tenant = tx.scope().tenant();
    part::Entity::delete_many()
        .filter(part::Column::TenantId.eq(tenant))
        .filter(part::Column::JobId.eq(job))
        .exec(tx.connection())
        .await?;
    file::Entity::delete_many()
        .filter(file::Column::TenantId.eq(tenant))
        .filter(file::Column::JobId.eq(job))
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// Rows of scans that are neither open nor to go on: their jobs were removed or cancelled. How many, at most `limit` scans' worth.
pub async fn purge_scans(tx: &Tx, limit: u64) -> Result<u64> {
    let wanted = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .and_where(job::Column::State.is_in(["queued", "running", "failed"]))
        .to_owned();
    let stale: Vec<Uuid> = file::Entity::find()
        .select_only()
        .column(file::Column::JobId)
        .distinct()
        .filter(Condition::all().add(tx.scope().rows(file::Column::TenantId)))
        .filter(file::Column::JobId.not_in_subquery(wanted))
        .limit(limit)
        .into_tuple()
        .all(tx.connection())
        .await?;
    let mut removed = 0;
    for job in stale {
        let parts =
            part::Entity::delete_many().filter(part::Column::JobId.eq(job)).exec(tx.connection()).await?;
        let files =
            file::Entity::delete_many().filter(file::Column::JobId.eq(job)).exec(tx.connection()).await?;
        removed += parts.rows_affected + files.rows_affected;
    }
    Ok(removed)
}
