//! What came of attempts, written down for many messages with few statements.

use std::collections::{BTreeMap, HashMap};

use entity::message::Column;
use entity::{message, notice, revision};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockBehavior, LockType, Order, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, StatementBuilder,
};
use uuid::Uuid;

use super::model::{Message, MessageState, NoticeState, Reason};
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

/// How a message stands just before its attempt.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Its notice, and how that stands.
    pub notice: Uuid,
    pub state: NoticeState,
    /// The list in force for its incident.
    pub in_force: Option<Uuid>,
    /// Who is sending it; nobody where it is not being sent.
    pub owner: Option<Uuid>,
    pub attempts: u32,
}

/// How these messages stand.
pub async fn standings(scope: &Scope, ids: &[Uuid]) -> Result<HashMap<Uuid, Standing>> {
    let message = |column| Expr::col((message::Entity, column));
    let in_force = Query::select()
        .column(revision::Column::Id)
        .from(revision::Entity)
        .and_where(Expr::col((revision::Entity, revision::Column::TenantId)).eq(message(Column::TenantId)))
        .and_where(
            Expr::col((revision::Entity, revision::Column::IncidentId)).eq(message(Column::IncidentId)),
        )
        .and_where(Expr::col((revision::Entity, revision::Column::State)).eq("approved"))
        .order_by((revision::Entity, revision::Column::Number), Order::Desc)
        .limit(1)
        .take();
    let select = Query::select()
        .columns(
            [Column::Id, Column::NoticeId, Column::State, Column::LeaseOwner, Column::Attempts]
                .map(|column| (message::Entity, column)),
        )
        .expr_as(Expr::col((notice::Entity, notice::Column::State)), "notice_state")
        .expr_as(Expr::from(in_force), "in_force")
        .from(message::Entity)
        .inner_join(
            notice::Entity,
            Condition::all()
                .add(Expr::col((notice::Entity, notice::Column::TenantId)).eq(message(Column::TenantId)))
                .add(Expr::col((notice::Entity, notice::Column::Id)).eq(message(Column::NoticeId))),
        )
        .and_where(message(Column::TenantId).eq(scope.tenant()))
        .and_where(message(Column::Id).is_in(ids.iter().copied()))
        .take();
    let database = scope.connection();
    let statement = StatementBuilder::build(&select, &database.get_database_backend());
    let rows = StandingRow::find_by_statement(statement).all(database).await?;
    rows.into_iter()
        .map(|row| {
            let StandingRow { id, notice_id, state, lease_owner, attempts, notice_state, in_force } = row;
            let standing = Standing {
                notice: notice_id,
                state: NoticeState::from_stored(&notice_state)?,
                in_force,
                owner: lease_owner.filter(|_| state == MessageState::Sending.as_str()),
                attempts: u32::try_from(attempts).unwrap_or_default(),
            };
            Ok((id, standing))
        })
        .collect()
}

#[derive(FromQueryResult)]
struct StandingRow {
    id: Uuid,
    notice_id: Uuid,
    state: String,
    lease_owner: Option<Uuid>,
    attempts: i32,
    notice_state: String,
    in_force: Option<Uuid>,
}

/// A row as it stands.
struct Row {
    notice: Uuid,
    state: String,
    owner: Option<Uuid>,
    attempts: i32,
}

/// Takes the rows of messages as they stand. On PostgreSQL a row that somebody else holds is waited for only where it is the only one:
/// whoever waits for one row while holding others can be waited for in turn.
async fn take(tx: &Tx, tenant: Uuid, ids: &[Uuid]) -> Result<HashMap<Uuid, Row>> {
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
    let row = |(id, notice, state, owner, attempts)| (id, Row { notice, state, owner, attempts });
    Ok(rows.into_iter().map(row).collect())
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
