//! From a population to a server's load: the chain, its uncertainty, and what the uncertainty hangs on.

mod amount;
mod chain;
mod check;
mod distribution;
mod exp;
mod names;
mod problem;
mod quantile;
mod result;
mod run;
mod sampler;
mod spec;
mod swing;
mod unit;

pub use amount::Amount;
pub use chain::Arrivals;
pub use distribution::Distribution;
pub use names::{Input, Quantity};
pub use problem::{Problem, SpecError};
pub use result::{
    BackTest, CapacityTest, Conditioned, DrainRow, EstimateResult, InputRange, METHOD, Method, QuantityRange,
    Range, Summary, Swing, SwingBar, WaitingRoomResult,
};
pub use run::estimate;
pub use sampler::MAX_SAMPLES;
pub use spec::{Capacity, EstimateSpec, Inputs, Observation, WaitingRoomSpec};
pub use unit::Unit;
