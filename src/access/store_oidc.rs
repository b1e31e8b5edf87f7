//! The only place that knows the tables of linked subjects and of returns from providers.

use std::collections::HashMap;

use entity::{oidc_identity, oidc_return};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::op::Scope;
use crate::storage::Walled;

/// Whose account a subject is; before it is known whose tenant's.
pub async fn identity(
    database: &Walled,
    subject_hash: &[u8; 32],
) -> Result<Option<oidc_identity::Model>, DbErr> {
    oidc_identity::Entity::find()
        .filter(oidc_identity::Column::SubjectHash.eq(subject_hash.to_vec()))
        .one(database)
        .await
}

/// The same inside a transaction that reaches one tenant.
pub async fn still_linked<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    subject_hash: &[u8],
) -> Result<bool, DbErr> {
    let found = oidc_identity::Entity::find_by_id((tenant, subject_hash.to_vec()))
        .filter(oidc_identity::Column::AccountId.eq(account));
    Ok(found.count(database).await? == 1)
}

/// Whether it was written: a subject has one account, an account one subject of an issuer.
pub async fn insert_identity<C: ConnectionTrait>(
    database: &C,
    row: oidc_identity::Model,
) -> Result<bool, DbErr> {
    let written = oidc_identity::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(database)
        .await?;
    Ok(written == 1)
}

/// Whether there was one.
pub async fn delete_identity<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    issuer: &str,
) -> Result<bool, DbErr> {
    let deleted = oidc_identity::Entity::delete_many()
        .filter(oidc_identity::Column::TenantId.eq(tenant))
        .filter(oidc_identity::Column::AccountId.eq(account))
        .filter(oidc_identity::Column::Issuer.eq(issuer))
        .exec(database)
        .await?;
    Ok(deleted.rows_affected == 1)
}

/// The issuers at which each account of a tenant is linked.
pub async fn issuers(scope: &Scope, tenant: Uuid) -> Result<HashMap<Uuid, Vec<String>>, DbErr> {
    let rows = oidc_identity::Entity::find()
        .filter(scope.rows(oidc_identity::Column::TenantId))
        .filter(oidc_identity::Column::TenantId.eq(tenant))
        .order_by_asc(oidc_identity::Column::Issuer)
        .all(scope.connection())
        .await?;
    let mut issuers = HashMap::<Uuid, Vec<String>>::new();
    for row in rows {
        issuers.entry(row.account_id).or_default().push(row.issuer);
    }
    Ok(issuers)
}

/// Keeps what a return proved, once; whether it is the first of its kind. Those of the tenant that were over before
/// `forgotten` go.
pub async fn insert_return<C: ConnectionTrait>(
    database: &C,
    row: oidc_return::Model,
    forgotten: i64,
) -> Result<bool, DbErr> {
    oidc_return::Entity::delete_many()
        .filter(oidc_return::Column::TenantId.eq(row.tenant_id))
        .filter(oidc_return::Column::ExpiresAt.lte(forgotten))
        .exec(database)
        .await?;
    let written = oidc_return::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(database)
        .await?;
    Ok(written == 1)
}

pub async fn returned(database: &Walled, token_hash: &[u8; 32]) -> Result<Option<oidc_return::Model>, DbErr> {
    oidc_return::Entity::find()
        .filter(oidc_return::Column::TokenHash.eq(token_hash.to_vec()))
        .one(database)
        .await
}

/// Takes it; whether it was there to be taken.
pub async fn finish_return<C: ConnectionTrait>(
    database: &C,
    row: &oidc_return::Model,
    at: i64,
) -> Result<bool, DbErr> {
    let updated = oidc_return::Entity::update_many()
        .col_expr(oidc_return::Column::FinishedAt, at.into())
        .filter(oidc_return::Column::TenantId.eq(row.tenant_id))
        .filter(oidc_return::Column::TokenHash.eq(row.token_hash.clone()))
        .filter(oidc_return::Column::FinishedAt.is_null())
        .filter(oidc_return::Column::ExpiresAt.gt(at))
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Those of an account that wait are over, and stay so that none is taken twice.
pub async fn end_returns_of<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    at: i64,
) -> Result<(), DbErr> {
    oidc_return::Entity::update_many()
        .col_expr(oidc_return::Column::FinishedAt, at.into())
        .filter(oidc_return::Column::TenantId.eq(tenant))
        .filter(oidc_return::Column::AccountId.eq(account))
        .filter(oidc_return::Column::FinishedAt.is_null())
        .exec(database)
        .await?;
    Ok(())
}
