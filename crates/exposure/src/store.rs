//! What a scan remembers: each person, each session, and each distinct line that may matter.
//!
//! Everything here is a set or a map whose values are merged by minimum, maximum, union or "and". So the content
//! does not depend on the order of lines, files and merges, and reading a line twice changes nothing. Lines that
//! are neither a login nor a personal request near the window leave no trace but their session and their hour.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Serialize};

use crate::input::InputReport;
use crate::record::{EdgeRecord, Name, OriginRecord, Place, What};
use crate::routes::ANY;
use crate::skew::Sample;

/// A person in a tenant, as the logs name them. Empty text where a log does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) person: String,
    pub(crate) kind: String,
    pub(crate) tenant: String,
    /// Milliseconds since 1970 of the first and last line, anywhere in the logs.
    pub(crate) seen: (i64, i64),
}

/// Nobody: the line names no person.
pub(crate) const NOBODY: u32 = u32::MAX;

/// For keys that are hashes of their own.
#[derive(Debug, Clone, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Who held a session. Almost always one.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Holders {
    One(u32),
    /// More than one after a second login in the same browser: then all of them count.
    Several(Box<[u32]>),
}

/// Lines that may matter, each once. A line that is there again is found by sorting, now and then: that takes half of what a table does.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lines<T> {
    list: Vec<T>,
    /// As many at the beginning are sorted, and distinct. Of bytes from elsewhere nobody knows: they are sorted anew.
    #[serde(skip)]
    settled: usize,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self { list: Vec::new(), settled: 0 }
    }
}

/// What [`Lines`] are made of.
pub(crate) trait Record {
    /// Which line it is, wherever it stood.
    type Key: Ord;
    fn key(&self) -> Self::Key;
    /// Takes over what another copy of this line says.
    fn absorb(&mut self, inputs: &[InputReport], other: &Self);
}

impl<T: Record> Lines<T> {
    fn push(&mut self, record: T, inputs: &[InputReport]) {
        if self.list.len() == self.list.capacity() {
            // By a quarter: twice as many would be most of what a scan takes.
            self.list.reserve_exact(self.list.len() / 4 + 64);
        }
        self.list.push(record);
        if self.list.len() > 2 * self.settled + 65_536 {
            self.settle(inputs);
        }
    }

    /// Takes over what another one has, in whatever order.
    fn append(&mut self, list: Vec<T>, inputs: &[InputReport]) {
        if self.list.is_empty() {
            self.list = list;
        } else {
            list.into_iter().for_each(|record| self.push(record, inputs));
        }
    }

    fn settle(&mut self, inputs: &[InputReport]) {
        if self.settled == self.list.len() {
            return;
        }
        self.list.sort_unstable_by_key(Record::key);
        self.list.dedup_by(|again, kept| {
            let same = again.key() == kept.key();
            if same {
                kept.absorb(inputs, again);
            }
            same
        });
        self.settled = self.list.len();
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    #[serde(with = "crate::saved::reports")]
    pub(crate) inputs: Vec<InputReport>,
    pub(crate) subjects: Vec<Subject>,
    subject_index: HashMap<String, u32>,
    /// By half of the session's hash: were two alike, each would be taken for both people's.
    sessions: HashMap<u64, Holders, BuildHasherDefault<AsItIs>>,
    origin: Lines<OriginRecord>,
    edge: Lines<EdgeRecord>,
    /// Request ids of other requests at the origin near the window: half of their hashes.
    elsewhere: Vec<u64>,
    /// Hours since 1970 near the window in which a line exists.
    pub(crate) origin_hours: BTreeSet<i64>,
    pub(crate) edge_hours: BTreeSet<i64>,
    /// The same of what may stand beside an edge.
    pub(crate) beside_hours: BTreeSet<i64>,
    pub(crate) skew: Sample,
    /// Who asked, by the identity of the request: of a log that does not tell sessions as the edge does.
    asked_by: Vec<(Name, u32)>,
}

impl Store {
    /// Whoever logged this request says who asked.
    pub(crate) fn asked_by(&mut self, request: Name, subject: u32) {
        self.asked_by.push((request, subject));
    }

