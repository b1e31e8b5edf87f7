//! The token bucket against a slow, obvious one, and against what it promises.

use std::time::Duration;

use capacity::admission::{Decision, Rate, TokenBucket};
use proptest::prelude::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_burst_then_the_rate() {
    let mut bucket = TokenBucket::new(Rate::per_second(10), 3);
    let admitted: Vec<u64> = (0..1_000).filter(|&t| bucket.take(ms(t), 1) == Decision::Admit).collect();
    assert_eq!(admitted, [0, 1, 2, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
}

#[test]
fn the_wait_is_exact() {
    let mut bucket = TokenBucket::new(Rate::per_minute(7), 1);
    assert_eq!(bucket.take(Duration::ZERO, 1), Decision::Admit);
    let Decision::Wait(wait) = bucket.take(ms(10), 1) else { panic!("the bucket is empty") };
    assert_eq!(bucket.clone().take(ms(10) + wait, 1), Decision::Admit);
    let nanosecond = Duration::from_nanos(1);
    assert_eq!(bucket.take(ms(10) + wait - nanosecond, 1), Decision::Wait(nanosecond));
}

#[test]
fn rates_that_do_not_divide_a_second_are_kept_over_a_day() {
    for rate in [3, 7, 999, 1_000_003] {
        let mut bucket = TokenBucket::new(Rate::per_second(rate), u32::MAX);
        // Emptied, then asked once a day later.
        assert_eq!(bucket.take(Duration::ZERO, u32::MAX), Decision::Admit);
        let hours = if rate > 10_000 { 1 } else { 24 };
        let expected = rate * hours * 3_600 / if rate > 10_000 { 2 } else { 1 };
        let later = Duration::from_secs(u64::from(expected / rate));
        let got = bucket.available(later);
        assert!(expected - got <= 1, "{rate}: {got}, not {expected}");
    }
}

#[test]
fn a_change_of_rate_is_neither_a_gift_nor_a_fine() {
    let mut bucket = TokenBucket::new(Rate::per_second(10), 10);
    assert_eq!(bucket.take(ms(0), 6), Decision::Admit);
    bucket.set(ms(0), Rate::per_second(1), 10);
    assert_eq!(bucket.available(ms(0)), 4);
    assert_eq!(bucket.available(ms(1_000)), 5);
    bucket.set(ms(1_000), Rate::per_second(1_000), 100);
    assert_eq!(bucket.available(ms(1_000)), 5, "the larger bucket holds what the smaller one held");
    bucket.set(ms(1_000), Rate::per_second(10), 2);
    assert_eq!(bucket.available(ms(1_000)), 2, "what does not fit is lost");
}

#[test]
fn a_stop_stops_and_remembers() {
    let mut bucket = TokenBucket::new(Rate::per_second(10), 10);
    assert_eq!(bucket.take(ms(0), 7), Decision::Admit);
    bucket.set(ms(0), Rate::CLOSED, 10);
    assert_eq!(bucket.take(ms(60_000), 1), Decision::Never);
    bucket.set(ms(60_000), Rate::per_second(10), 10);
    assert_eq!(bucket.available(ms(60_000)), 3, "nothing comes in while it is closed");
}

#[test]
fn more_than_the_bucket_holds_never_fits() {
    let mut bucket = TokenBucket::new(Rate::per_second(10), 5);
    assert_eq!(bucket.take(ms(0), 6), Decision::Never);
    assert_eq!(bucket.take(ms(0), 5), Decision::Admit);
    assert_eq!(TokenBucket::new(Rate::per_second(1), 0).take(ms(0), 1), Decision::Admit);
    let mut extreme = TokenBucket::new(Rate { tokens: u32::MAX, per: Duration::MAX }, u32::MAX);
    assert_eq!(extreme.take(Duration::MAX, u32::MAX), Decision::Admit);
    extreme.set(Duration::MAX, Rate { tokens: 1, per: Duration::ZERO }, 1);
    assert!(matches!(extreme.take(Duration::MAX, 1), Decision::Wait(_) | Decision::Admit));
}

#[test]
fn who_reserves_waits_in_order() {
    let mut bucket = TokenBucket::new(Rate::per_second(10), 1);
    let second = Duration::from_secs(1);
    let after: Vec<_> = (0..12).map(|_| bucket.reserve(ms(0), 1, second)).collect();
    let expected: Vec<_> = (0..11).map(|n| Some(ms(n * 100))).chain([None]).collect();
    assert_eq!(after, expected, "one each tenth of a second, and nobody beyond the second");
    assert_eq!(bucket.wait(ms(0), 1), Some(ms(1_100)));
    assert_eq!(bucket.take(ms(1_000), 1), Decision::Wait(ms(100)), "what is reserved is nobody else's");
    assert_eq!(bucket.reserve(ms(0), 2, second), None, "more than it holds");
    bucket.set(ms(0), Rate::CLOSED, 1);
    assert_eq!((bucket.wait(ms(0), 1), bucket.reserve(ms(0), 1, second)), (None, None));
}

proptest! {
    /// What was reserved comes no faster than the rate, whoever takes at once in between.
    #[test]
    fn reserved_tokens_keep_to_the_rate(
        rate in 1..50_u32,
        burst in 1..10_u32,
        steps in proptest::collection::vec((0..300_u64, 0..3_000_u64), 1..200),
    ) {
        let mut bucket = TokenBucket::new(Rate::per_second(rate), burst);
        let (mut now, mut used) = (0, Vec::new());
        for (pass, patience) in steps {
            now += pass;
            let expected = bucket.wait(ms(now), 1);
            let after = bucket.reserve(ms(now), 1, ms(patience));
            prop_assert_eq!(after, expected.filter(|wait| *wait <= ms(patience)));
            used.extend(after.map(|after| ms(now) + after));
        }
        prop_assert!(used.is_sorted(), "in the order of asking");
        for (from, start) in used.iter().enumerate() {
            for (number, at) in used[from..].iter().enumerate() {
                let most = f64::from(burst) + f64::from(rate) * (*at - *start).as_secs_f64();
                prop_assert!(number as f64 + 1.0 <= most + 1e-6, "{} in {:?}", number + 1, *at - *start);
            }
        }
    }
}

proptest! {
    /// A level that is filled for each nanosecond gone by, in exact fractions.
    #[test]
    fn agrees_with_the_obvious_bucket(
        tokens in 1..50_u32,
        per_ns in 1..2_000_u64,
        burst in 1..20_u32,
        steps in proptest::collection::vec((0..3_000_u64, 1..4_u32), 1..200),
    ) {
        let rate = Rate { tokens, per: Duration::from_nanos(per_ns) };
        let mut bucket = TokenBucket::new(rate, burst);
        // In parts of a token: `per_ns` parts are one token, `tokens` parts come in each nanosecond.
        let (part, full) = (i128::from(per_ns), i128::from(burst) * i128::from(per_ns));
        let (mut level, mut now) = (full, 0_u64);
        for (pause, asked) in steps {
            now += pause;
            level = full.min(level + i128::from(pause) * i128::from(tokens));
            let obvious = level >= i128::from(asked) * part;
            let decided = bucket.take(Duration::from_nanos(now), asked);
            // Rounding the interval up may make ours late by a nanosecond, never early.
            if decided == Decision::Admit {
                prop_assert!(obvious, "admitted what the level does not cover");
                level -= i128::from(asked) * part;
            } else if obvious {
                prop_assert_eq!(decided, Decision::Wait(Duration::from_nanos(1)));
            }
        }
    }

    /// Whatever is asked and whenever: over the whole time no more than burst + rate · time.
    #[test]
    fn never_exceeds_the_promise(
        rate in 1..5_000_u32,
        burst in 1..100_u32,
        gaps in proptest::collection::vec(0..2_000_000_u64, 1..300),
    ) {
        let mut bucket = TokenBucket::new(Rate::per_second(rate), burst);
        let mut now = 0_u64;
        let mut times = Vec::new();
        for gap in gaps {
            now += gap;
            if bucket.take(Duration::from_nanos(now), 1) == Decision::Admit {
                times.push(now);
            }
        }
        for (at, from) in times.iter().enumerate() {
            for (count, to) in times[at..].iter().enumerate() {
                let allowed = f64::from(burst) + f64::from(rate) * (to - from) as f64 / 1e9;
                prop_assert!(count as f64 + 1.0 <= allowed + 1e-6);
            }
        }
    }

    /// Changing to the same rate as often as one likes, and running the clock backwards, gains nothing.
    #[test]
    fn tricks_gain_nothing(times in proptest::collection::vec(0..5_000_u64, 1..200)) {
        let mut honest = TokenBucket::new(Rate::per_second(20), 5);
        let mut tricked = honest.clone();
        let mut latest = 0;
        for time in times {
            latest = latest.max(time);
            let expected = honest.take(ms(latest), 1);
            tricked.set(ms(time), Rate::per_second(20), 5);
            let got = tricked.take(ms(time), 1);
            prop_assert!(got != Decision::Admit || expected == Decision::Admit);
            if expected == Decision::Admit && got != Decision::Admit {
                // The set rounds against the taker, by less than a nanosecond each time.
                let Decision::Wait(wait) = got else { panic!("one token always fits") };
                prop_assert!(wait <= Duration::from_nanos(200), "{:?}", wait);
                return Ok(());
            }
        }
    }
}
