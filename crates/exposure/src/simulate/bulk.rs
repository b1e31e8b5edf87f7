//! Logs of any size for measuring: a day of an edge and its origin, of which the fault lasted some hours. All people are made up, and the
//! same settings and seed give the same bytes.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::random::Random;
use crate::query::{Basis, Limits, WindowQuery};

/// How large, and how much of it is about people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BulkSettings {
    /// Lines of the edge.
    pub lines: u64,
    /// People; each is in one of a fiftieth as many tenants.
    pub people: usize,
    /// Of ten thousand lines, so many are personal pages, all of them in the hours of the fault.
    pub personal: u16,
    /// Edge locations.
    pub locations: usize,
    /// For how long a location gives a page without asking, in milliseconds.
    pub time_to_live_milliseconds: u32,
}

impl Default for BulkSettings {
    fn default() -> Self {
        Self {
            lines: 100_000,
            people: 20_000,
            personal: 200,
            locations: 12,
            time_to_live_milliseconds: 1_000,
        }
    }
}

/// 2023-10-25T15:00:00Z, midnight in Japan.
const BEGIN: i64 = 1_698_246_000_000;
const DAY: i64 = 86_400_000;
/// 11:00 to 15:41 in Japan.
const FAULT: (i64, i64) = (11 * 3_600_000, 15 * 3_600_000 + 41 * 60_000);
const FIELDS: &str = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) \
     cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher \
     x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type \
     sc-content-type sc-content-len sc-range-start sc-range-end\n";
const PAGES: [&str; 4] = ["/mypage", "/mypage/application", "/mypage/documents", "/mypage/messages"];
const OTHERS: [(&str, &str); 8] = [
    ("/assets/app.4f9c21.js", "text/javascript"),
    ("/assets/app.4f9c21.css", "text/css"),
    ("/assets/logo.svg", "image/svg+xml"),
    ("/fonts/noto-sans-jp-subset.woff2", "font/woff2"),
    ("/", "text/html;%20charset=utf-8"),
    ("/schools/search", "text/html;%20charset=utf-8"),
    ("/api/v1/schools/nearby", "application/json"),
    ("/mypages-for-everybody.html", "text/html;%20charset=utf-8"),
];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/118.0.0.0%20Safari/537.36",
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2017_0_3%20like%20Mac%20OS%20X)%20AppleWebKit/605.1.15%20(KHTML,%20like%20Gecko)%20Version/17.0.1%20Mobile/15E148%20Safari/604.1",
    "Mozilla/5.0%20(Macintosh;%20Intel%20Mac%20OS%20X%2010_15_7)%20AppleWebKit/605.1.15%20(KHTML,%20like%20Gecko)%20Version/17.0%20Safari/605.1.15",
    "Mozilla/5.0%20(Linux;%20Android%2013;%20Pixel%207)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20Chrome/118.0.0.0%20Mobile%20Safari/537.36",
    "Mozilla/5.0%20(X11;%20Linux%20x86_64;%20rv:109.0)%20Gecko/20100101%20Firefox/118.0",
];

