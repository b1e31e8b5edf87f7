//! The outbox worker: takes messages under a lease, sends them, writes down what came of each.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::compose::Composer;
use super::domains::Domains;
use super::hours::Hours;
use super::mailer::{Mailer, Outcome};
use super::model::{Message, MessageState, NoticeState, Reason, backoff};
use super::recipients::Background;
use super::recorder::Recorder;
use super::standing::Standings;
use super::store_events::{self as events, EventKind, NewEvent};
use super::store_outcomes as outcomes;
use super::{capture, store, store_outbox, template};
use crate::access::{Reach, Scope};
use crate::app::App;
use crate::audit::Event;
use crate::error::Result;
use crate::incidents;

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentCounts {
    pub accepted: u64,
    pub deferred: u64,
    pub failed: u64,
    /// Taken and given back untried, because the server could not be reached or the service is ending.
    pub released: u64,
    /// Given back for a while: their domain takes no more at this moment.
    pub postponed: u64,
}

impl SentCounts {
    fn taken(self) -> u64 {
        self.accepted + self.deferred + self.failed + self.released + self.postponed
    }

    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.deferred += other.deferred;
        self.failed += other.failed;
        self.released += other.released;
        self.postponed += other.postponed;
    }
}

/// Sends until `shutdown` resolves; then finishes what is under way and gives back the rest.
///
/// # Errors
/// When the configured server's name cannot be used.
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let worker = Worker::new(app)?;
    let poll = Duration::from_millis(worker.app.config().outbox.poll_milliseconds);
    let work = async {
        loop {
            match worker.pass().await {
                Ok(sent) if sent.taken() > 0 => {
                    tracing::info!(
                        accepted = sent.accepted,
                        deferred = sent.deferred,
                        failed = sent.failed,
                        released = sent.released,
                        postponed = sent.postponed,
                        "outbox"
                    );
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "outbox"),
            }
            tokio::select! {
                () = worker.ending.cancelled() => break,
                () = tokio::time::sleep(poll) => {}
            }
        }
    };
    let mut work = pin!(work);
    tokio::select! {
        () = &mut work => {}
        () = shutdown => {
            worker.ending.cancel();
            work.await;
        }
    }
    Ok(())
}

/// Sends everything that is due at this instant, and returns. For tests, replays and `cron`.
///
/// # Errors
/// Unexpected ones; what was sent before is written down.
pub async fn run_once(app: &Arc<App>) -> anyhow::Result<SentCounts> {
    Ok(Worker::new(app.clone())?.pass().await?)
}

/// Mails that were accepted and are being written down, for each connection: enough that no connection waits for the disk, few enough
/// that a process that ends there repeats few mails.
const UNWRITTEN: usize = 1;

/// What a pass has taken and not yet sent.
struct Batch {
    messages: Vec<Message>,
    /// By notice.
    backgrounds: BTreeMap<Uuid, Background>,
}

/// The sender's scope for the present instant, for its parts.
pub(super) fn scope(app: &Arc<App>) -> Result<Scope> {
    Ok(Scope::system(app, app.root()?, Reach::All, "send notice"))
}

struct Worker {
    app: Arc<App>,
    mailer: Mailer,
    /// A place for each connection.
    places: Semaphore,
    domains: Domains,
    composer: Composer,
    standings: Standings,
    recorder: Recorder,
    /// Names this worker in its leases.
    owner: Uuid,
    ending: CancellationToken,
}

impl Worker {
    fn new(app: Arc<App>) -> anyhow::Result<Self> {
        let mailer = Mailer::new(&app.config().mail)?;
        let composer = Composer::new(&app)?;
        let owner = app.entropy().id(app.clock().now());
        let standings = Standings::start(&app);
        let places = Semaphore::new(app.config().mail.smtp_connections as usize);
        let domains = Domains::new(&app.config().mail)?;
        let ending = CancellationToken::new();
        let recorder = Recorder::start(app.clone(), owner, ending.clone());
        Ok(Self { app, mailer, places, domains, composer, standings, recorder, owner, ending })
    }

    /// A scope for the present instant. Every read of an address is recorded with its reason as purpose.
    fn scope(&self) -> Result<Scope> {
        scope(&self.app)
    }

    /// Everything that is due. Before `suimon init` there is nothing.
    async fn pass(&self) -> Result<SentCounts> {
        let mut total = SentCounts::default();
        if self.app.root().is_err() {
            return Ok(total);
        }
        let mut next = self.take().await?;
        while let Some(batch) = next.take() {
            // While one is sent the next is taken: the connections do not wait for the database.
            let (sent, taken) = futures::join!(self.send(&batch), self.take());
            let interrupted = !matches!(&sent, Ok(sent) if sent.released == 0) || self.ending.is_cancelled();
            if let (true, Ok(Some(batch))) = (interrupted, &taken) {
                total.released += self.release(&batch.messages).await?;
            }
            total.add(sent?);
            next = taken?;
            if interrupted {
                break;
            }
        }
        if let Mailer::Smtp(smtp) = &self.mailer {
            smtp.rest().await;
        }
        self.tidy().await?;
        Ok(total)
    }

