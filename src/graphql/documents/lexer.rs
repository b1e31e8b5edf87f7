//! Counts the lexical tokens of a text (GraphQL specification, section 2.1.6) before anything is built from it. The count
//! stops at the limit, so a long text costs no more than a short one.

/// What a text holds, as far as it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Punctuators, names, numbers and strings.
    pub tokens: usize,
    /// Uses of a directive anywhere, also on operations and variables.
    pub directives: usize,
    /// Deepest nesting of brackets of all kinds. The parser descends once for each.
    pub nesting: usize,
}

/// Reads until the text ends or has more than `most` tokens.
pub fn count(text: &str, most: usize) -> Count {
    let bytes = text.as_bytes();
    let mut count = Count::default();
    let (mut at, mut open) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        let length = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += run(&bytes[at..], |byte| !matches!(byte, b'\n' | b'\r'));
                continue;
            }
            b'"' => string(&bytes[at..]),
            b'.' if bytes[at..].starts_with(b"...") => 3,
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                run(&bytes[at..], |byte| byte == b'_' || byte.is_ascii_alphanumeric())
            }
            b'-' | b'0'..=b'9' => number(&bytes[at..]),
            // Punctuators, and what no document may hold: the parser refuses that.
            _ => 1,
        };
        match byte {
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            b'@' => count.directives += 1,
            _ => {}
        }
        count.nesting = count.nesting.max(open);
        count.tokens += 1;
        if count.tokens > most {
            break;
        }
        at += length;
    }
    count
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(*byte)).unwrap_or(bytes.len())
}

/// A sign belongs to a number only at its head and after an exponent: `1-1` is two, as the parser sees it.
fn number(bytes: &[u8]) -> usize {
    let mut length = 1;
    while let Some(byte) = bytes.get(length) {
        let exponent = matches!(bytes[length - 1], b'e' | b'E');
        match byte {
            b'0'..=b'9' | b'.' | b'e' | b'E' => length += 1,
            b'+' | b'-' if exponent => length += 1,
            _ => break,
        }
    }
    length
}

fn string(bytes: &[u8]) -> usize {
    let (quote, mut at): (&[u8], _) = if bytes.starts_with(b"\"\"\"") { (b"\"\"\"", 3) } else { (b"\"", 1) };
    let block = quote.len() == 3;
    while at < bytes.len() {
        if bytes[at..].starts_with(quote) {
            return at + quote.len();
        }
        at += match bytes[at] {
            b'\\' if block && bytes[at..].starts_with(b"\\\"\"\"") => 4,
            b'\\' if !block => 2,
            // An unfinished string ends here; the parser refuses it.
            b'\n' | b'\r' if !block => return at,
            _ => 1,
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> usize {
        count(text, 1000).tokens
    }

    #[test]
    fn counts_what_the_specification_calls_tokens() {
        assert_eq!(tokens(""), 0);
        assert_eq!(tokens("{ viewer { id } } # and { nothing } here"), 6);
        assert_eq!(tokens("query($id: ID!) { a(id: $id) { ...F @include(if: true) } }"), 28);
        assert_eq!(tokens(r#"{ a(x: "one { string \" }", y: """a "block" \""" } """) }"#), 11);
        assert_eq!(tokens("[1, -2.5e-3, 1-1]"), 6);
        assert_eq!(tokens("{ a(x: \"no end"), 6);
        assert_eq!(tokens("{ 日 }"), 5);
    }

    #[test]
    fn counts_directives_and_nesting() {
        assert_eq!(
            count("query @a { x @b(c: [[1]]) { y } }", 1000),
            Count { tokens: 20, directives: 2, nesting: 4 }
        );
        assert_eq!(count("}}}{{", 1000).nesting, 2);
    }

    #[test]
    fn stops_at_the_limit() {
        let text = "{a ".repeat(100_000);
        assert_eq!(count(&text, 50).tokens, 51);
    }
}
