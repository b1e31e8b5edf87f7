//! The day's files: what the edge and the origin wrote, the people, and the truth that no log holds.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::plan::{Answer, Moment, Planned};
use super::random::Random;
use super::{Day, LogOptions};

/// Midnight in Japan at the start of 2023-10-26, in milliseconds since 1970.
pub(super) const MIDNIGHT: i64 = 1_698_246_000_000;

/// The origin's clock is ahead of the edge's by this, as clocks are.
const ORIGIN_AHEAD: Moment = 240;

/// The end of the day.
pub(super) const DAY_END: Moment = 24 * HOUR;

const HOUR: Moment = 3_600_000;

pub(super) fn moment(instant: Timestamp) -> Moment {
    instant.as_millisecond() - MIDNIGHT
}

pub(super) fn instant(moment: Moment) -> Timestamp {
    // Moments lie within one day of a constant, so they are in the calendar.
    Timestamp::from_millisecond(MIDNIGHT + moment).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Indices of served requests.
    Edge(Vec<usize>),
    Access,
    Logins,
    Population,
    Truth,
}

/// A file of the day.
#[derive(Debug)]
pub struct DayFile<'d> {
    pub(super) day: &'d Day,
    pub(super) name: String,
    pub(super) options: LogOptions,
    /// Lines of the origin before this moment.
    pub(super) until: Moment,
    pub(super) content: Content,
}

impl DayFile<'_> {
    /// Path with `/`, relative to the folder of the day.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is it a log, for the scan to read?
    #[must_use]
    pub fn is_log(&self) -> bool {
        matches!(self.content, Content::Edge(_) | Content::Access | Content::Logins)
    }

    /// Writes the file, packed if its name says so.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        match &self.content {
            Content::Edge(lines) if self.options.gzip => {
                // No time stamp in the header: the same seed gives the same bytes.
                let mut packed = GzBuilder::new().mtime(0).write(writer, Compression::default());
                self.edge(lines, &mut packed)?;
                packed.finish()?.flush()
            }
            Content::Edge(lines) => self.edge(lines, &mut writer),
            Content::Access => self.access(&mut writer),
            Content::Logins => self.logins(&mut writer),
            Content::Population => {
                serde_json::to_writer_pretty(&mut writer, &self.day.population)?;
                writeln!(writer)
            }
            Content::Truth => {
                serde_json::to_writer_pretty(&mut writer, &self.day.truth)?;
                writeln!(writer)
            }
        }
    }

    fn edge(&self, lines: &[usize], writer: &mut impl Write) -> io::Result<()> {
        writeln!(writer, "#Version: 1.0")?;
        writeln!(
            writer,
            "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) \
             cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol \
             cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type \
             cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte \
             x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end"
        )?;
        for &line in lines {
            let served = &self.day.served[line];
            let request = &self.day.plan.requests[served.planned];
            let browser = &self.day.plan.browsers[request.browser];
            let end = instant(request.at + served.taken).to_zoned(TimeZone::UTC);
            // What the browser sends: none before the login has set it.
            let cookie = match (&request.session, request.post) {
                (Some(session), false) if self.options.cookies => format!("session={session};%20lang=ja"),
                _ => "-".to_owned(),
            };
            let result = if served.hit { "Hit" } else { "Miss" };
            let kind = match request.path {
                "/assets/app.css" => "text/css",
                "/assets/app.js" => "text/javascript",
                "/assets/logo.svg" => "image/svg+xml",
                _ => "text/html;%20charset=utf-8",
            };
            let taken = format!("{}.{:03}", served.taken / 1000, served.taken % 1000);
            writeln!(
                writer,
                "{date}\t{time}\t{place}\t{bytes}\t{address}\t{method}\td2suimonexample.cloudfront.net\t{path}\t\
                 {status}\t-\t{agent}\t-\t{cookie}\t{result}\t{id}\tapply.example.jp\thttps\t{sent}\t{taken}\t-\t\
                 TLSv1.3\tTLS_AES_128_GCM_SHA256\t{result}\tHTTP/2.0\t-\t-\t{port}\t{taken}\t{result}\t{kind}\t\
                 {length}\t-\t-",
                date = end.strftime("%Y-%m-%d"),
                time = end.strftime("%H:%M:%S"),
                place = browser.place,
                bytes = served.bytes + 412,
                address = browser.address,
                method = method(request),
                path = request.path,
                status = served.status,
                agent = browser.agent,
                id = served.id,
                sent = 180 + request.path.len(),
                port = 49_152 + request.browser % 16_000,
                length = served.bytes,
            )?;
        }
        Ok(())
    }

    /// Requests that reached the origin, in the order in which it answered them.
    fn access(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut answered: Vec<(Moment, usize)> = self
            .day
            .served
            .iter()
            .enumerate()
            .filter(|(_, served)| served.from.is_none())
            .map(|(index, served)| (self.day.plan.requests[served.planned].at + served.taken / 2, index))
            .filter(|(answered, _)| *answered < self.until)
            .collect();
        answered.sort_unstable();
        for (moment, index) in answered {
            let served = &self.day.served[index];
            let request = &self.day.plan.requests[served.planned];
            let mut line = OriginLine::at(moment, "request", &served.id);
            // A form that is sent does not yet tell who it is.
            if request.session.is_some() && !request.post {
                self.who(&mut line, request);
            }
            line.method = Some(method(request));
            line.path = Some(request.path);
            line.status = Some(served.status);
            line.bytes = Some(served.bytes);
            serde_json::to_writer(&mut *writer, &line)?;
            writeln!(writer)?;
        }
        Ok(())
    }

    fn logins(&self, writer: &mut impl Write) -> io::Result<()> {
        for served in &self.day.served {
            let request = &self.day.plan.requests[served.planned];
            let answered = request.at + served.taken / 2;
            if answered >= self.until {
                continue;
            }
            let outcome = match request.answer {
                Answer::LoggedIn => "success",
                Answer::LoginFailed => "failure",
                Answer::Personal | Answer::Public => continue,
            };
            let mut line = OriginLine::at(answered, "login", &served.id);
            line.outcome = Some(outcome);
            self.who(&mut line, request);
            serde_json::to_writer(&mut *writer, &line)?;
            writeln!(writer)?;
        }
        Ok(())
    }

    fn who<'l>(&'l self, line: &mut OriginLine<'l>, request: &'l Planned) {
        let Some(person) = self.day.plan.browsers[request.browser].person else { return };
        let person = &self.day.population.people[person];
        line.person = Some(&person.id);
        line.kind = Some(&person.kind);
        line.tenant = request.school.map(|school| self.day.population.schools[school].id.as_str());
        line.session = request.session.as_deref();
    }
}

