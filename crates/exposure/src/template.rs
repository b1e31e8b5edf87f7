//! Logs whose form their operator chose: nginx' `log_format`, and the `LogFormat` of httpd, which `varnishncsa -F` shares. The form is read
//! from the configuration's own text, so that nobody has to describe it again.
//!
//! Between two variables there must be something that cannot be in the first one's value; what follows a variable up to the next one is
//! looked for, and the first place where it stands is its end.

use jiff::Timestamp;

use crate::cloudfront::EdgeLine;
use crate::input::BadReason;
use crate::record::Said;
use crate::text::{parse_number, parse_seconds};

/// Whose variables a template has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `$variable`, of nginx.
    Nginx,
    /// `%directive`, of httpd and `varnishncsa`.
    Apache,
}

/// What a variable means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// Seconds since 1970 with a fraction, at the end of the answer.
    EpochSeconds,
    /// Milliseconds and microseconds since 1970.
    EpochMillis,
    EpochMicros,
    /// `2023-10-26T11:03:04+09:00`.
    Iso,
    /// `26/Oct/2023:11:03:04 +0900`.
    Clf,
    /// The time is that of the request's beginning, not of the answer's end.
    TakenSeconds,
    TakenMillis,
    TakenMicros,
    /// `GET /path?query HTTP/1.1`.
    Request,
    Method,
    /// With its query.
    Target,
    Path,
    /// With or without its `?`.
    Query,
    Host,
    Status,
    Length,
    Id,
    /// The header field.
    Cookie,
    /// The value of one cookie.
    OneCookie,
    Cache,
    Address,
    Program,
    Location,
}

/// How long an answer may have taken, in milliseconds, where its log does not say: too short would leave out whose page was seen.
pub(crate) const UNKNOWN: i64 = 60_000;

const SLOTS: usize = Slot::Location as usize + 1;

#[derive(Debug, Clone)]
struct Piece {
    slot: Option<Slot>,
    /// What stands behind it.
    until: Vec<u8>,
}

/// The form of a log.
#[derive(Debug, Clone)]
pub struct Template {
    dialect: Dialect,
    /// What a line begins with.
    opening: Vec<u8>,
    pieces: Vec<Piece>,
    /// The cookie of which one variable gives the value.
    one_cookie: Option<String>,
    scratch: Vec<u8>,
}

/// A template that cannot be used, with what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Two variables next to each other.
    #[error(
        "the template has nothing between `{0}` and `{1}`: a line could not be cut there; put a space or a quote between them in the configuration"
    )]
    Touching(String, String),
    /// Not of this dialect.
    #[error("the template's `{0}` is no variable; give the text of the configuration as it is")]
    Variable(String),
    /// What every line needs.
    #[error("the template has no {0}")]
    Lacks(&'static str),
    /// Longer than any.
    #[error("the template is longer than 4096 bytes; give the form of one line")]
    TooLong,
}

