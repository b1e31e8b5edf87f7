//! CloudFront's logs in columns: standard log, version 1; version 2 as w3c, plain or raw; real-time log.
//!
//! Fields are found by their names in `#Fields:`, in a first line of names, or in a list that whoever asks gives; never by position, but for
//! the real-time log in its documented order. `-` is empty. `date` and `time` are the end of the response in UTC with a resolution of one
//! second, `timestamp` and `timestamp(ms)` the same since 1970; the start is that minus `time-taken`.

use super::edge_line::{EdgeLine, UNKNOWN};
use super::instant::instant;
use crate::input::BadReason;
use crate::record::Said;
use crate::text::{find_short, parse_clock, parse_date, parse_number, parse_seconds};

const DATE: usize = 0;
const TIME: usize = 1;
const PATH: usize = 2;
const STAMP: usize = 3;
const STAMP_MS: usize = 4;
const STATUS: usize = 5;
const COOKIE: usize = 6;
const ID: usize = 7;
const TAKEN: usize = 8;
const LOCATION: usize = 9;
const METHOD: usize = 10;
const DOMAIN: usize = 11;
const HOST: usize = 12;
const QUERY: usize = 13;
const ADDRESS: usize = 14;
const PROGRAM: usize = 15;
const LENGTH: usize = 16;
const RESULT: usize = 17;
const RESPONSE_RESULT: usize = 18;
const DETAILED_RESULT: usize = 19;
const BYTES: usize = 20;
/// As [`canonical`] writes them.
const NAMES: [&str; 21] = [
    "date",
    "time",
    "cs-uri-stem",
    "timestamp",
    "timestamp-ms",
    "sc-status",
    "cs-cookie",
    "x-edge-request-id",
    "time-taken",
    "x-edge-location",
    "cs-method",
    "cs-host",
    "x-host-header",
    "cs-uri-query",
    "c-ip",
    "cs-user-agent",
    "sc-content-len",
    "x-edge-result-type",
    "x-edge-response-result-type",
    "x-edge-detailed-result-type",
    "sc-bytes",
];
/// A line of names has one of these.
pub(crate) const NAMES_OF_PATH: [&str; 2] = ["cs-uri-stem", "cs_uri_stem"];
const UNUSED: u8 = u8::MAX;
const GLANCED: [usize; 7] = [DATE, TIME, PATH, STAMP, STAMP_MS, ID, TAKEN];

/// Fields of the real-time log in their documented order. New ones come at the end.
const REALTIME: &[u8] = b"timestamp c-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes \
x-edge-location x-edge-request-id x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent cs-referer cs-cookie cs-uri-query \
x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher x-edge-result-type fle-encrypted-fields fle-status sc-content-type \
sc-content-len sc-range-start sc-range-end c-port x-edge-detailed-result-type c-country cs-accept-encoding cs-accept \
cache-behavior-path-pattern cs-headers cs-header-names cs-headers-count origin-fbl origin-lbl asn";
/// Bytes of a `Cookie` field that the real-time log keeps.
const REALTIME_COOKIE: usize = 800;

/// A name as all of CloudFront's logs have it: `cs(User-Agent)`, `cs-user-agent` and `cs_user_agent` are one.
pub(crate) fn canonical(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            plain.push(letter.to_ascii_lowercase());
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    plain.truncate(plain.trim_end_matches('-').len());
    plain
}

/// What tells whether a line matters.
#[derive(Debug)]
pub(crate) struct Glance<'a> {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) path: &'a [u8],
    pub(crate) id: &'a [u8],
}

/// Where the needed fields are.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// For each column up to the last needed one, the slot it fills.
    slots: Vec<u8>,
    /// Columns up to the last one without which a line says nothing.
    required: usize,
    /// Columns up to the last one that tells whether a line matters.
    glanced: usize,
    complete: bool,
    /// Between two values; found out from the first line where the directive leaves it open.
    delimiter: Option<u8>,
    /// What it is if not a tab.
    other: u8,
    /// A `Cookie` of this length was cut off in its last part.
    cookie_limit: usize,
    /// The last date read: a log holds few of them, and reading one is a tenth of the work of a line.
    date: (Vec<u8>, i64),
}

impl Columns {
    /// Reads what follows `#Fields:`.
    pub(crate) fn parse(directive: &[u8]) -> Self {
        let comma = directive.contains(&b',');
        let mut columns = Self::of(directive.split(|byte| byte.is_ascii_whitespace() || *byte == b','));
        columns.other = if comma { b',' } else { b' ' };
        columns
    }

    /// The real-time log, with the fields that were chosen, or all of them.
    pub(crate) fn realtime() -> Self {
        let mut columns = Self::of(REALTIME.split(u8::is_ascii_whitespace));
        columns.delimiter = Some(b'\t');
        columns.cookie_limit = REALTIME_COOKIE;
        columns
    }

