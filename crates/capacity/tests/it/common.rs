//! The published example: bookings for Tokyo's medical workers, 26 April 2021, checked against Yokohama's.

use capacity::{Amount, Capacity, Conditioned, EstimateResult, EstimateSpec, Quantity, estimate};

pub(crate) const TOKYO: &str = include_str!("../../examples/tokyo.json");

pub(crate) fn tokyo() -> EstimateSpec {
    EstimateSpec::from_json(TOKYO).expect("the example reads: a test says so")
}

pub(crate) fn run(spec: &EstimateSpec) -> EstimateResult {
    estimate(spec).expect("the example is right")
}

pub(crate) fn only(result: &EstimateResult) -> &Conditioned {
    let [conditioned] = result.observed.as_slice() else { panic!("one observation") };
    conditioned
}

/// Probabilities that each quantity exceeds its threshold, without and with the conditioning.
pub(crate) fn exceeding(spec: &EstimateSpec, thresholds: &[(Quantity, f64)]) -> Vec<(f64, f64)> {
    let unit = |quantity: Quantity| match quantity {
        Quantity::ArrivalRate | Quantity::UsefulRate | Quantity::FrontDoorRate => " /s",
        Quantity::Traffic => " Mbit/s",
        _ => "",
    };
    let mut found = Vec::new();
    for part in thresholds.chunks(32) {
        let capacities = part.iter().enumerate().map(|(at, &(quantity, threshold))| Capacity {
            name: at.to_string(),
            label: None,
            quantity,
            at_most: Amount::parse(&format!("{threshold}{}", unit(quantity))).expect("a figure"),
        });
        let spec = EstimateSpec { capacities: capacities.collect(), ..spec.clone() };
        let result = run(&spec);
        let posterior = only(&result).posterior.as_ref().expect("enough draws are kept");
        let pairs = result.prior.capacities.iter().zip(&posterior.capacities);
        found.extend(
            pairs.map(|(prior, posterior)| (prior.probability_exceeded, posterior.probability_exceeded)),
        );
    }
    found
}
