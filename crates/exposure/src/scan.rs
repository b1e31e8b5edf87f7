//! The scan: takes inputs one by one, or on many threads, and ends in a result.

use std::io::Read;

use jiff::Timestamp;

use crate::cloudfront::{Columns, EdgeLine, cookie_value};
use crate::finish::finish;
use crate::input::{Bad, BadReason, BadSample, Format, InputReport, Line, each_line};
use crate::origin::{self, OriginEvent, OriginLine};
use crate::query::{Compiled, QueryError, WindowQuery};
use crate::reconstruct::{CacheFacts, FactsError, Reconstruction, reconstruct};
use crate::result::WindowResult;
use crate::store::{Body, EdgeRecord, NOBODY, Object, OriginRecord, Place, Store, What};
use crate::template::Template;
use crate::text::{fingerprint, percent_decode_into};

/// Reads inputs for one [`WindowQuery`].
///
/// Memory grows with the people, the sessions, and the distinct logins and personal requests near the window
/// (about 150 bytes each; without them a line in two files could not be known as one). All other lines leave
/// nothing behind.
///
/// For several threads, give each its own scan of the same query and [`merge`](Scan::merge) them at the end.
#[derive(Debug, Clone)]
pub struct Scan {
    pub(crate) compiled: Compiled,
    pub(crate) store: Store,
    pub(crate) template: Option<Template>,
}

/// Two scans ask different questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scans have different queries; merge only scans made from the same query")]
pub struct MergeError;

impl Scan {
    /// Prepares a scan.
    ///
    /// # Errors
    /// [`QueryError`] when the window is reversed or a route pattern is not valid.
    pub fn new(query: WindowQuery) -> Result<Self, QueryError> {
        Ok(Self { compiled: Compiled::new(query)?, store: Store::default(), template: None })
    }

    /// What is neither of the other forms is read as a cache's log of this one.
    #[must_use]
    pub fn with_template(mut self, template: Template) -> Self {
        self.template = Some(template);
        self
    }

    /// Reads one input, plain or gzip, of whatever format its lines show.
    ///
    /// There is no error: what cannot be read is in the report, and the rest is used.
    pub fn read(&mut self, name: &str, reader: impl Read) -> InputReport {
        self.read_as(name, None, reader)
    }

    /// Reads one input as the given format; `None` finds out.
    pub fn read_as(&mut self, name: &str, format: Option<Format>, reader: impl Read) -> InputReport {
        let limits = self.compiled.query.limits;
        let mut file = File::new(&mut self.compiled, format, self.template.clone());
        let reading = each_line(reader, limits.max_line_bytes, |number, line| file.take(number, line));
        let sha256 = hex::encode(reading.sha256);
        let duplicate_of = self
            .store
            .inputs
            .iter()
            .filter(|input| input.sha256 == sha256)
            .map(|input| input.name.clone())
            .min();
        let mut store = file.store;
        let report = InputReport {
            name: name.to_owned(),
            sha256,
            format: file.format,
            compressed: reading.compressed,
            bytes: reading.bytes,
            lines: file.lines,
            used: file.used,
            bad: file.bad,
            oversized: file.oversized,
            truncated: reading.truncated,
            first: file.seen.and_then(|(first, _)| Timestamp::from_millisecond(first).ok()),
            last: file.seen.and_then(|(_, last)| Timestamp::from_millisecond(last).ok()),
            duplicate_of,
        };
        store.inputs = vec![report.clone()];
        self.store.merge(store);
        report
    }

    /// Joins two scans of the same query, in any order.
    ///
    /// # Errors
    /// [`MergeError`] when the queries differ.
    pub fn merge(mut self, other: Self) -> Result<Self, MergeError> {
        if self.compiled.query != other.compiled.query {
            return Err(MergeError);
        }
        self.store.merge(other.store);
        Ok(self)
    }

    /// Lists the people.
    #[must_use]
    pub fn finish(self) -> WindowResult {
        finish(self.compiled, self.store)
    }

    /// Lists the people, and for each of them says what the logs show of who saw whose page.
    ///
    /// # Errors
    /// [`FactsError`].
    pub fn reconstruct(self, facts: &CacheFacts) -> Result<(WindowResult, Reconstruction), FactsError> {
        facts.check()?;
        if self.compiled.query.personal_routes.is_empty() {
            return Err(FactsError::NoRoutes);
        }
        let Self { compiled, store, template: _ } = self;
        let window = finish(compiled.clone(), store.clone());
        let reconstruction = reconstruct(&compiled, &store, facts, &window);
        Ok((window, reconstruction))
    }
}

