//! How large a system must be, and who goes in first when it is not.
//!
//! * [`estimate`] turns a population and ranges of assumptions into arrival rate, requests per second, requests in
//!   flight and waiting times, each as p5/p50/p95, with the assumption that matters most named first.
//! * [`chart::svg`] draws that result as an SVG in English or Japanese.
//! * [`admission`] holds the algorithms that keep a system within what it can bear: token bucket, concurrency limit
//!   with guaranteed shares, adaptive limit, waiting room.
//!
//! Pure: no clock (times are passed in), no randomness but from a passed seed, no I/O.
//!
//! ```
//! use capacity::{EstimateSpec, Quantity, estimate};
//!
//! let spec = EstimateSpec::from_json(r#"{
//!   "scenario": { "ja": "予約開始 9:00", "en": "Booking opens at 9:00" },
//!   "population": 270000,
//!   "inputs": {
//!     "triesOnDayOne": "35..80 %",      "comesAtOpening": "15..50 %",
//!     "burstTime": "3..20 min",         "requestsPerSession": "12..40",
//!     "sessionTime": "4..15 min",       "serviceTime": "50..400 ms",
//!     "retryFactor": "2..15",           "firstPage": "0.5..3 MB"
//!   },
//!   "capacities": [{ "name": "real", "quantity": "frontDoorRate", "atMost": "1000 /s" }],
//!   "seed": 1
//! }"#)?;
//! let result = estimate(&spec)?;
//! let front_door = result.prior.range(Quantity::FrontDoorRate);
//! assert!((6_600.0..6_900.0).contains(&front_door.p50));
//! assert!(result.prior.capacities[0].probability_exceeded > 0.95);
//! # Ok::<(), capacity::SpecError>(())
//! ```

pub mod admission;
pub mod chart;
mod estimate;
mod text;

pub use estimate::{
    Amount, Arrivals, BackTest, Capacity, CapacityTest, Conditioned, Distribution, DrainRow, EstimateResult,
    EstimateSpec, Input, InputRange, Inputs, MAX_SAMPLES, METHOD, Method, Observation, Problem, Quantity,
    QuantityRange, Range, SpecError, Summary, Swing, SwingBar, Unit, WaitingRoomResult, WaitingRoomSpec,
    estimate,
};
pub use text::{Lang, Localized};

/// The README's example, so that it cannot become false.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
