//! The table of the service's own secrets.

use entity::service_secret::{Column, Entity, Model};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect,
};
use uuid::Uuid;

use crate::access::{Scope, Tx};
use crate::storage::Walled;

pub async fn all<C: ConnectionTrait>(database: &C) -> Result<Vec<Model>, DbErr> {
    Entity::find().all(database).await
}

/// Keeps a secret, unless there is one of this name.
pub async fn insert(
    database: &Walled,
    name: &str,
    kek_id: &str,
    wrapped: Vec<u8>,
    at: i64,
) -> Result<(), DbErr> {
    let row = Model {
        tenant_id: Uuid::nil(),
        name: name.to_owned(),
        kek_id: kek_id.to_owned(),
        wrapped,
        created_at: at,
    };
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(database)
        .await?;
    Ok(())
}

/// Replaces what a key wrapped. False when somebody else was faster.
pub async fn replace(tx: &Tx, row: &Model, kek_id: &str, wrapped: Vec<u8>) -> Result<bool, DbErr> {
    let updated = Entity::update_many()
        .col_expr(Column::KekId, Expr::value(kek_id))
        .col_expr(Column::Wrapped, Expr::value(wrapped))
        .filter(Column::TenantId.eq(row.tenant_id))
        .filter(Column::Name.eq(row.name.as_str()))
        .filter(Column::KekId.eq(row.kek_id.as_str()))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Which keys wrap secrets of the service.
pub async fn kek_ids(scope: &Scope) -> Result<Vec<String>, DbErr> {
    Entity::find().select_only().column(Column::KekId).into_tuple().all(scope.connection()).await
}
