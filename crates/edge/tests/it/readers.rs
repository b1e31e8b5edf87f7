//! Caches that read headers, each in its own way, written apart from the engine: RFC 9111 and what was measured of real
//! ones. `true` means: the response may be given to somebody else.

use http::{HeaderMap, Method, StatusCode};

/// A cache: whether it keeps the response of a request with these headers, and gives it to another person's request.
pub type Reader = fn(&HeaderMap, StatusCode, &HeaderMap) -> bool;

/// Those whose misreading headers can stop. Not among them: caches that ignore every header.
pub const READERS: [(&str, Reader); 14] = [
    ("RFC 9111", rfc9111),
    ("RFC 9111 with targeted fields", targeted),
    ("nginx, proxy_cache_valid 60s", nginx_valid),
    ("nginx, ignoring Cache-Control and Expires", nginx_ignore_cc),
    ("nginx, ignoring all but X-Accel-Expires", nginx_accel_only),
    ("Varnish, return (hash)", varnish_hash),
    ("Varnish, return (deliver)", varnish_deliver),
    ("Varnish, ttl 60s and return (deliver)", varnish_ttl),
    ("Fastly boilerplate", fastly),
    ("Squid, override-expire ignore-no-store", squid_ignore),
    ("ATS, ttl-in-cache", ats_ttl),
    ("httpd, CacheStorePrivate CacheStoreNoStore", httpd_store),
    ("CloudFront, MinTTL 0", cloudfront_min_0),
    ("Cloudflare, everything, respecting the origin", cloudflare),
];

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<_> =
        headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()).to_lowercase()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

