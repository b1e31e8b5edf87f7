//! Sizes and times as people write them.

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// A size: a number, or one with `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let shift = match unit {
            "" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(format!("{text}: no size; write it as 256MiB (KiB, MiB, GiB, or bytes)")),
        };
        let number: u64 = number.parse().map_err(|_| format!("{text}: no size; write it as 256MiB"))?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(|| format!("{text}: more than any disk holds"))
    }
}

/// When a part ends: at so many bytes, so long after its first record, or whichever is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub bytes: Option<u64>,
    pub after: Option<Duration>,
}

const LEAST: u64 = 64 << 10;
const MOST: u64 = 1 << 30;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl FromStr for Rotation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rotation = Self { bytes: None, after: None };
        for word in text.split(',') {
            // A time ends with its unit, a size does not end with one of those.
            let is_time = word.ends_with(['s', 'm', 'h']);
            if is_time && rotation.after.is_none() {
                let time: Option<SignedDuration> = word.parse().ok();
                let time = time.and_then(|time| Duration::try_from(time).ok());
                let time = time.ok_or_else(|| format!("{word}: no time; write it as 90s, 15m or 1h"))?;
                if !(Duration::from_secs(1)..=LONGEST).contains(&time) {
                    return Err(format!("{word}: a part wants 1s to 24h"));
                }
                rotation.after = Some(time);
            } else if !is_time && rotation.bytes.is_none() {
                let Bytes(bytes) = word.parse()?;
                if !(LEAST..=MOST).contains(&bytes) {
                    return Err(format!("{word}: a part wants 64KiB to 1GiB"));
                }
                rotation.bytes = Some(bytes);
            } else {
                return Err(format!("{text}: said twice; write a size and a time, as 256MiB,1h"));
            }
        }
        Ok(rotation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        let of = |text: &str| text.parse::<Rotation>();
        let some =
            |bytes, seconds: Option<u64>| Ok(Rotation { bytes, after: seconds.map(Duration::from_secs) });
        assert_eq!(of("256MiB,1h"), some(Some(256 << 20), Some(3_600)));
        assert_eq!(of("90s,65536"), some(Some(65_536), Some(90)));
        assert_eq!(of("15m"), some(None, Some(900)));
        assert_eq!(of("1GiB"), some(Some(1 << 30), None));
        for bad in [
            "",
            ",",
            "1h,2h",
            "1MiB,2MiB",
            "1MB",
            "MiB",
            "-1MiB",
            "1.5GiB",
            "63KiB",
            "2GiB",
            "0s",
            "25h",
            "1mm",
            "h",
            "99999999999999999999",
            "18446744073709551615GiB",
            "1h,1MiB,1h",
            "-1h",
            "1d",
        ] {
            assert!(of(bad).is_err(), "{bad}: {:?}", of(bad));
        }
    }
}
