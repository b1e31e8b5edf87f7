//! Who saw whose page: from the logs of edge and origin, for each person what they show.
//!
//! An answer of the edge that no request at the origin belongs to came from a cache, whatever the edge calls it: a miss of the nearest
//! cache may have been a hit of the one behind it. Whose page it was: one of those that the caches may still have had. Who got it:
//! whoever holds the session. A person is *excluded* only if no answer from a cache can have been theirs, and *confirmed* only if one can
//! have been nobody else's and went to somebody else. Everything between is *possible*; where logs are missing, *indeterminate*.
//!
//! "A hit is the page of the latest miss" is not used anywhere: with a cache behind the edge it leaves out people whose page was seen.

mod candidates;
mod classes;
mod facts;
mod join;
#[cfg(test)]
mod plain;
mod result;
mod shelf;
mod spans;
mod subjects;

pub use facts::{CacheFacts, FactsError};
pub use result::{
    AnswerCounts, Assumption, Exposure, ExposureCounts, JoinedBy, KeptAnswer, PersonReconstruction,
    Reconstruction, Residual, TenantReconstruction, WouldHelp,
};

use crate::finish::timestamp;
use crate::query::Compiled;
use crate::result::{Gap, Source, WindowResult};
use crate::store::Store;

/// `window` is the answer of the window method for the same logs.
pub(crate) fn reconstruct(
    compiled: &Compiled,
    store: &Store,
    facts: &CacheFacts,
    window: &WindowResult,
) -> Reconstruction {
    let joined = join::join(compiled, store, facts);
    let gaps = Gaps::of(window, &joined.thin);
    let found = candidates::candidates(&joined, facts, compiled.inside.0, &gaps);
    let classes::Classified { people, counts, answers } =
        classes::classify(compiled, store, facts, &joined, &found, (window, &gaps));
    let mut residual = joined.residual;
    let lines = residual.origin_requests - residual.without_edge_line;
    if joined.by == JoinedBy::RequestIds && lines > 0 {
        let lost = u128::from(residual.without_edge_line) * u128::from(answers.exposing) * 1_000;
        residual.expected_unseen_thousandths =
            Some(u64::try_from(lost.div_ceil(u128::from(lines))).unwrap_or(u64::MAX));
    }
    let would_help = would_help(facts, &joined, &answers, &counts, window);
    let assumptions = assumptions(facts, store);
    let gap =
        |(from, to): &(i64, i64)| Gap { source: Source::Edge, from: timestamp(*from), to: timestamp(*to) };
    let thin_hours = joined.thin.iter().map(gap).collect();
    let joined_by = joined.by;
    Reconstruction {
        cache: *facts,
        joined_by,
        people,
        counts,
        answers,
        residual,
        thin_hours,
        assumptions,
        would_help,
    }
}

/// Times without a line, in milliseconds.
pub(crate) struct Gaps {
    edge: Vec<(i64, i64)>,
    /// Of neither log.
    both: Vec<(i64, i64)>,
}

impl Gaps {
    fn of(window: &WindowResult, thin: &[(i64, i64)]) -> Self {
        let of = |source| {
            let gaps = window.coverage.gaps.iter().filter(move |gap| gap.source == source);
            gaps.map(|gap| (gap.from.as_millisecond(), gap.to.as_millisecond()))
        };
        let edge: Vec<(i64, i64)> = of(Source::Edge).chain(thin.iter().copied()).collect();
        let both = of(Source::Origin).flat_map(|(from, to)| {
            edge.iter().map(move |gap| (gap.0.max(from), gap.1.min(to))).filter(|(from, to)| from < to)
        });
        let both = both.collect();
        Self { edge, both }
    }
}

fn assumptions(facts: &CacheFacts, store: &Store) -> Vec<Assumption> {
    let sessions = store.edge().iter().any(|record| record.session != 0);
    [
        (true, Assumption::EdgeLogComplete),
        (facts.origin_log_complete, Assumption::OriginLogComplete),
        (true, Assumption::TimeToLive),
        (facts.single_copy, Assumption::SingleCopy),
        (facts.key_has_host_and_query, Assumption::KeyHasHostAndQuery),
        (facts.lengths_tell_bodies, Assumption::LengthsTellBodies),
        (facts.clients_tell_people, Assumption::ClientsTellPeople),
        (sessions, Assumption::SessionsTellPeople),
    ]
    .into_iter()
    .filter_map(|(holds, assumption)| holds.then_some(assumption))
    .collect()
}

fn would_help(
    facts: &CacheFacts,
    joined: &join::Joined<'_>,
    answers: &AnswerCounts,
    counts: &ExposureCounts,
    window: &WindowResult,
) -> Vec<WouldHelp> {
    let open = counts.possible > 0;
    let lengths = joined.answers.iter().any(|answer| answer.length.get().is_some());
    [
        (joined.by != JoinedBy::RequestIds, WouldHelp::RequestIdsAtOrigin),
        (answers.viewer_unknown > 0, WouldHelp::SessionsAtEdge),
        (!window.coverage.complete || !joined.thin.is_empty(), WouldHelp::MissingLogs),
        (open, WouldHelp::TimeToLive),
        (open && facts.tiers > 1, WouldHelp::Tiers),
        (open && !lengths, WouldHelp::Lengths),
    ]
    .into_iter()
    .filter_map(|(helps, what)| helps.then_some(what))
    .collect()
}
