//! What a scan remembers: each person, each session, and each distinct line that may matter.
//!
//! Everything here is a set or a map whose values are merged by minimum, maximum, union or "and". So the content
//! does not depend on the order of lines, files and merges, and reading a line twice changes nothing. Lines that
//! are neither a login nor a personal request near the window leave no trace but their session and their hour.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::input::InputReport;
use crate::skew::Sample;

/// A line of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) input: u32,
    pub(crate) line: u64,
}

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    Login,
    FailedLogin,
    Request(u16),
}

/// A login or a personal request at the origin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OriginRecord {
    /// First and last time; they differ only when the log gives one request id to several lines. A record must
    /// not leave the window because of an id that was sent twice.
    pub(crate) at: (i64, i64),
    pub(crate) what: What,
    pub(crate) subject: u32,
    /// Identity of the edge's request; 0 when not logged.
    pub(crate) request: u128,
    /// Identity of the session; 0 when not logged.
    pub(crate) session: u128,
    /// Identity of the path.
    pub(crate) path: u64,
    pub(crate) status: u16,
    /// Answered with a redirect or an error: no personal page was made.
    pub(crate) refused: bool,
    pub(crate) place: Place,
}

/// What an edge says about where an answer came from. By itself it proves little: what one place of a content delivery network asked
/// the next place for was a miss, and may have come from that one's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// Nothing, or a word that is not known.
    Nothing,
    /// It had the answer.
    Kept,
    /// It had the answer past its life, and gave it all the same: it asked whether that is still good, or could not ask.
    Confirmed,
    /// It had none and asked.
    Asked,
}

/// What of a body a viewer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Body {
    /// None: `HEAD`, 304, or no safe method.
    Nothing,
    /// A part, or nobody knows how much.
    Part,
    Whole,
}

/// A personal request at the edge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EdgeRecord {
    /// Identity of the request; 0 when not logged.
    pub(crate) request: u128,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) route: u16,
    /// Identity of the session; 0 when not logged.
    pub(crate) session: u128,
    /// Identity of the edge location; 0 when not logged.
    pub(crate) location: u64,
    pub(crate) object: Object,
    /// Identity of the viewer's address and program; 0 when not logged.
    pub(crate) client: u64,
    pub(crate) said: Said,
    pub(crate) body: Body,
    /// A cache may keep the answer to such a request.
    pub(crate) may_be_kept: bool,
    /// Of the whole body, by the answer's field.
    pub(crate) length: Option<u64>,
    pub(crate) refused: bool,
    pub(crate) place: Place,
}

/// What a cache may have for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Identity of the path.
    pub(crate) path: u64,
    /// Identity of host and query.
    pub(crate) rest: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    pub(crate) inputs: Vec<InputReport>,
    pub(crate) subjects: Vec<Subject>,
    subject_index: HashMap<String, u32>,
    /// Who held a session. More than one after a second login in the same browser: then all of them count.
    pub(crate) sessions: HashMap<u128, Vec<u32>>,
    pub(crate) origin: HashMap<u128, OriginRecord>,
    pub(crate) edge: HashMap<u128, EdgeRecord>,
    /// Hours since 1970 near the window in which a line exists.
    pub(crate) origin_hours: BTreeSet<i64>,
    pub(crate) edge_hours: BTreeSet<i64>,
    pub(crate) skew: Sample,
}

impl Store {
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

    pub(crate) fn session(&mut self, session: u128, subject: u32) {
        let holders = self.sessions.entry(session).or_default();
        if !holders.contains(&subject) {
            holders.push(subject);
        }
    }

    pub(crate) fn origin_record(&mut self, key: u128, record: OriginRecord) {
        match self.origin.entry(key) {
            Entry::Vacant(entry) => _ = entry.insert(record),
            Entry::Occupied(mut entry) => {
                let kept = entry.get_mut();
                kept.at = (kept.at.0.min(record.at.0), kept.at.1.max(record.at.1));
                if let (What::Request(route), What::Request(other)) = (kept.what, record.what) {
                    kept.what = What::Request(route.min(other));
                }
                kept.refused &= record.refused;
                // Where two lines of one request differ, the one that says less counts.
                agreed(&mut kept.session, record.session, 0);
                agreed(&mut kept.status, record.status, 0);
                kept.path = kept.path.min(record.path);
                kept.place = first_place(&self.inputs, kept.place, record.place);
            }
        }
    }

    pub(crate) fn edge_record(&mut self, key: u128, record: EdgeRecord) {
        match self.edge.entry(key) {
            Entry::Vacant(entry) => _ = entry.insert(record),
            Entry::Occupied(mut entry) => {
                let kept = entry.get_mut();
                kept.start = kept.start.min(record.start);
                kept.end = kept.end.max(record.end);
                kept.route = kept.route.min(record.route);
                kept.refused &= record.refused;
                agreed(&mut kept.location, record.location, 0);
                agreed(&mut kept.client, record.client, 0);
                agreed(&mut kept.said, record.said, Said::Nothing);
                agreed(&mut kept.length, record.length, None);
                kept.object = kept.object.min(record.object);
                kept.body = kept.body.max(record.body);
                kept.may_be_kept |= record.may_be_kept;
                kept.place = first_place(&self.inputs, kept.place, record.place);
            }
        }
    }

    /// Whether each number names something: bytes from elsewhere may say anything.
    pub(crate) fn is_sound(&self) -> bool {
        let subjects = self.subjects.len();
        let known = |subject: u32| subject == NOBODY || (subject as usize) < subjects;
        self.subject_index.values().all(|subject| known(*subject))
            && self.sessions.values().flatten().all(|subject| known(*subject))
            && self.origin.values().all(|record| known(record.subject))
    }

    /// Takes over everything another store remembers.
    pub(crate) fn merge(&mut self, other: Self) {
        let Self {
            inputs,
            subjects,
            subject_index: _,
            sessions,
            origin,
            edge,
            mut origin_hours,
            mut edge_hours,
            skew,
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
            for holder in holders {
                self.session(session, renamed(holder));
            }
        }
        for (key, record) in origin {
            let record =
                OriginRecord { subject: renamed(record.subject), place: moved(record.place), ..record };
            self.origin_record(key, record);
        }
        for (key, record) in edge {
            self.edge_record(key, EdgeRecord { place: moved(record.place), ..record });
        }
        self.origin_hours.append(&mut origin_hours);
        self.edge_hours.append(&mut edge_hours);
        self.skew.merge(skew);
    }
}

/// Nothing is known where two say different things. (Of three it matters not who comes first: what is unknown stays so.)
fn agreed<T: PartialEq>(kept: &mut T, other: T, unknown: T) {
    if *kept != other {
        *kept = unknown;
    }
}

/// The place that comes first by name and content of the input, not by the order of reading.
fn first_place(inputs: &[InputReport], one: Place, other: Place) -> Place {
    let rank = |place: &Place| {
        let input = inputs.get(place.input as usize);
        (input.map(|input| (&input.name, &input.sha256)), place.line)
    };
    if rank(&other) < rank(&one) { other } else { one }
}
