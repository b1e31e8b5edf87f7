//! Draws, computes and summarises.

use super::chain::{Derived, Draw};
use super::check::{CheckedObservation, CheckedRoom, Model};
use super::distribution::normal_quantiles;
use super::names::{Input, Quantity};
use super::problem::SpecError;
use super::quantile::{p5_p50_p95, rounded, share_above};
use super::result::{
    BackTest, CapacityTest, Conditioned, DrainRow, EstimateResult, InputRange, Method, QuantityRange, Range,
    Summary, WaitingRoomResult,
};
use super::sampler::Sampler;
use super::spec::{EstimateSpec, Observation};
use super::swing::swing;

/// Fewer draws than this say nothing of a 5th percentile (25 draws would lie below it).
const MIN_KEPT: usize = 500;

/// Draws that are computed together: their values stay in the fastest cache.
const BLOCK: usize = 256;

/// Estimates. Errors name every figure of the specification that makes no sense.
///
/// Takes about 0.3 µs a draw and holds at most about 35 MB while it runs.
pub fn estimate(spec: &EstimateSpec) -> Result<EstimateResult, SpecError> {
    let model = Model::check(spec)?;
    let draws = Draws::draw(&model, spec.seed, spec.samples as usize);
    let inputs = Input::ALL
        .iter()
        .zip(&model.curves)
        .map(|(&input, curve)| InputRange {
            input,
            unit: input.unit().to_owned(),
            distribution: curve.shape(),
            range: Range::new(curve.range()),
        })
        .collect();
    Ok(EstimateResult {
        method: Method::current(),
        seed: spec.seed,
        samples: spec.samples,
        scenario: spec.scenario.clone(),
        inputs,
        prior: summarise(spec, &model, &draws, |column, picked| picked.extend_from_slice(column)),
        swing: model.swing.iter().map(|&quantity| swing(&model, quantity)).collect(),
        observed: model
            .observed
            .iter()
            .zip(&spec.observed)
            .zip(&draws.observed)
            .map(|((checked, written), column)| condition(spec, &model, checked, written, column, &draws))
            .collect(),
    })
}

/// One column for each thing that is summarised, one row for each draw.
struct Draws {
    quantities: [Vec<f64>; Quantity::ALL.len()],
    /// Requests that the burst needs in all; empty when no waiting room is asked for.
    burst_requests: Vec<f64>,
    /// For each observation, its quantity at its population by the same draw.
    observed: Vec<Vec<f64>>,
}

impl Draws {
    fn draw(model: &Model, seed: u64, samples: usize) -> Self {
        let mut sampler = Sampler::new(seed);
        let mut draws = Draws {
            quantities: std::array::from_fn(|_| Vec::with_capacity(samples)),
            burst_requests: Vec::new(),
            observed: vec![Vec::with_capacity(samples); model.observed.len()],
        };
        let mut block = [[0.0; BLOCK]; Input::ALL.len()];
        for start in (0..samples).step_by(BLOCK) {
            sampler.fill(&mut block);
            for (column, curve) in block.iter_mut().zip(&model.curves) {
                if !curve.is_fixed() {
                    normal_quantiles(column);
                }
                curve.at_all(column);
            }
            for row in 0..BLOCK.min(samples - start) {
                draws.push(model, block.each_ref().map(|column| column[row]));
            }
        }
        draws
    }

    fn push(&mut self, model: &Model, values: Draw) {
        let derived = model.rules.derive(&values);
        for (column, value) in self.quantities.iter_mut().zip(derived) {
            column.push(value);
        }
        for (column, observation) in self.observed.iter_mut().zip(&model.observed) {
            column.push(at_observed_event(observation, &values, &derived));
        }
        if model.waiting_room.is_some() {
            self.burst_requests
                .push(derived[Quantity::UsersInBurst.index()] * values[Input::RequestsPerSession as usize]);
        }
    }
}

