//! Work that goes on after its request: re-wrapping keys, erasing what is due, sealing checkpoints.
//!
//! A job is enqueued inside the transaction that asks for it, so it exists if and only if that change does. A worker takes
//! it under a lease and does it step by step; each step stores its progress in the transaction of its work. After a crash
//! the lease ends and another worker goes on from there. Several nodes work side by side.

mod model;
mod store;
mod worker;

pub use model::{Handler, Job, JobState, NewJob, Outcome, Worked};
pub use worker::{Running, Worker};

use serde_json::json;
use uuid::Uuid;

use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Key of the jobs that run by themselves.
pub(crate) const SCHEDULE: &str = "schedule";
/// Longest payload, in bytes: parameters, not data.
const MAX_PAYLOAD: usize = 16 * 1024;

/// Enqueues a job for the scope's tenant inside the caller's transaction. While one of the same kind and key is open, the
/// answer is that one and nothing new begins.
///
/// # Errors
/// `INVALID` for a payload that is too long; unexpected ones.
pub async fn enqueue(tx: &Tx, job: NewJob) -> Result<Uuid> {
    enqueue_at(tx, tx.scope().tenant(), job).await
}

/// The same for another tenant, such as the operator for what is done about all; the transaction must reach it.
///
/// # Errors
/// As [`enqueue`].
pub(crate) async fn enqueue_at(tx: &Tx, tenant: Uuid, job: NewJob) -> Result<Uuid> {
    let NewJob { kind, key, payload, run_at } = job;
    let payload = payload.to_string();
    if payload.len() > MAX_PAYLOAD {
        return Err(Error::invalid("payload", format!("wants at most {MAX_PAYLOAD} bytes")));
    }
    if key.is_empty() || key.len() > 200 {
        return Err(Error::invalid("key", "wants 1 to 200 bytes"));
    }
    let run_at = run_at.map_or(tx.scope().at_micros(), |at| at.as_microsecond());
    store::insert(tx, tenant, kind, &key, payload, run_at).await
}

/// Jobs of a tenant, the newest first; `before` is the last one of the page before.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn list(op: &Op, tenant: Uuid, before: Option<Uuid>, limit: u64) -> Result<Vec<Job>> {
    let scope = op.permit_at(tenant, Action::Read, "job").await?;
    store::list(&scope, tenant, before, limit).await?.into_iter().map(Job::try_from).collect()
}

/// Removes jobs that were over before `before` (microseconds): at most `limit`.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    store::purge(tx, before, limit).await
}

/// One job.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn job(op: &Op, tenant: Uuid, id: Uuid) -> Result<Job> {
    let scope = op.permit(Action::Read, "job").await?.within(tenant, "job")?;
    let row = store::find(&scope, scope.connection(), tenant, id).await?;
    row.ok_or_else(|| Error::not_found("job"))?.try_into()
}

/// Jobs of a kind whose key begins so, the newest first: for the part that asked for them.
pub(crate) async fn of_kind(scope: &Scope, kind: &str, key: &str, limit: u64) -> Result<Vec<Job>> {
    store::of_kind(scope, kind, key, limit).await?.into_iter().map(Job::try_from).collect()
}

/// A job of a kind, for the part that asked for it.
///
/// # Errors
/// `NOT_FOUND`.
pub(crate) async fn of(scope: &Scope, kind: &str, id: Uuid) -> Result<Job> {
    let row = store::find(scope, scope.connection(), scope.tenant(), id).await?;
    row.filter(|row| row.kind == kind).ok_or_else(|| Error::not_found("job"))?.try_into()
}

/// Ends a job that is not over, in the transaction of the part that asked for it. False when it is over.
pub(crate) async fn cancel_in(tx: &Tx, id: Uuid) -> Result<bool> {
    let open = [JobState::Queued, JobState::Running, JobState::Failed];
    store::end(tx, tx.scope().tenant(), id, JobState::Cancelled, &open).await
}

/// Ends a job that is not over. What its steps have done so far stays done.
///
/// # Errors
/// `CONFLICT` when it is over or runs by schedule, `NOT_FOUND` and those of permission.
pub async fn cancel(op: &Op, tenant: Uuid, id: Uuid) -> Result<Job> {
    let scope = op.permit(Action::Cancel, "job").await?.within(tenant, "job")?;
    let tx = scope.begin().await?;
    let row = store::find(&scope, tx.connection(), tenant, id).await?;
    let job = Job::try_from(row.ok_or_else(|| Error::not_found("job"))?)?;
    if job.key == SCHEDULE {
        return Err(
            Error::conflict("this job runs by schedule").remedy("change its interval in the configuration")
        );
    }
    if !store::end(&tx, tenant, id, JobState::Cancelled, &[JobState::Queued, JobState::Running]).await? {
        return Err(Error::conflict(format!("the job is {}", job.state)));
    }
    tx.commit(Event::new("job.cancel", format!("job:{id}")).detail(json!({ "kind": job.kind }))).await?;
    self::job(op, tenant, id).await
}

/// Lets a failed job go on from where it stood.
///
/// # Errors
/// `CONFLICT` when it has not failed or the same was asked for anew meanwhile, `NOT_FOUND` and those of permission.
pub async fn retry(op: &Op, tenant: Uuid, id: Uuid) -> Result<Job> {
    let scope = op.permit(Action::Update, "job").await?.within(tenant, "job")?;
    let tx = scope.begin().await?;
    let row = store::find(&scope, tx.connection(), tenant, id).await?;
    let job = Job::try_from(row.ok_or_else(|| Error::not_found("job"))?)?;
    requeue(&tx, &job).await?;
    tx.commit(Event::new("job.retry", format!("job:{id}")).detail(json!({ "kind": job.kind }))).await?;
    self::job(op, tenant, id).await
}

async fn requeue(tx: &Tx, job: &Job) -> Result<()> {
    if job.state != JobState::Failed {
        return Err(Error::conflict(format!("the job is {}", job.state)));
    }
    if store::open_of(tx, job.tenant, &job.kind, &job.key).await?.is_some() {
        return Err(Error::conflict("the same was asked for again meanwhile").remedy("follow the newer job"));
    }
    store::requeue(tx, job.tenant, job.id).await
}

/// Lets a failed job go on, in the transaction of the part that asked for it.
///
/// # Errors
/// As [`retry`], but for permission.
pub(crate) async fn retry_in(tx: &Tx, id: Uuid) -> Result<()> {
    let scope = tx.scope();
    let row = store::find(scope, tx.connection(), scope.tenant(), id).await?;
    let job = Job::try_from(row.ok_or_else(|| Error::not_found("job"))?)?;
    requeue(tx, &job).await
}
