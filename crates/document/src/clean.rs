//! Text that every form can hold: one kind of line end, no control characters.

use std::borrow::Cow;

/// What stands for a character that no form may hold, so that it does not vanish.
const REPLACEMENT: char = '\u{FFFD}';

/// Line ends of any kind become `\n`. Control characters become U+FFFD: XML cannot hold them, and those that turn the direction
/// of text (Bidi_Control) would let a value look like another one.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|letter| replaced(letter).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\r' {
            letters.next_if_eq(&'\n');
        }
        out.push(replaced(letter).unwrap_or(letter));
    }
    Cow::Owned(out)
}

/// Of a text in one line: line ends and tabs become spaces too.
pub fn clean_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ").trim().to_owned()
}

fn replaced(letter: char) -> Option<char> {
    match letter {
        '\n' | '\t' => None,
        '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        letter if letter.is_control() => Some(REPLACEMENT),
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => Some(REPLACEMENT),
        // Noncharacters; the last two of each plane are among them.
        '\u{FDD0}'..='\u{FDEF}' => Some(REPLACEMENT),
        letter if u32::from(letter) & 0xFFFE == 0xFFFE => Some(REPLACEMENT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_one_kind_and_nothing_vanishes() {
        assert_eq!(clean("a\r\nb\rc\u{2028}d\u{85}e"), "a\nb\nc\nd\ne");
        assert_eq!(
            clean("a\0b\u{1b}[31m\u{202E}c\u{FFFE}\u{10FFFF}"),
            "a\u{FFFD}b\u{FFFD}[31m\u{FFFD}c\u{FFFD}\u{FFFD}"
        );
        assert!(matches!(clean("漢字 é 👩‍👧\n\t"), Cow::Borrowed(_)));
        assert_eq!(clean_line(" a\r\nb\t"), "a b");
    }
}
