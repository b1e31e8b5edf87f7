//! Deadlines as a calendar (RFC 5545) and as a few numbers to watch. Numbers of incidents, words of laws and instants: nothing of a
//! person.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use law::Lang;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{Duty, DutyState};
use super::{permit, store, store_reminders};
use crate::access::{Action, Op};
use crate::error::Result;
use crate::incidents;

/// Most bytes of a line, without its end.
const LINE: usize = 75;

/// The open duties that the actor may see, as a calendar in one language.
///
/// # Errors
/// `NOT_FOUND` for customers' accounts, and those of permission.
pub async fn calendar(op: &Op, lang: Lang) -> Result<String> {
    let scope = incidents::permit(op, Action::Read, "calendar", "calendar").await?;
    let scope = scope.within(op.app().root()?, "calendar")?;
    let mut numbers: HashMap<Uuid, Option<i32>> = HashMap::new();
    let mut events = Vec::new();
    for duty in store_reminders::open_until(&scope, Timestamp::MAX).await? {
        let number = match numbers.get(&duty.incident) {
            Some(number) => *number,
            None => {
                let found = incidents::incident_in(&scope, duty.incident).await?;
                *numbers.entry(duty.incident).or_insert(found.map(|incident| incident.number))
            }
        };
        if let Some(number) = number {
            events.push((number, duty));
        }
    }
    Ok(render(&events, scope.at(), lang))
}

/// The text of a calendar. Pure.
fn render(events: &[(i32, Duty)], now: Timestamp, lang: Lang) -> String {
    let name = match lang {
        Lang::En => "Suimon: deadlines",
        Lang::Ja => "水門：法令の期限",
    };
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Suimon//Duties//EN".to_owned(),
        "CALSCALE:GREGORIAN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        format!("X-WR-CALNAME:{}", escaped(name)),
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H".to_owned(),
    ];
    for (number, duty) in events {
        event(*number, duty, now, lang, &mut lines);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

fn event(number: i32, duty: &Duty, now: Timestamp, lang: Lang, lines: &mut Vec<String>) {
    let Some(due) = duty.due_at else { return };
    let summary = format!("#{number} {}: {}", duty.regime, duty.wording.title.get(lang));
    lines.push("BEGIN:VEVENT".to_owned());
    lines.push(format!("UID:duty-{}@suimon", duty.id));
    lines.push(format!("DTSTAMP:{}", utc(now)));
    // A deadline that ends with a day is that day, wherever the calendar is read; else the instant, in UTC.
    let alarm = match &duty.wording.last_day {
        Some(last) => {
            lines.push(format!("DTSTART;VALUE=DATE:{}", last.date.strftime("%Y%m%d")));
            if let Ok(next) = last.date.checked_add(1.days()) {
                lines.push(format!("DTEND;VALUE=DATE:{}", next.strftime("%Y%m%d")));
            }
            "-PT15H"
        }
        None => {
            // Without an end it ends where it starts; an end must lie after the start (3.8.2.2).
            lines.push(format!("DTSTART:{}", utc(due)));
            "-PT6H"
        }
    };
    lines.push(format!("SUMMARY:{}", escaped(&summary)));
    lines.push(format!("DESCRIPTION:{}", escaped(duty.wording.due.get(lang))));
    lines.push("TRANSP:TRANSPARENT".to_owned());
    lines.push("BEGIN:VALARM".to_owned());
    lines.push("ACTION:DISPLAY".to_owned());
    lines.push(format!("TRIGGER:{alarm}"));
    lines.push(format!("DESCRIPTION:{}", escaped(&summary)));
    lines.push("END:VALARM".to_owned());
    lines.push("END:VEVENT".to_owned());
}

fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A text as a value (3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// A line in pieces of at most 75 bytes, never within a character (3.1).
fn folded(line: &str) -> String {
    let mut folded = String::with_capacity(line.len() + 8);
    let mut length = 0;
    for c in line.chars() {
        if length + c.len_utf8() > LINE {
            folded.push_str("\r\n ");
            // The blank counts.
            length = 1;
        }
        folded.push(c);
        length += c.len_utf8();
    }
    folded.push_str("\r\n");
    folded
}

/// How the duties of an incident stand, in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub open: usize,
    pub overdue: usize,
    pub settled: usize,
    /// The next last instant of an open duty.
    pub next_due_at: Option<Timestamp>,
    /// Number of the latest assessment.
    pub assessment: Option<i32>,
    /// Differs whenever anything of the duties does.
    pub mark: String,
}

/// How the duties of an incident stand.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn standing(op: &Op, tenant: Uuid, incident: Uuid) -> Result<Standing> {
    let scope = permit(op, tenant, Action::Read, "duty", "incident").await?;
    incidents::incident(op, tenant, incident).await?;
    let duties = store::duties(&scope, scope.connection(), incident).await?;
    let open = || duties.iter().filter(|duty| duty.state == DutyState::Open);
    let mut hash = Sha256::new();
    for duty in &duties {
        let settled = duty.settled_at.map(Timestamp::as_microsecond);
        let due = duty.due_at.map(Timestamp::as_microsecond);
        hash.update(format!("{} {} {due:?} {settled:?};", duty.id, duty.state.as_str()));
    }
    Ok(Standing {
        open: open().count(),
        overdue: open().filter(|duty| duty.overdue(scope.at())).count(),
        settled: duties.iter().filter(|duty| duty.state.settled()).count(),
        next_due_at: open().filter_map(|duty| duty.due_at).filter(|due| *due >= scope.at()).min(),
        assessment: store::latest_number(&scope, incident).await?,
        mark: hex::encode(&hash.finalize()[..8]),
    })
}

#[cfg(test)]
mod tests {
    use super::{escaped, folded};

    #[test]
    fn lines_are_folded_between_characters() {
        let line = format!("SUMMARY:{}", "期限".repeat(40));
        let text = folded(&line);
        assert!(text.split("\r\n").all(|piece| piece.len() <= 75), "{text}");
        assert_eq!(text.replace("\r\n ", "").trim_end(), line);
        assert_eq!(folded("A"), "A\r\n");
    }

    #[test]
    fn what_has_a_meaning_is_escaped() {
        assert_eq!(escaped("a, b; c\\d\ne\r\u{7}"), "a\\, b\\; c\\\\d\\ne");
    }
}
