//! Specifications: what can be written, and what a mistake is answered with.

use capacity::{Amount, Arrivals, Distribution, EstimateResult, EstimateSpec, Quantity, Unit, estimate};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{TOKYO, run, tokyo};

/// The example with one value replaced; all that is said about it.
fn faults(path: &str, value: Value) -> Vec<String> {
    let mut spec: Value = serde_json::from_str(TOKYO).expect("the example is JSON");
    *spec.pointer_mut(path).expect("the path exists") = value;
    let outcome = EstimateSpec::from_json(&spec.to_string()).and_then(|spec| estimate(&spec).map(|_| ()));
    outcome.err().map_or(vec![], |e| e.0.iter().map(ToString::to_string).collect())
}

#[test]
fn mistakes_are_answered_with_place_and_remedy() {
    let mistakes = [
        ("/inputs/burstTime", json!("3..20")),
        ("/inputs/burstTime", json!("3..20 MB")),
        ("/inputs/burstTime", json!("20..3 min")),
        ("/inputs/burstTime", json!("3..20 minutes")),
        ("/inputs/burstTime", json!("3,5 min")),
        ("/inputs/burstTime", json!([3, 20])),
        ("/inputs/burstTime", json!({ "low": 3, "unit": "min" })),
        ("/inputs/burstTime", json!({ "low": 3, "high": 20, "unit": "min", "shape": "normal" })),
        ("/inputs/burstTime", json!({ "low": 3, "high": 20, "unit": "min", "distribution": "normal" })),
        ("/inputs/burstTime", json!({ "low": 3, "high": 20, "unit": "min", "distribution": "logitNormal" })),
        ("/inputs/triesOnDayOne", json!("35..80")),
        ("/inputs/triesOnDayOne", json!("35..100 %")),
        ("/inputs/retryFactor", json!("0.5..15")),
        ("/inputs/requestsPerSession", json!("1..20000")),
        ("/population", json!(0)),
        ("/capacities/0/atMost", json!(1000)),
        ("/capacities/1/name", json!("as-ordered")),
        ("/observed/0/between", json!("2000000 /min")),
        ("/waitingRoom/originRates", json!(vec!["1 /s"; 33])),
        ("/scenario/en", json!(" ")),
        ("/samples", json!(10)),
        ("/seed", json!(-1)),
        ("/seed", json!(u64::MAX)),
        ("/swing", json!(["frontDoorRate", "frontDoorRate"])),
        ("/swing", json!(["frontdoor"])),
    ];
    let said: Vec<String> = mistakes
        .into_iter()
        .map(|(path, value)| format!("{value} => {}", faults(path, value.clone()).join(" | ")))
        .collect();
    insta::assert_debug_snapshot!(said);
}

#[test]
fn all_faults_are_told_at_once() {
    let spec = EstimateSpec {
        samples: 1,
        population: Amount::fixed(f64::NAN, None),
        utilisation: Amount::fixed(90.0, Some(Unit::Percent)),
        ..tokyo()
    };
    let paths: Vec<String> =
        estimate(&spec).expect_err("three faults").0.into_iter().map(|p| p.path).collect();
    assert_eq!(paths, ["population", "utilisation", "samples"]);
}

#[test]
fn documents_that_are_no_specification() {
    let said = |text: &str| EstimateSpec::from_json(text).expect_err("no specification").to_string();
    insta::assert_snapshot!(said("{"), @".: EOF while parsing an object at line 1 column 1; correct the document there");
    insta::assert_snapshot!(said("[]"), @".: invalid length 0, expected struct EstimateSpec with 12 elements at line 1 column 2; correct the document there");
    insta::assert_snapshot!(said(&format!("{TOKYO} x")), @".: trailing characters at line 50 column 2; end the document after its object");
    insta::assert_snapshot!(said(&TOKYO.replace("\"burstTime\"", "\"bursttime\"")), @"inputs.bursttime: unknown field `bursttime`, expected one of `triesOnDayOne`, `comesAtOpening`, `burstTime`, `requestsPerSession`, `sessionTime`, `serviceTime`, `retryFactor`, `firstPage` at line 10 column 15; correct the document there");
    insta::assert_snapshot!(said(&" ".repeat(300_000)), @".: the document has 300000 bytes; shorten it to 262144 bytes");
}

