//! What the reconstruction says. Everything is in a fixed order, so two runs on the same logs give the same bytes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::facts::CacheFacts;
use crate::result::Gap;

/// What can be said about a person, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// An answer that can only have been this person's came from a cache to somebody else.
    Confirmed,
    /// An answer that may have been this person's came from a cache to somebody who may have been another person.
    Possible,
    /// The logs of a time that matters are missing.
    Indeterminate,
    /// Answers that may have been this person's came from a cache to this person alone.
    SelfOnly,
    /// The logs show no answer from a cache that could have been this person's, given that they are complete.
    Excluded,
}

/// How edge and origin were joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinedBy {
    /// The edge's id of a request, in both logs.
    RequestIds,
    /// Session, path and time.
    Sessions,
    /// Not at all: each miss may be the viewer's own page or another's.
    Nothing,
}

/// An answer that came from a cache and may have been a person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// `confirmed`, `possible` or `self_only`: what this answer alone says.
    pub says: Exposure,
    /// End of the answer, to the edge's second.
    pub at: Timestamp,
    /// The personal route, as a pattern of the query.
    pub route: String,
    /// Ids of the people who may have got it; empty when nobody knows.
    pub viewers: Vec<String>,
    /// How many people's page it may have been.
    pub candidates: u64,
    /// Name of the edge's input.
    pub input: String,
    /// Line number in it, from 1.
    pub line: u64,
}

/// A person in one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantReconstruction {
    /// The tenant; `None` when the logs name none.
    pub tenant: Option<String>,
    /// What can be said.
    pub exposure: Exposure,
    /// Answers that say `confirmed`, that say `possible`, that say `self_only`.
    pub confirmed: u64,
    /// As said.
    pub possible: u64,
    /// As said.
    pub self_only: u64,
    /// First and last of the confirmed and possible ones.
    pub first: Option<Timestamp>,
    /// As said.
    pub last: Option<Timestamp>,
    /// Their routes.
    pub routes: Vec<String>,
    /// People who got a page that was confirmed as this person's; bounded as the evidence.
    pub seen_by: Vec<String>,
    /// The first of the answers, the confirmed before the possible.
    pub answers: Vec<KeptAnswer>,
}

/// A person of the window's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonReconstruction {
    /// Id of the person in the logs.
    pub person: String,
    /// Kind of person; `None` when the logs name none.
    pub kind: Option<String>,
    /// The worst among the tenants.
    pub exposure: Exposure,
    /// Tenant by tenant.
    pub tenants: Vec<TenantReconstruction>,
}

/// People by what can be said of them; together they are the window's list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureCounts {
    /// People, each once.
    pub confirmed: u64,
    /// As said.
    pub possible: u64,
    /// As said.
    pub indeterminate: u64,
    /// As said.
    pub self_only: u64,
    /// As said.
    pub excluded: u64,
}

/// Personal requests at the edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerCounts {
    /// Made by the origin for whoever asked.
    pub own: u64,
    /// Came from some cache, whatever the edge calls them.
    pub kept: u64,
    /// One or the other: the logs do not say which.
    pub unsure: u64,
    /// Of the last two: an answer reached, or may have reached, somebody else.
    pub exposing: u64,
    /// Of the last two: nobody knows whose page it was, or it may have been that of somebody whom no log names. Then nobody is excluded.
    pub unexplained: u64,
    /// Of the last two: nobody knows who got it.
    pub viewer_unknown: u64,
    /// The origin's line of the request id is of other people than the edge's session: an id that is not unique.
    #[serde(default)]
    pub contradicted: u64,
}

/// How much may have gone unseen because the edge's log lost lines. A line of an answer from a cache that is lost leaves no trace; one
/// of an answer that the origin made is missed beside the origin's line, and both are lost alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residual {
    /// Requests at the origin that name an id of the edge.
    pub origin_requests: u64,
    /// Of them: no line at the edge.
    pub without_edge_line: u64,
    /// Answers beside the exposing ones that are to be expected among what was lost, in thousandths: `p / (1 - p)` times the exposing
    /// ones, where `p` is the share without a line; fewer than three are taken as three, since none seen does not prove that there were none. `None` where the logs cannot be joined by ids, or nothing was joined.
    pub expected_unseen_thousandths: Option<u64>,
}

/// What the classes rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assumption {
    /// The edge's log has each answer of the window. Always: what is lost leaves no trace.
    EdgeLogComplete,
    /// The origin's log has each request that reached it.
    OriginLogComplete,
    /// No cache gave an answer for longer than the facts say.
    TimeToLive,
    /// The cache was changed and purged when the facts say so.
    History,
    /// A location keeps one copy.
    SingleCopy,
    /// The key has host and query.
    KeyHasHostAndQuery,
    /// Answers of different length are different bodies.
    LengthsTellBodies,
    /// An address with a program is the people seen behind it.
    ClientsTellPeople,
    /// Nobody but its holders uses a session.
    SessionsTellPeople,
}

/// What more would make the classes sharper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WouldHelp {
    /// An origin log that has the edge's id of each request.
    RequestIdsAtOrigin,
    /// An edge log with the session's cookie.
    SessionsAtEdge,
    /// The missing hours or the rest of inputs that broke off.
    MissingLogs,
    /// A shorter time to live, if the configuration shows one.
    TimeToLive,
    /// A proof that there is no cache behind the edge.
    Tiers,
    /// Lengths of bodies in the edge's log.
    Lengths,
}

/// Why nobody is excluded: everybody else on the list is at least indeterminate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The origin's log has no line of an hour of the window.
    MissingOriginHours,
    /// An input breaks off.
    TruncatedInputs,
    /// An input has lines that could not be read, or is of a form that is not known.
    DamagedInputs,
    /// A cache gave an answer of which nobody knows whose it was.
    UnexplainedAnswers,
    /// The clocks of edge and origin are more than a minute apart: the origin's lines of the window may not be those of its fault.
    ClocksApart,
}

/// The answer: for each person of the window's list, what the logs show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconstruction {
    /// What was taken for granted of the cache.
    pub cache: CacheFacts,
    /// How the logs were joined.
    pub joined_by: JoinedBy,
    /// The people of the window's list, by id.
    pub people: Vec<PersonReconstruction>,
    /// Their number.
    pub counts: ExposureCounts,
    /// The answers.
    pub answers: AnswerCounts,
    /// What may have gone unseen.
    pub residual: Residual,
    /// Hours in which more than a quarter of the requests at the origin have no line at the edge. They are taken as hours without any:
    /// a file of the edge is missing.
    pub thin_hours: Vec<Gap>,
    /// Why nobody is excluded; empty where somebody may be.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
    /// Sessions that were used from more than one address with a program: their holders are at least indeterminate, since a cache may
    /// have given their cookie to others.
    #[serde(default)]
    pub sessions_of_several_clients: u64,
    /// What the classes rest on.
    pub assumptions: Vec<Assumption>,
    /// What more would make them sharper.
    pub would_help: Vec<WouldHelp>,
}
