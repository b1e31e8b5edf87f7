//! One message's way: whether it may go, its text, the server, its outcome written down.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::mailer::{Email, Mailer, Outcome};
use super::model::{Message, MessageState, NoticeState, Reason, backoff};
use super::recipients::Background;
use super::store_outcomes::{self as outcomes, Standing};
use super::worker::{Pass, Worker};
use super::{capture, store_outbox, template};
use crate::access::Scope;
use crate::audit::Event;
use crate::error::{Error, Result};

/// What came of taking up a message.
pub enum Delivery {
    /// It stands so now.
    Settled(MessageState),
    /// Its domain takes no more at this moment: it was given back.
    Later,
    /// It was not its turn any more when it came to it.
    Untried,
}

/// Whether a message may leave now.
enum May {
    Go,
    /// Its notice is paused, or somebody else has it.
    NotNow,
    Never(Reason),
}

enum Attempt {
    Made(Outcome),
    Later(Duration),
    Untried,
}

impl Worker {
    /// Sends one message and writes down what came of it.
    pub(super) async fn deliver(
        &self,
        background: &Background,
        message: &Message,
        pass: &Pass,
    ) -> Result<Delivery> {
        if let Some(accepted) = self.accepted_before(background, message) {
            return Ok(Delivery::Settled(self.record(background, message, accepted).await?));
        }
        let scope = self.scope()?;
        if !self.hold(&scope, message).await? {
            // Somebody else has it since; what became of it is theirs to write down. Or its notice is approved no more: then it is to be
            // given back, or given up.
            return self.settle(background, message, self.may_go(&scope, background, message).await?).await;
        }
        // Taken more often than it may be tried: each time the process ended before the outcome was written down. Whether it
        // is this message that ends it, or whether the server has accepted it all along, is for a person to find out.
        if message.attempts > self.app.config().outbox.max_attempts {
            let may = match self.may_go(&scope, background, message).await? {
                May::Go => May::Never(Reason::Interrupted),
                may => may,
            };
            return self.settle(background, message, may).await;
        }
        let ending = AtomicBool::new(false);
        let mut attempt = pin!(self.attempt(&scope, background, message, pass, &ending));
        let attempt = tokio::select! {
            attempt = &mut attempt => attempt,
            // Dropping an attempt closes its connection (see `mailer`): of two workers, the one without the lease stops.
            () = self.until_lost(message) => {
                tracing::warn!(message = %message.id, "another worker has taken it during an attempt");
                if !ending.load(Ordering::Relaxed) {
                    return Ok(Delivery::Settled(MessageState::Sending));
                }
                // The server may have it, and what it answers keeps the other worker from sending it again.
                attempt.await
            }
        };
        match attempt.unwrap_or_else(|error| Attempt::Made(failed(message, &error))) {
            Attempt::Made(outcome) => Ok(Delivery::Settled(self.record(background, message, outcome).await?)),
            Attempt::Later(wait) => {
                self.postpone(message, wait).await?;
                Ok(Delivery::Later)
            }
            Attempt::Untried => Ok(Delivery::Untried),
        }
    }

    /// What becomes of one that did not get as far as an attempt.
    async fn settle(&self, background: &Background, message: &Message, may: May) -> Result<Delivery> {
        Ok(match may {
            May::Go | May::NotNow => Delivery::Untried,
            May::Never(reason) => Delivery::Settled(
                self.record(background, message, Outcome::Never { reason, code: None }).await?,
            ),
        })
    }

