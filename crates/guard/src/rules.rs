//! The caching rules in force, which the guard shares with whatever else keeps them.

pub use edge::in_force::{Count, Found, Rules, Sink};
