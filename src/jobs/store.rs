//! The table of jobs.

use entity::job;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::model::JobState;
use crate::access::{Scope, Tx};
use crate::error::Result;
use crate::storage::delete_some;

const OPEN: [&str; 2] = ["queued", "running"];

/// Inserts a job of a tenant, unless one of this kind and key is open; the id of the one that is.
pub async fn insert(
    tx: &Tx,
    tenant: Uuid,
    kind: &str,
    key: &str,
    payload: String,
    run_at: i64,
) -> Result<Uuid> {
    if let Some(open) = open_of(tx, tenant, kind, key).await? {
        return Ok(open);
    }
    let scope = tx.scope();
    let row = job::Model {
        tenant_id: tenant,
        id: scope.new_id(),
        kind: kind.to_owned(),
        key: key.to_owned(),
        state: JobState::Queued.as_str().to_owned(),
        payload,
        progress: "null".to_owned(),
        done: 0,
        total: None,
        attempts: 0,
        run_at,
        lease_until: None,
        lease_owner: None,
        problem: None,
        created_at: scope.at_micros(),
        created_by: scope.author(),
        finished_at: None,
    };
    let id = row.id;
    // Two that ask in the same instant on PostgreSQL: the second waits for the first and finds it in the unique index of open
    // keys. No target is named, for that index is a partial one.
    let inserted = job::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx.connection())
        .await?;
    if matches!(inserted, sea_orm::TryInsertResult::Inserted(1..)) {
        return Ok(id);
    }
    let open = open_of(tx, tenant, kind, key).await?;
    Ok(open.ok_or_else(|| anyhow::anyhow!("a job of kind {kind} was open and is no longer; ask again"))?)
}

/// The open job of a tenant of this kind and key.
pub async fn open_of(tx: &Tx, tenant: Uuid, kind: &str, key: &str) -> Result<Option<Uuid>> {
    let found: Option<Uuid> = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::TenantId.eq(tenant))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Key.eq(key))
        .filter(job::Column::State.is_in(OPEN))
        .into_tuple()
        .one(tx.connection())
        .await?;
    Ok(found)
}

pub async fn list(scope: &Scope, tenant: Uuid, before: Option<Uuid>, limit: u64) -> Result<Vec<job::Model>> {
    let mut query = job::Entity::find()
        .filter(scope.rows(job::Column::TenantId))
        .filter(job::Column::TenantId.eq(tenant));
    if let Some(before) = before {
        query = query.filter(job::Column::Id.lt(before));
    }
    Ok(query.order_by_desc(job::Column::Id).limit(limit).all(scope.connection()).await?)
}

/// Of the scope's tenant, the newest first.
pub async fn of_kind(scope: &Scope, kind: &str, key: &str, limit: u64) -> Result<Vec<job::Model>> {
    Ok(job::Entity::find()
        .filter(job::Column::TenantId.eq(scope.tenant()))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Key.starts_with(key))
        .order_by_desc(job::Column::Id)
        .limit(limit)
        .all(scope.connection())
        .await?)
}

pub async fn find<C: ConnectionTrait>(
    scope: &Scope,
    database: &C,
    tenant: Uuid,
    id: Uuid,
) -> Result<Option<job::Model>> {
    let row =
        job::Entity::find_by_id((tenant, id)).filter(scope.rows(job::Column::TenantId)).one(database).await?;
    Ok(row)
}

/// Ends a job that is in one of these states. False when it is not.
pub async fn end(tx: &Tx, tenant: Uuid, id: Uuid, state: JobState, from: &[JobState]) -> Result<bool> {
    let updated = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(state.as_str()))
        .col_expr(job::Column::LeaseOwner, Expr::value(None::<Uuid>))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(job::Column::FinishedAt, Expr::value(tx.scope().at_micros()))
        .filter(job::Column::TenantId.eq(tenant))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::State.is_in(from.iter().map(|state| state.as_str())))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// A failed job waits again.