/// One input while it is read.
struct File<'q> {
    compiled: &'q mut Compiled,
    store: Store,
    format: Option<Format>,
    columns: Option<Columns>,
    template: Option<Template>,
    lines: u64,
    used: u64,
    bad: Bad,
    oversized: u64,
    seen: Option<(i64, i64)>,
    /// The hour of the last line, so that the set of hours is not asked for each line.
    hour: i64,
    key: String,
    scratch: Vec<u8>,
}

impl<'q> File<'q> {
    fn new(compiled: &'q mut Compiled, format: Option<Format>, template: Option<Template>) -> Self {
        Self {
            compiled,
            store: Store::default(),
            format,
            columns: None,
            template,
            lines: 0,
            used: 0,
            bad: Bad::default(),
            oversized: 0,
            seen: None,
            hour: i64::MIN,
            key: String::new(),
            scratch: Vec::new(),
        }
    }

    fn take(&mut self, number: u64, line: Line<'_>) {
        let outcome = match line {
            Line::Whole(bytes) => self.whole(number, bytes),
            Line::Oversized => {
                self.oversized += 1;
                Some(Err(BadReason::Oversized))
            }
            Line::CutOff => Some(Err(BadReason::CutOff)),
        };
        let Some(outcome) = outcome else { return };
        self.lines += 1;
        match outcome {
            Ok(()) => self.used += 1,
            Err(reason) => {
                self.bad.count += 1;
                if self.bad.samples.len() < self.compiled.query.limits.bad_samples {
                    self.bad.samples.push(BadSample { line: number, reason });
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
        if std::str::from_utf8(line).is_err() {
            return Some(Err(BadReason::InvalidUtf8));
        }
        if self.format.is_none() {
            self.format = match line[0] {
                // JSON of the cache's own begins as its template does, and seldom as the origin's.
                _ if self.template.as_ref().is_some_and(|template| template.opens_with_more(line)) => {
                    Some(Format::Template)
                }
                b'{' => Some(Format::OriginJsonLines),
                b'#' => Some(Format::CloudfrontStandard),
                _ if self.template.is_some() => Some(Format::Template),
                _ => None,
            };
        }
        match self.format {
            None => Some(Err(BadReason::UnknownFormat)),
            Some(Format::OriginJsonLines) => {
                Some(origin::read(line).map(|read| self.origin(number, line, read)))
            }
            Some(Format::Template) => {
                // Out of the way while its line is looked at.
                let Some(mut template) = self.template.take() else {
                    return Some(Err(BadReason::UnknownFormat));
                };
                let one_cookie = template.one_cookie().map(str::to_owned);
                let read =
                    template.read(line).map(|read| self.edge(number, line, &read, one_cookie.as_deref()));
                self.template = Some(template);
                Some(read)
            }
            Some(Format::CloudfrontStandard) if line[0] == b'#' => {
                // Files that were put together bring their own directives, perhaps in another order.
                if let Some(names) = line.strip_prefix(b"#Fields:") {
                    self.columns = Some(Columns::parse(names));
                }
                None
            }
            Some(Format::CloudfrontStandard) => Some(match &mut self.columns {
                None => Err(BadReason::UnknownFormat),
                Some(columns) => columns.read(line).map(|read| self.edge(number, line, &read, None)),
            }),
        }
    }

    /// Notes that the log has a line at this time; tells whether it is near the window.
    fn saw(&mut self, start: i64, end: i64, edge: bool) -> bool {
        self.seen = Some(match self.seen {
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
            let hours = if edge { &mut self.store.edge_hours } else { &mut self.store.origin_hours };
            hours.insert(hour);
        }
        true
    }

    /// `one_cookie`: the line has the value of this cookie, and not the header field.
    fn edge(&mut self, number: u64, line: &[u8], read: &EdgeLine<'_>, one_cookie: Option<&str>) {
        if !read.id.is_empty() {
            self.store.skew.edge(read.id, read.start.midpoint(read.end));
        }
        if !self.saw(read.start, read.end, true) {
            return;
        }
        let Some(route) = self.compiled.routes.find(read.path) else { return };
        let cookie = self.compiled.query.session_cookie.as_ref();
        let session = match (cookie, one_cookie) {
            (Some(name), Some(logged)) if name == logged => {
                Some(read.cookie).filter(|value| !value.is_empty())
            }
            (_, Some(_)) | (None, _) => None,
            (Some(name), None) => cookie_value(read.cookie, name.as_bytes(), &mut self.scratch),
        };
        let session = session.map_or(0, session_key);
        // The session is part of the identity: a log without cookies must not hide what one with cookies tells.
        let (request, key) = if read.id.is_empty() {
            (0, fingerprint(&[b"line", line]))
        } else {
            (request_key(read.id), fingerprint(&[b"id", read.id, &session.to_le_bytes()]))
        };
        let place = Place { input: 0, line: number };
        let record = EdgeRecord {
            request,
            start: read.start,
            end: read.end,
            route,
            session,
            location: short(read.location),
            object: Object { path: path_key(read.path), rest: short_of(&[read.host, read.query]) },
            client: if read.address.is_empty() { 0 } else { short_of(&[read.address, read.program]) },
            said: read.said,
            body: body(read.method, read.status),
            // An edge answers `HEAD` with what it keeps for `GET`, and fills it by asking for that.
            may_be_kept: matches!(read.method, b"GET" | b"HEAD" | b""),
            length: read.length,
            refused: refused(read.status),
            place,
        };
        self.store.edge_record(key, record);
    }

    fn origin(&mut self, number: u64, line: &[u8], read: OriginLine<'_>) {
        if !read.id.is_empty() {
            self.store.skew.origin(read.id.as_bytes(), read.at);
        }
        let subject = if read.person.is_empty() {
            NOBODY
        } else {
            let OriginLine { person, kind, tenant, .. } = &read;
            self.store.subject(person, kind, tenant, read.at, &mut self.key)
        };
        // A failed login does not hold a session: somebody else may be typing this person's address.
        if subject != NOBODY && !read.session.is_empty() && read.event != OriginEvent::FailedLogin {
            self.store.session(session_key(read.session.as_bytes()), subject);
        }
        if !self.saw(read.at, read.at, false) {
            return;
        }
        let what = match read.event {
            OriginEvent::Login => What::Login,
            OriginEvent::FailedLogin => What::FailedLogin,
            OriginEvent::Request => match self.compiled.routes.find(read.path.as_bytes()) {
                Some(route) => What::Request(route),
                None => return,
            },
            OriginEvent::Other => return,
        };
        let kind_of_event: &[u8] = match what {
            What::Login => b"login",
            What::FailedLogin => b"failed login",
            What::Request(_) => b"request",
        };
        let (request, key) = if read.id.is_empty() {
            (0, fingerprint(&[b"line", line]))
        } else {
            // The person is part of the identity: an id that is sent twice must not hide anybody.
            let (id, who) =
                (read.id.as_bytes(), [&read.person, &read.kind, &read.tenant].map(|id| id.as_bytes()));
            (request_key(id), fingerprint(&[b"id", kind_of_event, id, who[0], who[1], who[2]]))
        };
        let refused = matches!(what, What::Request(_)) && refused(read.status);
        let place = Place { input: 0, line: number };
        self.store.origin_record(
            key,
            OriginRecord {
                at: (read.at, read.at),
                what,
                subject,
                request,
                session: if read.session.is_empty() { 0 } else { session_key(read.session.as_bytes()) },
                path: path_key(read.path.as_bytes()),
                status: read.status,
                refused,
                place,
            },
        );
    }
}

/// What a viewer got. An edge that logs no method is taken at its worst.
fn body(method: &[u8], status: u16) -> Body {
    match (method, status) {
        (b"GET" | b"", 200) => Body::Whole,
        (b"GET" | b"", 304) | (b"HEAD", _) => Body::Nothing,
        (b"GET" | b"", _) => Body::Part,
        _ => Body::Nothing,
    }
}

/// Identity of a path, without its query and however it is written.
fn path_key(raw: &[u8]) -> u64 {
    let path = raw.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut decoded = Vec::with_capacity(path.len());
    percent_decode_into(path, &mut decoded);
    decoded.dedup_by(|next, previous| *next == b'/' && *previous == b'/');
    short(&decoded)
}

/// Never 0 but for nothing.
fn short(bytes: &[u8]) -> u64 {
    if bytes.is_empty() { 0 } else { short_of(&[bytes]) }
}

fn short_of(parts: &[&[u8]]) -> u64 {
    // Half of it; nobody gains by two locations or clients that look alike, since that only widens what is possible.
    (fingerprint(parts) as u64).max(1)
}

fn request_key(id: &[u8]) -> u128 {
    fingerprint(&[b"request", id])
}

fn session_key(session: &[u8]) -> u128 {
    fingerprint(&[b"session", session])
}

/// Redirects and errors carry no personal page. No status (0: the viewer left, or it is not logged) may well
/// have put the page into the cache, and 304 confirms one.
fn refused(status: u16) -> bool {
    status >= 300 && status != 304
}
