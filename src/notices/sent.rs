//! What the sender of this node has done since it began: numbers for whoever watches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::model::MessageState;
use super::{store_messages, worker};
use crate::app::App;
use crate::error::Result;

/// Numbers since the start.
#[derive(Debug, Default)]
pub struct Sent {
    accepted: AtomicU64,
    deferred: AtomicU64,
    failed: AtomicU64,
    postponed: AtomicU64,
    interrupted: AtomicU64,
}

impl Sent {
    pub(super) fn settled(&self, state: MessageState) {
        let counter = match state {
            MessageState::Accepted => &self.accepted,
            MessageState::Failed => &self.failed,
            _ => &self.deferred,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn postponed(&self, messages: u64) {
        self.postponed.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn interrupted(&self, messages: u64) {
        self.interrupted.fetch_add(messages, Ordering::Relaxed);
    }

    /// Each with its name: outcomes of attempts, messages that waited for their domain, messages taken from a sender that had ended.
    pub fn counts(&self) -> [(&'static str, u64); 5] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("accepted", read(&self.accepted)),
            ("deferred", read(&self.deferred)),
            ("failed", read(&self.failed)),
            ("postponed", read(&self.postponed)),
            ("interrupted", read(&self.interrupted)),
        ]
    }
}

/// How the messages of all notices stand.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    pub by_state: Vec<(MessageState, u64)>,
    /// For how long the oldest one that could go now has been waiting, in seconds.
    pub oldest_due_seconds: u64,
}

/// How they stand now. Nothing before `suimon init`.
///
/// # Errors
/// Unexpected ones only.
pub async fn outbox(app: &Arc<App>) -> Result<Outbox> {
    if app.root().is_err() {
        return Ok(Outbox::default());
    }
    let scope = worker::scope(app)?;
    let counts = store_messages::all_counts(&scope).await?;
    let oldest = store_messages::oldest_due(&scope).await?;
    let waited = oldest.map(|since| scope.at_micros().saturating_sub(since) / 1_000_000);
    Ok(Outbox {
        by_state: counts,
        oldest_due_seconds: waited.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default(),
    })
}
