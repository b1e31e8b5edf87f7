//! The table of messages, for the use cases. What the worker does to it is in `store_outbox`.

use entity::{message, notice};
use jiff::Timestamp;
use sea_orm::sea_query::{Condition, Expr, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::model::{Channel, Counts, Language, Message, MessageState, Notice, NoticeState, Reason};
use super::store::CHUNK;
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;

/// States in which a message has told nobody.
pub const IN_VAIN: [&str; 3] =
    [MessageState::Failed.as_str(), MessageState::BouncedSoft.as_str(), MessageState::BouncedHard.as_str()];

/// When the first mail to a person about an incident was accepted.
pub async fn first_accepted<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    incident: Uuid,
) -> Result<Option<Timestamp>> {
    let first: Option<Option<i64>> = message::Entity::find()
        .select_only()
        .column_as(message::Column::AcceptedAt.min(), "first")
        .filter(scope.rows(message::Column::TenantId))
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .filter(message::Column::IncidentId.eq(incident))
        .filter(message::Column::RecordType.is_not_null())
        // One that came back told nobody.
        .filter(message::Column::State.eq(MessageState::Accepted.as_str()))
        .into_tuple()
        .one(database)
        .await?;
    Ok(first.flatten().map(from_micros))
}

pub async fn insert_messages<C: ConnectionTrait>(database: &C, messages: Vec<Message>) -> Result<(), DbErr> {
    let mut rows = messages.into_iter().map(|message| row_of(message).into_active_model().reset_all());
    loop {
        let chunk: Vec<_> = rows.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        message::Entity::insert_many(chunk).exec_without_returning(database).await?;
    }
}

fn row_of(message: Message) -> message::Model {
    let Message {
        tenant,
        id,
        notice,
        incident,
        revision,
        channel,
        recipient,
        recipient_tenant,
        record_type,
        language,
        message_id,
        state,
        attempts,
        next_attempt_at,
        lease_until,
        reply_code,
        reason,
        created_at,
        accepted_at,
    } = message;
    message::Model {
        tenant_id: tenant,
        id,
        notice_id: notice,
        incident_id: incident,
        revision_id: revision,
        channel: channel.as_str().to_owned(),
        recipient,
        recipient_tenant,
        record_type,
        language: language.as_str().to_owned(),
        message_id,
        state: state.as_str().to_owned(),
        attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
        next_attempt_at: next_attempt_at.as_microsecond(),
        lease_until: lease_until.map(|at| at.as_microsecond()),
        lease_owner: None,
        reply_code: reply_code.map(i32::from),
        reason: reason.map(|reason| reason.as_str().to_owned()),
        created_at: created_at.as_microsecond(),
        accepted_at: accepted_at.map(|at| at.as_microsecond()),
    }
}

pub fn message_of(row: message::Model) -> Result<Message> {
    let message::Model {
        tenant_id,
        id,
        notice_id,
        incident_id,
        revision_id,
        channel,
        recipient,
        recipient_tenant,
        record_type,
        language,
        message_id,
        state,
        attempts,
        next_attempt_at,
        lease_until,
        lease_owner: _,
        reply_code,
        reason,
        created_at,
        accepted_at,
    } = row;
    Ok(Message {
        tenant: tenant_id,
        id,
        notice: notice_id,
        incident: incident_id,
        revision: revision_id,
        channel: Channel::from_stored(&channel)?,
        recipient,
        recipient_tenant,
        record_type,
        language: Language::from_stored(&language)?,
        message_id,
        state: MessageState::from_stored(&state)?,
        attempts: u32::try_from(attempts).unwrap_or_default(),
        next_attempt_at: from_micros(next_attempt_at),
        lease_until: lease_until.map(from_micros),
        reply_code: reply_code.and_then(|code| u16::try_from(code).ok()),
        reason: reason.as_deref().map(Reason::from_stored).transpose()?,
        created_at: from_micros(created_at),
        accepted_at: accepted_at.map(from_micros),
    })
}

