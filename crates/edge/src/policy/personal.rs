//! The headers of a personal response. Each line stands for caches that obey nothing else (measured on 53 configurations).

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::directives::{each, has, is_lifetime};
use super::finding::{Findings, Kind};
use super::vary;

/// `private` for Fastly, `no-cache` for ATS with a lifetime of its own, `no-store` for Squid, `max-age=0` for Varnish that
/// skips its built-in rules, `stale-if-error=0` for CloudFront whose origin is down.
pub const CACHE_CONTROL: &str = "private, no-store, no-cache, max-age=0, stale-if-error=0";
/// RFC 9213; Cloudflare obeys it.
pub const CDN_CACHE_CONTROL: &str = "no-store";
/// Varnish and Squid obey it.
pub const SURROGATE_CONTROL: &str = "no-store";
/// nginx obeys it before everything else.
pub const X_ACCEL_EXPIRES: &str = "0";
/// The best single header on self-hosted caches; worth nothing on CloudFront.
pub const VARY: &str = "Cookie, Authorization";

pub(super) const H_CDN: HeaderName = HeaderName::from_static("cdn-cache-control");
pub(super) const H_SURROGATE: HeaderName = HeaderName::from_static("surrogate-control");
pub(super) const H_ACCEL: HeaderName = HeaderName::from_static("x-accel-expires");
pub(super) const H_NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");

static REMOVED: [(HeaderName, Kind); 6] = [
    (header::EXPIRES, Kind::ExpiresPresent),
    (header::ETAG, Kind::ValidatorPresent),
    (header::LAST_MODIFIED, Kind::ValidatorPresent),
    (header::AGE, Kind::AgePresent),
    (header::PRAGMA, Kind::PragmaPresent),
    (H_NO_VARY_SEARCH, Kind::NoVarySearchPresent),
];

/// Tells what is wrong with a personal response's headers; changes nothing.
pub(super) fn inspect(status: StatusCode, headers: &HeaderMap, findings: &mut Findings<'_>) {
    if status == StatusCode::NOT_MODIFIED {
        findings.add(Kind::NotModified);
    }
    cache_control(headers, findings);
    for (field, wanted, absent, permits) in [
        (H_CDN, CDN_CACHE_CONTROL, Kind::CdnCacheControlAbsent, Kind::CdnCacheControlPermits),
        (H_SURROGATE, SURROGATE_CONTROL, Kind::SurrogateControlAbsent, Kind::SurrogateControlPermits),
        (H_ACCEL, X_ACCEL_EXPIRES, Kind::AccelExpiresAbsent, Kind::AccelExpiresPermits),
    ] {
        if !headers.contains_key(&field) {
            findings.add(absent);
        } else if !is_only(headers, &field, wanted) {
            findings.add(permits);
        }
    }
    let vary = vary::read(headers);
    if !vary.cookie || !vary.authorization {
        findings.add(Kind::VaryIncomplete);
    }
    for (field, kind) in &REMOVED {
        if headers.contains_key(field) {
            findings.add(*kind);
        }
    }
    if headers.keys().any(is_vendor_or_tag_field) {
        findings.add(Kind::VendorCacheField);
    }
    if served_from_store(headers) {
        findings.add(Kind::ServedFromStore);
    }
}

/// Gives a response the headers of a personal one, whatever it had; doing it twice changes nothing. For responses that
/// the guard makes itself, too.
pub fn seal(headers: &mut HeaderMap) {
    for (field, value) in [
        (header::CACHE_CONTROL, CACHE_CONTROL),
        (H_CDN, CDN_CACHE_CONTROL),
        (H_SURROGATE, SURROGATE_CONTROL),
        (H_ACCEL, X_ACCEL_EXPIRES),
    ] {
        headers.insert(field, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, HeaderValue::from_static(VARY));
    } else if let Some(value) = vary::merged(headers, &[header::COOKIE, header::AUTHORIZATION]) {
        headers.insert(header::VARY, value);
    }
    for (field, _) in &REMOVED {
        headers.remove(field);
    }
    remove_fields(headers, is_vendor_or_tag_field);
}

/// An answer that whoever keeps the rules gives itself: plain text, as personal as a page.
pub fn own_answer<B>(status: StatusCode, text: B) -> Response<B> {
    let mut answer = Response::new(text);
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    seal(fields);
    answer
}