fn directive(headers: &HeaderMap, field: &str, name: &str) -> Option<String> {
    text(headers, field)?.split(',').map(str::trim).find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn says(headers: &HeaderMap, name: &str) -> bool {
    directive(headers, "cache-control", name).is_some()
}

fn seconds(headers: &HeaderMap, field: &str, name: &str) -> Option<u64> {
    directive(headers, field, name).map(|value| value.parse().unwrap_or(0))
}

fn varies_by_person(headers: &HeaderMap) -> bool {
    text(headers, "vary").is_some_and(|vary| vary.split(',').any(|n| matches!(n.trim(), "*" | "cookie")))
}

fn names_cookie(headers: &HeaderMap) -> bool {
    text(headers, "vary").is_some_and(|vary| vary.split(',').any(|n| n.trim() == "cookie"))
}

fn heuristic(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// RFC 9111 sections 3, 3.5, 4.2: stored by a shared cache, and fresh for a request of another person. A response that
/// varies by cookie is never selected for another's.
pub fn rfc9111(request: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    let explicit = says(headers, "max-age") || says(headers, "s-maxage") || headers.contains_key("expires");
    let storable = !says(headers, "no-store")
        && !says(headers, "private")
        && (!request.contains_key("authorization")
            || says(headers, "must-revalidate")
            || says(headers, "public")
            || says(headers, "s-maxage"))
        && (says(headers, "public") || explicit || heuristic(status));
    let lifetime = seconds(headers, "cache-control", "s-maxage")
        .or_else(|| seconds(headers, "cache-control", "max-age"))
        .or_else(|| headers.get("expires").map(|v| u64::from(v.to_str().is_ok_and(|t| t.contains("2037")))))
        .unwrap_or(u64::from(heuristic(status))); // a guess
    // Revalidated before use, but a validator that is another's confirms another's copy.
    let reusable = lifetime > 0 || headers.contains_key("etag") || headers.contains_key("last-modified");
    storable && reusable && !varies_by_person(headers)
}

fn targeted(request: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    // RFC 9213: a targeted field goes before Cache-Control and Expires. The vendor's own goes before the common one.
    for field in ["cloudflare-cdn-cache-control", "cdn-cache-control"] {
        if let Some(value) = headers.get(field) {
            let mut own = headers.clone();
            own.remove("expires");
            own.insert("cache-control", value.clone());
            return rfc9111(request, status, &own);
        }
    }
    rfc9111(request, status, headers)
}

fn accel(headers: &HeaderMap) -> Option<bool> {
    text(headers, "x-accel-expires").map(|value| value.trim() != "0")
}

fn nginx_valid(_: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    if headers.contains_key("set-cookie") || varies_by_person(headers) {
        return false;
    }
    if let Some(kept) = accel(headers) {
        return kept;
    }
    let forbids = ["private", "no-store", "no-cache"].iter().any(|name| says(headers, name))
        || seconds(headers, "cache-control", "max-age") == Some(0)
        || headers.contains_key("expires");
    !forbids && (status == 200 || says(headers, "max-age"))
}

fn nginx_ignore_cc(_: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    !headers.contains_key("set-cookie")
        && !varies_by_person(headers)
        && accel(headers).unwrap_or(true)
        && status == 200
}

fn nginx_accel_only(_: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    accel(headers).unwrap_or(true) && status == 200
}

/// Its own reckoning of a lifetime: `no-store` and `private` are no part of it.
fn varnish_own_ttl(headers: &HeaderMap) -> bool {
    seconds(headers, "cache-control", "s-maxage")
        .or(seconds(headers, "cache-control", "max-age"))
        .is_none_or(|ttl| ttl > 0)
}

fn varnish_hash(_: &HeaderMap, _: StatusCode, headers: &HeaderMap) -> bool {
    let surrogate = text(headers, "surrogate-control");
    let builtin = headers.contains_key("set-cookie")
        || surrogate.as_ref().is_some_and(|value| value.contains("no-store"))
        || surrogate.is_none() && ["no-cache", "no-store", "private"].iter().any(|name| says(headers, name))
        || text(headers, "vary").is_some_and(|vary| vary == "*");
    varnish_own_ttl(headers) && !builtin && !names_cookie(headers)
}

fn varnish_deliver(_: &HeaderMap, _: StatusCode, headers: &HeaderMap) -> bool {
    varnish_own_ttl(headers) && !names_cookie(headers)
}

fn varnish_ttl(_: &HeaderMap, _: StatusCode, headers: &HeaderMap) -> bool {
    !names_cookie(headers)
}

/// `private` and cookies only; `no-store`, `no-cache`, authorization and `Vary: *` mean nothing to it.
fn fastly(_: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    let cacheable = matches!(status.as_u16(), 200 | 203 | 300 | 301 | 302 | 404 | 410);
    let ttl = seconds(headers, "surrogate-control", "max-age")
        .or(seconds(headers, "cache-control", "s-maxage"))
        .or(seconds(headers, "cache-control", "max-age"))
        .unwrap_or(3_600);
    cacheable
        && !says(headers, "private")
        && !headers.contains_key("set-cookie")
        && ttl > 0
        && !names_cookie(headers)
}

fn squid_ignore(_: &HeaderMap, _: StatusCode, headers: &HeaderMap) -> bool {
    let surrogate = text(headers, "surrogate-control").is_some_and(|value| value.contains("no-store"));
    !varies_by_person(headers) && !surrogate && !says(headers, "no-cache") && !says(headers, "private")
}

fn ats_ttl(_: &HeaderMap, _: StatusCode, headers: &HeaderMap) -> bool {
    !says(headers, "no-cache") && !varies_by_person(headers)
}

fn httpd_store(_: &HeaderMap, _: StatusCode, headers: &HeaderMap) -> bool {
    let stops = says(headers, "no-cache")
        || seconds(headers, "cache-control", "max-age") == Some(0)
        || seconds(headers, "cache-control", "s-maxage") == Some(0)
        || headers.contains_key("pragma");
    !stops && !varies_by_person(headers)
}

/// `Vary` selects nothing there.
fn cloudfront_min_0(_: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    let stops = ["no-cache", "no-store", "private"].iter().any(|name| says(headers, name));
    let ttl = seconds(headers, "cache-control", "s-maxage").or(seconds(headers, "cache-control", "max-age"));
    // Errors wait for a minimum of their own: the edge's setting, not the origin's headers.
    !stops && ttl != Some(0) && status.as_u16() < 400
}

/// `Vary` selects nothing there; `Surrogate-Control` hides `Cache-Control`.
fn cloudflare(_: &HeaderMap, _: StatusCode, headers: &HeaderMap) -> bool {
    let field = ["cloudflare-cdn-cache-control", "cdn-cache-control", "surrogate-control", "cache-control"]
        .into_iter()
        .find(|field| headers.contains_key(*field));
    let Some(field) = field else { return !headers.contains_key("set-cookie") };
    let stops = ["no-store", "private"].iter().any(|name| directive(headers, field, name).is_some());
    !stops && !headers.contains_key("set-cookie")
}

/// A reader that never objects would prove nothing: each must keep something.
#[test]
fn every_reader_keeps_what_it_is_told_to() {
    let tempting = crate::headers(&[("cache-control", "public, max-age=600"), ("etag", "\"1\"")]);
    for (name, reader) in READERS {
        assert!(reader(&HeaderMap::new(), StatusCode::OK, &tempting), "{name}");
    }
    let method = Method::GET;
    let none = HeaderMap::new();
    let keep_silence = READERS.iter().filter(|(_, reader)| reader(&none, StatusCode::OK, &none)).count();
    assert!(keep_silence >= 12, "{method}: {keep_silence}");
}

/// Rows of the measurements, so that the models stay models of something.
#[test]
fn readers_misread_as_measured() {
    let reads = |name: &str, lines: &[(&str, &str)]| {
        let (_, reader) = READERS.iter().find(|(known, _)| *known == name).expect("a reader of this name");
        reader(&HeaderMap::new(), StatusCode::OK, &crate::headers(lines))
    };
    for (name, line, kept) in [
        ("nginx, proxy_cache_valid 60s", ("pragma", "no-cache"), true),
        ("nginx, proxy_cache_valid 60s", ("cdn-cache-control", "no-store"), true),
        ("nginx, proxy_cache_valid 60s", ("surrogate-control", "no-store"), true),
        ("nginx, proxy_cache_valid 60s", ("vary", "Cookie"), false),
        ("nginx, ignoring Cache-Control and Expires", ("cache-control", "no-store"), true),
        ("nginx, ignoring all but X-Accel-Expires", ("vary", "Cookie"), true),
        ("nginx, ignoring all but X-Accel-Expires", ("x-accel-expires", "0"), false),
        ("Varnish, return (hash)", ("expires", "0"), true),
        ("Varnish, return (hash)", ("x-accel-expires", "0"), true),
        ("Varnish, return (deliver)", ("cache-control", "no-store"), true),
        ("Varnish, return (deliver)", ("cache-control", "private"), true),
        ("Varnish, return (deliver)", ("vary", "*"), true),
        ("Varnish, ttl 60s and return (deliver)", ("vary", "Cookie"), false),
        ("Fastly boilerplate", ("cache-control", "max-age=10000, no-store"), true),
        ("Fastly boilerplate", ("vary", "*"), true),
        ("Fastly boilerplate", ("cache-control", "private"), false),
        ("Squid, override-expire ignore-no-store", ("cache-control", "no-store"), true),
        ("ATS, ttl-in-cache", ("cache-control", "private, no-store"), true),
        ("ATS, ttl-in-cache", ("cache-control", "no-cache"), false),
        ("CloudFront, MinTTL 0", ("vary", "Cookie"), true),
    ] {
        assert_eq!(reads(name, &[line]), kept, "{name}: {line:?}");
    }
}
