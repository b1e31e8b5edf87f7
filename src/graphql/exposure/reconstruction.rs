//! What the classes of a reconstruction rest on.

use async_graphql::{Enum, Object, SimpleObject};

use crate::graphql::scalars::Instant;
use crate::incidents::affected::model::Reconstructed;

/// How the logs of edge and origin were joined.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "exposure::JoinedBy")]
pub enum LogsJoinedBy {
    /// On the edge's id of a request, in both logs.
    RequestIds,
    /// On session, path and time.
    Sessions,
    /// Not at all: each miss may be the viewer's own page or another's.
    Nothing,
}

/// What the classes rest on.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "exposure::Assumption")]
pub enum ReconstructionPremise {
    /// The edge's log has each answer of the window. Always: what is lost leaves no trace.
    EdgeLogComplete,
    /// The origin's log has each request that reached it.
    OriginLogComplete,
    /// No cache gave an answer for longer than stated.
    TimeToLive,
    /// The cache was changed and purged when stated.
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
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "exposure::WouldHelp")]
pub enum ReconstructionAid {
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

/// Why nobody could be shown not to be concerned.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "exposure::Doubt")]
pub enum ReconstructionDoubt {
    /// Hours of the origin's log are missing.
    MissingOriginHours,
    /// A log breaks off.
    TruncatedInputs,
    /// A log has lines that could not be read.
    DamagedInputs,
    /// Nobody knows whose an answer from a cache was.
    UnexplainedAnswers,
    /// The clocks of edge and origin are more than a minute apart.
    ClocksApart,
}

/// What was taken for granted of the cache.
#[derive(SimpleObject)]
pub struct CacheFacts {
    /// The longest that a kept answer was given without asking anew.
    time_to_live_seconds: u32,
    /// Caches behind one another.
    tiers: i32,
    single_copy: bool,
    key_has_host_and_query: bool,
    lengths_tell_bodies: bool,
    clients_tell_people: bool,
    origin_log_complete: bool,
    /// How far the clocks of edge and origin may differ where no request shows it.
    clock_difference_milliseconds: u32,
    /// What was changed of it, and when.
    history: Vec<CacheChange>,
}

/// A change of the cache's configuration, or a purge, at all personal routes.
#[derive(SimpleObject)]
pub struct CacheChange {
    /// When it was ordered.
    at: Instant,
    /// How long until every place had it.
    spreads_seconds: u32,
    /// The longest that an answer was given without asking anew since then; null: as before.
    time_to_live_seconds: Option<u32>,
    /// Whether answers were kept at all since then; null: as before.
    keeps: Option<bool>,
    /// All that was kept was removed.
    purged: bool,
}

impl From<exposure::CacheChange> for CacheChange {
    fn from(change: exposure::CacheChange) -> Self {
        let exposure::CacheChange { at, spreads_seconds, time_to_live_seconds, keeps, purged } = change;
        Self { at: Instant(at), spreads_seconds, time_to_live_seconds, keeps, purged }
    }
}

impl From<exposure::CacheFacts> for CacheFacts {
    fn from(facts: exposure::CacheFacts) -> Self {
        let exposure::CacheFacts {
            time_to_live_seconds,
            tiers,
            single_copy,
            key_has_host_and_query,
            lengths_tell_bodies,
            clients_tell_people,
            origin_log_complete,
            clock_difference_milliseconds,
            history,
        } = facts;
        Self {
            time_to_live_seconds,
            tiers: tiers.into(),
            single_copy,
            key_has_host_and_query,
            lengths_tell_bodies,
            clients_tell_people,
            origin_log_complete,
            clock_difference_milliseconds,
            history: history.into_iter().map(Into::into).collect(),
        }
    }
}

/// People of the window's list by class, each once, as the logs gave them; corrections by hand do not change it.
#[derive(SimpleObject)]
pub struct ClassCounts {
    confirmed: u64,
    possible: u64,
    indeterminate: u64,
    self_only: u64,
    excluded: u64,
}

/// Personal requests at the edge.
#[derive(SimpleObject)]
pub struct AnswerCounts {
    /// Made by the origin for whoever asked.
    own: u64,
    /// Came from some cache, whatever the edge calls them.
    kept: u64,
    /// One or the other: the logs do not say which.
    unsure: u64,
    /// Of the last two: reached, or may have reached, somebody else.
    exposing: u64,
    /// Of the last two: nobody knows whose page it was.
    unexplained: u64,
    /// Of the last two: nobody knows who got it.
    viewer_unknown: u64,
    /// The edge's id and the session name different people.
    contradicted: u64,
}

/// How much may have gone unseen because the edge's log lost lines.
#[derive(SimpleObject)]
pub struct ResidualRisk {
    /// Requests at the origin that name an id of the edge.
    origin_requests: u64,
    /// Of them: no line at the edge.
    without_edge_line: u64,
    /// Exposing answers beside those found that are to be expected among what was lost, in thousandths; null where the logs cannot be
    /// joined by ids.
    expected_unseen_thousandths: Option<u64>,
}

/// A time without enough lines.
#[derive(SimpleObject)]
pub struct ThinHours {
    from: Instant,
    to: Instant,
}

/// What the classes of a list rest on.
pub struct ReconstructionBasis(pub Reconstructed);

#[Object]
impl ReconstructionBasis {
    async fn cache(&self) -> CacheFacts {
        self.0.cache.clone().into()
    }

    async fn joined_by(&self) -> LogsJoinedBy {
        self.0.joined_by.into()
    }

    async fn counts(&self) -> ClassCounts {
        let exposure::ExposureCounts { confirmed, possible, indeterminate, self_only, excluded } =
            self.0.counts;
        ClassCounts { confirmed, possible, indeterminate, self_only, excluded }
    }

    async fn answers(&self) -> AnswerCounts {
        let exposure::AnswerCounts { own, kept, unsure, exposing, unexplained, viewer_unknown, contradicted } =
            self.0.answers;
        AnswerCounts { own, kept, unsure, exposing, unexplained, viewer_unknown, contradicted }
    }

    async fn residual(&self) -> ResidualRisk {
        let exposure::Residual { origin_requests, without_edge_line, expected_unseen_thousandths } =
            self.0.residual;
        ResidualRisk { origin_requests, without_edge_line, expected_unseen_thousandths }
    }

    /// Hours in which more than a quarter of the requests at the origin have no line at the edge: a file of the edge is missing.
    async fn thin_hours(&self) -> Vec<ThinHours> {
        let hours = self.0.thin_hours.iter();
        hours.map(|gap| ThinHours { from: gap.from.into(), to: gap.to.into() }).collect()
    }

    /// What the classes rest on.
    async fn premises(&self) -> Vec<ReconstructionPremise> {
        self.0.assumptions.iter().map(|one| (*one).into()).collect()
    }

    /// Why nobody is excluded and nobody the only one who got their own page; empty where somebody may be.
    async fn doubts(&self) -> Vec<ReconstructionDoubt> {
        self.0.doubts.iter().map(|one| (*one).into()).collect()
    }

    /// Sessions that were used from more than one address with a program: somebody may have had another person's.
    async fn sessions_of_several_clients(&self) -> u64 {
        self.0.sessions_of_several_clients
    }

    /// What more would make them sharper.
    async fn would_help(&self) -> Vec<ReconstructionAid> {
        self.0.would_help.iter().map(|one| (*one).into()).collect()
    }
}
