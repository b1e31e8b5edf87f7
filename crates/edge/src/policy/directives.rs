//! Lists of directives: `Cache-Control` (RFC 9111 section 5.2) and its relatives.

use http::{HeaderMap, HeaderName};

/// Calls `visit` with name and argument (without quotes) of every directive of every field line of this name.
pub(super) fn each(headers: &HeaderMap, field: &HeaderName, mut visit: impl FnMut(&[u8], Option<&[u8]>)) {
    for value in headers.get_all(field) {
        for item in split(value.as_bytes()) {
            let (name, argument) = match item.iter().position(|byte| *byte == b'=') {
                Some(at) => (item[..at].trim_ascii(), Some(item[at + 1..].trim_ascii())),
                None => (item, None),
            };
            visit(name, argument.map(unquoted));
        }
    }
}

/// Whether some directive of the field has this name.
pub(super) fn has(headers: &HeaderMap, field: &HeaderName, wanted: &[&str]) -> bool {
    let mut found = false;
    each(headers, field, |name, _| {
        found |= wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()));
    });
    found
}

/// Parts between commas that are not inside quotes; empty ones are left out.
pub(super) fn split(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |byte| {
            let inside = quoted;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            *byte == b',' && !inside
        })
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}

fn unquoted(argument: &[u8]) -> &[u8] {
    match argument {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    }
}

/// A number of seconds that is not nought, or something that no two caches read alike.
pub(super) fn is_lifetime(argument: Option<&[u8]>) -> bool {
    argument.is_none_or(|digits| digits.is_empty() || digits.iter().any(|digit| *digit != b'0'))
}
