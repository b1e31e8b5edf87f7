//! Which line of the edge belongs to which line of the origin, and so: which answers were made for whoever asked, and which came from
//! a cache. An edge's own word (`Hit`, `Miss`) says less: a miss of one cache may be a hit of the next.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::facts::CacheFacts;
use super::result::{JoinedBy, Residual};
use super::spans::{OfThemselves, Spans};
use super::subjects::Subjects;
use crate::query::Compiled;
use crate::record::{Body, EdgeRecord, Name, Object, OriginRecord, Place, Said, What};
use crate::store::{NOBODY, Store};

const HOUR: i64 = 3_600_000;

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Made {
    /// By the origin, for whoever asked.
    Own(Subjects),
    /// It was in some cache.
    Kept,
    /// One or the other: if it was made, then for these.
    Unsure(Subjects),
}

/// A personal request at the edge that was answered.
#[derive(Debug, Clone)]
pub(super) struct Answer<'s> {
    pub edge: &'s EdgeRecord,
    pub may_be_kept: bool,
    pub made: Made,
    /// Who asked.
    pub viewers: Subjects,
}

impl std::ops::Deref for Answer<'_> {
    type Target = EdgeRecord;

    fn deref(&self) -> &EdgeRecord {
        self.edge
    }
}

/// A request at the origin that no answer at the edge is known to belong to: its answer may be in any cache.
#[derive(Debug, Clone)]
pub(super) struct Loose {
    pub start: i64,
    pub end: i64,
    pub path: u64,
    pub subjects: Subjects,
}

pub(super) struct Joined<'s> {
    pub by: JoinedBy,
    pub answers: Vec<Answer<'s>>,
    pub loose: Vec<Loose>,
    pub residual: Residual,
    /// Hours of which so many lines of the edge are missing that it is as if it had none.
    pub thin: Vec<(i64, i64)>,
}

/// What the origin says of one request id.
struct AtOrigin {
    subjects: Subjects,
    /// It only said that what is kept is still good: the body belongs to whom it was made for before.
    confirms: bool,
}

impl AtOrigin {
    /// `None` where the origin has no line of the request.
    fn of(requests: &[&OriginRecord], record: &EdgeRecord) -> Option<Self> {
        if !record.name.is_request() {
            return None;
        }
        let first = requests.partition_point(|one| one.name < record.name);
        let mut lines = requests[first..].iter().take_while(|one| one.name == record.name).peekable();
        lines.peek()?;
        let mut known = Self { subjects: Subjects::default(), confirms: true };
        for line in lines {
            known.subjects.add(&named(line.subject));
            known.confirms &= line.status == 304;
        }
        Some(known)
    }
}