    /// The edge's session of a request belongs to whoever asked.
    fn learn_sessions(&mut self) {
        if self.asked_by.is_empty() {
            return;
        }
        self.asked_by.sort_unstable();
        self.asked_by.dedup();
        let mut learned: Vec<(u64, u32)> = Vec::new();
        for record in self.edge.list.iter().filter(|record| record.session != 0) {
            let first = self.asked_by.partition_point(|(name, _)| *name < record.name);
            let lines = self.asked_by[first..].iter().take_while(|(name, _)| *name == record.name);
            learned.extend(lines.map(|(_, subject)| (record.session, *subject)));
        }
        for (session, subject) in learned {
            self.session(session, subject);
        }
    }

    /// The number of a subject, seen at `at`. `key` is room for the lookup, kept by the caller.
    pub(crate) fn subject(
        &mut self,
        person: &str,
        kind: &str,
        tenant: &str,
        at: i64,
        key: &mut String,
    ) -> u32 {
        key.clear();
        // Ids hold no control characters (see `origin`), so the parts cannot run into each other.
        for part in [person, "\0", kind, "\0", tenant] {
            key.push_str(part);
        }
        if let Some(&index) = self.subject_index.get(key.as_str()) {
            if let Some(subject) = self.subjects.get_mut(index as usize) {
                subject.seen = (subject.seen.0.min(at), subject.seen.1.max(at));
            }
            return index;
        }
        // Four thousand million people of one system would not fit into memory before this saturates.
        let index = u32::try_from(self.subjects.len()).unwrap_or(NOBODY);
        self.subject_index.insert(key.clone(), index);
        self.subjects.push(Subject {
            person: person.to_owned(),
            kind: kind.to_owned(),
            tenant: tenant.to_owned(),
            seen: (at, at),
        });
        index
    }

    pub(crate) fn session(&mut self, session: u64, subject: u32) {
        match self.sessions.entry(session) {
            Entry::Vacant(entry) => _ = entry.insert(Holders::One(subject)),
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Holders::One(one) if *one == subject => {}
                Holders::Several(all) if all.contains(&subject) => {}
                Holders::Several(all) => *all = [all, [subject].as_slice()].concat().into(),
                Holders::One(one) => {
                    let all = [*one, subject];
                    entry.insert(Holders::Several(all.into()));
                }
            },
        }
    }

    /// Who held a session that a line names (0: it names none).
    pub(crate) fn holders(&self, session: u64) -> Option<&[u32]> {
        match self.sessions.get(&session).filter(|_| session != 0)? {
            Holders::One(one) => Some(std::slice::from_ref(one)),
            Holders::Several(all) => Some(all),
        }
    }

    pub(crate) fn origin_record(&mut self, record: OriginRecord) {
        self.origin.push(record, &self.inputs);
    }

    pub(crate) fn elsewhere(&mut self, name: Name) {
        self.elsewhere.push(name.half());
    }

    /// Whether the origin answered this request under a path that is not personal.
    pub(crate) fn is_elsewhere(&self, name: Name) -> bool {
        name.is_request() && self.elsewhere.binary_search(&name.half()).is_ok()
    }

    pub(crate) fn edge_record(&mut self, record: EdgeRecord) {
        self.edge.push(record, &self.inputs);
    }

    /// Sorts what is remembered and finds what is there twice. What follows asks for that.
    pub(crate) fn settle(&mut self) {
        self.origin.settle(&self.inputs);
        self.edge.settle(&self.inputs);
        self.elsewhere.sort_unstable();
        self.elsewhere.dedup();
        self.learn_sessions();
        self.sessions.retain(|_, holders| {
            if let Holders::Several(all) = holders {
                all.sort_unstable();
            }
            true
        });
    }