/// A line of the origin's log, keys in the order of the documentation.
#[derive(Serialize)]
struct OriginLine<'l> {
    time: String,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<i64>,
    edge_request_id: &'l str,
}

impl<'l> OriginLine<'l> {
    fn at(moment: Moment, event: &'static str, edge_request_id: &'l str) -> Self {
        Self {
            time: japan(moment + ORIGIN_AHEAD),
            event,
            outcome: None,
            person: None,
            kind: None,
            tenant: None,
            session: None,
            method: None,
            path: None,
            status: None,
            bytes: None,
            edge_request_id,
        }
    }
}

fn method(request: &Planned) -> &'static str {
    if request.post { "POST" } else { "GET" }
}

fn japan(moment: Moment) -> String {
    let local = instant(moment) + SignedDuration::from_hours(9);
    format!("{}+09:00", local.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3f"))
}

/// Spreads the lines over files as the edge does: several an hour, named by the hour in UTC, out of order, and
/// some lines one hour late. Each with the moment from which it is there: when its hour is over.
pub(super) fn edge_files(day: &Day) -> Vec<(Moment, String, Vec<usize>)> {
    let mut random = Random::new(day.seed ^ 0x0065_6467_655f_6669);
    let mut hours: std::collections::BTreeMap<i64, Vec<usize>> = std::collections::BTreeMap::new();
    for (index, served) in day.served.iter().enumerate() {
        let end = MIDNIGHT + day.plan.requests[served.planned].at + served.taken;
        let late = i64::from(random.percent(2));
        hours.entry(end.div_euclid(HOUR) + late).or_default().push(index);
    }
    let mut files = Vec::new();
    for (hour, mut lines) in hours {
        random.shuffle(&mut lines);
        let count = 2 + random.below(3);
        let start = Timestamp::from_second(hour * 3600).unwrap_or(Timestamp::UNIX_EPOCH);
        for part in lines.chunks(lines.len().div_ceil(count).max(1)) {
            let stamp = start.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d-%H").to_string();
            let name = format!("edge/E2SUIMONEXAMPLE.{stamp}.{}", random.hex(8));
            files.push(((hour + 1) * HOUR - MIDNIGHT, name, part.to_vec()));
        }
    }
    files
}
