//! Which line of the edge belongs to which line of the origin, and so: which answers were made for whoever asked, and which came from
//! a cache. An edge's own word (`Hit`, `Miss`) says less: a miss of one cache may be a hit of the next.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::facts::CacheFacts;
use super::history::Rules;
use super::result::{JoinedBy, Residual};
use super::spans::{OfThemselves, Spans, Times};
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
    /// The origin, or the edge, said that what a cache had is still good: it is for another life.
    pub renewed: bool,
    /// Until when a cache may have got it: it goes on when the viewer has left, and fetches behind an old answer.
    pub until: i64,
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
    /// 0: any, it is not known which.
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
    /// Answers whose request id the origin gives to other people than the edge's session.
    pub contradicted: u64,
}

/// A cache goes on fetching so long when its viewer has left, in milliseconds, if nothing tells more.
const LEFT: i64 = 60_000;

/// The clocks of two edge locations may differ by so much, in milliseconds: what is kept in step by the network's time differs by less.
const EDGES_APART: i64 = 100;

/// What the origin says of one request.
struct AtOrigin {
    subjects: Subjects,
    /// It only said that what is kept is still good: the body belongs to whom it was made for before.
    confirms: bool,
    /// It gave no page.
    refused: bool,
    /// By the edge's clock.
    until: i64,
}

impl AtOrigin {
    /// `None` where the origin has no line of the request.
    fn of(store: &Store, requests: &[&OriginRecord], record: &EdgeRecord, clocks: Clocks) -> Option<Self> {
        if !record.name.is_request() {
            return None;
        }
        let first = requests.partition_point(|one| one.name < record.name);
        let lines = || requests[first..].iter().copied().take_while(|one| one.name == record.name);
        // An id that was given twice: the lines of this path tell, and those of another one only where there are none.
        let same = |line: &&OriginRecord| [0, record.object.path].contains(&line.path);
        if lines().any(|line| same(&line)) {
            Self::of_lines(store, lines().filter(same), clocks)
        } else {
            Self::of_lines(store, lines(), clocks)
        }
    }

    fn of_lines<'l>(
        store: &Store,
        lines: impl Iterator<Item = &'l OriginRecord>,
        clocks: Clocks,
    ) -> Option<Self> {
        let mut found: Option<Self> = None;
        for line in lines {
            let known = found.get_or_insert(Self {
                subjects: Subjects::default(),
                confirms: true,
                refused: true,
                until: i64::MIN,
            });
            known.subjects.add(&named(store, line));
            known.confirms &= line.status == 304;
            known.refused &= line.refused;
            known.until = known.until.max(clocks.of(line).1);
        }
        found
    }

    /// How the answer came about to which this belongs, and whether the two logs contradict each other.
    fn made(&self, record: &EdgeRecord, viewers: &Subjects, is_crowded: bool) -> (Made, bool) {
        // The origin gave no body: what the viewer got, and what is good for another life now, was kept.
        if self.confirms && (record.body != Body::Nothing || record.said == Said::Confirmed) {
            return (Made::Kept, false);
        }
        let mut subjects = self.subjects.clone();
        if subjects.known().is_empty() && !viewers.known().is_empty() {
            // It names nobody: then whoever asked at the edge, or nobody whom it knew.
            subjects = Subjects { others: true, strangers: false, ..viewers.clone() };
        }
        let (owners, viewing) = (subjects.known(), viewers.known());
        let contradicts = !owners.is_empty()
            && !viewing.is_empty()
            && !owners.iter().any(|owner| viewing.binary_search(owner).is_ok());
        // The edge had it all the same, or the origin gave none: what went to the origin under this id was asked beside.
        let beside = matches!(record.said, Said::Kept | Said::Confirmed) || self.refused;
        if contradicts || is_crowded || (beside && !self.confirms) {
            subjects.add_known(viewers);
            return (Made::Unsure(subjects), contradicts);
        }
        (Made::Own(subjects), false)
    }
}

