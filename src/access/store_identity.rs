//! The only place that knows the tables of second factors, recovery codes, half-done sign-ins and sessions' lists.

use entity::{account, membership, recovery_code, second_factor, session, sign_in_step};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::model::Role;
use super::op::Scope;
use crate::storage::Walled;

fn one_row(affected: u64) -> Result<(), DbErr> {
    if affected == 1 { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
}

pub async fn second_factor<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
) -> Result<Option<second_factor::Model>, DbErr> {
    second_factor::Entity::find_by_id((tenant, account)).one(database).await
}

/// Begins an enrolment; one that was begun and never confirmed is replaced.
pub async fn put_second_factor<C: ConnectionTrait>(
    database: &C,
    row: second_factor::Model,
) -> Result<(), DbErr> {
    let replace = OnConflict::columns([second_factor::Column::TenantId, second_factor::Column::AccountId])
        .update_columns([
            second_factor::Column::WrappedKey,
            second_factor::Column::SealedSecret,
            second_factor::Column::CreatedAt,
            second_factor::Column::LastStep,
        ])
        .action_and_where(Expr::col((second_factor::Entity, second_factor::Column::ConfirmedAt)).is_null())
        .to_owned();
    let written = second_factor::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(replace)
        .exec_without_returning(database)
        .await?;
    one_row(written)
}

/// Remembers that a code of `step` was taken; `confirmed_at` also ends an enrolment. Whether no newer one was taken.
pub async fn take_step<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    step: i64,
    confirmed_at: i64,
) -> Result<bool, DbErr> {
    let updated = second_factor::Entity::update_many()
        .col_expr(second_factor::Column::LastStep, step.into())
        .col_expr(second_factor::Column::ConfirmedAt, confirmed_at.into())
        .filter(second_factor::Column::TenantId.eq(tenant))
        .filter(second_factor::Column::AccountId.eq(account))
        .filter(second_factor::Column::LastStep.lt(step))
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Says on the account whether signing in asks for a second factor.
pub async fn mark_second_factor<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    since: Option<i64>,
) -> Result<(), DbErr> {
    let updated = account::Entity::update_many()
        .col_expr(account::Column::SecondFactorAt, since.into())
        .filter(account::Column::TenantId.eq(tenant))
        .filter(account::Column::Id.eq(account))
        .exec(database)
        .await?;
    one_row(updated.rows_affected)
}

/// Whether there was one.
pub async fn delete_second_factor<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
) -> Result<bool, DbErr> {
    let deleted = second_factor::Entity::delete_by_id((tenant, account)).exec(database).await?;
    Ok(deleted.rows_affected == 1)
}

/// Replaces the recovery codes of an account by these.
pub async fn replace_recovery_codes<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    hashes: &[[u8; 32]],
    at: i64,
) -> Result<(), DbErr> {
    recovery_code::Entity::delete_many()
        .filter(recovery_code::Column::TenantId.eq(tenant))
        .filter(recovery_code::Column::AccountId.eq(account))
        .exec(database)
        .await?;
    let rows = hashes.iter().map(|hash| {
        let row = recovery_code::Model {
            tenant_id: tenant,
            account_id: account,
            code_hash: hash.to_vec(),
            created_at: at,
            used_at: None,
        };
        row.into_active_model().reset_all()
    });
    if !hashes.is_empty() {
        recovery_code::Entity::insert_many(rows).exec_without_returning(database).await?;
    }
    Ok(())
}

/// Uses a recovery code up; whether it was one that is left.
pub async fn use_recovery_code<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    hash: [u8; 32],
    at: i64,
) -> Result<bool, DbErr> {
    let updated = recovery_code::Entity::update_many()
        .col_expr(recovery_code::Column::UsedAt, at.into())
        .filter(recovery_code::Column::TenantId.eq(tenant))
        .filter(recovery_code::Column::AccountId.eq(account))
        .filter(recovery_code::Column::CodeHash.eq(hash.to_vec()))
        .filter(recovery_code::Column::UsedAt.is_null())
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

pub async fn recovery_codes_left<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
) -> Result<u64, DbErr> {
    recovery_code::Entity::find()
        .filter(recovery_code::Column::TenantId.eq(tenant))
        .filter(recovery_code::Column::AccountId.eq(account))
        .filter(recovery_code::Column::UsedAt.is_null())
        .count(database)
        .await
}

