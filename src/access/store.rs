//! The only place that knows the tables of accounts, sessions, tokens and tenants.

use std::collections::{BTreeMap, HashSet};

use entity::{account, api_token, emergency_access, membership, session, tenant};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait,
    FromQueryResult, IntoActiveModel, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::model::Role;
use super::op::Scope;
use super::policy::Grant;
use crate::app::App;
use crate::error::Result as PartResult;
use crate::storage::{Wall, Walled};

pub async fn members(database: &Walled, tenant: Uuid) -> Result<Vec<(Uuid, Role)>, DbErr> {
    let rows =
        membership::Entity::find().filter(membership::Column::TenantId.eq(tenant)).all(database).await?;
    // A role that this version does not know gives nothing (default deny).
    Ok(rows.into_iter().filter_map(|row| Some((row.account_id, row.role.parse().ok()?))).collect())
}

/// How many active accounts of the scope's tenant hold each role.
pub async fn holders(scope: &Scope) -> Result<BTreeMap<String, u64>, DbErr> {
    let tenant = scope.tenant();
    let active: Vec<Uuid> = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(scope.rows(account::Column::TenantId))
        .filter(account::Column::TenantId.eq(tenant))
        .filter(account::Column::State.eq("active"))
        .into_tuple()
        .all(scope.connection())
        .await?;
    let active: HashSet<Uuid> = active.into_iter().collect();
    let mut holders = BTreeMap::new();
    for (account, role) in members(scope.connection(), tenant).await? {
        if active.contains(&account) {
            *holders.entry(role.as_str().to_owned()).or_default() += 1;
        }
    }
    Ok(holders)
}

/// Access in an emergency that was granted to a tenant's members and was not over at this instant. The operator's people may
/// have it at any tenant.
pub async fn grants(app: &App, tenant: Uuid) -> PartResult<Vec<Grant>> {
    let wall = if app.root().is_ok_and(|root| root == tenant) { Wall::None } else { Wall::tenant(tenant) };
    let rows = emergency_access::Entity::find()
        .filter(emergency_access::Column::ActorTenant.eq(tenant))
        .filter(emergency_access::Column::State.eq("approved"))
        .filter(emergency_access::Column::EndsAt.gt(app.clock().now().as_microsecond()))
        .order_by_asc(emergency_access::Column::Id)
        .all(&app.database().behind(wall))
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Grant {
                id: row.id,
                account: row.actor,
                tenant: row.tenant_id,
                subject: row.subject_id,
                permissions: serde_json::from_str(&row.permissions)?,
                ends_at: row.ends_at.unwrap_or_default(),
            })
        })
        .collect()
}

pub async fn operator<C: ConnectionTrait>(database: &C) -> Result<Option<Uuid>, DbErr> {
    let row = tenant::Entity::find().filter(tenant::Column::Kind.eq("operator")).one(database).await?;
    Ok(row.map(|row| row.id))
}

pub async fn tenant(database: &Walled, id: Uuid) -> Result<Option<tenant::Model>, DbErr> {
    tenant::Entity::find_by_id(id).one(database).await
}

pub async fn tenant_by_slug(database: &Walled, slug: &str) -> Result<Option<tenant::Model>, DbErr> {
    tenant::Entity::find().filter(tenant::Column::Slug.eq(slug)).one(database).await
}

pub async fn tenant_exists(database: &Walled, id: Uuid) -> Result<bool, DbErr> {
    Ok(tenant::Entity::find_by_id(id).count(database).await? == 1)
}

pub async fn tenants(
    scope: &Scope,
    slug: Option<&str>,
    after: Option<String>,
    limit: u64,
) -> Result<Vec<tenant::Model>, DbErr> {
    let mut query =
        tenant::Entity::find().filter(scope.rows(tenant::Column::Id)).order_by_asc(tenant::Column::Slug);
    if let Some(slug) = slug {
        query = query.filter(tenant::Column::Slug.eq(slug));
    }
    if let Some(after) = after {
        query = query.filter(tenant::Column::Slug.gt(after));
    }
    query.limit(limit).all(scope.connection()).await
}

pub async fn insert_tenant<C: ConnectionTrait>(database: &C, row: tenant::Model) -> Result<(), DbErr> {
    tenant::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(database).await?;
    Ok(())
}

pub async fn existing_slugs<C: ConnectionTrait>(
    database: &C,
    slugs: &[String],
) -> Result<Vec<String>, DbErr> {
    tenant::Entity::find()
        .select_only()
        .column(tenant::Column::Slug)
        .filter(tenant::Column::Slug.is_in(slugs.iter().map(String::as_str)))
        .into_tuple()
        .all(database)
        .await
}

