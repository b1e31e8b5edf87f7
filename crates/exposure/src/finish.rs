//! From what was remembered to the list: which lines count, for whom, and what stays open.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use crate::counts::people_and_counts;
use crate::coverage::coverage;
use crate::input::InputReport;
use crate::query::{Basis, Compiled, SLACK};
use crate::record::{EdgeRecord, Name, OriginRecord, Place, What};
use crate::result::{Border, Evidence, EvidenceKind, NotCounted, RouteCount, Unattributed, WindowResult};
use crate::store::{NOBODY, Store};

/// What counts for one subject.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) span: Option<(i64, i64)>,
    pub(crate) requests: u64,
    pub(crate) logins: u64,
    pub(crate) routes: BTreeSet<u16>,
    pub(crate) evidence: Lines,
    /// At least one line that counts is far enough from the window's ends.
    firm: bool,
    /// At least one line lies just outside.
    outside: bool,
}

/// The first lines by time, and how many there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    pub(crate) total: u64,
    first: BTreeSet<(i64, EvidenceKind, u32, u64)>,
}

impl Lines {
    fn add(&mut self, limit: usize, line: (i64, EvidenceKind, u32, u64)) {
        self.total += 1;
        self.first.insert(line);
        if self.first.len() > limit {
            self.first.pop_last();
        }
    }

    pub(crate) fn list(&self, inputs: &[InputReport]) -> Vec<Evidence> {
        self.first
            .iter()
            .filter_map(|&(at, what, input, line)| {
                let input = inputs.get(input as usize)?.name.clone();
                Some(Evidence { at: timestamp(at), what, input, line })
            })
            .collect()
    }
}

/// Times in the logs come from a parser of four-digit years, so they are always in the calendar.
pub(crate) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `also`: subjects who are listed all the same, with their lines just outside of the window.
pub(crate) fn finish(compiled: &Compiled, store: &Store, also: &HashSet<u32>) -> WindowResult {
    let (inputs, ranks) = sorted_inputs(&store.inputs);
    let coverage = coverage(compiled, store, &inputs);
    let skew = store.skew.estimate();
    // The edge's time is a whole second, so nearer than that nothing can be told.
    let near = skew.as_ref().map_or(0, |skew| skew.median_milliseconds.saturating_abs()).clamp(999, SLACK);

    let mut counting = Counting {
        compiled,
        also,
        ranks: &ranks,
        near,
        tallies: HashMap::new(),
        unattributed: Default::default(),
        not_counted: NotCounted::default(),
        border: (0, 0),
    };
    counting.logins(store.origin().iter());
    if compiled.query.basis == Basis::LoginsAndPersonalRequests {
        counting.requests(store);
    }
    let Counting { tallies, unattributed, not_counted, border: (lines_inside, lines_outside), .. } = counting;

    let named = |wanted: fn(&Tally) -> bool| -> Vec<String> {
        let all: BTreeSet<&str> = person_names(store, &tallies, |_| true);
        let other = person_names(store, &tallies, |tally| !wanted(tally) && tally.evidence.total > 0);
        let chosen = person_names(store, &tallies, wanted);
        all.iter()
            .filter(|name| chosen.contains(*name) && !other.contains(*name))
            .map(|&n| n.into())
            .collect()
    };
    let border = Border {
        within_milliseconds: near,
        lines_inside,
        lines_outside,
        persons_only_inside: named(|tally| tally.evidence.total > 0 && !tally.firm),
        persons_only_outside: named(|tally| tally.evidence.total == 0 && tally.outside),
    };
    let (people, counts) =
        people_and_counts(compiled, &store.subjects, (&tallies, also), &inputs, coverage.complete);
    let unattributed = unattributed.report(compiled, &inputs);
    WindowResult {
        query: compiled.query.clone(),
        people,
        counts,
        inputs,
        coverage,
        unattributed,
        not_counted,
        skew,
        border,
    }
}

fn person_names<'s>(
    store: &'s Store,
    tallies: &HashMap<u32, Tally>,
    wanted: impl Fn(&Tally) -> bool,
) -> BTreeSet<&'s str> {
    let chosen = tallies.iter().filter(|(_, tally)| wanted(tally));
    chosen
        .filter_map(|(subject, _)| store.subjects.get(*subject as usize))
        .map(|subject| subject.person.as_str())
        .collect()
}