    /// Logins and personal requests at the origin, in the order of their keys.
    pub(crate) fn origin(&self) -> &[OriginRecord] {
        debug_assert_eq!(self.origin.settled, self.origin.list.len());
        &self.origin.list
    }

    /// Personal requests at the edge, in the order of their keys.
    pub(crate) fn edge(&self) -> &[EdgeRecord] {
        debug_assert_eq!(self.edge.settled, self.edge.list.len());
        &self.edge.list
    }

    /// Whether each number names something, where the query has so many routes: bytes from elsewhere may say anything.
    pub(crate) fn is_sound(&self, routes: usize) -> bool {
        let (subjects, inputs) = (self.subjects.len(), self.inputs.len());
        let known = |subject: u32| subject == NOBODY || (subject as usize) < subjects;
        let held = |holders: &Holders| match holders {
            Holders::One(one) => known(*one),
            Holders::Several(all) => all.iter().all(|one| known(*one)),
        };
        let at_origin = |record: &OriginRecord| {
            let route = match record.what {
                What::Request(route) => usize::from(route) < routes || route == ANY,
                What::Login | What::FailedLogin => true,
            };
            route && known(record.subject) && (record.input as usize) < inputs
        };
        let at_edge =
            |record: &EdgeRecord| usize::from(record.route) < routes && (record.input as usize) < inputs;
        self.subject_index.values().all(|subject| known(*subject))
            && self.asked_by.iter().all(|(_, subject)| known(*subject))
            && self.sessions.values().all(held)
            && self.origin.list.iter().all(at_origin)
            && self.edge.list.iter().all(at_edge)
    }

    /// Takes over everything another store remembers.
    pub(crate) fn merge(&mut self, other: Self) {
        if self.inputs.is_empty()
            && self.subjects.is_empty()
            && self.edge.list.is_empty()
            && self.origin.list.is_empty()
        {
            // Without people there are no sessions either.
            let before = std::mem::replace(self, other);
            self.origin_hours.extend(before.origin_hours);
            self.edge_hours.extend(before.edge_hours);
            self.beside_hours.extend(before.beside_hours);
            self.elsewhere.extend(before.elsewhere);
            self.skew.merge(before.skew);
            return;
        }
        let Self {
            inputs,
            subjects,
            subject_index: _,
            sessions,
            origin,
            edge,
            elsewhere,
            mut origin_hours,
            mut edge_hours,
            mut beside_hours,
            skew,
            asked_by,
        } = other;
        let shift = u32::try_from(self.inputs.len()).unwrap_or(u32::MAX);
        self.inputs.extend(inputs);
        let moved = |place: Place| Place { input: place.input.saturating_add(shift), ..place };

        let mut key = String::new();
        let renamed: Vec<u32> = subjects
            .iter()
            .map(|subject| {
                let Subject { person, kind, tenant, seen } = subject;
                self.subject(person, kind, tenant, seen.0, &mut key);
                self.subject(person, kind, tenant, seen.1, &mut key)
            })
            .collect();
        let renamed = |subject: u32| renamed.get(subject as usize).copied().unwrap_or(NOBODY);

        for (session, holders) in sessions {
            match holders {
                Holders::One(holder) => self.session(session, renamed(holder)),
                Holders::Several(all) => all.iter().for_each(|one| self.session(session, renamed(*one))),
            }
        }
        let (mut origin, mut edge) = (origin.list, edge.list);
        for record in &mut origin {
            record.subject = renamed(record.subject);
            record.set_place(moved(record.place()));
        }
        for record in &mut edge {
            record.set_place(moved(record.place()));
        }
        self.origin.append(origin, &self.inputs);
        self.edge.append(edge, &self.inputs);
        self.elsewhere.extend(elsewhere);
        self.origin_hours.append(&mut origin_hours);
        self.edge_hours.append(&mut edge_hours);
        self.beside_hours.append(&mut beside_hours);
        self.skew.merge(skew);
        for (request, subject) in asked_by {
            self.asked_by(request, renamed(subject));
        }
    }
}
