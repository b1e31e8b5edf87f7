//! What may be sent now, and taking it. Asked notice by notice and state by state: each answer is the beginning of an index, however many
//! messages there are.

use entity::{message, notice};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::model::{Message, MessageState, NoticeState};
use super::store_messages::message_of;
use crate::access::Scope;
use crate::error::Result;

/// What is not to be taken although it is due.
pub struct Except {
    /// Notices that are not sent at this moment.
    pub resting: Vec<Uuid>,
    /// Messages that whoever asks has in hand.
    pub in_hand: Vec<Uuid>,
}

/// What a worker took and did not finish in time; what waits and is due. In the order in which it is taken.
const DUE: [MessageState; 3] = [MessageState::Sending, MessageState::Queued, MessageState::Deferred];

/// Messages of a notice that are due, the longest due first.
fn due_of(
    tenant: Uuid,
    notice: Uuid,
    state: MessageState,
    now: i64,
    in_hand: &[Uuid],
) -> Select<message::Entity> {
    let until = match state {
        MessageState::Sending => message::Column::LeaseUntil,
        _ => message::Column::NextAttemptAt,
    };
    let others = (!in_hand.is_empty()).then(|| message::Column::Id.is_not_in(in_hand.iter().copied()));
    message::Entity::find()
        .filter(message::Column::TenantId.eq(tenant))
        .filter(message::Column::NoticeId.eq(notice))
        .filter(message::Column::State.eq(state.as_str()))
        .filter(until.lte(now))
        .filter(Condition::all().add_option(others))
        .order_by_asc(message::Column::NextAttemptAt)
}

/// Notices that have something to be taken. Only approved ones: a second wall behind the fan-out. Asked before a transaction is opened, so
/// that an idle service writes nothing.
pub async fn due(scope: &Scope, except: &Except) -> Result<Vec<Uuid>> {
    let approved: Vec<Uuid> = notice::Entity::find()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::TenantId.eq(scope.tenant()))
        .filter(notice::Column::State.eq(NoticeState::Approved.as_str()))
        .order_by_asc(notice::Column::ApprovedAt)
        .order_by_asc(notice::Column::Id)
        .into_tuple()
        .all(scope.connection())
        .await?;
    let mut due = Vec::new();
    for notice in approved.into_iter().filter(|notice| !except.resting.contains(notice)) {
        for state in DUE {
            let query = due_of(scope.tenant(), notice, state, scope.at_micros(), &except.in_hand);
            let first = query.select_only().column(message::Column::Id).limit(1);
            let first: Option<Uuid> = first.into_tuple().one(scope.connection()).await?;
            if first.is_some() {
                due.push(notice);
                break;
            }
        }
    }
    Ok(due)
}

/// What was taken.
#[derive(Default)]
pub struct Claimed {
    /// How many messages, those that cannot be read with them: they stay taken until their lease ends, and keep no other from being sent.
    pub taken: usize,
    pub messages: Vec<Message>,
    /// Which of them somebody had taken before and not given back.
    pub interrupted: Vec<Uuid>,
}

/// Takes up to `limit` messages of notices for `owner` until an instant, in microseconds. Rows that another worker is taking at this moment
/// are passed over. Of several notices each gives its share.
pub async fn claim<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    notices: &[Uuid],
    (owner, lease_until): (Uuid, i64),
    limit: u64,
    in_hand: &[Uuid],
) -> Result<Claimed> {
    let mut rows: Vec<message::Model> = Vec::new();
    for (index, notice) in notices.iter().enumerate() {
        let left = limit.saturating_sub(rows.len() as u64);
        let share = left.div_ceil((notices.len() - index) as u64);
        rows.extend(claimable(database, scope, *notice, share, in_hand).await?);
    }
    if rows.is_empty() {
        return Ok(Claimed::default());
    }
    let was_taken = |row: &&message::Model| row.state == MessageState::Sending.as_str();
    let mut interrupted: Vec<Uuid> = rows.iter().filter(was_taken).map(|row| row.id).collect();
    let updated = message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(MessageState::Sending.as_str()))
        .col_expr(message::Column::LeaseOwner, Expr::value(owner))
        .col_expr(message::Column::LeaseUntil, Expr::value(lease_until))
        .col_expr(message::Column::Attempts, Expr::col(message::Column::Attempts).add(1))
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .filter(message::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(database)
        .await?;
    if updated.rows_affected != rows.len() as u64 {
        return Err(anyhow::anyhow!("claimed {} messages of {}", updated.rows_affected, rows.len()).into());
    }
    for row in &mut rows {
        row.attempts += 1;
        row.state = MessageState::Sending.as_str().to_owned();
        row.lease_until = Some(lease_until);
    }
    let (taken, mut messages) = (rows.len(), Vec::with_capacity(rows.len()));
    for row in rows {
        let id = row.id;
        match message_of(row) {
            Ok(message) => messages.push(message),
            Err(error) => {
                tracing::error!(message = %id, %error, "a message cannot be read");
                interrupted.retain(|interrupted| *interrupted != id);
            }
        }
    }
    Ok(Claimed { taken, messages, interrupted })
}

async fn claimable<C: ConnectionTrait>(
    database: &C,
    scope: &Scope,
    notice: Uuid,
    limit: u64,
    in_hand: &[Uuid],
) -> Result<Vec<message::Model>> {
    let mut rows = Vec::new();
    for state in DUE {
        let left = limit - rows.len() as u64;
        if left == 0 {
            break;
        }
        let mut query = due_of(scope.tenant(), notice, state, scope.at_micros(), in_hand).limit(left);
        if database.get_database_backend() == DbBackend::Postgres {
            query = query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        }
        rows.extend(query.all(database).await?);
    }
    Ok(rows)
}
