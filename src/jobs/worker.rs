//! The worker: takes jobs under a lease and does them step by step.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{Handler, Job, JobState, Outcome, Worked};
use super::store::{self, Advance, Next};
use super::{NewJob, SCHEDULE};
use crate::access::{Reach, Scope, Tx};
use crate::app::App;
use crate::audit::Event;
use crate::error::{Code, Error, Result};

/// After so many unexpected failures in a row a job has failed and wants a person's decision.
const MAX_ATTEMPTS: i32 = 12;
/// Wait after the first unexpected failure; it doubles each time up to the cap.
const BACKOFF: SignedDuration = SignedDuration::from_secs(10);
const BACKOFF_CAP: SignedDuration = SignedDuration::from_secs(3600);

/// One job under way, as its handler sees it at one step.
pub struct Running {
    scope: Scope,
    job: Job,
    owner: Uuid,
    lease: i64,
}

impl Running {
    /// The tenant's rows; all tenants' for a job of the operator. Its instant is that of this step.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The job: payload, progress so far.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The progress so far as a type of the handler's; its default at the beginning.
    ///
    /// # Errors
    /// Unexpected ones only: what is stored does not fit.
    pub fn progress<T: serde::de::DeserializeOwned + Default>(&self) -> Result<T> {
        if self.job.progress.is_null() {
            return Ok(T::default());
        }
        Ok(serde_json::from_value(self.job.progress.clone())?)
    }

    /// Stores how far the job came, in the transaction of the work itself. When it was cancelled or its lease was lost
    /// meanwhile, this is an error and the caller drops the transaction: no piece is done twice.
    ///
    /// # Errors
    /// `CONFLICT` when the job is no longer this worker's; unexpected ones.
    pub async fn save<T: serde::Serialize>(
        &self,
        tx: &Tx,
        progress: &T,
        done: i64,
        total: Option<i64>,
    ) -> Result<()> {
        let progress = serde_json::to_string(progress)?;
        let to = Advance { progress, done, total, lease_until: self.lease_end(&self.scope) };
        if store::advance(tx, self.job.tenant, self.job.id, self.owner, to).await? {
            return Ok(());
        }
        Err(Error::conflict("the job was cancelled or taken over by another worker"))
    }

    /// Keeps the job while a piece takes longer than its lease may, and says how far the piece came.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub async fn hold(&self, done: i64, total: Option<i64>) -> Result<()> {
        let tx = self.scope.begin().await?;
        self.save(&tx, &self.job.progress, done, total).await?;
        tx.commit(Event::new("job.hold", object(&self.job)).detail(json!({ "kind": self.job.kind }))).await
    }

    /// How long the lease of this job is: what takes longer calls [`Self::hold`] well before.
    pub fn lease(&self) -> Duration {
        Duration::from_micros(self.lease.unsigned_abs())
    }

    fn lease_end(&self, scope: &Scope) -> i64 {
        // By the present instant, not by that of the step's beginning: a long step must not end its own lease.
        scope.op().app().clock().now().as_microsecond() + self.lease
    }
}

/// Works off jobs of the kinds that it knows.
pub struct Worker {
    app: Arc<App>,
    handlers: Vec<Handler>,
    /// Names this worker in its leases.
    owner: Uuid,
    ending: AtomicBool,
}

impl Worker {
    /// A worker with these handlers.
    pub fn new(app: Arc<App>, handlers: Vec<Handler>) -> Self {
        let owner = app.entropy().id(app.clock().now());
        Self { app, handlers, owner, ending: AtomicBool::new(false) }
    }

