//! What is known of the cache: without it the logs do not tell how long an answer could be given.

use serde::{Deserialize, Serialize};

/// How the cache kept answers while the fault lasted. What is not known is taken at its worst: the defaults exclude nobody who a more
/// exact fact would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheFacts {
    /// The longest that a kept answer was given without asking anew, in seconds.
    pub time_to_live_seconds: u32,
    /// Caches behind one another, from 1 to 3: an edge location, a regional cache, a shield. What one asks the next for is logged as a
    /// miss, and may be another person's page all the same.
    pub tiers: u8,
    /// Each edge location keeps one copy of an answer, and a newer one takes its place. Not so for a location that is many machines.
    pub single_copy: bool,
    /// Host and query are part of the cache's key.
    pub key_has_host_and_query: bool,
    /// Answers of different length are different bodies.
    pub lengths_tell_bodies: bool,
    /// Where the edge logs no session: an address with a program is taken for those whom the logs show behind it. Somebody may have
    /// come from elsewhere without leaving a line at the origin; so this is a choice and not a proof.
    pub clients_tell_people: bool,
    /// The origin's log has each request that reached it. Otherwise an answer without a line there may be the viewer's own page, unless
    /// the edge says that it had it.
    pub origin_log_complete: bool,
    /// How far the clocks of edge and origin may differ where no request shows it in both logs, in milliseconds.
    pub clock_difference_milliseconds: u32,
}

impl Default for CacheFacts {
    fn default() -> Self {
        Self {
            time_to_live_seconds: 86_400,
            tiers: 2,
            single_copy: false,
            key_has_host_and_query: false,
            lengths_tell_bodies: true,
            clients_tell_people: false,
            origin_log_complete: true,
            clock_difference_milliseconds: 5_000,
        }
    }
}

/// Facts that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Then no answer at the edge is looked at, and everybody would be left out.
    #[error("the query has no personal routes; name those that carry personal data, such as `/mypage/**`")]
    NoRoutes,
    /// No cache, or more than any network has.
    #[error("`tiers` is {0}; give 1 for an edge alone, 2 with a regional cache or a shield, 3 with both")]
    Tiers(u8),
    /// Longer than logs are kept.
    #[error("`time_to_live_seconds` is {0}; give at most 31536000, a year")]
    TimeToLive(u32),
    /// Longer than a day.
    #[error("`clock_difference_milliseconds` is {0}; give at most 86400000, a day")]
    ClockDifference(u32),
}

impl CacheFacts {
    /// Whether these can be.
    ///
    /// # Errors
    /// [`FactsError`].
    pub fn check(&self) -> Result<(), FactsError> {
        if !(1..=3).contains(&self.tiers) {
            return Err(FactsError::Tiers(self.tiers));
        }
        if self.time_to_live_seconds > 31_536_000 {
            return Err(FactsError::TimeToLive(self.time_to_live_seconds));
        }
        if self.clock_difference_milliseconds > 86_400_000 {
            return Err(FactsError::ClockDifference(self.clock_difference_milliseconds));
        }
        Ok(())
    }

    /// Of one cache, in milliseconds.
    pub(crate) fn life(&self) -> i64 {
        i64::from(self.time_to_live_seconds) * 1_000
    }

    /// From the origin's answer to the last one that any of the caches behind one another gives of it, in milliseconds.
    pub(crate) fn longest_life(&self) -> i64 {
        self.life() * i64::from(self.tiers)
    }
}
