//! The outbox worker: takes messages under a lease, sends them, writes down what came of each.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::compose::Composer;
use super::delivery::Delivery;
use super::domains::Domains;
use super::hours::Hours;
use super::mailer::{Mailer, Outcome};
use super::model::{Message, MessageState, NoticeState};
use super::recipients::Background;
use super::recorder::Recorder;
use super::store_claims::{self, Claimed, Except};
use super::store_events::{self as events, EventKind, NewEvent};
use super::store_outcomes::{self as outcomes, Standing};
use super::{store, store_outbox, template};
use crate::access::{Reach, Scope};
use crate::app::App;
use crate::audit::Event;
use crate::error::Result;
use crate::incidents;
use crate::loader::Loader;

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
            match worker.pass(true).await {
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
    Ok(Worker::new(app.clone())?.pass(false).await?)
}

/// Mails that were accepted and are being written down, for each connection: enough that no connection waits for the disk, few enough
/// that a process that ends there repeats few mails.
const UNWRITTEN: usize = 1;
/// For so long a notice that cannot be read is left alone.
const SET_ASIDE: SignedDuration = SignedDuration::from_mins(1);

/// What was taken at once, and all that sending it needs.
struct Batch {
    messages: Vec<Message>,
    /// By notice.
    backgrounds: BTreeMap<Uuid, Background>,
}

/// One time through all that is due.
pub(super) struct Pass {
    /// Looks for more for as long as a mail is under way: one slow server must not keep what is due since from leaving.
    looks_on: bool,
    /// Nothing further shall leave: no server can be reached, or what came of a mail cannot be written down.
    pub(super) stop: AtomicBool,
    ending: CancellationToken,
}

impl Pass {
    /// Whether nothing further shall leave.
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.ending.is_cancelled()
    }
}

/// The sender's scope for the present instant, for its parts.
pub(super) fn scope(app: &Arc<App>) -> Result<Scope> {
    Ok(Scope::system(app, app.root()?, Reach::All, "send notice"))
}

/// What it is made of is for `delivery`, too.
pub(super) struct Worker {
    pub(super) app: Arc<App>,
    pub(super) mailer: Mailer,
    /// A place for each connection.
    pub(super) places: Semaphore,
    pub(super) domains: Domains,
    pub(super) composer: Composer,
    pub(super) standings: Loader<Uuid, Standing>,
    pub(super) recorder: Recorder,
    /// Names this worker in its leases.
    pub(super) owner: Uuid,
    ending: CancellationToken,
    /// Taken and not finished with: not to be taken once more, whatever becomes of their leases.
    in_hand: Mutex<HashSet<Uuid>>,
    /// Nothing is in hand any more.
    idle: Notify,
    /// What a server has accepted and nobody could write down yet, by message and notice: it is not sent again. With each how many mails of
    /// the message were known before.
    pub(super) unwritten: Mutex<HashMap<(Uuid, Uuid), (u64, Outcome)>>,
    /// Notices that could not be read, and until when they are left alone.
    aside: Mutex<HashMap<Uuid, Timestamp>>,
}

impl Worker {
    fn new(app: Arc<App>) -> anyhow::Result<Arc<Self>> {
        let mailer = Mailer::new(&app.config().mail)?;
        let composer = Composer::new(&app)?;
        let owner = app.entropy().id(app.clock().now());
        let asked = app.clone();
        let standings = Loader::start(move |ids| ask(asked.clone(), ids).boxed());
        let places = Semaphore::new(app.config().mail.smtp_connections as usize);
        let domains = Domains::new(&app.config().mail)?;
        let ending = CancellationToken::new();
        let recorder = Recorder::start(app.clone(), owner, ending.clone());
        Ok(Arc::new(Self {
            app,
            mailer,
            places,
            domains,
            composer,
            standings,
            recorder,
            owner,
            ending,
            in_hand: Mutex::default(),
            idle: Notify::new(),
            unwritten: Mutex::default(),
            aside: Mutex::default(),
        }))
    }

    /// A scope for the present instant. Every read of an address is recorded with its reason as purpose.
    pub(super) fn scope(&self) -> Result<Scope> {
        scope(&self.app)
    }

