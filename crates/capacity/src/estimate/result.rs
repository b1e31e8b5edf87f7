//! What an estimate gives. The JSON shape is a contract: it is stored as evidence.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::names::{Input, Quantity};
use super::quantile::rounded;
use crate::text::Localized;

/// Name of the way from specification to figures. Changes whenever the same specification and seed would give other
/// figures.
pub const METHOD: &str = "fermi-chain/1 sobol-joekuo6-shifted/1 chacha8";

/// How the figures came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Method {
    /// [`METHOD`]
    pub id: String,
    /// Version of this crate.
    pub version: String,
}

impl Method {
    pub(super) fn current() -> Self {
        Method { id: METHOD.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// 5th percentile, median and 95th percentile, with six significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// 5th percentile.
    pub p5: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

impl Range {
    pub(super) fn new([p5, p50, p95]: [f64; 3]) -> Self {
        Range { p5: rounded(p5), p50: rounded(p50), p95: rounded(p95) }
    }
}

/// The result of [`super::estimate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EstimateResult {
    /// How the figures came about.
    pub method: Method,
    /// From the specification.
    pub seed: u64,
    /// From the specification.
    pub samples: u32,
    /// From the specification.
    pub scenario: Localized,
    /// The assumptions in base units, as they were drawn.
    pub inputs: Vec<InputRange>,
    /// What follows from the assumptions alone.
    pub prior: Summary,
    /// How much each assumption moves the quantities that the specification names.
    pub swing: Vec<Swing>,
    /// What follows if the event goes like an observed one.
    pub observed: Vec<Conditioned>,
}

/// One assumption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputRange {
    /// Which.
    pub input: Input,
    /// Unit of the figures; `1` for a share.
    pub unit: String,
    /// Shape; `null` for a fixed figure.
    pub distribution: Option<Distribution>,
    /// The figures.
    #[serde(flatten)]
    pub range: Range,
}

/// All that is said of one set of draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// Every [`Quantity`], in the order of [`Quantity::ALL`].
    pub quantities: Vec<QuantityRange>,
    /// In the order of the specification.
    pub capacities: Vec<CapacityTest>,
    /// If the specification asks for it.
    pub waiting_room: Option<WaitingRoomResult>,
}

impl Summary {
    /// The figures of one quantity; all `NaN` in a result that was read from a document without it.
    pub fn range(&self, quantity: Quantity) -> Range {
        let found = self.quantities.iter().find(|q| q.quantity == quantity);
        found.map_or(Range { p5: f64::NAN, p50: f64::NAN, p95: f64::NAN }, |q| q.range)
    }
}

/// One quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuantityRange {
    /// Which.
    pub quantity: Quantity,
    /// Unit of the figures.
    pub unit: String,
    /// The figures.
    #[serde(flatten)]
    pub range: Range,
}

/// Whether a capacity is enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapacityTest {
    /// From the specification.
    pub name: String,
    /// From the specification.
    pub label: Option<Localized>,
    /// What it limits.
    pub quantity: Quantity,
    /// The most that it bears, in the quantity's unit.
    pub at_most: f64,
    /// Unit of `at_most`.
    pub unit: String,
    /// Probability that the quantity exceeds it, 0 to 1.
    pub probability_exceeded: f64,
}

/// How long a waiting room holds the burst.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitingRoomResult {
    /// Part of the origin's rate that newcomers use, 0 to 1.
    pub share: f64,
    /// Requests per visit by which admission is set.
    pub requests_per_session: f64,
    /// One row for each rate.
    pub rows: Vec<DrainRow>,
}

/// One origin rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DrainRow {
    /// Requests per second that the origin bears.
    pub origin_rate: f64,
    /// People let in per minute at the planned requests per visit.
    pub admitted_per_minute: f64,
    /// Minutes until the last person of the burst is in: the wait of that person. Every draw uses its own requests per
    /// visit, because the origin stays as fast when visits turn out longer, so fewer people come in.
    pub minutes_to_drain: Range,
}

/// How much each assumption moves one quantity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Swing {
    /// Which quantity.
    pub quantity: Quantity,
    /// Unit of the figures.
    pub unit: String,
    /// With all inputs at their medians; not the median of the draws.
    pub median: f64,
    /// The uncertain inputs, the one that moves it most first (by the ratio of its two ends).
    pub inputs: Vec<SwingBar>,
}

/// One input at its ends, the others at their medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwingBar {
    /// Which input.
    pub input: Input,
    /// The quantity with this input at its 5th percentile.
    pub at_p5: f64,
    /// The quantity with this input at its 95th percentile. Less than `at_p5` where more of the input means less load.
    pub at_p95: f64,
}

/// An observation, and the estimate in its light.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conditioned {
    /// From the specification.
    pub name: String,
    /// From the specification.
    pub label: Option<Localized>,
    /// From the specification.
    pub source: String,
    /// What the estimate would have said of the observed event.
    pub back_test: BackTest,
    /// Ends of the range by which draws were kept, in the quantity's unit.
    pub between: [f64; 2],
    /// Draws kept.
    pub kept: u32,
    /// The estimate from the kept draws. `None` when fewer than 500 were kept: then assumptions and observation
    /// contradict each other, and the assumptions must be looked at again.
    pub posterior: Option<Summary>,
}

/// What the assumptions would have said of an event whose outcome is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackTest {
    /// What was observed.
    pub quantity: Quantity,
    /// Unit of the figures.
    pub unit: String,
    /// Its figures at the observed event's population.
    #[serde(flatten)]
    pub range: Range,
    /// What was published.
    pub published: f64,
    /// Part of the draws that do not exceed the published figure, 0 to 1.
    pub percentile: f64,
    /// Whether that lies within 0.05 and 0.95.
    pub inside90: bool,
}
