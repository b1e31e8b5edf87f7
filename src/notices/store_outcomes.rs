//! What came of attempts, written down for many messages with few statements.

use std::collections::{BTreeMap, HashMap};

use entity::message;
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::model::{Message, MessageState, Reason};
use super::store_outbox::owned;
use crate::access::{Scope, Tx};
use crate::error::Result;

/// What came back or was told otherwise meanwhile is later news than an acceptance.
const BEFORE_ACCEPTED: [MessageState; 4] =
    [MessageState::Queued, MessageState::Sending, MessageState::Deferred, MessageState::Failed];

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub message: Message,
    /// Accepted, deferred or failed.
    pub state: MessageState,
    pub reason: Option<Reason>,
    pub code: Option<u16>,
    /// When it is tried again, in microseconds.
    pub next_attempt_at: i64,
}

/// How one stands after the writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Yes,
    /// The message is another worker's or another notice's, or something later is known of it.
    Overtaken,
    /// Somebody else holds its row at this moment.
    Held,
}

/// By whom a message is being sent, and for which time.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub owner: Uuid,
    pub attempts: u32,
}

/// Those of these messages that somebody is sending.
pub async fn taken(scope: &Scope, ids: &[Uuid]) -> Result<HashMap<Uuid, Taken>> {
    let rows: Vec<(Uuid, Option<Uuid>, i32)> = message::Entity::find()
        .select_only()
        .columns([message::Column::Id, message::Column::LeaseOwner, message::Column::Attempts])
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .filter(message::Column::Id.is_in(ids.iter().copied()))
        .filter(message::Column::State.eq(MessageState::Sending.as_str()))
        .into_tuple()
        .all(scope.connection())
        .await?;
    let taken = |(id, owner, attempts): (Uuid, Option<Uuid>, i32)| {
        Some((id, Taken { owner: owner?, attempts: u32::try_from(attempts).ok()? }))
    };
    Ok(rows.into_iter().filter_map(taken).collect())
}

struct Standing {
    notice: Uuid,
    state: String,
    owner: Option<Uuid>,
    attempts: i32,
}

/// Takes the rows of messages as they stand. On PostgreSQL a row that somebody else holds is waited for only where it is the only one:
/// whoever waits for one row while holding others can be waited for in turn.
async fn take(tx: &Tx, tenant: Uuid, ids: &[Uuid]) -> Result<HashMap<Uuid, Standing>> {
    let mut query = message::Entity::find()
        .select_only()
        .columns([
            message::Column::Id,
            message::Column::NoticeId,
            message::Column::State,
            message::Column::LeaseOwner,
            message::Column::Attempts,
        ])
        .filter(message::Column::TenantId.eq(tenant))
        .filter(message::Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(message::Column::Id);
    if tx.connection().get_database_backend() == DbBackend::Postgres {
        query = match ids {
            [_] => query.lock(LockType::Update),
            _ => query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked),
        };
    }
    let rows: Vec<(Uuid, Uuid, String, Option<Uuid>, i32)> = query.into_tuple().all(tx.connection()).await?;
    let standing = |(id, notice, state, owner, attempts)| (id, Standing { notice, state, owner, attempts });
    Ok(rows.into_iter().map(standing).collect())
}

/// Writes outcomes of messages of one tenant; how each stands, in their order. An acceptance is a fact: it is written even when the
/// lease was lost meanwhile, but not when another notice has taken the message over, whose text this was not. All else is written
/// by the worker that has the message.
pub async fn write(tx: &Tx, owner: Uuid, outcomes: &[Outcome], at: i64) -> Result<Vec<Written>> {
    let tenant = tx.scope().tenant();
    let ids: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.message.id).collect();
    let rows = take(tx, tenant, &ids).await?;
    let mut written = Vec::with_capacity(outcomes.len());
    let mut accepted: BTreeMap<Option<u16>, Vec<Uuid>> = BTreeMap::new();
    for outcome in outcomes {
        let id = outcome.message.id;
        written.push(match rows.get(&id) {
            None if outcomes.len() > 1 => Written::Held,
            None => Written::Overtaken,
            Some(row) if row.notice != outcome.message.notice => Written::Overtaken,
            Some(row) if outcome.state == MessageState::Accepted => {
                if BEFORE_ACCEPTED.iter().any(|state| state.as_str() == row.state) {
                    accepted.entry(outcome.code).or_default().push(id);
                    Written::Yes
                } else {
                    Written::Overtaken
                }
            }
            Some(row)
                if row.state == MessageState::Sending.as_str()
                    && row.owner == Some(owner)
                    && u32::try_from(row.attempts) == Ok(outcome.message.attempts) =>
            {
                not_accepted(tx.connection(), owner, outcome).await?;
                Written::Yes
            }
            Some(_) => Written::Overtaken,
        });
    }
    for (code, ids) in accepted {
        message::Entity::update_many()
            .col_expr(message::Column::State, Expr::value(MessageState::Accepted.as_str()))
            .col_expr(message::Column::ReplyCode, Expr::value(code.map(i32::from)))
            .col_expr(message::Column::Reason, Expr::value(None::<String>))
            .col_expr(message::Column::AcceptedAt, Expr::value(at))
            .col_expr(message::Column::LeaseUntil, Expr::value(None::<i64>))
            .col_expr(message::Column::LeaseOwner, Expr::value(None::<Uuid>))
            .filter(message::Column::TenantId.eq(tenant))
            .filter(message::Column::Id.is_in(ids))
            .exec(tx.connection())
            .await?;
    }
    Ok(written)
}

async fn not_accepted<C: ConnectionTrait>(database: &C, owner: Uuid, outcome: &Outcome) -> Result<()> {
    let reason = outcome.reason.unwrap_or(Reason::Internal);
    message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(outcome.state.as_str()))
        .col_expr(message::Column::ReplyCode, Expr::value(outcome.code.map(i32::from)))
        .col_expr(message::Column::Reason, Expr::value(reason.as_str()))
        .col_expr(message::Column::NextAttemptAt, Expr::value(outcome.next_attempt_at))
        .col_expr(message::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(message::Column::LeaseOwner, Expr::value(None::<Uuid>))
        .filter(owned(&outcome.message, owner))
        .exec(database)
        .await?;
    Ok(())
}