    /// As [`parse`](Self::parse), of a log whose cookies may be cut off.
    pub(crate) fn realtime_of(list: &[u8]) -> Self {
        Self { delimiter: Some(b'\t'), cookie_limit: REALTIME_COOKIE, ..Self::parse(list) }
    }

    /// A first line of names, and what stands between them.
    pub(crate) fn header(line: &[u8]) -> Option<Self> {
        // Whoever looks for such lines in a block looks for this.
        if !NAMES_OF_PATH.iter().any(|name| memchr::memmem::find(line, name.as_bytes()).is_some()) {
            return None;
        }
        let delimiter = [b'\t', b',', b'|', b';', b' '].into_iter().find(|one| line.contains(one))?;
        let columns = Self::of(line.split(|byte| *byte == delimiter));
        (columns.complete && columns.slots.iter().filter(|slot| **slot != UNUSED).count() > 3)
            .then_some(Self { delimiter: Some(delimiter), ..columns })
    }

    /// Whether it has what every line needs.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    fn of<'n>(names: impl Iterator<Item = &'n [u8]>) -> Self {
        let mut slots = Vec::new();
        let mut taken = [false; NAMES.len()];
        for name in names.filter(|name| !name.is_empty()) {
            let name = canonical(&String::from_utf8_lossy(name));
            let slot = NAMES.iter().position(|wanted| *wanted == name);
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
        let complete = taken[PATH] && (taken[DATE] && taken[TIME] || taken[STAMP] || taken[STAMP_MS]);
        let required =
            slots.iter().rposition(|slot| usize::from(*slot) <= STAMP_MS).map_or(0, |last| last + 1);
        let glanced = slots.iter().rposition(|slot| GLANCED.contains(&usize::from(*slot)));
        Self {
            slots,
            required,
            glanced: glanced.map_or(0, |last| last + 1),
            complete,
            delimiter: None,
            other: b' ',
            cookie_limit: usize::MAX,
            date: (Vec::new(), 0),
        }
    }

    /// Whether it is known what stands between two values.
    pub(super) fn is_settled(&self) -> bool {
        self.delimiter.is_some() || !self.complete
    }

    /// A tab, unless the line has none and enough of the other.
    fn delimiter(&mut self, line: &[u8]) -> u8 {
        match self.delimiter {
            Some(delimiter) => delimiter,
            None if memchr::memchr(b'\t', line).is_none()
                && memchr::memchr_iter(self.other, line).count() + 1 >= self.required.max(2) =>
            {
                *self.delimiter.insert(self.other)
            }
            None => {
                if memchr::memchr(b'\t', line).is_some() {
                    self.delimiter = Some(b'\t');
                }
                b'\t'
            }
        }
    }

