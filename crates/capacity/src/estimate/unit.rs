//! Units as they are written, and what they measure.

use serde::{Deserialize, Serialize};

/// What a figure measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    /// People, requests, a factor: numbers without a unit.
    Plain,
    /// A part of a whole, 0 to 1.
    Share,
    /// Seconds.
    Time,
    /// Bytes.
    Size,
    /// Events per second.
    Rate,
    /// Megabits per second.
    DataRate,
}

impl Dimension {
    /// How a figure of this dimension may be written, for remedies.
    pub(super) fn example(self) -> &'static str {
        match self {
            Dimension::Plain => "a number such as `22`",
            Dimension::Share => "a share such as `35 %` or `0.35`",
            Dimension::Time => "a time such as `50 ms`, `30 s`, `3 min`, `2 h` or `1 d`",
            Dimension::Size => "a size such as `500 kB` or `3 MB`",
            Dimension::Rate => "a rate such as `1000 /s` or `2000000 /min`",
            Dimension::DataRate => "a data rate such as `940 Mbit/s` or `4 Gbit/s`",
        }
    }
}

/// A unit that a figure may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Unit {
    /// Hundredths.
    #[serde(rename = "%")]
    Percent,
    /// People.
    #[serde(rename = "people")]
    People,
    /// Requests.
    #[serde(rename = "requests")]
    Requests,
    /// A factor.
    #[serde(rename = "x")]
    Times,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Minutes.
    #[serde(rename = "min")]
    Minutes,
    /// Hours.
    #[serde(rename = "h")]
    Hours,
    /// Days of 24 hours.
    #[serde(rename = "d")]
    Days,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
    /// 1,000 bytes.
    #[serde(rename = "kB")]
    Kilobytes,
    /// 1,000,000 bytes.
    #[serde(rename = "MB")]
    Megabytes,
    /// 1,024 bytes.
    #[serde(rename = "KiB")]
    Kibibytes,
    /// 1,048,576 bytes.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// Per second.
    #[serde(rename = "/s")]
    PerSecond,
    /// Per minute.
    #[serde(rename = "/min")]
    PerMinute,
    /// Per hour.
    #[serde(rename = "/h")]
    PerHour,
    /// 1,000,000 bits per second.
    #[serde(rename = "Mbit/s")]
    MegabitsPerSecond,
    /// 1,000,000,000 bits per second.
    #[serde(rename = "Gbit/s")]
    GigabitsPerSecond,
}

/// Every unit with its writing, dimension, and size in that dimension's base unit as multiplier and divisor: 70 % is
/// 70 / 100, which is 0.7; 70 · 0.01 is a little more.
const UNITS: [(Unit, &str, Dimension, (f64, f64)); 19] = [
    (Unit::Percent, "%", Dimension::Share, (1.0, 100.0)),
    (Unit::People, "people", Dimension::Plain, (1.0, 1.0)),
    (Unit::Requests, "requests", Dimension::Plain, (1.0, 1.0)),
    (Unit::Times, "x", Dimension::Plain, (1.0, 1.0)),
    (Unit::Milliseconds, "ms", Dimension::Time, (1.0, 1e3)),
    (Unit::Seconds, "s", Dimension::Time, (1.0, 1.0)),
    (Unit::Minutes, "min", Dimension::Time, (60.0, 1.0)),
    (Unit::Hours, "h", Dimension::Time, (3_600.0, 1.0)),
    (Unit::Days, "d", Dimension::Time, (86_400.0, 1.0)),
    (Unit::Bytes, "B", Dimension::Size, (1.0, 1.0)),
    (Unit::Kilobytes, "kB", Dimension::Size, (1e3, 1.0)),
    (Unit::Megabytes, "MB", Dimension::Size, (1e6, 1.0)),
    (Unit::Kibibytes, "KiB", Dimension::Size, (1_024.0, 1.0)),
    (Unit::Mebibytes, "MiB", Dimension::Size, (1_048_576.0, 1.0)),
    (Unit::PerSecond, "/s", Dimension::Rate, (1.0, 1.0)),
    (Unit::PerMinute, "/min", Dimension::Rate, (1.0, 60.0)),
    (Unit::PerHour, "/h", Dimension::Rate, (1.0, 3_600.0)),
    (Unit::MegabitsPerSecond, "Mbit/s", Dimension::DataRate, (1.0, 1.0)),
    (Unit::GigabitsPerSecond, "Gbit/s", Dimension::DataRate, (1e3, 1.0)),
];

impl Unit {
    fn row(self) -> (&'static str, Dimension, (f64, f64)) {
        let row = UNITS.iter().find(|row| row.0 == self);
        let &(_, text, dimension, size) = row.expect("each variant has its row: a test walks them all");
        (text, dimension, size)
    }

    /// As it is written after a number.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    pub(super) fn parse(text: &str) -> Option<Unit> {
        UNITS.iter().find(|row| row.1 == text).map(|row| row.0)
    }

    pub(super) fn known() -> String {
        UNITS.iter().map(|row| format!("`{}`", row.1)).collect::<Vec<_>>().join(", ")
    }

    /// `value` of this unit in base units, if it measures `dimension`.
    pub(super) fn in_base_units(self, value: f64, dimension: Dimension) -> Option<f64> {
        let (_, own, (multiplier, divisor)) = self.row();
        (own == dimension).then_some(value * multiplier / divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_has_one_row_and_the_name_that_serde_uses() {
        for (unit, text, ..) in UNITS {
            assert_eq!(serde_json::to_value(unit).expect("a word"), text);
            assert_eq!(Unit::parse(text), Some(unit));
            // A new variant without a row: this match stops compiling and points here.
            match unit {
                Unit::Percent | Unit::People | Unit::Requests | Unit::Times | Unit::Milliseconds => {}
                Unit::Seconds | Unit::Minutes | Unit::Hours | Unit::Days | Unit::Bytes => {}
                Unit::Kilobytes | Unit::Megabytes | Unit::Kibibytes | Unit::Mebibytes | Unit::PerSecond => {}
                Unit::PerMinute | Unit::PerHour | Unit::MegabitsPerSecond | Unit::GigabitsPerSecond => {}
            }
        }
        assert_eq!(
            UNITS.map(|row| row.1).iter().collect::<std::collections::BTreeSet<_>>().len(),
            UNITS.len()
        );
    }
}
