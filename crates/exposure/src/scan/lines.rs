//! The lines of one input: what each of them says, and what is remembered of it.

use std::sync::Arc;

use crate::blocks::Block;
use crate::crew::Hand;
use crate::formats::{
    EdgeLine, Event, Format, Forms, Glance, OriginEvent, OriginLine, Reader, UNKNOWN, cookie_value, plain_id,
};
use crate::input::{Bad, BadReason, BadSample, Line};
use crate::query::Compiled;
use crate::record::{Body, EdgeRecord, Name, Object, OriginRecord, Said, What};
use crate::store::{NOBODY, Store};
use crate::text::{fingerprint, percent_decode_fully};

/// What was found in lines of one input.
#[derive(Default)]
pub(super) struct Found {
    pub(super) store: Store,
    pub(super) format: Option<Format>,
    /// Lines that the log itself says are lost.
    pub(super) lost: u64,
    pub(super) lines: u64,
    pub(super) used: u64,
    pub(super) bad: Bad,
    pub(super) oversized: u64,
    pub(super) seen: Option<(i64, i64)>,
}

impl Found {
    /// It has its table of contents at its end, and cannot be read as it comes.
    pub(super) fn parquet_as_stream() -> Self {
        let sample = BadSample { line: 1, reason: BadReason::ParquetAsStream };
        let bad = Bad { count: 1, samples: vec![sample] };
        Self { format: Some(Format::CloudfrontParquet), lines: 1, bad, ..Self::default() }
    }

    /// Joins what was found in other lines of the same input.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.store.merge(other.store);
        self.format = self.format.or(other.format);
        self.lost = self.lost.saturating_add(other.lost);
        self.lines += other.lines;
        self.used += other.used;
        self.bad.count += other.bad.count;
        self.bad.samples.extend(other.bad.samples);
        self.oversized += other.oversized;
        self.seen = match (self.seen, other.seen) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
        self
    }
}

/// Of which log a line shows that it has the hour.
#[derive(Clone, Copy)]
enum Hours {
    Origin,
    Edge,
    /// Of an edge, if there is no other.
    Beside,
    None,
}

/// Lines that are looked at for what their format is. After them the input is of none.
const MAX_UNKNOWN: u32 = 1_000;

/// How the lines of an input are read, as far as those before have said.
pub(super) struct Known {
    format: Option<Format>,
    reader: Option<Box<Reader>>,
    unknown: u32,
    /// Only a line that says how others are read changes it.
    is_settled: bool,
}

/// One input, or some blocks of it, while it is read.
pub(super) struct File<'q> {
    compiled: &'q mut Compiled,
    pub(super) found: Found,
    forms: Forms,
    /// Out of its place while one of its lines is looked at.
    pub(super) reader: Option<Box<Reader>>,
    /// Lines that showed no format.
    unknown: u32,
    /// The block has nothing but ASCII, so its lines need no look at their characters.
    is_ascii: bool,
    /// The hour of the last line, so that the set of hours is not asked for each line.
    hour: i64,
    key: String,
    scratch: Vec<u8>,
}

impl Hand<Known> for (File<'_>, Option<Arc<Known>>) {
    fn look(&mut self, block: &Block, known: &Arc<Known>) {
        let (file, last) = self;
        if !last.as_ref().is_some_and(|last| Arc::ptr_eq(last, known)) {
            (file.found.format, file.reader, file.unknown) =
                (known.format, known.reader.clone(), known.unknown);
            *last = Some(known.clone());
        }
        file.block(block);
        // A block that says how it is read says so of itself alone: the next one may be another thread's.
        if !known.is_settled || block.has_names() {
            *last = None;
        }
    }
}