    /// Reads no more than what tells whether the line matters, and whether it is one.
    pub(crate) fn glance<'a>(&mut self, line: &'a [u8]) -> Result<Glance<'a>, BadReason> {
        let fields = self.fields(line, self.glanced)?;
        let (start, end) = self.interval(&fields)?;
        Ok(Glance { start, end, path: fields[PATH], id: fields[ID] })
    }

    /// The first columns of a line, in their slots.
    fn fields<'a>(&mut self, line: &'a [u8], columns: usize) -> Result<[&'a [u8]; NAMES.len()], BadReason> {
        if !self.complete {
            return Err(BadReason::MissingColumns);
        }
        let delimiter = self.delimiter(line);
        let mut fields: [&[u8]; NAMES.len()] = [b""; NAMES.len()];
        let mut rest = Some(line);
        let mut read = 0;
        for slot in self.slots.iter().take(columns) {
            let Some(from) = rest else { break };
            let value = match find_short(delimiter, from) {
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

    /// From when to when. A line without a duration may have taken any time: too short would leave out whose page was seen.
    fn interval(&mut self, fields: &[&[u8]; NAMES.len()]) -> Result<(i64, i64), BadReason> {
        let (time, resolution) = self.time(fields)?;
        let taken = parse_seconds(fields[TAKEN]).unwrap_or(UNKNOWN);
        Ok((time.saturating_sub(taken), time.saturating_add(resolution)))
    }

    pub(crate) fn read<'a>(&mut self, line: &'a [u8]) -> Result<EdgeLine<'a>, BadReason> {
        let fields = self.fields(line, self.slots.len())?;
        let (start, end) = self.interval(&fields)?;
        let status = parse_number(fields[STATUS]).and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
        let host = if fields[HOST].is_empty() { fields[DOMAIN] } else { fields[HOST] };
        let mut cookie = fields[COOKIE];
        if cookie.len() >= self.cookie_limit {
            // The last one may be half a value, which would be somebody else's.
            cookie = memchr::memrchr(b';', cookie).map_or(&b""[..], |at| &cookie[..at]);
        }
        Ok(EdgeLine {
            start,
            end,
            path: fields[PATH],
            status,
            cookie,
            session: b"",
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
            between_caches: false,
        })
    }

    /// The end of the response, by whichever field tells it most finely, and how many milliseconds more it may have been.
    fn time(&mut self, fields: &[&[u8]; NAMES.len()]) -> Result<(i64, i64), BadReason> {
        if let Some(stamp) =
            [STAMP_MS, STAMP].into_iter().map(|slot| fields[slot]).find(|one| !one.is_empty())
        {
            return instant(stamp, None);
        }
        let midnight = self.midnight(fields[DATE]).ok_or(BadReason::BadTime)?;
        let second = midnight + parse_clock(fields[TIME]).ok_or(BadReason::BadTime)?;
        Ok((second, 999))
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
pub(super) fn said(result: &[u8], response: &[u8], detailed: &[u8]) -> Said {
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
    fn names_of_every_version_are_one() {
        for (name, plain) in [
            ("cs(User-Agent)", "cs-user-agent"),
            ("cs_user_agent", "cs-user-agent"),
            ("cs(Cookie)", "cs-cookie"),
            ("timestamp(ms)", "timestamp-ms"),
            ("x-edge-request-id", "x-edge-request-id"),
        ] {
            assert_eq!(canonical(name), plain);
        }
    }

    #[test]
    fn version_2_has_other_clocks_and_other_delimiters() {
        let mut columns = Columns::parse(b"timestamp(ms) DistributionId cs-uri-stem sc-status time-taken");
        let line = columns.read(b"1698285784123 E2K /mypage 200 0.250").unwrap();
        assert_eq!(
            (line.start, line.end, line.path),
            (1_698_285_783_873, 1_698_285_784_124, &b"/mypage"[..])
        );
        let mut columns = Columns::parse(b"date,time,cs-uri-stem,sc-status");
        assert_eq!(columns.read(b"2023-10-26,02:03:04,/mypage,200").unwrap().path, b"/mypage");
        let mut columns = Columns::header(b"date\ttime\tcs-uri-stem\tsc-status\tcs(Cookie)").unwrap();
        assert_eq!(columns.read(b"2023-10-26\t02:03:04\t/mypage\t200\ts=1").unwrap().cookie, b"s=1");
        assert!(Columns::header(b"2023-10-26\t02:03:04\t/mypage\t200\ts=1").is_none());
        assert!(Columns::header(b"date time").is_none());
    }

    #[test]
    fn a_line_without_a_duration_may_have_taken_a_minute() {
        let mut columns = Columns::parse(b"date time cs-uri-stem time-taken");
        let line = columns.read(b"2023-10-26\t02:00:01\t/mypage\t-").unwrap();
        assert_eq!(line.end - line.start, 60_999);
    }

    #[test]
    fn the_real_time_log_in_its_order_and_in_another() {
        let mut values = vec!["-"; 43];
        for (at, value) in [
            (0, "1698285784.123"),
            (1, "192.0.2.1"),
            (3, "200"),
            (5, "GET"),
            (7, "d1.cloudfront.net"),
            (8, "/mypage"),
            (10, "NRT57-C4"),
            (11, "Zj3x=="),
            (12, "www.example.jp"),
            (13, "0.010"),
            (16, "Browser"),
            (18, "a=1;%20session=s1"),
            (19, "x=1"),
            (24, "Hit"),
            (28, "5120"),
        ] {
            values[at] = value;
        }
        let text = values.join("\t");
        let mut columns = Columns::realtime();
        let line = columns.read(text.as_bytes()).unwrap();
        assert_eq!((line.start, line.end), (1_698_285_784_113, 1_698_285_784_124));
        assert_eq!((line.id, line.host, line.query), (&b"Zj3x=="[..], &b"www.example.jp"[..], &b"x=1"[..]));
        assert_eq!((line.length, line.said, line.location), (Some(5_120), Said::Kept, &b"NRT57-C4"[..]));
        assert_eq!((line.cookie, line.status, line.method), (&b"a=1;%20session=s1"[..], 200, &b"GET"[..]));

        let cut = format!("a=1;%20session={}", "s".repeat(800));
        let mut columns = Columns::realtime_of(b"timestamp,cs-uri-stem,cs-cookie");
        let text = format!("1698285784.123\t/mypage\t{}", &cut[..800]);
        assert_eq!(columns.read(text.as_bytes()).unwrap().cookie, b"a=1");
    }
}