/// The question of such logs.
#[must_use]
pub fn bulk_query() -> WindowQuery {
    let at =
        |milliseconds| Timestamp::from_millisecond(BEGIN + milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    WindowQuery {
        from: at(FAULT.0),
        to: at(FAULT.1),
        margin_before_seconds: 0,
        margin_after_seconds: 0,
        basis: Basis::LoginsAndPersonalRequests,
        include_failed_logins: false,
        personal_routes: vec!["/mypage/**".to_owned()],
        session_cookie: Some("session".to_owned()),
        limits: Limits::default(),
    }
}

/// Who asks.
struct Visitor {
    session: String,
    address: String,
    agent: &'static str,
    location: usize,
}

/// A page that a location has.
#[derive(Clone, Copy)]
struct Kept {
    length: i64,
    since: i64,
}

/// Writes both logs, line by line, in the order of time.
///
/// # Errors
/// Those of the writers.
pub fn bulk(seed: u64, settings: &BulkSettings, edge: impl Write, origin: impl Write) -> io::Result<()> {
    let random = Random::new(seed);
    let mut writing = Writing {
        settings,
        random,
        edge,
        origin,
        clock: (i64::MIN, String::new()),
        kept: HashMap::new(),
        later: VecDeque::new(),
    };
    writing.edge.write_all(FIELDS.as_bytes())?;
    let visitors: Vec<Visitor> = (0..settings.people.max(1)).map(|_| writing.visitor()).collect();
    // Everybody signs in in the morning, before the fault.
    for (number, visitor) in visitors.iter().enumerate() {
        let at = i64::try_from(number).unwrap_or(0) * FAULT.0 / i64::try_from(visitors.len()).unwrap_or(1);
        let who = writing.who(number, visitor);
        let time = writing.japan(at);
        writeln!(writing.origin, r#"{{"time":"{time}","event":"login","outcome":"success",{who}}}"#)?;
    }
    let total = i64::try_from(settings.lines.max(1)).unwrap_or(i64::MAX);
    // In the hours of the fault more of the lines are personal pages, since they are nowhere else.
    let share = i64::from(settings.personal) * DAY / (FAULT.1 - FAULT.0);
    for line in 0..total {
        let at = i64::try_from(i128::from(line) * i128::from(DAY) / i128::from(total)).unwrap_or(0);
        let number = writing.random.below(visitors.len());
        // Away from its ends, where clocks decide.
        let fault = at > FAULT.0 + 60_000 && at < FAULT.1 - 60_000;
        if fault && writing.random.between(0, 10_000) < share {
            writing.page(at, number, &visitors[number])?;
        } else {
            writing.other(at, number, &visitors[number])?;
        }
    }
    writing.edge.flush()?;
    writing.origin.flush()
}

struct Writing<'s, E, O> {
    settings: &'s BulkSettings,
    random: Random,
    edge: E,
    origin: O,
    /// The last second that was written, and how.
    clock: (i64, String),
    kept: HashMap<(usize, usize), Kept>,
    /// Pages under way: when they come, where, and which.
    later: VecDeque<(i64, (usize, usize), Kept)>,
}

impl<E: Write, O: Write> Writing<'_, E, O> {
    fn visitor(&mut self) -> Visitor {
        let (one, other) = (self.random.below(256), self.random.below(256));
        Visitor {
            session: self.random.hex(32),
            address: format!("203.0.{one}.{other}"),
            agent: self.random.pick(&AGENTS),
            location: self.random.below(self.settings.locations.max(1)),
        }
    }

    fn who(&self, number: usize, visitor: &Visitor) -> String {
        let tenant = number % (self.settings.people / 50).max(1);
        format!(
            r#""person":"ap-{number:06}","kind":"applicant","tenant":"school-{tenant:04}","session":"{}""#,
            visitor.session
        )
    }

    fn page(&mut self, at: i64, number: usize, visitor: &Visitor) -> io::Result<()> {
        while let Some((since, place, kept)) = self.later.front().copied().filter(|(since, ..)| *since <= at)
        {
            self.later.pop_front();
            self.kept.insert(place, Kept { since, ..kept });
        }
        let page = self.random.below(PAGES.len());
        let place = (visitor.location, page);
        let life = i64::from(self.settings.time_to_live_milliseconds);
        let kept = self.kept.get(&place).filter(|kept| at < kept.since + life).copied();
        let id = self.random.request_id();
        let (taken, length, result) = match kept {
            Some(kept) => (2, kept.length, "Hit"),
            // All take as long, so that they come in the order in which they were asked for.
            None => (120, self.random.between(4_800, 9_600), "Miss"),
        };
        self.edge_line(
            at + taken,
            taken,
            (PAGES[page], "text/html;%20charset=utf-8"),
            visitor,
            true,
            result,
            &id,
            length,
        )?;
        if kept.is_none() {
            self.later.push_back((at + taken, place, Kept { length, since: 0 }));
            let (time, who) = (self.japan(at + taken / 2), self.who(number, visitor));
            writeln!(
                self.origin,
                r#"{{"time":"{time}","event":"request",{who},"method":"GET","path":"{}","status":200,"bytes":{length},"edge_request_id":"{id}"}}"#,
                PAGES[page]
            )?;
        }
        Ok(())
    }

    fn other(&mut self, at: i64, number: usize, visitor: &Visitor) -> io::Result<()> {
        let (which, id) = (self.random.below(OTHERS.len()), self.random.request_id());
        let (path, _) = OTHERS[which];
        let (taken, length) = (self.random.between(1, 300), self.random.between(300, 90_000));
        let result = if which < 4 { "Hit" } else { "Miss" };
        // People who are signed in look at other pages, too.
        let signed_in = self.random.percent(30);
        self.edge_line(at + taken, taken, OTHERS[which], visitor, signed_in, result, &id, length)?;
        if result == "Miss" {
            let time = self.japan(at + taken / 2);
            let who = if signed_in { format!("{},", self.who(number, visitor)) } else { String::new() };
            writeln!(
                self.origin,
                r#"{{"time":"{time}","event":"request",{who}"method":"GET","path":"{path}","status":200,"bytes":{length},"edge_request_id":"{id}"}}"#
            )?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a line, at its only two places")]
    fn edge_line(
        &mut self,
        end: i64,
        taken: i64,
        (path, kind): (&str, &str),
        visitor: &Visitor,
        signed_in: bool,
        result: &str,
        id: &str,
        length: i64,
    ) -> io::Result<()> {
        let second = (BEGIN + end).div_euclid(1_000);
        if self.clock.0 != second {
            let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            self.clock = (second, at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d\t%H:%M:%S").to_string());
        }
        let (clock, Visitor { session, address, agent, location }) = (&self.clock.1, visitor);
        let cookie = if signed_in { format!("lang=ja;%20session={session}") } else { "-".to_owned() };
        let (bytes, sent, port) = (length + 412, 180 + path.len(), 49_152 + session.len() * 31);
        writeln!(
            self.edge,
            "{clock}\tNRT{location}-C1\t{bytes}\t{address}\tGET\td2suimonexample.cloudfront.net\t{path}\t200\thttps://apply.example.jp/\t{agent}\t-\t{cookie}\t\
             {result}\t{id}\tapply.example.jp\thttps\t{sent}\t{}.{:03}\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\t{result}\tHTTP/2.0\t-\t-\t{port}\t0.001\t{result}\t{kind}\t\
             {length}\t-\t-",
            taken / 1_000,
            taken % 1_000,
        )
    }

    fn japan(&self, at: i64) -> String {
        let local = Timestamp::from_millisecond(BEGIN + at + 9 * 3_600_000).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{}+09:00", local.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3f"))
    }
}
