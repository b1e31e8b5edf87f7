//! A job, its states, and what a handler of one kind is.

use std::fmt;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::worker::Running;
use crate::clock::from_micros;
use crate::config::Config;
use crate::error::{Error, Result};

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time or for a worker.
    Queued,
    /// A worker is at it, or was when it crashed: then another takes it when the lease has ended.
    Running,
    Done,
    /// Wants a person's decision: `problem` says why.
    Failed,
    Cancelled,
}

impl JobState {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will come of it by itself.
    pub fn is_over(self) -> bool {
        matches!(self, JobState::Done | JobState::Failed | JobState::Cancelled)
    }

    pub(super) fn read(text: &str) -> Result<Self> {
        [JobState::Queued, JobState::Running, JobState::Done, JobState::Failed, JobState::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| anyhow::anyhow!("{text} is not the state of a job").into())
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What to enqueue.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Name of the handler.
    pub kind: &'static str,
    /// What it works on: while a job of this kind and key is open, asking again gives that one.
    pub key: String,
    /// Parameters. Names, ids and numbers; never personal data.
    pub payload: Value,
    /// Not before this instant; at once when `None`.
    pub run_at: Option<Timestamp>,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    pub tenant: Uuid,
    pub id: Uuid,
    pub kind: String,
    pub key: String,
    pub state: JobState,
    #[serde(skip)]
    pub payload: Value,
    /// Where to go on; `null` at the beginning.
    #[serde(skip)]
    pub progress: Value,
    /// Pieces done so far, of `total` where that is known.
    pub done: i64,
    pub total: Option<i64>,
    /// Failures in a row.
    pub attempts: i32,
    pub run_at: Timestamp,
    pub problem: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl TryFrom<entity::job::Model> for Job {
    type Error = Error;

    fn try_from(row: entity::job::Model) -> Result<Self> {
        let entity::job::Model {
            tenant_id,
            id,
            kind,
            key,
            state,
            payload,
            progress,
            done,
            total,
            attempts,
            run_at,
            lease_until: _,
            lease_owner: _,
            problem,
            created_at,
            created_by: _,
            finished_at,
        } = row;
        Ok(Self {
            tenant: tenant_id,
            id,
            kind,
            key,
            state: JobState::read(&state)?,
            payload: serde_json::from_str(&payload)?,
            progress: serde_json::from_str(&progress)?,
            done,
            total,
            attempts,
            run_at: from_micros(run_at),
            problem,
            created_at: from_micros(created_at),
            finished_at: finished_at.map(from_micros),
        })
    }
}

/// What came of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is more: the next step follows at once.
    Continue,
    /// There is more, but not before this time has passed.
    Later(SignedDuration),
    /// All is done. A scheduled job begins again at its next time.
    Done,
}

/// One kind of work. A step does a bounded piece, at most some seconds, and stores how far it came with
/// [`Running::save`] inside the transaction of that piece: a crash repeats at most one piece, and a piece is never done
/// twice. An expected error ends the job as failed; an unexpected one is tried again, later and later.
#[derive(Clone, Copy)]
pub struct Handler {
    /// Name of the kind, such as `keys.rewrap`.
    pub kind: &'static str,
    /// How often it runs by itself: `None` for work that somebody asks for, and where the configuration switches it off.
    pub every: fn(&Config) -> Option<SignedDuration>,
    /// Does one piece.
    pub step: for<'a> fn(&'a Running) -> BoxFuture<'a, Result<Outcome>>,
}

impl Handler {
    /// For work that somebody asks for.
    pub const fn on_demand(
        kind: &'static str,
        step: for<'a> fn(&'a Running) -> BoxFuture<'a, Result<Outcome>>,
    ) -> Self {
        Self { kind, every: |_| None, step }
    }
}

/// What a pass of a worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    pub steps: u64,
    pub done: u64,
    pub failed: u64,
    /// Unexpected failures that will be tried again.
    pub deferred: u64,
}
