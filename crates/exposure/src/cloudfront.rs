//! CloudFront standard log, version 1.
//!
//! Fields are found by their names in `#Fields:`, never by position. `-` is empty. `date` and `time` are the end of
//! the response in UTC with a resolution of one second; the start is that minus `time-taken`.

use crate::input::BadReason;
use crate::record::Said;
use crate::template::UNKNOWN;
use crate::text::{find_short, parse_clock, parse_date, parse_number, parse_seconds, percent_decode_into};

const DATE: usize = 0;
const TIME: usize = 1;
const PATH: usize = 2;
const STATUS: usize = 3;
const COOKIE: usize = 4;
const ID: usize = 5;
const TAKEN: usize = 6;
const LOCATION: usize = 7;
const METHOD: usize = 8;
const DOMAIN: usize = 9;
const HOST: usize = 10;
const QUERY: usize = 11;
const ADDRESS: usize = 12;
const PROGRAM: usize = 13;
const LENGTH: usize = 14;
const RESULT: usize = 15;
const RESPONSE_RESULT: usize = 16;
const DETAILED_RESULT: usize = 17;
const BYTES: usize = 18;
const NAMES: [&[u8]; 19] = [
    b"date",
    b"time",
    b"cs-uri-stem",
    b"sc-status",
    b"cs(Cookie)",
    b"x-edge-request-id",
    b"time-taken",
    b"x-edge-location",
    b"cs-method",
    b"cs(Host)",
    b"x-host-header",
    b"cs-uri-query",
    b"c-ip",
    b"cs(User-Agent)",
    b"sc-content-len",
    b"x-edge-result-type",
    b"x-edge-response-result-type",
    b"x-edge-detailed-result-type",
    b"sc-bytes",
];
const UNUSED: u8 = u8::MAX;
const GLANCED: [usize; 5] = [DATE, TIME, PATH, ID, TAKEN];

/// Where the needed fields are, from a `#Fields:` directive.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// For each column up to the last needed one, the slot it fills.
    slots: Vec<u8>,
    /// Columns up to the last one without which a line says nothing.
    required: usize,
    /// Columns up to the last one that tells whether a line matters.
    glanced: usize,
    complete: bool,
    /// The last date read: a log holds few of them, and reading one is a tenth of the work of a line.
    date: (Vec<u8>, i64),
}

/// What tells whether a line matters.
#[derive(Debug)]
pub(crate) struct Glance<'a> {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) path: &'a [u8],
    pub(crate) id: &'a [u8],
}

/// A line of the edge's log. Times in milliseconds since 1970.
#[derive(Debug)]
pub(crate) struct EdgeLine<'a> {
    pub(crate) start: i64,
    /// The last instant that the logged second allows.
    pub(crate) end: i64,
    pub(crate) path: &'a [u8],
    /// 0 when the viewer left before there was one, or the field is not logged.
    pub(crate) status: u16,
    pub(crate) cookie: &'a [u8],
    pub(crate) id: &'a [u8],
    /// The edge location; empty when it is not logged, as all that follow.
    pub(crate) location: &'a [u8],
    pub(crate) method: &'a [u8],
    pub(crate) host: &'a [u8],
    pub(crate) query: &'a [u8],
    pub(crate) address: &'a [u8],
    pub(crate) program: &'a [u8],
    /// Length of the body as the answer's field said; `None` without one.
    pub(crate) length: Option<u64>,
    pub(crate) said: Said,
    /// The edge says that the answer failed, or that no byte of it went out.
    pub(crate) is_broken: bool,
}