/// Grows the tenant's policy version, so that the next request sees the change.
pub async fn bump_policy<C: ConnectionTrait>(database: &C, tenant: Uuid) -> Result<(), DbErr> {
    let updated = tenant::Entity::update_many()
        .col_expr(tenant::Column::PolicyVersion, Expr::col(tenant::Column::PolicyVersion).add(1))
        .filter(tenant::Column::Id.eq(tenant))
        .exec(database)
        .await?;
    one_row(updated.rows_affected)
}

pub async fn account_by_login<C: ConnectionTrait>(
    database: &C,
    login: &str,
) -> Result<Option<account::Model>, DbErr> {
    account::Entity::find().filter(account::Column::Login.eq(login)).one(database).await
}

/// Accounts by tenant and login; the callers' scopes were checked before (`decide`).
pub async fn accounts_by_login(
    database: &Walled,
    keys: &[(Uuid, String)],
) -> Result<Vec<account::Model>, DbErr> {
    account::Entity::find()
        .filter(account::Column::TenantId.is_in(keys.iter().map(|(tenant, _)| *tenant)))
        .filter(account::Column::Login.is_in(keys.iter().map(|(_, login)| login.as_str())))
        .all(database)
        .await
}

/// Active accounts of a tenant in the order of their logins.
pub async fn accounts_after(
    scope: &Scope,
    tenant: Uuid,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<account::Model>, DbErr> {
    let mut query = account::Entity::find()
        .filter(scope.rows(account::Column::TenantId))
        .filter(account::Column::TenantId.eq(tenant))
        .filter(account::Column::State.eq("active"))
        .order_by_asc(account::Column::Login)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(account::Column::Login.gt(after));
    }
    query.all(scope.connection()).await
}

pub async fn account(
    database: &Walled,
    tenant: Uuid,
    id: Uuid,
) -> Result<Option<(account::Model, tenant::Model)>, DbErr> {
    let Some(account) = account::Entity::find_by_id((tenant, id)).one(database).await? else {
        return Ok(None);
    };
    Ok(self::tenant(database, tenant).await?.map(|tenant| (account, tenant)))
}

pub async fn accounts(scope: &Scope, tenant: Uuid) -> Result<Vec<(account::Model, Vec<Role>)>, DbErr> {
    let accounts = account::Entity::find()
        .filter(scope.rows(account::Column::TenantId))
        .filter(account::Column::TenantId.eq(tenant))
        .order_by_asc(account::Column::Login)
        .all(scope.connection())
        .await?;
    let members = members(scope.connection(), tenant).await?;
    Ok(accounts
        .into_iter()
        .map(|account| {
            let roles = members.iter().filter(|(id, _)| *id == account.id).map(|(_, role)| *role).collect();
            (account, roles)
        })
        .collect())
}

pub async fn insert_account<C: ConnectionTrait>(database: &C, row: account::Model) -> Result<(), DbErr> {
    account::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(database).await?;
    Ok(())
}

/// The account as it is now, locked until the transaction ends: tries are counted one after the other.
pub async fn lock_account(
    transaction: &DatabaseTransaction,
    tenant: Uuid,
    id: Uuid,
) -> Result<Option<account::Model>, DbErr> {
    account::Entity::find_by_id((tenant, id)).lock_exclusive().one(transaction).await
}

/// How many wrong passwords there were, and until when no password is taken.
pub async fn set_tries<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    id: Uuid,
    tries: i32,
    last_failed_at: Option<i64>,
    locked_until: Option<i64>,
) -> Result<(), DbErr> {
    let updated = account::Entity::update_many()
        .col_expr(account::Column::FailedTries, tries.into())
        .col_expr(account::Column::LastFailedAt, last_failed_at.into())
        .col_expr(account::Column::LockedUntil, locked_until.into())
        .filter(account::Column::TenantId.eq(tenant))
        .filter(account::Column::Id.eq(id))
        .exec(database)
        .await?;
    one_row(updated.rows_affected)
}

/// Single columns, and only of an active account: a change that read the row earlier must not bring a disabled one back.
pub async fn change_password<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    id: Uuid,
    hash: Option<String>,
    at: i64,
) -> Result<(), DbErr> {
    let updated = account::Entity::update_many()
        .col_expr(account::Column::PasswordHash, hash.into())
        .col_expr(account::Column::PasswordChangedAt, at.into())
        .filter(account::Column::TenantId.eq(tenant))
        .filter(account::Column::Id.eq(id))
        .exec(database)
        .await?;
    one_row(updated.rows_affected)
}

