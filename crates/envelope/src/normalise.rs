use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::Error;

/// What a searchable field holds, which decides how two spellings are recognised as the same value.
///
/// The kind is part of the derived index key: changing the kind of a field means building its index anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IndexKind {
    /// NFKC, lower case, trimmed, inner spaces removed.
    Mail,
    /// NFKC (half-width and full-width kana meet, hiragana and katakana stay apart), lower case, variation selectors
    /// removed (葛 with and without a selector meet), spaces including U+3000 collapsed to one.
    Name,
    /// Digits only, full-width digits accepted, `+81` becomes `0`; another country keeps its `+`.
    Phone,
    /// A calendar date, written as `2005-04-01`, `2005/4/1`, `2005.4.1`, `2005年4月1日` or `20050401`.
    Date,
    /// Trimmed, otherwise byte for byte: numbers of applications, identifiers.
    Exact,
}

impl IndexKind {
    /// The name of the kind as manifests write it. Part of the derivation of index keys: never change one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Date => "date",
            Self::Exact => "exact",
        }
    }

    /// The normal form of a value: two values are found together exactly when their normal forms are equal.
    pub(crate) fn normalise(self, text: &str) -> Result<Zeroizing<String>, Error> {
        let normal = match self {
            Self::Mail => mail(text),
            Self::Name => name(text),
            Self::Phone => phone(text),
            Self::Date => date(text)?,
            Self::Exact => wiped_copy(text, text.trim().chars()),
        };
        if normal.is_empty() { Err(Error::NothingToIndex(self)) } else { Ok(normal) }
    }
}

impl fmt::Display for IndexKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Collects into a buffer that rarely has to grow, because growing leaves an unwiped copy behind. NFKC can lengthen a
/// text (one ligature is 33 bytes long), but for names and addresses twice the input is ample.
fn wiped_copy(source: &str, characters: impl Iterator<Item = char>) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(source.len() * 2 + 16));
    out.extend(characters);
    out
}

/// NFKC, characters to drop dropped, lower case, and NFKC again: both steps between can bring letter and accent together.
fn folded(text: &str, keep: impl Fn(char) -> bool) -> impl Iterator<Item = char> {
    text.nfkc().filter(move |&c| keep(c)).flat_map(char::to_lowercase).nfkc()
}

/// Copied along from web pages and office documents, seen by nobody: zero-width characters, soft hyphen, BOM.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')
}

fn is_variation_selector(character: char) -> bool {
    matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn mail(text: &str) -> Zeroizing<String> {
    wiped_copy(text, folded(text, |c| !is_invisible(c) && !c.is_whitespace() && !c.is_control()))
}

fn name(text: &str) -> Zeroizing<String> {
    // Selectors go first: one between a kana and its voicing mark would keep the two from composing.
    let visible: Zeroizing<String> =
        wiped_copy(text, text.chars().filter(|&c| !is_invisible(c) && !is_variation_selector(c)));
    let folded = wiped_copy(&visible, folded(&visible, |_| true));
    let mut out = Zeroizing::new(String::with_capacity(folded.len()));
    for word in folded.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

fn phone(text: &str) -> Zeroizing<String> {
    let normal = wiped_copy(text, text.nfkc());
    let international = normal.trim_start().starts_with('+');
    let digits = wiped_copy(&normal, normal.chars().filter(char::is_ascii_digit));
    let (prefix, rest) = match digits.strip_prefix("81").filter(|_| international) {
        // `+81 (0)90…` writes the trunk zero although it should not.
        Some(national) => ("0", national.strip_prefix('0').unwrap_or(national)),
        None if international && !digits.is_empty() => ("+", digits.as_str()),
        None => ("", digits.as_str()),
    };
    // `+81` alone is no number.
    if rest.is_empty() { Zeroizing::default() } else { wiped_copy(rest, prefix.chars().chain(rest.chars())) }
}

fn date(text: &str) -> Result<Zeroizing<String>, Error> {
    let text = wiped_copy(text, text.trim().nfkc());
    if text.is_empty() {
        return Ok(text);
    }
    let (year, month, day) = split_date(&text).ok_or(Error::NotADate)?;
    let number = |digits: &str, longest| {
        let plain = (1..=longest).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if plain { digits.parse::<u32>().ok() } else { None }
    };
    let (year, month, day) =
        (|| Some((number(year, 4)?, number(month, 2)?, number(day, 2)?)))().ok_or(Error::NotADate)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    if !(1000..=9999).contains(&year) || !(1..=days).contains(&day) {
        return Err(Error::NotADate);
    }
    Ok(Zeroizing::new(format!("{year:04}-{month:02}-{day:02}")))
}

fn split_date(text: &str) -> Option<(&str, &str, &str)> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some((&text[..4], &text[4..6], &text[6..]));
    }
    let (year, rest) = text.split_once(['-', '/', '.', '年'])?;
    let (month, day) = rest.split_once(['-', '/', '.', '月'])?;
    Some((year.trim(), month.trim(), day.trim_end_matches('日').trim()))
}