pub(super) fn join<'s>(compiled: &Compiled, store: &'s Store, facts: &CacheFacts) -> Joined<'s> {
    let (clocks, rules) = (Clocks::new(store, facts), Rules::of(facts));
    // In the order of their names, as all that the store has.
    let requests: Vec<&OriginRecord> =
        store.origin().iter().filter(|record| matches!(record.what, What::Request(_))).collect();
    let edge = one_of_each_request(store);
    let is_at_origin = |record: &EdgeRecord| {
        record.name.is_request() && requests.binary_search_by_key(&record.name, |one| one.name).is_ok()
    };
    let is_at_edge = |record: &OriginRecord| at_edge(store, record).next().is_some();
    // What the edge refused, the origin may have made all the same, and the cache kept.
    let is_answered = |record: &OriginRecord| at_edge(store, record).any(|one| !one.refused);
    let joined = edge.iter().any(|record| is_at_origin(record) || store.is_elsewhere(record.name));
    let by_sessions = !joined && edge.iter().any(|record| record.session != 0);
    let by = match (joined, by_sessions && requests.iter().any(|record| record.session != 0)) {
        (true, _) => JoinedBy::RequestIds,
        (false, true) => JoinedBy::Sessions,
        (false, false) => JoinedBy::Nothing,
    };
    // What no id joins, for the other way.
    let rest: Vec<&OriginRecord> = requests.iter().copied().filter(|record| !is_answered(record)).collect();
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
            let hour = hours.entry((record.at.0 - clocks.middle()).div_euclid(HOUR)).or_default();
            *hour = (hour.0 + 1, hour.1 + lost);
        }
    }

    // A cache that gave one of what is seldom kept keeps them.
    let keeps_all = edge.iter().any(|record| !record.may_be_kept && record.body != Body::Nothing);
    let mut contradicted = 0;
    let mut answers = Vec::with_capacity(edge.len());
    for (number, record) in edge.iter().enumerate() {
        let viewers = viewers(store, record);
        let is_crowded = is_crowded(store, record);
        let mut known = AtOrigin::of(store, &requests, record, clocks);
        let is_covered = known.is_some() || hours_are_there(store, compiled.inside, record, clocks);
        if known.is_none() && is_covered {
            let line = pairing.own.get(&number).and_then(|line| rest.get(*line)).copied();
            known = AtOrigin::of_lines(store, line.into_iter(), clocks);
        }
        let mut contradicts = false;
        let made = match &known {
            Some(known) => {
                let (made, contradiction) = known.made(record, &viewers, is_crowded);
                contradicts = contradiction;
                contradicted += u64::from(contradicts && !record.refused);
                made
            }
            // The origin answered something, if not under this path.
            None if is_crowded || store.is_elsewhere(record.name) => Made::Unsure(viewers.clone()),
            None => pairing.made(number, record, &viewers, is_covered, facts),
        };
        if record.refused {
            continue;
        }
        let made = match made {
            // Where no cache gave anything, what need not come from one did not.
            Made::Unsure(subjects)
                if matches!(record.said, Said::Asked | Said::Nothing)
                    && !is_crowded
                    && !contradicts
                    && !rules.may_give((record.start, record.end)) =>
            {
                Made::Own(subjects)
            }
            made => made,
        };
        let confirms = known.as_ref().is_some_and(|known| known.confirms);
        // The viewer's own copy was confirmed, and no body went by.
        let may_be_kept = (record.may_be_kept || keeps_all) && (!confirms || made == Made::Kept);
        let renewed = (confirms && made == Made::Kept) || record.said == Said::Confirmed;
        // Who left early does not tell when the cache had it; the origin's line does, as far as the clocks do. All else was there by the end.
        let until = match record.body {
            Body::Part => known.map_or(record.end + LEFT, |known| known.until.max(record.end)),
            Body::Nothing | Body::Whole => record.end + EDGES_APART,
        };
        answers.push(Answer { edge: record, may_be_kept, renewed, until, made, viewers });
    }
    let loose = rest
        .iter()
        .enumerate()
        .filter(|(number, record)| !record.refused && record.status != 304 && !pairing.taken.contains(number))
        .map(|(_, record)| {
            let (start, end) = clocks.of(record);
            Loose { start, end, path: record.path, subjects: named(store, record) }
        })
        .collect();
    // A file that never came, while stragglers of its hour came with others: a quarter is far more than a delivery loses here and there.
    let thin = hours.into_iter().filter(|(_, (all, lost))| lost * 4 > *all);
    let thin = thin.map(|(hour, _)| (hour * HOUR, (hour + 1) * HOUR)).collect();
    Joined { by, answers, loose, residual, thin, contradicted }
}

/// For whom the origin made it. One that names nobody but a session is of whoever held that.
fn named(store: &Store, record: &OriginRecord) -> Subjects {
    match record.subject {
        NOBODY => store.holders(record.session).map_or_else(Subjects::nobody_knows, Subjects::of),
        subject => Subjects::one(subject),
    }
}

/// Origin's clock minus the edge's: at least and at most.
#[derive(Clone, Copy)]
struct Clocks {
    of_ids: (i64, i64),
    /// Of a line without an id, which may be of another server than those that have one.
    of_others: (i64, i64),
}

impl Clocks {
    fn new(store: &Store, facts: &CacheFacts) -> Self {
        let most = i64::from(facts.clock_difference_milliseconds);
        match store.skew.estimate() {
            // The edge's time is a whole second, and a request takes its time.
            Some(skew) => {
                let (least, greatest) = (skew.p05_milliseconds - 1_000, skew.p95_milliseconds + 1_000);
                let of_others = (least.min(-most), greatest.max(most));
                Self { of_ids: (least, greatest), of_others }
            }
            None => Self { of_ids: (-most, most), of_others: (-most, most) },
        }
    }

    fn middle(self) -> i64 {
        i64::midpoint(self.of_ids.0, self.of_ids.1)
    }

    /// When a line of the origin was written, by the edge's clock.
    fn of(self, record: &OriginRecord) -> (i64, i64) {
        let (least, most) = if record.name.is_request() { self.of_ids } else { self.of_others };
        (record.at.0 - most, record.at.1 - least)
    }
}

