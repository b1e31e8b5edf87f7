//! What an estimate costs, and what a decision costs.

use std::time::Duration;

use capacity::admission::{
    AdaptiveConfig, AdaptiveLimit, Channel, Mode, Outcome, Partition, Partitions, Rate, RoomConfig, Standing,
    TokenBucket, Visitor, VisitorId, WaitingRoom,
};
use capacity::{EstimateSpec, Lang, chart, estimate};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn tokyo(samples: u32) -> EstimateSpec {
    let spec = EstimateSpec::from_json(include_str!("../examples/tokyo.json")).expect("a test reads it too");
    EstimateSpec { samples, ..spec }
}

/// Everything: conditioning, capacities, waiting room, swing.
#[divan::bench(args = [65_536, 100_000])]
fn whole_tokyo(bencher: Bencher<'_, '_>, samples: u32) {
    let spec = tokyo(samples);
    bencher.bench(|| estimate(black_box(&spec)));
}

/// The quantities alone.
#[divan::bench(args = [65_536, 100_000])]
fn quantities_of_tokyo(bencher: Bencher<'_, '_>, samples: u32) {
    let spec = EstimateSpec { observed: vec![], waiting_room: None, capacities: vec![], ..tokyo(samples) };
    bencher.bench(|| estimate(black_box(&spec)));
}

#[divan::bench]
fn draw_chart(bencher: Bencher<'_, '_>) {
    let result = estimate(&tokyo(65_536)).expect("a test runs it too");
    bencher.bench(|| chart::svg(black_box(&result), Lang::Ja));
}

#[divan::bench]
fn bucket_admits(bencher: Bencher<'_, '_>) {
    let mut bucket = TokenBucket::new(Rate::per_second(1_000_000_000), u32::MAX);
    let mut now = Duration::ZERO;
    bencher.bench_local(|| {
        now += Duration::from_nanos(1);
        bucket.take(black_box(now), 1)
    });
}

#[divan::bench]
fn bucket_refuses(bencher: Bencher<'_, '_>) {
    let mut bucket = TokenBucket::new(Rate::per_minute(1), 1);
    let _ = bucket.take(Duration::ZERO, 1);
    bencher.bench_local(|| bucket.take(black_box(Duration::from_millis(1)), 1));
}

#[divan::bench(args = [2, 1_000])]
fn partition_enters_and_leaves(bencher: Bencher<'_, '_>, partitions: usize) {
    let parts = (0..partitions).map(|i| Partition { name: i.to_string(), guaranteed: 1 }).collect();
    let mut partitions = Partitions::new(100_000, 200, parts).expect("within the limits");
    bencher.bench_local(|| {
        let entered = partitions.enter(black_box(1), Standing::New);
        (entered, partitions.leave(1))
    });
}

#[divan::bench]
fn adaptive_observes(bencher: Bencher<'_, '_>) {
    let config = AdaptiveConfig {
        floor: 4,
        ceiling: 1_000,
        initial: 100,
        window: Duration::from_millis(100),
        probe_every: Duration::from_secs(10),
    };
    let mut limit = AdaptiveLimit::new(config, Duration::ZERO);
    let mut now = Duration::ZERO;
    bencher.bench_local(|| {
        now += Duration::from_micros(100);
        limit.observe(now, Duration::from_millis(20), 90, Outcome::Answered);
        limit.limit()
    });
}

fn room(people: u32) -> WaitingRoom {
    let config = RoomConfig {
        mode: Mode::Fifo,
        channels: vec![
            Channel { name: "web".into(), weight: 9, reserved: 0 },
            Channel { name: "phone".into(), weight: 1, reserved: 0 },
        ],
        max_waiting: 4_000_000,
        max_inside: 1_000_000,
        grace: Duration::from_secs(300),
        idle: Duration::from_secs(300),
        claim_within: Duration::from_secs(300),
        settles_at: Duration::ZERO,
    };
    let mut room = WaitingRoom::new(config).expect("within the limits");
    for id in 0..people {
        let visitor = Visitor { id: VisitorId(scattered(id)), channel: 0, group: 0 };
        room.join(Duration::ZERO, visitor).expect("not full");
    }
    room
}

/// Ids as random tickets have them, not one after the other.
fn scattered(id: u32) -> u128 {
    u128::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// A visitor of a room of so many looks at the page again.
#[divan::bench(args = [1_000, 500_000])]
fn room_sees(bencher: Bencher<'_, '_>, people: u32) {
    let mut room = room(people);
    let mut next = 0;
    let mut now = Duration::ZERO;
    bencher.bench_local(|| {
        next = (next + 7_919) % people;
        now += Duration::from_nanos(1);
        room.see(now, VisitorId(scattered(next)))
    });
}

/// Somebody comes, is called, comes in and leaves, while so many wait behind.
#[divan::bench(args = [1_000, 500_000])]
fn room_serves_one(bencher: Bencher<'_, '_>, people: u32) {
    let mut room = room(people);
    let mut next = people;
    bencher.bench_local(|| {
        next = next.wrapping_add(1);
        let visitor = Visitor { id: VisitorId(scattered(next)), channel: 0, group: 0 };
        let joined = room.join(Duration::ZERO, visitor);
        for called in room.call(Duration::ZERO, 1) {
            let _ = room.enter(Duration::ZERO, called.id);
            room.leave(called.id);
        }
        joined
    });
}
