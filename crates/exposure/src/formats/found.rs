//! What was found in a line, by meaning, and the line of the edge's log that it makes.

use super::cloudfront;
use super::edge_line::{EdgeLine, UNKNOWN};
use super::instant::instant;
use super::said::said;
use crate::input::BadReason;
use crate::text::{parse_clock, parse_date, parse_long, parse_number, parse_seconds};

/// What a field or a variable means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// When the answer ended, or the request began, or one of the two.
    End,
    Start,
    Time,
    /// CloudFront: `2023-10-26`, and `02:03:04` of it, at the end of the answer.
    Date,
    Clock,
    TakenSeconds,
    TakenMillis,
    TakenMicros,
    TakenNanos,
    /// `GET /path?query HTTP/1.1`.
    Request,
    Method,
    /// With its query, perhaps with scheme and host.
    Target,
    Path,
    /// With or without its `?`.
    Query,
    Host,
    /// Of the distribution, where the viewer's own is not logged.
    OtherHost,
    Status,
    Length,
    Id,
    /// The header field.
    Cookie,
    /// The value of the session's cookie alone.
    Session,
    Cache,
    /// CloudFront's result type, and its two others.
    Result,
    ResponseResult,
    DetailedResult,
    Address,
    Program,
    Location,
    /// Fastly's name of a machine, which ends in that of its location.
    Machine,
    /// HAProxy's name of the server, which is `<CACHE>` where it asked none.
    Server,
    /// All that went to the viewer, with the header.
    Bytes,
    /// Where it says no, the line is that of a cache behind another one.
    AtEdge,
}

pub(crate) const SLOTS: usize = Slot::AtEdge as usize + 1;

/// When an instant of [`Slot::Time`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Start,
    End,
    /// Nobody knows.
    Either,
}

/// The values of one line, unescaped, one after another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    bytes: Vec<u8>,
    ranges: [(usize, usize); SLOTS],
    ranks: [u16; SLOTS],
}

