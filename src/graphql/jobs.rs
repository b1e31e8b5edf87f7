//! Work that goes on after its request.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, Object, SimpleObject, Subscription};
use futures::{Stream, StreamExt};

use super::connection::Page;
use super::id;
use super::live;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::Error;
use crate::jobs;

/// How a job stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::jobs::JobState")]
pub enum JobState {
    /// Waits for its time or for a worker.
    Queued,
    /// A worker is at it.
    Running,
    Done,
    /// Wants a person's decision; `problem` says why.
    Failed,
    Cancelled,
}

/// Work that goes on after its request.
#[derive(SimpleObject)]
pub struct Job {
    id: ID,
    /// What it does, such as `keys.rewrap`.
    kind: String,
    /// What it works on.
    key: String,
    state: JobState,
    /// Pieces done so far …
    done: i64,
    /// … of so many, where that is known.
    total: Option<i64>,
    /// Unexpected failures in a row.
    attempts: i32,
    /// Not before this instant.
    run_at: Instant,
    problem: Option<String>,
    created_at: Instant,
    finished_at: Option<Instant>,
}

impl From<jobs::Job> for Job {
    fn from(job: jobs::Job) -> Self {
        let jobs::Job {
            tenant,
            id,
            kind,
            key,
            state,
            payload: _,
            progress: _,
            done,
            total,
            attempts,
            run_at,
            problem,
            created_at,
            finished_at,
        } = job;
        Self {
            id: id::encode("Job", tenant, id),
            kind,
            key,
            state: state.into(),
            done,
            total,
            attempts,
            run_at: Instant(run_at),
            problem,
            created_at: Instant(created_at),
            finished_at: finished_at.map(Instant),
        }
    }
}

payload! {
    /// A job, or why it could not be changed.
    JobPayload, Job
}

#[derive(Default)]
pub struct JobsQuery;

#[Object]
impl JobsQuery {
    /// Jobs of a tenant, the newest first; the operator's are those that concern all.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn jobs(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Job, EmptyFields, EmptyFields>> {
        let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
        let page = Page::read(context, first, after)?;
        let cursor =
            |text: &str| text.parse().map_err(|_| Error::invalid("after", "is not a cursor of this list"));
        let before = page.after.as_deref().map(cursor).transpose()?;
        let rows = jobs::list(context.data_unchecked::<Op>(), tenant, before, page.limit()).await?;
        Ok(page.connection(rows, |row| row.id.to_string(), Job::from))
    }

    /// One job.
    async fn job(&self, context: &Context<'_>, job_id: ID) -> async_graphql::Result<Job> {
        let (tenant, id) = id::decode("Job", &job_id, "jobId")?;
        Ok(jobs::job(context.data_unchecked::<Op>(), tenant, id).await?.into())
    }
}

#[derive(Default)]
pub struct JobsMutation;

#[Object]
impl JobsMutation {
    /// Ends a job that is not over. What it has done so far stays done.
    async fn cancel_job(&self, context: &Context<'_>, job_id: ID) -> async_graphql::Result<JobPayload> {
        let (tenant, id) = id::decode("Job", &job_id, "jobId")?;
        JobPayload::from_result(jobs::cancel(context.data_unchecked::<Op>(), tenant, id).await, Job::from)
    }

    /// Lets a failed job go on from where it stood.
    async fn retry_job(&self, context: &Context<'_>, job_id: ID) -> async_graphql::Result<JobPayload> {
        let (tenant, id) = id::decode("Job", &job_id, "jobId")?;
        JobPayload::from_result(jobs::retry(context.data_unchecked::<Op>(), tenant, id).await, Job::from)
    }
}

#[derive(Default)]
pub struct JobsSubscription;

#[Subscription]
impl JobsSubscription {
    /// How a job stands now, and again each time that this changes, until it is over.
    async fn job_progress(
        &self,
        context: &Context<'_>,
        job_id: ID,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<Job>> + use<>> {
        let (tenant, id) = id::decode("Job", &job_id, "jobId")?;
        let asked = move |op: Op| async move { jobs::job(&op, tenant, id).await };
        Ok(live::watch(context, asked, |job| job.state.is_over()).map(|job| job.map(Job::from)))
    }
}