/// Gives up whatever of a notice waits for an attempt. Returns how many messages that were.
pub async fn fail_waiting<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<u64> {
    let updated = message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(MessageState::Failed.as_str()))
        .col_expr(message::Column::Reason, Expr::value(Reason::Cancelled.as_str()))
        .filter(message::Column::TenantId.eq(notice.tenant))
        .filter(message::Column::NoticeId.eq(notice.id))
        .filter(
            message::Column::State.is_in([MessageState::Queued.as_str(), MessageState::Deferred.as_str()]),
        )
        .exec(database)
        .await?;
    Ok(updated.rows_affected)
}

/// The next messages of a notice that have told nobody: failed, or came back. `after` is the last one of those before.
pub async fn in_vain<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Message>> {
    let rows = message::Entity::find()
        .filter(message::Column::TenantId.eq(notice.tenant))
        .filter(message::Column::NoticeId.eq(notice.id))
        .filter(message::Column::State.is_in(IN_VAIN))
        .filter(Condition::all().add_option(after.map(|after| message::Column::Id.gt(after))))
        .order_by_asc(message::Column::Id)
        .limit(limit)
        .all(database)
        .await?;
    rows.into_iter().map(message_of).collect()
}

/// The next persons whom no way has reached; `after` is the last one of the page before.
pub async fn unreached(scope: &Scope, notice: Uuid, after: Option<Uuid>, limit: u64) -> Result<Vec<Message>> {
    let mut query = message::Entity::find()
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .filter(message::Column::NoticeId.eq(notice))
        .filter(message::Column::RecordType.is_not_null())
        .filter(message::Column::State.is_in(IN_VAIN))
        .order_by_asc(message::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(message::Column::Id.gt(after));
    }
    query.all(scope.connection()).await?.into_iter().map(message_of).collect()
}

/// Puts messages that have told nobody into the queue again.
pub async fn requeue<C: ConnectionTrait>(database: &C, messages: &[Message], at: i64) -> Result<u64> {
    let mut moved = 0;
    for chunk in messages.chunks(CHUNK) {
        let updated = message::Entity::update_many()
            .col_expr(message::Column::State, Expr::value(MessageState::Queued.as_str()))
            .col_expr(message::Column::Attempts, Expr::value(0))
            .col_expr(message::Column::NextAttemptAt, Expr::value(at))
            .col_expr(message::Column::Reason, Expr::value(None::<String>))
            .col_expr(message::Column::ReplyCode, Expr::value(None::<i32>))
            .filter(message::Column::TenantId.is_in(chunk.iter().map(|message| message.tenant)))
            .filter(message::Column::Id.is_in(chunk.iter().map(|message| message.id)))
            .filter(message::Column::State.is_in(IN_VAIN))
            .exec(database)
            .await?;
        moved += updated.rows_affected;
    }
    Ok(moved)
}

