//! From what people wrote to what can be computed; finds all faults, not the first.

use std::collections::BTreeSet;

use super::amount::Amount;
use super::chain::Rules;
use super::distribution::{Curve, Distribution, Z95};
use super::names::{Input, Quantity};
use super::problem::{Problems, SpecError};
use super::sampler::MAX_SAMPLES;
use super::spec::{Capacity, EstimateSpec, Inputs, Observation, WaitingRoomSpec};
use super::unit::Dimension;
use crate::text::Localized;

const MAX_CAPACITIES: usize = 32;
const MAX_OBSERVED: usize = 4;
const MAX_RATES: usize = 32;
const MAX_NAME: usize = 80;
const MAX_PROSE: usize = 2_000;
const MIN_SAMPLES: u32 = 1_000;
/// Largest whole number that every JSON reader keeps.
const MAX_SEED: u64 = (1 << 53) - 1;
/// A range from 1 to 10,000 says that nothing is known; beyond it the tails overwhelm the median.
const MAX_RATIO: f64 = 1e4;
/// Least and greatest threshold.
const FIGURES: (f64, f64) = (1e-9, 1e15);
/// How far out, in standard deviations, a normal curve must still be possible: beyond it lies 1 draw in 10,000.
const NORMAL_WITHIN: f64 = 3.719;

/// A checked specification.
pub(super) struct Model {
    pub(super) curves: [Curve; Input::ALL.len()],
    pub(super) rules: Rules,
    /// Quantity and threshold, in the order of the specification's capacities.
    pub(super) capacities: Vec<(Quantity, f64)>,
    pub(super) observed: Vec<CheckedObservation>,
    pub(super) waiting_room: Option<CheckedRoom>,
    pub(super) swing: Vec<Quantity>,
}

pub(super) struct CheckedObservation {
    pub(super) quantity: Quantity,
    pub(super) published: f64,
    pub(super) between: (f64, f64),
    pub(super) population: Option<f64>,
}

pub(super) struct CheckedRoom {
    pub(super) share: f64,
    pub(super) requests_per_session: f64,
    pub(super) origin_rates: Vec<f64>,
}

impl Model {
    pub(super) fn check(spec: &EstimateSpec) -> Result<Self, SpecError> {
        // Destructured, so that a new field cannot be forgotten here.
        let EstimateSpec {
            scenario,
            population,
            inputs,
            arrivals,
            utilisation,
            day,
            capacities,
            observed,
            waiting_room,
            swing,
            samples,
            seed,
        } = spec;
        let mut problems = Problems::default();
        let p = &mut problems;
        prose(p, "scenario.ja", &scenario.ja);
        prose(p, "scenario.en", &scenario.en);
        let amounts = in_order(population, inputs);
        let curves = std::array::from_fn(|at| curve(p, Input::ALL[at], amounts[at]));
        let rules = Rules {
            arrivals: *arrivals,
            utilisation: single(p, "utilisation", utilisation, Dimension::Share, (0.05, 0.7)),
            day: single(p, "day", day, Dimension::Time, (3_600.0, 86_400.0)),
        };
        at_most(p, "capacities", capacities.len(), MAX_CAPACITIES);
        let capacities = numbered(capacities, MAX_CAPACITIES)
            .map(|(at, Capacity { name, label, quantity, at_most })| {
                let path = format!("capacities[{at}]");
                named(
                    p,
                    &path,
                    name,
                    label.as_ref(),
                    capacities[..at].iter().any(|earlier| earlier.name == *name),
                );
                let path = format!("{path}.atMost");
                (*quantity, single(p, &path, at_most, quantity.dimension(), FIGURES))
            })
            .collect();
        at_most(p, "observed", observed.len(), MAX_OBSERVED);
        let observed = numbered(observed, MAX_OBSERVED)
            .map(|(at, observation)| {
                let path = format!("observed[{at}]");
                let again = observed[..at].iter().any(|earlier| earlier.name == observation.name);
                named(p, &path, &observation.name, observation.label.as_ref(), again);
                observation_of(p, &path, observation)
            })
            .collect();
        let waiting_room = waiting_room.as_ref().map(|room| room_of(p, room));
        if swing.iter().collect::<BTreeSet<_>>().len() != swing.len() {
            p.add("swing", "a quantity is named twice", "name each once");
        }
        if !(MIN_SAMPLES..=MAX_SAMPLES).contains(samples) {
            p.add(
                "samples",
                format!("{samples} is out of range"),
                format!("choose {MIN_SAMPLES} to {MAX_SAMPLES}"),
            );
        }
        if *seed > MAX_SEED {
            p.add("seed", format!("{seed} is too large"), format!("choose 0 to {MAX_SEED}"));
        }
        if problems.0.is_empty() {
            Ok(Model { curves, rules, capacities, observed, waiting_room, swing: swing.clone() })
        } else {
            Err(SpecError(problems.0))
        }
    }
}

