//! Logs whose form their operator chose: nginx' `log_format`; the `LogFormat` of httpd, which `varnishncsa -F` shares; the `logformat` of
//! Squid, the formats of Traffic Server, the `log-format` of HAProxy. The form is read from the configuration's own text, so that nobody has
//! to describe it again.
//!
//! Between two variables there must be something that cannot be in the first one's value; what follows a variable up to the next one is
//! looked for, and the first place where it stands is its end.

mod apache;
mod haproxy;
mod nginx;
mod squid;
mod trafficserver;

pub(super) use squid::NATIVE as SQUID;
pub(super) use trafficserver::SQUID as TRAFFICSERVER;

use super::edge_line::EdgeLine;
use super::found::{Found, Slot, When};
use crate::input::BadReason;

/// Whose variables a template has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// `$variable`, of nginx.
    Nginx,
    /// `%directive`, of httpd and `varnishncsa`.
    Apache,
    /// `%code` of Squid's `logformat`.
    Squid,
    /// `%<field>` of Traffic Server.
    TrafficServer,
    /// `%variable` of HAProxy's `log-format`.
    Haproxy,
}

/// A variable that begins a text, as its dialect knows it.
#[derive(Default)]
struct Variable {
    /// Its bytes in the template.
    length: usize,
    slot: Option<Slot>,
    /// The cookie whose value it gives.
    cookie: Option<String>,
    /// What is written around it without standing in the template.
    around: Option<(u8, u8)>,
    /// Spaces may stand before it.
    padded: bool,
    /// Special bytes are written as `\x22`, `\"` and the like.
    escaped: bool,
}

#[derive(Debug, Clone)]
struct Piece {
    slot: Option<Slot>,
    /// What stands behind it.
    until: Vec<u8>,
    padded: bool,
    escaped: bool,
}