impl Template {
    /// Reads what stands behind the name in `log_format`, or the first word of `LogFormat`, without its quotes.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, TemplateError> {
        if text.len() > 4096 {
            return Err(TemplateError::TooLong);
        }
        let mut template =
            Self { dialect, opening: Vec::new(), pieces: Vec::new(), one_cookie: None, scratch: Vec::new() };
        let mut names: Vec<String> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let sign = if dialect == Dialect::Nginx { '$' } else { '%' };
            if first != sign || rest.starts_with("%%") {
                let taken =
                    if rest.starts_with("%%") && dialect == Dialect::Apache { 2 } else { first.len_utf8() };
                let literal = first.to_string();
                match template.pieces.last_mut() {
                    Some(piece) => piece.until.extend_from_slice(literal.as_bytes()),
                    None => template.opening.extend_from_slice(literal.as_bytes()),
                }
                rest = &rest[taken..];
                continue;
            }
            let length = match dialect {
                Dialect::Nginx => nginx_name(rest),
                Dialect::Apache => apache_name(rest),
            };
            let name = &rest[..length];
            if length < 2 {
                return Err(TemplateError::Variable(rest.chars().take(12).collect()));
            }
            if let (Some(last), Some(before)) = (template.pieces.last(), names.last())
                && last.until.is_empty()
            {
                return Err(TemplateError::Touching(before.clone(), name.to_owned()));
            }
            let slot = match dialect {
                Dialect::Nginx => template.nginx(name),
                Dialect::Apache => apache(name),
            };
            // The first of two counts.
            let slot = slot.filter(|slot| !template.pieces.iter().any(|piece| piece.slot == Some(*slot)));
            // httpd writes the time in brackets of its own.
            let brackets = dialect == Dialect::Apache && name == "%t";
            if brackets {
                match template.pieces.last_mut() {
                    Some(piece) => piece.until.push(b'['),
                    None => template.opening.push(b'['),
                }
            }
            template.pieces.push(Piece { slot, until: if brackets { b"]".to_vec() } else { Vec::new() } });
            names.push(name.to_owned());
            rest = &rest[length..];
        }
        let has = |slots: &[Slot]| {
            template.pieces.iter().any(|piece| piece.slot.is_some_and(|slot| slots.contains(&slot)))
        };
        if !has(&[Slot::EpochSeconds, Slot::EpochMillis, Slot::EpochMicros, Slot::Iso, Slot::Clf]) {
            return Err(TemplateError::Lacks(match dialect {
                Dialect::Nginx => "time; write $msec, $time_iso8601 or $time_local into it",
                Dialect::Apache => "time; write %t or %{sec}t into it",
            }));
        }
        if !has(&[Slot::Request, Slot::Target, Slot::Path]) {
            return Err(TemplateError::Lacks(match dialect {
                Dialect::Nginx => "path; write $request or $request_uri into it",
                Dialect::Apache => "path; write %r or %U into it",
            }));
        }
        Ok(template)
    }

    fn nginx(&mut self, name: &str) -> Option<Slot> {
        let name = name.trim_start_matches('$').trim_matches(['{', '}']);
        Some(match name {
            "msec" => Slot::EpochSeconds,
            "time_iso8601" => Slot::Iso,
            "time_local" => Slot::Clf,
            "request_time" => Slot::TakenSeconds,
            "request" => Slot::Request,
            "request_method" => Slot::Method,
            "request_uri" => Slot::Target,
            "uri" | "document_uri" => Slot::Path,
            "args" | "query_string" => Slot::Query,
            "host" | "http_host" => Slot::Host,
            "status" => Slot::Status,
            "sent_http_content_length" | "upstream_http_content_length" => Slot::Length,
            "request_id" | "http_x_request_id" => Slot::Id,
            "http_cookie" => Slot::Cookie,
            "upstream_cache_status" => Slot::Cache,
            "remote_addr" => Slot::Address,
            "http_user_agent" => Slot::Program,
            "hostname" | "server_addr" => Slot::Location,
            other => {
                let cookie = other.strip_prefix("cookie_")?;
                self.one_cookie = Some(cookie.to_owned());
                Slot::OneCookie
            }
        })
    }

    /// Whether a line begins with what this form begins with, and that is more than a bracket.
    pub(crate) fn opens_with_more(&self, line: &[u8]) -> bool {
        self.opening.len() > 1 && line.starts_with(&self.opening)
    }

    /// The cookie whose value alone is logged.
    pub(crate) fn one_cookie(&self) -> Option<&str> {
        self.one_cookie.as_deref()
    }

    pub(crate) fn read<'a>(&'a mut self, line: &'a [u8]) -> Result<EdgeLine<'a>, BadReason> {
        let Self { dialect, opening, pieces, scratch, .. } = self;
        let mut found: [Option<(usize, usize)>; SLOTS] = [None; SLOTS];
        if !line.starts_with(opening) {
            return Err(BadReason::TooFewFields);
        }
        let mut at = opening.len();
        for piece in pieces.iter() {
            let rest = line.get(at..).unwrap_or_default();
            let length = match piece.until.as_slice() {
                b"" => rest.len(),
                until => find(rest, until).ok_or(BadReason::TooFewFields)?,
            };
            if let Some(slot) = piece.slot {
                found[slot as usize] = Some((at, at + length));
            }
            at += length + piece.until.len();
        }
        // Escaped bytes are written out, all values one after another.
        scratch.clear();
        let mut ranges = [(0, 0); SLOTS];
        for (range, found) in ranges.iter_mut().zip(found) {
            let raw = found.and_then(|(from, to)| line.get(from..to)).unwrap_or_default();
            let begin = scratch.len();
            if raw != b"-" {
                unescape(raw, scratch);
            }
            *range = (begin, scratch.len());
        }
        let of = |slot: Slot| {
            let (from, to) = ranges[slot as usize];
            scratch.get(from..to).unwrap_or_default()
        };
        let (time, resolution) = time(&of).ok_or(BadReason::BadTime)?;
        let taken = parse_seconds(of(Slot::TakenSeconds))
            .or_else(|| parse_number(of(Slot::TakenMillis)))
            .or_else(|| parse_number(of(Slot::TakenMicros)).map(|micros| micros / 1_000 + 1));
        // httpd's `%T` cuts the fraction off.
        let whole_seconds = !of(Slot::TakenSeconds).is_empty() && !of(Slot::TakenSeconds).contains(&b'.');
        let taken = taken.map_or(UNKNOWN, |taken| if whole_seconds { taken + 999 } else { taken });
        // nginx and varnish log the end; httpd and varnish's `%t` the beginning.
        let (start, end) = match dialect {
            Dialect::Nginx => (time - taken, time + resolution),
            Dialect::Apache => (time, time + resolution + taken),
        };
        let mut request = of(Slot::Request).split(|byte| *byte == b' ');
        let (method, target) = (request.next().unwrap_or_default(), request.next().unwrap_or_default());
        let method = if of(Slot::Method).is_empty() { method } else { of(Slot::Method) };
        let target = [of(Slot::Target), of(Slot::Path), target].into_iter().find(|one| !one.is_empty());
        let target = target.unwrap_or_default();
        // varnishncsa writes the whole URL.
        let target = without_host(target);
        let cut = memchr::memchr(b'?', target);
        let (path, query) = cut.map_or((target, &b""[..]), |at| (&target[..at], &target[at + 1..]));
        let query = if query.is_empty() {
            of(Slot::Query).strip_prefix(b"?").unwrap_or(of(Slot::Query))
        } else {
            query
        };
        if path.is_empty() {
            return Err(BadReason::TooFewFields);
        }
        let status =
            parse_number(of(Slot::Status)).and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
        Ok(EdgeLine {
            start,
            end,
            path,
            status,
            cookie: if of(Slot::OneCookie).is_empty() { of(Slot::Cookie) } else { of(Slot::OneCookie) },
            id: of(Slot::Id),
            location: of(Slot::Location),
            method,
            host: of(Slot::Host),
            query,
            address: of(Slot::Address),
            program: of(Slot::Program),
            length: parse_number(of(Slot::Length)).and_then(|length| u64::try_from(length).ok()),
            said: said(of(Slot::Cache)),
            is_broken: false,
        })
    }
}

