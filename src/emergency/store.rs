//! The table of access in an emergency. Transactions here reach further than one tenant (`Scope::begin_everywhere`), because who
//! asks may belong to another one than the row: every statement names the row, or the account.

use entity::emergency_access::{Column, Entity, Model};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::State;
use crate::access::{Scope, Tx};
use crate::error::Result;

fn row(tenant: Uuid, id: Uuid) -> Condition {
    Condition::all().add(Column::TenantId.eq(tenant)).add(Column::Id.eq(id))
}

pub async fn insert(tx: &Tx, row: Model) -> Result<()> {
    Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx.connection()).await?;
    Ok(())
}

pub async fn find(scope: &Scope, tenant: Uuid, id: Uuid) -> Result<Option<Model>> {
    let row = Entity::find_by_id((tenant, id)).filter(scope.rows(Column::TenantId));
    Ok(row.one(scope.connection()).await?)
}

/// Requests of an account that wait or are in force.
pub async fn open_of(tx: &Tx, actor: Uuid, now: i64, lapse: i64) -> Result<u64> {
    let waits = Column::State.eq("requested").and(Column::RequestedAt.gt(lapse));
    let holds = Column::State.eq("approved").and(Column::EndsAt.gt(now));
    let open = Entity::find()
        .filter(Column::ActorTenant.eq(tx.scope().op().actor().tenant))
        .filter(Column::Actor.eq(actor))
        .filter(Condition::any().add(waits).add(holds));
    Ok(open.count(tx.connection()).await?)
}

/// Requests of an account since an instant.
pub async fn asked_since(tx: &Tx, actor: Uuid, since: i64) -> Result<u64> {
    let asked = Entity::find()
        .filter(Column::ActorTenant.eq(tx.scope().op().actor().tenant))
        .filter(Column::Actor.eq(actor))
        .filter(Column::RequestedAt.gt(since));
    Ok(asked.count(tx.connection()).await?)
}

/// Decides on a request that waits; whether it did. Never for who asked.
pub async fn decide(
    tx: &Tx,
    request: &Model,
    state: &str,
    ends_at: Option<i64>,
    comment: &str,
    lapse: i64,
) -> Result<bool> {
    let scope = tx.scope();
    let decided = Entity::update_many()
        .col_expr(Column::State, state.into())
        .col_expr(Column::DecidedAt, scope.at_micros().into())
        .col_expr(Column::DecidedBy, scope.author().into())
        .col_expr(Column::DecisionComment, comment.into())
        .col_expr(Column::EndsAt, ends_at.into())
        .filter(row(request.tenant_id, request.id))
        .filter(Column::State.eq("requested"))
        .filter(Column::RequestedAt.gt(lapse))
        .filter(Column::Actor.ne(scope.author()))
        .exec(tx.connection())
        .await?;
    Ok(decided.rows_affected == 1)
}

/// Ends a grant that is in force; whether it was.
pub async fn end(tx: &Tx, tenant: Uuid, id: Uuid) -> Result<bool> {
    let scope = tx.scope();
    let ended = Entity::update_many()
        .col_expr(Column::EndsAt, scope.at_micros().into())
        .col_expr(Column::EndedBy, scope.author().into())
        .filter(row(tenant, id))
        .filter(Column::State.eq("approved"))
        .filter(Column::EndsAt.gt(scope.at_micros()))
        .exec(tx.connection())
        .await?;
    Ok(ended.rows_affected == 1)
}

/// Closes the review of a grant that is over; whether one was due.
pub async fn review(tx: &Tx, tenant: Uuid, id: Uuid, comment: &str) -> Result<bool> {
    let scope = tx.scope();
    let reviewed = Entity::update_many()
        .col_expr(Column::State, "reviewed".into())
        .col_expr(Column::ReviewedAt, scope.at_micros().into())
        .col_expr(Column::ReviewedBy, scope.author().into())
        .col_expr(Column::ReviewComment, comment.into())
        .filter(row(tenant, id))
        .filter(Column::State.eq("approved"))
        .filter(Column::EndsAt.lte(scope.at_micros()))
        .filter(Column::Actor.ne(scope.author()))
        .filter(Column::DecidedBy.ne(scope.author()))
        .exec(tx.connection())
        .await?;
    Ok(reviewed.rows_affected == 1)
}

/// Counts uses of a grant that is in force at this instant; `None` when it is not, else whether the first one is among them.
pub async fn count_uses(tx: &Tx, tenant: Uuid, id: Uuid, number: usize) -> Result<Option<bool>> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let scope = tx.scope();
    let counted = Entity::update_many()
        .col_expr(Column::Uses, Expr::col(Column::Uses).add(number))
        .filter(row(tenant, id))
        .filter(Column::State.eq("approved"))
        .filter(Column::Actor.eq(scope.author()))
        .filter(Column::EndsAt.gt(scope.at_micros()))
        .exec(tx.connection())
        .await?;
    if counted.rows_affected != 1 {
        return Ok(None);
    }
    let first = Entity::update_many()
        .col_expr(Column::FirstUsedAt, scope.at_micros().into())
        .filter(row(tenant, id))
        .filter(Column::FirstUsedAt.is_null())
        .exec(tx.connection())
        .await?;
    Ok(Some(first.rows_affected == 1))
}

pub async fn list(
    scope: &Scope,
    of: Option<Uuid>,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u64,
    lapse: i64,
) -> Result<Vec<Model>> {
    let now = scope.at_micros();
    let mut query = Entity::find().filter(scope.rows(Column::TenantId));
    if let Some(actor) = of {
        query = query.filter(Column::Actor.eq(actor));
    }
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    query = match state {
        None => query,
        Some(State::Requested) => {
            query.filter(Column::State.eq("requested")).filter(Column::RequestedAt.gt(lapse))
        }
        Some(State::Lapsed) => {
            query.filter(Column::State.eq("requested")).filter(Column::RequestedAt.lte(lapse))
        }
        Some(State::Refused) => query.filter(Column::State.eq("refused")),
        Some(State::Active) => query.filter(Column::State.eq("approved")).filter(Column::EndsAt.gt(now)),
        Some(State::ToReview) => query.filter(Column::State.eq("approved")).filter(Column::EndsAt.lte(now)),
        Some(State::Reviewed) => query.filter(Column::State.eq("reviewed")),
    };
    Ok(query.order_by_desc(Column::Id).limit(limit).all(scope.connection()).await?)
}
