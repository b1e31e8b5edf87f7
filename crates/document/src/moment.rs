//! An instant with the offset that its maker's clock had: data, because this crate has no clock and no time zones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::Language;

/// A date and time to the second with its offset from UTC, read and written as RFC 3339 (`2023-11-02T15:04:05+09:00`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// Minutes east of UTC.
    pub(crate) offset: i16,
}

/// A text that is no date and time with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time with an offset; write it as 2023-11-02T15:04:05+09:00 or 2023-11-02T06:04:05Z")]
pub struct NotAMoment;

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        let moment = parse(text.as_bytes()).ok_or(NotAMoment)?;
        let in_range = (1..=12).contains(&moment.month)
            && (1..=days_of(moment.year, moment.month)).contains(&moment.day)
            && moment.hour < 24
            && moment.minute < 60
            && moment.second < 60
            // The widest that is in use is +14:00.
            && moment.offset.abs() <= 18 * 60;
        if in_range { Ok(moment) } else { Err(NotAMoment) }
    }
}

fn parse(text: &[u8]) -> Option<Moment> {
    let number = |at: usize, length: usize| {
        let digits = text.get(at..at + length)?;
        digits
            .iter()
            .try_fold(0_u16, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0')))
    };
    let small = |at: usize| number(at, 2).and_then(|number| u8::try_from(number).ok());
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, mark)| text.get(at) != Some(&mark)) {
        return None;
    }
    // A fraction of a second is more than a document says.
    let mut end = 19;
    if text.get(end) == Some(&b'.') {
        end += 1 + text[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if end == 20 {
            return None;
        }
    }
    let offset = match text.get(end)? {
        b'Z' if text.len() == end + 1 => 0,
        sign @ (b'+' | b'-') if text.len() == end + 6 && text[end + 3] == b':' => {
            let (hours, minutes) = (i16::from(small(end + 1)?), i16::from(small(end + 4)?));
            if minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    Some(Moment {
        year: number(0, 4)?,
        month: small(5)?,
        day: small(8)?,
        hour: small(11)?,
        minute: small(14)?,
        second: small(17)?,
        offset,
    })
}

fn days_of(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

impl Moment {
    /// As a reader of the language writes it, to the minute: `2023年11月2日 15:04（UTC+09:00）`, `2 November 2023, 15:04 (UTC+09:00)`.
    pub fn label(&self, language: Language) -> String {
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let Self { year, month, day, hour, minute, .. } = *self;
        let offset = if self.offset == 0 { String::new() } else { self.offset() };
        match language {
            Language::Ja => format!("{year}年{month}月{day}日 {hour:02}:{minute:02}（UTC{offset}）"),
            Language::En => {
                let month = MONTHS[usize::from(month) - 1];
                format!("{day} {month} {year}, {hour:02}:{minute:02} (UTC{offset})")
            }
        }
    }

    /// Minutes east of UTC.
    pub fn minutes_east(&self) -> i16 {
        self.offset
    }

    fn offset(&self) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs();
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, .. } = *self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match self.offset {
            0 => f.write_str("Z"),
            _ => f.write_str(&self.offset()),
        }
    }
}

impl TryFrom<String> for Moment {
    type Error = NotAMoment;

    fn try_from(text: String) -> Result<Self, NotAMoment> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_that_is_no_instant() {
        for text in ["2023-11-02T15:04:05+09:00", "2024-02-29T00:00:00Z", "1970-01-01T23:59:59-03:30"] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        }
        assert_eq!(
            "2023-11-02T15:04:05.123456Z".parse::<Moment>().unwrap().to_string(),
            "2023-11-02T15:04:05Z"
        );
        for text in [
            "",
            "2023-11-02",
            "2023-11-02T15:04:05",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-11-02T24:00:00Z",
            "2023-11-02T15:04:05.Z",
            "2023-11-02T15:04:05+0900",
            "2023-11-02T15:04:05+99:00",
            "2023-11-02T15:04:05Zz",
            "２０２３-11-02T15:04:05Z",
        ] {
            assert_eq!(text.parse::<Moment>(), Err(NotAMoment), "{text}");
        }
    }

    #[test]
    fn a_reader_sees_the_offset() {
        let moment: Moment = "2023-11-02T15:04:05+09:00".parse().unwrap();
        assert_eq!(moment.label(Language::Ja), "2023年11月2日 15:04（UTC+09:00）");
        assert_eq!(moment.label(Language::En), "2 November 2023, 15:04 (UTC+09:00)");
        assert_eq!(moment.minutes_east(), 540);
    }
}
