//! Small readers of bytes: escapes, dates, numbers. They never panic, whatever the bytes are.

use sha2::{Digest, Sha256};

/// Decodes `%XX`; an escape that is none stays as it is.
pub(crate) fn percent_decode_into(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        let byte = match rest.get(at + 1..at + 3) {
            Some(&[high, low]) => hex_digit(high).zip(hex_digit(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = &rest[at + 3..];
            }
            None => {
                out.push(b'%');
                rest = &rest[at + 1..];
            }
        }
    }
    out.extend_from_slice(rest);
}

/// Decodes until nothing changes, three times at most: CloudFront's log encodes the `%` of an encoded path again.
pub(crate) fn percent_decode_fully(raw: &[u8], out: &mut Vec<u8>) {
    percent_decode_into(raw, out);
    for _ in 0..2 {
        if memchr::memchr(b'%', out).is_none() {
            return;
        }
        let before = std::mem::take(out);
        percent_decode_into(&before, out);
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Where a byte is first. Most fields of a line are so short that a call would take longer than to look.
#[inline]
pub(crate) fn find_short(wanted: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let mut looked = 0;
    for word in bytes.as_chunks::<8>().0.iter().take(2) {
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(wanted));
        // The lowest of these bits is that of the first byte that does not differ.
        let found = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if found != 0 {
            return Some(looked + found.trailing_zeros() as usize / 8);
        }
        looked += 8;
    }
    memchr::memchr(wanted, &bytes[looked..]).map(|at| looked + at)
}

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
pub(crate) fn parse_date(bytes: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else { return None };
    let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
    let month = i64::from(two(m1, m2)?);
    let day = i64::from(two(d1, d2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    // Days from civil (proleptic Gregorian): years begin in March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Reads `HH:MM:SS` as milliseconds since midnight. A leap second is read as the second before it.
pub(crate) fn parse_clock(bytes: &[u8]) -> Option<i64> {
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = bytes else { return None };
    let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59))) * 1000)
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// Reads seconds with decimals (`0.123`) as milliseconds, rounded up so that an interval never gets shorter.
pub(crate) fn parse_seconds(bytes: &[u8]) -> Option<i64> {
    let mut parts = bytes.splitn(2, |byte| *byte == b'.');
    let whole = parse_number(parts.next()?)?;
    let fraction = parts.next().unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut millis = 0;
    for place in 0..3 {
        millis = millis * 10 + fraction.get(place).map_or(0, |digit| i64::from(digit - b'0'));
    }
    if fraction.iter().skip(3).any(|digit| *digit != b'0') {
        millis += 1;
    }
    Some(whole * 1000 + millis)
}

/// Reads up to nine decimal digits, enough for every number of a log that matters here.
pub(crate) fn parse_number(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 9 || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(bytes.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// As [`parse_number`], up to nineteen digits: instants of fine clocks.
pub(crate) fn parse_long(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 19 {
        return None;
    }
    bytes.iter().try_fold(0_i64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// 128 bits of a SHA-256 over the parts, length-prefixed so that parts cannot run into each other.
///
/// Used as identity of lines, request ids and sessions: the scan then holds no session value, and nobody who
/// chooses a URL can make two different lines look like one.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn finds_the_first(
            bytes in proptest::collection::vec(proptest::sample::select(vec![b'\t', 8, 10, 0, 0x89, 0xff, b'"', b'!', b'#']), 0..40),
            wanted in proptest::sample::select(vec![b'\t', b'"', 0xff]),
        ) {
            proptest::prop_assert_eq!(find_short(wanted, &bytes), bytes.iter().position(|byte| *byte == wanted));
        }
    }

    #[test]
    fn dates_and_times() {
        assert_eq!(parse_date(b"1970-01-01"), Some(0));
        assert_eq!(parse_date(b"2023-10-26"), Some(19_656));
        assert_eq!(parse_date(b"2024-02-29"), Some(19_782));
        assert_eq!(parse_date(b"2023-02-29"), None);
        assert_eq!(parse_date(b"2023-13-01"), None);
        assert_eq!(parse_date(b"0000-01-01"), Some(-719_528));
        assert_eq!(parse_clock(b"23:59:60"), Some(86_399_000));
        assert_eq!(parse_clock(b"24:00:00"), None);
        assert_eq!(parse_seconds(b"0.0011"), Some(2));
        assert_eq!(parse_seconds(b"12"), Some(12_000));
        assert_eq!(parse_seconds(b"1.x"), None);
        assert_eq!(parse_seconds(b"-"), None);
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let start = jiff::civil::date(1900, 1, 1);
        let first = parse_date(b"1900-01-01").unwrap();
        for offset in 0..146_097 {
            let day = start.checked_add(jiff::Span::new().days(offset)).unwrap();
            assert_eq!(parse_date(day.to_string().as_bytes()), Some(first + offset));
        }
    }

    #[test]
    fn escapes() {
        let decode = |raw: &[u8]| {
            let mut out = Vec::new();
            percent_decode_into(raw, &mut out);
            out
        };
        assert_eq!(decode(b"a%20b%25%e3"), b"a b%\xe3");
        assert_eq!(decode(b"%zz%2"), b"%zz%2");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}
