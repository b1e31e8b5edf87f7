//! What is known of the cache: without it the logs do not tell how long an answer could be given.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Changes in a history.
const MAX_CHANGES: usize = 100;
/// A day, in seconds.
const DAY: u32 = 86_400;
const YEAR: u32 = 365 * DAY;

/// How the cache kept answers while the fault lasted. What is not known is taken at its worst: the defaults exclude nobody who a more
/// exact fact would not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheFacts {
    /// The longest that a kept answer was given without asking anew, in seconds. With a history: until its first change.
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
    /// What was changed of it, and when, in any order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<CacheChange>,
}

/// A change of the cache's configuration, or a purge, at all personal routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheChange {
    /// When it was ordered.
    pub at: Timestamp,
    /// How long until every place had it, in seconds. What was live before may have been live until then. Never left out: nobody would guess
    /// the worst.
    pub spreads_seconds: u32,
    /// The longest that an answer was given without asking anew since then; nothing changes it where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_live_seconds: Option<u32>,
    /// Whether answers were kept at all since then: `false` is a rule that forbids it, and not a time to live of 0, with which requests at the
    /// same time may still be joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<bool>,
    /// All that was kept was removed.
    #[serde(default)]
    pub purged: bool,
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
            history: Vec::new(),
        }
    }
}

/// Facts that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// More than anybody changes during an incident.
    #[error("`history` has {0} changes; give at most {MAX_CHANGES}")]
    History(usize),
    /// A change that is none, with its number from 0.
    #[error("`history[{0}]` changes nothing; give `time_to_live_seconds`, `keeps` or `purged`")]
    NoChange(usize),
    /// Spreads longer than a day, or a time to live of more than a year, with its number from 0.
    #[error(
        "`history[{0}]`: give at most 86400 `spreads_seconds`, a day, and at most 31536000 `time_to_live_seconds`, a year"
    )]
    Change(usize),
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
        if self.time_to_live_seconds > YEAR {
            return Err(FactsError::TimeToLive(self.time_to_live_seconds));
        }
        if self.history.len() > MAX_CHANGES {
            return Err(FactsError::History(self.history.len()));
        }
        for (number, change) in self.history.iter().enumerate() {
            let CacheChange { at: _, spreads_seconds, time_to_live_seconds, keeps, purged } = change;
            if time_to_live_seconds.is_none() && keeps.is_none() && !purged {
                return Err(FactsError::NoChange(number));
            }
            if *spreads_seconds > DAY || time_to_live_seconds.is_some_and(|seconds| seconds > YEAR) {
                return Err(FactsError::Change(number));
            }
        }
        if self.clock_difference_milliseconds > 86_400_000 {
            return Err(FactsError::ClockDifference(self.clock_difference_milliseconds));
        }
        Ok(())
    }
}