#[test]
fn figures_can_be_written_in_three_ways() {
    let text = EstimateSpec::from_json(TOKYO).expect("the example reads");
    let mut spec: Value = serde_json::from_str(TOKYO).expect("the example is JSON");
    spec["inputs"]["burstTime"] =
        json!({ "low": 180, "high": 1200, "unit": "s", "distribution": "logNormal" });
    spec["inputs"]["triesOnDayOne"] = json!({ "low": 0.35, "high": 0.8 });
    spec["population"] = json!("270_000 people");
    let objects = EstimateSpec::from_json(&spec.to_string()).expect("the same");
    assert_eq!(run(&text).prior, run(&objects).prior);
}

#[test]
fn fixed_inputs_give_one_figure_and_no_swing() {
    let fixed = |value, unit| Amount::fixed(value, unit);
    let mut spec =
        EstimateSpec { observed: vec![], arrivals: Arrivals::HalfNormal, samples: 1_000, ..tokyo() };
    spec.inputs.tries_on_day_one = fixed(50.0, Some(Unit::Percent));
    spec.inputs.comes_at_opening = fixed(0.25, None);
    spec.inputs.burst_time = fixed(10.0, Some(Unit::Minutes));
    spec.inputs.requests_per_session = fixed(20.0, Some(Unit::Requests));
    spec.inputs.session_time = fixed(300.0, Some(Unit::Seconds));
    spec.inputs.service_time = fixed(200.0, Some(Unit::Milliseconds));
    spec.inputs.retry_factor = fixed(1.0, Some(Unit::Times));
    spec.inputs.first_page = fixed(1.0, Some(Unit::Mebibytes));
    let result = run(&spec);
    let rate = result.prior.range(Quantity::ArrivalRate);
    assert_eq!([rate.p5, rate.p50, rate.p95], [56.25; 3]);
    assert!(result.swing[0].inputs.is_empty());
    assert!(result.inputs.iter().all(|input| input.distribution.is_none()));
}

#[test]
fn an_observation_that_the_assumptions_exclude_conditions_nothing() {
    let mut spec = tokyo();
    spec.observed[0].between = Amount::parse("1..2 /h").expect("a figure");
    let result = run(&spec);
    assert_eq!((result.observed[0].kept, &result.observed[0].posterior), (0, &None));
}

#[test]
fn a_result_reads_back_as_it_was() {
    let result = run(&tokyo());
    let json = serde_json::to_string(&result).expect("results are JSON");
    assert_eq!(serde_json::from_str::<EstimateResult>(&json).expect("it reads"), result);
}

fn amount() -> impl Strategy<Value = Amount> {
    let unit = prop_oneof![
        Just(None),
        Just(Some(Unit::Minutes)),
        Just(Some(Unit::Percent)),
        Just(Some(Unit::PerSecond))
    ];
    let shape =
        prop_oneof![Just(None), Just(Some(Distribution::Normal)), Just(Some(Distribution::LogitNormal))];
    let figure = prop_oneof![0.0..1e9_f64, Just(0.1), Just(1e-7), Just(123_456_789.25)];
    (figure.clone(), proptest::option::of(figure), unit, shape)
        .prop_map(|(low, high, unit, distribution)| Amount { low, high, unit, distribution })
}

proptest! {
    #[test]
    fn amounts_read_back_as_they_were_written(amount in amount()) {
        let json = serde_json::to_string(&amount).expect("amounts are JSON");
        prop_assert_eq!(serde_json::from_str::<Amount>(&json).expect("it reads"), amount);
    }

    #[test]
    fn no_text_of_a_figure_panics(text in "\\PC{0,70}") {
        let _ = Amount::parse(&text);
    }

    /// Order within each range, whatever the assumptions; and more people are never less load.
    #[test]
    fn more_people_are_more_load(people in 1_000.0..1e7_f64, low in 1.0..50.0_f64, ratio in 1.1..20.0_f64) {
        let mut spec = EstimateSpec { samples: 2_000, observed: vec![], population: Amount::fixed(people, None), ..tokyo() };
        spec.inputs.requests_per_session = Amount::range(low, low * ratio, None);
        let few = run(&spec);
        let many = run(&EstimateSpec { population: Amount::fixed(people * 2.0, None), ..spec });
        for quantity in Quantity::ALL {
            let (a, b) = (few.prior.range(quantity), many.prior.range(quantity));
            prop_assert!(a.p5 <= a.p50 && a.p50 <= a.p95 && a.p5 > 0.0 && a.p95.is_finite());
            let expected = if quantity == Quantity::PeakFactor { 1.0 } else { 2.0 };
            prop_assert!((b.p50 / a.p50 - expected).abs() < 1e-4, "{:?}", quantity);
        }
    }
}
