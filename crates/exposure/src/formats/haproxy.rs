//! HAProxy's `option httplog`, as it stands in a file, on standard output or behind a prefix of syslog.
//!
//! Its times are local ones without an offset, and what of the request's fields is captured nobody knows: neither id nor cookie.

use super::edge_line::EdgeLine;
use super::found::{Found, Slot, When};
use super::instant::instant;
use crate::input::BadReason;

#[derive(Debug, Clone)]
pub(crate) struct Httplog {
    offset: Option<i64>,
    found: Found,
}

/// Client, instant, and what follows: ` 127.0.0.1:52246 [29/Nov/2026:02:41:56.921] `.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    // Before it there is at most a prefix of syslog, which has no such bracket.
    let open = memchr::memmem::find_iter(line, b" [").take(4).find(|at| {
        let date = line.get(at + 2..at + 27).unwrap_or_default();
        date.get(24) == Some(&b']') && date.get(2) == Some(&b'/') && date.get(20) == Some(&b'.')
    })?;
    let client = line.get(..open)?.rsplit(|byte| *byte == b' ').next()?;
    Some((client, line.get(open + 2..open + 26)?, line.get(open + 27..)?.strip_prefix(b" ")?))
}

/// Whether a line is one of it.
pub(super) fn is_httplog(line: &[u8]) -> bool {
    let Some((client, date, rest)) = parts(line) else { return false };
    let times = rest.split(|byte| *byte == b' ').nth(2).unwrap_or_default();
    client.contains(&b':')
        && instant(date, Some(0)).is_ok()
        && times.iter().filter(|byte| **byte == b'/').count() == 4
}

impl Httplog {
    pub(super) fn new(offset: Option<i64>) -> Self {
        Self { offset, found: Found::default() }
    }

    pub(crate) fn read(&mut self, line: &[u8]) -> Result<EdgeLine<'_>, BadReason> {
        let (client, date, rest) = parts(line).ok_or(BadReason::TooFewFields)?;
        let mut words = rest.split(|byte| *byte == b' ');
        let _frontend = words.next();
        let server =
            words.next().and_then(|both| both.rsplit(|byte| *byte == b'/').next()).unwrap_or_default();
        let times = words.next().unwrap_or_default();
        let status = words.next().ok_or(BadReason::TooFewFields)?;
        // `+25`: it was logged before the answer ended.
        let taken = times.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        // The request comes last, and holds no quote.
        let request = rest.strip_suffix(b"\"").and_then(|rest| {
            let from = memchr::memrchr(b'"', rest)?;
            rest.get(from + 1..)
        });
        let request = request.ok_or(BadReason::TooFewFields)?;
        // Nobody asked for a page; of a viewer who went away its status is -1.
        let status = if request == b"<BADREQ>" { &b"400"[..] } else { status };
        let address = client.rsplitn(2, |byte| *byte == b':').nth(1).unwrap_or(client);
        self.found.clear();
        for (slot, value) in [
            (Slot::Start, date),
            (Slot::TakenMillis, taken),
            (Slot::Status, status),
            (Slot::Request, request),
            (Slot::Server, server),
            (Slot::Address, address),
        ] {
            self.found.set(slot, 0, |out| out.extend_from_slice(value));
        }
        self.found.edge_line(When::Start, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"127.0.0.1:52260 [29/Nov/2026:02:41:56.935] plain plain/<CACHE> 0/0/0/0/12 200 294 - - LR-- 1/1/0/0/0 0/0 {a " b|c} {} "GET /mypage/a%20b?x=1 HTTP/1.1""#;

    #[test]
    fn reads_it_with_and_without_a_prefix() {
        let mut httplog = Httplog::new(Some(9 * 3_600_000));
        for line in [LINE.to_owned(), format!("<142>Nov 29 02:41:56 localhost haproxy[21090]: {LINE}")] {
            assert!(is_httplog(line.as_bytes()));
            assert_eq!(
                httplog.read(line.as_bytes()).unwrap().told(),
                "2026-11-28T17:41:56.935Z+13 GET  /mypage/a%20b ?x=1 200 cookie= session= id= at= None Kept"
            );
        }
        let early = LINE.replace("/12 ", "/+12 ").replace("plain/<CACHE>", "b/s1");
        assert!(
            httplog.read(early.as_bytes()).unwrap().told().starts_with("2026-11-28T17:41:56.935Z+60001 ")
        );
    }

    #[test]
    fn says_what_is_wrong() {
        let mut httplog = Httplog::new(None);
        assert_eq!(httplog.read(LINE.as_bytes()).unwrap_err(), BadReason::NoOffset);
        let mut httplog = Httplog::new(Some(0));
        assert_eq!(httplog.read(b"x").unwrap_err(), BadReason::TooFewFields);
        let bad = LINE.replace("\"GET /mypage/a%20b?x=1 HTTP/1.1\"", "\"<BADREQ>\"");
        let bad = httplog.read(bad.as_bytes()).unwrap();
        assert_eq!((bad.path, bad.status), (&b""[..], 400));
        assert_eq!(httplog.read(LINE.trim_end_matches('"').as_bytes()).unwrap_err(), BadReason::TooFewFields);
    }
}
