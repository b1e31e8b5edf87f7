//! Texts of people's files, made comparable and safe to show.

use unicode_normalization::UnicodeNormalization;

/// For comparing: compatibility forms folded (NFKC), no white space, lower case.
pub(crate) fn fold(text: &str) -> String {
    text.nfkc().filter(|c| !c.is_whitespace() && !c.is_control()).flat_map(char::to_lowercase).collect()
}

/// For keeping: outer white space gone, line ends as `\n`, no other control characters, at most `limit` characters.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    unified
        .trim_matches(|c: char| c.is_whitespace() || c.is_control())
        .chars()
        .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
        .take(limit)
        .collect()
}

/// `text` for a message: cut to 64 characters, control characters shown as escapes.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// The dotted numbers at the start of a text in plain digits (`7.9.1`), and how many there are; nothing unless it begins with a digit.
pub(crate) fn leading_number(text: &str) -> Option<(String, usize)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    let parts = number.split('.').count();
    let is_plain = number.split('.').all(|part| (1..=3).contains(&part.len()));
    (is_plain && parts <= 3).then(|| (number.to_owned(), parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_ids_are_ids() {
        assert_eq!(fold("　Ａ．１．１．１\r\n"), "a.1.1.1");
        assert_eq!(fold("メトリクス （指標）"), fold("ﾒﾄﾘｸｽ(指標)"));
    }

    #[test]
    fn numbers_are_read_from_the_start_only() {
        assert_eq!(leading_number("7.9.1個人情報"), Some(("7.9.1".into(), 3)));
        assert_eq!(leading_number("1.認証"), Some(("1".into(), 1)));
        assert_eq!(leading_number("7"), Some(("7".into(), 1)));
        assert_eq!(leading_number("1.3.1 8文字"), Some(("1.3.1".into(), 3)));
        for none in ["", "認証1", "1..2", "1.2.3.4", "1234", ".1", "."] {
            assert_eq!(leading_number(none), None, "{none}");
        }
    }

    #[test]
    fn kept_texts_have_no_controls_and_a_limit() {
        assert_eq!(clean("\u{0}\u{3000} a\u{7}b\r\nc \n", 10), "ab\nc");
        assert_eq!(clean("abcdef", 3), "abc");
    }
}
