//! How many at once the origin bears, found out from how long it takes.
//!
//! The Vegas estimate as in Netflix's concurrency-limits: of `limit` requests in flight, `limit · (1 - base / latency)`
//! stand in a queue, where `base` is the latency without a queue. Few in the queue: the limit may grow; many: it
//! shrinks. Known weakness: under lasting load the queue hides the base, and the limit creeps up with it. Therefore, as
//! Envoy does, the base is measured anew at intervals, with the limit lowered for a moment so that the queue drains.
//! The declared ceiling is never exceeded: a raise of what is let in needs a measured capacity, not a guess at night.

use std::time::Duration;

/// Bounds and pace.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptiveConfig {
    /// The limit never falls below this; at least 1.
    pub floor: u32,
    /// Nor rises above this: the declared, measured capacity.
    pub ceiling: u32,
    /// Where it starts.
    pub initial: u32,
    /// At least this long between changes, even if requests take less. One step a round trip is the most that can be
    /// judged.
    pub window: Duration,
    /// How often the base is measured anew.
    pub probe_every: Duration,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer, whatever it says.
    Answered,
    /// Not at all, too late, or refused by the origin for overload.
    Overloaded,
}

/// An adaptive limit on what is in flight.
#[derive(Debug, Clone)]
pub struct AdaptiveLimit {
    config: AdaptiveConfig,
    limit: f64,
    /// Latency without a queue, seconds; `None` until the first window ends.
    base: Option<f64>,
    window: Window,
    phase: Phase,
    next_probe: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Steady,
    /// The limit is lowered. The first window still holds requests that met the old queue, the second is measured.
    Draining,
    Measuring,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    started: Duration,
    /// Shortest latency, seconds. The shortest and not the mean: one slow query is no queue.
    shortest: f64,
    answered: u32,
    overloaded: u32,
    most_in_flight: u32,
}

impl Window {
    fn new(started: Duration) -> Self {
        Window { started, shortest: f64::INFINITY, answered: 0, overloaded: 0, most_in_flight: 0 }
    }
}

/// Too few answers to judge by.
const ENOUGH: u32 = 5;

impl AdaptiveLimit {
    /// Bounds that contradict each other are put in order: floor at least 1, ceiling at least the floor.
    pub fn new(config: AdaptiveConfig, now: Duration) -> Self {
        let floor = config.floor.max(1);
        let ceiling = config.ceiling.max(floor);
        let config = AdaptiveConfig { floor, ceiling, ..config };
        AdaptiveLimit {
            limit: f64::from(config.initial.clamp(floor, ceiling)),
            base: None,
            window: Window::new(now),
            phase: Phase::Steady,
            next_probe: now.saturating_add(config.probe_every),
            config,
        }
    }

    /// How many may be in flight now.
    pub fn limit(&self) -> u32 {
        let limit = match self.phase {
            Phase::Steady => self.limit,
            // Deep enough that a queue of β drains within the window, shallow enough to keep serving.
            Phase::Draining | Phase::Measuring => (self.limit - 2.0 * beta(self.limit)).max(self.limit / 2.0),
        };
        // Within two u32 bounds, so the cast keeps the whole part.
        limit.clamp(f64::from(self.config.floor), f64::from(self.config.ceiling)) as u32
    }

    /// Latency without a queue, as far as it is known.
    pub fn base(&self) -> Option<Duration> {
        self.base.map(Duration::from_secs_f64)
    }

    /// Changes the ceiling, for instance when a load test has measured another capacity.
    pub fn set_ceiling(&mut self, ceiling: u32) {
        self.config.ceiling = ceiling.max(self.config.floor);
        self.limit = self.limit.min(f64::from(self.config.ceiling));
    }

    /// Takes note of a request that ended: how long it took, and how many were in flight with it.
    pub fn observe(&mut self, now: Duration, latency: Duration, in_flight: u32, outcome: Outcome) {
        let lasts = self.config.window.max(self.base().unwrap_or_default());
        let window = &mut self.window;
        window.most_in_flight = window.most_in_flight.max(in_flight);
        match outcome {
            Outcome::Answered => {
                // Below a microsecond clocks are coarse; and a zero would make every other latency a queue. A day is
                // longer than any request, and keeps the arithmetic far from its ends.
                window.shortest = window.shortest.min(latency.as_secs_f64().clamp(1e-6, 86_400.0));
                window.answered = window.answered.saturating_add(1);
            }
            Outcome::Overloaded => window.overloaded = window.overloaded.saturating_add(1),
        }
        let full = window.answered.saturating_add(window.overloaded) >= ENOUGH;
        if full && now.saturating_sub(window.started) >= lasts {
            self.close_window(now);
        }
    }

    fn close_window(&mut self, now: Duration) {
        let window = std::mem::replace(&mut self.window, Window::new(now));
        match self.phase {
            Phase::Steady => self.adjust(&window),
            Phase::Draining => {
                self.phase = Phase::Measuring;
                return;
            }
            Phase::Measuring => {
                if window.answered > 0 {
                    self.base = Some(window.shortest);
                }
                self.phase = Phase::Steady;
                self.next_probe = now.saturating_add(self.config.probe_every);
                return;
            }
        }
        if now >= self.next_probe {
            self.phase = Phase::Draining;
        }
    }

    fn adjust(&mut self, window: &Window) {
        // A tenth lost is overload, whatever the latency of the rest.
        let lost =
            u64::from(window.overloaded) * 10 >= u64::from(window.answered) + u64::from(window.overloaded);
        if window.answered > 0 {
            self.base = Some(self.base.map_or(window.shortest, |base| base.min(window.shortest)));
        }
        let step = step(self.limit);
        let limit = match (lost, self.base) {
            (true, _) => self.limit * 0.9,
            (false, None) => self.limit,
            (false, Some(base)) => {
                let queue = self.limit * (1.0 - base / window.shortest);
                let used = u64::from(window.most_in_flight) * 2 >= self.limit as u64;
                if queue > beta(self.limit) {
                    self.limit - step
                } else if queue < alpha(self.limit) && used {
                    // A limit that nobody reaches proves nothing by a short latency.
                    self.limit + step
                } else {
                    self.limit
                }
            }
        };
        self.limit = limit.clamp(f64::from(self.config.floor), f64::from(self.config.ceiling));
    }
}

/// Steps and thresholds grow slowly with the limit, as in concurrency-limits: 1 at 10, 2 at 100, 3 at 1,000.
fn step(limit: f64) -> f64 {
    libm::log10(limit).max(1.0)
}

fn alpha(limit: f64) -> f64 {
    3.0 * step(limit)
}

fn beta(limit: f64) -> f64 {
    6.0 * step(limit)
}