pub async fn requeue(tx: &Tx, tenant: Uuid, id: Uuid) -> Result<()> {
    let updated = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Queued.as_str()))
        .col_expr(job::Column::Attempts, Expr::value(0))
        .col_expr(job::Column::Problem, Expr::value(None::<String>))
        .col_expr(job::Column::FinishedAt, Expr::value(None::<i64>))
        .col_expr(job::Column::RunAt, Expr::value(tx.scope().at_micros()))
        .filter(job::Column::TenantId.eq(tenant))
        .filter(job::Column::Id.eq(id))
        .filter(job::Column::State.eq(JobState::Failed.as_str()))
        .exec(tx.connection())
        .await?;
    affected(updated.rows_affected)
}

fn affected(rows: u64) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(anyhow::anyhow!("{rows} jobs were changed where one was meant").into())
    }
}

fn takeable(now: i64, kinds: &[&'static str]) -> Condition {
    let waiting = Condition::all()
        .add(job::Column::State.eq(JobState::Queued.as_str()))
        .add(job::Column::RunAt.lte(now));
    let left = Condition::all()
        .add(job::Column::State.eq(JobState::Running.as_str()))
        .add(job::Column::LeaseUntil.lte(now));
    Condition::all()
        .add(job::Column::Kind.is_in(kinds.iter().copied()))
        .add(Condition::any().add(waiting).add(left))
}

/// Whether there is anything to take. Asked before a transaction is opened, so that an idle service writes nothing.
pub async fn anything_due(scope: &Scope, kinds: &[&'static str]) -> Result<bool> {
    let found: Option<Uuid> = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(takeable(scope.at_micros(), kinds))
        .limit(1)
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(found.is_some())
}

/// Takes the job that has waited longest. One that another worker is taking at this moment is passed over.
pub async fn claim(
    tx: &Tx,
    owner: Uuid,
    lease_until: i64,
    kinds: &[&'static str],
) -> Result<Option<job::Model>> {
    let database = tx.connection();
    let mut query = job::Entity::find()
        .filter(takeable(tx.scope().at_micros(), kinds))
        .order_by_asc(job::Column::RunAt)
        .order_by_asc(job::Column::Id)
        .limit(1);
    if database.get_database_backend() == DbBackend::Postgres {
        query = query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let Some(mut row) = query.one(database).await? else { return Ok(None) };
    let updated = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Running.as_str()))
        .col_expr(job::Column::LeaseOwner, Expr::value(owner))
        .col_expr(job::Column::LeaseUntil, Expr::value(lease_until))
        .filter(job::Column::TenantId.eq(row.tenant_id))
        .filter(job::Column::Id.eq(row.id))
        .exec(database)
        .await?;
    affected(updated.rows_affected)?;
    row.state = JobState::Running.as_str().to_owned();
    row.lease_owner = Some(owner);
    row.lease_until = Some(lease_until);
    Ok(Some(row))
}

fn owned(tenant: Uuid, id: Uuid, owner: Uuid) -> Condition {
    Condition::all()
        .add(job::Column::TenantId.eq(tenant))
        .add(job::Column::Id.eq(id))
        .add(job::Column::LeaseOwner.eq(owner))
        .add(job::Column::State.eq(JobState::Running.as_str()))
}

/// How far a job came.
pub struct Advance {
    pub progress: String,
    pub done: i64,
    pub total: Option<i64>,
    pub lease_until: i64,
}

/// Writes down how far it came and prolongs the lease. False when the job is no longer this worker's: it was cancelled, or
/// the lease ended and another took it. Then the work of this transaction must not be committed.
pub async fn advance(tx: &Tx, tenant: Uuid, id: Uuid, owner: Uuid, to: Advance) -> Result<bool> {
    let Advance { progress, done, total, lease_until } = to;
    let updated = job::Entity::update_many()
        .col_expr(job::Column::Progress, Expr::value(progress))
        .col_expr(job::Column::Done, Expr::value(done))
        .col_expr(job::Column::Total, Expr::value(total))
        .col_expr(job::Column::LeaseUntil, Expr::value(lease_until))
        .col_expr(job::Column::Attempts, Expr::value(0))
        .col_expr(job::Column::Problem, Expr::value(None::<String>))
        .filter(owned(tenant, id, owner))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// What becomes of a job after a step.
pub enum Next<'a> {
    Over {
        state: JobState,
        problem: Option<&'a str>,
    },
    /// Waits until `run_at`; `fresh` begins it anew (a schedule).
    Wait {
        run_at: i64,
        fresh: bool,
        problem: Option<&'a str>,
    },
}

/// Gives a job back. False when it is no longer this worker's.
pub async fn settle(tx: &Tx, tenant: Uuid, id: Uuid, owner: Uuid, next: Next<'_>) -> Result<bool> {
    let mut update = job::Entity::update_many()
        .col_expr(job::Column::LeaseOwner, Expr::value(None::<Uuid>))
        .col_expr(job::Column::LeaseUntil, Expr::value(None::<i64>))
        .filter(owned(tenant, id, owner));
    update = match next {
        Next::Over { state, problem } => update
            .col_expr(job::Column::State, Expr::value(state.as_str()))
            .col_expr(job::Column::Problem, Expr::value(problem.map(str::to_owned)))
            .col_expr(job::Column::FinishedAt, Expr::value(tx.scope().at_micros())),
        Next::Wait { run_at, fresh, problem } => {
            let update = update
                .col_expr(job::Column::State, Expr::value(JobState::Queued.as_str()))
                .col_expr(job::Column::RunAt, Expr::value(run_at))
                .col_expr(job::Column::Problem, Expr::value(problem.map(str::to_owned)));
            if fresh {
                update
                    .col_expr(job::Column::Progress, Expr::value("null"))
                    .col_expr(job::Column::Done, Expr::value(0))
                    .col_expr(job::Column::Total, Expr::value(None::<i64>))
                    .col_expr(job::Column::Attempts, Expr::value(0))
                    .col_expr(job::Column::FinishedAt, Expr::value(tx.scope().at_micros()))
            } else if problem.is_some() {
                update.col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
            } else {
                update
            }
        }
    };
    Ok(update.exec(tx.connection()).await?.rows_affected == 1)
}

/// Moves the schedule of a kind to `run_at`, where it waits for later than that: the interval was shortened.
pub async fn pull_forward(tx: &Tx, kind: &str, key: &str, run_at: i64) -> Result<()> {
    job::Entity::update_many()
        .col_expr(job::Column::RunAt, Expr::value(run_at))
        .filter(job::Column::TenantId.eq(tx.scope().tenant()))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Key.eq(key))
        .filter(job::Column::State.eq(JobState::Queued.as_str()))
        .filter(job::Column::RunAt.gt(run_at))
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// Kinds of the scheduled jobs of the scope's tenant that wait no longer than until `by`, or run.
pub async fn scheduled(scope: &Scope, key: &str) -> Result<Vec<(String, i64)>> {
    Ok(job::Entity::find()
        .select_only()
        .columns([job::Column::Kind, job::Column::RunAt])
        .filter(job::Column::TenantId.eq(scope.tenant()))
        .filter(job::Column::Key.eq(key))
        .filter(job::Column::State.is_in(OPEN))
        .into_tuple()
        .all(scope.connection())
        .await?)
}

/// Removes jobs that were over before `before`: at most `limit`.
pub async fn purge(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    let over = Condition::all()
        .add(tx.scope().rows(job::Column::TenantId))
        .add(job::Column::FinishedAt.lt(before))
        .add(job::Column::State.is_not_in(OPEN));
    Ok(delete_some::<job::Entity>(tx.connection(), job::Column::Id, over, limit).await?)
}
