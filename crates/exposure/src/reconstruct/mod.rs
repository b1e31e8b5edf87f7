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
mod history;
mod join;
#[cfg(test)]
mod plain;
mod result;
mod shelf;
mod spans;
mod subjects;

pub use facts::{CacheChange, CacheFacts, FactsError};

use history::Rules;
pub use result::{
    AnswerCounts, Assumption, Doubt, Exposure, ExposureCounts, JoinedBy, KeptAnswer, PersonReconstruction,
    Reconstruction, Residual, TenantReconstruction, WouldHelp,
};

use crate::finish::timestamp;
use crate::formats::Format;
use crate::input::InputReport;
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
    let mut doubts = doubts(store, window);
    let damaged_origin = |input: &InputReport| {
        (input.bad.count > 0 && input.format.is_none_or(Format::is_of_origin)) || input.lost > 0
    };
    let mut facts = facts.clone();
    // Lines that cannot be read, and those that are remembered for another time, are not there.
    facts.origin_log_complete &=
        !window.inputs.iter().any(damaged_origin) && !doubts.contains(&Doubt::ClocksApart);
    let facts = &facts;
    let joined = join::join(compiled, store, facts);
    let gaps = Gaps::of(window, &joined.thin, Rules::of(facts).longest_of_all());
    let found = candidates::candidates(&joined, facts, compiled.inside.0 - BORDER, &gaps);
    let classes::Classified { people, counts, answers, several } =
        classes::classify(compiled, store, facts, &joined, &found, (window, &gaps), &mut doubts);
    let mut residual = joined.residual;
    let lines = residual.origin_requests - residual.without_edge_line;
    if joined.by == JoinedBy::RequestIds && lines > 0 {
        let lost = u128::from(residual.without_edge_line) * u128::from(answers.exposing.max(3)) * 1_000;
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
        cache: facts.clone(),
        joined_by,
        people,
        counts,
        answers,
        residual,
        thin_hours,
        doubts,
        sessions_of_several_clients: several,
        assumptions,
        would_help,
    }
}

/// Nobody knows to the second when a fault began: what was made so many milliseconds before may have been kept.
const BORDER: i64 = 60_000;

/// Clocks that are further apart are wrong by more than their drift: an hour of daylight saving, or nine of a time zone.
const APART: i64 = 60_000;

/// As far as the inputs tell.
fn doubts(store: &Store, window: &WindowResult) -> Vec<Doubt> {
    let coverage = &window.coverage;
    let damaged = |input: &InputReport| input.bad.count > 0 && input.duplicate_of.is_none();
    let apart = store.skew.estimate().is_some_and(|skew| skew.median_milliseconds.abs() > APART);
    [
        (coverage.gaps.iter().any(|gap| gap.source == Source::Origin), Doubt::MissingOriginHours),
        (!coverage.truncated_inputs.is_empty(), Doubt::TruncatedInputs),
        (window.inputs.iter().any(damaged), Doubt::DamagedInputs),
        (apart, Doubt::ClocksApart),
    ]
    .into_iter()
    .filter_map(|(holds, doubt)| holds.then_some(doubt))
    .collect()
}

/// Times without a line, in milliseconds.
pub(crate) struct Gaps {
    edge: Vec<(i64, i64)>,
    /// Of neither log.
    both: Vec<(i64, i64)>,
}

impl Gaps {
    fn of(window: &WindowResult, thin: &[(i64, i64)], life: i64) -> Self {
        let of = |source| {
            let gaps = window.coverage.gaps.iter().filter(move |gap| gap.source == source);
            gaps.map(|gap| (gap.from.as_millisecond(), gap.to.as_millisecond()))
        };
        let mut all: Vec<(i64, i64)> = of(Source::Edge).chain(thin.iter().copied()).collect();
        all.sort_unstable();
        // What was renewed in one may have lasted into the next: between them nothing is known to have ended.
        let mut edge: Vec<(i64, i64)> = Vec::with_capacity(all.len());
        for (from, to) in all {
            match edge.last_mut() {
                Some(last) if from <= last.1.saturating_add(life) => last.1 = last.1.max(to),
                _ => edge.push((from, to)),
            }
        }
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
        (!facts.history.is_empty(), Assumption::History),
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