/// Sorts the reports, finds duplicates anew (the order of reading must not matter), and ranks each old place. Two
/// readings of one file under one name share a rank, since nothing tells them apart.
fn sorted_inputs(reports: &[InputReport]) -> (Vec<InputReport>, Vec<u32>) {
    let mut order: Vec<usize> = (0..reports.len()).collect();
    order.sort_by_key(|&index| (&reports[index].name, &reports[index].sha256));
    let mut ranks = vec![0; reports.len()];
    let mut sorted: Vec<InputReport> = Vec::with_capacity(reports.len());
    let mut first_with: HashMap<String, String> = HashMap::new();
    let mut rank = 0;
    for index in order {
        let mut report = reports[index].clone();
        let same = sorted.last().is_some_and(|last| last.name == report.name && last.sha256 == report.sha256);
        if !same {
            rank = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        }
        ranks[index] = rank;
        report.duplicate_of = first_with.get(&report.sha256).cloned();
        first_with.entry(report.sha256.clone()).or_insert_with(|| report.name.clone());
        sorted.push(report);
    }
    (sorted, ranks)
}

struct Counting<'a> {
    compiled: &'a Compiled,
    also: &'a HashSet<u32>,
    ranks: &'a [u32],
    near: i64,
    tallies: HashMap<u32, Tally>,
    unattributed: Open,
    not_counted: NotCounted,
    border: (u64, u64),
}

/// What belongs to nobody, while it is counted.
#[derive(Default)]
struct Open {
    edge_without_session: u64,
    edge_with_unknown_session: u64,
    origin_requests: u64,
    logins: u64,
    shared_sessions: u64,
    by_route: HashMap<u16, u64>,
    lines: Lines,
}

/// A line that counts.
struct Counted {
    /// Start and end, for the window.
    time: (i64, i64),
    /// The time to show.
    at: i64,
    what: EvidenceKind,
    route: Option<u16>,
    place: Place,
    /// The same request is counted by another line; this one is only further evidence.
    again: bool,
}

impl Counting<'_> {
    fn inside(&self, (start, end): (i64, i64)) -> bool {
        let (from, to) = self.compiled.inside;
        end >= from && start <= to
    }

    fn line(&self, counted: &Counted) -> (i64, EvidenceKind, u32, u64) {
        let rank = self.ranks.get(counted.place.input as usize).copied().unwrap_or_default();
        (counted.at, counted.what, rank, counted.place.line)
    }

    /// Counts a line for its subjects. Lines outside the window only leave a mark, if they are near.
    fn count(&mut self, subjects: &[u32], counted: &Counted) {
        let (start, end) = counted.time;
        let inside = self.inside(counted.time);
        let (near, (from, to)) = (self.near, self.compiled.inside);
        // Moved by the skew in either direction, would the line still be inside? Would it come inside?
        let firm = inside && end - near >= from && start + near <= to;
        let outside = !inside && end + near >= from && start - near <= to;
        self.border.0 += u64::from(inside && !firm);
        self.border.1 += u64::from(outside);
        if !inside && !outside && self.also.is_empty() {
            return;
        }
        let limit = self.compiled.query.limits.evidence;
        let line = self.line(counted);
        for subject in subjects {
            let also = self.also.contains(subject);
            if !inside && !outside && !also {
                continue;
            }
            let tally = self.tallies.entry(*subject).or_default();
            tally.outside |= outside;
            if !inside && !also {
                continue;
            }
            tally.firm |= firm;
            tally.span = Some(match tally.span {
                None => (counted.at, counted.at),
                Some((first, last)) => (first.min(counted.at), last.max(counted.at)),
            });
            match counted.what {
                EvidenceKind::Login | EvidenceKind::FailedLogin => tally.logins += 1,
                EvidenceKind::OriginRequest | EvidenceKind::EdgeRequest => {
                    tally.requests += u64::from(!counted.again);
                }
            }
            tally.routes.extend(counted.route);
            tally.evidence.add(limit, line);
        }
    }

    fn open(&mut self, counted: &Counted, counter: fn(&mut Open) -> &mut u64) {
        if !self.inside(counted.time) {
            return;
        }
        *counter(&mut self.unattributed) += 1;
        if let Some(route) = counted.route {
            *self.unattributed.by_route.entry(route).or_default() += 1;
        }
        let line = self.line(counted);
        self.unattributed.lines.add(self.compiled.query.limits.evidence, line);
    }

    fn logins<'r>(&mut self, records: impl Iterator<Item = &'r OriginRecord>) {
        for record in records {
            let what = match record.what {
                What::Login => EvidenceKind::Login,
                What::FailedLogin if self.compiled.query.include_failed_logins => EvidenceKind::FailedLogin,
                What::FailedLogin => {
                    self.not_counted.failed_logins += u64::from(self.inside(record.at));
                    continue;
                }
                What::Request(_) => continue,
            };
            let counted = Counted {
                time: record.at,
                at: record.at.0,
                what,
                route: None,
                place: record.place(),
                again: false,
            };
            if record.subject == NOBODY {
                self.open(&counted, |open| &mut open.logins);
            } else {
                self.count(&[record.subject], &counted);
            }
        }
    }

    fn requests(&mut self, store: &Store) {
        for record in store.origin() {
            let What::Request(route) = record.what else { continue };
            if record.refused {
                self.not_counted.refused_requests += u64::from(self.inside(record.at));
                continue;
            }
            let line = Counted {
                time: record.at,
                at: record.at.0,
                what: EvidenceKind::OriginRequest,
                route: Some(route),
                place: record.place(),
                again: false,
            };
            if record.subject == NOBODY {
                self.open(&line, |open| &mut open.origin_requests);
                continue;
            }
            self.count(&[record.subject], &line);
        }
        let mut at_origin =
            AtOrigin { records: store.origin(), name: None, owners: Vec::new(), counted: Vec::new() };
        for record in store.edge() {
            self.edge_request(record, store, &mut at_origin);
        }
    }

    fn edge_request(&mut self, record: &EdgeRecord, store: &Store, at_origin: &mut AtOrigin<'_>) {
        let time = (record.start, record.end);
        let joined = at_origin.find(record.name, |record| self.inside(record.at));
        if record.refused {
            self.not_counted.refused_requests += u64::from(!joined && self.inside(time));
            return;
        }
        let mut line = Counted {
            time,
            at: record.end - 999,
            what: EvidenceKind::EdgeRequest,
            route: Some(record.route),
            place: record.place(),
            again: false,
        };
        let by_session = store.holders(record.session);
        let by_request = joined && !at_origin.owners.is_empty();
        let subjects = match by_session {
            _ if by_request => at_origin.owners.clone(),
            Some(holders) => holders.to_vec(),
            // The origin's line of this request names nobody and is itself counted as open.
            None if joined => return,
            None if record.session == 0 => {
                return self.open(&line, |open| &mut open.edge_without_session);
            }
            None => return self.open(&line, |open| &mut open.edge_with_unknown_session),
        };
        let inside = self.inside(time);
        if !by_request && subjects.len() > 1 && inside {
            self.unattributed.shared_sessions += 1;
        }
        for subject in subjects {
            line.again = record.name.is_request() && inside && at_origin.is_counted(subject);
            self.count(&[subject], &line);
        }
    }
}