/// The edge's lines of a request.
fn at_edge<'s>(store: &'s Store, record: &OriginRecord) -> impl Iterator<Item = &'s EdgeRecord> {
    let name = record.name;
    let first = store.edge().partition_point(|one| one.name < name);
    store.edge()[first..].iter().take_while(move |one| name.is_request() && one.name == name)
}

/// Whether the edge gives the id of this request to another one as well: of another path, of another session, at another time.
fn is_crowded(store: &Store, record: &EdgeRecord) -> bool {
    let first = store.edge().partition_point(|one| one.name < record.name);
    let mut lines = store.edge()[first..].iter().take_while(|one| one.name == record.name);
    let is_another = |one: &EdgeRecord| {
        let other_session = one.session != record.session && one.session != 0 && record.session != 0;
        one.object.path != record.object.path || other_session || one.is_several()
    };
    record.name.is_request() && lines.any(is_another)
}

/// A request may have several lines, with the session and without it: a log without cookies hides nothing. In the order of time.
fn one_of_each_request(store: &Store) -> Vec<&EdgeRecord> {
    // Lines of one request are next to each other, and the one without a session is the first.
    let alike = |one: &EdgeRecord, other: &EdgeRecord| {
        one.name == other.name && one.object.path == other.object.path && one.name.is_request()
    };
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
    own: HashMap<usize, usize>,
    /// Lines of the edge that may have one of the origin.
    perhaps: BTreeSet<usize>,
    /// Lines of the origin that belong to a line of the edge.
    taken: BTreeSet<usize>,
    /// Sessions that the origin's log names with a request.
    sessions: BTreeSet<u64>,
    /// Lines of the origin without an id, by path, and by session (`None`: any).
    without_id: HashMap<(u64, Option<u64>), Times>,
}

impl Pairing {
    fn new(edge: &[&EdgeRecord], rest: &[&OriginRecord], by: JoinedBy, clocks: Clocks) -> Self {
        let mut pairing = Self {
            by,
            own: HashMap::new(),
            perhaps: BTreeSet::new(),
            taken: BTreeSet::new(),
            sessions: rest.iter().map(|record| record.session).filter(|session| *session != 0).collect(),
            without_id: HashMap::new(),
        };
        let mut without_id: HashMap<_, Vec<(i64, i64)>> = HashMap::new();
        for record in rest.iter().filter(|record| !record.name.is_request()) {
            for session in [None, Some(record.session)] {
                without_id.entry((record.path, session)).or_default().push(clocks.of(record));
            }
        }
        pairing.without_id = without_id.into_iter().map(|(key, spans)| (key, Times::new(spans))).collect();
        // By session and path: when, and which.
        let mut at_origin: HashMap<(u64, u64), Vec<Span>> = HashMap::new();
        for (number, record) in rest.iter().enumerate().filter(|(_, record)| record.session != 0) {
            let list = at_origin.entry((record.session, record.path)).or_default();
            let (start, end) = clocks.of(record);
            list.push((start, end, number));
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
                && edge.get(*number).is_some_and(|record| !record.refused)
            {
                pairing.own.insert(*number, *line);
                pairing.taken.insert(*line);
            }
        }
        pairing
    }

    fn may_be_without_id(&self, record: &EdgeRecord) -> bool {
        let of = |session| {
            let of_path = |path| self.without_id.get(&(path, session));
            // Of a log without paths it may be any.
            let mut times = [record.object.path, 0].into_iter().filter_map(of_path);
            times.any(|times| times.between(record.start, record.end))
        };
        match record.session {
            0 => of(None),
            session => of(Some(session)) || of(Some(0)),
        }
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
        // The origin's lines that nothing is joined to say whose it may be, where they are all there.
        let unsure = |strangers: bool| match from_cache {
            true => Made::Kept,
            false => Made::Unsure(Subjects { strangers: viewers.strangers && strangers, ..viewers.clone() }),
        };
        if !is_covered {
            return unsure(true);
        }
        if self.by == JoinedBy::RequestIds && record.name.is_request() {
            // One of several servers logs no ids: its line may be this request's.
            return if lost || self.may_be_without_id(record) { unsure(lost) } else { Made::Kept };
        }
        let session_is_known = record.session != 0 && self.sessions.contains(&record.session);
        if session_is_known && !self.perhaps.contains(&number) {
            return if lost { unsure(true) } else { Made::Kept };
        }
        unsure(!facts.origin_log_complete)
    }
}

/// Whether the origin's log has lines of the hours of this request by its own clock, as far as they are in the window: of others nobody
/// asks.
fn hours_are_there(store: &Store, (from, to): (i64, i64), record: &EdgeRecord, clocks: Clocks) -> bool {
    let (least, most) = clocks.of_others;
    let (start, end) = ((record.start + least).max(from), (record.end + most).min(to));
    (start.div_euclid(HOUR)..=end.div_euclid(HOUR)).all(|hour| store.origin_hours.contains(&hour))
}
