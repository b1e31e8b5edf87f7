//! Which response was whose.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use edge::Mode;
use tokio::time::Instant;

use super::mark::{BYTES, Mark, ResponseId, Viewer};
use super::report::How;
use crate::table::Table;

/// Viewers of one response who are told of; further ones are one too many. With a response that more have seen the incident is known.
const MOST_VIEWERS: usize = 256;

/// A response that left.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name of the declared route.
    pub route: Option<Arc<str>>,
    pub at: SystemTime,
    /// Whose it is, as an opaque pseudonym.
    pub owner: Option<Arc<str>>,
    /// Who asked for it.
    pub viewer: Option<Viewer>,
}

/// A browser got a response that was made for another viewer.
#[derive(Clone, Debug)]
pub struct Sighting {
    pub response_id: ResponseId,
    /// Whether the response is still remembered here. If not, it was made longer ago or by another node: its record in the access log
    /// has the same id, and `route`, `made_at`, `owner` and `made_for` are empty.
    pub known: bool,
    /// Name of the declared route; none also where no route covers the path.
    pub route: Option<Arc<str>>,
    /// When the response left the guard.
    pub made_at: Option<SystemTime>,
    /// Whose it was: an opaque pseudonym of the person.
    pub owner: Option<Arc<str>>,
    /// Who asked for it.
    pub made_for: Option<Viewer>,
    /// When it was reported.
    pub at: SystemTime,
    /// Who got it; none without a viewer's cookie.
    pub viewer: Option<Viewer>,
    /// Whose responses that viewer gets else, as an opaque pseudonym: who saw it.
    pub viewer_owner: Option<Arc<str>>,
    pub how: How,
    /// What the tripwire did about it: in `Enforce` the page was hidden.
    pub mode: Mode,
    /// The first of this response.
    pub first: bool,
}

impl Sighting {
    /// Whether the person saw an answer of their own, made for another of their browsers: a cache mixes people up, and nobody's data was
    /// seen. False where it is not known.
    pub fn is_of_one_person(&self) -> bool {
        self.owner.is_some() && self.owner == self.viewer_owner
    }
}

/// Whether a report was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    No { first: bool },
    Yes,
}

/// Bounded tables: of responses, of viewers, of reports.
pub struct Registry {
    responses: Mutex<Table<[u8; BYTES], Entry>>,
    owners: Mutex<Table<[u8; BYTES], Arc<str>>>,
    reported: Mutex<Table<[u8; BYTES], Vec<Option<Viewer>>>>,
}

impl Registry {
    pub fn new(responses: usize, viewers: usize, keep: Duration) -> Self {
        Self {
            responses: Mutex::new(Table::new(responses, keep)),
            owners: Mutex::new(Table::new(viewers, keep)),
            reported: Mutex::new(Table::new(responses, keep)),
        }
    }

    /// Remembers a response; how many others are forgotten for it before their time.
    pub fn remember(&self, id: ResponseId, entry: Entry) -> usize {
        let now = Instant::now();
        if let (Some(viewer), Some(owner)) = (entry.viewer, &entry.owner) {
            let mut owners = lock(&self.owners);
            let (known, _) = owners.entry(viewer.0, now, || owner.clone());
            if known != owner {
                *known = owner.clone();
            }
        }
        // By chance no id comes twice.
        lock(&self.responses).entry(id.0, now, || entry).1
    }

    /// What is known of a response.
    pub fn response(&self, id: ResponseId) -> Option<Entry> {
        lock(&self.responses).get(&id.0, Instant::now()).cloned()
    }

    /// Notes a report; nobody's second one counts.
    pub fn report(&self, mark: &Mark, viewer: Option<Viewer>) -> Before {
        let mut reported = lock(&self.reported);
        let (viewers, _) = reported.entry(mark.id.0, Instant::now(), Vec::new);
        if viewers.contains(&viewer) || viewers.len() >= MOST_VIEWERS {
            return Before::Yes;
        }
        viewers.push(viewer);
        Before::No { first: viewers.len() == 1 }
    }

    /// Whose responses a viewer gets.
    pub fn owner(&self, viewer: Viewer) -> Option<Arc<str>> {
        lock(&self.owners).get(&viewer.0, Instant::now()).cloned()
    }
}

fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing between locking and letting go can leave a table half changed.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
