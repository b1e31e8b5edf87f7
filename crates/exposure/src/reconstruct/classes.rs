//! From answers to people: who was shown to whom, and what can be said of each on the window's list.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Gaps;
use super::candidates::FromCache;
use super::facts::CacheFacts;
use super::join::{Answer, Joined, Made, Subjects};
use super::result::{
    AnswerCounts, Exposure, ExposureCounts, KeptAnswer, PersonReconstruction, TenantReconstruction,
};
use crate::finish::timestamp;
use crate::query::Compiled;
use crate::result::{Class, PersonExposure, Source, TenantExposure, WindowResult};
use crate::store::{Body, Store};

/// What is known of one subject.
#[derive(Default)]
struct Tally {
    says: BTreeMap<Exposure, u64>,
    span: Option<(i64, i64)>,
    routes: BTreeSet<u16>,
    seen_by: BTreeSet<String>,
    answers: BTreeSet<KeptAnswer>,
}

pub(super) struct Classified {
    pub people: Vec<PersonReconstruction>,
    pub counts: ExposureCounts,
    pub answers: AnswerCounts,
}

pub(super) fn classify(
    compiled: &Compiled,
    store: &Store,
    facts: &CacheFacts,
    joined: &Joined,
    found: &[FromCache],
    (window, gaps): (&WindowResult, &Gaps),
) -> Classified {
    let mut classes = Classes {
        compiled,
        store,
        clients: if facts.clients_tell_people { behind_clients(joined) } else { HashMap::new() },
        tallies: HashMap::new(),
        answers: AnswerCounts::default(),
        names: input_names(store),
    };
    let inside = |answer: &Answer| answer.end >= compiled.inside.0 && answer.start <= compiled.inside.1;
    for answer in joined.answers.iter().filter(|answer| inside(answer)) {
        let count = match answer.made {
            Made::Own(_) => &mut classes.answers.own,
            Made::Kept => &mut classes.answers.kept,
            Made::Unsure(_) => &mut classes.answers.unsure,
        };
        *count += 1;
    }
    for from_cache in found {
        let answer = &joined.answers[from_cache.answer];
        if inside(answer) && answer.body != Body::Nothing {
            classes.answer(answer, &from_cache.owners);
        }
    }
    let missing = Missing::new(window, gaps, facts, joined);
    let people = classes.people(window, &missing);
    let mut counts = ExposureCounts::default();
    for person in &people {
        *match person.exposure {
            Exposure::Confirmed => &mut counts.confirmed,
            Exposure::Possible => &mut counts.possible,
            Exposure::Indeterminate => &mut counts.indeterminate,
            Exposure::SelfOnly => &mut counts.self_only,
            Exposure::Excluded => &mut counts.excluded,
        } += 1;
    }
    Classified { people, counts, answers: classes.answers }
}

/// Who was seen behind each client.
fn behind_clients(joined: &Joined) -> HashMap<u64, BTreeSet<u32>> {
    let mut behind: HashMap<u64, BTreeSet<u32>> = HashMap::new();
    for answer in joined.answers.iter().filter(|answer| answer.client != 0) {
        let people = behind.entry(answer.client).or_default();
        people.extend(&answer.viewers.known);
        if let Made::Own(owners) = &answer.made {
            people.extend(&owners.known);
        }
    }
    behind
}

fn input_names(store: &Store) -> Vec<String> {
    store.inputs.iter().map(|input| input.name.clone()).collect()
}

struct Classes<'a> {
    compiled: &'a Compiled,
    store: &'a Store,
    clients: HashMap<u64, BTreeSet<u32>>,
    tallies: HashMap<u32, Tally>,
    answers: AnswerCounts,
    names: Vec<String>,
}

