//! The head of a request, before anything is done with it: what two programs could read in two ways is refused.

use std::net::Ipv6Addr;

use http::header::{self, HeaderMap};
use http::uri::Authority;
use http::{Method, Request, StatusCode, Version};

use crate::settings::Limits;
use crate::via;

/// Why a request goes no further. The texts are for the client's developer and hold nothing of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the request names no host")]
    NoHost,
    #[error("the request names several hosts, or one that is none")]
    Hosts,
    #[error("the request's target is no path")]
    Target,
    #[error("the request's target is too long")]
    TargetTooLong,
    #[error("the method is not taken here")]
    Method,
    #[error("the header fields are too many or too long")]
    Fields,
    #[error("the request's body is too long")]
    BodyTooLong,
    #[error("the request's body is coded in a way that is not taken")]
    Coding,
    #[error("the request asks for a protocol that is not passed on")]
    Upgrade,
    #[error("the request came by here before: it goes round in a circle")]
    Loop,
}

impl Refusal {
    /// RFC 9110 section 15, RFC 6585, RFC 5842 section 7.2.
    pub fn status(self) -> StatusCode {
        match self {
            Refusal::NoHost | Refusal::Hosts | Refusal::Target => StatusCode::BAD_REQUEST,
            Refusal::TargetTooLong => StatusCode::URI_TOO_LONG,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::Fields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Refusal::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Loop => StatusCode::LOOP_DETECTED,
            Refusal::Upgrade | Refusal::Coding => StatusCode::NOT_IMPLEMENTED,
        }
    }
}

/// Checks a head and tells which host is asked for.
///
/// hyper has refused before: a length that is none or that is said twice in two ways, a transfer coding that does not end in
/// `chunked` or that comes over HTTP/1.0, folded header fields, spaces before a colon, bare CR. Where length and transfer coding come
/// together it drops the length and closes the connection after the answer (RFC 9112 section 6.3); what goes to the origin is
/// framed anew, so nothing can be read in two ways there.
///
/// # Errors
/// [`Refusal`].
pub fn check<B>(request: &Request<B>, limits: &Limits) -> Result<Authority, Refusal> {
    let uri = request.uri();
    // CONNECT would make of the guard a way to anywhere; TRACE gives cookies back that a script must not see.
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Refusal::Method);
    }
    if uri.path_and_query().map_or(0, |target| target.as_str().len()) > limits.target_bytes {
        return Err(Refusal::TargetTooLong);
    }
    let whole = *request.method() == Method::OPTIONS && uri.path() == "*";
    if !uri.path().starts_with('/') && !whole {
        return Err(Refusal::Target);
    }
    if size(request.headers()) > limits.head_bytes || request.headers().len() > limits.header_fields {
        return Err(Refusal::Fields);
    }
    if !only_chunked(request.headers()) {
        return Err(Refusal::Coding);
    }
    if via::came_before(request.headers()) {
        return Err(Refusal::Loop);
    }
    host(request)
}

/// Whether a message says of its transfer coding at most that it is `chunked`, once. Another one, such as `gzip`, would be taken
/// away with the field and stay in the body.
pub fn only_chunked(fields: &HeaderMap) -> bool {
    let mut said = fields.get_all(header::TRANSFER_ENCODING).iter();
    match (said.next(), said.next()) {
        (None, _) => true,
        (Some(one), None) => one.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// Bytes of the header fields as HTTP/1.1 writes them.
pub fn size(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// One host, said once (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
fn host<B>(request: &Request<B>) -> Result<Authority, Refusal> {
    let mut said = request.headers().get_all(header::HOST).iter();
    let (first, second) = (said.next(), said.next());
    if second.is_some() {
        return Err(Refusal::Hosts);
    }
    let field = match first {
        Some(value) => {
            let text = value.to_str().map_err(|_| Refusal::Hosts)?;
            Some(text.parse::<Authority>().map_err(|_| Refusal::Hosts)?)
        }
        None => None,
    };
    let target = request.uri().authority().cloned();
    let host = match (field, target) {
        (Some(field), Some(target)) if field != target => return Err(Refusal::Hosts),
        // RFC 9112: a request of HTTP/1.1 has the field whatever its target says.
        (None, Some(_)) if request.version() < Version::HTTP_2 => return Err(Refusal::NoHost),
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(Refusal::NoHost),
    };
    if is_plain(&host) { Ok(host) } else { Err(Refusal::Hosts) }
}

/// A name, or an address, and perhaps a port. RFC 3986 allows more, such as a name before an `@`, where phishing puts it, and commas,
/// which end the entry where hosts are listed; no host on the internet has any of it.
fn is_plain(host: &Authority) -> bool {
    let name = host.host();
    let named = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !name.is_empty() && name.bytes().all(plain)
        }
    };
    let after = host.as_str().strip_prefix(name);
    let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    named && after.is_some_and(|after| after.is_empty() || after.strip_prefix(':').is_some_and(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in ["school.example", "SCHOOL.example:8443", "192.0.2.1", "[2001:db8::1]:80", "a_b.example"]
        {
            assert!(is_plain(&host.parse().unwrap()), "{host}");
        }
        for host in [
            "a@b", "a,b", "a:", "a:99999", "a:+1", "a:b", "a;b", "[::g]", "[v1.a]", "a=b", "a'b", "(a)", "a$",
        ] {
            if let Ok(parsed) = host.parse() {
                assert!(!is_plain(&parsed), "{host}");
            }
        }
    }

    #[test]
    fn codings() {
        let of = |values: &[&'static str]| {
            let mut fields = HeaderMap::new();
            for value in values {
                fields.append(header::TRANSFER_ENCODING, http::HeaderValue::from_static(value));
            }
            only_chunked(&fields)
        };
        assert!(of(&[]) && of(&["chunked"]) && of(&["Chunked"]));
        for values in
            [&["gzip, chunked"][..], &["chunked", "chunked"], &["chunked, chunked"], &[""], &["xchunked"]]
        {
            assert!(!of(values), "{values:?}");
        }
    }
}
