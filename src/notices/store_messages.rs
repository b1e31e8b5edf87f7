//! The table of messages, for the use cases. What the worker does to it is in `store_outbox`.

use std::collections::{HashMap, HashSet};

use entity::{message, notice, revision as list};
use jiff::Timestamp;
use sea_orm::sea_query::{Condition, Expr, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::model::{Audience, Channel, Counts, Language, Message, MessageState, Notice, NoticeState, Reason};
use super::store::CHUNK;
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::{Error, Result};

fn cancelled_notices(tenant: Uuid) -> SelectStatement {
    Query::select()
        .column(notice::Column::Id)
        .from(notice::Entity)
        .and_where(notice::Column::TenantId.eq(tenant))
        .and_where(notice::Column::State.eq(NoticeState::Cancelled.as_str()))
        .to_owned()
}

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

/// States in which a message has told nobody.
const IN_VAIN: [&str; 3] =
    [MessageState::Failed.as_str(), MessageState::BouncedSoft.as_str(), MessageState::BouncedHard.as_str()];

/// Recipients who have been told of this incident or are about to be, with the revision of the newest message; and whoever has any
/// message of `revision` itself. What has failed or come back does not count: a notice for a later list reaches for these people
/// anew. Nor does what failed in a cancelled notice of the same list: nobody can try it again, so a notice that takes the cancelled
/// one's place must be able to. Whoever was last told not to be concerned has been told of nothing.
pub async fn told<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    incident: Uuid,
    revision: Uuid,
) -> Result<HashMap<String, Told>> {
    let counts = Condition::any().add(message::Column::State.is_not_in(IN_VAIN)).add(
        Condition::all()
            .add(message::Column::RevisionId.eq(revision))
            .add(message::Column::NoticeId.not_in_subquery(cancelled_notices(tenant))),
    );
    last_words(database, tenant, incident, counts).await
}

/// What a recipient was last told of.
pub struct Told {
    pub revision: Uuid,
    /// It has reached the recipient, as far as anybody knows.
    pub reached: bool,
}

async fn last_words<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    incident: Uuid,
    counts: Condition,
) -> Result<HashMap<String, Told>> {
    let cleared: HashSet<Uuid> = notice::Entity::find()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::TenantId.eq(tenant))
        .filter(notice::Column::IncidentId.eq(incident))
        .filter(notice::Column::Audience.eq(Audience::Cleared.as_str()))
        .into_tuple()
        .all(database)
        .await?
        .into_iter()
        .collect();
    let mut rows: Vec<(String, Uuid, Uuid, String)> = message::Entity::find()
        .select_only()
        .columns([
            message::Column::Recipient,
            message::Column::RevisionId,
            message::Column::NoticeId,
            message::Column::State,
        ])
        .filter(message::Column::TenantId.eq(tenant))
        .filter(message::Column::IncidentId.eq(incident))
        .filter(counts)
        .order_by_asc(message::Column::CreatedAt)
        .into_tuple()
        .all(database)
        .await?;
    // Lists follow each other by number; a list and its corrections name different people. (Instants may be the same.)
    let numbers: HashMap<Uuid, i32> = list::Entity::find()
        .select_only()
        .columns([list::Column::Id, list::Column::Number])
        .filter(list::Column::TenantId.eq(tenant))
        .filter(list::Column::IncidentId.eq(incident))
        .filter(list::Column::Number.is_not_null())
        .into_tuple()
        .all(database)
        .await?
        .into_iter()
        .collect();
    rows.sort_by_key(|(_, revision, ..)| numbers.get(revision).copied());
    let mut told = HashMap::new();
    for (recipient, revision, notice, state) in rows {
        let state = MessageState::from_stored(&state)?;
        let reached = matches!(state, MessageState::Accepted | MessageState::ToldOtherwise);
        match cleared.contains(&notice) {
            // A correction that has not arrived has corrected nothing.
            true if reached => {
                told.remove(&recipient);
            }
            true => {}
            false => {
                told.insert(recipient, Told { revision, reached });
            }
        }
    }
    Ok(told)
}

/// Whether a sender still has messages of a cancelled notice of this incident in hand. Nobody knows yet whether they reach anybody.
pub async fn cancelled_under_way<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<bool> {
    let found: Option<Uuid> = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::TenantId.eq(notice.tenant))
        .filter(message::Column::IncidentId.eq(notice.incident))
        .filter(message::Column::State.eq(MessageState::Sending.as_str()))
        .filter(message::Column::NoticeId.in_subquery(cancelled_notices(notice.tenant)))
        .limit(1)
        .into_tuple()
        .one(database)
        .await?;
    Ok(found.is_some())
}

