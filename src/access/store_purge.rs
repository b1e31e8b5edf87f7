//! Removing what ended long ago, and who is behind the names of the audit log.

use entity::{account, api_token, membership, oidc_logout, oidc_return, session, tenant};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::op::Tx;
use crate::storage::delete_some;

/// Sessions that ended before `before`: at most `limit`; and what returns from providers proved before it.
pub async fn sessions(tx: &Tx, before: i64, limit: u64) -> Result<u64, DbErr> {
    oidc_return::Entity::delete_many()
        .filter(oidc_return::Column::ExpiresAt.lt(before))
        .exec(tx.connection())
        .await?;
    oidc_logout::Entity::delete_many()
        .filter(oidc_logout::Column::ExpiresAt.lt(before))
        .exec(tx.connection())
        .await?;
    let ended = Condition::any()
        .add(session::Column::ExpiresAt.lt(before))
        .add(session::Column::RevokedAt.lt(before));
    delete_some::<session::Entity>(tx.connection(), session::Column::TokenHash, ended, limit).await
}

/// Tokens that ended before `before`: at most `limit`.
pub async fn tokens(tx: &Tx, before: i64, limit: u64) -> Result<u64, DbErr> {
    let ended = Condition::any()
        .add(api_token::Column::ExpiresAt.lt(before))
        .add(api_token::Column::RevokedAt.lt(before));
    delete_some::<api_token::Entity>(tx.connection(), api_token::Column::Id, ended, limit).await
}

/// The account behind each of these tokens, as far as they are still kept.
pub async fn accounts_of_tokens<C: ConnectionTrait>(
    database: &C,
    tokens: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, DbErr> {
    api_token::Entity::find()
        .select_only()
        .column(api_token::Column::Id)
        .column(api_token::Column::AccountId)
        .filter(api_token::Column::Id.is_in(tokens.iter().copied()))
        .into_tuple()
        .all(database)
        .await
}

/// Account, Japanese and English name of its organisation.
pub type Organisation = (Uuid, String, String);

pub async fn organisations<C: ConnectionTrait>(
    database: &C,
    accounts: &[Uuid],
) -> Result<Vec<Organisation>, DbErr> {
    let rows: Vec<(Uuid, Uuid)> = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .column(account::Column::TenantId)
        .filter(account::Column::Id.is_in(accounts.iter().copied()))
        .into_tuple()
        .all(database)
        .await?;
    let tenants = tenant::Entity::find()
        .filter(tenant::Column::Id.is_in(rows.iter().map(|(_, tenant)| *tenant)))
        .all(database)
        .await?;
    let name = |(account, tenant): (Uuid, Uuid)| {
        let found = tenants.iter().find(|row| row.id == tenant)?;
        Some((account, found.name_ja.clone(), found.name_en.clone()))
    };
    Ok(rows.into_iter().filter_map(name).collect())
}

/// Account and role.
pub async fn roles<C: ConnectionTrait>(
    database: &C,
    accounts: &[Uuid],
) -> Result<Vec<(Uuid, String)>, DbErr> {
    membership::Entity::find()
        .select_only()
        .column(membership::Column::AccountId)
        .column(membership::Column::Role)
        .filter(membership::Column::AccountId.is_in(accounts.iter().copied()))
        .into_tuple()
        .all(database)
        .await
}