    /// Works until `shutdown` resolves, and finishes the step under way.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let poll = Duration::from_millis(self.app.config().jobs.poll_milliseconds);
        let work = async {
            while !self.ending.load(Ordering::Relaxed) {
                match self.run_due().await {
                    Ok(Worked { steps: 0, .. }) => {}
                    Ok(worked) => tracing::info!(
                        steps = worked.steps,
                        done = worked.done,
                        failed = worked.failed,
                        deferred = worked.deferred,
                        "jobs"
                    ),
                    Err(error) => tracing::error!(%error, "jobs"),
                }
                if !self.ending.load(Ordering::Relaxed) {
                    tokio::time::sleep(poll).await;
                }
            }
        };
        let mut work = pin!(work);
        tokio::select! {
            () = &mut work => {}
            () = shutdown => {
                self.ending.store(true, Ordering::Relaxed);
                work.await;
            }
        }
    }

    /// Does everything that is due at this instant, and returns. For tests, replays and `cron`.
    ///
    /// # Errors
    /// Unexpected ones of the table of jobs; those of a job are written down with it.
    pub async fn run_due(&self) -> Result<Worked> {
        let mut worked = Worked::default();
        // Before `suimon init` there is nothing to do.
        if self.app.root().is_err() {
            return Ok(worked);
        }
        self.schedule().await?;
        let kinds: Vec<&'static str> = self.handlers.iter().map(|handler| handler.kind).collect();
        while !self.ending.load(Ordering::Relaxed) && store::anything_due(&self.scope()?, &kinds).await? {
            let Some(job) = self.claim(&kinds).await? else { break };
            self.work(job, &mut worked).await?;
        }
        Ok(worked)
    }

    fn scope(&self) -> Result<Scope> {
        Ok(Scope::system(&self.app, self.app.root()?, Reach::All, "jobs"))
    }

    /// Sees to it that each scheduled kind has its job, due within its interval.
    async fn schedule(&self) -> Result<()> {
        let scope = self.scope()?;
        let known = store::scheduled(&scope, SCHEDULE).await?;
        for handler in &self.handlers {
            let Some(every) = (handler.every)(self.app.config()) else { continue };
            let latest = scope.at_micros() + micros(every);
            match known.iter().find(|(kind, _)| kind == handler.kind) {
                Some((_, run_at)) if *run_at <= latest => {}
                Some(_) => {
                    let tx = scope.begin().await?;
                    store::pull_forward(&tx, handler.kind, SCHEDULE, latest).await?;
                    tx.commit(Event::new("job.schedule", "job").detail(json!({ "kind": handler.kind })))
                        .await?;
                }
                None => {
                    let tx = scope.begin().await?;
                    let job = NewJob {
                        kind: handler.kind,
                        key: SCHEDULE.to_owned(),
                        payload: Value::Null,
                        run_at: None,
                    };
                    let id = super::enqueue(&tx, job).await?;
                    let event = Event::new("job.schedule", format!("job:{id}"));
                    tx.commit(event.detail(json!({ "kind": handler.kind }))).await?;
                }
            }
        }
        Ok(())
    }

    fn lease(&self) -> i64 {
        i64::from(self.app.config().jobs.lease_seconds) * 1_000_000
    }

    async fn claim(&self, kinds: &[&'static str]) -> Result<Option<Job>> {
        let scope = self.scope()?;
        let tx = scope.begin().await?;
        let until = scope.at_micros() + self.lease();
        let Some(row) = store::claim(&tx, self.owner, until, kinds).await? else { return Ok(None) };
        let event = Event::new("job.take", format!("job:{}", row.id)).detail(json!({ "kind": row.kind }));
        tx.commit(event).await?;
        row.try_into().map(Some)
    }

    /// Step after step, until the job is over or has to wait.
    async fn work(&self, mut job: Job, worked: &mut Worked) -> Result<()> {
        let Some(handler) = self.handlers.iter().find(|handler| handler.kind == job.kind).copied() else {
            return Err(anyhow::anyhow!("a job of kind {} was taken without a handler", job.kind).into());
        };
        loop {
            let reach = if self.app.root()? == job.tenant { Reach::All } else { Reach::One(job.tenant) };
            let scope = Scope::system(&self.app, job.tenant, reach, handler.kind);
            let running = Running { scope, job: job.clone(), owner: self.owner, lease: self.lease() };
            worked.steps += 1;
            // A panic of one piece of work must not end the work of all others. Its text may quote data: it goes nowhere.
            let step = AssertUnwindSafe((handler.step)(&running)).catch_unwind().await;
            let result = step.unwrap_or_else(|_| Err(anyhow::anyhow!("a step panicked").into()));
            let scope = Scope::system(&self.app, job.tenant, reach, handler.kind);
            match result {
                Ok(Outcome::Continue) if !self.ending.load(Ordering::Relaxed) => {
                    let row = store::find(&scope, scope.connection(), job.tenant, job.id).await?;
                    match row.filter(|row| row.lease_owner == Some(self.owner)) {
                        Some(row) => job = row.try_into()?,
                        // Cancelled, or taken over after its lease had ended.
                        None => return Ok(()),
                    }
                    continue;
                }
                // The service is ending: another worker, or this one after its restart, goes on.
                Ok(Outcome::Continue) => self.wait(&scope, &job, SignedDuration::ZERO).await?,
                Ok(Outcome::Later(pause)) => self.wait(&scope, &job, pause).await?,
                Ok(Outcome::Done) => {
                    worked.done += 1;
                    self.finish(&scope, &job, &handler).await?;
                }
                // What is missing may come back: that is not the end of the job.
                Err(Error::Expected(problem)) if problem.code == Code::Unavailable => {
                    self.defer_or_fail(&scope, &job, &handler, &problem.to_string(), worked).await?;
                }
                Err(Error::Expected(problem)) => {
                    worked.failed += 1;
                    self.fail(&scope, &job, &handler, &problem.to_string()).await?;
                }
                Err(Error::Internal(error)) => {
                    tracing::error!(error = format!("{error:#}"), job = %job.id, kind = job.kind, "a job's step failed");
                    let text = "an unexpected failure; the service's log says more";
                    self.defer_or_fail(&scope, &job, &handler, text, worked).await?;
                }
            }
            return Ok(());
        }
    }

    async fn settle(&self, scope: &Scope, job: &Job, next: Next<'_>, event: Event) -> Result<()> {
        let tx = scope.begin().await?;
        // Not this worker's any more: cancelled, or taken over. What the steps did is committed; there is nothing to say.
        if store::settle(&tx, job.tenant, job.id, self.owner, next).await? {
            tx.commit(event.detail(json!({ "kind": job.kind }))).await?;
        }
        Ok(())
    }

    async fn wait(&self, scope: &Scope, job: &Job, pause: SignedDuration) -> Result<()> {
        let next = Next::Wait { run_at: scope.at_micros() + micros(pause), fresh: false, problem: None };
        self.settle(scope, job, next, Event::new("job.wait", object(job))).await
    }

    async fn finish(&self, scope: &Scope, job: &Job, handler: &Handler) -> Result<()> {
        let next = match (handler.every)(self.app.config()).filter(|_| job.key == SCHEDULE) {
            Some(every) => {
                Next::Wait { run_at: scope.at_micros() + micros(every), fresh: true, problem: None }
            }
            None => Next::Over { state: JobState::Done, problem: None },
        };
        self.settle(scope, job, next, Event::new("job.done", object(job))).await
    }

    /// An expected failure is final, except for a schedule: its next time comes all the same.
    async fn fail(&self, scope: &Scope, job: &Job, handler: &Handler, problem: &str) -> Result<()> {
        tracing::error!(job = %job.id, kind = job.kind, problem, "a job failed");
        let next = match (handler.every)(self.app.config()).filter(|_| job.key == SCHEDULE) {
            Some(every) => {
                Next::Wait { run_at: scope.at_micros() + micros(every), fresh: false, problem: Some(problem) }
            }
            None => Next::Over { state: JobState::Failed, problem: Some(problem) },
        };
        self.settle(scope, job, next, Event::new("job.fail", object(job))).await
    }

    /// Tries again later, until it was tried often enough.
    async fn defer_or_fail(
        &self,
        scope: &Scope,
        job: &Job,
        handler: &Handler,
        problem: &str,
        worked: &mut Worked,
    ) -> Result<()> {
        // Read again: a step of this turn may have moved on, which ends the row of failures.
        let row = store::find(scope, scope.connection(), job.tenant, job.id).await?;
        let attempts = row.map_or(job.attempts, |row| row.attempts);
        if attempts + 1 >= MAX_ATTEMPTS {
            worked.failed += 1;
            return self.fail(scope, job, handler, problem).await;
        }
        let pause = BACKOFF.saturating_mul(1 << attempts.clamp(0, 10)).min(BACKOFF_CAP);
        let next =
            Next::Wait { run_at: scope.at_micros() + micros(pause), fresh: false, problem: Some(problem) };
        worked.deferred += 1;
        self.settle(scope, job, next, Event::new("job.defer", object(job))).await
    }
}

fn object(job: &Job) -> String {
    format!("job:{}", job.id)
}

fn micros(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}