    /// Notices that are not sent at this hour.
    async fn resting(&self) -> Result<Vec<Uuid>> {
        let scope = self.scope()?;
        let rests = |(id, hours, zone): (Uuid, Hours, String)| {
            let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
            (!hours.contain(scope.at(), &zone)).then_some(id)
        };
        Ok(store_outbox::with_hours(&scope).await?.into_iter().filter_map(rests).collect())
    }

    fn lease_end(&self, scope: &Scope) -> i64 {
        scope.at_micros() + i64::from(self.app.config().outbox.lease_seconds) * 1_000_000
    }

    /// How often the lease of a message that is under way is prolonged: two may be missed before it ends.
    fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.app.config().outbox.lease_seconds.into()) / 3
    }

    /// Takes what is due, with all that sending it needs. None when nothing is.
    async fn take(&self) -> Result<Option<Batch>> {
        if self.ending.is_cancelled() {
            return Ok(None);
        }
        let resting = self.resting().await?;
        let scope = self.scope()?;
        if !store_outbox::anything_due(&scope, &resting).await? {
            return Ok(None);
        }
        let limit = u64::from(self.app.config().outbox.batch);
        let tx = scope.begin().await?;
        let lease_end = self.lease_end(&scope);
        let (messages, interrupted) =
            store_outbox::claim(tx.connection(), &scope, self.owner, lease_end, limit, &resting).await?;
        if messages.is_empty() {
            return Ok(None);
        }
        let event = Event::new("outbox.claim", "message")
            .detail(json!({ "messages": messages.len(), "interrupted": interrupted.len() }));
        self.app.sent().interrupted(interrupted.len() as u64);
        let interrupted = interrupted.into_iter().map(|id| (id, EventKind::Interrupted, NewEvent::default()));
        events::append_each(&tx, interrupted.collect()).await?;
        tx.commit(event).await?;
        match self.backgrounds(&scope, &messages).await {
            Ok(backgrounds) => Ok(Some(Batch { messages, backgrounds })),
            Err(error) => {
                self.release(&messages).await?;
                Err(error)
            }
        }
    }

    async fn send(&self, batch: &Batch) -> Result<SentCounts> {
        let Batch { messages, backgrounds } = batch;
        // Once the server cannot be reached, the rest of the batch goes back untried: an outage costs few attempts.
        let stop = AtomicBool::new(false);
        let connections = self.app.config().mail.smtp_connections as usize;
        let deliveries = messages.iter().cloned().enumerate().map(|(index, message)| {
            let (background, stop) = (backgrounds.get(&message.notice), &stop);
            let delivery = async move {
                let background = background.ok_or_else(|| anyhow::anyhow!("a notice was not read"))?;
                if stop.load(Ordering::Relaxed) || self.ending.is_cancelled() {
                    return Ok(None);
                }
                let result = self.deliver(background, &message, stop).await;
                if result.is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
                match result? {
                    Delivery::Untried => Ok(None),
                    delivery => Ok(Some(delivery)),
                }
            };
            async move { (index, delivery.await) }
        });
        // In no order: one slow server must not hold up what is behind it.
        let results: Vec<(usize, Result<Option<Delivery>>)> =
            futures::stream::iter(deliveries).buffer_unordered(connections * (1 + UNWRITTEN)).collect().await;
        let mut sent = SentCounts::default();
        let mut untried = Vec::new();
        let mut failure = None;
        for (index, result) in results {
            match result {
                Ok(None | Some(Delivery::Untried)) => untried.extend(messages.get(index).cloned()),
                Ok(Some(Delivery::Settled(MessageState::Accepted))) => sent.accepted += 1,
                Ok(Some(Delivery::Settled(MessageState::Failed))) => sent.failed += 1,
                Ok(Some(Delivery::Settled(_))) => sent.deferred += 1,
                Ok(Some(Delivery::Later)) => sent.postponed += 1,
                Err(error) => failure = Some(error),
            }
        }
        if !untried.is_empty() {
            sent.released = self.release(&untried).await?;
        }
        failure.map_or(Ok(sent), Err)
    }

    async fn backgrounds(&self, scope: &Scope, messages: &[Message]) -> Result<BTreeMap<Uuid, Background>> {
        let mut by_notice: BTreeMap<Uuid, Vec<&Message>> = BTreeMap::new();
        for message in messages {
            by_notice.entry(message.notice).or_default().push(message);
        }
        let mut backgrounds = BTreeMap::new();
        for (id, messages) in by_notice {
            let notice = store::notice(scope.connection(), scope.tenant(), id).await?;
            let notice =
                notice.ok_or_else(|| anyhow::anyhow!("notice {id} of claimed messages is missing"))?;
            let mut background = Background::load(scope, notice, &messages).await?;
            background.open(scope, &messages).await?;
            backgrounds.insert(id, background);
        }
        Ok(backgrounds)
    }

    async fn release(&self, messages: &[Message]) -> Result<u64> {
        let tx = self.scope()?.begin().await?;
        let released = store_outbox::release(tx.connection(), messages, self.owner).await?;
        let event = Event::new("outbox.release", "message").detail(json!({ "messages": released }));
        tx.commit(event).await?;
        Ok(released)
    }

    /// Gives a message back at once, with the time at which it is its turn: its lease would end while the rest of the batch goes on.
    async fn postpone(&self, message: &Message, wait: Duration) -> Result<()> {
        let scope = self.scope()?;
        let tx = scope.begin().await?;
        let until = scope.at_micros().saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
        if store_outbox::postpone(tx.connection(), message, self.owner, until).await? {
            tx.commit(Event::new("outbox.postpone", format!("message:{}", message.id))).await?;
            self.app.sent().postponed(1);
        }
        Ok(())
    }

    /// Sends one message and writes down what came of it.
    async fn deliver(
        &self,
        background: &Background,
        message: &Message,
        stop: &AtomicBool,
    ) -> Result<Delivery> {
        let scope = self.scope()?;
        match self.may_go(&scope, background, message).await? {
            May::Go => {}
            May::Wait => {
                self.release(std::slice::from_ref(message)).await?;
                return Ok(Delivery::Settled(MessageState::Sending));
            }
            May::Never(reason) => {
                let state = self.record(message, Outcome::Never { reason, code: None }).await?;
                return Ok(Delivery::Settled(state));
            }
        }
        if !self.hold(&scope, message).await? {
            // Somebody else has it since; what became of it is theirs to write down. Or its notice was paused in this moment: then it is
            // given back, and this was no attempt.
            let standing = self.standings.of(message).await?;
            if standing.is_some_and(|standing| standing.state == NoticeState::Paused) {
                self.release(std::slice::from_ref(message)).await?;
            }
            return Ok(Delivery::Settled(MessageState::Sending));
        }
        // Taken more often than it may be tried: each time the process ended before the outcome was written down. Whether it
        // is this message that ends it, or whether the server has accepted it all along, is for a person to find out.
        if message.attempts > self.app.config().outbox.max_attempts {
            let state =
                self.record(message, Outcome::Never { reason: Reason::Interrupted, code: None }).await?;
            return Ok(Delivery::Settled(state));
        }
        let attempt = tokio::select! {
            attempt = self.attempt(&scope, background, message, stop) => attempt.unwrap_or_else(|error| {
                tracing::error!(message = %message.id, %error, "a message could not be prepared");
                Attempt::Made(Outcome::NotNow { reason: Reason::Internal, code: None })
            }),
            // Dropping an attempt closes its connection (see `mailer`): of two workers, the one without the lease stops.
            () = self.until_lost(message) => {
                tracing::warn!(message = %message.id, "another worker has taken it during an attempt");
                return Ok(Delivery::Settled(MessageState::Sending));
            }
        };
        match attempt {
            Attempt::Made(outcome) => {
                let mut recorded = pin!(self.record(message, outcome));
                let state = tokio::select! {
                    state = &mut recorded => state?,
                    // The lease goes on until it is written down: nobody else shall send what the server has. Where it is lost, or ended in
                    // this moment because it was written down, what the recorder says counts.
                    () = self.until_lost(message) => recorded.await?,
                };
                Ok(Delivery::Settled(state))
            }
            Attempt::Later(wait) => {
                self.postpone(message, wait).await?;
                Ok(Delivery::Later)
            }
            Attempt::Untried => Ok(Delivery::Untried),
        }
    }

    /// Whether a message is still to be sent although it was taken: its notice may have been paused or cancelled since, or the list
    /// revised, and the one in force have no use for it. It has one as long as the fan-out of a notice for the list in force counts the
    /// recipient as told by this message: a person who is still on it, a tenant whose people are the same.
    async fn may_go(&self, scope: &Scope, background: &Background, message: &Message) -> Result<May> {
        let standing = match self.standings.of(message).await? {
            Some(standing) if standing.state == NoticeState::Paused => return Ok(May::Wait),
            Some(standing) if standing.state == NoticeState::Approved => standing,
            _ => return Ok(May::Never(Reason::Cancelled)),
        };
        let wanted = match standing.in_force {
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
        if !store_outbox::hold(tx.connection(), message, self.owner, self.lease_end(scope)).await? {
            return Ok(false);
        }
        tx.commit(Event::new("outbox.renew", format!("message:{}", message.id))).await?;
        Ok(true)
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
        let ours = store_outbox::renew(tx.connection(), message, self.owner, self.lease_end(&scope)).await?;
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
        stop: &AtomicBool,
    ) -> Result<Attempt> {
        let never = |reason| Ok(Attempt::Made(Outcome::Never { reason, code: None }));
        let (address, known) = match background.resolve(scope, message).await? {
            Ok(resolved) => resolved,
            Err(reason) => return never(reason),
        };
        let notice = &background.notice;
        let text = match template::render(&notice.template, message.language, &known, &notice.variables) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(message = %message.id, %error, "a notice could not be rendered");
                return never(Reason::NotRendered);
            }
        };
        let return_path = self.composer.return_path(message.id);
        let (id, language) = (&message.message_id, message.language);
        let composed = self.composer.compose(id, &address, return_path, &text, language, scope.at())?;
        let Some(email) = composed else {
            return never(Reason::BadAddress);
        };
        match &self.mailer {
            Mailer::Captured => Ok(Attempt::Made(capture::keep(scope, &email).await?)),
            Mailer::Smtp(smtp) => {
                let _entry = match self.domains.enter(message.id, email.domain()).await {
                    Ok(entry) => entry,
                    Err(wait) => return Ok(Attempt::Later(wait)),
                };
                let place = self.places.acquire().await.map_err(anyhow::Error::from)?;
                // What was true before it waited may not be any more.
                if stop.load(Ordering::Relaxed) || self.ending.is_cancelled() {
                    return Ok(Attempt::Untried);
                }
                match self.may_go(scope, background, message).await? {
                    May::Go => {}
                    May::Wait => return Ok(Attempt::Untried),
                    May::Never(reason) => return never(reason),
                }
                if !self.standings.is_taken(message, self.owner).await? {
                    return Ok(Attempt::Untried);
                }
                let outcome = smtp.send(&email).await;
                if outcome.is_unreachable() {
                    stop.store(true, Ordering::Relaxed);
                }
                drop(place);
                Ok(Attempt::Made(outcome))
            }
        }
    }

    /// Writes an outcome down.
    async fn record(&self, message: &Message, outcome: Outcome) -> Result<MessageState> {
        let (state, reason, code) = self.decide(message, outcome);
        let next_attempt_at = self.next_attempt(message, self.app.clock().now());
        let message = message.clone();
        self.recorder.record(outcomes::Outcome { message, state, reason, code, next_attempt_at }).await
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

    /// Notices whose last message has its outcome are done; what a cancelled one left waiting is given up.
    async fn tidy(&self) -> Result<()> {
        let scope = self.scope()?;
        if store_outbox::anything_left_over(&scope).await? {
            let tx = scope.begin().await?;
            // The server may have what was being sent: whoever takes these people over has to know.
            let interrupted = store_outbox::left_over_under_way(&tx).await?;
            let interrupted =
                interrupted.into_iter().map(|id| (id, EventKind::Interrupted, NewEvent::default()));
            events::append_each(&tx, interrupted.collect()).await?;
            let stopped = store_outbox::fail_left_over(tx.connection(), &scope).await?;
            tx.commit(Event::new("notice.cancel", "message").detail(json!({ "stopped": stopped }))).await?;
        }
        for id in store_outbox::finished(&scope).await? {
            let tx = scope.begin().await?;
            let Some(notice) = store::notice(tx.connection(), scope.tenant(), id).await? else { continue };
            let from = [NoticeState::Approved];
            if store::move_notice(tx.connection(), &notice, &from, NoticeState::Done, None).await? {
                // Somebody may have had messages tried again since it was asked: the row is held now, so nobody can any more.
                if store_outbox::has_open(tx.connection(), &notice).await? {
                    continue;
                }
                // Persons were told: the law's clocks may hang on when.
                incidents::reassess(&tx, notice.incident, scope.new_id()).await?;
                tx.commit(Event::new("notice.done", format!("notice:{id}"))).await?;
            }
        }
        Ok(())
    }
}

/// What came of taking up a message.
enum Delivery {
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
    /// Its notice is paused.
    Wait,
    Never(Reason),
}

enum Attempt {
    Made(Outcome),
    Later(Duration),
    Untried,
}
