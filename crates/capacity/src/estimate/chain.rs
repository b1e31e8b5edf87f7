//! The chain from people to requests, for one set of values.

use serde::{Deserialize, Serialize};

use super::exp::exp;
use super::names::{Input, Quantity};

/// How the people of the burst arrive after the opening. Both have the arrival rate `people / burstTime` at the
/// opening and fall from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Arrivals {
    /// Exponential: a sharp peak with a long tail.
    #[default]
    Exponential,
    /// The right half of a normal curve: as sharp a start, a shorter tail.
    HalfNormal,
}

/// One value for each input, in base units, in the order of [`Input::ALL`].
pub(super) type Draw = [f64; Input::ALL.len()];

/// One value for each quantity, in the order of [`Quantity::ALL`].
pub(super) type Derived = [f64; Quantity::ALL.len()];

/// What the chain takes as decided rather than as uncertain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) arrivals: Arrivals,
    /// How busy a place may be, 0 to 0.7.
    pub(super) utilisation: f64,
    /// Seconds of service on day one.
    pub(super) day: f64,
}

impl Rules {
    pub(super) fn derive(&self, draw: &Draw) -> Derived {
        let &[people, day_one, opening, burst, requests, session, service, retries, page] = draw;
        let users_day_one = people * day_one;
        let users_in_burst = users_day_one * opening;
        let arrival_rate = users_in_burst / burst;
        // Everybody stays for one session, so the crowd inside is largest when the first of them leaves.
        let arrived_by_then = match self.arrivals {
            // Near 0 the difference would lose its digits; elsewhere it is three times as fast as `expm1`.
            Arrivals::Exponential if session < burst * 0.01 => -libm::expm1(-session / burst),
            Arrivals::Exponential => 1.0 - exp(-session / burst),
            // The half-normal whose density at 0 is 1/burst has the deviation burst·√(2/π).
            Arrivals::HalfNormal => libm::erf(session / burst * (std::f64::consts::PI.sqrt() / 2.0)),
        };
        let active_users = users_in_burst * arrived_by_then;
        let useful_rate = active_users * requests / session;
        let in_flight = useful_rate * service;
        let requests_day_one = users_day_one * requests;
        [
            users_day_one,
            users_in_burst,
            arrival_rate,
            active_users,
            useful_rate,
            useful_rate * retries,
            in_flight,
            in_flight / self.utilisation,
            arrival_rate * page * 8.0 / 1e6,
            requests_day_one,
            useful_rate / (requests_day_one / self.day),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_by_hand() {
        let rules = Rules { arrivals: Arrivals::Exponential, utilisation: 0.5, day: 86_400.0 };
        // 1,000 people, half of them on day one, a fifth of those in a burst of 100 s; a visit takes exactly as long
        // as the burst, so 1 - 1/e of the burst is inside at the peak.
        let derived = rules.derive(&[1_000.0, 0.5, 0.2, 100.0, 20.0, 100.0, 0.25, 3.0, 1e6]);
        let inside = 100.0 * (1.0 - (-1.0_f64).exp());
        let expected = [
            500.0,
            100.0,
            1.0,
            inside,
            inside / 5.0,
            inside / 5.0 * 3.0,
            inside / 20.0,
            inside / 10.0,
            8.0,
            10_000.0,
            inside / 5.0 / (10_000.0 / 86_400.0),
        ];
        for ((quantity, got), want) in Quantity::ALL.iter().zip(derived).zip(expected) {
            assert!((got / want - 1.0).abs() < 1e-12, "{quantity:?}: {got}, not {want}");
        }
    }

    #[test]
    fn everything_but_the_peak_factor_is_proportional_to_the_population() {
        let rules = Rules { arrivals: Arrivals::HalfNormal, utilisation: 0.7, day: 86_400.0 };
        let draw = [1_000.0, 0.4, 0.3, 700.0, 20.0, 300.0, 0.2, 4.0, 2e6];
        let mut other = draw;
        other[Input::Population as usize] = 3_500.0;
        let pairs = rules.derive(&draw).into_iter().zip(rules.derive(&other));
        for (quantity, (here, there)) in Quantity::ALL.into_iter().zip(pairs) {
            let expected = if quantity == Quantity::PeakFactor { 1.0 } else { 3.5 };
            assert!((there / here - expected).abs() < 1e-12, "{quantity:?}");
        }
    }

    /// The share that has arrived, by adding up the arrival rate in small steps instead of by its integral.
    #[test]
    fn both_arrival_curves_start_at_the_same_rate_and_bring_everybody() {
        for arrivals in [Arrivals::Exponential, Arrivals::HalfNormal] {
            let rules = Rules { arrivals, utilisation: 0.7, day: 86_400.0 };
            for session in [60.0, 240.0, 900.0, 100_000.0] {
                let burst = 300.0;
                let draw = [1.0, 1.0, 1.0, burst, 1.0, session, 1.0, 1.0, 1.0];
                let steps = 200_000;
                let width = session / f64::from(steps);
                let sum: f64 = (0..steps)
                    .map(|i| {
                        let t = (f64::from(i) + 0.5) * width / burst;
                        let rate = match arrivals {
                            Arrivals::Exponential => (-t).exp(),
                            Arrivals::HalfNormal => (-t * t * std::f64::consts::PI / 4.0).exp(),
                        };
                        rate / burst * width
                    })
                    .sum();
                let active = rules.derive(&draw)[Quantity::ActiveUsers.index()];
                assert!((active - sum).abs() < 1e-6, "{arrivals:?} {session}: {active}, not {sum}");
            }
        }
    }
}