/// What caches call it: nginx' `$upstream_cache_status`, varnish's handling, httpd's `cache-status`.
fn said(word: &[u8]) -> Said {
    let word = word.to_ascii_lowercase();
    let word =
        word.split(|byte| !byte.is_ascii_alphabetic()).find(|part| !part.is_empty() && *part != b"cache");
    match word {
        Some(b"hit") => Said::Kept,
        // The last two were given past their life, as what is confirmed is: however long ago they were kept.
        Some(b"revalidated" | b"revalidate" | b"stale" | b"updating") => Said::Confirmed,
        Some(b"miss" | b"expired" | b"bypass" | b"pass" | b"pipe") => Said::Asked,
        _ => Said::Nothing,
    }
}

fn apache(name: &str) -> Option<Slot> {
    let directive = name.trim_start_matches('%').trim_start_matches(['>', '<']);
    if let Some((inner, of)) = directive.strip_prefix('{').and_then(|rest| rest.rsplit_once('}')) {
        let lower = inner.to_ascii_lowercase();
        return Some(match (lower.as_str(), of) {
            ("cookie", "i") => Slot::Cookie,
            ("x-request-id" | "x-varnish-id", "i" | "o") => Slot::Id,
            ("unique_id" | "x-request-id", "e") => Slot::Id,
            ("host", "i") => Slot::Host,
            ("user-agent", "i") => Slot::Program,
            ("content-length", "o") => Slot::Length,
            ("varnish:handling", "x") | ("cache-status", "e" | "o") => Slot::Cache,
            ("sec", "t") | ("%s", "t") => Slot::EpochSeconds,
            ("msec", "t") => Slot::EpochMillis,
            ("usec", "t") => Slot::EpochMicros,
            ("ms", "t" | "T") => Slot::TakenMillis,
            ("us", "T") => Slot::TakenMicros,
            ("s", "T") => Slot::TakenSeconds,
            _ => return None,
        });
    }
    Some(match directive {
        "t" => Slot::Clf,
        "r" => Slot::Request,
        "m" => Slot::Method,
        "U" => Slot::Path,
        "q" => Slot::Query,
        "s" => Slot::Status,
        "T" => Slot::TakenSeconds,
        "D" => Slot::TakenMicros,
        "h" | "a" => Slot::Address,
        "v" | "V" => Slot::Host,
        "L" => Slot::Id,
        _ => return None,
    })
}

