//! Instants as logs write them.

use crate::input::BadReason;
use crate::text::{parse_clock, parse_date, parse_long, parse_number};

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Milliseconds since 1970, and how many more it may have been, since logs cut fractions off.
///
/// Numbers are seconds (with a fraction or without), milliseconds, microseconds or nanoseconds since 1970: which, their size tells, as each
/// unit has its own for the years 1973 to 5138. Else `2023-10-26T11:03:04.123+09:00` and its like, or `26/Oct/2023:11:03:04.123 +0900`. A time
/// without an offset is one only if `offset` (in milliseconds) says where it was written.
pub(crate) fn instant(text: &[u8], offset: Option<i64>) -> Result<(i64, i64), BadReason> {
    let text = text.strip_prefix(b"[").map_or(text, |rest| rest.strip_suffix(b"]").unwrap_or(rest));
    if text.get(4) == Some(&b'-') {
        let day = text.get(..10).and_then(parse_date).ok_or(BadReason::BadTime)?;
        return clock(day, text.get(11..).unwrap_or_default(), offset);
    }
    if text.get(2) == Some(&b'/') {
        let day = clf_date(text).ok_or(BadReason::BadTime)?;
        return clock(day, text.get(12..).unwrap_or_default(), offset);
    }
    number(text).ok_or(BadReason::BadTime)
}

fn number(text: &[u8]) -> Option<(i64, i64)> {
    let dot = memchr::memchr(b'.', text);
    let (whole, fraction) = match dot {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, &b""[..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let whole = parse_long(whole)?;
    match whole {
        0..100_000_000_000 => {
            let (millis, resolution) = fraction_of(fraction)?;
            Some((whole * 1_000 + millis, resolution))
        }
        _ if !fraction.is_empty() && whole >= 100_000_000_000_000 => None,
        100_000_000_000..100_000_000_000_000 => Some((whole, 1)),
        100_000_000_000_000..100_000_000_000_000_000 => Some((whole / 1_000, 1)),
        _ => Some((whole / 1_000_000, 1)),
    }
}

/// Milliseconds of the digits behind the point, and the milliseconds that the first digit left out may hide.
fn fraction_of(digits: &[u8]) -> Option<(i64, i64)> {
    let kept = digits.get(..digits.len().min(3))?;
    let read = if kept.is_empty() { 0 } else { parse_number(kept)? };
    let scale = [1_000, 100, 10, 1][kept.len().min(3)];
    Some((read * scale, if scale == 1_000 { 999 } else { scale }))
}

/// `26/Oct/2023`, in days since 1970.
fn clf_date(text: &[u8]) -> Option<i64> {
    let &[d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, ..] = text else { return None };
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(&[m1, m2, m3]))? + 1;
    let (tens, ones) = (u8::try_from(month / 10).ok()? + b'0', u8::try_from(month % 10).ok()? + b'0');
    parse_date(&[y1, y2, y3, y4, b'-', tens, ones, b'-', d1, d2])
}

fn clock(day: i64, text: &[u8], offset: Option<i64>) -> Result<(i64, i64), BadReason> {
    let time = text.get(..8).and_then(parse_clock).ok_or(BadReason::BadTime)?;
    let mut rest = text.get(8..).unwrap_or_default();
    let (mut millis, mut resolution) = (0, 999);
    if let Some(after) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) {
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (millis, resolution) = after.get(..digits).and_then(fraction_of).ok_or(BadReason::BadTime)?;
        rest = after.get(digits..).unwrap_or_default();
    }
    let written = match rest.trim_ascii_start() {
        b"" => offset.ok_or(BadReason::NoOffset)?,
        b"Z" | b"z" => 0,
        &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | &[sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let of = |one, other| parse_number(&[one, other]);
            let (hours, minutes) = (of(h1, h2), of(m1, m2).filter(|minutes| *minutes < 60));
            let (hours, minutes) =
                hours.filter(|hours| *hours < 24).zip(minutes).ok_or(BadReason::BadTime)?;
            (hours * 60 + minutes) * 60_000 * if sign == b'-' { -1 } else { 1 }
        }
        _ => return Err(BadReason::BadTime),
    };
    Ok((day * 86_400_000 + time + millis - written, resolution))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_one_instant() {
        let at = 1_698_285_784_000;
        for (text, millis, resolution) in [
            ("1698285784", 0, 999),
            ("1698285784.1", 100, 100),
            ("1698285784.123", 123, 1),
            ("1698285784.123456", 123, 1),
            ("1698285784123", 123, 1),
            ("1698285784123456", 123, 1),
            ("1698285784123456789", 123, 1),
            ("2023-10-26T02:03:04Z", 0, 999),
            ("2023-10-26T11:03:04+09:00", 0, 999),
            ("2023-10-26T11:03:04+0900", 0, 999),
            ("2023-10-25 21:33:04.5 -04:30", 500, 100),
            ("26/Oct/2023:11:03:04 +0900", 0, 999),
            ("[26/Oct/2023:11:03:04.123 +0900]", 123, 1),
        ] {
            assert_eq!(instant(text.as_bytes(), None), Ok((at + millis, resolution)), "{text}");
        }
        let local = b"26/Oct/2023:11:03:04.123";
        assert_eq!(instant(local, None), Err(BadReason::NoOffset));
        assert_eq!(instant(local, Some(9 * 3_600_000)), Ok((at + 123, 1)));
    }

    #[test]
    fn what_is_none_is_said() {
        for text in [
            "",
            "x",
            "-",
            "1.x",
            ".5",
            "-5",
            "12345678901234567890",
            "1698285784123456.5",
            "2023-13-01T00:00:00Z",
            "2023-10-26T25:00:00Z",
            "2023-10-26T02:03:04+9",
            "2023-10-26T02:03:04+25:00",
            "26/Xxx/2023:11:03:04 +0900",
            "2023-10-26",
            "26/Oct/2023",
            "1e9",
        ] {
            assert_eq!(instant(text.as_bytes(), None), Err(BadReason::BadTime), "{text}");
        }
    }
}
