//! The access log: a record of each personal answer, written before anybody knows that it will be needed. With it and the edge's own
//! log it can be told later who got whose page. A record names nobody to whoever has no key.
//!
//! An answer never waits for it: what does not fit in the queue is counted, and the count is written.

mod parts;
mod pseudonym;
mod record;
mod writer;

pub use parts::{Begin, Parts};
pub use pseudonym::{Of, Ring, RingError};
pub use record::{
    Cache, Class, EDGE_IDS, EdgeFrom, End, FORM, Line, Lost, MAX_CACHE_VALUE, MAX_EDGE_ID, Record, Sealed,
    Start,
};
pub use writer::{Unwritten, Writer};

pub(crate) use record::edge_id;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Response;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::body::Answer;
use crate::identity::Asked;

/// How much is kept until it is written.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Records that wait, at least one. One takes about 1 KiB.
    pub queue: usize,
    /// Bytes of lines that are written together.
    pub flush_bytes: usize,
    /// How long a line waits for others.
    pub flush_after: Duration,
    /// At the end: for all that waits to be written.
    pub end: Duration,
    /// Of a part that is written in parts: most bytes, or what is written together if that is more.
    pub part_bytes: Option<NonZeroU64>,
    /// How long after its first record a part ends.
    pub part_after: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue: 8_192,
            flush_bytes: 64 << 10,
            flush_after: Duration::from_secs(1),
            end: Duration::from_secs(10),
            part_bytes: None,
            part_after: None,
        }
    }
}

/// The clock of the day, in milliseconds since 1970-01-01T00:00:00Z.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;
/// 128 random bits at each call.
pub type Chance = Arc<dyn Fn() -> [u8; 16] + Send + Sync>;

/// A response's id, among its extensions: whoever gives it one before the log sees it says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseId(pub [u8; 16]);

/// The side of the log that answers see. The other is a [`Writer`].
pub struct AccessLog {
    ring: ArcSwap<Ring>,
    clock: Clock,
    chance: Chance,
    run: String,
    seq: AtomicU64,
    sender: mpsc::Sender<Box<Record>>,
    tally: Arc<Tally>,
    turn: Arc<Notify>,
}

/// What became of records.
#[derive(Default)]
struct Tally {
    /// Found no place, since the last line that told of them.
    untold: AtomicU64,
    lost: AtomicU64,
    written: AtomicU64,
}

impl Tally {
    fn lose(&self) {
        self.untold.fetch_add(1, Ordering::Relaxed);
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is known of an answer beside the answer itself.
pub(crate) struct About<'a> {
    pub route: Option<&'a str>,
    pub class: Class,
    pub rules: &'a str,
    pub asked: Option<&'a Asked>,
    pub edge: (Option<String>, EdgeFrom),
    pub own: bool,
    /// The answer to `HEAD`: it has left whole without a body.
    pub head: bool,
}

impl AccessLog {
    /// A log and who writes it. The writer must be run, or nothing but losses comes of it.
    pub fn new(settings: Settings, ring: Ring, clock: Clock, chance: Chance) -> (Arc<Self>, Writer) {
        let (sender, receiver) = mpsc::channel(settings.queue.max(1));
        let tally = Arc::new(Tally::default());
        let run = hex::encode(chance());
        let system = ring.system().to_owned();
        let turn = Arc::new(Notify::new());
        let names = (run.clone(), system);
        let writer = Writer::new(settings, receiver, tally.clone(), turn.clone(), clock.clone(), names);
        let ring = ArcSwap::from_pointee(ring);
        (Arc::new(Self { ring, clock, chance, run, seq: AtomicU64::new(0), sender, tally, turn }), writer)
    }

    /// What this run is called in each line: 32 hexadecimal digits.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Asks for the next part now ([`Writer::run_in_parts`]): the file was moved.
    pub fn turn(&self) {
        self.turn.notify_one();
    }

    /// Other keys for pseudonyms, from the next answer on.
    pub fn replace_keys(&self, ring: Ring) {
        self.ring.store(Arc::new(ring));
    }

    /// Records that were lost since the start.
    pub fn lost(&self) -> u64 {
        self.tally.lost.load(Ordering::Relaxed)
    }

    /// Records that were written since the start, to their last byte.
    pub fn written(&self) -> u64 {
        self.tally.written.load(Ordering::Relaxed)
    }

    /// Begins the record of an answer; it is written when the answer has left.
    pub(crate) fn note(self: &Arc<Self>, answer: Response<Answer>, about: About<'_>) -> Response<Answer> {
        let About { route, class, rules, asked, edge: (edge, edge_from), own, head } = about;
        let ring = self.ring.load();
        let person = asked.and_then(Asked::about);
        let tenant = person.and_then(|person| person.tenant.as_deref());
        let subject = |person: &crate::identity::Person| {
            let tenant = person.tenant.as_deref().unwrap_or_default();
            person.subject.as_deref().map(|subject| ring.pseudonym(Of::Subject { tenant, subject }))
        };
        let id = answer.extensions().get::<ResponseId>().map_or_else(|| (self.chance)(), |id| id.0);
        let record = Box::new(Record {
            run: self.run.clone(),
            seq: 0,
            time: (self.clock)(),
            took: 0,
            response: hex::encode(id),
            edge,
            edge_from,
            route: route.map(str::to_owned),
            class,
            tenant: tenant.map(|tenant| ring.pseudonym(Of::Tenant(tenant))),
            subject: person.and_then(subject),
            session: asked.and_then(Asked::session).map(|digest| ring.pseudonym(Of::Session(&digest))),
            viewer: asked.and_then(Asked::seen_by).and_then(subject),
            status: answer.status().as_u16(),
            own,
            cache: Cache::of(answer.headers()),
            bytes: 0,
            complete: head,
            tag: record::tag(answer.headers()),
            rules: rules.to_owned(),
        });
        let pending = Pending { log: self.clone(), record: Some(record), begun: Instant::now() };
        answer.map(|body| body.logged(pending))
    }

    /// The person whom an answer is about, under the same pseudonym as in its record.
    pub(crate) fn owner(&self, asked: &Asked) -> Option<String> {
        let person = asked.about()?;
        let tenant = person.tenant.as_deref().unwrap_or_default();
        person.subject.as_deref().map(|subject| self.ring.load().pseudonym(Of::Subject { tenant, subject }))
    }

    fn keep(&self, mut record: Box<Record>) {
        record.seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
        if self.sender.try_send(record).is_err() {
            self.tally.lose();
        }
    }
}

/// A record that waits for the end of its answer, be it whole or not.
pub(crate) struct Pending {
    log: Arc<AccessLog>,
    record: Option<Box<Record>>,
    begun: Instant,
}

impl Pending {
    /// So many bytes of the body left.
    pub fn sent(&mut self, bytes: u64) {
        if let Some(record) = &mut self.record {
            record.bytes += bytes;
        }
    }

    /// The body left whole.
    pub fn end(&mut self) {
        if let Some(record) = &mut self.record {
            record.complete = true;
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.took = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.log.keep(record);
        }
    }
}