/// Bytes of `$name` or `${name}`.
fn nginx_name(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix("${") {
        return rest.find('}').map_or(0, |end| end + 3);
    }
    let rest = text.get(1..).unwrap_or_default();
    1 + rest.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(rest.len())
}

/// Bytes of `%>s`, `%{Cookie}i` and the like.
fn apache_name(text: &str) -> usize {
    let mut at = 1;
    let bytes = text.as_bytes();
    // `%400,501{User-agent}i` and `%!200r`: only for some statuses.
    while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || b"<>!,".contains(byte)) {
        at += 1;
    }
    if bytes.get(at) == Some(&b'{') {
        match text[at..].find('}') {
            Some(end) => at += end + 1,
            None => return 0,
        }
    }
    // `^ti` and `^to` are the only directives of several letters.
    if bytes.get(at) == Some(&b'^') {
        let letters = bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_alphabetic));
        return if letters { at + 3 } else { 0 };
    }
    if bytes.get(at).is_some_and(u8::is_ascii_alphabetic) { at + 1 } else { 0 }
}

fn find(within: &[u8], wanted: &[u8]) -> Option<usize> {
    // A quote that was logged is escaped by all of them.
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(within.get(at..)?, wanted) {
        let end = at + found;
        let slashes = within[..end].iter().rev().take_while(|byte| **byte == b'\\').count();
        if wanted[0] != b'"' || slashes % 2 == 0 {
            return Some(end);
        }
        at = end + 1;
    }
    None
}

/// `\xHH`, `\"`, `\\`, and JSON's `\/`, `\n` and `\u00HH`.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let hex = |digits: &[u8]| {
            std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
        };
        let (byte, taken) = match rest.get(at + 1) {
            Some(b'x') => (rest.get(at + 2..at + 4).and_then(hex), 4),
            Some(b'u') => (
                rest.get(at + 4..at + 6).and_then(hex).filter(|_| rest.get(at + 2..at + 4) == Some(b"00")),
                6,
            ),
            Some(b'n') => (Some(b'\n'), 2),
            Some(b'r') => (Some(b'\r'), 2),
            Some(b't') => (Some(b'\t'), 2),
            Some(other) => (Some(*other), 2),
            None => (None, 1),
        };
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = rest.get(at + taken..).unwrap_or_default();
            }
            None => {
                out.push(b'\\');
                rest = rest.get(at + 1..).unwrap_or_default();
            }
        }
    }
    out.extend_from_slice(rest);
}

fn without_host(target: &[u8]) -> &[u8] {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
    match rest {
        Some(rest) => memchr::memchr(b'/', rest).map_or(b"/", |at| &rest[at..]),
        None => target,
    }
}