impl Columns {
    /// Reads what follows `#Fields:`.
    pub(crate) fn parse(directive: &[u8]) -> Self {
        let mut slots = Vec::new();
        let mut taken = [false; NAMES.len()];
        let names = directive.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty());
        for name in names {
            let slot = NAMES.iter().position(|wanted| name.eq_ignore_ascii_case(wanted));
            slots.push(match slot {
                Some(slot) if !taken[slot] => {
                    taken[slot] = true;
                    u8::try_from(slot).unwrap_or(UNUSED)
                }
                _ => UNUSED,
            });
        }
        while slots.last() == Some(&UNUSED) {
            slots.pop();
        }
        let complete = taken[DATE] && taken[TIME] && taken[PATH];
        let required = slots.iter().rposition(|slot| usize::from(*slot) <= PATH).map_or(0, |last| last + 1);
        let glanced = slots.iter().rposition(|slot| GLANCED.contains(&usize::from(*slot)));
        let glanced = glanced.map_or(0, |last| last + 1);
        Self { slots, required, glanced, complete, date: (Vec::new(), 0) }
    }

    /// Reads no more than what tells whether the line matters, and whether it is one.
    pub(crate) fn glance<'a>(&mut self, line: &'a [u8]) -> Result<Glance<'a>, BadReason> {
        let fields = self.fields(line, self.glanced)?;
        let (start, end) = self.time(&fields)?;
        Ok(Glance { start, end, path: fields[PATH], id: fields[ID] })
    }

    /// The first columns of a line, in their slots.
    fn fields<'a>(&self, line: &'a [u8], columns: usize) -> Result<[&'a [u8]; NAMES.len()], BadReason> {
        if !self.complete {
            return Err(BadReason::MissingColumns);
        }
        let mut fields: [&[u8]; NAMES.len()] = [b""; NAMES.len()];
        let mut rest = Some(line);
        let mut read = 0;
        for slot in self.slots.iter().take(columns) {
            let Some(from) = rest else { break };
            let value = match find_short(b'\t', from) {
                Some(length) => {
                    rest = Some(&from[length + 1..]);
                    &from[..length]
                }
                None => {
                    rest = None;
                    from
                }
            };
            if let Some(field) = fields.get_mut(usize::from(*slot)) {
                *field = if value == b"-" { b"" } else { value };
            }
            read += 1;
        }
        if read < self.required {
            return Err(BadReason::TooFewFields);
        }
        Ok(fields)
    }

    /// From when to when.
    fn time(&mut self, fields: &[&[u8]; NAMES.len()]) -> Result<(i64, i64), BadReason> {
        let midnight = self.midnight(fields[DATE]).ok_or(BadReason::BadTime)?;
        let second = midnight + parse_clock(fields[TIME]).ok_or(BadReason::BadTime)?;
        // Too short would leave out whose page was seen.
        let taken = parse_seconds(fields[TAKEN]).unwrap_or(UNKNOWN);
        Ok((second - taken, second + 999))
    }

    pub(crate) fn read<'a>(&mut self, line: &'a [u8]) -> Result<EdgeLine<'a>, BadReason> {
        let fields = self.fields(line, self.slots.len())?;
        let (start, end) = self.time(&fields)?;
        let status = parse_number(fields[STATUS]).and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
        let host = if fields[HOST].is_empty() { fields[DOMAIN] } else { fields[HOST] };
        Ok(EdgeLine {
            start,
            end,
            path: fields[PATH],
            status,
            cookie: fields[COOKIE],
            id: fields[ID],
            location: fields[LOCATION],
            method: fields[METHOD],
            host,
            query: fields[QUERY],
            address: fields[ADDRESS],
            program: fields[PROGRAM],
            length: parse_number(fields[LENGTH]).and_then(|length| u64::try_from(length).ok()),
            said: said(fields[RESULT], fields[RESPONSE_RESULT], fields[DETAILED_RESULT]),
            is_broken: fields[RESULT] == b"Error" || fields[BYTES] == b"0",
        })
    }

    fn midnight(&mut self, date: &[u8]) -> Option<i64> {
        if self.date.0 != date {
            let day = parse_date(date)?;
            self.date.0.clear();
            self.date.0.extend_from_slice(date);
            self.date.1 = day * 86_400_000;
        }
        Some(self.date.1)
    }
}

/// What the result types say about where an answer came from.
///
/// `Error` is a viewer who left early, and the type of the response then tells more. What a version of the log does not know is
/// not guessed.
fn said(result: &[u8], response: &[u8], detailed: &[u8]) -> Said {
    let of = |word: &[u8]| match word {
        b"Hit" => Some(Said::Kept),
        b"RefreshHit" => Some(Said::Confirmed),
        // A shield's hit is a miss of the location itself.
        b"Miss" | b"OriginShieldHit" => Some(Said::Asked),
        _ => None,
    };
    let shield = of(detailed).filter(|_| detailed == b"OriginShieldHit");
    shield.or_else(|| of(result)).or_else(|| of(response)).unwrap_or(Said::Nothing)
}

/// The value of a cookie in a logged `Cookie` header (`a=1;%20b=2`), decoded into `scratch`.
pub(crate) fn cookie_value<'a>(logged: &[u8], name: &[u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    if logged.is_empty() {
        return None;
    }
    scratch.clear();
    percent_decode_into(logged, scratch);
    let mut values = scratch.split(|byte| *byte == b';').filter_map(|pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        (!value.is_empty()).then_some(value)
    });
    let value = values.next()?;
    // Of two that differ nobody knows which one the system takes.
    values.all(|other| other == value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_by_name_in_any_order_with_unknown_and_missing_fields() {
        let mut columns = Columns::parse(b" x-new cs-uri-stem time date sc-status time-taken x-more");
        let line = columns.read(b"?\t/mypage\t02:00:01\t2023-10-26\t200\t1.500\t?\t").unwrap();
        assert_eq!(line.path, b"/mypage");
        assert_eq!(line.end - line.start, 2_499);
        assert_eq!(line.status, 200);
        assert!(line.id.is_empty() && line.cookie.is_empty());
        let at = jiff::Timestamp::from_millisecond(line.end - 999).unwrap();
        assert_eq!(at.to_string(), "2023-10-26T02:00:01Z");
    }

    #[test]
    fn a_dash_is_empty_and_status_000_is_none() {
        let mut columns = Columns::parse(b"date time cs-uri-stem sc-status cs(Cookie) x-edge-request-id");
        let line = columns.read(b"2023-10-26\t02:00:01\t/mypage\t000\t-\tabc==").unwrap();
        assert_eq!((line.status, line.cookie, line.id), (0, &b""[..], &b"abc=="[..]));
    }

    #[test]
    fn says_what_is_wrong() {
        let mut columns = Columns::parse(b"date time cs-uri-stem sc-status");
        assert_eq!(columns.read(b"2023-10-26\t02:00:01").unwrap_err(), BadReason::TooFewFields);
        assert_eq!(columns.read(b"2023-10-26\t2:0:1\t/\t200").unwrap_err(), BadReason::BadTime);
        assert_eq!(columns.read(b"").unwrap_err(), BadReason::TooFewFields);
        assert_eq!(Columns::parse(b"date time").read(b"x\ty").unwrap_err(), BadReason::MissingColumns);
    }

    #[test]
    fn finds_a_cookie_among_others() {
        let mut scratch = Vec::new();
        let logged = b"lang=ja;%20session=%22abc%22;%20xsession=no";
        assert_eq!(cookie_value(logged, b"session", &mut scratch), Some(&b"abc"[..]));
        assert_eq!(cookie_value(b"xsession=no", b"session", &mut scratch), None);
        assert_eq!(cookie_value(b"session=", b"session", &mut scratch), None);
    }
}
