//! The tables of the pages. Rows are the operator's, as the messages are.

use entity::{message, portal_act, portal_code, portal_session};
use sea_orm::sea_query::{Condition, Expr, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::access::{Scope, Tx};
use crate::error::Result;
use crate::notices::model::Message;
use crate::notices::store::CHUNK;
use crate::notices::store_messages::message_of;
use crate::storage::delete_some;

/// A code as stored.
pub type Code = portal_code::Model;
/// An act as stored.
pub type ActRow = portal_act::Model;

pub async fn message(scope: &Scope, id: Uuid) -> Result<Option<Message>> {
    let row = message::Entity::find_by_id((scope.tenant(), id)).one(scope.connection()).await?;
    row.map(message_of).transpose()
}

/// How many codes of a message were asked for since an instant.
pub async fn codes_since(tx: &Tx, message: Uuid, since: i64) -> Result<u64, DbErr> {
    portal_code::Entity::find()
        .filter(portal_code::Column::TenantId.eq(tx.scope().tenant()))
        .filter(portal_code::Column::MessageId.eq(message))
        .filter(portal_code::Column::RequestedAt.gt(since))
        .count(tx.connection())
        .await
}

pub async fn insert_code(tx: &Tx, id: Uuid, message: Uuid) -> Result<(), DbErr> {
    let row = portal_code::Model {
        tenant_id: tx.scope().tenant(),
        id,
        message_id: message,
        requested_at: tx.scope().at_micros(),
        hash: None,
        expires_at: None,
        tries: 0,
        ended_at: None,
    };
    portal_code::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

pub async fn code(scope: &Scope, id: Uuid) -> Result<Option<Code>, DbErr> {
    portal_code::Entity::find_by_id((scope.tenant(), id)).one(scope.connection()).await
}

fn one(tx: &Tx, id: Uuid) -> Condition {
    Condition::all()
        .add(portal_code::Column::TenantId.eq(tx.scope().tenant()))
        .add(portal_code::Column::Id.eq(id))
}

pub async fn draw_code(tx: &Tx, id: Uuid, hash: Vec<u8>, end: i64) -> Result<(), DbErr> {
    portal_code::Entity::update_many()
        .col_expr(portal_code::Column::Hash, Expr::value(hash))
        .col_expr(portal_code::Column::ExpiresAt, Expr::value(end))
        .filter(one(tx, id))
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// The code that was asked for last among those that were drawn.
pub async fn newest_code(tx: &Tx, message: Uuid) -> Result<Option<Code>, DbErr> {
    portal_code::Entity::find()
        .filter(portal_code::Column::TenantId.eq(tx.scope().tenant()))
        .filter(portal_code::Column::MessageId.eq(message))
        .filter(portal_code::Column::Hash.is_not_null())
        .order_by_desc(portal_code::Column::RequestedAt)
        .order_by_desc(portal_code::Column::Id)
        .one(tx.connection())
        .await
}

pub async fn count_try(tx: &Tx, id: Uuid) -> Result<(), DbErr> {
    portal_code::Entity::update_many()
        .col_expr(portal_code::Column::Tries, Expr::col(portal_code::Column::Tries).add(1))
        .filter(one(tx, id))
        .exec(tx.connection())
        .await?;
    Ok(())
}

pub async fn end_code(tx: &Tx, id: Uuid, at: i64) -> Result<(), DbErr> {
    portal_code::Entity::update_many()
        .col_expr(portal_code::Column::EndedAt, Expr::value(at))
        .filter(one(tx, id))
        .exec(tx.connection())
        .await?;
    Ok(())
}

pub async fn open_session(tx: &Tx, token_hash: Vec<u8>, message: Uuid, end: i64) -> Result<(), DbErr> {
    let row = portal_session::Model {
        tenant_id: tx.scope().tenant(),
        token_hash,
        message_id: message,
        opened_at: tx.scope().at_micros(),
        expires_at: end,
    };
    portal_session::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// Whether a session of this message is open.
pub async fn session(scope: &Scope, token_hash: &[u8], message: Uuid, at: i64) -> Result<bool, DbErr> {
    let found = portal_session::Entity::find_by_id((scope.tenant(), token_hash.to_vec()))
        .filter(portal_session::Column::MessageId.eq(message))
        .filter(portal_session::Column::ExpiresAt.gt(at))
        .count(scope.connection())
        .await?;
    Ok(found == 1)
}

pub async fn end_session(tx: &Tx, token_hash: &[u8]) -> Result<(), DbErr> {
    portal_session::Entity::delete_by_id((tx.scope().tenant(), token_hash.to_vec()))
        .exec(tx.connection())
        .await?;
    Ok(())
}

pub async fn insert_act(
    tx: &Tx,
    id: Uuid,
    message: Uuid,
    kind: &str,
    reference: Option<Uuid>,
) -> Result<(), DbErr> {
    let row = portal_act::Model {
        tenant_id: tx.scope().tenant(),
        id,
        message_id: message,
        kind: kind.to_owned(),
        at: tx.scope().at_micros(),
        reference,
    };
    portal_act::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(tx.connection())
        .await?;
    Ok(())
}

/// How often something was done on the page of a message since an instant.
pub async fn acts_since(tx: &Tx, message: Uuid, kind: &str, since: i64) -> Result<u64, DbErr> {
    portal_act::Entity::find()
        .filter(portal_act::Column::TenantId.eq(tx.scope().tenant()))
        .filter(portal_act::Column::MessageId.eq(message))
        .filter(portal_act::Column::Kind.eq(kind))
        .filter(portal_act::Column::At.gt(since))
        .count(tx.connection())
        .await
}

/// Whether something was said of a list on the page of a message.
pub async fn said(tx: &Tx, message: Uuid, kind: &str, list: Uuid) -> Result<bool, DbErr> {
    let found = portal_act::Entity::find()
        .filter(portal_act::Column::TenantId.eq(tx.scope().tenant()))
        .filter(portal_act::Column::MessageId.eq(message))
        .filter(portal_act::Column::Kind.eq(kind))
        .filter(portal_act::Column::Reference.eq(list))
        .count(tx.connection())
        .await?;
    Ok(found > 0)
}

/// The newest acts on the page of a message, oldest first.
pub async fn acts(scope: &Scope, message: Uuid, limit: u64) -> Result<Vec<ActRow>, DbErr> {
    let mut rows = portal_act::Entity::find()
        .filter(portal_act::Column::TenantId.eq(scope.tenant()))
        .filter(portal_act::Column::MessageId.eq(message))
        .order_by_desc(portal_act::Column::At)
        .order_by_desc(portal_act::Column::Id)
        .limit(limit)
        .all(scope.connection())
        .await?;
    rows.reverse();
    Ok(rows)
}

/// For each kind of act how many messages of a notice have one, and when the last one was.
pub async fn acts_by_kind(scope: &Scope, notice: Uuid) -> Result<Vec<(String, i64, i64)>, DbErr> {
    let messages = Query::select()
        .column(message::Column::Id)
        .from(message::Entity)
        .and_where(message::Column::TenantId.eq(scope.tenant()))
        .and_where(message::Column::NoticeId.eq(notice))
        .take();
    portal_act::Entity::find()
        .select_only()
        .column(portal_act::Column::Kind)
        .expr_as(Expr::col(portal_act::Column::MessageId).count_distinct(), "recipients")
        .column_as(portal_act::Column::At.max(), "last_at")
        .filter(portal_act::Column::TenantId.eq(scope.tenant()))
        .filter(portal_act::Column::MessageId.in_subquery(messages))
        .group_by(portal_act::Column::Kind)
        .order_by_asc(portal_act::Column::Kind)
        .into_tuple()
        .all(scope.connection())
        .await
}

/// Removes codes and sessions of messages; gives the ids of the codes.
pub async fn forget(tx: &Tx, root: Uuid, messages: &[Uuid]) -> Result<Vec<Uuid>, DbErr> {
    let mut codes = Vec::new();
    for chunk in messages.chunks(CHUNK) {
        let theirs = Condition::all()
            .add(portal_code::Column::TenantId.eq(root))
            .add(portal_code::Column::MessageId.is_in(chunk.iter().copied()));
        let found: Vec<Uuid> = portal_code::Entity::find()
            .select_only()
            .column(portal_code::Column::Id)
            .filter(theirs.clone())
            .into_tuple()
            .all(tx.connection())
            .await?;
        codes.extend(found);
        portal_code::Entity::delete_many().filter(theirs).exec(tx.connection()).await?;
        portal_session::Entity::delete_many()
            .filter(portal_session::Column::TenantId.eq(root))
            .filter(portal_session::Column::MessageId.is_in(chunk.iter().copied()))
            .exec(tx.connection())
            .await?;
    }
    Ok(codes)
}

/// Removes what ended before an instant.
pub async fn purge(tx: &Tx, before: i64, limit: u64) -> Result<u64, DbErr> {
    let codes = portal_code::Column::RequestedAt.lt(before);
    let codes = delete_some::<portal_code::Entity>(
        tx.connection(),
        portal_code::Column::Id,
        Condition::all().add(codes),
        limit,
    )
    .await?;
    let sessions = Condition::all().add(portal_session::Column::ExpiresAt.lt(before));
    let hash = portal_session::Column::TokenHash;
    let sessions = delete_some::<portal_session::Entity>(tx.connection(), hash, sessions, limit).await?;
    Ok(codes + sessions)
}
