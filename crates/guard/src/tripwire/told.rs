//! What happened: counted, and told to whoever watches.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Sighting;

/// Why a personal page, or a part of what may happen to it, is not seen. The header is there all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blindness {
    /// The page's own policy lets the script not run.
    Policy,
    /// The page's own policy lets the script hide the page and not report it.
    Mute,
    /// In a coding that is not undone, such as Brotli.
    Coding,
    /// In an encoding that does not hold ASCII as ASCII, such as UTF-16 or ISO-2022-JP.
    Encoding,
    /// XHTML, no type, or several.
    Type,
    /// A part of a page.
    Partial,
    /// It begins with more white space and comments than are held back.
    Place,
}

impl Blindness {
    /// For logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Mute => "mute",
            Self::Coding => "coding",
            Self::Encoding => "encoding",
            Self::Type => "type",
            Self::Partial => "partial",
            Self::Place => "place",
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// An answer left with a mark in its header.
    Marked,
    /// The same, but the request came without a viewer's cookie: nobody can tell whose it is.
    MarkedForNobody,
    /// A page left with the mark in it.
    PageMarked,
    /// A page, or what may happen to it, is not seen.
    Blind(Blindness),
    /// A response was forgotten before its time, because the table was full.
    Forgotten,
    /// A report that became a sighting.
    Sighted,
    /// One of the same response by the same viewer.
    Repeated,
    /// One from another site, without a seal of the guard, or that does not fit its sender.
    Refused,
    /// One too many.
    Limited,
}

impl Event {
    /// All.
    pub const ALL: [Self; 15] = [
        Self::Marked,
        Self::MarkedForNobody,
        Self::PageMarked,
        Self::Blind(Blindness::Policy),
        Self::Blind(Blindness::Mute),
        Self::Blind(Blindness::Coding),
        Self::Blind(Blindness::Encoding),
        Self::Blind(Blindness::Type),
        Self::Blind(Blindness::Partial),
        Self::Blind(Blindness::Place),
        Self::Forgotten,
        Self::Sighted,
        Self::Repeated,
        Self::Refused,
        Self::Limited,
    ];

    /// In metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Marked => "marked",
            Self::MarkedForNobody => "marked_for_nobody",
            Self::PageMarked => "page_marked",
            Self::Blind(Blindness::Policy) => "blind_policy",
            Self::Blind(Blindness::Mute) => "blind_mute",
            Self::Blind(Blindness::Coding) => "blind_coding",
            Self::Blind(Blindness::Encoding) => "blind_encoding",
            Self::Blind(Blindness::Type) => "blind_type",
            Self::Blind(Blindness::Partial) => "blind_partial",
            Self::Blind(Blindness::Place) => "blind_place",
            Self::Forgotten => "forgotten",
            Self::Sighted => "sighted",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Limited => "limited",
        }
    }
}

/// How often something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub event: Event,
    pub times: u64,
}

/// Who is told.
pub trait Watch: Send + Sync {
    /// A browser got a response that was made for another viewer. Called before the report is answered, so it must not wait for
    /// anything.
    fn sighted(&self, sighting: Sighting);

    /// Pages of a route are not seen; once for each route and reason. Called before the answer leaves.
    fn blind(&self, route: Option<&str>, why: Blindness);
}

pub struct Told {
    watch: Arc<dyn Watch>,
    counts: [AtomicU64; Event::ALL.len()],
    /// As many as there are routes, times reasons.
    blind: Mutex<HashSet<(Option<Arc<str>>, Blindness)>>,
}

impl Told {
    pub fn new(watch: Arc<dyn Watch>) -> Self {
        Self { watch, counts: Default::default(), blind: Mutex::default() }
    }

    pub fn count(&self, event: Event) {
        self.count_times(event, 1);
    }

    pub fn count_times(&self, event: Event, times: u64) {
        let count = Event::ALL.iter().zip(&self.counts).find(|(known, _)| **known == event);
        if let Some((_, count)) = count {
            count.fetch_add(times, Ordering::Relaxed);
        }
    }

    pub fn counts(&self) -> Vec<Count> {
        let counts = Event::ALL.iter().zip(&self.counts);
        counts.map(|(event, times)| Count { event: *event, times: times.load(Ordering::Relaxed) }).collect()
    }

    pub fn blind(&self, route: Option<&Arc<str>>, why: Blindness) {
        self.count(Event::Blind(why));
        let first = self.blind.lock().unwrap_or_else(PoisonError::into_inner).insert((route.cloned(), why));
        if first {
            self.watch.blind(route.map(|route| &**route), why);
        }
    }

    pub fn sighted(&self, sighting: Sighting) {
        self.count(Event::Sighted);
        self.watch.sighted(sighting);
    }
}