impl<'a> Classes<'a> {
    /// One id is one person, in whatever tenant.
    fn persons(&self, subjects: &BTreeSet<u32>) -> BTreeSet<&'a str> {
        let store = self.store;
        let named = subjects.iter().filter_map(|subject| store.subjects.get(*subject as usize));
        named.map(|subject| subject.person.as_str()).collect()
    }

    fn answer(&mut self, answer: &Answer, owners: &Subjects) {
        let by_client = self.clients.get(&answer.client).filter(|_| answer.viewers.known.is_empty());
        let viewers = self.persons(by_client.unwrap_or(&answer.viewers.known));
        // Behind a client there may be one more; that it is somebody in particular is never known.
        let viewers_known = by_client.is_some() || !answer.viewers.others;
        let persons = self.persons(&owners.known);
        let candidates = persons.len() as u64;
        let single = candidates == 1 && !owners.others;
        let (mut exposes, mut said) = (false, Vec::new());
        for subject in &owners.known {
            let Some(person) =
                self.store.subjects.get(*subject as usize).map(|subject| subject.person.as_str())
            else {
                continue;
            };
            let only_viewer =
                by_client.is_none() && viewers_known && viewers.len() == 1 && viewers.contains(person);
            let says = if only_viewer {
                Exposure::SelfOnly
            } else if single && viewers_known && !viewers.contains(person) {
                Exposure::Confirmed
            } else {
                Exposure::Possible
            };
            exposes |= says != Exposure::SelfOnly;
            said.push((*subject, says));
        }
        let count = |count: &mut u64, is: bool| *count += u64::from(is);
        let unexplained = owners.known.is_empty();
        // Who it was of nobody knows: somebody else all the same, or a viewer of whom nobody knows either.
        count(&mut self.answers.exposing, exposes || unexplained);
        count(&mut self.answers.unexplained, unexplained);
        count(&mut self.answers.viewer_unknown, !viewers_known);
        let limit = self.compiled.query.limits.evidence;
        let viewers: Vec<String> = viewers.iter().map(|person| (*person).to_owned()).collect();
        let at = answer.end - 999;
        for (subject, says) in said {
            let kept = KeptAnswer {
                at: timestamp(at),
                says,
                route: self.compiled.routes.name(answer.route).to_owned(),
                viewers: viewers.iter().take(limit).cloned().collect(),
                candidates,
                input: self.names.get(answer.place.input as usize).cloned().unwrap_or_default(),
                line: answer.place.line,
            };
            let tally = self.tallies.entry(subject).or_default();
            *tally.says.entry(says).or_default() += 1;
            if says != Exposure::SelfOnly {
                tally.span = Some(match tally.span {
                    None => (at, at),
                    Some((first, last)) => (first.min(at), last.max(at)),
                });
                tally.routes.insert(answer.route);
            }
            if says == Exposure::Confirmed {
                tally.seen_by.extend(viewers.iter().cloned());
                while tally.seen_by.len() > limit {
                    tally.seen_by.pop_last();
                }
            }
            // The worst come first.
            tally.answers.insert(kept);
            while tally.answers.len() > limit {
                tally.answers.pop_last();
            }
        }
    }

    fn people(&self, window: &WindowResult, missing: &Missing) -> Vec<PersonReconstruction> {
        let mut groups: BTreeMap<&str, BTreeMap<&str, Vec<u32>>> = BTreeMap::new();
        for (number, subject) in (0..).zip(&self.store.subjects) {
            groups.entry(&subject.person).or_default().entry(&subject.tenant).or_default().push(number);
        }
        let listed: HashMap<&str, &PersonExposure> =
            window.people.iter().map(|person| (person.person.as_str(), person)).collect();
        let mut people = Vec::new();
        for (person, tenants) in groups {
            let in_window = listed.get(person);
            let of_window = |tenant: &str| {
                let mut entries = in_window.into_iter().flat_map(|person| &person.tenants);
                entries.find(|entry| entry.tenant.as_deref().unwrap_or_default() == tenant)
            };
            let tenants: Vec<TenantReconstruction> = tenants
                .into_iter()
                .filter_map(|(tenant, subjects)| self.tenant(tenant, &subjects, of_window(tenant), missing))
                .collect();
            let Some(exposure) = tenants.iter().map(|tenant| tenant.exposure).min() else { continue };
            let kind = in_window.and_then(|person| person.kind.clone());
            people.push(PersonReconstruction { person: person.to_owned(), kind, exposure, tenants });
        }
        people
    }

    /// `None` for somebody of whom neither method says anything here.
    fn tenant(
        &self,
        tenant: &str,
        subjects: &[u32],
        of_window: Option<&TenantExposure>,
        missing: &Missing,
    ) -> Option<TenantReconstruction> {
        let tallies: Vec<&Tally> = subjects.iter().filter_map(|subject| self.tallies.get(subject)).collect();
        let sum = |says| tallies.iter().filter_map(|tally| tally.says.get(&says)).sum::<u64>();
        let [confirmed, possible, self_only] =
            [Exposure::Confirmed, Exposure::Possible, Exposure::SelfOnly].map(sum);
        let missed = of_window.is_some_and(|entry| entry.class == Class::Indeterminate)
            || subjects.iter().any(|subject| missing.may_hide(*subject));
        let exposure = match (confirmed, possible, self_only) {
            (1.., _, _) => Exposure::Confirmed,
            (_, 1.., _) => Exposure::Possible,
            _ if missed => Exposure::Indeterminate,
            (_, _, 1..) => Exposure::SelfOnly,
            _ => Exposure::Excluded,
        };
        if of_window.is_none() && exposure > Exposure::Possible {
            return None;
        }
        let limit = self.compiled.query.limits.evidence;
        let spans = || tallies.iter().filter_map(|tally| tally.span);
        let routes: BTreeSet<u16> = tallies.iter().flat_map(|tally| &tally.routes).copied().collect();
        let seen_by: BTreeSet<&String> = tallies.iter().flat_map(|tally| &tally.seen_by).collect();
        let answers: BTreeSet<&KeptAnswer> = tallies.iter().flat_map(|tally| &tally.answers).collect();
        Some(TenantReconstruction {
            tenant: (!tenant.is_empty()).then(|| tenant.to_owned()),
            exposure,
            confirmed,
            possible,
            self_only,
            first: spans().map(|span| span.0).min().map(timestamp),
            last: spans().map(|span| span.1).max().map(timestamp),
            routes: routes.into_iter().map(|route| self.compiled.routes.name(route).to_owned()).collect(),
            seen_by: seen_by.into_iter().take(limit).cloned().collect(),
            answers: answers.into_iter().take(limit).cloned().collect(),
        })
    }
}

