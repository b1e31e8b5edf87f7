//! `Via` (RFC 9110 section 7.6.3): through whom a request came, so that one that goes round in a circle is noticed.

use http::Version;
use http::header::{HeaderMap, HeaderValue, VIA};

/// What the guard calls itself. A name and no address: nobody outside is told where it stands.
pub const PSEUDONYM: &str = "suimon";

/// Whether a guard passed this request on before.
pub fn came_before(fields: &HeaderMap) -> bool {
    fields.get_all(VIA).iter().any(|line| names_us(line.as_bytes()))
}

/// Adds that the request came to the guard in this version of the protocol.
pub fn say(fields: &mut HeaderMap, version: Version) {
    fields.append(
        VIA,
        HeaderValue::from_static(match version {
            Version::HTTP_09 | Version::HTTP_10 => "1.0 suimon",
            Version::HTTP_2 => "2.0 suimon",
            Version::HTTP_3 => "3.0 suimon",
            // The only one that is left; the type is open.
            _ => "1.1 suimon",
        }),
    );
}

/// Entries are `protocol received-by (comment)`.
fn names_us(line: &[u8]) -> bool {
    let line = without_comments(line);
    let mut entries = line.split(|byte| *byte == b',');
    entries.any(|entry| {
        let mut words = entry.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(PSEUDONYM.as_bytes()))
    })
}

/// Comments nest, quote with a backslash and may hold commas (RFC 9110 section 5.6.5). Whoever writes our name into one is not us.
fn without_comments(line: &[u8]) -> Vec<u8> {
    let (mut depth, mut quoted) = (0_usize, false);
    let outside = line.iter().filter_map(|byte| {
        if depth == 0 {
            depth = usize::from(*byte == b'(');
            // A comment parts what stands before it from what follows.
            return Some(if depth == 0 { *byte } else { b' ' });
        }
        match byte {
            _ if quoted => quoted = false,
            b'\\' => quoted = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        None
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_name() {
        for line in [
            "1.1 suimon",
            "HTTP/2.0\tSuimon",
            "1.0 fred, 1.1 suimon (a guard)",
            "1.1  suimon(close by), 1.1 edge.example",
            "1.1 a (b, \\) (c)), 2.0 suimon",
            ",, 1.1 suimon ,",
        ] {
            assert!(names_us(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "suimon",
            "suimon edge.example",
            "1.1 suimon.example",
            "1.1 suimon:80",
            "1.1 edge.example (1.1 suimon)",
            "1.1 edge.example (a, 1.1 suimon, b)",
            "1.1 edge.example (\\), 1.1 suimon)",
            "1.1 edge.example suimon",
            "1.1 edge.example (never closed, 1.1 suimon",
        ] {
            assert!(!names_us(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn it_is_added_to_what_is_there() {
        let mut fields = HeaderMap::new();
        assert!(!came_before(&fields));
        fields.append(VIA, HeaderValue::from_static("1.1 edge.example"));
        say(&mut fields, Version::HTTP_2);
        assert_eq!(fields.get_all(VIA).iter().collect::<Vec<_>>(), ["1.1 edge.example", "2.0 suimon"]);
        assert!(came_before(&fields));
    }
}