/// The observed quantity of an event where everything went as in this draw, with that event's population.
fn at_observed_event(observation: &CheckedObservation, values: &Draw, here: &Derived) -> f64 {
    let here = here[observation.quantity.index()];
    match observation.population {
        // All but a ratio is proportional to the population: a test of the chain says so.
        Some(population) if observation.quantity != Quantity::PeakFactor => {
            here * (population / values[Input::Population as usize])
        }
        _ => here,
    }
}

/// `pick` copies the rows that count out of a column, into the same memory for one column after the other.
fn summarise(
    spec: &EstimateSpec,
    model: &Model,
    draws: &Draws,
    pick: impl Fn(&[f64], &mut Vec<f64>),
) -> Summary {
    let mut picked = Vec::with_capacity(spec.samples as usize);
    let mut quantities = Vec::with_capacity(Quantity::ALL.len());
    let mut capacities = Vec::with_capacity(model.capacities.len());
    for quantity in Quantity::ALL {
        picked.clear();
        pick(&draws.quantities[quantity.index()], &mut picked);
        for (at, &(_, at_most)) in model.capacities.iter().enumerate().filter(|(_, c)| c.0 == quantity) {
            let probability_exceeded = rounded(share_above(&picked, at_most));
            let (name, label) = (spec.capacities[at].name.clone(), spec.capacities[at].label.clone());
            let unit = quantity.unit().to_owned();
            capacities
                .push((at, CapacityTest { name, label, quantity, at_most, unit, probability_exceeded }));
        }
        quantities.push(QuantityRange {
            quantity,
            unit: quantity.unit().to_owned(),
            range: range(&mut picked),
        });
    }
    capacities.sort_by_key(|(at, _)| *at);
    let waiting_room = model.waiting_room.as_ref().map(|room| {
        picked.clear();
        pick(&draws.burst_requests, &mut picked);
        drain(room, &mut picked)
    });
    Summary { quantities, capacities: capacities.into_iter().map(|(_, test)| test).collect(), waiting_room }
}

fn range(column: &mut [f64]) -> Range {
    Range::new(p5_p50_p95(column).expect("at least 1,000 draws are made, and at least 500 of them kept"))
}

fn drain(room: &CheckedRoom, burst_requests: &mut [f64]) -> WaitingRoomResult {
    let &CheckedRoom { share, requests_per_session, ref origin_rates } = room;
    let requests = p5_p50_p95(burst_requests).expect("as many rows as the quantities have");
    let rows = origin_rates
        .iter()
        .map(|&origin_rate| {
            let requests_per_minute = origin_rate * share * 60.0;
            DrainRow {
                origin_rate,
                admitted_per_minute: rounded(requests_per_minute / requests_per_session),
                minutes_to_drain: Range::new(requests.map(|requests| requests / requests_per_minute)),
            }
        })
        .collect();
    WaitingRoomResult { share, requests_per_session, rows }
}

fn condition(
    spec: &EstimateSpec,
    model: &Model,
    checked: &CheckedObservation,
    written: &Observation,
    column: &[f64],
    draws: &Draws,
) -> Conditioned {
    let &CheckedObservation { quantity, published, between, population: _ } = checked;
    let percentile = 1.0 - share_above(column, published);
    let kept: Vec<usize> =
        (0..column.len()).filter(|&i| column[i] >= between.0 && column[i] <= between.1).collect();
    let posterior = (kept.len() >= MIN_KEPT).then(|| {
        summarise(spec, model, draws, |column, picked| picked.extend(kept.iter().map(|&i| column[i])))
    });
    Conditioned {
        name: written.name.clone(),
        label: written.label.clone(),
        source: written.source.clone(),
        back_test: BackTest {
            quantity,
            unit: quantity.unit().to_owned(),
            range: range(&mut column.to_vec()),
            published: rounded(published),
            percentile: rounded(percentile),
            inside90: (0.05..=0.95).contains(&percentile),
        },
        between: [rounded(between.0), rounded(between.1)],
        kept: kept.len() as u32,
        posterior,
    }
}
