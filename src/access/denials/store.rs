//! The table of denials.

use std::collections::{BTreeSet, HashMap};

use entity::denial;
use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::DenialFilter;
use crate::access::op::{Scope, Tx};
use crate::storage::{Database, Wall, delete_some};

/// SQLite binds at most 32,766 values in a statement; a row has 15.
const ROWS_PER_INSERT: usize = 1000;

/// Keeps rows, and adds to rows that are there how many more were not kept (tenant and id of the row).
pub async fn write(
    database: &Database,
    rows: Vec<denial::Model>,
    more: HashMap<(Uuid, Uuid), i64>,
) -> Result<(), DbErr> {
    let tenants: BTreeSet<Uuid> =
        rows.iter().map(|row| row.tenant_id).chain(more.keys().map(|(tenant, _)| *tenant)).collect();
    let transaction = database.behind(Wall::Tenants(tenants.into_iter().collect())).begin().await?;
    let mut rows = rows.into_iter().map(|row| row.into_active_model().reset_all()).peekable();
    while rows.peek().is_some() {
        let chunk: Vec<_> = rows.by_ref().take(ROWS_PER_INSERT).collect();
        denial::Entity::insert_many(chunk).exec_without_returning(&*transaction).await?;
    }
    // In one order, so that two nodes cannot wait for each other.
    let mut more: Vec<_> = more.into_iter().collect();
    more.sort_unstable();
    for ((tenant, id), times) in more {
        // A row that is gone (its time was over) counts no more.
        denial::Entity::update_many()
            .col_expr(denial::Column::Dropped, Expr::col(denial::Column::Dropped).add(times))
            .filter(denial::Column::TenantId.eq(tenant))
            .filter(denial::Column::Id.eq(id))
            .exec(&*transaction)
            .await?;
    }
    transaction.commit().await
}

/// The newest first.
pub async fn listed(
    scope: &Scope,
    filter: &DenialFilter,
    older_than: Option<Uuid>,
    limit: u64,
) -> Result<Vec<denial::Model>, DbErr> {
    let mut query = denial::Entity::find()
        .filter(scope.rows(denial::Column::TenantId))
        .order_by_desc(denial::Column::Id)
        .limit(limit);
    if let Some(id) = &filter.request_id {
        query = query.filter(denial::Column::RequestId.eq(id.as_str()));
    }
    if let Some(actor) = &filter.actor {
        let account = actor.strip_prefix("account:").and_then(|id| id.parse::<Uuid>().ok());
        query = match account {
            Some(account) => query.filter(denial::Column::Account.eq(account)),
            None => query.filter(denial::Column::Actor.eq(actor.as_str())),
        };
    }
    if let Some(id) = older_than {
        query = query.filter(denial::Column::Id.lt(id));
    }
    query.all(scope.connection()).await
}

/// Removes those of before `before`: at most `limit`.
pub async fn purge(tx: &Tx, before: i64, limit: u64) -> Result<u64, DbErr> {
    let old = denial::Column::At.lt(before).into_condition();
    delete_some::<denial::Entity>(tx.connection(), denial::Column::Id, old, limit).await
}
