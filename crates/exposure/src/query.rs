//! What is asked: the window, what counts as having been there, and which routes are personal.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::routes::{InvalidPattern, RoutePattern, Routes};

/// What puts a person on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A login inside the window.
    Logins,
    /// A login, or a request for a personal route, inside the window. Finds those who logged in before it.
    LoginsAndPersonalRequests,
}

/// Bounds that keep the memory of a scan small on any input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest line that is read, in bytes. A longer one is skipped to its end and counted.
    pub max_line_bytes: usize,
    /// Log lines that are listed for a person in a tenant. The total is always counted.
    pub evidence: usize,
    /// Bad lines that are named in the report of an input. The total is always counted.
    pub bad_samples: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line_bytes: 1 << 20, evidence: 20, bad_samples: 10 }
    }
}

/// The question of the window method.
///
/// A line is inside when its time, or any part of the time the edge spent on it, lies between
/// `from - margin_before_seconds` and `to + margin_after_seconds`, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowQuery {
    /// Start of the window: when the fault began.
    pub from: Timestamp,
    /// End of the window: when the fault had ended everywhere.
    pub to: Timestamp,
    /// Widens the start, in seconds.
    #[serde(default)]
    pub margin_before_seconds: u32,
    /// Widens the end, in seconds.
    #[serde(default)]
    pub margin_after_seconds: u32,
    /// What puts a person on the list.
    pub basis: Basis,
    /// Count logins that failed. A failed login shows no personal page, so it only matters for a first, generous
    /// list.
    #[serde(default)]
    pub include_failed_logins: bool,
    /// Routes that carry personal data, see [`RoutePattern`].
    pub personal_routes: Vec<String>,
    /// Name of the session cookie, when the edge logs cookies.
    #[serde(default)]
    pub session_cookie: Option<String>,
    /// Bounds of the scan.
    #[serde(default)]
    pub limits: Limits,
}

/// A query that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The window ends before it starts.
    #[error("the window ends ({to}) before it starts ({from}); swap `from` and `to`")]
    Reversed {
        /// As given.
        from: Timestamp,
        /// As given.
        to: Timestamp,
    },
    /// A route pattern is not valid.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// The basis needs personal routes.
    #[error("`personal_routes` is empty; name the routes that carry personal data, such as `/mypage/**`")]
    NoRoutes,
    /// More patterns than can be told apart.
    #[error("more than 1000 route patterns; join them with `**`")]
    TooManyRoutes,
    /// Names of fields that make no line.
    #[error(
        "the fields name no time (date and time, timestamp, or timestamp(ms)) or no cs-uri-stem; give the names in the order of the log, as its configuration has them"
    )]
    Fields,
    /// A margin reaches beyond the calendar.
    #[error("the window with its margins leaves the calendar; make the margins smaller")]
    OutOfRange,
}

/// A query ready for use: instants in milliseconds, routes compiled.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub(crate) query: WindowQuery,
    pub(crate) routes: Routes,
    /// The window with its margins, both ends included.
    pub(crate) inside: (i64, i64),
    /// What is remembered: a little more, so that pairs across the border can be joined and flagged.
    pub(crate) kept: (i64, i64),
}

/// How far outside the window lines are remembered, in milliseconds: edge and origin lines of one request differ
/// by the clocks' skew and the request's duration. Fifteen minutes is far beyond a synchronised pair; a larger
/// skew is still seen (see `skew`), and then the caller widens the margins.
pub(crate) const SLACK: i64 = 15 * 60 * 1000;

impl Compiled {
    pub(crate) fn new(query: WindowQuery) -> Result<Self, QueryError> {
        if query.to < query.from {
            return Err(QueryError::Reversed { from: query.from, to: query.to });
        }
        if query.personal_routes.is_empty() && query.basis == Basis::LoginsAndPersonalRequests {
            return Err(QueryError::NoRoutes);
        }
        if query.personal_routes.len() > 1000 {
            return Err(QueryError::TooManyRoutes);
        }
        let patterns =
            query.personal_routes.iter().map(|text| RoutePattern::parse(text)).collect::<Result<_, _>>()?;
        let shifted = |at: Timestamp, seconds: i64| {
            at.checked_add(SignedDuration::from_secs(seconds))
                .map(|at| at.as_millisecond())
                .map_err(|_| QueryError::OutOfRange)
        };
        let inside = (
            shifted(query.from, -i64::from(query.margin_before_seconds))?,
            shifted(query.to, i64::from(query.margin_after_seconds))?,
        );
        let kept = (inside.0 - SLACK, inside.1 + SLACK);
        Ok(Self { query, routes: Routes::new(patterns), inside, kept })
    }
}
