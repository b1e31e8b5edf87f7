//! Accounts and tokens behind the names of the audit log.

use entity::{account, api_token};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::op::Scope;

/// Names in a statement.
const PER_STATEMENT: usize = 1000;

/// Those of these accounts that exist: account and tenant.
pub async fn accounts(scope: &Scope, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(PER_STATEMENT) {
        let rows: Vec<(Uuid, Uuid)> = account::Entity::find()
            .select_only()
            .column(account::Column::Id)
            .column(account::Column::TenantId)
            .filter(scope.rows(account::Column::TenantId))
            .filter(account::Column::Id.is_in(some.iter().copied()))
            .into_tuple()
            .all(scope.connection())
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// The account of a login.
pub async fn account_by_login(scope: &Scope, login: &str) -> Result<Option<Uuid>, DbErr> {
    account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .filter(scope.rows(account::Column::TenantId))
        .filter(account::Column::Login.eq(login))
        .into_tuple()
        .one(scope.connection())
        .await
}

/// Tokens that are still kept, revoked ones too: token and account.
pub async fn tokens_of(scope: &Scope, accounts: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>, DbErr> {
    tokens(scope, api_token::Column::AccountId, accounts).await
}

/// The same by the tokens' own ids.
pub async fn tokens_by_id(scope: &Scope, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>, DbErr> {
    tokens(scope, api_token::Column::Id, ids).await
}

async fn tokens(scope: &Scope, column: api_token::Column, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(PER_STATEMENT) {
        let rows: Vec<(Uuid, Uuid)> = api_token::Entity::find()
            .select_only()
            .column(api_token::Column::Id)
            .column(api_token::Column::AccountId)
            .filter(scope.rows(api_token::Column::TenantId))
            .filter(column.is_in(some.iter().copied()))
            .into_tuple()
            .all(scope.connection())
            .await?;
        found.extend(rows);
    }
    Ok(found)
}