impl Found {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ranges = [(0, 0); SLOTS];
        self.ranks = [u16::MAX; SLOTS];
    }

    /// What `write` appends becomes the value, unless one of a lower rank is there. `-` is nothing.
    pub(crate) fn set(&mut self, slot: Slot, rank: u16, write: impl FnOnce(&mut Vec<u8>)) {
        let index = slot as usize;
        let is_taken = self.ranks.get(index).is_none_or(|known| *known <= rank);
        if is_taken {
            return;
        }
        let begin = self.bytes.len();
        write(&mut self.bytes);
        if matches!(self.bytes.get(begin..), None | Some(b"" | b"-")) {
            self.bytes.truncate(begin);
            return;
        }
        if let (Some(range), Some(known)) = (self.ranges.get_mut(index), self.ranks.get_mut(index)) {
            *range = (begin, self.bytes.len());
            *known = rank;
        }
    }

    pub(crate) fn get(&self, slot: Slot) -> &[u8] {
        let (from, to) = self.ranges.get(slot as usize).copied().unwrap_or_default();
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// The line. `offset`: of times that have none, in milliseconds.
    pub(crate) fn edge_line(&self, when: When, offset: Option<i64>) -> Result<EdgeLine<'_>, BadReason> {
        let of = |slot| self.get(slot);
        let (start, end) = self.interval(when, offset)?;
        let mut request = of(Slot::Request).split(|byte| *byte == b' ');
        let (method, target) = (request.next().unwrap_or_default(), request.next().unwrap_or_default());
        let method = first([of(Slot::Method), method]);
        let target = without_host(first([of(Slot::Target), of(Slot::Path), target]));
        let cut = memchr::memchr(b'?', target);
        let (path, query) =
            cut.and_then(|at| Some((target.get(..at)?, target.get(at + 1..)?))).unwrap_or((target, b""));
        let other = of(Slot::Query);
        let query = first([query, other.strip_prefix(b"?").unwrap_or(other)]);
        let status =
            parse_number(of(Slot::Status)).and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
        // What was no request was refused, and is nobody's page.
        if path.is_empty() && status < 400 {
            return Err(BadReason::TooFewFields);
        }
        let machine = of(Slot::Machine).rsplit(|byte| *byte == b'-').next().unwrap_or_default();
        let server: &[u8] = match of(Slot::Server) {
            b"" | b"<NOSRV>" | b"<STATS>" => b"",
            b"<CACHE>" => b"hit",
            _ => b"miss",
        };
        let results = [Slot::Result, Slot::ResponseResult, Slot::DetailedResult].map(of);
        let said = match results {
            [b"", b"", b""] => said(first([of(Slot::Cache), server])),
            [result, response, detailed] => cloudfront::said(result, response, detailed),
        };
        Ok(EdgeLine {
            start,
            end,
            path,
            status,
            cookie: of(Slot::Cookie),
            session: of(Slot::Session),
            id: of(Slot::Id),
            location: first([of(Slot::Location), machine]),
            method,
            host: first([of(Slot::Host), of(Slot::OtherHost)]),
            query,
            address: of(Slot::Address),
            program: of(Slot::Program),
            length: parse_number(of(Slot::Length)).and_then(|length| u64::try_from(length).ok()),
            said,
            is_broken: of(Slot::Result) == b"Error" || of(Slot::Bytes) == b"0",
            between_caches: matches!(of(Slot::AtEdge), b"false" | b"0" | b"no"),
        })
    }

    /// From the beginning of the request to the end of the answer, each at its worst.
    fn interval(&self, when: When, offset: Option<i64>) -> Result<(i64, i64), BadReason> {
        let taken = self.taken().unwrap_or(UNKNOWN);
        let (start, end) = (self.get(Slot::Start), self.get(Slot::End));
        if !start.is_empty() {
            let (start, resolution) = instant(start, offset)?;
            // An end that cannot be read, or lies before the beginning, is as good as none.
            let end = instant(end, offset).ok().filter(|(end, resolution)| end + resolution >= start);
            return Ok(match end {
                Some((end, resolution)) => (start, end.saturating_add(resolution)),
                None => (start, start.saturating_add(resolution).saturating_add(taken)),
            });
        }
        let (time, resolution, when) = if !end.is_empty() {
            let (time, resolution) = instant(end, offset)?;
            (time, resolution, When::End)
        } else if self.get(Slot::Time).is_empty() && !self.get(Slot::Date).is_empty() {
            let day = parse_date(self.get(Slot::Date)).ok_or(BadReason::BadTime)?;
            let clock = parse_clock(self.get(Slot::Clock)).ok_or(BadReason::BadTime)?;
            (day * 86_400_000 + clock, 999, When::End)
        } else {
            let (time, resolution) = instant(self.get(Slot::Time), offset)?;
            (time, resolution, when)
        };
        let before = if when == When::Start { 0 } else { taken };
        let after = if when == When::End { 0 } else { taken };
        Ok((time.saturating_sub(before), time.saturating_add(resolution).saturating_add(after)))
    }

    /// At most a day: what says more is damaged.
    fn taken(&self) -> Option<i64> {
        self.said_to_take().map(|taken| taken.min(86_400_000))
    }

    fn said_to_take(&self) -> Option<i64> {
        let seconds = self.get(Slot::TakenSeconds);
        if let Some(taken) = parse_seconds(seconds) {
            // httpd's `%T` cuts the fraction off.
            return Some(if seconds.contains(&b'.') { taken } else { taken + 999 });
        }
        let whole = |slot| parse_long(self.get(slot).split(|byte| *byte == b'.').next().unwrap_or_default());
        whole(Slot::TakenMillis)
            .map(|millis| millis.saturating_add(i64::from(self.get(Slot::TakenMillis).contains(&b'.'))))
            .or_else(|| whole(Slot::TakenMicros).map(|micros| micros / 1_000 + 1))
            .or_else(|| whole(Slot::TakenNanos).map(|nanos| nanos / 1_000_000 + 1))
    }
}

fn first<const N: usize>(of: [&[u8]; N]) -> &[u8] {
    of.into_iter().find(|one| !one.is_empty()).unwrap_or_default()
}

/// varnishncsa, Squid and Traffic Server write the whole URL.
fn without_host(target: &[u8]) -> &[u8] {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
    match rest {
        Some(rest) => memchr::memchr(b'/', rest).and_then(|at| rest.get(at..)).unwrap_or(b"/"),
        None => target,
    }
}