impl<'q> File<'q> {
    pub(super) fn new(compiled: &'q mut Compiled, format: Option<Format>, forms: Forms) -> Self {
        let session = compiled.query.session_cookie.as_deref();
        let reader = format.and_then(|format| forms.reader(format, session)).map(Box::new);
        Self {
            compiled,
            found: Found { format, ..Found::default() },
            forms,
            reader,
            unknown: 0,
            is_ascii: false,
            hour: i64::MIN,
            key: String::new(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn known(&self) -> Known {
        let is_settled = match &self.reader {
            Some(reader) => reader.is_settled(),
            None => self.found.format.is_some() || self.unknown >= MAX_UNKNOWN,
        };
        Known { format: self.found.format, reader: self.reader.clone(), unknown: self.unknown, is_settled }
    }

    /// Takes what a block says about how the lines behind it are read; tells whether there may be something.
    pub(super) fn look_ahead(&mut self, block: &Block) -> bool {
        let says = !self.known().is_settled || block.has_names();
        if says {
            self.block(block);
            self.found = Found { format: self.found.format, ..Found::default() };
        }
        says
    }

    pub(super) fn block(&mut self, block: &Block) {
        self.is_ascii = block.lines().is_ascii();
        block.each(self.compiled.query.limits.max_line_bytes, |number, line| self.take(number, line));
    }

    pub(super) fn take(&mut self, number: u64, line: Line<'_>) {
        let outcome = match line {
            Line::Whole(bytes) => self.whole(number, bytes),
            Line::Oversized => {
                self.found.oversized += 1;
                Some(Err(BadReason::Oversized))
            }
            Line::CutOff => Some(Err(BadReason::CutOff)),
        };
        self.count(number, outcome);
    }

    fn count(&mut self, number: u64, outcome: Option<Result<(), BadReason>>) {
        let Some(outcome) = outcome else { return };
        self.found.lines += 1;
        match outcome {
            Ok(()) => self.found.used += 1,
            Err(reason) => {
                self.found.bad.count += 1;
                if self.found.bad.samples.len() < self.compiled.query.limits.bad_samples {
                    self.found.bad.samples.push(BadSample { line: number, reason });
                }
            }
        }
    }

    /// `None` for lines without content: directives, empty lines.
    fn whole(&mut self, number: u64, line: &[u8]) -> Option<Result<(), BadReason>> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        if line.is_empty() {
            return None;
        }
        if !self.is_ascii && std::str::from_utf8(line).is_err() {
            return Some(Err(BadReason::InvalidUtf8));
        }
        if self.found.format.is_none() && self.unknown < MAX_UNKNOWN {
            let session = self.compiled.query.session_cookie.as_deref();
            self.found.format = self.forms.detect(line, session);
            self.unknown += u32::from(self.found.format.is_none());
            self.reader =
                self.found.format.and_then(|format| self.forms.reader(format, session)).map(Box::new);
        }
        let Some(mut reader) = self.reader.take() else { return Some(Err(BadReason::UnknownFormat)) };
        let outcome = self.read(&mut reader, number, line);
        self.reader = Some(reader);
        outcome
    }

    fn read(&mut self, reader: &mut Reader, number: u64, line: &[u8]) -> Option<Result<(), BadReason>> {
        if let Some(glance) = reader.glance(line)
            && !self.matters(&glance)
        {
            return Some(Ok(()));
        }
        match reader.read(line) {
            Ok(Event::Edge(read)) => {
                self.edge(number, line, &read);
                Some(Ok(()))
            }
            Ok(Event::Origin(read)) => {
                self.origin(number, line, read);
                Some(Ok(()))
            }
            Ok(Event::Lost(lines)) => {
                self.found.lost = self.found.lost.saturating_add(lines);
                None
            }
            Ok(Event::Nothing) => None,
            Err(reason) => Some(Err(reason)),
        }
    }

    /// Notes that the log has a line at this time; tells whether it is near the window.
    fn saw(&mut self, start: i64, end: i64, of: Hours) -> bool {
        self.found.seen = Some(match self.found.seen {
            None => (end, end),
            Some((first, last)) => (first.min(end), last.max(end)),
        });
        let (from, to) = self.compiled.kept;
        if end < from || start > to {
            return false;
        }
        let (from, to) = self.compiled.inside;
        let hour = end.div_euclid(3_600_000);
        if hour != self.hour && end >= from && start <= to {
            self.hour = hour;
            let store = &mut self.found.store;
            match of {
                Hours::Origin => _ = store.origin_hours.insert(hour),
                Hours::Edge => _ = store.edge_hours.insert(hour),
                Hours::Beside => _ = store.beside_hours.insert(hour),
                Hours::None => self.hour = i64::MIN,
            }
        }
        true
    }

    /// Whether a line may be a personal request near the window; the others, which are nearly all, are not read further.
    fn matters(&mut self, glance: &Glance<'_>) -> bool {
        let id = plain_id(glance.id);
        if !id.is_empty() {
            // Without a duration the end alone is known.
            let is_known = glance.end - glance.start < UNKNOWN;
            let at = if is_known { glance.start.midpoint(glance.end) } else { glance.end };
            self.found.store.skew.edge(id, at);
        }
        self.saw(glance.start, glance.end, Hours::Edge) && self.compiled.routes.find(glance.path).is_some()
    }

    fn edge(&mut self, number: u64, line: &[u8], read: &EdgeLine<'_>) {
        if read.between_caches {
            self.saw(read.start, read.end, Hours::None);
            return;
        }
        let id = plain_id(read.id);
        // Without a duration it is not known when.
        if !id.is_empty() && read.end - read.start < UNKNOWN {
            self.found.store.skew.edge(id, read.start.midpoint(read.end));
        }
        let is_beside = self.found.format.is_some_and(Format::may_stand_beside_an_edge);
        if !self.saw(read.start, read.end, if is_beside { Hours::Beside } else { Hours::Edge }) {
            return;
        }
        let Some(route) = self.compiled.routes.find(read.path) else { return };
        let cookie = self.compiled.query.session_cookie.as_ref();
        let session = match cookie {
            None => None,
            Some(_) if !read.session.is_empty() => Some(read.session),
            Some(name) => cookie_value(read.cookie, name.as_bytes(), &mut self.scratch),
        };
        let session = session.map_or(0, session_key);
        let record = EdgeRecord {
            name: name(id, line),
            start: read.start,
            end: read.end,
            route,
            session,
            location: short(read.location),
            object: Object {
                path: path_key(read.path, &mut self.scratch),
                rest: short_of(&[read.host, read.query]),
            },
            client: if read.address.is_empty() { 0 } else { short_of(&[read.address, read.program]) },
            said: read.said,
            body: body(read),
            // An edge answers `HEAD` with what it keeps for `GET`, and fills it by asking for that.
            may_be_kept: matches!(read.method, b"GET" | b"HEAD" | b""),
            length: read.length.into(),
            refused: refused(read.status),
            taken: u32::try_from(read.end.saturating_sub(read.start)).unwrap_or(u32::MAX),
            input: 0,
            line: number,
        };
        self.found.store.edge_record(record);
    }

    fn origin(&mut self, number: u64, line: &[u8], read: OriginLine<'_>) {
        let id = plain_id(read.id.as_bytes());
        if !id.is_empty() {
            self.found.store.skew.origin(id, read.at);
        }
        let subject = if read.person.is_empty() {
            NOBODY
        } else {
            let OriginLine { person, kind, tenant, .. } = &read;
            self.found.store.subject(person, kind, tenant, read.at, &mut self.key)
        };
        // A failed login does not hold a session: somebody else may be typing this person's address.
        if subject != NOBODY && !read.session.is_empty() && read.event != OriginEvent::FailedLogin {
            self.found.store.session(session_key(read.session.as_bytes()), subject);
        }
        if !self.saw(read.at, read.at, Hours::Origin) {
            return;
        }
        let what = match read.event {
            OriginEvent::Login => What::Login,
            OriginEvent::FailedLogin => What::FailedLogin,
            OriginEvent::Request => {
                let route = match &read.route {
                    Some(name) => {
                        self.compiled.routes.named(self.forms.names.routes.get(&**name).map(|one| &**one))
                    }
                    None => self.compiled.routes.find(read.path.as_bytes()),
                };
                match route {
                    Some(route) => What::Request(route),
                    // The edge may know it by another path.
                    None => {
                        if !id.is_empty() {
                            self.found.store.elsewhere(name(id, line));
                        }
                        return;
                    }
                }
            }
            OriginEvent::Other => return,
        };
        if read.asked_by_person && !id.is_empty() && subject != NOBODY {
            self.found.store.asked_by(name(id, line), subject);
        }
        let refused = matches!(what, What::Request(_)) && (read.refused || refused(read.status));
        // A log without paths: any.
        let path = if read.route.is_some() { 0 } else { path_key(read.path.as_bytes(), &mut self.scratch) };
        self.found.store.origin_record(OriginRecord {
            name: name(id, line),
            at: (read.at, read.at),
            what,
            subject,
            session: if read.session.is_empty() { 0 } else { session_key(read.session.as_bytes()) },
            path,
            status: read.status,
            refused,
            input: 0,
            line: number,
        });
    }
}

/// What a viewer got: the whole only where the line says so. An edge that logs no method or status is taken at its worst.
fn body(read: &EdgeLine<'_>) -> Body {
    // What a `POST` got is kept by few caches, and then they say so.
    let kept = matches!(read.said, Said::Kept | Said::Confirmed);
    match (read.method, read.status) {
        (b"GET", 200) if !read.is_broken => Body::Whole,
        (b"GET" | b"", 304) | (b"HEAD" | b"OPTIONS", _) => Body::Nothing,
        (b"GET" | b"", _) => Body::Part,
        (_, 200) if kept => Body::Part,
        _ => Body::Nothing,
    }
}

/// Identity of a path, without its query and however it is written. `decoded` is room for it.
fn path_key(raw: &[u8], decoded: &mut Vec<u8>) -> u64 {
    let path = raw.split(|byte| *byte == b'?').next().unwrap_or_default();
    decoded.clear();
    percent_decode_fully(path, decoded);
    decoded.dedup_by(|next, previous| *next == b'/' && *previous == b'/');
    short(decoded)
}

/// Never 0 but for nothing.
fn short(bytes: &[u8]) -> u64 {
    if bytes.is_empty() { 0 } else { short_of(&[bytes]) }
}

fn short_of(parts: &[&[u8]]) -> u64 {
    // Half of it; nobody gains by two locations, clients or sessions that look alike, since that only widens what is possible.
    (fingerprint(parts) as u64).max(1)
}

/// By the request's id; where it has none, by the line's text.
fn name(id: &[u8], line: &[u8]) -> Name {
    if id.is_empty() {
        Name::of_line(fingerprint(&[b"line", line]))
    } else {
        Name::of_request(fingerprint(&[b"request", id]))
    }
}

fn session_key(session: &[u8]) -> u64 {
    short_of(&[b"session", session])
}

/// Redirects and errors carry no personal page. No status (0: the viewer left, or it is not logged) may well
/// have put the page into the cache, and 304 confirms one.
fn refused(status: u16) -> bool {
    status >= 300 && status != 304
}
