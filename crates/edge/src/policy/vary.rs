//! Merging `Vary` (RFC 9110 section 12.5.5).

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::directives::split;

/// Most members of `Vary` that are carried over; longer ones become `*`.
const MAX_MEMBERS: usize = 64;

/// What a response varies by.
pub(super) struct Vary {
    /// `*`: by something outside of the request.
    pub(super) any: bool,
    pub(super) cookie: bool,
    pub(super) authorization: bool,
}

pub(super) fn read(headers: &HeaderMap) -> Vary {
    let mut vary = Vary { any: false, cookie: false, authorization: false };
    for member in members(headers) {
        vary.any |= member == b"*";
        vary.cookie |= member.eq_ignore_ascii_case(b"cookie");
        vary.authorization |= member.eq_ignore_ascii_case(b"authorization");
    }
    vary
}

fn members(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(header::VARY).iter().flat_map(|value| split(value.as_bytes()))
}

/// The value that names `first`, then whatever was named before; none if the response says exactly that already.
///
/// A `*` is kept beside the names, not instead of them: Varnish 7.1 obeys `Cookie` where it overlooks `*`.
pub(super) fn merged(headers: &HeaderMap, first: &[HeaderName]) -> Option<HeaderValue> {
    let mut names: Vec<&[u8]> = first.iter().map(|name| name.as_str().as_bytes()).collect();
    let mut any = false;
    for member in members(headers) {
        if member == b"*" {
            any = true;
        } else if names.iter().any(|known| known.eq_ignore_ascii_case(member)) {
            // named already
        } else if names.len() >= MAX_MEMBERS {
            any = true;
            break;
        } else if HeaderName::from_bytes(member).is_ok() {
            names.push(member);
        }
    }
    if any {
        names.push(b"*");
    }
    let mut text = Vec::new();
    for name in &names {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        match *name {
            b"cookie" => text.extend_from_slice(b"Cookie"),
            b"authorization" => text.extend_from_slice(b"Authorization"),
            other => text.extend_from_slice(other),
        }
    }
    let mut lines = headers.get_all(header::VARY).iter();
    let unchanged = match (lines.next(), lines.next()) {
        (Some(only), None) => only.as_bytes() == text,
        (None, _) => text.is_empty(),
        _ => false,
    };
    // Header names and `*` are valid header values.
    if unchanged { None } else { HeaderValue::from_bytes(&text).ok() }
}
