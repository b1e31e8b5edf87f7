//! The worked example against the figures that were published for it.
//!
//! How near is near enough? The published figures come from 600,000 independent draws and are rounded to two to four
//! digits. So each published figure x, give or take half a unit of its last digit, must be a p5, p50 or p95 of our draws
//! within what chance explains: the part of the draws below it may differ from q by 4 standard errors of a proportion,
//! √(q(1-q)/n), with n the published and our own number of draws together. By chance alone one in 16,000 true figures would miss.
//! On the right side of the table only the draws kept by the conditioning count.

use capacity::{EstimateSpec, Input, MAX_SAMPLES, Quantity};

use crate::common::{exceeding, only, run, tokyo};

const PUBLISHED_DRAWS: f64 = 600_000.0;

/// A figure with half a unit of its last digit.
struct Figure(f64, f64);

struct Row(Quantity, [Figure; 3], [Figure; 3]);

/// Three figures, all rounded to `unit`.
fn to(unit: f64, figures: [f64; 3]) -> [Figure; 3] {
    figures.map(|x| Figure(x, unit / 2.0))
}

/// Three figures, each rounded to its own unit.
fn each(figures: [(f64, f64); 3]) -> [Figure; 3] {
    figures.map(|(x, unit)| Figure(x, unit / 2.0))
}

fn published() -> Vec<Row> {
    use Quantity::*;
    vec![
        Row(
            UsersDayOne,
            each([(94_600., 100.), (160_500., 100.), (216_000., 100.)]),
            each([(115_000., 100.), (174_500., 100.), (222_400., 100.)]),
        ),
        Row(UsersInBurst, to(100., [20_100., 45_700., 87_200.]), to(100., [32_100., 60_300., 100_700.])),
        Row(ArrivalRate, to(1., [28., 96., 311.]), to(1., [67., 166., 427.])),
        Row(ActiveUsers, to(100., [8_900., 27_100., 63_400.]), to(100., [16_900., 39_300., 76_800.])),
        Row(UsefulRate, to(10., [380., 1_240., 3_680.]), to(10., [1_200., 2_510., 5_210.])),
        Row(
            FrontDoorRate,
            each([(1_440., 10.), (6_740., 10.), (30_100., 100.)]),
            to(100., [20_200., 24_400., 31_800.]),
        ),
        Row(InFlight, to(1., [36., 174., 793.]), each([(99., 1.), (353., 1.), (1_265., 1.)])),
        Row(
            Traffic,
            each([(205., 1.), (940., 1.), (4_130., 10.)]),
            each([(455., 1.), (1_640., 10.), (5_950., 10.)]),
        ),
        Row(RequestsDayOne, to(1e5, [1.6e6, 3.4e6, 6.9e6]), to(1e5, [2.5e6, 4.6e6, 8.3e6])),
    ]
}

fn many_draws() -> EstimateSpec {
    EstimateSpec { samples: MAX_SAMPLES, ..tokyo() }
}