/// Where each person of an incident was last written to: tenant, record type and language.
pub async fn last_places<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    incident: Uuid,
) -> Result<HashMap<String, (Uuid, String, Language)>> {
    let rows: Vec<(String, Uuid, Option<String>, String)> = message::Entity::find()
        .select_only()
        .columns([
            message::Column::Recipient,
            message::Column::RecipientTenant,
            message::Column::RecordType,
            message::Column::Language,
        ])
        .filter(message::Column::TenantId.eq(tenant))
        .filter(message::Column::IncidentId.eq(incident))
        .filter(message::Column::RecordType.is_not_null())
        .order_by_asc(message::Column::CreatedAt)
        .into_tuple()
        .all(database)
        .await?;
    let mut places = HashMap::new();
    for (recipient, tenant, record_type, language) in rows {
        if let Some(record_type) = record_type {
            places.insert(recipient, (tenant, record_type, Language::from_stored(&language)?));
        }
    }
    Ok(places)
}

/// Gives to a new notice the messages that failed in cancelled ones for the same list: a recipient has one message a list,
/// and its id and Message-ID stay what they were, so that a mail that did leave after all is known as the same. They are
/// taken out here and come back with the rest of `messages`. Returns how many were taken over.
pub async fn take_over<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    messages: &mut [Message],
) -> Result<u64> {
    let given_up = Condition::all()
        .add(message::Column::TenantId.eq(notice.tenant))
        .add(message::Column::IncidentId.eq(notice.incident))
        .add(message::Column::RevisionId.eq(notice.revision))
        .add(message::Column::State.is_in(IN_VAIN))
        .add(message::Column::NoticeId.in_subquery(cancelled_notices(notice.tenant)));
    let rows: Vec<(Uuid, String, String, String)> = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .column(message::Column::Channel)
        .column(message::Column::Recipient)
        .column(message::Column::MessageId)
        .filter(given_up.clone())
        .into_tuple()
        .all(database)
        .await?;
    let mut known: HashMap<(String, String), (Uuid, String)> = rows
        .into_iter()
        .map(|(id, channel, recipient, message_id)| ((channel, recipient), (id, message_id)))
        .collect();
    let mut taken = Vec::new();
    for message in messages {
        let place = (message.channel.as_str().to_owned(), message.recipient.clone());
        if let Some((id, message_id)) = known.remove(&place) {
            (message.id, message.message_id) = (id, message_id);
            taken.push(id);
        }
    }
    for chunk in taken.chunks(CHUNK) {
        let deleted = message::Entity::delete_many()
            .filter(given_up.clone())
            .filter(message::Column::Id.is_in(chunk.iter().copied()))
            .exec(database)
            .await?;
        if deleted.rows_affected != chunk.len() as u64 {
            return Err(
                Error::conflict("messages of a cancelled notice changed meanwhile").remedy("try again")
            );
        }
    }
    Ok(taken.len() as u64)
}

/// Recipients whom another notice of this incident has told or is about to tell: all, or of some.
pub async fn told_elsewhere<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    among: Option<&[&str]>,
) -> Result<HashSet<String>> {
    // A tenant hears once a list, and a correction goes to those whom another notice reached: only of the incident a person hears once.
    if notice.audience != Audience::Persons {
        return Ok(HashSet::new());
    }
    let counts = Condition::all()
        .add(message::Column::NoticeId.ne(notice.id))
        .add(message::Column::State.is_not_in(IN_VAIN))
        .add_option(among.map(|among| message::Column::Recipient.is_in(among.iter().copied())));
    Ok(last_words(database, notice.tenant, notice.incident, counts).await?.into_keys().collect())
}

/// Who has a correction of this list already, whatever became of it.
pub async fn corrected<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<HashSet<String>> {
    let rows: Vec<String> = message::Entity::find()
        .select_only()
        .column(message::Column::Recipient)
        .filter(message::Column::TenantId.eq(notice.tenant))
        .filter(message::Column::IncidentId.eq(notice.incident))
        .filter(message::Column::RevisionId.eq(notice.revision))
        .filter(message::Column::NoticeId.not_in_subquery(cancelled_notices(notice.tenant)))
        .into_tuple()
        .all(database)
        .await?;
    Ok(rows.into_iter().collect())
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
