//! Outcomes of attempts that end at about the same time are written down together: a flush to the disk costs milliseconds, and each
//! outcome wants one of its own before the next mail may begin. Nobody waits for company: what has come while one group is written
//! is the next group, so that a mail that a server accepted is unrecorded for the time of one flush, or of two.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::model::{MessageState, Reason};
use super::store_events::{self as events, EventKind, NewEvent};
use super::store_outcomes::{self as outcomes, Outcome, Written};
use super::worker;
use crate::app::App;
use crate::audit::Event;
use crate::error::Result;
use crate::loader::gather;

/// Outcomes of one transaction.
const MOST: usize = 128;
/// Outcomes that may wait: more than can be under way (two for each of at most 100 connections), so that none is dropped before it stands
/// in the queue, whatever becomes of who waits for it.
const QUEUE: usize = 256;
/// The pause before it is tried again; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Tries of a service that is ending.
const LAST_TRIES: u32 = 5;
/// Tries of a single one, a quarter of an hour of them: what hinders it alone must not keep everything else.
const MOST_TRIES: u32 = 180;

struct Request {
    outcome: Outcome,
    done: oneshot::Sender<std::result::Result<MessageState, String>>,
}

/// Writes outcomes down.
pub struct Recorder {
    queue: mpsc::Sender<Request>,
}

impl Recorder {
    /// Starts writing for the worker `owner`; it ends with the recorder, when all is written. What cannot be written is tried again for
    /// long: until then no further mail leaves, for what is not written down will be sent again.
    pub fn start(app: Arc<App>, owner: Uuid, ending: CancellationToken) -> Self {
        let (queue, mut requests) = mpsc::channel::<Request>(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(MOST);
            while gather(&mut requests, &mut batch, MOST).await {
                let (outcomes, done): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|Request { outcome, done }| (outcome, done)).unzip();
                let results = patiently(&app, owner, &outcomes, &ending).await;
                for (done, result) in done.into_iter().zip(results) {
                    // Who waited for it may be gone; it is written all the same.
                    let _ = done.send(result);
                }
            }
        });
        Self { queue }
    }

    /// Writes one down. Gives the state it has now: `Sending` where the message is somebody else's by now.
    ///
    /// # Errors
    /// When it could not be written down, after several tries.
    pub async fn record(&self, outcome: Outcome) -> Result<MessageState> {
        let (done, written) = oneshot::channel();
        const ENDED: &str = "nobody writes outcomes down any more";
        self.queue.send(Request { outcome, done }).await.ok().context(ENDED)?;
        let state = written.await.context(ENDED)?;
        Ok(state.map_err(|error| anyhow::anyhow!("an outcome could not be written down: {error}"))?)
    }
}

/// All of them, one after another where they hinder each other.
async fn patiently(
    app: &Arc<App>,
    owner: Uuid,
    all: &[Outcome],
    ending: &CancellationToken,
) -> Vec<std::result::Result<MessageState, String>> {
    let mut results: Vec<Option<std::result::Result<MessageState, String>>> = vec![None; all.len()];
    match retried(app, owner, all, ending).await {
        Ok(written) => {
            for (result, (written, outcome)) in results.iter_mut().zip(written.iter().zip(all)) {
                *result = match written {
                    Written::Yes => Some(Ok(outcome.state)),
                    Written::Overtaken => Some(Ok(MessageState::Sending)),
                    Written::Held => None,
                };
            }
        }
        Err(error) if all.len() == 1 => return vec![Err(error.to_string())],
        // One that cannot be written must not keep the others from it.
        Err(error) => tracing::warn!(%error, outcomes = all.len(), "outcomes are written down one by one"),
    }
    let mut finished = Vec::with_capacity(all.len());
    for (result, outcome) in results.into_iter().zip(all) {
        finished.push(match result {
            Some(result) => result,
            None => match retried(app, owner, std::slice::from_ref(outcome), ending).await {
                Ok(written) if written.first() == Some(&Written::Yes) => Ok(outcome.state),
                Ok(_) => Ok(MessageState::Sending),
                Err(error) => Err(error.to_string()),
            },
        });
    }
    finished
}

async fn retried(
    app: &Arc<App>,
    owner: Uuid,
    all: &[Outcome],
    ending: &CancellationToken,
) -> Result<Vec<Written>> {
    let (mut pause, mut tries) = (PAUSE, 0);
    loop {
        let error = match write(app, owner, all).await {
            Err(error) => error,
            written => return written,
        };
        tries += 1;
        // Of several, one may be what hinders all: each is tried by itself then.
        let most = if ending.is_cancelled() || all.len() > 1 { LAST_TRIES } else { MOST_TRIES };
        if tries >= most {
            return Err(error);
        }
        tracing::warn!(%error, outcomes = all.len(), tries, "outcomes could not be written down yet");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = ending.cancelled(), if !ending.is_cancelled() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn write(app: &Arc<App>, owner: Uuid, all: &[Outcome]) -> Result<Vec<Written>> {
    let scope = worker::scope(app)?;
    let tx = scope.begin().await?;
    let written = outcomes::write(&tx, owner, all, scope.at_micros()).await?;
    let kept: Vec<&Outcome> = all
        .iter()
        .zip(&written)
        .filter_map(|(outcome, written)| (*written == Written::Yes).then_some(outcome))
        .collect();
    for (outcome, written) in all.iter().zip(&written) {
        if *written == Written::Overtaken {
            let (message, outcome) = (outcome.message.id, outcome.state.as_str());
            tracing::warn!(%message, outcome, "another worker has finished it");
        }
    }
    if kept.is_empty() {
        return Ok(written);
    }
    let heads = events::append_each(&tx, kept.iter().map(|outcome| entry_of(outcome)).collect()).await?;
    let audit = kept.iter().zip(heads).map(|(outcome, head)| {
        let message = &outcome.message;
        let action = match outcome.state {
            MessageState::Accepted => "message.accepted",
            MessageState::Failed => "message.failed",
            _ => "message.deferred",
        };
        Event::new(action, format!("message:{}", message.id)).detail(json!({
            "notice": message.notice, "attempt": message.attempts, "code": outcome.code,
            "reason": outcome.reason.map(Reason::as_str), "history": head,
        }))
    });
    tx.commit_all(audit.collect()).await?;
    for outcome in kept {
        app.sent().settled(outcome.state);
    }
    Ok(written)
}

fn entry_of(outcome: &Outcome) -> (Uuid, EventKind, NewEvent) {
    let kind = match outcome.state {
        MessageState::Accepted => EventKind::Accepted,
        MessageState::Failed => EventKind::Failed,
        _ => EventKind::Deferred,
    };
    let code = outcome.reason.map(|reason| reason.as_str().to_owned());
    (outcome.message.id, kind, NewEvent { code, reply_code: outcome.code, ..NewEvent::default() })
}
