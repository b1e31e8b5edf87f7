//! The hours of a day in which a notice may be sent: nobody is woken by a mail that can wait until morning. Pure.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// From one time of day until before another; over midnight where the second is the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: Time,
    to: Time,
}

impl FromStr for Hours {
    type Err = &'static str;

    /// From `08:00-21:00`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "wants two different times of a day such as 08:00-21:00";
        let time = |text: &str| {
            let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
            let digits =
                |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
            Time::new(digits(hour)?, digits(minute)?, 0, 0).ok()
        };
        let (from, to) = text.split_once('-').ok_or(FORM)?;
        let hours = Hours { from: time(from).ok_or(FORM)?, to: time(to).ok_or(FORM)? };
        if hours.from == hours.to { Err(FORM) } else { Ok(hours) }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hours { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.hour(), from.minute(), to.hour(), to.minute())
    }
}

impl Hours {
    /// Whether an instant lies in them, where the clock shows this zone's time.
    pub fn contain(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let time = at.to_zoned(zone.clone()).time();
        match self.from < self.to {
            true => self.from <= time && time < self.to,
            false => self.from <= time || time < self.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_and_written_in_one_form() {
        for text in ["08:00-21:00", "22:30-06:00", "00:00-23:59"] {
            assert_eq!(text.parse::<Hours>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "8:00-21:00",
            "08:00",
            "08:00-08:00",
            "24:00-08:00",
            "08:60-09:00",
            "+8:00-09:00",
            "08:00-21:00-",
        ] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_minute_is_in_and_the_last_is_out() {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let at = |text: &str| format!("2023-10-30T{text}:00+09:00").parse::<Timestamp>().unwrap();
        let day: Hours = "08:00-21:00".parse().unwrap();
        for (time, within) in [("07:59", false), ("08:00", true), ("20:59", true), ("21:00", false)] {
            assert_eq!(day.contain(at(time), &zone), within, "{time}");
        }
        let night: Hours = "22:00-06:00".parse().unwrap();
        for (time, within) in
            [("21:59", false), ("22:00", true), ("00:00", true), ("05:59", true), ("06:00", false)]
        {
            assert_eq!(night.contain(at(time), &zone), within, "{time}");
        }
    }
}
