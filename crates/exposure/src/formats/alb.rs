//! Log of an Application Load Balancer: fields by their documented place, separated by spaces, some in quotes.
//!
//! It keeps nothing itself, and tells neither cookies nor the id of an edge before it. Its own id (`X-Amzn-Trace-Id`) goes on to whoever is
//! behind it. So it stands for the edge where viewers reach the balancer first and a cache is behind it; beside the log of an edge in front
//! of it, it would be a second line of the same answers.

use super::edge_line::EdgeLine;
use super::found::{Found, Slot, When};
use crate::input::BadReason;

/// By place. Later fields are not needed, and new ones come at the end.
const FIELDS: usize = 22;
const TIME: usize = 1;
const CLIENT: usize = 3;
const STATUS: usize = 8;
const REQUEST: usize = 12;
const PROGRAM: usize = 13;
const TRACE: usize = 17;
const DOMAIN: usize = 18;
const BEGAN: usize = 21;

const KINDS: [&[u8]; 6] = [b"http", b"https", b"h2", b"grpcs", b"ws", b"wss"];

#[derive(Debug, Clone, Default)]
pub(crate) struct Alb {
    found: Found,
}

/// Whether a line begins as all of them do.
pub(super) fn is_alb(line: &[u8]) -> bool {
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let (kind, time, name) = (words.next(), words.next(), words.next());
    kind.is_some_and(|kind| KINDS.contains(&kind))
        && time.is_some_and(|time| time.get(4) == Some(&b'-') && time.get(10) == Some(&b'T'))
        && name.is_some_and(|name| name.contains(&b'/'))
}

impl Alb {
    pub(crate) fn read(&mut self, line: &[u8]) -> Result<EdgeLine<'_>, BadReason> {
        let mut fields: [&[u8]; FIELDS] = [b""; FIELDS];
        let mut rest = line;
        let mut read = 0;
        for field in &mut fields {
            if rest.is_empty() {
                break;
            }
            let (value, after) = match rest.strip_prefix(b"\"") {
                Some(inner) => {
                    let end = quote(inner).ok_or(BadReason::TooFewFields)?;
                    let (value, after) = inner.split_at_checked(end).ok_or(BadReason::TooFewFields)?;
                    (value, after.get(1..).unwrap_or_default())
                }
                None => {
                    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
                    rest.split_at_checked(end).ok_or(BadReason::TooFewFields)?
                }
            };
            *field = value;
            rest = after.strip_prefix(b" ").unwrap_or(after);
            read += 1;
        }
        if read <= REQUEST {
            return Err(BadReason::TooFewFields);
        }
        self.found.clear();
        let mut client = fields[CLIENT].rsplitn(2, |byte| *byte == b':');
        let address = client.nth(1).unwrap_or(fields[CLIENT]);
        for (slot, value) in [
            (Slot::End, fields[TIME]),
            (Slot::Start, fields[BEGAN]),
            (Slot::Address, address),
            (Slot::Status, fields[STATUS]),
            (Slot::Request, fields[REQUEST]),
            (Slot::Program, fields[PROGRAM]),
            (Slot::Id, fields[TRACE]),
            (Slot::Host, fields[DOMAIN]),
        ] {
            self.found.set(slot, 0, |out| out.extend_from_slice(value));
        }
        self.found.edge_line(When::End, None)
    }
}

/// Where the quote ends. One that was sent is written as `\x22` or `\"`.
fn quote(within: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'"', within).find(|at| {
        let slashes = within.iter().take(*at).rev().take_while(|byte| **byte == b'\\').count();
        slashes % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the documentation, with other names.
    const LINE: &str = r#"https 2023-10-26T02:03:04.186641Z app/school/50dc6c495c0c9188 192.0.2.1:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.jp:443/mypage?x=1 HTTP/1.1" "Browser \x22q\x22" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/school/73e2d6bc24d8a067 "Root=1-67891233-abcdef012345678912345678" "www.example.jp" "arn:aws:acm:ap-northeast-1:123456789012:certificate/1" 0 2023-10-26T02:03:03.564000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1234"#;

    #[test]
    fn reads_by_place() {
        assert!(is_alb(LINE.as_bytes()));
        let mut alb = Alb::default();
        assert_eq!(
            alb.read(LINE.as_bytes()).unwrap().told(),
            "2023-10-26T02:03:03.564Z+623 GET www.example.jp /mypage ?x=1 200 cookie= session= id=Root=1-67891233-abcdef012345678912345678 at= None Nothing"
        );
        // Older ones have fewer fields: then a minute is taken.
        let old = LINE.split(" \"Root=").next().unwrap();
        assert!(
            alb.read(old.as_bytes())
                .unwrap()
                .told()
                .starts_with("2023-10-26T02:02:04.186Z+60001 GET  /mypage ?x=1 200 ")
        );
    }

    #[test]
    fn says_what_is_wrong() {
        let mut alb = Alb::default();
        assert_eq!(
            alb.read(b"https 2023-10-26T02:03:04.186641Z app/x/1").unwrap_err(),
            BadReason::TooFewFields
        );
        assert_eq!(alb.read(LINE.replace("HTTP/1.1\"", "HTTP/1.1").as_bytes()).unwrap().path, b"/mypage");
        let unclosed = LINE.split(" HTTP").next().unwrap();
        assert_eq!(alb.read(unclosed.as_bytes()).unwrap_err(), BadReason::TooFewFields);
        let other = LINE.replace("2023-10-26T02", "x");
        assert_eq!(alb.read(other.as_bytes()).unwrap_err(), BadReason::BadTime);
        assert!(!is_alb(b"http://www.example.jp/ x y"));
    }
}
