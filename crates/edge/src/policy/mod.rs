//! What a response's headers must say, and what was wrong with them.

mod directives;
mod exchange;
mod finding;
mod personal;
mod public;
mod vary;

pub use exchange::{Exchange, Leaves, Verdict};
pub use finding::{Effect, Finding, Findings, Grade, Kind};
pub use personal::{
    CACHE_CONTROL, CDN_CACHE_CONTROL, SURROGATE_CONTROL, VARY, X_ACCEL_EXPIRES, own_answer, seal,
    seal_trailers,
};
