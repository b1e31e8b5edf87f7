//! The same as `candidates`, as plainly as it can be written: each answer looks at all that there is. It tells whether the other is right.

use std::collections::{BTreeMap, BTreeSet};

use super::Gaps;
use super::facts::CacheFacts;
use super::history::Rules;
use super::join::{Answer, Joined, Made};
use crate::record::{Body, Said};

/// Subjects, and whether there may be others, and of whom nobody knows.
pub(super) type Set = (BTreeSet<u32>, bool, bool);

#[derive(Clone)]
struct Fill {
    start: i64,
    end: i64,
    location: u64,
    rest: u64,
    length: Option<u32>,
    owners: Set,
    replaces: bool,
    answer: Option<usize>,
}

struct Plain<'j> {
    joined: &'j Joined<'j>,
    facts: &'j CacheFacts,
    rules: Rules,
    gaps: &'j Gaps,
    made: Vec<(u64, Fill)>,
    passed: Vec<(u64, Fill)>,
}

pub(super) fn candidates(
    joined: &Joined<'_>,
    facts: &CacheFacts,
    begin: i64,
    gaps: &Gaps,
) -> BTreeMap<usize, Set> {
    let mut plain =
        Plain { joined, facts, rules: Rules::of(facts), gaps, made: Vec::new(), passed: Vec::new() };
    let numbers = || 0..joined.answers.len();
    for number in numbers() {
        let answer = &joined.answers[number];
        if let Made::Own(owners) | Made::Unsure(owners) = &answer.made
            && answer.may_be_kept
            && answer.until >= begin
        {
            let owners = (owners.known().iter().copied().collect(), owners.others, owners.strangers);
            plain.made.push((answer.object.path, plain.fill(number, owners)));
        }
    }
    for loose in joined.loose.iter().filter(|loose| loose.end >= begin) {
        let owners = (
            loose.subjects.known().iter().copied().collect(),
            loose.subjects.others,
            loose.subjects.strangers,
        );
        let (start, end) = (loose.start, loose.end);
        let fill =
            Fill { start, end, location: 0, rest: 0, length: None, owners, replaces: false, answer: None };
        plain.made.push((loose.path, fill));
    }
    let mut found = BTreeMap::new();
    let mut order: Vec<usize> =
        numbers().filter(|number| !matches!(joined.answers[*number].made, Made::Own(_))).collect();
    order.sort_by_key(|number| (joined.answers[*number].start, joined.answers[*number].end, *number));
    let of = |said: &[Said]| {
        let some: Vec<usize> =
            order.iter().copied().filter(|number| said.contains(&joined.answers[*number].said)).collect();
        some
    };
    let mut passed = Vec::new();
    for number in of(&[Said::Asked, Said::Nothing]) {
        let answer = &joined.answers[number];
        let owners = plain.with_viewers(answer, plain.anywhere(number));
        if answer.may_be_kept && plain.rules.may_be_kept((answer.start, answer.until)) {
            passed.push((answer.object.path, plain.fill(number, owners.clone())));
        }
        found.insert(number, owners);
    }
    plain.passed = passed;
    for number in of(&[Said::Confirmed]).into_iter().chain(of(&[Said::Kept])) {
        let answer = &joined.answers[number];
        let owners = plain.with_viewers(answer, plain.here(number));
        if answer.said == Said::Confirmed && plain.rules.may_be_kept((answer.start, answer.until)) {
            plain.passed.push((answer.object.path, plain.fill(number, owners.clone())));
        }
        found.insert(number, owners);
    }
    found
}