    /// Whether a message is still to be sent although it was taken: its notice may have been paused or cancelled since, or the list
    /// revised, and the one in force have no use for it. It has one as long as the fan-out of a notice for the list in force counts the
    /// recipient as told by this message: a person who is still on it, a tenant whose people are the same. And it must still be this
    /// worker's, as it took it: a lease that has time left says nothing of what others have written down since.
    async fn may_go(&self, scope: &Scope, background: &Background, message: &Message) -> Result<May> {
        let Some(standing) = self.standings.load(message.id).await? else { return Ok(May::NotNow) };
        let Standing { notice, state, in_force, owner, attempts } = standing;
        if notice != message.notice || owner != Some(self.owner) || attempts != message.attempts {
            return Ok(May::NotNow);
        }
        match state {
            NoticeState::Approved => {}
            NoticeState::Paused => return Ok(May::NotNow),
            _ => return Ok(May::Never(Reason::Cancelled)),
        }
        if !background.sends_at(self.app.clock().now()) {
            return Ok(May::NotNow);
        }
        let wanted = match in_force {
            Some(in_force) if in_force == message.revision => true,
            Some(in_force) => background.still_listed(scope, message, in_force).await?,
            None => false,
        };
        Ok(if wanted { May::Go } else { May::Never(Reason::Revised) })
    }

    /// Makes sure that the lease lasts into the attempt. False when the message is not ours to send any more.
    async fn hold(&self, scope: &Scope, message: &Message) -> Result<bool> {
        let enough = SignedDuration::try_from(self.heartbeat() * 2).unwrap_or(SignedDuration::MAX);
        let left = message.lease_until.map(|until| until.duration_since(scope.at()));
        if left.is_some_and(|left| left >= enough) {
            return Ok(true);
        }
        let tx = scope.begin().await?;
        if !store_outbox::hold(tx.connection(), message, self.owner, self.lease_end()).await? {
            return Ok(false);
        }
        tx.commit(Event::new("outbox.renew", format!("message:{}", message.id))).await?;
        Ok(true)
    }