/// What the origin says of the request of the edge's line that is looked at. Lines of the edge come in the order of their names, as the
/// origin's do.
struct AtOrigin<'s> {
    records: &'s [OriginRecord],
    name: Option<Name>,
    /// Who made the request.
    owners: Vec<u32>,
    /// For whom it is counted.
    counted: Vec<u32>,
}

impl AtOrigin<'_> {
    /// Whether the origin has a line of this request.
    fn find(&mut self, name: Name, inside: impl Fn(&OriginRecord) -> bool) -> bool {
        while let [first, rest @ ..] = self.records
            && first.name < name
        {
            self.records = rest;
        }
        let of_name = self.records.iter().take_while(|record| record.name == name);
        let requests = || of_name.clone().filter(|record| matches!(record.what, What::Request(_)));
        // Several lines of one request: what was counted for one of them is counted for all.
        if self.name != Some(name) {
            self.name = Some(name);
            let named = || requests().filter(|record| record.subject != NOBODY);
            self.owners.clear();
            self.owners.extend(named().map(|record| record.subject));
            self.counted.clear();
            self.counted.extend(named().filter(|one| !one.refused && inside(one)).map(|one| one.subject));
        }
        name.is_request() && requests().next().is_some()
    }

    /// Whether the request was counted for somebody; from now on it is.
    fn is_counted(&mut self, subject: u32) -> bool {
        let counted = self.counted.contains(&subject);
        if !counted {
            self.counted.push(subject);
        }
        counted
    }
}

impl Open {
    fn report(self, compiled: &Compiled, inputs: &[InputReport]) -> Unattributed {
        let mut by_route: Vec<RouteCount> = self
            .by_route
            .iter()
            .map(|(route, requests)| RouteCount {
                route: compiled.routes.name(*route).to_owned(),
                requests: *requests,
            })
            .collect();
        by_route.sort_by(|one, other| one.route.cmp(&other.route));
        Unattributed {
            edge_without_session: self.edge_without_session,
            edge_with_unknown_session: self.edge_with_unknown_session,
            origin_requests: self.origin_requests,
            logins: self.logins,
            shared_sessions: self.shared_sessions,
            by_route,
            evidence: self.lines.list(inputs),
        }
    }
}