pub async fn disable_account<C: ConnectionTrait>(database: &C, tenant: Uuid, id: Uuid) -> Result<(), DbErr> {
    let updated = account::Entity::update_many()
        .col_expr(account::Column::State, "disabled".into())
        .filter(account::Column::TenantId.eq(tenant))
        .filter(account::Column::Id.eq(id))
        .exec(database)
        .await?;
    one_row(updated.rows_affected)
}

pub async fn revoke_tokens_of<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    at: i64,
) -> Result<(), DbErr> {
    api_token::Entity::update_many()
        .col_expr(api_token::Column::RevokedAt, at.into())
        .filter(api_token::Column::TenantId.eq(tenant))
        .filter(api_token::Column::AccountId.eq(account))
        .filter(api_token::Column::RevokedAt.is_null())
        .exec(database)
        .await?;
    Ok(())
}

pub async fn replace_roles<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    roles: &[Role],
    at: i64,
    by: Option<Uuid>,
) -> Result<(), DbErr> {
    membership::Entity::delete_many()
        .filter(membership::Column::TenantId.eq(tenant))
        .filter(membership::Column::AccountId.eq(account))
        .exec(database)
        .await?;
    for role in roles {
        let row = membership::Model {
            tenant_id: tenant,
            account_id: account,
            role: role.as_str().to_owned(),
            granted_at: at,
            granted_by: by,
        };
        membership::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(database)
            .await?;
    }
    Ok(())
}

pub async fn insert_session<C: ConnectionTrait>(database: &C, row: session::Model) -> Result<(), DbErr> {
    session::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(database).await?;
    Ok(())
}

/// What authenticating by a token needs of the token, its account and their tenant, in one look-up.
#[derive(Clone, FromQueryResult)]
pub struct TokenHolder {
    pub token_hash: Vec<u8>,
    pub token: Uuid,
    pub scopes: String,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub tenant: Uuid,
    pub account: Uuid,
    pub account_state: String,
    pub tenant_kind: String,
    pub policy_version: i64,
}

/// The same for a session.
#[derive(Clone, FromQueryResult)]
pub struct SessionHolder {
    pub token_hash: Vec<u8>,
    pub session: Uuid,
    pub authenticated_at: i64,
    pub methods: String,
    pub second_factor_at: Option<i64>,
    pub csrf_hash: Vec<u8>,
    pub last_seen_at: i64,
    pub expires_at: i64,
    pub revoked_at: Option<i64>,
    pub tenant: Uuid,
    pub account: Uuid,
    pub account_state: String,
    pub tenant_kind: String,
    pub policy_version: i64,
}

pub async fn token_holders(database: &Walled, hashes: &[[u8; 32]]) -> Result<Vec<TokenHolder>, DbErr> {
    let account = api_token::Entity::belongs_to(account::Entity)
        .from((api_token::Column::TenantId, api_token::Column::AccountId))
        .to((account::Column::TenantId, account::Column::Id));
    let tenant = api_token::Entity::belongs_to(tenant::Entity)
        .from(api_token::Column::TenantId)
        .to(tenant::Column::Id);
    api_token::Entity::find()
        .select_only()
        .columns([
            api_token::Column::TokenHash,
            api_token::Column::Scopes,
            api_token::Column::ExpiresAt,
            api_token::Column::RevokedAt,
            api_token::Column::LastUsedAt,
        ])
        .column_as(api_token::Column::Id, "token")
        .column_as(api_token::Column::TenantId, "tenant")
        .column_as(api_token::Column::AccountId, "account")
        .column_as(account::Column::State, "account_state")
        .column_as(tenant::Column::Kind, "tenant_kind")
        .column_as(tenant::Column::PolicyVersion, "policy_version")
        .join(JoinType::InnerJoin, account.into())
        .join(JoinType::InnerJoin, tenant.into())
        .filter(api_token::Column::TokenHash.is_in(hashes.iter().map(|hash| hash.to_vec())))
        .into_model()
        .all(database)
        .await
}

pub async fn session_holders(database: &Walled, hashes: &[[u8; 32]]) -> Result<Vec<SessionHolder>, DbErr> {
    let account = session::Entity::belongs_to(account::Entity)
        .from((session::Column::TenantId, session::Column::AccountId))
        .to((account::Column::TenantId, account::Column::Id));
    let tenant =
        session::Entity::belongs_to(tenant::Entity).from(session::Column::TenantId).to(tenant::Column::Id);
    session::Entity::find()
        .select_only()
        .columns([
            session::Column::TokenHash,
            session::Column::CsrfHash,
            session::Column::LastSeenAt,
            session::Column::ExpiresAt,
            session::Column::RevokedAt,
            session::Column::AuthenticatedAt,
            session::Column::Methods,
        ])
        .column_as(session::Column::Id, "session")
        .column_as(account::Column::SecondFactorAt, "second_factor_at")
        .column_as(session::Column::TenantId, "tenant")
        .column_as(session::Column::AccountId, "account")
        .column_as(account::Column::State, "account_state")
        .column_as(tenant::Column::Kind, "tenant_kind")
        .column_as(tenant::Column::PolicyVersion, "policy_version")
        .join(JoinType::InnerJoin, account.into())
        .join(JoinType::InnerJoin, tenant.into())
        .filter(session::Column::TokenHash.is_in(hashes.iter().map(|hash| hash.to_vec())))
        .into_model()
        .all(database)
        .await
}

