//! Who goes in, when not all can.
//!
//! Four algorithms, each a value that holds counters and nothing else. Times are passed in as a [`Duration`] since
//! any fixed moment of the caller's monotonic clock; a time that runs backwards grants nothing.
//!
//! * [`TokenBucket`]: so many a second, with a burst. The rate can be changed while it runs.
//! * [`Partitions`]: so many at once, with guaranteed shares, people already inside before newcomers.
//! * [`AdaptiveLimit`]: finds how many at once the origin bears, under a declared ceiling.
//! * [`WaitingRoom`]: numbers for those who wait, and the number that is being served.
//!
//! ```
//! use std::time::Duration;
//! use capacity::admission::{Decision, Rate, TokenBucket};
//!
//! let at = Duration::from_millis;
//! let mut bucket = TokenBucket::new(Rate::per_second(2), 1);
//! assert_eq!(bucket.take(at(0), 1), Decision::Admit);
//! assert_eq!(bucket.take(at(100), 1), Decision::Wait(at(400)));
//! bucket.set(at(100), Rate::per_second(20), 1); // the place is as full as before, but fills faster
//! assert_eq!(bucket.take(at(141), 1), Decision::Admit);
//! ```
//!
//! [`Duration`]: std::time::Duration

mod adaptive;
mod bucket;
mod partitions;
mod place;
mod room;
mod room_config;
mod turns;

pub use adaptive::{AdaptiveConfig, AdaptiveLimit, Outcome};
pub use bucket::{Decision, Rate, TokenBucket};
pub use partitions::{Partition, PartitionError, Partitions, Refusal, Standing};
pub use place::{Called, Counts, Former, JoinError, OpenError, Opened, Place, Visitor, VisitorId};
pub use room::WaitingRoom;
pub use room_config::{Channel, Group, Mode, RoomConfig, RoomConfigError};