pub(super) fn join<'s>(compiled: &Compiled, store: &'s Store, facts: &CacheFacts) -> Joined<'s> {
    let clocks = clocks(store, facts);
    // In the order of their names, as all that the store has.
    let requests: Vec<&OriginRecord> =
        store.origin().iter().filter(|record| matches!(record.what, What::Request(_))).collect();
    let edge = one_of_each_request(store);
    let is_at_origin = |record: &EdgeRecord| {
        record.name.is_request() && requests.binary_search_by_key(&record.name, |one| one.name).is_ok()
    };
    let is_at_edge = |record: &OriginRecord| {
        record.name.is_request() && store.edge().binary_search_by_key(&record.name, |one| one.name).is_ok()
    };
    let joined = edge.iter().any(|record| is_at_origin(record));
    let by_sessions = !joined && edge.iter().any(|record| record.session != 0);
    let by = match (joined, by_sessions && requests.iter().any(|record| record.session != 0)) {
        (true, _) => JoinedBy::RequestIds,
        (false, true) => JoinedBy::Sessions,
        (false, false) => JoinedBy::Nothing,
    };
    // What no id joins, for the other way.
    let rest: Vec<&OriginRecord> = requests.iter().copied().filter(|record| !is_at_edge(record)).collect();
    let pairing = Pairing::new(&edge, &rest, by, clocks);

    let mut residual = Residual::default();
    // By hour of the edge's clock: requests at the origin, and those without a line at the edge.
    let mut hours: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    let inside = |(start, end): (i64, i64)| end >= compiled.inside.0 && start <= compiled.inside.1;
    if by == JoinedBy::RequestIds {
        for record in requests.iter().filter(|record| record.name.is_request() && inside(record.at)) {
            residual.origin_requests += 1;
            let lost = u64::from(!is_at_edge(record));
            residual.without_edge_line += lost;
            let hour = hours.entry((record.at.0 - (clocks.0 + clocks.1) / 2).div_euclid(HOUR)).or_default();
            *hour = (hour.0 + 1, hour.1 + lost);
        }
    }

    let mut answers = Vec::with_capacity(edge.len());
    for (number, record) in edge.iter().enumerate() {
        let viewers = viewers(store, record);
        let known = AtOrigin::of(&requests, record);
        let confirms = known.as_ref().is_some_and(|known| known.confirms);
        let made = match known {
            // The origin gave no body: what the viewer got, and what is good for another life now, was kept.
            Some(_) if confirms && (record.body != Body::Nothing || record.said == Said::Confirmed) => {
                Made::Kept
            }
            Some(known) => Made::Own(known.subjects),
            None => {
                let is_covered = hours_are_there(store, compiled.inside, record);
                pairing.made(number, record, &viewers, is_covered, facts)
            }
        };
        if record.refused {
            continue;
        }
        // The viewer's own copy was confirmed, and no body went by.
        let may_be_kept = record.may_be_kept && (!confirms || made == Made::Kept);
        answers.push(Answer { edge: record, may_be_kept, made, viewers });
    }
    let loose = rest
        .iter()
        .enumerate()
        .filter(|(number, record)| !record.refused && record.status != 304 && !pairing.taken.contains(number))
        .map(|(_, record)| Loose {
            // By the edge's clock.
            start: record.at.0 - clocks.1,
            end: record.at.1 - clocks.0,
            path: record.path,
            subjects: named(record.subject),
        })
        .collect();
    // A file that never came, while stragglers of its hour came with others: a quarter is far more than a delivery loses here and there.
    let thin = hours.into_iter().filter(|(_, (all, lost))| lost * 4 > *all);
    let thin = thin.map(|(hour, _)| (hour * HOUR, (hour + 1) * HOUR)).collect();
    Joined { by, answers, loose, residual, thin }
}

fn named(subject: u32) -> Subjects {
    match subject {
        NOBODY => Subjects::nobody_knows(),
        subject => Subjects::one(subject),
    }
}

/// Origin's clock minus the edge's: at least and at most.
fn clocks(store: &Store, facts: &CacheFacts) -> (i64, i64) {
    match store.skew.estimate() {
        // The edge's time is a whole second, and a request takes its time.
        Some(skew) => (skew.p05_milliseconds - 1_000, skew.p95_milliseconds + 1_000),
        None => {
            let most = i64::from(facts.clock_difference_milliseconds);
            (-most, most)
        }
    }
}

/// A request may have several lines, with the session and without it: a log without cookies hides nothing. In the order of time.
fn one_of_each_request(store: &Store) -> Vec<&EdgeRecord> {
    // Lines of one request are next to each other, and the one without a session is the first.
    let alike = |one: &EdgeRecord, other: &EdgeRecord| one.name == other.name && one.name.is_request();
    let mut all: Vec<&EdgeRecord> = Vec::with_capacity(store.edge().len());
    for lines in store.edge().chunk_by(alike) {
        // Two sessions under one id: both count.
        let named = lines.iter().filter(|record| record.session != 0);
        let before = all.len();
        all.extend(named);
        if all.len() == before {
            all.extend(lines);
        }
    }
    all.sort_unstable_by_key(|record| order(record));
    all
}

/// Of what was logged, so that the order of inputs does not matter.
fn order(record: &EdgeRecord) -> (i64, i64, Name, u64, u64, Object, Place) {
    let &EdgeRecord { start, end, name, session, location, object, .. } = record;
    (start, end, name, session, location, object, record.place())
}