/// In the order of [`Input::ALL`].
fn in_order<'a>(population: &'a Amount, inputs: &'a Inputs) -> [&'a Amount; Input::ALL.len()] {
    let Inputs {
        tries_on_day_one,
        comes_at_opening,
        burst_time,
        requests_per_session,
        session_time,
        service_time,
        retry_factor,
        first_page,
    } = inputs;
    [
        population,
        tries_on_day_one,
        comes_at_opening,
        burst_time,
        requests_per_session,
        session_time,
        service_time,
        retry_factor,
        first_page,
    ]
}

/// The first entries with their numbers; that there are more is told once, not once an entry.
fn numbered<T>(entries: &[T], limit: usize) -> impl Iterator<Item = (usize, &T)> {
    entries.iter().take(limit).enumerate()
}

fn at_most(p: &mut Problems, path: &str, len: usize, limit: usize) {
    if len > limit {
        p.add(path, format!("{len} entries"), format!("keep at most {limit}"));
    }
}

fn prose(p: &mut Problems, path: &str, text: &str) {
    let chars = text.chars().count();
    if text.trim().is_empty() {
        p.add(path, "the text is empty", "write it in this language too");
    } else if chars > MAX_PROSE {
        p.add(path, format!("{chars} characters"), format!("shorten it to {MAX_PROSE}"));
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        // It is printed on terminals.
        p.add(path, "the text contains a control character", "remove it");
    }
}

fn named(p: &mut Problems, path: &str, name: &str, label: Option<&Localized>, again: bool) {
    if let Some(Localized { ja, en }) = label {
        prose(p, &format!("{path}.label.ja"), ja);
        prose(p, &format!("{path}.label.en"), en);
    }
    let path = format!("{path}.name");
    if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        p.add(&path, "not a name", format!("write 1 to {MAX_NAME} characters on one line"));
    } else if again {
        p.add(&path, "the name is taken by an earlier entry", "give each entry its own name");
    }
}

/// Both figures in base units, or a problem.
fn in_base_units(
    p: &mut Problems,
    path: &str,
    amount: &Amount,
    dimension: Dimension,
) -> Option<(f64, Option<f64>)> {
    let Amount { low, high, unit, distribution: _ } = *amount;
    let convert = |value: f64| match (unit, dimension) {
        (None, Dimension::Plain | Dimension::Share) => Some(value),
        (None, _) => None,
        (Some(unit), dimension) => unit.in_base_units(value, dimension),
    };
    let Some(converted) = convert(low) else {
        let what = match unit {
            None => format!("`{amount}` has no unit"),
            Some(_) => format!("`{amount}` has the wrong unit"),
        };
        p.add(path, what, format!("write {}", dimension.example()));
        return None;
    };
    if unit.is_none() && dimension == Dimension::Share && converted > 1.0 {
        p.add(
            path,
            format!("`{amount}` is more than the whole"),
            format!("write `{amount} %` if it is in hundredths"),
        );
        return None;
    }
    Some((converted, high.and_then(convert)))
}

/// A figure that is decided, not uncertain. Returns the lower bound after a problem, which nobody will use.
fn single(p: &mut Problems, path: &str, amount: &Amount, dimension: Dimension, bounds: (f64, f64)) -> f64 {
    let Some((value, high)) = in_base_units(p, path, amount, dimension) else { return bounds.0 };
    if high.is_some() || amount.distribution.is_some() {
        p.add(
            path,
            "a range or distribution where one figure is needed",
            format!("write {}", dimension.example()),
        );
        return bounds.0;
    }
    within(p, path, amount, value, bounds).unwrap_or(bounds.0)
}

fn within(p: &mut Problems, path: &str, amount: &Amount, value: f64, bounds: (f64, f64)) -> Option<f64> {
    if value >= bounds.0 && value <= bounds.1 {
        return Some(value);
    }
    p.add(
        path,
        format!("`{amount}` is out of range"),
        format!(
            "the figures may lie between {} and {} in base units (1, s, B, /s, Mbit/s)",
            bounds.0, bounds.1
        ),
    );
    None
}

