//! Calendar dates as people write them in Japan, brought to one spelling.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::Error;
use crate::normalise::wiped_copy;

/// An era: its name, its letter, and its first and last day. The day on which one follows the other belongs to both.
struct Era {
    name: &'static str,
    letter: char,
    /// Western year of the era's year 0.
    base: u32,
    first: (u32, u32, u32),
    last: (u32, u32, u32),
}

/// Meiji dates count from the day on which Japan took the Gregorian calendar: before it, day and month are those of another.
const ERAS: [Era; 5] = [
    Era { name: "明治", letter: 'm', base: 1867, first: (1873, 1, 1), last: (1912, 7, 30) },
    Era { name: "大正", letter: 't', base: 1911, first: (1912, 7, 30), last: (1926, 12, 25) },
    Era { name: "昭和", letter: 's', base: 1925, first: (1926, 12, 25), last: (1989, 1, 7) },
    Era { name: "平成", letter: 'h', base: 1988, first: (1989, 1, 8), last: (2019, 4, 30) },
    Era { name: "令和", letter: 'r', base: 2018, first: (2019, 5, 1), last: (9999, 12, 31) },
];

/// A calendar date as `YYYY-MM-DD`. Accepted are `2005-04-01`, `2005/4/1`, `2005.4.1`, `2005年4月1日`, `20050401`, and eras:
/// `平成17年4月1日`, `平成17/4/1`, `㍻17.4.1`, `H17.4.1`, `令和元年5月1日`; full-width digits and letters everywhere. A day outside
/// its era is refused as a slip (`昭和65年`), and so is an order of day, month and year that could be another one.
///
/// # Errors
/// [`Error::NotADate`].
pub fn iso_date(text: &str) -> Result<Zeroizing<String>, Error> {
    let text = wiped_copy(text, text.trim().nfkc());
    let date = parse(&text).ok_or(Error::NotADate)?;
    Ok(Zeroizing::new(format!("{:04}-{:02}-{:02}", date.0, date.1, date.2)))
}

fn parse(text: &str) -> Option<(u32, u32, u32)> {
    let text = text.trim();
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return real((number(&text[..4], 4)?, number(&text[4..6], 2)?, number(&text[6..], 2)?));
    }
    let era = ERAS.iter().find_map(|era| {
        let behind = text.strip_prefix(era.name);
        Some((era, behind.or_else(|| text.strip_prefix([era.letter, era.letter.to_ascii_uppercase()]))?))
    });
    let (year, rest) = era.map_or(text, |(_, rest)| rest).split_once(['-', '/', '.', '年'])?;
    let (month, day) = rest.split_once(['-', '/', '.', '月'])?;
    let (month, day) = (number(month.trim(), 2)?, number(day.strip_suffix('日').unwrap_or(day).trim(), 2)?);
    match era {
        None => real((number(year.trim(), 4)?, month, day)),
        Some((era, _)) => {
            let year = if year.trim() == "元" { 1 } else { number(year.trim(), 2)? };
            real((era.base + year, month, day))
                .filter(|date| (era.first..=era.last).contains(date) && year > 0)
        }
    }
}

fn number(digits: &str, longest: usize) -> Option<u32> {
    let plain = (1..=longest).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn real((year, month, day): (u32, u32, u32)) -> Option<(u32, u32, u32)> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    ((1000..=9999).contains(&year) && (1..=days).contains(&day)).then_some((year, month, day))
}