/// Milliseconds since 1970, and how many more it may have been.
fn time<'a>(of: &impl Fn(Slot) -> &'a [u8]) -> Option<(i64, i64)> {
    let text = |slot| std::str::from_utf8(of(slot)).ok().filter(|text| !text.is_empty());
    if let Some(seconds) = text(Slot::EpochSeconds) {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        let whole: i64 = whole.parse().ok().filter(|whole| (0..100_000_000_000).contains(whole))?;
        let digits = fraction.get(..3.min(fraction.len()))?;
        if digits.is_empty() {
            return Some((whole * 1_000, 999));
        }
        let millis: i64 = digits.parse().ok().filter(|millis| *millis >= 0)?;
        let scale = 10_i64.pow(3 - u32::try_from(digits.len()).ok()?);
        return Some((whole * 1_000 + millis * scale, scale));
    }
    let whole = |slot| text(slot).and_then(|text| text.parse::<i64>().ok());
    if let Some(millis) = whole(Slot::EpochMillis) {
        return Timestamp::from_millisecond(millis).ok().map(|at| (at.as_millisecond(), 1));
    }
    if let Some(micros) = whole(Slot::EpochMicros) {
        return Timestamp::from_microsecond(micros).ok().map(|at| (at.as_millisecond(), 1));
    }
    if let Some(iso) = text(Slot::Iso) {
        return iso.parse::<Timestamp>().ok().map(|at| (at.as_millisecond(), 999));
    }
    let clf = text(Slot::Clf)?;
    let at = jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", clf).ok()?.to_timestamp().ok()?;
    Some((at.as_millisecond(), 999))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, template: &str, line: &str) -> String {
        let mut template = Template::parse(template, dialect).expect("a template");
        match template.read(line.as_bytes()) {
            Err(reason) => reason.to_string(),
            Ok(line) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let at = Timestamp::from_millisecond(line.start).expect("a time");
                let EdgeLine { start, end, path, status, cookie, id, method, query, length, said, .. } = line;
                format!(
                    "{at}+{} {} {} ?{} {status} cookie={} id={} {length:?} {said:?}",
                    end - start,
                    text(method),
                    text(path),
                    text(query),
                    text(cookie),
                    text(id)
                )
            }
        }
    }

    #[test]
    fn nginx_as_people_write_it() {
        let combined = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
        let line = r#"192.0.2.1 - - [26/Oct/2023:11:03:04 +0900] "GET /my\x22page?a=1 HTTP/1.1" 200 12 "-" "Browser \"x\"""#;
        assert_eq!(
            read(Dialect::Nginx, combined, line),
            r#"2023-10-26T02:02:04Z+60999 GET /my"page ?a=1 200 cookie= id= None Nothing"#
        );
        let own = r#"$msec|$request_time|$request_id|$upstream_cache_status|"$request"|$status|$sent_http_content_length|"$http_cookie"|$hostname"#;
        let line =
            r#"1698285784.123|0.010|8f0c|HIT|"GET /mypage HTTP/2.0"|200|5120|"a=1; sid=\x22x\x22"|edge-1"#;
        assert_eq!(
            read(Dialect::Nginx, own, line),
            r#"2023-10-26T02:03:04.113Z+11 GET /mypage ? 200 cookie=a=1; sid="x" id=8f0c Some(5120) Kept"#
        );
        let json = r#"{"at":"$time_iso8601","uri":"$request_uri","status":$status,"sid":"$cookie_sid","cache":"$upstream_cache_status"}"#;
        let line = r#"{"at":"2023-10-26T11:03:04+09:00","uri":"\/mypage?x=\u0041","status":200,"sid":"abc","cache":"REVALIDATED"}"#;
        assert_eq!(
            read(Dialect::Nginx, json, line),
            "2023-10-26T02:02:04Z+60999  /mypage ?x=A 200 cookie=abc id= None Confirmed"
        );
    }

    #[test]
    fn httpd_and_varnishncsa() {
        let own = r#"%h %l %u %t "%r" %>s %b %D "%{Cookie}i" %{X-Request-Id}i %{Varnish:handling}x"#;
        let line = r#"192.0.2.1 - - [26/Oct/2023:11:03:04 +0900] "GET http://a.example/mypage?b=2 HTTP/1.1" 200 12 1500 "sid=1" 77 miss"#;
        assert_eq!(
            read(Dialect::Apache, own, line),
            "2023-10-26T02:03:04Z+1001 GET /mypage ?b=2 200 cookie=sid=1 id=77 None Asked"
        );
    }

    #[test]
    fn what_cannot_be_is_said() {
        let of = |text, dialect| Template::parse(text, dialect).expect_err("not possible").to_string();
        assert_eq!(
            of("$msec $status", Dialect::Nginx),
            "the template has no path; write $request or $request_uri into it"
        );
        assert_eq!(
            of("$request", Dialect::Nginx),
            "the template has no time; write $msec, $time_iso8601 or $time_local into it"
        );
        assert!(of("$msec$request", Dialect::Nginx).contains("nothing between `$msec` and `$request`"));
        assert!(of("%t %{Cookie", Dialect::Apache).contains("`%{Cookie` is no variable"));
        assert!(of("%^ҁx", Dialect::Apache).contains("is no variable"));
        assert_eq!(read(Dialect::Nginx, "$msec $request_uri", "x /"), BadReason::BadTime.to_string());
        assert_eq!(read(Dialect::Nginx, "$msec $request_uri", "x"), BadReason::TooFewFields.to_string());
    }
}