/// Low and high in base units, in order.
fn ordered(
    p: &mut Problems,
    path: &str,
    amount: &Amount,
    dimension: Dimension,
    bounds: (f64, f64),
) -> Option<(f64, f64)> {
    let (low, high) = in_base_units(p, path, amount, dimension)?;
    let high = high.unwrap_or(low);
    let (low, high) = (within(p, path, amount, low, bounds)?, within(p, path, amount, high, bounds)?);
    if low > high {
        p.add(path, format!("`{amount}` runs backwards"), "write the smaller figure first");
        return None;
    }
    if high / low > MAX_RATIO {
        p.add(
            path,
            format!("`{amount}` is too wide"),
            format!("narrow it to a ratio of at most {MAX_RATIO}"),
        );
        return None;
    }
    Some((low, high))
}

fn curve(p: &mut Problems, input: Input, amount: &Amount) -> Curve {
    let (path, bounds) = (input.path(), input.bounds());
    let fallback = Curve::fixed(bounds.0);
    let Some((low, high)) = ordered(p, &path, amount, input.dimension(), bounds) else { return fallback };
    if amount.high.is_none() || low == high {
        if amount.distribution.is_some() {
            p.add(
                &path,
                "a distribution without a range",
                "give `low` and `high`, or leave the distribution out",
            );
        }
        return Curve::fixed(low);
    }
    let shape = amount.distribution.unwrap_or(input.default_shape());
    let share = input.dimension() == Dimension::Share;
    if share && high >= 1.0 && shape == Distribution::LogitNormal {
        p.add(&path, "the upper end of a share's range is 100 %", "write `99 %`, or a fixed `100 %`");
        return fallback;
    }
    if shape == Distribution::LogitNormal && !share {
        p.add(&path, "a logit-normal is for shares only", "use `logNormal` or `normal`");
        return fallback;
    }
    if shape == Distribution::Normal {
        let (mean, deviation) = (f64::midpoint(low, high), (high - low) / (2.0 * Z95));
        let reach = NORMAL_WITHIN * deviation;
        if mean - reach <= 0.0 || (share && mean + reach >= 1.0) {
            let better = if share { "logitNormal" } else { "logNormal" };
            p.add(
                &path,
                format!("a normal distribution through `{amount}` often leaves what is possible"),
                format!("use `{better}`, or narrow the range"),
            );
            return fallback;
        }
    }
    // Draws may lie beyond what may be written, but not beyond what is possible.
    let possible = match input {
        Input::RetryFactor | Input::RequestsPerSession => (1.0, f64::MAX),
        _ if share => (f64::MIN_POSITIVE, 1.0),
        _ => (low * 1e-12, f64::MAX),
    };
    Curve::through(shape, low, high, possible)
}

fn observation_of(p: &mut Problems, path: &str, observation: &Observation) -> CheckedObservation {
    let Observation { name: _, label: _, quantity, published, between, population, source } = observation;
    let dimension = quantity.dimension();
    let at = format!("{path}.between");
    let mut range = (FIGURES.0, FIGURES.1);
    if between.distribution.is_some() {
        p.add(&at, "a distribution has no meaning here", "leave it out: draws within the range are kept");
    } else if between.high.is_none() {
        p.add(&at, format!("`{between}` is not a range"), "write `low..high` with a unit");
    } else if let Some(found) = ordered(p, &at, between, dimension, FIGURES) {
        range = found;
    }
    if source.chars().any(char::is_control) {
        p.add(&format!("{path}.source"), "the text contains a control character", "remove it");
    }
    if source.chars().count() > MAX_PROSE {
        p.add(
            &format!("{path}.source"),
            "the text is too long",
            format!("shorten it to {MAX_PROSE} characters"),
        );
    }
    CheckedObservation {
        quantity: *quantity,
        published: single(p, &format!("{path}.published"), published, dimension, FIGURES),
        between: range,
        population: population.as_ref().map(|people| {
            single(p, &format!("{path}.population"), people, Dimension::Plain, Input::Population.bounds())
        }),
    }
}

fn room_of(p: &mut Problems, room: &WaitingRoomSpec) -> CheckedRoom {
    let WaitingRoomSpec { share, requests_per_session, origin_rates } = room;
    at_most(p, "waitingRoom.originRates", origin_rates.len(), MAX_RATES);
    CheckedRoom {
        share: single(p, "waitingRoom.share", share, Dimension::Share, (0.01, 1.0)),
        requests_per_session: single(
            p,
            "waitingRoom.requestsPerSession",
            requests_per_session,
            Dimension::Plain,
            Input::RequestsPerSession.bounds(),
        ),
        origin_rates: numbered(origin_rates, MAX_RATES)
            .map(|(at, rate)| {
                single(p, &format!("waitingRoom.originRates[{at}]"), rate, Dimension::Rate, (1e-3, 1e12))
            })
            .collect(),
    }
}
