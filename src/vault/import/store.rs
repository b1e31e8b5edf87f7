//! The only place that knows the tables of imports, and the bulk writing of people.

use std::collections::BTreeMap;

use entity::{import_batch, import_run, subject};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    SqlErr,
};
use uuid::Uuid;

use super::seal::SealedChunk;
use crate::access::{Scope, Tx};
use crate::vault::store::delete_index;
use crate::vault::store_index;
use crate::vault::store_keys::hold_keys;

/// SQLite binds at most 32,766 values in a statement; a subject has 14. Shorter statements are prepared faster than long ones
/// save round trips.
const SUBJECTS_PER_INSERT: usize = 500;
/// Tenants whose keys are held at once.
const TENANTS: usize = 500;

/// Why a chunk was not written.
pub enum WriteError {
    /// Another import or an erasure was faster: read again and repeat.
    Raced,
    Database(DbErr),
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => WriteError::Raced,
            _ => WriteError::Database(error),
        }
    }
}

/// Writes people and their index rows.
pub async fn write_chunk(tx: &Tx, chunk: &mut SealedChunk) -> Result<(), WriteError> {
    let mut keys: Vec<(Uuid, i32)> = chunk
        .new
        .iter()
        .chain(chunk.changed.iter().map(|(row, _)| row))
        .map(|row| (row.tenant_id, row.key_version))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    for keys in keys.chunks(TENANTS) {
        let held = hold_keys(tx, keys.iter().map(|(tenant, _)| *tenant)).await?;
        if keys.iter().any(|key| !held.contains(key)) {
            // The key was replaced and destroyed, or destroyed, since the rows were sealed.
            return Err(WriteError::Raced);
        }
    }
    let mut new = std::mem::take(&mut chunk.new).into_iter().map(|row| row.into_active_model().reset_all());
    loop {
        let rows: Vec<_> = new.by_ref().take(SUBJECTS_PER_INSERT).collect();
        if rows.is_empty() {
            break;
        }
        subject::Entity::insert_many(rows).exec_without_returning(tx.connection()).await?;
    }
    let mut changed: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (row, seen) in std::mem::take(&mut chunk.changed) {
        changed.entry(row.tenant_id).or_default().push(row.id);
        let updated = subject::Entity::update_many()
            .col_expr(subject::Column::KeyVersion, row.key_version.into())
            .col_expr(subject::Column::WrappedKey, row.wrapped_key.into())
            .col_expr(subject::Column::Fields, row.fields.into())
            .col_expr(subject::Column::Language, row.language.into())
            .col_expr(subject::Column::ImportId, row.import_id.into())
            .col_expr(subject::Column::UpdatedAt, row.updated_at.into())
            .col_expr(subject::Column::IndexMark, row.index_mark.into())
            .filter(subject::Column::TenantId.eq(row.tenant_id))
            .filter(subject::Column::Id.eq(row.id))
            .filter(subject::Column::UpdatedAt.eq(seen))
            .filter(subject::Column::ErasedAt.is_null())
            .exec(tx.connection())
            .await?;
        if updated.rows_affected != 1 {
            return Err(WriteError::Raced);
        }
    }
    for (tenant, ids) in changed {
        delete_index(tx, tenant, &ids).await?;
    }
    store_index::insert(tx, std::mem::take(&mut chunk.index)).await?;
    Ok(())
}

