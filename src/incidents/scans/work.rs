//! The job of a scan: lists the logs, reads them turn by turn, and stores the list.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exposure::{Reconstruction, WindowResult};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::runtime::Handle;

use super::files::{self, LogFile};
use super::question::{Progress, Question};
use super::{KIND, store};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::affected;
use crate::jobs::{Handler, Outcome, Running};
use crate::logs::Problem;
use crate::vault;

pub const HANDLER: Handler = Handler::on_demand(KIND, step);

/// Files and bytes of one turn: what is read anew after a crash.
const TURN_FILES: u64 = 256;
const TURN_BYTES: u64 = 256 * 1024 * 1024;
/// What the sealed pieces of a turn are for.
const PURPOSE: &str = "scan_part";

fn step(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
    async move {
        let question: Question = serde_json::from_value(running.job().payload.clone())?;
        let progress: Progress = running.progress()?;
        if progress.revision.is_some() {
            return Ok(Outcome::Done);
        }
        if !progress.listed {
            return list(running, &question).await;
        }
        let turn = store::unread_files(running.scope(), running.job().id, TURN_FILES).await?;
        if turn.is_empty() {
            return conclude(running, question, progress).await;
        }
        read(running, question, progress, turn).await
    }
    .boxed()
}

/// What blocks goes to a thread for that, and its panics are failures of this step.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(anyhow::Error::from)?
}

async fn list(running: &Running, question: &Question) -> Result<Outcome> {
    let scope = running.scope();
    let config = &scope.op().app().config().exposure;
    let mut places = Vec::new();
    for source in &question.sources {
        places.push((source.clone(), files::place(config, source)?));
    }
    let handle = Handle::current();
    let (found, left_out) = blocking(move || {
        let (mut found, mut left_out) = (Vec::new(), 0);
        for (source, place) in places {
            let (logs, others) = files::list(&source, &place, &handle)?;
            found.extend(logs);
            left_out += others as u64;
        }
        Ok((found, left_out))
    })
    .await?;
    if found.is_empty() {
        return Err(Error::conflict(format!("there is no log in {}", question.sources.join(", ")))
            .remedy("put the logs there, then let the scan go on"));
    }
    if found.len() > files::MAX_FILES {
        return Err(files::too_many());
    }
    let bytes = found.iter().map(|log| log.size).sum();
    let files = found.len() as u64;
    let progress = Progress { listed: true, files, left_out, bytes, ..Progress::default() };
    let tx = scope.begin().await?;
    store::insert_files(&tx, running.job().id, &found).await?;
    running.save(&tx, &progress, 0, Some(signed(bytes))).await?;
    let detail =
        json!({ "scan": running.job().id, "files": progress.files, "left_out": left_out, "bytes": bytes });
    tx.commit(Event::new("exposure.scan_list", object(question)).detail(detail)).await?;
    Ok(Outcome::Continue)
}