/// The incidents of messages, in one order.
pub async fn incidents_of(tx: &Tx, messages: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut found: Vec<Uuid> = message::Entity::find()
        .select_only()
        .column(message::Column::IncidentId)
        .filter(message::Column::TenantId.eq(tx.scope().tenant()))
        .filter(message::Column::Id.is_in(messages.iter().copied()))
        .into_tuple()
        .all(tx.connection())
        .await?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// A message, locked: what happens to it is recorded one after the other. SQLite has one writer anyway.
pub async fn locked(tx: &Tx, id: Uuid) -> Result<Option<Message>> {
    let row =
        message::Entity::find_by_id((tx.scope().tenant(), id)).lock_exclusive().one(tx.connection()).await?;
    row.map(message_of).transpose()
}

/// The message with this Message-ID.
pub async fn by_message_id(scope: &Scope, message_id: &str) -> Result<Option<Uuid>> {
    let found = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .filter(message::Column::MessageId.eq(message_id))
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(found)
}

/// Moves a locked message to a state that no worker gives it.
pub async fn move_to(tx: &Tx, message: &Message, state: MessageState, reason: Option<Reason>) -> Result<()> {
    message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(state.as_str()))
        .col_expr(message::Column::Reason, Expr::value(reason.map(Reason::as_str)))
        .filter(message::Column::TenantId.eq(message.tenant))
        .filter(message::Column::Id.eq(message.id))
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// Says at which tenant, as which record type and in which language a recipient can be reached after all.
pub async fn readdress<C: ConnectionTrait>(
    database: &C,
    message: &Message,
    tenant: Uuid,
    record_type: Option<&str>,
    language: Language,
) -> Result<bool> {
    let updated = message::Entity::update_many()
        .col_expr(message::Column::RecipientTenant, Expr::value(tenant))
        .col_expr(message::Column::RecordType, Expr::value(record_type.map(str::to_owned)))
        .col_expr(message::Column::Language, Expr::value(language.as_str()))
        .filter(message::Column::TenantId.eq(message.tenant))
        .filter(message::Column::Id.eq(message.id))
        .filter(message::Column::State.is_in(IN_VAIN))
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

#[derive(FromQueryResult)]
struct StateCount {
    state: String,
    number: i64,
}

pub async fn counts(scope: &Scope, notice: Uuid) -> Result<Counts> {
    let rows = message::Entity::find()
        .select_only()
        .column(message::Column::State)
        .column_as(message::Column::Id.count(), "number")
        .filter(scope.rows(message::Column::TenantId))
        .filter(message::Column::NoticeId.eq(notice))
        .group_by(message::Column::State)
        .into_model::<StateCount>()
        .all(scope.connection())
        .await?;
    let mut counts = Counts::default();
    for StateCount { state, number } in rows {
        counts.add(MessageState::from_stored(&state)?, u64::try_from(number).unwrap_or_default());
    }
    Ok(counts)
}

/// All messages by where they stand.
pub async fn all_counts(scope: &Scope) -> Result<Vec<(MessageState, u64)>> {
    let rows = message::Entity::find()
        .select_only()
        .column(message::Column::State)
        .column_as(message::Column::Id.count(), "number")
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .group_by(message::Column::State)
        .order_by_asc(message::Column::State)
        .into_model::<StateCount>()
        .all(scope.connection())
        .await?;
    let count = |row: StateCount| {
        Ok((MessageState::from_stored(&row.state)?, u64::try_from(row.number).unwrap_or_default()))
    };
    rows.into_iter().map(count).collect()
}

/// Since when the oldest message that may go has been waiting, in microseconds.
pub async fn oldest_due(scope: &Scope) -> Result<Option<i64>> {
    let approved = Query::select()
        .column(notice::Column::Id)
        .from(notice::Entity)
        .and_where(notice::Column::TenantId.eq(scope.tenant()))
        .and_where(notice::Column::State.eq(NoticeState::Approved.as_str()))
        .to_owned();
    let oldest: Option<Option<i64>> = message::Entity::find()
        .select_only()
        .column_as(message::Column::NextAttemptAt.min(), "oldest")
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .filter(
            message::Column::State.is_in([MessageState::Queued.as_str(), MessageState::Deferred.as_str()]),
        )
        .filter(message::Column::NextAttemptAt.lte(scope.at_micros()))
        .filter(message::Column::NoticeId.in_subquery(approved))
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(oldest.flatten())
}

pub async fn messages(
    scope: &Scope,
    notice: Uuid,
    state: Option<MessageState>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Message>> {
    let mut query = message::Entity::find()
        .filter(scope.rows(message::Column::TenantId))
        .filter(message::Column::NoticeId.eq(notice))
        .order_by_asc(message::Column::Id);
    if let Some(state) = state {
        query = query.filter(message::Column::State.eq(state.as_str()));
    }
    if let Some(after) = after {
        query = query.filter(message::Column::Id.gt(after));
    }
    query.limit(limit).all(scope.connection()).await?.into_iter().map(message_of).collect()
}
