use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::Error;
use crate::date::iso_date;

/// What a searchable field holds, which decides how two spellings are recognised as the same value.
///
/// The kind is part of the derived index key: changing the kind of a field means building its index anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IndexKind {
    /// NFKC, lower case, trimmed, inner spaces removed. RFC 5321 lets a server tell `Hana@` from `hana@`; those in use do
    /// not, and two people whose addresses differ by case alone are not expected: the whole address is lower case.
    Mail,
    /// NFKC (half-width and full-width kana meet), hiragana as katakana, lower case, variation selectors removed (葛 with
    /// and without a selector meet). Spaces including U+3000 and the dot between foreign names (・) are nothing beside a
    /// Japanese, Chinese or Korean character, where each form writes them differently, and one space between other words.
    /// Other shapes of a character (髙 and 高, 齋 and 斎), small kana (ツ and ッ) and the long mark stay as they are: they
    /// tell people apart.
    Name,
    /// Digits only, full-width digits accepted, `+81` becomes `0`; another country keeps its `+`.
    Phone,
    /// A calendar date; the spellings are those of [`iso_date`](crate::iso_date), Japanese eras too.
    Date,
    /// Letters and digits only, NFKC, lower case: 〒123-4567 and 1234567 meet.
    PostalCode,
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
            Self::PostalCode => "postal_code",
            Self::Exact => "exact",
        }
    }

    /// The normal form of a value: two values are found together exactly when their normal forms are equal.
    pub(crate) fn normalise(self, text: &str) -> Result<Zeroizing<String>, Error> {
        let normal = match self {
            Self::Mail => mail(text),
            Self::Name => name(text),
            Self::Phone => phone(text),
            Self::Date if text.trim().is_empty() => Zeroizing::default(),
            Self::Date => iso_date(text)?,
            Self::PostalCode => wiped_copy(text, folded(text, |c| c.is_ascii_alphanumeric())),
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
pub(crate) fn wiped_copy(source: &str, characters: impl Iterator<Item = char>) -> Zeroizing<String> {
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
    let folded = wiped_copy(&visible, folded(&visible, |_| true).map(katakana));
    let mut out = Zeroizing::new(String::with_capacity(folded.len()));
    for word in folded.split(is_between_names).filter(|word| !word.is_empty()) {
        let before = out.chars().next_back();
        if before.is_some_and(|before| !is_written_without_spaces(before))
            && !word.starts_with(is_written_without_spaces)
        {
            out.push(' ');
        }
        out.push_str(word);
    }
    // What was joined can compose: a kana and the voicing mark that stood behind a space, ワ and its mark.
    wiped_copy(&out, out.nfkc())
}

/// Hiragana as katakana, which differ by a fixed distance.
fn katakana(character: char) -> char {
    match character {
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => char::from_u32(character as u32 + 0x60).unwrap_or(character),
        other => other,
    }
}

fn is_between_names(character: char) -> bool {
    character.is_whitespace() || character.is_control() || matches!(character, '・' | '·')
}

/// Han, kana and Hangul: whether a space stands between two parts of a name depends on the form that was filled in.
fn is_written_without_spaces(character: char) -> bool {
    matches!(character,
        '\u{2E80}'..='\u{2FDF}' | '々'..='〇' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
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

#[cfg(test)]
mod tests;
