//! From answers to people: who was shown to whom, and what can be said of each on the window's list.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Gaps;
use super::candidates::FromCache;
use super::facts::CacheFacts;
use super::history::Rules;
use super::join::{Answer, Joined, Made};
use super::result::{
    AnswerCounts, Doubt, Exposure, ExposureCounts, KeptAnswer, PersonReconstruction, TenantReconstruction,
};
use super::subjects::Subjects;
use crate::finish::timestamp;
use crate::query::Compiled;
use crate::record::{Body, Said as Word};
use crate::result::{Class, PersonExposure, TenantExposure, WindowResult};
use crate::store::Store;

/// What is known of one subject.
#[derive(Default)]
struct Tally {
    confirmed: u64,
    possible: u64,
    self_only: u64,
    span: Option<(i64, i64)>,
    routes: BTreeSet<u16>,
    seen_by: BTreeSet<String>,
    answers: BTreeSet<KeptAnswer>,
}

/// What one answer says of one subject.
struct Said<'a> {
    answer: &'a Answer<'a>,
    says: Exposure,
    viewers: &'a [u32],
    candidates: u64,
}

impl Tally {
    fn take(&mut self, said: Said<'_>, compiled: &Compiled, store: &Store, persons: &Persons<'_>) {
        let Said { answer, says, viewers, candidates } = said;
        let limit = compiled.query.limits.evidence;
        let at = answer.end - 999;
        *match says {
            Exposure::Confirmed => &mut self.confirmed,
            Exposure::SelfOnly => &mut self.self_only,
            _ => &mut self.possible,
        } += 1;
        if says != Exposure::SelfOnly {
            self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
            self.routes.insert(answer.route);
        }
        if says == Exposure::Confirmed {
            self.seen_by.extend(viewers.iter().map(|viewer| persons.name(*viewer)));
            while self.seen_by.len() > limit {
                self.seen_by.pop_last();
            }
        }
        // The worst come first. Most of many come after the last that is listed, and need not be written out.
        let full = self.answers.len() >= limit;
        if full && self.answers.last().is_none_or(|last| (last.says, last.at) < (says, timestamp(at))) {
            return;
        }
        self.answers.insert(KeptAnswer {
            at: timestamp(at),
            says,
            route: compiled.routes.name(answer.route).to_owned(),
            viewers: viewers.iter().take(limit).map(|viewer| persons.name(*viewer)).collect(),
            candidates,
            input: store
                .inputs
                .get(answer.input as usize)
                .map(|input| input.name.clone())
                .unwrap_or_default(),
            line: answer.line,
        });
        while self.answers.len() > limit {
            self.answers.pop_last();
        }
    }
}

pub(super) struct Classified {
    pub people: Vec<PersonReconstruction>,
    pub counts: ExposureCounts,
    pub answers: AnswerCounts,
    /// Sessions that several clients used.
    pub several: u64,
}

pub(super) fn classify(
    compiled: &Compiled,
    store: &Store,
    facts: &CacheFacts,
    joined: &Joined<'_>,
    found: &[FromCache],
    (window, gaps): (&WindowResult, &Gaps),
    doubts: &mut Vec<Doubt>,
) -> Classified {
    let mut classes = Classes {
        compiled,
        store,
        clients: if facts.clients_tell_people { behind_clients(joined) } else { HashMap::new() },
        persons: Persons::new(store),
        tallies: HashMap::new(),
        answers: AnswerCounts::default(),
    };
    let inside = |answer: &Answer<'_>| answer.end >= compiled.inside.0 && answer.start <= compiled.inside.1;
    for answer in joined.answers.iter().filter(|answer| inside(answer)) {
        let count = match answer.made {
            Made::Own(_) => &mut classes.answers.own,
            Made::Kept => &mut classes.answers.kept,
            Made::Unsure(_) => &mut classes.answers.unsure,
        };
        *count += 1;
    }
    for from_cache in found {
        let answer = &joined.answers[from_cache.answer as usize];
        if inside(answer) && answer.body != Body::Nothing {
            classes.answer(answer, &from_cache.owners);
        }
    }
    classes.answers.contradicted = joined.contradicted;
    if classes.answers.unexplained > 0 {
        doubts.push(Doubt::UnexplainedAnswers);
        doubts.sort_unstable();
    }
    let mut missing = Missing::new(!doubts.is_empty(), gaps, facts, joined, found);
    // A session of several clients may be a cookie that a cache gave to others: what they saw then bears its holder's own name.
    let (several, holders) = of_several_clients(store);
    missing.subjects.extend(holders);
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
    Classified { people, counts, answers: classes.answers, several }
}

/// Sessions that were used from more than one address with a program: how many, and whose.
fn of_several_clients(store: &Store) -> (u64, BTreeSet<u32>) {
    let mut clients: HashMap<u64, u64> = HashMap::new();
    let mut several: BTreeSet<u64> = BTreeSet::new();
    for record in store.edge().iter().filter(|record| record.session != 0 && record.client != 0) {
        if *clients.entry(record.session).or_insert(record.client) != record.client {
            several.insert(record.session);
        }
    }
    let holders = several.iter().filter_map(|session| store.holders(*session)).flatten().copied().collect();
    (several.len() as u64, holders)
}