/// Parts of the logs that are not there.
struct Missing {
    /// Nobody can be left out: what the origin answered is not known, or nobody knows what broke off.
    everybody: bool,
    /// Whose page a cache may have had in an hour without a line of the edge.
    subjects: BTreeSet<u32>,
}

impl Missing {
    fn new(window: &WindowResult, gaps: &Gaps, facts: &CacheFacts, joined: &Joined) -> Self {
        let coverage = &window.coverage;
        let everybody = !coverage.truncated_inputs.is_empty()
            || coverage.gaps.iter().any(|gap| gap.source == Source::Origin);
        let mut subjects = BTreeSet::new();
        let mut lasts = |start: i64, end: i64, owners: &Subjects| {
            let until = end.saturating_add(facts.longest_life());
            if gaps.edge.iter().any(|(from, to)| start <= *to && until >= *from) {
                subjects.extend(&owners.known);
            }
        };
        for answer in &joined.answers {
            if let Made::Own(owners) | Made::Unsure(owners) = &answer.made {
                lasts(answer.start, answer.end, owners);
            }
        }
        for loose in &joined.loose {
            lasts(loose.start, loose.end, &loose.subjects);
        }
        Self { everybody, subjects }
    }

    fn may_hide(&self, subject: u32) -> bool {
        self.everybody || self.subjects.contains(&subject)
    }
}