#[test]
fn every_figure_of_the_published_table() {
    let spec = many_draws();
    let result = run(&spec);
    let kept = f64::from(only(&result).kept) / f64::from(result.samples);
    let mut thresholds = Vec::new();
    for Row(quantity, prior, posterior) in published() {
        for Figure(x, half) in prior.into_iter().chain(posterior) {
            thresholds.extend([(quantity, x - half), (quantity, x + half)]);
        }
    }
    let found = exceeding(&spec, &thresholds);
    let mut wrong = Vec::new();
    let figures = found.chunks(2).zip(thresholds.chunks(2)).enumerate();
    for (at, (exceeded, threshold)) in figures {
        let q = [0.05, 0.5, 0.95][at % 3];
        let conditioned = at % 6 >= 3;
        let part = if conditioned { kept } else { 1.0 };
        let below = |pair: (f64, f64)| 1.0 - if conditioned { pair.1 } else { pair.0 };
        let (low, high) = (below(exceeded[0]), below(exceeded[1]));
        let draws = 1.0 / (1.0 / (PUBLISHED_DRAWS * part) + 1.0 / (f64::from(spec.samples) * part));
        let chance = 4.0 * (q * (1.0 - q) / draws).sqrt();
        if low > q + chance || high < q - chance {
            wrong.push(format!(
                "{:?} {q} conditioned {conditioned}: {low}..{high} ± {chance:.4}",
                threshold[0]
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(found.len(), 9 * 6 * 2);
}

#[test]
fn yokohama_lies_inside_the_interval() {
    let result = run(&many_draws());
    let test = &only(&result).back_test;
    assert!((test.range.p50 / 8_500.0 - 1.0).abs() < 0.01, "{test:?}");
    assert!((test.range.p95 / 37_900.0 - 1.0).abs() < 0.01, "{test:?}");
    assert_eq!(test.published, 33_333.3);
    // Published as 0.935; the standard error of a proportion of 600,000 draws there is 0.0003, the rounding 0.0005.
    assert!((test.percentile - 0.935).abs() < 0.002, "{test:?}");
    assert!(test.inside90);
}

#[test]
fn probabilities_of_exceeding_the_real_and_the_planned_capacity() {
    let result = run(&many_draws());
    let posterior = only(&result).posterior.as_ref().expect("enough draws are kept");
    let percent = |p: f64| (p * 100.0).round();
    let prior: Vec<f64> = result.prior.capacities.iter().map(|c| percent(c.probability_exceeded)).collect();
    let after: Vec<f64> = posterior.capacities.iter().map(|c| percent(c.probability_exceeded)).collect();
    assert_eq!(prior, [98.0, 33.0, 62.0]);
    assert_eq!(after, [100.0, 100.0, 98.0]);
}

#[test]
fn swing_of_the_front_door() {
    let result = run(&tokyo());
    let swing = &result.swing[0];
    assert_eq!(swing.quantity, Quantity::FrontDoorRate);
    assert!((swing.median - 7_750.0).abs() < 5.0, "{}", swing.median);
    // No sampling here: the figures agree to the published rounding (50, or 100 above 20,000). From less to more load.
    let published = [
        (Input::RetryFactor, 2_800.0, 21_200.0),
        (Input::RequestsPerSession, 4_250.0, 14_150.0),
        (Input::ComesAtOpening, 3_900.0, 13_100.0),
        (Input::BurstTime, 3_900.0, 11_300.0),
        (Input::TriesOnDayOne, 4_600.0, 10_400.0),
        (Input::SessionTime, 5_400.0, 9_600.0),
    ];
    for (bar, (input, low, high)) in swing.inputs.iter().zip(published) {
        assert_eq!(bar.input, input);
        let (less, more) = (bar.at_p5.min(bar.at_p95), bar.at_p5.max(bar.at_p95));
        assert!((less - low).abs() <= 50.0 && (more - high).abs() <= 50.0, "{bar:?}");
    }
    // Service time and page size do not move it; the population is fixed.
    let rest: Vec<_> = swing.inputs[6..].iter().map(|bar| (bar.input, bar.at_p5 == bar.at_p95)).collect();
    assert_eq!(rest, [(Input::ServiceTime, true), (Input::FirstPage, true)]);
    // "Service time affects only concurrency."
    assert!(
        result.swing[1]
            .inputs
            .iter()
            .any(|bar| bar.input == Input::ServiceTime && bar.at_p95 > 7.0 * bar.at_p5)
    );
}

#[test]
fn minutes_to_drain_the_burst() {
    let room = run(&many_draws()).prior.waiting_room.expect("the example asks for it");
    // Half a unit of the last digit and 1 %. The published table names no number of draws. Two of its figures, 41 and
    // 134, lie further from ours (40.2 and 135.0 for every seed) than 600,000 draws explain, so it came from fewer: 1 %
    // is four standard errors of its p5 and p95 at 250,000 draws.
    let published = [
        (100.0, 205.0, [(80.0, 0.5), (220.0, 5.0), (540.0, 5.0)]),
        (200.0, 409.0, [(41.0, 0.5), (110.0, 5.0), (270.0, 5.0)]),
        (400.0, 818.0, [(20.0, 0.5), (55.0, 0.5), (134.0, 0.5)]),
        (800.0, 1_636.0, [(10.0, 0.5), (27.0, 0.5), (67.0, 0.5)]),
    ];
    assert_eq!(room.rows.len(), published.len());
    for (row, (rate, admitted, minutes)) in room.rows.iter().zip(published) {
        assert_eq!(row.origin_rate, rate);
        assert_eq!(row.admitted_per_minute.round(), admitted);
        let range = row.minutes_to_drain;
        for (got, (want, half)) in [range.p5, range.p50, range.p95].into_iter().zip(minutes) {
            assert!((got - want).abs() <= half + want / 100.0, "{rate}: {got}, not {want}");
        }
    }
}

#[test]
fn what_follows_from_what() {
    let result = run(&tokyo());
    let range = |quantity| result.prior.range(quantity);
    // 70 % busy: places are requests in flight divided by 0.7, draw by draw.
    assert!((range(Quantity::Servers).p50 / range(Quantity::InFlight).p50 - 1.0 / 0.7).abs() < 1e-5);
    // A day's mean says little about the peak: the factor is a result, and it is far from the "3" of the handbooks.
    let factor = range(Quantity::PeakFactor);
    assert!(factor.p5 > 5.0 && factor.p95 < 200.0, "{factor:?}");
}