/// Takes out of trailers what would speak to caches or set a cookie, if somebody mixed them into the header fields
/// (RFC 9110 section 6.5.1).
pub fn seal_trailers(trailers: &mut HeaderMap) {
    for (field, _) in &REMOVED {
        trailers.remove(field);
    }
    for field in [header::CACHE_CONTROL, H_CDN, H_SURROGATE, H_ACCEL, header::VARY, header::SET_COOKIE] {
        trailers.remove(field);
    }
    remove_fields(trailers, is_vendor_or_tag_field);
}

/// Removes every field that the predicate names.
pub(super) fn remove_fields(headers: &mut HeaderMap, is_meant: impl Fn(&HeaderName) -> bool) {
    while let Some(field) = headers.keys().find(|name| is_meant(name)).cloned() {
        headers.remove(field);
    }
}

/// Fields by which one vendor's caches are told something else than all others (RFC 9213 section 2.1 and older ones).
pub(super) fn is_vendor_field(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.len() > H_CDN.as_str().len() && name.ends_with("-cdn-cache-control")
        || matches!(name, "edge-control" | "x-litespeed-cache-control")
}

/// Tags by which stored copies are grouped: of use on what may be stored only.
fn is_tag_field(name: &HeaderName) -> bool {
    matches!(name.as_str(), "cache-tag" | "edge-cache-tag" | "surrogate-key" | "xkey")
}

fn is_vendor_or_tag_field(name: &HeaderName) -> bool {
    is_vendor_field(name) || is_tag_field(name)
}

pub(super) fn is_only(headers: &HeaderMap, field: &HeaderName, wanted: &str) -> bool {
    let mut lines = headers.get_all(field).iter();
    matches!((lines.next(), lines.next()), (Some(only), None) if only == wanted)
}

fn cache_control(headers: &HeaderMap, findings: &mut Findings<'_>) {
    if is_only(headers, &header::CACHE_CONTROL, CACHE_CONTROL) {
        return;
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        findings.add(Kind::CacheControlAbsent);
        return;
    }
    let mut permits = false;
    let (mut no_store, mut private, mut revalidate) = (false, false, false);
    each(headers, &header::CACHE_CONTROL, |name, argument| match name.to_ascii_lowercase().as_slice() {
        b"public" | b"immutable" => permits = true,
        b"s-maxage" | b"max-age" | b"stale-while-revalidate" | b"stale-if-error" => {
            permits |= is_lifetime(argument)
        }
        b"must-revalidate" | b"proxy-revalidate" => revalidate = true,
        b"no-store" => no_store = true,
        // With a list of fields it forbids to store those fields, not the response.
        b"private" => private |= argument.is_none(),
        _ => {}
    });
    if permits || !no_store && !private || revalidate && !no_store {
        findings.add(Kind::CacheControlPermits);
    } else {
        findings.add(Kind::CacheControlIncomplete);
    }
}

/// Whether a cache on the way says that it answered: `Age` above nought, `Cache-Status: …; hit` (RFC 9211), `X-Cache: HIT`.
fn served_from_store(headers: &HeaderMap) -> bool {
    static X_CACHE: [HeaderName; 3] = [
        HeaderName::from_static("x-cache"),
        HeaderName::from_static("x-cache-status"),
        HeaderName::from_static("cf-cache-status"),
    ];
    let aged = headers.get_all(header::AGE).iter().any(|age| is_lifetime(Some(age.as_bytes().trim_ascii())));
    let status = HeaderName::from_static("cache-status");
    aged || headers.get_all(status).iter().any(|value| {
        value.as_bytes().split(|byte| matches!(byte, b';' | b',')).any(|part| part.trim_ascii() == b"hit")
    }) || X_CACHE.iter().any(|field| {
        headers.get_all(field).iter().any(|value| {
            let words = value.as_bytes().split(|byte| !byte.is_ascii_alphanumeric());
            words
                .into_iter()
                .any(|word| word.eq_ignore_ascii_case(b"hit") || word.eq_ignore_ascii_case(b"refreshhit"))
        })
    })
}

/// Whether one of the fields that speak to caches forbids storing.
pub(super) fn forbids(headers: &HeaderMap) -> bool {
    [header::CACHE_CONTROL, H_CDN, H_SURROGATE]
        .iter()
        .any(|field| has(headers, field, &["private", "no-store"]))
        || headers.get_all(H_ACCEL).iter().any(|value| value == X_ACCEL_EXPIRES)
}