impl Plain<'_> {
    fn fill(&self, number: usize, owners: Set) -> Fill {
        let answer = &self.joined.answers[number];
        Fill {
            start: answer.start,
            end: answer.until,
            location: answer.location,
            rest: if self.facts.key_has_host_and_query { answer.object.rest } else { 0 },
            length: whole_length(answer),
            owners,
            replaces: answer.location != 0
                && answer.body == Body::Whole
                && !matches!(answer.made, Made::Unsure(_))
                && self.rules.is_kept((answer.start, answer.until)),
            answer: Some(number),
        }
    }

    fn with_viewers(&self, answer: &Answer<'_>, mut owners: Set) -> Set {
        if let Made::Unsure(viewers) = &answer.made {
            owners.0.extend(viewers.known());
            owners.1 |= viewers.others;
            owners.2 |= viewers.strangers;
        }
        let since = answer.start - self.rules.longest_life((answer.start, answer.end));
        let blind = self.gaps.both.iter().any(|(from, to)| *to >= since && *from <= answer.end);
        let blind = blind || (answer.made == Made::Kept && !self.rules.may_give((answer.start, answer.end)));
        owners.1 |= blind;
        owners.2 |= blind;
        owners
    }

    /// Of the path, and of host and query where the key has them; in that span.
    fn near<'f>(&self, fills: &'f [(u64, Fill)], number: usize, since: i64) -> Vec<&'f Fill> {
        self.near_of(fills, number, since, false)
    }

    /// `all`: what by the history no cache kept, too.
    fn near_of<'f>(&self, fills: &'f [(u64, Fill)], number: usize, since: i64, all: bool) -> Vec<&'f Fill> {
        let fills = fills.iter().filter(|(_, fill)| all || self.rules.may_be_kept((fill.start, fill.end)));
        let answer = &self.joined.answers[number];
        let fills = fills.filter(|(path, _)| [0, answer.object.path].contains(path)).map(|(_, fill)| fill);
        let same = |fill: &&Fill| {
            !self.facts.key_has_host_and_query || fill.rest == 0 || fill.rest == answer.object.rest
        };
        fills.filter(same).filter(|fill| fill.start <= answer.end && fill.end >= since).collect()
    }

    fn anywhere(&self, number: usize) -> Set {
        let answer = &self.joined.answers[number];
        let span = (answer.start, answer.end);
        let mut since = answer.start - self.rules.longest_life(span);
        let path = |one: &&Answer<'_>| one.object.path == answer.object.path && one.renewed;
        let mut renewed = self.joined.answers.iter().filter(path);
        let renewed = renewed.any(|one| one.end >= since && one.start <= answer.end);
        let hidden = self.gaps.edge.iter().any(|(from, to)| *to >= since && *from <= answer.end);
        let old = answer.renewed || hidden || (renewed && self.facts.tiers > 1);
        if old {
            since = i64::MIN;
        }
        if self.facts.tiers == 1 || !old {
            since = since.max(self.rules.purged_anywhere(span));
        }
        if let Some(owners) = self.owners(number, &self.near(&self.made, number, since)) {
            return owners;
        }
        let all = self.owners(number, &self.near_of(&self.made, number, i64::MIN, true));
        let (known, others, strangers) = all.unwrap_or((BTreeSet::new(), true, true));
        let doubted = answer.made == Made::Kept && !self.facts.history.is_empty();
        (known, others || doubted, strangers || doubted)
    }

    fn here(&self, number: usize) -> Set {
        let answer = &self.joined.answers[number];
        let life = self.rules.life_here((answer.start, answer.end));
        let mut since = answer.start - life;
        let gap = self.gaps.edge.iter().find(|(from, to)| *to >= since && *from <= answer.end);
        if let Some((from, _)) = gap {
            since = since.min(*from - life);
        }
        if answer.renewed {
            since = i64::MIN;
        }
        since = since.max(self.rules.purged_here(answer.start));
        let mut near = self.near(&self.made, number, since);
        near.extend(self.near(&self.passed, number, since));
        near.retain(|fill| answer.location == 0 || fill.location == 0 || fill.location == answer.location);
        if self.facts.single_copy && answer.location != 0 {
            let gone = near.iter().filter(|fill| fill.replaces && fill.end < answer.start);
            if let Some(newest) = gone.map(|fill| fill.start).max() {
                near.retain(|fill| fill.end >= newest);
            }
        }
        match (self.owners(number, &near), gap.is_some() && self.facts.tiers > 1) {
            (Some(owners), false) => owners,
            (Some(mut owners), true) => {
                let (known, others, strangers) = self.anywhere(number);
                owners.0.extend(known);
                (owners.0, owners.1 | others, owners.2 | strangers)
            }
            (None, _) => self.anywhere(number),
        }
    }

    fn owners(&self, number: usize, fills: &[&Fill]) -> Option<Set> {
        let length =
            self.facts.lengths_tell_bodies.then(|| whole_length(&self.joined.answers[number])).flatten();
        let fills: Vec<&Fill> = fills.iter().copied().filter(|fill| fill.answer != Some(number)).collect();
        let fits = |fill: &&Fill| length.is_none_or(|length| fill.length.is_none_or(|other| other == length));
        let same: Vec<&Fill> = fills.iter().copied().filter(fits).collect();
        let fills = if same.is_empty() { fills } else { same };
        let mut owners = Set::default();
        for fill in &fills {
            owners.0.extend(&fill.owners.0);
            owners.1 |= fill.owners.1;
            owners.2 |= fill.owners.2;
        }
        (!fills.is_empty()).then_some(owners)
    }
}

fn whole_length(answer: &Answer<'_>) -> Option<u32> {
    answer.length.get().filter(|_| answer.body == Body::Whole)
}

mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::{Gaps, candidates as fast, join};
    use super::*;
    use crate::{Basis, CacheChange, Limits, Scan, WindowQuery};

    /// One request: what the edge says of it, and the origin.
    fn request() -> impl Strategy<Value = (String, Option<(bool, String)>)> {
        let edge = (
            0..600_u32,
            select(vec!["/p", "/q"]),
            select(vec!["Hit", "Hit", "Miss", "Miss", "RefreshHit", "Other"]),
            select(vec!["L1", "L2", "-"]),
            (select(vec!["-", "a=1"]), select(vec!["100", "200", "-"])),
            (
                select(vec!["200", "200", "200", "304", "206", "000"]),
                select(vec!["GET", "GET", "GET", "HEAD", "POST"]),
            ),
            prop_oneof![4 => 0..3_000_u32, 1 => 0..400_000_u32],
        );
        let origin = (
            select(vec![None, None, Some(false), Some(false), Some(true)]),
            0..6_u32,
            select(vec!["200", "200", "304", "500"]),
            any::<bool>(),
        );
        (edge, origin, 0..8_u32, any::<u32>()).prop_map(|((second, path, said, place, (query, length), (status, method), taken), (asked, person, answered, has_id), session, id)| {
            let clock = format!("{:02}:{:02}", second / 60, second % 60);
            let cookie = if session > 5 { "-".to_owned() } else { format!("s=s{session}") };
            let edge = format!(
                "2023-10-26\t02:{clock}\t{place}\t{method}\t{path}\t{status}\t{query}\t{cookie}\t{said}\ti{id}\t{}.{:03}\t{length}\n",
                taken / 1000, taken % 1000
            );
            let own = if has_id { format!(",\"edge_request_id\":\"i{id}\"") } else { String::new() };
            let origin = format!(
                "{{\"time\":\"2023-10-26T02:{clock}Z\",\"event\":\"request\",\"person\":\"{}\",\"session\":\"s{person}\",\"path\":\"{path}\",\"status\":{answered}{own}}}\n",
                if person == 5 { String::new() } else { format!("p{person}") }
            );
            // A guard names neither sessions nor paths.
            let guard = format!(
                "{{\"event\":\"response\",\"run\":\"r\",\"time\":{},\"edge\":\"i{id}\",\"edge_from\":\"{}\",\"route\":\"page\",\"subject\":\"p{person}\",\"status\":{answered}}}\n",
                1_698_285_600_000 + u64::from(second) * 1_000,
                if has_id { "trusted" } else { "anybody" }
            );
            (edge, asked.map(|guards| (guards, if guards { guard } else { origin })))
        })
    }

    fn change() -> impl Strategy<Value = CacheChange> {
        let life = prop::option::of(select(vec![0_u32, 1, 30, 86_400]));
        (0..600_i64, 0..100_u32, life, prop::option::of(any::<bool>()), any::<bool>()).prop_map(
            |(second, spreads_seconds, time_to_live_seconds, keeps, purged)| CacheChange {
                at: Timestamp::from_second(1_698_285_600 + second).expect("a time"),
                spreads_seconds,
                time_to_live_seconds,
                keeps,
                purged,
            },
        )
    }

    proptest! {
        #[test]
        fn both_find_the_same(
            requests in prop::collection::vec(request(), 1..60),
            life in select(vec![0_u32, 1, 30, 86_400]),
            tiers in 1..=3_u8,
            flags in prop::collection::vec(any::<bool>(), 4),
            gaps in prop::collection::vec((0..700_i64, 0..200_i64), 0..3),
            both in prop::collection::vec((0..700_i64, 0..60_i64), 0..2),
            history in prop::collection::vec(change(), 0..4),
        ) {
            let query = WindowQuery {
                from: "2023-10-26T02:01:00Z".parse().expect("a constant"),
                to: "2023-10-26T02:09:00Z".parse().expect("a constant"),
                margin_before_seconds: 0,
                margin_after_seconds: 0,
                basis: Basis::LoginsAndPersonalRequests,
                include_failed_logins: false,
                personal_routes: vec!["/p".into(), "/q".into()],
                session_cookie: Some("s".into()),
                limits: Limits::default(),
            };
            let head = "#Fields: date time x-edge-location cs-method cs-uri-stem sc-status cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id time-taken sc-content-len\n";
            let edge: String = requests.iter().map(|(edge, _)| edge.as_str()).collect();
            let origin = |guards: bool| -> String {
                let lines = requests.iter().filter_map(|(_, origin)| origin.as_ref());
                lines.filter(|(by_guard, _)| *by_guard == guards).map(|(_, line)| line.as_str()).collect()
            };
            let mut scan = Scan::new(query).expect("a constant");
            prop_assert_eq!(scan.read("edge", (head.to_owned() + &edge).as_bytes()).bad.count, 0);
            prop_assert_eq!(scan.read("origin", origin(false).as_bytes()).bad.count, 0);
            prop_assert_eq!(scan.read("guard", origin(true).as_bytes()).bad.count, 0);
            let facts = CacheFacts {
                time_to_live_seconds: life,
                tiers,
                single_copy: flags[0],
                key_has_host_and_query: flags[1],
                lengths_tell_bodies: flags[2],
                origin_log_complete: flags[3],
                history,
                ..CacheFacts::default()
            };
            let (compiled, store) = scan.settled();
            let joined = join::join(compiled, store, &facts);
            let spans = |list: Vec<(i64, i64)>| {
                let begin = compiled.inside.0 - 60_000;
                list.into_iter().map(|(from, long)| (begin + from * 1_000, begin + (from + long) * 1_000)).collect()
            };
            let gaps = Gaps { edge: spans(gaps), both: spans(both) };
            let expected = candidates(&joined, &facts, compiled.inside.0, &gaps);
            let found: BTreeMap<usize, Set> = fast::candidates(&joined, &facts, compiled.inside.0, &gaps)
                .into_iter()
                .map(|one| (one.answer as usize, (one.owners.known().iter().copied().collect(), one.owners.others, one.owners.strangers)))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
