//! Periods by counting: one day, one month, one open day after the other.

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use serde_json::Value;

/// The end of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Seconds on the UTC line.
    Instant(i64),
    /// The last day.
    Day(Date),
}

impl End {
    pub fn show(self) -> String {
        match self {
            End::Instant(s) => format!("second {s}"),
            End::Day(d) => format!("day {d}"),
        }
    }

    /// The second at which it is over, for comparing days with instants.
    pub fn over(self, zone: &TimeZone) -> i64 {
        match self {
            End::Instant(s) => s,
            End::Day(d) => {
                let next = d.tomorrow().expect("within the calendar");
                next.to_zoned(zone.clone()).expect("within the calendar").timestamp().as_second()
            }
        }
    }
}

/// A moment of a record: its second, and its day where only the day is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    pub second: i64,
    only_day: Option<Date>,
}

impl Instant {
    pub fn read(text: &str) -> Instant {
        if let Some((day, zone)) = text.split_once('[').filter(|(day, _)| day.len() == 10) {
            let day: Date = day.parse().expect("a day");
            let zone = TimeZone::get(zone.trim_end_matches(']')).expect("a zone");
            let start = day.to_zoned(zone).expect("within the calendar");
            return Instant { second: start.timestamp().as_second(), only_day: Some(day) };
        }
        if let Ok(zoned) = text.parse::<Zoned>() {
            return Instant { second: zoned.timestamp().as_second(), only_day: None };
        }
        let at: Timestamp = text.parse().expect("an instant");
        Instant { second: at.as_second(), only_day: None }
    }

    pub fn at(second: i64) -> Instant {
        Instant { second, only_day: None }
    }

    pub fn day(self, zone: &TimeZone) -> Date {
        let at = || Timestamp::from_second(self.second).expect("within the calendar");
        self.only_day.unwrap_or_else(|| at().to_zoned(zone.clone()).date())
    }
}

/// A closed day, an open one, or a year that the table does not have.
fn open(day: Date, calendar: &Value) -> Option<bool> {
    let year = calendar["years"].get(day.year().to_string())?;
    if year.as_array().expect("a list of days").iter().any(|h| h["date"] == day.to_string()) {
        return Some(false);
    }
    let month_day = format!("{:02}-{:02}", day.month(), day.day());
    for span in calendar["closed_every_year"].as_array().into_iter().flatten() {
        // Walk from the first day of the closure to its last.
        let (from, to) = (span["from"].as_str().expect("text"), span["to"].as_str().expect("text"));
        let inside = if from <= to {
            (from..=to).contains(&month_day.as_str())
        } else {
            *month_day >= *from || *month_day <= *to
        };
        if inside {
            return Some(false);
        }
    }
    let name = format!("{:?}", day.weekday()).to_lowercase();
    Some(!calendar["weekend"].as_array().expect("a list").iter().any(|w| w == name.as_str()))
}

fn next(day: Date) -> Date {
    day.tomorrow().expect("within the calendar")
}

fn leap(year: i16) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn months_later(day: Date, months: i64) -> Date {
    let (mut year, mut month) = (day.year(), day.month());
    for _ in 0..months {
        month += 1;
        if month == 13 {
            (year, month) = (year + 1, 1);
        }
    }
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap(year) => 29,
        2 => 28,
        _ => 31,
    };
    jiff::civil::date(year, month, day.day().min(last))
}

/// The end before and after the roll; nothing where the calendar ends.
pub fn run(clock: &Value, start: Instant, zone: &TimeZone, calendar: &Value) -> (Option<End>, Option<End>) {
    let amount = clock["amount"].as_i64().expect("a number");
    if clock["unit"] == "hour" {
        let end = Some(End::Instant(start.second + 3600 * amount));
        return (end, end);
    }
    let mut day = start.day(zone);
    if clock["from"] == "year_end" {
        while (day.month(), day.day()) != (12, 31) {
            day = next(day);
        }
    }
    let included = clock["first_day"] == "include";
    match clock["unit"].as_str().expect("a unit") {
        "day" => {
            for _ in 0..(if included { amount - 1 } else { amount }) {
                day = next(day);
            }
        }
        "month" => {
            let end = months_later(day, amount);
            day = if included { end.yesterday().expect("within the calendar") } else { end };
        }
        "business_day" => {
            let mut left = amount;
            if included {
                match open(day, calendar) {
                    None => return (None, None),
                    Some(open) => left -= i64::from(open),
                }
            }
            while left > 0 {
                day = next(day);
                match open(day, calendar) {
                    None => return (None, None),
                    Some(open) => left -= i64::from(open),
                }
            }
        }
        other => panic!("unit {other}"),
    }
    let raw = Some(End::Day(day));
    if clock["roll"] != "next_open_day" {
        return (raw, raw);
    }
    loop {
        match open(day, calendar) {
            None => return (raw, None),
            Some(true) => return (raw, Some(End::Day(day))),
            Some(false) => day = next(day),
        }
    }
}
