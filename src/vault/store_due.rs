//! What is due: people whose time is over, and batches that nobody finished.

use entity::{import_batch, import_run, subject};
use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use uuid::Uuid;

use crate::access::{Scope, Tx};

pub fn due(scope: &Scope, system: &str, record_type: &str, cutoff: i64) -> Select<subject::Entity> {
    subject::Entity::find()
        .filter(scope.rows(subject::Column::TenantId))
        .filter(subject::Column::System.eq(system))
        .filter(subject::Column::RecordType.eq(record_type))
        .filter(subject::Column::ErasedAt.is_null())
        .filter(subject::Column::UpdatedAt.lte(cutoff))
}

pub async fn count_due(scope: &Scope, system: &str, record_type: &str, cutoff: i64) -> Result<u64, DbErr> {
    due(scope, system, record_type, cutoff).count(scope.connection()).await
}

/// In the order of the primary key; locked where the database knows locks of rows.
pub async fn due_page<C: ConnectionTrait>(
    database: &C,
    query: Select<subject::Entity>,
    after: Option<(Uuid, Uuid)>,
    limit: u64,
    lock: bool,
) -> Result<Vec<subject::Model>, DbErr> {
    let mut query =
        query.order_by_asc(subject::Column::TenantId).order_by_asc(subject::Column::Id).limit(limit);
    if let Some((tenant, id)) = after {
        let same = Condition::all().add(subject::Column::TenantId.eq(tenant)).add(subject::Column::Id.gt(id));
        query = query.filter(Condition::any().add(subject::Column::TenantId.gt(tenant)).add(same));
    }
    if lock {
        query = query.lock_exclusive();
    }
    query.all(database).await
}

/// Batches of imports that run since before `before`.
pub async fn purge_batches(tx: &Tx, before: i64, limit: u64) -> Result<u64, DbErr> {
    let runs: Vec<(Uuid, Uuid)> = import_run::Entity::find()
        .select_only()
        .column(import_run::Column::TenantId)
        .column(import_run::Column::Id)
        .filter(import_run::Column::StartedAt.lt(before))
        .filter(
            import_run::Column::Id.in_subquery(
                sea_orm::sea_query::Query::select()
                    .column(import_batch::Column::ImportId)
                    .from(import_batch::Entity)
                    .to_owned(),
            ),
        )
        .limit(limit)
        .into_tuple()
        .all(tx.connection())
        .await?;
    let mut removed = 0;
    for (tenant, run) in runs {
        let deleted = import_batch::Entity::delete_many()
            .filter(import_batch::Column::TenantId.eq(tenant))
            .filter(import_batch::Column::ImportId.eq(run))
            .exec(tx.connection())
            .await?;
        removed += deleted.rows_affected;
    }
    Ok(removed)
}
