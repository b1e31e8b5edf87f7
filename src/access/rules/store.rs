//! The table of rules that people set.

use entity::{access_rule, tenant};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::Kind;
use crate::access::op::{Scope, Tx};
use crate::storage::Walled;

/// Rules of one kind that have not ended, of a tenant.
pub async fn of_tenant<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    kind: Kind,
) -> Result<Vec<access_rule::Model>, DbErr> {
    access_rule::Entity::find()
        .filter(access_rule::Column::TenantId.eq(tenant))
        .filter(access_rule::Column::Kind.eq(kind.as_str()))
        .filter(access_rule::Column::EndedAt.is_null())
        .order_by_asc(access_rule::Column::Id)
        .limit(super::MAX_RULES)
        .all(database)
        .await
}

/// The same within a scope.
pub async fn listed(scope: &Scope, tenant: Uuid, kind: Kind) -> Result<Vec<access_rule::Model>, DbErr> {
    access_rule::Entity::find()
        .filter(scope.rows(access_rule::Column::TenantId))
        .filter(access_rule::Column::TenantId.eq(tenant))
        .filter(access_rule::Column::Kind.eq(kind.as_str()))
        .filter(access_rule::Column::EndedAt.is_null())
        .order_by_asc(access_rule::Column::Id)
        .limit(super::MAX_RULES)
        .all(scope.connection())
        .await
}

/// Refusals of tenants' own that speak of these roles.
pub async fn refusals_of(
    database: &Walled,
    roles: impl Iterator<Item = &'static str>,
) -> Result<Vec<access_rule::Model>, DbErr> {
    access_rule::Entity::find()
        .filter(access_rule::Column::Kind.eq(Kind::Own.as_str()))
        .filter(access_rule::Column::Role.is_in(roles))
        .filter(access_rule::Column::Effect.ne("allow"))
        .filter(access_rule::Column::EndedAt.is_null())
        .order_by_asc(access_rule::Column::TenantId)
        .order_by_asc(access_rule::Column::Id)
        .all(database)
        .await
}

/// The role of a rule that has not ended.
pub async fn role_of(tx: &Tx, tenant: Uuid, id: Uuid, kind: Kind) -> Result<Option<String>, DbErr> {
    access_rule::Entity::find()
        .select_only()
        .column(access_rule::Column::Role)
        .filter(access_rule::Column::TenantId.eq(tenant))
        .filter(access_rule::Column::Id.eq(id))
        .filter(access_rule::Column::Kind.eq(kind.as_str()))
        .filter(access_rule::Column::EndedAt.is_null())
        .into_tuple()
        .one(tx.connection())
        .await
}

pub async fn count(tx: &Tx, tenant: Uuid, kind: Kind) -> Result<u64, DbErr> {
    access_rule::Entity::find()
        .filter(access_rule::Column::TenantId.eq(tenant))
        .filter(access_rule::Column::Kind.eq(kind.as_str()))
        .filter(access_rule::Column::EndedAt.is_null())
        .count(tx.connection())
        .await
}

pub async fn insert(tx: &Tx, row: access_rule::Model) -> Result<(), DbErr> {
    access_rule::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// Ends a rule; whether there was one that had not ended.
pub async fn end(tx: &Tx, tenant: Uuid, id: Uuid, kind: Kind) -> Result<bool, DbErr> {
    let ended = access_rule::Entity::update_many()
        .col_expr(access_rule::Column::EndedAt, tx.scope().at_micros().into())
        .col_expr(access_rule::Column::EndedBy, tx.scope().author().into())
        .filter(access_rule::Column::TenantId.eq(tenant))
        .filter(access_rule::Column::Id.eq(id))
        .filter(access_rule::Column::Kind.eq(kind.as_str()))
        .filter(access_rule::Column::EndedAt.is_null())
        .exec(tx.connection())
        .await?;
    Ok(ended.rows_affected == 1)
}

/// Grows the policy version of every tenant: a bound holds for all of them.
pub async fn bump_all(tx: &Tx) -> Result<(), DbErr> {
    tenant::Entity::update_many()
        .col_expr(tenant::Column::PolicyVersion, Expr::col(tenant::Column::PolicyVersion).add(1))
        .exec(tx.connection())
        .await?;
    Ok(())
}
