//! What an estimate is made from, as people write it.

use serde::{Deserialize, Serialize};

use super::amount::Amount;
use super::chain::Arrivals;
use super::check::Model;
use super::names::Quantity;
use super::problem::SpecError;
use crate::text::Localized;

/// Longest document, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;

/// The specification of an estimate: `spec` of a manifest of kind `Estimate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EstimateSpec {
    /// What is estimated, for people.
    pub scenario: Localized,
    /// How many people may use the system.
    pub population: Amount,
    /// The assumptions.
    pub inputs: Inputs,
    /// How the burst arrives.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// How busy a place may be; at most 70 %, because waiting grows without bound towards 100 %.
    #[serde(default = "defaults::utilisation")]
    pub utilisation: Amount,
    /// Hours of service on day one, over which the mean of the peak factor is taken.
    #[serde(default = "defaults::day")]
    pub day: Amount,
    /// Capacities to test against.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacities: Vec<Capacity>,
    /// What was seen at comparable events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<Observation>,
    /// How long a waiting room would hold the burst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_room: Option<WaitingRoomSpec>,
    /// Quantities whose dependence on each input is wanted.
    #[serde(default = "defaults::swing")]
    pub swing: Vec<Quantity>,
    /// Number of draws.
    #[serde(default = "defaults::samples")]
    pub samples: u32,
    /// Start of the random numbers. The same seed gives the same result, bit for bit.
    pub seed: u64,
}

/// The assumptions, each a fixed figure or a 90 % range. Their meaning: [`super::Input`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "named and explained in `Input`; a second explanation could only drift")]
pub struct Inputs {
    pub tries_on_day_one: Amount,
    pub comes_at_opening: Amount,
    pub burst_time: Amount,
    pub requests_per_session: Amount,
    pub session_time: Amount,
    pub service_time: Amount,
    pub retry_factor: Amount,
    pub first_page: Amount,
}

/// A capacity that exists, is planned or was bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capacity {
    /// Short name, unique among the capacities.
    pub name: String,
    /// Name for people; without it the short name is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Localized>,
    /// What it limits.
    pub quantity: Quantity,
    /// The most that it bears, with a unit.
    pub at_most: Amount,
}

/// What was seen at a comparable event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    /// Short name, unique among the observations.
    pub name: String,
    /// Name for people; without it the short name is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Localized>,
    /// What was seen.
    pub quantity: Quantity,
    /// The published figure, with a unit: where it lies among the draws is the back-test.
    pub published: Amount,
    /// What the true figure may have been: draws within it are kept by the conditioning.
    pub between: Amount,
    /// Population of that event, if it was another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<Amount>,
    /// Where it was published.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

/// A waiting room to be sized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitingRoomSpec {
    /// Part of the origin's rate that newcomers may use; the rest is for what was not foreseen.
    #[serde(default = "defaults::share")]
    pub share: Amount,
    /// Requests per visit by which the rate of admission is set; the drain itself uses the uncertain input.
    pub requests_per_session: Amount,
    /// Rates that the origin bears, each with a unit.
    pub origin_rates: Vec<Amount>,
}

mod defaults {
    use super::{Amount, Quantity};
    use crate::estimate::unit::Unit;

    pub(super) fn utilisation() -> Amount {
        Amount::fixed(70.0, Some(Unit::Percent))
    }

    pub(super) fn day() -> Amount {
        Amount::fixed(24.0, Some(Unit::Hours))
    }

    pub(super) fn share() -> Amount {
        Amount::fixed(75.0, Some(Unit::Percent))
    }

    pub(super) fn swing() -> Vec<Quantity> {
        vec![Quantity::FrontDoorRate]
    }

    pub(super) fn samples() -> u32 {
        1 << 16
    }
}

impl EstimateSpec {
    /// Reads JSON. A document of the wrong shape gives one [`super::Problem`] with the path of the place where reading
    /// stopped; whether the figures make sense is looked at by [`super::estimate`].
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        if text.len() > MAX_DOCUMENT {
            return Err(SpecError::one(
                ".",
                format!("the document has {} bytes", text.len()),
                format!("shorten it to {MAX_DOCUMENT} bytes"),
            ));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let spec: Self = serde_path_to_error::deserialize(&mut json).map_err(|e| misshapen(&e))?;
        json.end()
            .map_err(|e| SpecError::one(".", bounded(&e.to_string()), "end the document after its object"))?;
        Ok(spec)
    }

    /// Reads a document that was parsed already, such as a manifest's part. Errors as those of [`Self::from_json`].
    pub fn from_value(value: &serde_json::Value) -> Result<Self, SpecError> {
        serde_path_to_error::deserialize(value).map_err(|e| misshapen(&e))
    }

    /// Whether the figures make sense, without a draw. [`super::estimate`] looks by itself.
    pub fn check(&self) -> Result<(), SpecError> {
        Model::check(self).map(|_| ())
    }
}

fn misshapen(error: &serde_path_to_error::Error<serde_json::Error>) -> SpecError {
    // serde calls the unknown path `?`: the document ended before any place was reached.
    let path = Some(error.path().to_string()).filter(|path| path != "?").unwrap_or_else(|| ".".to_owned());
    SpecError::one(path, bounded(&error.inner().to_string()), "correct the document there")
}

/// Errors repeat parts of the document; a hostile one must not become a long error.
fn bounded(message: &str) -> String {
    const LONGEST: usize = 500;
    if message.chars().count() <= LONGEST {
        return message.to_owned();
    }
    message.chars().take(LONGEST).chain("…".chars()).collect()
}