/// The form of a log.
#[derive(Debug, Clone)]
pub struct Template {
    /// What a line begins with.
    opening: Vec<u8>,
    pieces: Vec<Piece>,
    /// The cookie of which one variable gives the value.
    one_cookie: Option<String>,
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
    /// Reads what stands behind the name in `log_format`, `LogFormat`, `logformat`, `log-format` or `format:`, without its quotes.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, TemplateError> {
        if text.len() > 4096 {
            return Err(TemplateError::TooLong);
        }
        let mut template = Self { opening: Vec::new(), pieces: Vec::new(), one_cookie: None };
        let mut names: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let sign = if dialect == Dialect::Nginx { '$' } else { '%' };
            if first != sign || rest.starts_with("%%") {
                // A space of HAProxy's configuration, and a sign that is none.
                let skipped = match dialect {
                    Dialect::Haproxy if rest.starts_with("\\ ") => 1,
                    Dialect::Nginx => 0,
                    _ => usize::from(rest.starts_with("%%")),
                };
                let literal = rest.get(skipped..).unwrap_or_default();
                let length = literal.chars().next().map_or(0, char::len_utf8);
                template.before(literal.get(..length).unwrap_or_default().as_bytes());
                rest = literal.get(length..).unwrap_or_default();
                continue;
            }
            let quoted =
                template.pieces.last().map_or(&template.opening, |piece| &piece.until).ends_with(b"\"");
            let variable = match dialect {
                Dialect::Nginx => nginx::variable(rest),
                Dialect::Apache => apache::variable(rest),
                Dialect::Squid => squid::variable(rest, quoted),
                Dialect::TrafficServer => trafficserver::variable(rest),
                Dialect::Haproxy => haproxy::variable(rest),
            };
            let none = || TemplateError::Variable(rest.chars().take(12).collect());
            let Variable { length, slot, cookie, around, padded, escaped } = variable.ok_or_else(none)?;
            let name = rest.get(..length).filter(|name| name.len() > 1).ok_or_else(none)?;
            if let Some((begin, _)) = around {
                template.before(&[begin]);
            }
            if let (Some(last), Some(before)) = (template.pieces.last(), names.last())
                && last.until.is_empty()
            {
                return Err(TemplateError::Touching((*before).to_owned(), name.to_owned()));
            }
            // The first of two counts.
            let slot = slot.filter(|slot| !template.pieces.iter().any(|piece| piece.slot == Some(*slot)));
            if slot == Some(Slot::Session) {
                template.one_cookie = cookie;
            }
            let until = around.map_or_else(Vec::new, |(_, end)| vec![end]);
            template.pieces.push(Piece { slot, until, padded, escaped });
            names.push(name);
            rest = rest.get(length..).unwrap_or_default();
        }
        if dialect == Dialect::Haproxy {
            template.one_clock(&names);
        }
        if !template.has(&[Slot::Start, Slot::End, Slot::Time]) {
            return Err(TemplateError::Lacks(match dialect {
                Dialect::Nginx => "time; write $msec, $time_iso8601 or $time_local into it",
                Dialect::Apache => "time; write %t or %{sec}t into it",
                Dialect::Squid => "time; write %ts.%03tu or %tl into it",
                Dialect::TrafficServer => "time; write %<cqtq> or %<cqtn> into it",
                Dialect::Haproxy => "time; write %tr into it",
            }));
        }
        if !template.has(&[Slot::Request, Slot::Target, Slot::Path]) {
            return Err(TemplateError::Lacks(match dialect {
                Dialect::Nginx => "path; write $request or $request_uri into it",
                Dialect::Apache => "path; write %r or %U into it",
                Dialect::Squid => "path; write %ru into it",
                Dialect::TrafficServer => "path; write %<cquc> or %<cqtx> into it",
                Dialect::Haproxy => "path; write %{+Q}r or %HU into it",
            }));
        }
        Ok(template)
    }

    /// Common or combined, of nginx, which writes when the answer ended, or of httpd, which writes when the request began.
    pub(super) fn combined() -> Result<Self, TemplateError> {
        let mut template = Self::parse(r#"%h %l %u %t "%r" %>s %b"#, Dialect::Apache)?;
        for piece in template.pieces.iter_mut().filter(|piece| piece.slot == Some(Slot::Start)) {
            piece.slot = Some(Slot::Time);
        }
        Ok(template)
    }

    fn has(&self, slots: &[Slot]) -> bool {
        self.pieces.iter().any(|piece| piece.slot.is_some_and(|slot| slots.contains(&slot)))
    }

    fn before(&mut self, literal: &[u8]) {
        match self.pieces.last_mut() {
            Some(piece) => piece.until.extend_from_slice(literal),
            None => self.opening.extend_from_slice(literal),
        }
    }

    /// HAProxy's `%Ta` counts from `%tr`, `%Tt` from when the connection was there: of two instants the request's counts, and a duration
    /// counts only with its own.
    fn one_clock(&mut self, names: &[&str]) {
        let of_request = names.iter().any(|name| haproxy::is_of_request(name));
        for (piece, name) in self.pieces.iter_mut().zip(names) {
            if haproxy::is_instant(name) {
                piece.slot = (haproxy::is_of_request(name) == of_request).then_some(Slot::Start);
            } else if haproxy::is_duration(name) {
                piece.slot = (name.ends_with("Ta") == of_request).then_some(Slot::TakenMillis);
            }
        }
    }

    /// Whether a line begins with what this form begins with, and that is more than a bracket.
    pub(crate) fn opens_with_more(&self, line: &[u8]) -> bool {
        self.opening.len() > 1 && line.starts_with(&self.opening)
    }

    /// Cuts a line. `session`: name of the session's cookie.
    pub(super) fn fill(
        &self,
        line: &[u8],
        session: Option<&str>,
        found: &mut Found,
    ) -> Result<(), BadReason> {
        found.clear();
        let Some(mut rest) = line.strip_prefix(self.opening.as_slice()) else {
            return Err(BadReason::TooFewFields);
        };
        for (rank, piece) in (0_u16..).zip(&self.pieces) {
            if piece.padded {
                rest = rest.trim_ascii_start();
            }
            let length = match piece.until.as_slice() {
                b"" => rest.len(),
                until => find(rest, until, piece.escaped).ok_or(BadReason::TooFewFields)?,
            };
            let (value, after) = rest.split_at_checked(length).ok_or(BadReason::TooFewFields)?;
            let slot =
                piece.slot.filter(|slot| *slot != Slot::Session || self.one_cookie.as_deref() == session);
            if let Some(slot) = slot {
                found.set(slot, rank, |out| {
                    if piece.escaped {
                        unescape(value, out);
                    } else {
                        out.extend_from_slice(value);
                    }
                });
            }
            rest = after.get(piece.until.len()..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Reads lines of one template.
#[derive(Debug, Clone)]
pub(crate) struct Templated {
    template: Template,
    session: Option<String>,
    offset: Option<i64>,
    found: Found,
}

impl Templated {
    pub(super) fn new(template: Template, session: Option<&str>, offset: Option<i64>) -> Self {
        Self { template, session: session.map(str::to_owned), offset, found: Found::default() }
    }

    pub(crate) fn read(&mut self, line: &[u8]) -> Result<EdgeLine<'_>, BadReason> {
        self.template.fill(line, self.session.as_deref(), &mut self.found)?;
        self.found.edge_line(When::Either, self.offset)
    }
}

fn find(within: &[u8], wanted: &[u8], escaped: bool) -> Option<usize> {
    // A quote that was logged is escaped.
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(within.get(at..)?, wanted) {
        let end = at + found;
        if !escaped || wanted.first() != Some(&b'"') {
            return Some(end);
        }
        let slashes = within.get(..end)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 0 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dialect: Dialect, template: &str, line: &str) -> String {
        let template = Template::parse(template, dialect).expect("a template");
        let mut template = Templated::new(template, Some("sid"), None);
        match template.read(line.as_bytes()) {
            Err(reason) => reason.to_string(),
            Ok(line) => line.told(),
        }
    }

    #[test]
    fn nginx_as_people_write_it() {
        let combined = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
        let line = r#"192.0.2.1 - - [26/Oct/2023:11:03:04 +0900] "GET /my\x22page?a=1 HTTP/1.1" 200 12 "-" "Browser \"x\"""#;
        assert_eq!(
            read(Dialect::Nginx, combined, line),
            r#"2023-10-26T02:02:04Z+60999 GET  /my"page ?a=1 200 cookie= session= id= at= None Nothing"#
        );
        let own = r#"$msec|$request_time|$request_id|$upstream_cache_status|"$request"|$status|$sent_http_content_length|"$http_cookie"|$hostname"#;
        let line =
            r#"1698285784.123|0.010|8f0c|HIT|"GET /mypage HTTP/2.0"|200|5120|"a=1; sid=\x22x\x22"|edge-1"#;
        assert_eq!(
            read(Dialect::Nginx, own, line),
            r#"2023-10-26T02:03:04.113Z+11 GET  /mypage ? 200 cookie=a=1; sid="x" session= id=8f0c at=edge-1 Some(5120) Kept"#
        );
        let json = r#"{"at":"$time_iso8601","uri":"$request_uri","status":$status,"sid":"$cookie_sid","cache":"$upstream_cache_status"}"#;
        let line = r#"{"at":"2023-10-26T11:03:04+09:00","uri":"\/mypage?x=\u0041","status":200,"sid":"abc","cache":"REVALIDATED"}"#;
        assert_eq!(
            read(Dialect::Nginx, json, line),
            "2023-10-26T02:02:04Z+60999   /mypage ?x=A 200 cookie= session=abc id= at= None Confirmed"
        );
    }

    #[test]
    fn httpd_and_varnishncsa() {
        let own = r#"%h %l %u %t "%r" %>s %b %D "%{Cookie}i" %{X-Request-Id}i %{Varnish:handling}x"#;
        let line = r#"192.0.2.1 - - [26/Oct/2023:11:03:04 +0900] "GET http://a.example/mypage?b=2 HTTP/1.1" 200 12 1500 "sid=1" 77 miss"#;
        assert_eq!(
            read(Dialect::Apache, own, line),
            "2023-10-26T02:03:04Z+1001 GET  /mypage ?b=2 200 cookie=sid=1 session= id=77 at= None Asked"
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