/// Who was seen behind each client.
fn behind_clients(joined: &Joined<'_>) -> HashMap<u64, BTreeSet<u32>> {
    let mut behind: HashMap<u64, BTreeSet<u32>> = HashMap::new();
    for answer in joined.answers.iter().filter(|answer| answer.client != 0) {
        let people = behind.entry(answer.client).or_default();
        people.extend(answer.viewers.known());
        if let Made::Own(owners) = &answer.made {
            people.extend(owners.known());
        }
    }
    behind
}

/// One id is one person, in whatever tenant.
struct Persons<'a> {
    /// In the order of their names.
    names: Vec<&'a str>,
    /// By subject.
    numbers: Vec<u32>,
}

impl<'a> Persons<'a> {
    fn new(store: &'a Store) -> Self {
        let mut names: Vec<&str> = store.subjects.iter().map(|subject| subject.person.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let number = |name: &str| u32::try_from(names.partition_point(|one| *one < name)).unwrap_or(u32::MAX);
        let numbers = store.subjects.iter().map(|subject| number(&subject.person)).collect();
        Self { names, numbers }
    }

    /// In the order of their names, each once.
    fn of(&self, subjects: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let numbers = subjects.into_iter().filter_map(|subject| self.numbers.get(subject as usize).copied());
        let mut persons: Vec<u32> = numbers.collect();
        if !persons.is_sorted_by(|one, next| one < next) {
            persons.sort_unstable();
            persons.dedup();
        }
        persons
    }

    fn name(&self, person: u32) -> String {
        self.names.get(person as usize).copied().unwrap_or_default().to_owned()
    }
}

struct Classes<'a> {
    compiled: &'a Compiled,
    store: &'a Store,
    clients: HashMap<u64, BTreeSet<u32>>,
    persons: Persons<'a>,
    tallies: HashMap<u32, Tally>,
    answers: AnswerCounts,
}

impl Classes<'_> {
    fn answer(&mut self, answer: &Answer<'_>, owners: &Subjects) {
        let by_client = self.clients.get(&answer.client).filter(|_| answer.viewers.known().is_empty());
        let viewers = match by_client {
            Some(people) => self.persons.of(people.iter().copied()),
            None => self.persons.of(answer.viewers.known().iter().copied()),
        };
        // Behind a client there may be one more; that it is somebody in particular is never known.
        let viewers_known = by_client.is_some() || !answer.viewers.others;
        let only_viewer =
            viewers.as_slice().first().filter(|_| by_client.is_none() && viewers_known && viewers.len() == 1);
        let candidates = self.persons.of(owners.known().iter().copied()).len() as u64;
        // Wordly a page, and from where a cache keeps pages: an edge makes answers of its own, too.
        let is_page = answer.body == Body::Whole && answer.said != Word::Nothing;
        let single = candidates == 1 && !owners.others && is_page;
        let mut exposes = false;
        for subject in owners.known() {
            let Some(person) = self.persons.numbers.get(*subject as usize) else { continue };
            let says = if only_viewer == Some(person) {
                Exposure::SelfOnly
            } else if single && viewers_known && !viewers.contains(person) {
                Exposure::Confirmed
            } else {
                Exposure::Possible
            };
            exposes |= says != Exposure::SelfOnly;
            let tally = self.tallies.entry(*subject).or_default();
            tally.take(
                Said { answer, says, viewers: &viewers, candidates },
                self.compiled,
                self.store,
                &self.persons,
            );
        }
        let count = |count: &mut u64, is: bool| *count += u64::from(is);
        let unexplained = owners.known().is_empty() || owners.strangers;
        // Who it was of nobody knows: somebody else all the same, or a viewer of whom nobody knows either.
        count(&mut self.answers.exposing, exposes || unexplained);
        count(&mut self.answers.unexplained, unexplained);
        count(&mut self.answers.viewer_unknown, !viewers_known);
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
        let sum = |of: fn(&Tally) -> u64| tallies.iter().map(|tally| of(tally)).sum::<u64>();
        let (confirmed, possible, self_only) =
            (sum(|tally| tally.confirmed), sum(|tally| tally.possible), sum(|tally| tally.self_only));
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
    /// Nobody can be left out, see [`Doubt`].
    everybody: bool,
    /// Whose page a cache may have had in an hour without a line of the edge.
    subjects: BTreeSet<u32>,
}

impl Missing {
    fn new(
        everybody: bool,
        gaps: &Gaps,
        facts: &CacheFacts,
        joined: &Joined<'_>,
        found: &[FromCache],
    ) -> Self {
        let mut subjects = BTreeSet::new();
        let life = Rules::of(facts).longest_of_all();
        let mut lasts = |start: i64, end: i64, owners: &Subjects| {
            let until = end.saturating_add(life);
            if gaps.edge.iter().any(|(from, to)| start <= *to && until >= *from) {
                subjects.extend(owners.known());
            }
        };
        for answer in &joined.answers {
            if let Made::Own(owners) | Made::Unsure(owners) = &answer.made {
                lasts(answer.start, answer.until, owners);
            }
        }
        // Good for another life since.
        for renewed in found.iter().filter(|one| joined.answers[one.answer as usize].renewed) {
            let answer = &joined.answers[renewed.answer as usize];
            lasts(answer.start, answer.until, &renewed.owners);
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