/// Reads the next logs and keeps what they say.
async fn read(
    running: &Running,
    question: Question,
    mut progress: Progress,
    turn: Vec<(i32, LogFile)>,
) -> Result<Outcome> {
    let scope = running.scope();
    let config = &scope.op().app().config().exposure;
    let scan = exposure::Scan::new(question.query.clone()).map_err(anyhow::Error::from)?;
    let told = config.forms().tell(scan.with_routes(question.routes.clone()));
    let mut scan = told.map_err(|(key, problem)| {
        Error::conflict(format!("exposure.{key}: {problem}")).remedy("set it right, then let the scan go on")
    })?;
    let mut sum = 0;
    let mut logs: Vec<(String, LogFile)> = Vec::new();
    let mut numbers = Vec::new();
    for (number, log) in turn {
        if !logs.is_empty() && sum + log.size > TURN_BYTES {
            break;
        }
        sum += log.size;
        logs.push((files::place(config, &log.source)?, log));
        numbers.push(number);
    }
    let object = object(&question);
    let bytes = Arc::new(AtomicU64::new(0));
    let (handle, counted) = (Handle::current(), Arc::clone(&bytes));
    let read = blocking(move || {
        let counter = |more| _ = counted.fetch_add(more, Ordering::Relaxed);
        let mut stores = files::Stores::default();
        for (place, log) in &logs {
            let source = stores.open(place, log)?;
            let report = source.read((&mut scan, NonZeroUsize::MIN), None, &handle, &counter);
            let report = report.map_err(|problem| files::unreadable(&source.name, &problem))?;
            // What a disk or a store did not give this time it may give the next: it is no fault of the log.
            if report.truncated.is_some_and(|broken| broken.cause == "unreadable") {
                let problem = Problem::Unreadable("it broke off while it was read".to_owned());
                return Err(files::unreadable(&source.name, &problem));
            }
        }
        scan.save().map_err(|error| anyhow::Error::from(error).into())
    });
    let total = Some(signed(progress.bytes));
    let saved =
        while_held(running, read, || signed(progress.bytes_read + bytes.load(Ordering::Relaxed)), total)
            .await?;
    let last = *numbers.last().ok_or_else(|| anyhow::anyhow!("a turn without a log"))?;
    let tx = scope.begin().await?;
    for (piece, content) in saved.chunks(vault::MAX_DOCUMENT).enumerate() {
        let id = scope.new_id();
        let sealed = vault::seal_for_tenant(scope, &tx, PURPOSE, id, content).await?;
        let piece = i32::try_from(piece).map_err(anyhow::Error::from)?;
        store::insert_part(&tx, running.job().id, (last, piece), id, sealed).await?;
    }
    store::mark_read(&tx, running.job().id, &numbers).await?;
    progress.files_read += numbers.len() as u64;
    progress.bytes_read += sum;
    running.save(&tx, &progress, signed(progress.bytes_read), total).await?;
    let detail = json!({ "scan": running.job().id, "files": progress.files_read, "of": progress.files });
    tx.commit(Event::new("exposure.scan_read", object).detail(detail)).await?;
    Ok(Outcome::Continue)
}

/// Keeps the job while the work takes longer than its lease.
async fn while_held<T>(
    running: &Running,
    work: impl Future<Output = Result<T>>,
    done: impl Fn() -> i64,
    total: Option<i64>,
) -> Result<T> {
    let mut work = std::pin::pin!(work);
    let pause = (running.lease() / 4).max(Duration::from_secs(1));
    loop {
        tokio::select! {
            result = &mut work => return result,
            () = tokio::time::sleep(pause) => running.hold(done(), total).await?,
        }
    }
}

/// Puts together what was kept, and stores the list. With it the scan's own rows go.
async fn conclude(running: &Running, question: Question, mut progress: Progress) -> Result<Outcome> {
    let (scope, job) = (running.scope(), running.job().id);
    let mut all = exposure::Scan::new(question.query.clone()).map_err(anyhow::Error::from)?;
    for file in store::part_files(scope, job).await? {
        let mut saved = Vec::new();
        for (id, sealed) in store::parts(scope, job, file).await? {
            saved.extend_from_slice(&vault::open_for_tenant(scope, PURPOSE, id, &sealed).await?);
        }
        let query = question.query.clone();
        all = blocking(move || {
            let part = exposure::Scan::restore(query, &saved).map_err(anyhow::Error::from)?;
            Ok(all.merge(part).map_err(anyhow::Error::from)?)
        })
        .await?;
    }
    let cache = question.cache;
    let answer = blocking(move || -> Result<(WindowResult, Option<Reconstruction>)> {
        Ok(match cache {
            None => (all.finish(), None),
            Some(facts) => {
                let (window, reconstruction) = all.reconstruct(&facts).map_err(anyhow::Error::from)?;
                (window, Some(reconstruction))
            }
        })
    });
    let total = Some(signed(progress.bytes));
    let bytes = signed(progress.bytes_read);
    let (window, reconstruction) = while_held(running, answer, || bytes, total).await?;
    let tx = scope.begin().await?;
    let incident = store::lock_incident(&tx, question.incident).await?;
    let incident = incident.ok_or_else(|| Error::not_found("incident"))?;
    let id = scope.new_id();
    progress.revision = Some(id);
    running.save(&tx, &progress, bytes, total).await?;
    store::forget_scan(&tx, job).await?;
    let author = affected::Author { account: question.author, revision: id };
    affected::store_scanned(author, tx, incident, &question.reason, &window, reconstruction.as_ref()).await?;
    Ok(Outcome::Done)
}

fn object(question: &Question) -> String {
    format!("incident:{}", question.incident)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