/// Inserts a half-done sign-in, and takes away those of the account that are over.
pub async fn insert_step<C: ConnectionTrait>(database: &C, row: sign_in_step::Model) -> Result<(), DbErr> {
    sign_in_step::Entity::delete_many()
        .filter(sign_in_step::Column::TenantId.eq(row.tenant_id))
        .filter(sign_in_step::Column::AccountId.eq(row.account_id))
        .filter(sign_in_step::Column::ExpiresAt.lte(row.created_at))
        .exec(database)
        .await?;
    sign_in_step::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(database)
        .await?;
    Ok(())
}

pub async fn step(database: &Walled, token_hash: &[u8; 32]) -> Result<Option<sign_in_step::Model>, DbErr> {
    sign_in_step::Entity::find()
        .filter(sign_in_step::Column::TokenHash.eq(token_hash.to_vec()))
        .one(database)
        .await
}

/// Whether it is still there.
pub async fn step_waits<C: ConnectionTrait>(database: &C, row: &sign_in_step::Model) -> Result<bool, DbErr> {
    let waiting = sign_in_step::Entity::find_by_id((row.tenant_id, row.token_hash.clone()));
    Ok(waiting.count(database).await? == 1)
}

pub async fn delete_step<C: ConnectionTrait>(database: &C, row: &sign_in_step::Model) -> Result<(), DbErr> {
    let deleted = sign_in_step::Entity::delete_by_id((row.tenant_id, row.token_hash.clone())).exec(database);
    one_row(deleted.await?.rows_affected)
}

pub async fn delete_steps_of<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
) -> Result<(), DbErr> {
    sign_in_step::Entity::delete_many()
        .filter(sign_in_step::Column::TenantId.eq(tenant))
        .filter(sign_in_step::Column::AccountId.eq(account))
        .exec(database)
        .await?;
    Ok(())
}

pub async fn roles_of<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
) -> Result<Vec<Role>, DbErr> {
    let rows = membership::Entity::find()
        .filter(membership::Column::TenantId.eq(tenant))
        .filter(membership::Column::AccountId.eq(account))
        .all(database)
        .await?;
    Ok(rows.into_iter().filter_map(|row| row.role.parse().ok()).collect())
}

/// The sessions of an account that are not over, newest first.
pub async fn sessions_of(
    scope: &Scope,
    account: Uuid,
    idle_since: i64,
) -> Result<Vec<session::Model>, DbErr> {
    session::Entity::find()
        .filter(scope.rows(session::Column::TenantId))
        .filter(session::Column::TenantId.eq(scope.tenant()))
        .filter(session::Column::AccountId.eq(account))
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(scope.at_micros()))
        .filter(session::Column::LastSeenAt.gt(idle_since))
        .order_by_desc(session::Column::CreatedAt)
        .limit(200)
        .all(scope.connection())
        .await
}

/// A session that nobody ended.
pub async fn living_session<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    id: Uuid,
) -> Result<Option<session::Model>, DbErr> {
    session::Entity::find()
        .filter(session::Column::TenantId.eq(tenant))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::RevokedAt.is_null())
        .one(database)
        .await
}

/// Ends one session of the account; whether there was such a one.
pub async fn revoke_session<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    id: Uuid,
    at: i64,
) -> Result<bool, DbErr> {
    let updated = session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, at.into())
        .filter(session::Column::TenantId.eq(tenant))
        .filter(session::Column::AccountId.eq(account))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::RevokedAt.is_null())
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Notes that the owner of a session proved again who they are.
pub async fn refresh_session<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    id: Uuid,
    methods: &str,
    at: i64,
) -> Result<(), DbErr> {
    let updated = session::Entity::update_many()
        .col_expr(session::Column::AuthenticatedAt, at.into())
        .col_expr(session::Column::Methods, methods.into())
        .filter(session::Column::TenantId.eq(tenant))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::RevokedAt.is_null())
        .exec(database)
        .await?;
    one_row(updated.rows_affected)
}
