//! The adaptive limit in front of a simulated origin.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use capacity::admission::{AdaptiveConfig, AdaptiveLimit, Outcome};

const SERVICE_US: u64 = 20_000;

/// An origin with so many workers, each busy for 10 to 30 ms a request, and an endless queue before them.
struct Origin {
    /// State of the generator of service times.
    chance: u64,
    workers: usize,
    busy: BinaryHeap<Reverse<(u64, u64)>>,
    queue: VecDeque<u64>,
}

impl Origin {
    fn new(workers: usize) -> Self {
        Origin { chance: 1, workers, busy: BinaryHeap::new(), queue: VecDeque::new() }
    }

    /// A worker takes the request that arrived then.
    fn start(&mut self, now: u64, arrived: u64) {
        // Knuth's MMIX generator; the upper bits are random enough for times of service.
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let service = SERVICE_US / 2 + (self.chance >> 33) % SERVICE_US;
        self.busy.push(Reverse((now + service, arrived)));
    }
}

struct Outcomes {
    answered: u64,
    limits: Vec<u32>,
}

/// `offered` a second ask for `seconds`; those beyond the limit are turned away. `None` as limit: nobody is.
fn run(origin: &mut Origin, limit: &mut AdaptiveLimit, offered: u64, from: u64, seconds: u64) -> Outcomes {
    let mut outcomes = Outcomes { answered: 0, limits: Vec::new() };
    let gap = 1_000_000 / offered;
    let end = from + seconds * 1_000_000;
    let mut next_arrival = from;
    while next_arrival < end {
        let finish = origin.busy.peek().map(|Reverse((time, _))| *time);
        if let Some(now) = finish.filter(|time| *time <= next_arrival) {
            let Some(Reverse((_, arrived))) = origin.busy.pop() else { break };
            let in_flight = origin.busy.len() + origin.queue.len() + 1;
            let at = Duration::from_micros(now);
            limit.observe(at, Duration::from_micros(now - arrived), in_flight as u32, Outcome::Answered);
            outcomes.answered += 1;
            if let Some(arrived) = origin.queue.pop_front() {
                origin.start(now, arrived);
            }
            continue;
        }
        let now = next_arrival;
        next_arrival += gap;
        outcomes.limits.push(limit.limit());
        if origin.busy.len() + origin.queue.len() < limit.limit() as usize {
            if origin.busy.len() < origin.workers {
                origin.start(now, now);
            } else {
                origin.queue.push_back(now);
            }
        }
    }
    outcomes
}

fn config(ceiling: u32) -> AdaptiveConfig {
    AdaptiveConfig {
        floor: 4,
        ceiling,
        initial: 20,
        window: Duration::from_millis(50),
        probe_every: Duration::from_secs(5),
    }
}

/// The acceptance test of load shedding: the rated load is still served when ten times as much is asked for.
#[test]
fn goodput_stays_flat_at_ten_times_the_rated_load() {
    let rated = 50 * 1_000_000 / SERVICE_US;
    let mut goodputs = Vec::new();
    for times in [1, 2, 10] {
        let (mut origin, mut limit) = (Origin::new(50), AdaptiveLimit::new(config(1_000), Duration::ZERO));
        run(&mut origin, &mut limit, rated * times, 0, 20);
        let outcomes = run(&mut origin, &mut limit, rated * times, 20_000_000, 60);
        goodputs.push(outcomes.answered as f64 / 60.0 / rated as f64);
        let longest = outcomes.limits.iter().max().copied().unwrap_or(0);
        // 50 workers and a queue of β ≈ 10: nobody waits long in a queue that the limit let grow. At the rated load
        // there is no queue, and the limit may rise to twice what is used.
        let most = if times == 1 { 120 } else { 70 };
        assert!(longest <= most, "at {times} times the load the limit rose to {longest}");
    }
    assert!(goodputs.iter().all(|g| *g > 0.95), "{goodputs:?}");
}

#[test]
fn the_limit_follows_an_origin_that_loses_half_its_workers() {
    let (mut origin, mut limit) = (Origin::new(80), AdaptiveLimit::new(config(1_000), Duration::ZERO));
    run(&mut origin, &mut limit, 10_000, 0, 20);
    assert!((80..=100).contains(&limit.limit()), "{}", limit.limit());
    origin.workers = 40;
    while origin.busy.len() > 40 {
        origin.busy.pop();
    }
    run(&mut origin, &mut limit, 10_000, 20_000_000, 20);
    assert!((40..=60).contains(&limit.limit()), "{}", limit.limit());
    origin.workers = 80;
    run(&mut origin, &mut limit, 10_000, 40_000_000, 20);
    assert!((80..=100).contains(&limit.limit()), "{}", limit.limit());
}

#[test]
fn never_above_the_ceiling_nor_below_the_floor() {
    let (mut origin, mut limit) = (Origin::new(500), AdaptiveLimit::new(config(64), Duration::ZERO));
    let outcomes = run(&mut origin, &mut limit, 20_000, 0, 20);
    assert_eq!(
        outcomes.limits.iter().max(),
        Some(&64),
        "the origin would bear more, the declaration does not"
    );
    limit.set_ceiling(30);
    assert!(limit.limit() <= 30);
    for i in 0..10_000 {
        limit.observe(
            Duration::from_millis(20_000 + i * 10),
            Duration::from_secs(1),
            30,
            Outcome::Overloaded,
        );
    }
    assert_eq!(limit.limit(), 4);
}

#[test]
fn a_limit_that_nobody_reaches_does_not_grow() {
    let mut limit = AdaptiveLimit::new(config(1_000), Duration::ZERO);
    for i in 0..10_000 {
        limit.observe(Duration::from_millis(i * 10), Duration::from_millis(20), 3, Outcome::Answered);
    }
    assert!(limit.limit() <= 20);
    assert_eq!(limit.base(), Some(Duration::from_millis(20)));
}

#[test]
fn hostile_figures_do_no_harm() {
    let wild = AdaptiveConfig {
        floor: 0,
        ceiling: 0,
        initial: u32::MAX,
        window: Duration::MAX,
        probe_every: Duration::ZERO,
    };
    let mut limit = AdaptiveLimit::new(wild.clone(), Duration::MAX);
    assert_eq!(limit.limit(), 1);
    limit.observe(Duration::ZERO, Duration::MAX, u32::MAX, Outcome::Answered);
    let wild = AdaptiveConfig { ceiling: u32::MAX, window: Duration::ZERO, ..wild };
    let mut limit = AdaptiveLimit::new(wild, Duration::ZERO);
    for latency in [Duration::ZERO, Duration::MAX, Duration::from_nanos(1)].into_iter().cycle().take(1_000) {
        limit.observe(Duration::MAX, latency, u32::MAX, Outcome::Answered);
        assert!(limit.limit() >= 1);
    }
}
