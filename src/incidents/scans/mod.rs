//! Scans: the service itself reads the logs of a window, file after file as a job, and its result is the next affected list. A scan goes
//! on after a crash with the first file that was not read, on any node that reaches the logs.

mod files;
mod question;
mod work;

pub(super) use files::LogFile;
pub use question::{NewScan, Scan};
pub use work::HANDLER;

use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::question::Question;
use super::model::RowId;
use super::{begin, permit, store};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::jobs::{self, JobState, NewJob};

/// Kind of the jobs.
const KIND: &str = "exposure.scan";
/// Scans of one incident that are shown.
const MAX_LISTED: u64 = 100;

/// Names of the places from which logs can be scanned.
///
/// # Errors
/// Those of permission.
pub async fn log_sources(op: &Op) -> Result<Vec<String>> {
    permit(op, Action::Create, "revision", "incident").await?;
    let sources = op.app().config().exposure.sources().map_err(anyhow::Error::msg)?;
    Ok(sources.into_iter().map(|(name, _)| name.to_owned()).collect())
}

/// Begins a scan. The same question that is being worked on already is that scan.
///
/// # Errors
/// `INVALID` with the field, `NOT_FOUND` and those of permission.
pub async fn start_scan(op: &Op, incident: RowId, new: NewScan) -> Result<Scan> {
    let (scope, tx, incident) = begin(op, incident, Action::Create, "revision").await?;
    let question = Question::of(&scope, &incident, new).await?;
    let payload = serde_json::to_value(&question)?;
    let digest = hex::encode(&Sha256::digest(payload.to_string())[..8]);
    let key = format!("{}:{digest}", incident.id);
    let id = jobs::enqueue(&tx, NewJob { kind: KIND, key, payload, run_at: None }).await?;
    let detail = json!({ "scan": id, "sources": question.sources, "method": question.method() });
    tx.commit(Event::new("exposure.scan", format!("incident:{}", incident.id)).detail(detail)).await?;
    Scan::try_from(jobs::of(&scope, KIND, id).await?)
}

/// The scans of an incident, the newest first.
///
/// # Errors
/// Unexpected ones only.
pub async fn scans(scope: &Scope, incident: Uuid) -> Result<Vec<Scan>> {
    let jobs = jobs::of_kind(scope, KIND, &format!("{incident}:"), MAX_LISTED).await?;
    jobs.into_iter().map(Scan::try_from).collect()
}

/// A scan that a client named.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn scan(op: &Op, id: RowId) -> Result<Scan> {
    let scope = permit(op, Action::Read, "revision", "scan").await?.within(id.tenant, "scan")?;
    find(&scope, id.id).await
}

async fn find(scope: &Scope, id: Uuid) -> Result<Scan> {
    let job = jobs::of(scope, KIND, id).await.map_err(|error| match error {
        Error::Expected(_) => Error::not_found("scan"),
        other => other,
    })?;
    Scan::try_from(job)
}

/// Ends a scan. What it had read is forgotten.
///
/// # Errors
/// `CONFLICT` when it is over, `NOT_FOUND` and those of permission.
pub async fn cancel_scan(op: &Op, id: RowId) -> Result<Scan> {
    let scope = permit(op, Action::Create, "revision", "scan").await?.within(id.tenant, "scan")?;
    let scan = find(&scope, id.id).await?;
    let tx = scope.begin().await?;
    if !jobs::cancel_in(&tx, id.id).await? {
        return Err(Error::conflict(format!("the scan is {}", scan.state)));
    }
    store::forget_scan(&tx, id.id).await?;
    let event = Event::new("exposure.cancel_scan", format!("incident:{}", scan.incident));
    tx.commit(event.detail(json!({ "scan": id.id }))).await?;
    find(&scope, id.id).await
}

/// Lets a scan that failed go on with the first file that was not read.
///
/// # Errors
/// `CONFLICT` when it has not failed or the same was asked for anew meanwhile, `NOT_FOUND` and those of permission.
pub async fn retry_scan(op: &Op, id: RowId) -> Result<Scan> {
    let scope = permit(op, Action::Create, "revision", "scan").await?.within(id.tenant, "scan")?;
    let scan = find(&scope, id.id).await?;
    let tx = scope.begin().await?;
    jobs::retry_in(&tx, id.id).await?;
    let event = Event::new("exposure.retry_scan", format!("incident:{}", scan.incident));
    tx.commit(event.detail(json!({ "scan": id.id }))).await?;
    find(&scope, id.id).await
}

/// Removes what is left of scans whose jobs are gone or cancelled: at most `limit` rows.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge(tx: &Tx, limit: u64) -> Result<u64> {
    store::purge_scans(tx, limit).await
}

impl Scan {
    /// Whether nothing more comes of it by itself.
    pub fn is_over(&self) -> bool {
        self.state.is_over()
    }

    /// Whether somebody may let it go on.
    pub fn has_failed(&self) -> bool {
        self.state == JobState::Failed
    }
}