    fn in_hand(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished_with(&self, message: Uuid) {
        let mut in_hand = self.in_hand();
        in_hand.remove(&message);
        if in_hand.is_empty() {
            self.idle.notify_one();
        }
    }

    /// Everything that is due. Before `suimon init` there is nothing.
    async fn pass(self: &Arc<Self>, looks_on: bool) -> Result<SentCounts> {
        if self.app.root().is_err() {
            return Ok(SentCounts::default());
        }
        self.in_hand().clear();
        let pass = Arc::new(Pass { looks_on, stop: AtomicBool::new(false), ending: self.ending.clone() });
        // One batch waits while another is sent: the connections wait neither for the database nor for the last mail of a batch.
        let (give, mut batches) = mpsc::channel::<Arc<Batch>>(1);
        let mut taking = JoinSet::new();
        let taker = (self.clone(), pass.clone());
        taking.spawn(async move { taker.0.take_all(&taker.1, give).await });
        // In no order: one slow server must not hold up what is behind it. Each is a task of its own, for every core to take part.
        let mut turns = JoinSet::new();
        let most = self.app.config().mail.smtp_connections as usize * (1 + UNWRITTEN);
        let mut waiting = VecDeque::<(Arc<Batch>, usize)>::new();
        let mut sent = SentCounts::default();
        let (mut over, mut failure) = (Vec::new(), None);
        loop {
            while turns.len() < most
                && let Some((batch, index)) = waiting.pop_front()
            {
                let (worker, pass) = (self.clone(), pass.clone());
                turns.spawn(async move { worker.turn(&pass, &batch, index).await });
            }
            tokio::select! {
                Some(batch) = batches.recv(), if waiting.is_empty() => {
                    waiting.extend((0..batch.messages.len()).map(|index| (Arc::clone(&batch), index)));
                }
                Some(turn) = turns.join_next() => match turn.unwrap_or_else(|error| Err(ended(&error).into())) {
                    Ok(Turn::Settled(MessageState::Accepted)) => sent.accepted += 1,
                    Ok(Turn::Settled(MessageState::Failed)) => sent.failed += 1,
                    Ok(Turn::Settled(MessageState::Deferred)) => sent.deferred += 1,
                    // Somebody else has it since.
                    Ok(Turn::Settled(_)) => {}
                    Ok(Turn::Later) => sent.postponed += 1,
                    Ok(Turn::Released(released)) => sent.released += released,
                    Ok(Turn::Over(message)) => over.push(message),
                    Err(error) => {
                        // Whatever it was, its message is in hand until the pass is over: soon, so that it is taken up again.
                        pass.stop.store(true, Ordering::Relaxed);
                        failure = Some(error);
                    }
                },
                else => break,
            }
        }
        let taken = taking.join_next().await.unwrap_or(Ok(Ok(())));
        let taken = taken.unwrap_or_else(|error| Err(ended(&error).into()));
        if let Mailer::Smtp(smtp) = &self.mailer {
            smtp.rest().await;
        }
        if !over.is_empty() {
            sent.released += self.release(&over).await?;
        }
        if let Some(error) = failure {
            return Err(error);
        }
        taken?;
        self.tidy().await?;
        Ok(sent)
    }

    /// Takes batch after batch for as long as something is due and anything may leave.
    async fn take_all(&self, pass: &Pass, give: mpsc::Sender<Arc<Batch>>) -> Result<()> {
        while let Ok(place) = give.reserve().await {
            if pass.is_over() {
                break;
            }
            match self.take().await? {
                Some(batch) => place.send(Arc::new(batch)),
                None if pass.looks_on && !self.in_hand().is_empty() => {
                    drop(place);
                    self.tidy().await?;
                    let poll = Duration::from_millis(self.app.config().outbox.poll_milliseconds);
                    tokio::select! {
                        () = tokio::time::sleep(poll) => {}
                        () = self.idle.notified() => {}
                        () = self.ending.cancelled() => {}
                    }
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Takes what is due, with all that sending it needs. None when nothing is.
    async fn take(&self) -> Result<Option<Batch>> {
        loop {
            let scope = self.scope()?;
            let in_hand = self.in_hand().iter().copied().collect();
            let except = Except { resting: self.resting(&scope).await?, in_hand };
            let due = store_claims::due(&scope, &except).await?;
            if due.is_empty() {
                return Ok(None);
            }
            let Some(messages) = self.claim(&scope, &due, &except.in_hand).await? else { return Ok(None) };
            let batch = self.with_backgrounds(&scope, messages).await?;
            // Where nothing of it could be read, its notices are set aside now, its messages taken: there may be others.
            if !batch.messages.is_empty() {
                return Ok(Some(batch));
            }
        }
    }

    /// None when nothing was left to be taken. What was taken and cannot be read is not among the messages.
    async fn claim(&self, scope: &Scope, notices: &[Uuid], in_hand: &[Uuid]) -> Result<Option<Vec<Message>>> {
        let limit = u64::from(self.app.config().outbox.batch);
        let tx = scope.begin().await?;
        let lease = (self.owner, self.lease_end());
        let Claimed { taken, messages, interrupted } =
            store_claims::claim(tx.connection(), scope, notices, lease, limit, in_hand).await?;
        if taken == 0 {
            return Ok(None);
        }
        let event = Event::new("outbox.claim", "message")
            .detail(json!({ "messages": taken, "interrupted": interrupted.len() }));
        self.app.sent().interrupted(interrupted.len() as u64);
        let interrupted = interrupted.into_iter().map(|id| (id, EventKind::Interrupted, NewEvent::default()));
        events::append_each(&tx, interrupted.collect()).await?;
        tx.commit(event).await?;
        self.in_hand().extend(messages.iter().map(|message| message.id));
        Ok(Some(messages))
    }

    /// When a lease ends that is written now: its transaction may have waited for long since its scope was made.
    pub(super) fn lease_end(&self) -> i64 {
        let seconds = i64::from(self.app.config().outbox.lease_seconds);
        self.app.clock().now().as_microsecond() + seconds * 1_000_000
    }

    /// Notices that are not sent at this hour, or were set aside.
    async fn resting(&self, scope: &Scope) -> Result<Vec<Uuid>> {
        let mut resting = Vec::new();
        for (id, hours, zone) in store_outbox::with_hours(scope).await? {
            let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
            let rests = hours.parse::<Hours>().map(|hours| !hours.contain(scope.at(), &zone));
            if rests.unwrap_or_else(|error| {
                // Rather never than in the night.
                tracing::error!(notice = %id, %error, "the hours of a notice cannot be read; it is not sent");
                true
            }) {
                resting.push(id);
            }
        }
        let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        aside.retain(|_, until| *until > scope.at() && *until <= scope.at() + SET_ASIDE);
        resting.extend(aside.keys());
        Ok(resting)
    }

    /// Reads what messages need, notice by notice. One that cannot be read is set aside, and its messages given back: it must not keep
    /// the others from being sent.
    async fn with_backgrounds(&self, scope: &Scope, messages: Vec<Message>) -> Result<Batch> {
        let mut by_notice: BTreeMap<Uuid, Vec<Message>> = BTreeMap::new();
        for message in messages {
            by_notice.entry(message.notice).or_default().push(message);
        }
        let mut batch = Batch { messages: Vec::new(), backgrounds: BTreeMap::new() };
        let mut failed = Vec::new();
        for (id, messages) in by_notice {
            match self.background(scope, id, &messages).await {
                Ok(background) => {
                    batch.backgrounds.insert(id, background);
                    batch.messages.extend(messages);
                }
                Err(error) => failed.push((id, messages, error)),
            }
        }
        for (id, messages, error) in failed {
            tracing::error!(notice = %id, %error, "a notice could not be read; it is set aside for a while");
            // Where this fails too, the database is away, and it is no fault of the notice's.
            if let Err(error) = self.release(&messages).await {
                batch.backgrounds.clear();
                let _ = self.release(&batch.messages).await;
                return Err(error);
            }
            let until = scope.at() + SET_ASIDE;
            self.aside.lock().unwrap_or_else(PoisonError::into_inner).insert(id, until);
        }
        Ok(batch)
    }

    async fn background(&self, scope: &Scope, id: Uuid, messages: &[Message]) -> Result<Background> {
        let notice = store::notice(scope.connection(), scope.tenant(), id).await?;
        let notice = notice.ok_or_else(|| anyhow::anyhow!("notice {id} of claimed messages is missing"))?;
        if !template::is_known(&notice.template) {
            return Err(anyhow::anyhow!("this program has no template {}", notice.template).into());
        }
        let messages: Vec<&Message> = messages.iter().collect();
        let mut background = Background::load(scope, notice, &messages).await?;
        background.open(scope, &messages).await?;
        background.count_mails(scope, &messages).await?;
        Ok(background)
    }

    /// One message of a batch.
    async fn turn(&self, pass: &Pass, batch: &Batch, index: usize) -> Result<Turn> {
        let message = batch.messages.get(index).context("a message outside its batch")?;
        let background = batch.backgrounds.get(&message.notice).context("a notice was not read")?;
        // Once no server can be reached, the rest goes back untried: an outage costs few attempts.
        if pass.is_over() {
            return Ok(Turn::Over(message.clone()));
        }
        let delivery = self.deliver(background, message, pass).await;
        let turn = match delivery.inspect_err(|_| pass.stop.store(true, Ordering::Relaxed))? {
            Delivery::Settled(state) => Turn::Settled(state),
            Delivery::Later => Turn::Later,
            Delivery::Untried if pass.is_over() => return Ok(Turn::Over(message.clone())),
            // At once: the pass may go on for longer than its lease.
            Delivery::Untried => Turn::Released(self.release(std::slice::from_ref(message)).await?),
        };
        self.finished_with(message.id);
        Ok(turn)
    }

    /// Gives back what was taken and not begun.
    async fn release(&self, messages: &[Message]) -> Result<u64> {
        let tx = self.scope()?.begin().await?;
        let released = store_outbox::release(tx.connection(), messages, self.owner).await?;
        if released > 0 {
            let event = Event::new("outbox.release", "message").detail(json!({ "messages": released }));
            tx.commit(event).await?;
        }
        messages.iter().for_each(|message| self.finished_with(message.id));
        Ok(released)
    }

    /// Gives a message back at once, with the time at which it is its turn: its lease would end while the rest of the batch goes on.
    pub(super) async fn postpone(&self, message: &Message, wait: Duration) -> Result<()> {
        let scope = self.scope()?;
        let tx = scope.begin().await?;
        let until = scope.at_micros().saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
        if store_outbox::postpone(tx.connection(), message, self.owner, until).await? {
            tx.commit(Event::new("outbox.postpone", format!("message:{}", message.id))).await?;
            self.app.sent().postponed(1);
        }
        Ok(())
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
            // One that cannot be read keeps no other from its end.
            if let Err(error) = self.finish(&scope, id).await {
                tracing::error!(notice = %id, %error, "a notice cannot be brought to its end");
            }
        }
        Ok(())
    }

    async fn finish(&self, scope: &Scope, id: Uuid) -> Result<()> {
        let tx = scope.begin().await?;
        let Some(notice) = store::notice(tx.connection(), scope.tenant(), id).await? else { return Ok(()) };
        let from = [NoticeState::Approved];
        if !store::move_notice(tx.connection(), &notice, &from, NoticeState::Done, None).await? {
            return Ok(());
        }
        // Somebody may have had messages tried again since it was asked: the row is held now, so nobody can any more.
        if store_outbox::has_open(tx.connection(), &notice).await? {
            return Ok(());
        }
        // Persons were told: the law's clocks may hang on when.
        incidents::reassess(&tx, notice.incident, scope.new_id()).await?;
        tx.commit(Event::new("notice.done", format!("notice:{id}"))).await
    }
}

/// What came of a message's turn.
enum Turn {
    /// It stands so now.
    Settled(MessageState),
    /// Given back for a while.
    Later,
    /// So many were given back.
    Released(u64),
    /// Nothing further leaves: to be given back with the rest.
    Over(Message),
}

/// Why a task ended before its time. The text of a panic may quote a mail: it goes nowhere.
fn ended(error: &JoinError) -> anyhow::Error {
    anyhow::anyhow!("a task of the sender {}", if error.is_panic() { "panicked" } else { "was stopped" })
}

/// How messages stand at this instant. Several ask at about the same time, just before their attempts, and are answered together by a
/// query that began after each of them asked: what a pause or a new list says is never older than the question.
async fn ask(app: Arc<App>, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Standing>> {
    outcomes::standings(&scope(&app)?, &ids).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_panic_says_goes_nowhere() {
        let task = tokio::spawn(async { assert_eq!("hanako@mail.example", "") });
        let error = ended(&task.await.unwrap_err());
        assert_eq!(format!("{error:#} {error:?}").matches("a task of the sender panicked").count(), 2);
        assert!(!format!("{error:?}").contains("hanako"));
    }
}