pub async fn insert_run(tx: &Tx, run: import_run::Model) -> Result<(), DbErr> {
    import_run::Entity::insert(run.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// The run as it stands, locked until the transaction ends, so that two batches of one import follow each other.
pub async fn lock_run(tx: &Tx, id: Uuid) -> Result<Option<import_run::Model>, DbErr> {
    import_run::Entity::find_by_id((tx.scope().tenant(), id)).lock_exclusive().one(tx.connection()).await
}

pub async fn update_run(tx: &Tx, run: &import_run::Model) -> Result<(), DbErr> {
    let updated = import_run::Entity::update_many()
        .col_expr(import_run::Column::State, run.state.clone().into())
        .col_expr(import_run::Column::RowsRead, run.rows_read.into())
        .col_expr(import_run::Column::RowsKept, run.rows_kept.into())
        .col_expr(import_run::Column::RowsRefused, run.rows_refused.into())
        .col_expr(import_run::Column::Problems, run.problems.clone().into())
        .col_expr(import_run::Column::FinishedAt, run.finished_at.into())
        .filter(import_run::Column::TenantId.eq(run.tenant_id))
        .filter(import_run::Column::Id.eq(run.id))
        .filter(import_run::Column::State.eq("running"))
        .exec(tx.connection())
        .await?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
}

/// Imports of the scope's own tenant that began before `before` and never ended.
pub async fn abandoned(tx: &Tx, before: i64) -> Result<Vec<import_run::Model>, DbErr> {
    import_run::Entity::find()
        .filter(import_run::Column::TenantId.eq(tx.scope().tenant()))
        .filter(import_run::Column::State.eq("running"))
        .filter(import_run::Column::StartedAt.lt(before))
        .limit(100)
        .all(tx.connection())
        .await
}

/// Keeps a batch of an import that counts only as a whole.
pub async fn put_batch(tx: &Tx, batch: import_batch::Model) -> Result<(), DbErr> {
    import_batch::Entity::insert(batch.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// The kept batch that begins with a line.
pub async fn batch_at(tx: &Tx, import: Uuid, first_line: i64) -> Result<Option<import_batch::Model>, DbErr> {
    import_batch::Entity::find()
        .filter(import_batch::Column::TenantId.eq(tx.scope().tenant()))
        .filter(import_batch::Column::ImportId.eq(import))
        .filter(import_batch::Column::FirstLine.eq(first_line))
        .one(tx.connection())
        .await
}

/// The next kept batch after a line.
pub async fn next_batch(
    tx: &Tx,
    import: Uuid,
    after: Option<i64>,
) -> Result<Option<import_batch::Model>, DbErr> {
    let mut query = import_batch::Entity::find()
        .filter(import_batch::Column::TenantId.eq(tx.scope().tenant()))
        .filter(import_batch::Column::ImportId.eq(import))
        .order_by_asc(import_batch::Column::FirstLine);
    if let Some(after) = after {
        query = query.filter(import_batch::Column::FirstLine.gt(after));
    }
    query.one(tx.connection()).await
}

/// How many rows the kept batches have.
pub async fn rows_of_batches(tx: &Tx, import: Uuid) -> Result<i64, DbErr> {
    let rows: Vec<i64> = import_batch::Entity::find()
        .select_only()
        .column(import_batch::Column::Rows)
        .filter(import_batch::Column::TenantId.eq(tx.scope().tenant()))
        .filter(import_batch::Column::ImportId.eq(import))
        .into_tuple()
        .all(tx.connection())
        .await?;
    Ok(rows.into_iter().sum())
}

pub async fn delete_batches(tx: &Tx, import: Uuid) -> Result<(), DbErr> {
    import_batch::Entity::delete_many()
        .filter(import_batch::Column::TenantId.eq(tx.scope().tenant()))
        .filter(import_batch::Column::ImportId.eq(import))
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// The next kept batch after a line, outside a transaction.
pub async fn kept_batch(
    scope: &Scope,
    import: Uuid,
    after: Option<i64>,
) -> Result<Option<import_batch::Model>, DbErr> {
    import_batch::Entity::find()
        .filter(scope.rows(import_batch::Column::TenantId))
        .filter(import_batch::Column::TenantId.eq(scope.tenant()))
        .filter(import_batch::Column::ImportId.eq(import))
        .filter(import_batch::Column::FirstLine.gt(after.unwrap_or(-1)))
        .order_by_asc(import_batch::Column::FirstLine)
        .one(scope.connection())
        .await
}
