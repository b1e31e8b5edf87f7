//! The table of gift codes. Rows are the operator's.

use entity::gift_code;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::access::{Scope, Tx};
use crate::notices::store::CHUNK;
use crate::vault;

/// A code as stored.
pub type Gift = gift_code::Model;

fn of(tenant: Uuid, incident: Uuid) -> Condition {
    Condition::all()
        .add(gift_code::Column::TenantId.eq(tenant))
        .add(gift_code::Column::IncidentId.eq(incident))
}

/// Which of these digests an incident has already.
pub async fn known(tx: &Tx, incident: Uuid, digests: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, DbErr> {
    let mut known = Vec::new();
    for chunk in digests.chunks(CHUNK) {
        let found: Vec<Vec<u8>> = gift_code::Entity::find()
            .select_only()
            .column(gift_code::Column::Digest)
            .filter(of(tx.scope().tenant(), incident))
            .filter(gift_code::Column::Digest.is_in(chunk.iter().cloned()))
            .into_tuple()
            .all(tx.connection())
            .await?;
        known.extend(found);
    }
    Ok(known)
}

pub async fn insert(tx: &Tx, gifts: Vec<Gift>) -> Result<(), DbErr> {
    let mut rows = gifts.into_iter().map(|gift| gift.into_active_model().reset_all());
    loop {
        let chunk: Vec<_> = rows.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        gift_code::Entity::insert_many(chunk).exec_without_returning(tx.connection()).await?;
    }
}

/// How many codes an incident has, and how many of them are given.
pub async fn counts<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    incident: Uuid,
) -> Result<(u64, u64), DbErr> {
    let all = gift_code::Entity::find().filter(of(tenant, incident)).count(database).await?;
    let given = gift_code::Entity::find()
        .filter(of(tenant, incident))
        .filter(gift_code::Column::Person.is_not_null())
        .count(database)
        .await?;
    Ok((all, given))
}

/// Whether a code is left.
pub async fn any_left(scope: &Scope, incident: Uuid) -> Result<bool, DbErr> {
    let left: Option<Uuid> = gift_code::Entity::find()
        .select_only()
        .column(gift_code::Column::Id)
        .filter(of(scope.tenant(), incident))
        .filter(gift_code::Column::Person.is_null())
        .limit(1)
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(left.is_some())
}

/// The code that a recipient was given.
pub async fn given<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    incident: Uuid,
    person: &str,
) -> Result<Option<Gift>, DbErr> {
    gift_code::Entity::find()
        .filter(of(tenant, incident))
        .filter(gift_code::Column::Person.eq(person))
        .one(database)
        .await
}

/// Gives the next code that is left. The caller holds the incident's lock.
pub async fn give(tx: &Tx, incident: Uuid, person: &str, message: Uuid) -> Result<Option<Gift>, DbErr> {
    let tenant = tx.scope().tenant();
    let next = gift_code::Entity::find()
        .filter(of(tenant, incident))
        .filter(gift_code::Column::Person.is_null())
        .order_by_asc(gift_code::Column::Id)
        .one(tx.connection())
        .await?;
    let Some(next) = next else { return Ok(None) };
    let updated = gift_code::Entity::update_many()
        .col_expr(gift_code::Column::Person, Expr::value(person))
        .col_expr(gift_code::Column::MessageId, Expr::value(message))
        .col_expr(gift_code::Column::GivenAt, Expr::value(tx.scope().at_micros()))
        .filter(of(tenant, incident))
        .filter(gift_code::Column::Id.eq(next.id))
        .filter(gift_code::Column::Person.is_null())
        .exec(tx.connection())
        .await?;
    Ok((updated.rows_affected == 1).then_some(next))
}

/// Codes that another version of the tenant's key sealed.
pub async fn of_old_keys<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    version: i32,
    limit: u64,
) -> Result<Vec<Gift>, DbErr> {
    gift_code::Entity::find()
        .filter(gift_code::Column::TenantId.eq(tenant))
        .filter(vault::of_other_version(Expr::col(gift_code::Column::Sealed), version))
        .limit(limit)
        .all(database)
        .await
}

pub async fn reseal(tx: &Tx, gift: &Gift, sealed: Vec<u8>) -> Result<(), DbErr> {
    gift_code::Entity::update_many()
        .col_expr(gift_code::Column::Sealed, Expr::value(sealed))
        .filter(gift_code::Column::TenantId.eq(gift.tenant_id))
        .filter(gift_code::Column::Id.eq(gift.id))
        .exec(tx.connection())
        .await?;
    Ok(())
}
