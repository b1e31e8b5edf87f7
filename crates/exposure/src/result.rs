//! The result of the window method. Everything is in a fixed order, so two runs on the same logs give the same bytes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::input::InputReport;
use crate::query::WindowQuery;

/// What can be said about a person by the window method, which gives the upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The logs show the person in the window: the page may have been seen.
    Possible,
    /// The person is known from the logs, but not in the window, and parts of the logs of the window are missing.
    Indeterminate,
}

/// Where a log was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In the edge (content delivery network).
    Edge,
    /// In the system itself.
    Origin,
}

/// What a log line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// A login.
    Login,
    /// A login that failed.
    FailedLogin,
    /// A personal request that reached the origin.
    OriginRequest,
    /// A personal request at the edge.
    EdgeRequest,
}

/// A log line that puts a person on the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// Time of the line; for the edge the end of the response, to the second.
    pub at: Timestamp,
    /// What it shows.
    pub what: EvidenceKind,
    /// Name of the input.
    pub input: String,
    /// Line number, from 1.
    pub line: u64,
}

/// A person in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantExposure {
    /// The tenant; `None` when the logs name none.
    pub tenant: Option<String>,
    /// What can be said.
    pub class: Class,
    /// First line that counts.
    pub first: Option<Timestamp>,
    /// Last line that counts.
    pub last: Option<Timestamp>,
    /// First line of the origin's log that names the person in this tenant, at any time.
    pub seen_first: Timestamp,
    /// The last such line. For the indeterminate these two tell how near to the missing part they were.
    pub seen_last: Timestamp,
    /// Personal requests; one that both logs show is one. 0 when the basis is logins.
    pub requests: u64,
    /// Logins, the failed among them if the query counts them.
    pub logins: u64,
    /// Personal routes that were fetched, as patterns of the query.
    pub routes: Vec<String>,
    /// Lines that count, in all.
    pub evidence_total: u64,
    /// The first of these lines.
    pub evidence: Vec<Evidence>,
}

/// A person on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonExposure {
    /// Id of the person in the logs.
    pub person: String,
    /// Kind of person; `None` when the logs name none.
    pub kind: Option<String>,
    /// The strongest class among the tenants.
    pub class: Class,
    /// Tenant by tenant.
    pub tenants: Vec<TenantExposure>,
}

/// Possibly exposed people of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// The kind.
    pub kind: Option<String>,
    /// People, each once.
    pub persons: u64,
    /// Tenants with at least one of them.
    pub tenants: u64,
}

/// Possibly exposed people of a kind in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCount {
    /// The tenant.
    pub tenant: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// People.
    pub persons: u64,
}

/// Shows that the tenants' lists and the total agree: `sum_over_tenants - counted_again = total_persons`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Sum of the tenants' counts.
    pub sum_over_tenants: u64,
    /// Entries beyond the first of people who are in several tenants.
    pub counted_again: u64,
    /// People who are in several tenants.
    pub persons_in_several_tenants: u64,
    /// People, each once.
    pub total_persons: u64,
}

/// Counts of people. Only `possible` is counted, except where said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// People, each once.
    pub total_persons: u64,
    /// Tenants with at least one.
    pub total_tenants: u64,
    /// By kind.
    pub by_kind: Vec<KindCount>,
    /// By tenant and kind.
    pub by_tenant_kind: Vec<TenantCount>,
    /// The proof that the two agree.
    pub reconciliation: Reconciliation,
    /// People who are `indeterminate`.
    pub indeterminate_persons: u64,
}

/// A part of the window in which a source has no line at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Which log.
    pub source: Source,
    /// Start of the first hour without a line, or of the window.
    pub from: Timestamp,
    /// End of the last hour without a line, or of the window.
    pub to: Timestamp,
}

/// Whether the logs cover the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Whether an edge log was given at all.
    pub edge_given: bool,
    /// Whether an origin log was given at all.
    pub origin_given: bool,
    /// Hours of the window without any line.
    pub gaps: Vec<Gap>,
    /// Inputs that broke off: the rest of them is missing.
    pub truncated_inputs: Vec<String>,
    /// No part that the basis needs is known to be missing. Logs of an edge are delivered with best effort: this
    /// is no proof that each line is there.
    pub complete: bool,
}

/// Personal requests of a route that could not be given to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteCount {
    /// The pattern.
    pub route: String,
    /// How many.
    pub requests: u64,
}

/// Lines inside the window that count but belong to nobody known. Never empty in silence: they are a reason to
/// ask for better logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unattributed {
    /// Personal requests at the edge without a session in the log and without a line at the origin.
    pub edge_without_session: u64,
    /// Personal requests at the edge whose session no origin line names.
    pub edge_with_unknown_session: u64,
    /// Personal requests at the origin that name no person.
    pub origin_requests: u64,
    /// Logins that name no person.
    pub logins: u64,
    /// Requests that were given to all holders of a session, because it had several.
    pub shared_sessions: u64,
    /// The unattributed requests by route.
    pub by_route: Vec<RouteCount>,
    /// The first of the unattributed lines.
    pub evidence: Vec<Evidence>,
}

/// Lines inside the window that the query leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCounted {
    /// Failed logins, when the query leaves them out.
    pub failed_logins: u64,
    /// Personal requests that were answered with a redirect or an error.
    pub refused_requests: u64,
}

/// Origin clock minus edge clock, from requests that both logs show. The edge logs whole seconds: half a second
/// either way is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// Pairs it rests on.
    pub pairs: u64,
    /// Median.
    pub median_milliseconds: i64,
    /// Below this lie 5 %.
    pub p05_milliseconds: i64,
    /// Above this lie 5 %.
    pub p95_milliseconds: i64,
}

/// Lines so near to the window's ends that the clocks' skew decides whether they are inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Border {
    /// How near, in milliseconds: the skew, and at least the edge's second.
    pub within_milliseconds: i64,
    /// Counting lines just inside.
    pub lines_inside: u64,
    /// Lines just outside that would count.
    pub lines_outside: u64,
    /// People who are on the list only because of lines just inside.
    pub persons_only_inside: Vec<String>,
    /// People who are not on the list but have lines just outside.
    pub persons_only_outside: Vec<String>,
}

/// The answer to a [`WindowQuery`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowResult {
    /// The question.
    pub query: WindowQuery,
    /// The people, by id.
    pub people: Vec<PersonExposure>,
    /// Their number.
    pub counts: Counts,
    /// The inputs, by name.
    pub inputs: Vec<InputReport>,
    /// What the logs cover.
    pub coverage: Coverage,
    /// What belongs to nobody.
    pub unattributed: Unattributed,
    /// What the query leaves out.
    pub not_counted: NotCounted,
    /// How the clocks differ; `None` without a request that both logs show.
    pub skew: Option<Skew>,
    /// What the clocks decide.
    pub border: Border,
}