pub async fn session(database: &Walled, token_hash: &[u8]) -> Result<Option<session::Model>, DbErr> {
    session::Entity::find_by_id(token_hash.to_vec()).one(database).await
}

/// Notes that a session was used. One that ended meanwhile stays as it is.
pub async fn touch_session(database: &Walled, token_hash: &[u8], at: i64) -> Result<(), DbErr> {
    session::Entity::update_many()
        .col_expr(session::Column::LastSeenAt, at.into())
        .filter(session::Column::TokenHash.eq(token_hash.to_vec()))
        .filter(session::Column::RevokedAt.is_null())
        .filter(session::Column::LastSeenAt.lt(at))
        .exec(database)
        .await?;
    Ok(())
}

/// Notes that a token was used. One that was revoked meanwhile stays as it is.
pub async fn touch_token(database: &Walled, token_hash: &[u8], at: i64) -> Result<(), DbErr> {
    api_token::Entity::update_many()
        .col_expr(api_token::Column::LastUsedAt, at.into())
        .filter(api_token::Column::TokenHash.eq(token_hash.to_vec()))
        .filter(api_token::Column::RevokedAt.is_null())
        .exec(database)
        .await?;
    Ok(())
}

/// Ends sessions: one, or all of an account.
pub async fn revoke_sessions<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    account: Uuid,
    only: Option<&[u8]>,
    at: i64,
) -> Result<(), DbErr> {
    let mut query = session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, at.into())
        .filter(session::Column::TenantId.eq(tenant))
        .filter(session::Column::AccountId.eq(account))
        .filter(session::Column::RevokedAt.is_null());
    if let Some(token_hash) = only {
        query = query.filter(session::Column::TokenHash.eq(token_hash.to_vec()));
    }
    query.exec(database).await?;
    Ok(())
}

pub async fn insert_token<C: ConnectionTrait>(database: &C, row: api_token::Model) -> Result<(), DbErr> {
    api_token::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(database).await?;
    Ok(())
}

pub async fn tokens(scope: &Scope) -> Result<Vec<api_token::Model>, DbErr> {
    api_token::Entity::find()
        .filter(scope.rows(api_token::Column::TenantId))
        .order_by_asc(api_token::Column::Id)
        .limit(1000)
        .all(scope.connection())
        .await
}

/// An account's tokens of a label and scopes that were not revoked, the oldest first.
pub async fn labelled_tokens(
    scope: &Scope,
    account: Uuid,
    label: &str,
    scopes: &str,
) -> Result<Vec<api_token::Model>, DbErr> {
    api_token::Entity::find()
        .filter(scope.rows(api_token::Column::TenantId))
        .filter(api_token::Column::AccountId.eq(account))
        .filter(api_token::Column::Label.eq(label))
        .filter(api_token::Column::Scopes.eq(scopes))
        .filter(api_token::Column::RevokedAt.is_null())
        .order_by_asc(api_token::Column::Id)
        .all(scope.connection())
        .await
}

/// A token of the scope's tenant that was not revoked.
pub async fn token(scope: &Scope, id: Uuid) -> Result<Option<api_token::Model>, DbErr> {
    api_token::Entity::find()
        .filter(scope.rows(api_token::Column::TenantId))
        .filter(api_token::Column::TenantId.eq(scope.tenant()))
        .filter(api_token::Column::Id.eq(id))
        .filter(api_token::Column::RevokedAt.is_null())
        .one(scope.connection())
        .await
}

/// Returns whether there was such a token that was not yet revoked.
pub async fn revoke_token<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    id: Uuid,
    at: i64,
) -> Result<bool, DbErr> {
    let updated = api_token::Entity::update_many()
        .col_expr(api_token::Column::RevokedAt, at.into())
        .filter(api_token::Column::TenantId.eq(tenant))
        .filter(api_token::Column::Id.eq(id))
        .filter(api_token::Column::RevokedAt.is_null())
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

fn one_row(affected: u64) -> Result<(), DbErr> {
    if affected == 1 { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
}
