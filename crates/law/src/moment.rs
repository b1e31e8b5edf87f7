//! An instant of a facts record: when, in which zone, and how exactly it is known.

use std::fmt;

use jiff::{
    Timestamp, Zoned,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// How exactly a moment is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Only the calendar day; the instant is that day's beginning, so that a deadline never comes out too late.
    Day,
    /// To the second.
    Exact,
}

/// An instant on the UTC line together with the zone in which it was recorded.
///
/// Written as RFC 3339 (`2023-10-26T13:15:00+09:00`), as RFC 9557 with an IANA zone
/// (`2023-10-26T13:15:00+09:00[Asia/Tokyo]`, `2023-10-26T13:15[Asia/Tokyo]`), or as a day with its zone
/// (`2023-10-26[Asia/Tokyo]`). A local time without offset and zone is refused: it names no instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    zone: TimeZone,
    precision: Precision,
}

impl Moment {
    /// A moment known exactly.
    pub fn exact(at: Timestamp, zone: TimeZone) -> Self {
        Moment { at, zone, precision: Precision::Exact }
    }

    /// The instant; for a day, its beginning.
    pub fn timestamp(&self) -> Timestamp {
        self.at
    }

    /// The zone in which the moment was recorded.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// How exactly it is known.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The calendar date in a regulator's zone. A moment known only by its day keeps that day.
    pub fn date_in(&self, zone: &TimeZone) -> Date {
        match self.precision {
            Precision::Day => self.at.to_zoned(self.zone.clone()).date(),
            Precision::Exact => self.at.to_zoned(zone.clone()).date(),
        }
    }

    /// Parses one of the forms above.
    ///
    /// # Errors
    /// A text that says which part is wrong, without repeating the value.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let moment = Self::parse_any(text)?;
        // Nothing here is older than the laws; an instant before is a slip, such as a year of two digits.
        if moment.at < Timestamp::UNIX_EPOCH {
            return Err("lies before 1970; check the year");
        }
        Ok(moment)
    }

    fn parse_any(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "expected an instant such as 2023-10-26T13:15:00+09:00[Asia/Tokyo], \
                            2023-10-26T13:15:00+09:00 or 2023-10-26[Asia/Tokyo]";
        const ZONE: &str = "the zone in brackets is not a known IANA time zone such as Asia/Tokyo";
        if text.len() > 80 {
            return Err(FORM);
        }
        if let Some((head, tail)) = text.split_once('[') {
            let name = tail.strip_suffix(']').ok_or(FORM)?;
            let zone = TimeZone::get(name).map_err(|_| ZONE)?;
            if let (10, Ok(day)) = (head.len(), head.parse::<Date>()) {
                let start = day.to_zoned(zone.clone()).map_err(|_| "the day is out of range")?;
                return Ok(Moment { at: start.timestamp(), zone, precision: Precision::Day });
            }
            if head.contains('T') {
                // With an offset, jiff checks that offset and zone agree; without one, the zone decides.
                let zoned = text.parse::<Zoned>().map_err(|_| {
                    if head.parse::<DateTime>().is_ok() {
                        "the offset does not belong to the zone at that time"
                    } else {
                        FORM
                    }
                })?;
                return Ok(Moment { at: zoned.timestamp(), zone, precision: Precision::Exact });
            }
            return Err(FORM);
        }
        if text.parse::<Timestamp>().is_ok() {
            let pieces = jiff::fmt::temporal::DateTimeParser::new().parse_pieces(text).map_err(|_| FORM)?;
            let zone = match pieces.to_numeric_offset() {
                Some(offset) => offset.to_time_zone(),
                None => TimeZone::UTC,
            };
            let at = text.parse::<Timestamp>().map_err(|_| FORM)?;
            return Ok(Moment { at, zone, precision: Precision::Exact });
        }
        if text.parse::<DateTime>().is_ok() {
            return Err("a local time needs its offset or zone, such as 2023-10-26T13:15:00+09:00 or \
                        2023-10-26[Asia/Tokyo]");
        }
        Err(FORM)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zoned = self.at.to_zoned(self.zone.clone());
        match (self.precision, self.zone.iana_name()) {
            (Precision::Day, Some(name)) => write!(f, "{}[{name}]", zoned.date()),
            (Precision::Exact, Some(_)) => write!(f, "{zoned}"),
            // A fixed offset: RFC 3339 without brackets, so that it reads back as the same offset.
            (_, None) => write!(f, "{}", self.at.display_with_offset(zoned.offset())),
        }
    }
}