/// Who may have got an answer.
fn viewers(store: &Store, record: &EdgeRecord) -> Subjects {
    store.holders(record.session).map_or_else(Subjects::nobody_knows, Subjects::of)
}

/// From, to, and the number of a line of the origin.
type Span = (i64, i64, usize);

/// Lines joined by session, path and time, where no id does.
struct Pairing {
    by: JoinedBy,
    /// For each line of the edge: the one of the origin that can belong to no other.
    own: HashMap<usize, u32>,
    /// Lines of the edge that may have one of the origin.
    perhaps: BTreeSet<usize>,
    /// Lines of the origin that belong to a line of the edge.
    taken: BTreeSet<usize>,
    /// Sessions that the origin's log names with a request.
    sessions: BTreeSet<u64>,
}

impl Pairing {
    fn new(edge: &[&EdgeRecord], rest: &[&OriginRecord], by: JoinedBy, clocks: (i64, i64)) -> Self {
        let mut pairing = Self {
            by,
            own: HashMap::new(),
            perhaps: BTreeSet::new(),
            taken: BTreeSet::new(),
            sessions: rest.iter().map(|record| record.session).filter(|session| *session != 0).collect(),
        };
        // By session and path: when, and which.
        let mut at_origin: HashMap<(u64, u64), Vec<Span>> = HashMap::new();
        for (number, record) in rest.iter().enumerate().filter(|(_, record)| record.session != 0) {
            let list = at_origin.entry((record.session, record.path)).or_default();
            list.push((record.at.0 - clocks.1, record.at.1 - clocks.0, number));
        }
        let at_origin: HashMap<(u64, u64), Spans<Span>> =
            at_origin.into_iter().map(|(key, list)| (key, Spans::new(list))).collect();
        // Which lines of the origin could belong to a line of the edge, and the other way round.
        let mut claims: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut offers: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, record) in edge.iter().enumerate() {
            // One that has an id joins by it or not at all, where ids do.
            if record.session == 0 || (by == JoinedBy::RequestIds && record.name.is_request()) {
                continue;
            }
            let Some(lines) = at_origin.get(&(record.session, record.object.path)) else { continue };
            lines.between((record.start, record.end), &OfThemselves, |(_, _, line)| {
                claims.entry(*line).or_default().push(number);
                offers.entry(number).or_default().push(*line);
            });
        }
        for (number, lines) in &offers {
            pairing.perhaps.insert(*number);
            if let [line] = lines.as_slice()
                && claims.get(line).is_some_and(|claims| claims.len() == 1)
                && let Some(record) = rest.get(*line)
            {
                pairing.own.insert(*number, record.subject);
                pairing.taken.insert(*line);
            }
        }
        pairing
    }

    fn made(
        &self,
        number: usize,
        record: &EdgeRecord,
        viewers: &Subjects,
        is_covered: bool,
        facts: &CacheFacts,
    ) -> Made {
        let from_cache = matches!(record.said, Said::Kept | Said::Confirmed);
        // With one cache alone, a miss without a line at the origin is one that the origin's log lost.
        let lost = !facts.origin_log_complete || (facts.tiers == 1 && record.said == Said::Asked);
        let unsure = || if from_cache { Made::Kept } else { Made::Unsure(viewers.clone()) };
        if !is_covered {
            return unsure();
        }
        if self.by == JoinedBy::RequestIds && record.name.is_request() {
            return if lost { unsure() } else { Made::Kept };
        }
        match self.own.get(&number) {
            Some(subject) if !from_cache => return Made::Own(named(*subject)),
            _ => {}
        }
        let session_is_known = record.session != 0 && self.sessions.contains(&record.session);
        if session_is_known && !self.perhaps.contains(&number) && !lost {
            return Made::Kept;
        }
        unsure()
    }
}

/// Whether the origin's log has lines of the hours of this request, as far as they are in the window: of others nobody asks.
fn hours_are_there(store: &Store, (from, to): (i64, i64), record: &EdgeRecord) -> bool {
    let (start, end) = (record.start.max(from), record.end.min(to));
    (start.div_euclid(HOUR)..=end.div_euclid(HOUR)).all(|hour| store.origin_hours.contains(&hour))
}