#[cfg(test)]
mod tests {
    use super::IndexKind::{Date, Exact, Mail, Name, Phone};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_value_meet() {
        for (kind, normal, spellings) in [
            (
                Mail,
                "hana@example.jp",
                &[
                    "Hana@Example.JP",
                    " hana@example.jp\t",
                    "ｈａｎａ＠ｅｘａｍｐｌｅ．ｊｐ",
                    "ha\u{200B}na@example.jp",
                ][..],
            ),
            (Name, "水野 花", &["水野　花", " 水野 　 花 ", "水野\u{E0100} 花", "水野\u{00A0}花"]),
            (Name, "バンドウ ガク", &["ﾊﾞﾝﾄﾞｳ ｶﾞｸ", "ハ\u{3099}ンドウ ガク", "ﾊﾞﾝﾄﾞｳ　ガク"]),
            (Name, "hana mizuno", &["HANA  Mizuno", "Ｈａｎａ　Ｍｉｚｕｎｏ"]),
            (
                Phone,
                "09012345678",
                &[
                    "090-1234-5678",
                    "０９０（１２３４）５６７８",
                    "+81 90 1234 5678",
                    "+81-(0)90-1234-5678",
                    "＋８１９０１２３４５６７８",
                ],
            ),
            (Phone, "+12125550123", &["+1 (212) 555-0123"]),
            (
                Date,
                "2005-04-01",
                &[
                    "2005/4/1",
                    "2005年4月1日",
                    "２００５．０４．０１",
                    "20050401",
                    " 2005-04-01 ",
                    "2005 年 4 月 1 日",
                ],
            ),
            (Date, "2004-02-29", &["2004-02-29"]),
            (Exact, "A-０１b", &[" A-０１b\n"]),
        ] {
            for spelling in spellings.iter().copied().chain([normal]) {
                assert_eq!(
                    kind.normalise(spelling).as_deref().map(String::as_str),
                    Ok(normal),
                    "{kind}: {spelling}"
                );
            }
        }
    }

    #[test]
    fn different_values_stay_apart() {
        for (kind, one, two) in [
            (Name, "はな", "ハナ"),
            (Name, "水野花", "水野 花"),
            (Exact, "a", "A"),
            (Phone, "+12125550123", "12125550123"),
            (Mail, "hana@example.jp", "hana@example.com"),
        ] {
            assert_ne!(kind.normalise(one).unwrap(), kind.normalise(two).unwrap(), "{kind}: {one} {two}");
        }
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        for (kind, text) in
            [(Mail, " 　"), (Name, "\u{200B}"), (Phone, "unknown"), (Phone, "+81"), (Date, ""), (Exact, "\n")]
        {
            assert_eq!(kind.normalise(text), Err(Error::NothingToIndex(kind)), "{kind}: {text}");
        }
        for text in [
            "2005-02-29",
            "2005-13-01",
            "2005-00-10",
            "2005-01-00",
            "1900-02-29",
            "平成17年4月1日",
            "1/4/2005",
            "2005-+1-01",
            "2005",
        ] {
            assert_eq!(Date.normalise(text), Err(Error::NotADate), "{text}");
        }
    }

    proptest! {
        #[test]
        fn normal_forms_are_stable(text in ".{0,40}") {
            for kind in [Mail, Name, Phone, Date, Exact] {
                if let Ok(normal) = kind.normalise(&text) {
                    let again = kind.normalise(&normal);
                    prop_assert_eq!(again.as_deref(), Ok(&*normal), "{}", kind);
                }
            }
        }
    }
}
