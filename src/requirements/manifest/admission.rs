//! Parameters of `mechanism: admission`: how many may come in, who that is counted by, and how the others wait.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::period::Period;
use super::system::Channel;

/// How many may come in, and how the others wait. What is not stated is as the guard's documentation says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdmissionParams {
    /// Requests a second that may pass to the origin.
    pub rate: f64,
    /// People inside at the same time.
    pub concurrency: u32,
    /// People newly let in, a minute; without it as places become free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newcomers_per_minute: Option<u32>,
    /// Share of rate and concurrency (0 to 1) kept for a channel, so that one channel cannot starve another; together below 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reserve: BTreeMap<Channel, f64>,
    /// In which order people wait; without it as they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<WaitingOrder>,
    /// By what channels are known. The system's first one takes whoever comes by no other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<Channel, Entrance>,
    /// Tenants with a budget, and so a waiting room, of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<TenantBudgets>,
    /// Patterns of paths that need no place, such as those of health checks and static files. Public routes need none anyway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// Patterns of paths of programs, which get no page but `application/problem+json`, whatever they accept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_clients: Vec<String>,
    /// How long places are kept, and how many there are to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_room: Option<WaitingRoom>,
}

/// The order in which those who wait get their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum WaitingOrder {
    /// `by: fifo`: as they come.
    Fifo {},
    /// `by: shuffle_then_fifo`: who comes before the opening is shuffled at it; who comes later stands behind, as they come.
    #[serde(rename_all = "camelCase")]
    ShuffleThenFifo {
        /// The opening.
        #[schemars(with = "String", extend("format" = "date-time"))]
        opens_at: Timestamp,
    },
    /// `by: lottery`: who registers before the closing takes part in a draw.
    #[serde(rename_all = "camelCase")]
    Lottery {
        /// When registration closes and the draw is made.
        #[schemars(with = "String", extend("format" = "date-time"))]
        closes_at: Timestamp,
        /// How many numbers are drawn; without it an order for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        winners: Option<u32>,
    },
    /// `by: by_group`: groups, each with an opening of its own, shuffled as above.
    ByGroup {
        /// What of a request names the group. The system itself must check that the person is of it.
        field: GroupField,
        /// The groups. Who is of none goes with the last.
        groups: Vec<WaitingGroup>,
    },
}

/// What of a request names a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupField {
    /// A header field, from trusted networks alone.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A parameter of the query.
    Query(String),
}

/// People who may come from the same instant on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitingGroup {
    /// Its name.
    pub name: String,
    /// Values of the field that mean it; without them its name does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// When its members may be served.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub opens_at: Timestamp,
}

/// By what a channel is known, and its part of those who are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entrance {
    /// By what it is known; without it by `X-Suimon-Channel: NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_by: Option<KnownBy>,
    /// Its part of those who are called while people wait in several channels, relative to the others; without it 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
}

/// By what a channel is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// A header field with this value, from trusted networks alone.
    Header(ChannelHeader),
    /// The name that is asked for, without port.
    Host(String),
    /// A pattern of paths, as of routes.
    Path(String),
}

/// A header field that names a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelHeader {
    /// The field.
    pub name: String,
    /// Its whole value.
    pub value: String,
}

/// Tenants with budgets of their own, within the system's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantBudgets {
    /// Patterns of paths with a `{tenant}`; without them the `tenantPaths` of the system's sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// What holds for each named one that does not state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<TenantBudget>,
    /// The tenants, by their name in paths. All others share the system's room.
    pub named: BTreeMap<String, TenantBudget>,
}

/// The budget of a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantBudget {
    /// Requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// People inside at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// People newly let in, a minute; without it as places become free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newcomers_per_minute: Option<u32>,
}

impl TenantBudgets {
    /// What holds for each tenant, by name.
    pub fn resolved(&self) -> BTreeMap<&str, TenantBudget> {
        let each = self.each.unwrap_or_default();
        self.named
            .iter()
            .map(|(name, own)| {
                let TenantBudget { rate, concurrency, newcomers_per_minute } = *own;
                let whole = TenantBudget {
                    rate: rate.or(each.rate),
                    concurrency: concurrency.or(each.concurrency),
                    newcomers_per_minute: newcomers_per_minute.or(each.newcomers_per_minute),
                };
                (name.as_str(), whole)
            })
            .collect()
    }
}

/// How long places are kept, and how many there are to wait. Times in hours, minutes and seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitingRoom {
    /// Most people who wait in each room; without it 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
    /// How long a place in the line is kept after its holder was last seen; without it `PT5M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Period>,
    /// How long a place inside is; without it `PT15M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Period>,
    /// Within which time who is called must come; without it `PT2M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_within: Option<Period>,
    /// What the page is answered with: 503, or 200 where something in between puts its own page in place of errors; without it 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [200, 503]))]
    pub status: Option<u16>,
}

/// The length of a period of hours, minutes and seconds; none of one in days or longer, whose length depends on the calendar.
pub fn clock_time(period: &Period) -> Option<SignedDuration> {
    SignedDuration::try_from(period.span()).ok()
}
