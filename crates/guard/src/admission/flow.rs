//! Requests at once towards the origin: as many as it bears, under the declared ceiling; people inside before others, each channel
//! within its part.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use capacity::admission::{AdaptiveConfig, AdaptiveLimit, Outcome, Partition, Partitions, Standing};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::settings::Plan;

/// Thousandths of what is in flight that people inside have before others.
pub(super) const HEADROOM: u16 = 100;
/// Between two changes of the limit.
const WINDOW: Duration = Duration::from_millis(100);
/// Between two measurements of the latency without a queue.
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// The parts of the channels.
pub(super) fn partitions(plan: &Plan) -> Vec<Partition> {
    let part =
        |channel: &super::Channel| Partition { name: channel.name.clone(), guaranteed: channel.reserve };
    plan.settings.channels.iter().map(part).collect()
}

/// What is in flight and who waits for it.
pub(super) struct Flow {
    state: Mutex<State>,
    /// The beginning of the engine's time.
    start: Instant,
}

struct State {
    partitions: Partitions,
    adaptive: AdaptiveLimit,
    /// People inside, and others.
    queues: [VecDeque<Waiter>; 2],
    queue: usize,
    /// Places of a plan that was replaced, whose requests are still under way: they are counted by nobody.
    generation: u64,
}

struct Waiter {
    channel: usize,
    turn: oneshot::Sender<Permit>,
}

impl Flow {
    pub(super) fn new(plan: &Plan) -> Result<Arc<Self>, super::SettingsError> {
        let start = Instant::now();
        let state = State::new(plan, 0)?;
        Ok(Arc::new(Self { state: Mutex::new(state), start }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Other limits. Where the channels are the same, what was learnt and who is in flight stays.
    pub(super) fn set(&self, before: &Plan, plan: &Plan) -> Result<(), super::SettingsError> {
        let mut state = self.state();
        state.queue = plan.settings.in_flight.queue;
        if before.settings.channels == plan.settings.channels
            && before.settings.in_flight.floor == plan.settings.in_flight.floor
        {
            state.adaptive.set_ceiling(plan.settings.in_flight.ceiling);
            let limit = state.adaptive.limit();
            state.partitions.set_limit(limit);
            return Ok(());
        }
        let generation = state.generation + 1;
        let mut next = State::new(plan, generation)?;
        std::mem::swap(&mut next.queues, &mut state.queues);
        *state = next;
        Ok(())
    }

    /// How many are in flight, and how many may be.
    pub(super) fn level(&self) -> (u32, u32) {
        let state = self.state();
        (state.partitions.in_use(), state.partitions.limit())
    }

    /// Takes a place at once, or none.
    pub(super) fn try_enter(self: &Arc<Self>, channel: usize, standing: Standing) -> Option<Permit> {
        let mut state = self.state();
        // Who waits in the same channel was here first. Others wait for other places: a free one that is theirs as well they were given.
        let waits = |waiter: &Waiter| waiter.channel == channel && !waiter.turn.is_closed();
        let [inside, new] = &state.queues;
        let behind = inside.iter().any(waits) || standing == Standing::New && new.iter().any(waits);
        (!behind && state.partitions.enter(channel, standing).is_ok())
            .then(|| self.permit(channel, state.generation))
    }

    /// Takes a place, within a time if none is free.
    pub(super) async fn enter(
        self: &Arc<Self>,
        channel: usize,
        standing: Standing,
        patience: Duration,
    ) -> Option<Permit> {
        if let Some(permit) = self.try_enter(channel, standing) {
            return Some(permit);
        }
        let turn = {
            let mut state = self.state();
            for queue in &mut state.queues {
                // Those who gave up.
                queue.retain(|waiter| !waiter.turn.is_closed());
            }
            if patience.is_zero() || state.queues.iter().map(VecDeque::len).sum::<usize>() >= state.queue {
                return None;
            }
            let (sender, turn) = oneshot::channel();
            state.queues[usize::from(standing == Standing::New)].push_back(Waiter { channel, turn: sender });
            turn
        };
        self.grant();
        tokio::time::timeout(patience, turn).await.ok()?.ok()
    }

    fn permit(self: &Arc<Self>, channel: usize, generation: u64) -> Permit {
        Permit { flow: Some(self.clone()), channel, generation, since: Instant::now() }
    }

    /// Gives free places to those who wait.
    fn grant(self: &Arc<Self>) {
        loop {
            let given = {
                let mut state = self.state();
                state
                    .next()
                    .map(|(waiter, generation)| (waiter.turn, self.permit(waiter.channel, generation)))
            };
            let Some((turn, permit)) = given else { return };
            if let Err(mut permit) = turn.send(permit) {
                // Gave up in this moment. Its place is given back here and not by dropping it, which would come back to here.
                permit.flow = None;
                self.give_back(permit.channel, permit.generation);
            }
        }
    }

    fn give_back(&self, channel: usize, generation: u64) {
        let mut state = self.state();
        if state.generation == generation {
            let counted = state.partitions.leave(channel);
            debug_assert!(counted, "a permit holds one place");
        }
    }
}

impl State {
    fn new(plan: &Plan, generation: u64) -> Result<Self, super::SettingsError> {
        let super::InFlight { floor, ceiling, initial, queue } = plan.settings.in_flight;
        let config = AdaptiveConfig { floor, ceiling, initial, window: WINDOW, probe_every: PROBE_EVERY };
        let adaptive = AdaptiveLimit::new(config, Duration::ZERO);
        let partitions = Partitions::new(adaptive.limit(), HEADROOM, partitions(plan))?;
        Ok(Self { partitions, adaptive, queues: Default::default(), queue, generation })
    }

    /// The first who fits, people inside before others. Who does not fit holds up nobody of another channel.
    fn next(&mut self) -> Option<(Waiter, u64)> {
        for (queue, standing) in self.queues.iter_mut().zip([Standing::Inside, Standing::New]) {
            let partitions = &mut self.partitions;
            let fits = |waiter: &Waiter| partitions.enter(waiter.channel, standing).is_ok();
            if let Some(at) = queue.iter().position(fits) {
                return queue.remove(at).map(|waiter| (waiter, self.generation));
            }
        }
        None
    }
}

/// A place in flight, given back when it is dropped.
pub(super) struct Permit {
    /// None: given back already.
    flow: Option<Arc<Flow>>,
    channel: usize,
    generation: u64,
    since: Instant,
}

impl Permit {
    /// The origin has answered, or not. `judged`: whether the time that it took says something of the origin.
    pub(super) fn ended(self, outcome: Outcome, judged: bool) {
        let Some(flow) = self.flow.as_ref().filter(|_| judged) else { return };
        let (now, latency) = (flow.start.elapsed(), self.since.elapsed());
        let mut state = flow.state();
        let in_flight = state.partitions.in_use();
        state.adaptive.observe(now, latency, in_flight, outcome);
        let limit = state.adaptive.limit();
        if limit != state.partitions.limit() {
            state.partitions.set_limit(limit);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(flow) = self.flow.take() {
            flow.give_back(self.channel, self.generation);
            flow.grant();
        }
    }
}