    /// How often the lease of a message that is under way is prolonged: two may be missed before it ends.
    fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.app.config().outbox.lease_seconds.into()) / 3
    }

    /// Prolongs the lease again and again while an attempt is under way. Returns once the message is another worker's.
    async fn until_lost(&self, message: &Message) {
        loop {
            tokio::time::sleep(self.heartbeat()).await;
            match self.renew(message).await {
                Ok(true) => {}
                Ok(false) => return,
                // The attempt may still end before the lease does.
                Err(error) => tracing::warn!(message = %message.id, %error, "a lease could not be prolonged"),
            }
        }
    }

    async fn renew(&self, message: &Message) -> Result<bool> {
        let scope = self.scope()?;
        let tx = scope.begin().await?;
        let ours = store_outbox::renew(tx.connection(), message, self.owner, self.lease_end()).await?;
        if ours {
            tx.commit(Event::new("outbox.renew", format!("message:{}", message.id))).await?;
        }
        Ok(ours)
    }

    async fn attempt(
        &self,
        scope: &Scope,
        background: &Background,
        message: &Message,
        pass: &Pass,
        ending: &AtomicBool,
    ) -> Result<Attempt> {
        let never = |reason| Attempt::Made(Outcome::Never { reason, code: None });
        // What hinders it is written down only where it may go: of a notice that waits, nothing is tried.
        let prepared = self.prepare(scope, background, message).await;
        let mut entry = None;
        if let (Ok(Ok(email)), Mailer::Smtp(_)) = (&prepared, &self.mailer) {
            entry = Some(match self.domains.enter(message.id, email.domain()).await {
                Ok(entry) => entry,
                Err(wait) => return Ok(Attempt::Later(wait)),
            });
        }
        let _place = self.places.acquire().await.map_err(anyhow::Error::from)?;
        // Asked as late as can be: what was true before it waited may not be any more.
        if pass.is_over() {
            return Ok(Attempt::Untried);
        }
        match self.may_go(scope, background, message).await? {
            May::Go => {}
            May::NotNow => return Ok(Attempt::Untried),
            May::Never(reason) => return Ok(never(reason)),
        }
        let email = match prepared {
            Ok(Ok(email)) => email,
            Ok(Err(reason)) => return Ok(never(reason)),
            Err(error) => return Ok(Attempt::Made(failed(message, &error))),
        };
        let outcome = match &self.mailer {
            Mailer::Captured => capture::keep(scope, &email).await?,
            Mailer::Smtp(smtp) => smtp.send(&email, ending).await,
        };
        drop(entry);
        if outcome.is_unreachable() {
            pass.stop.store(true, Ordering::Relaxed);
        }
        Ok(Attempt::Made(outcome))
    }

    /// Its mail, or why there can be none.
    async fn prepare(
        &self,
        scope: &Scope,
        background: &Background,
        message: &Message,
    ) -> Result<std::result::Result<Email, Reason>> {
        let (address, known) = match background.resolve(scope, message).await? {
            Ok(resolved) => resolved,
            Err(reason) => return Ok(Err(reason)),
        };
        let notice = &background.notice;
        let text = match template::render(&notice.template, message.language, &known, &notice.variables) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(message = %message.id, %error, "a notice could not be rendered");
                return Ok(Err(Reason::NotRendered));
            }
        };
        let mail = u8::try_from(background.mails_before(message.id)).unwrap_or(bounces::LAST_MAIL);
        let return_path = self.composer.return_path(message.id, mail);
        let (id, language) = (&message.message_id, message.language);
        let composed = self.composer.compose(id, &address, return_path, &text, language, scope.at())?;
        Ok(composed.ok_or(Reason::BadAddress))
    }

    fn unwritten(&self) -> MutexGuard<'_, HashMap<(Uuid, Uuid), (u64, Outcome)>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// That a server has accepted it, where nobody could write that down yet. Not when its history has gone on since: then it was another
    /// worker's, and what is sent now is another mail.
    fn accepted_before(&self, background: &Background, message: &Message) -> Option<Outcome> {
        let (mut unwritten, place) = (self.unwritten(), (message.id, message.notice));
        let (before, accepted) = *unwritten.get(&place)?;
        if before == background.mails_before(message.id) {
            return Some(accepted);
        }
        unwritten.remove(&place);
        None
    }

    /// Writes an outcome down, under the lease.
    async fn record(
        &self,
        background: &Background,
        message: &Message,
        outcome: Outcome,
    ) -> Result<MessageState> {
        if matches!(outcome, Outcome::Accepted { .. }) {
            let before = background.mails_before(message.id);
            self.unwritten().insert((message.id, message.notice), (before, outcome));
        }
        let (state, reason, code) = self.decide(message, outcome);
        let next_attempt_at = self.next_attempt(message, self.app.clock().now());
        let outcome = outcomes::Outcome { message: message.clone(), state, reason, code, next_attempt_at };
        let mut recorded = pin!(self.recorder.record(outcome));
        let state = tokio::select! {
            state = &mut recorded => state?,
            // The lease goes on until it is written down: nobody else shall send what the server has. Where it is lost, or ended in
            // this moment because it was written down, what the recorder says counts.
            () = self.until_lost(message) => recorded.await?,
        };
        self.unwritten().remove(&(message.id, message.notice));
        Ok(state)
    }

    fn decide(&self, message: &Message, outcome: Outcome) -> (MessageState, Option<Reason>, Option<u16>) {
        match outcome {
            Outcome::Accepted { code } => (MessageState::Accepted, None, code),
            Outcome::Never { reason, code } => (MessageState::Failed, Some(reason), code),
            Outcome::NotNow { reason, code } if message.attempts >= self.app.config().outbox.max_attempts => {
                (MessageState::Failed, Some(reason), code)
            }
            Outcome::NotNow { reason, code } => (MessageState::Deferred, Some(reason), code),
        }
    }

    fn next_attempt(&self, message: &Message, now: Timestamp) -> i64 {
        let outbox = &self.app.config().outbox;
        let draw = u32::from_be_bytes(self.app.entropy().bytes());
        let seconds = backoff(message.attempts, outbox.backoff_seconds, outbox.backoff_cap_seconds, draw);
        now.as_microsecond() + i64::from(seconds) * 1_000_000
    }
}

fn failed(message: &Message, error: &Error) -> Outcome {
    tracing::error!(message = %message.id, %error, "a message could not be prepared");
    Outcome::NotNow { reason: Reason::Internal, code: None }
}
