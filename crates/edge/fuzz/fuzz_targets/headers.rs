//! Any headers on any route: a personal response leaves sealed, twice is once, and what leaves public had no objection.
#![no_main]

use std::sync::LazyLock;

use edge::policy::{CACHE_CONTROL, Leaves};
use edge::{Caching, Lifetime, RouteRule, RouteTable, Rules};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<RouteTable> = LazyLock::new(|| {
    let lifetime = Lifetime { max_age: 60, vary: vec![header::ACCEPT_LANGUAGE], ..Lifetime::default() };
    let routes = vec![
        RouteRule::personal("mypage", "/mypage/**"),
        RouteRule::public("assets", "/assets/**", Caching::Shared(lifetime)),
        RouteRule::public("origin", "/origin/**", Caching::Origin),
        RouteRule::public("none", "/none/**", Caching::NoStore),
    ];
    RouteTable::compile(Rules { routes, ..Rules::default() }).unwrap()
});

const NAMES: [&str; 24] = [
    "cache-control", "cdn-cache-control", "surrogate-control", "x-accel-expires", "vary", "expires", "etag", "last-modified",
    "age", "pragma", "no-vary-search", "set-cookie", "suimon-subject-tag", "cloudflare-cdn-cache-control", "edge-control",
    "www-authenticate", "x-cache", "cache-status", "authorization", "if-none-match", "if-range", "range", "cookie", "clear-site-data",
];

fn headers(data: &[u8]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let Some((first, value)) = line.split_first() else { continue };
        let name = match NAMES.get(usize::from(*first) % 32) {
            Some(name) => HeaderName::from_static(name),
            None => match HeaderName::from_bytes(&line[..line.len().min(8)]) {
                Ok(name) => name,
                Err(_) => continue,
            },
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            map.append(name, value);
        }
    }
    map
}

fuzz_target!(|data: &[u8]| {
    let [selector, status, rest @ ..] = data else { return };
    let path = ["/mypage/a", "/assets/a.css", "/origin/a", "/none/a"][usize::from(*selector) % 4];
    let method = [Method::GET, Method::HEAD, Method::POST][usize::from(*selector / 4) % 3].clone();
    let Ok(status) = StatusCode::from_u16(100 + u16::from(*status) * 2) else { return };
    let at = rest.len() / 3;
    let mut request = headers(&rest[..at]);
    let exchange = TABLE.judge_request(&method, path, &mut request);
    let mut once = headers(&rest[at..]);
    let before = once.clone();
    let verdict = exchange.judge_response(status, &mut once);
    let mut twice = once.clone();
    let again = exchange.judge_response(status, &mut twice);
    assert_eq!(once, twice);
    match verdict.leaves {
        Leaves::Personal => {
            assert_eq!(once.get_all(header::CACHE_CONTROL).iter().collect::<Vec<_>>(), [CACHE_CONTROL]);
            let vary = once[header::VARY].to_str().unwrap().to_ascii_lowercase();
            assert!(vary.starts_with("cookie, authorization"));
            for gone in ["expires", "etag", "last-modified", "age", "pragma", "no-vary-search", "cloudflare-cdn-cache-control"] {
                assert!(!once.contains_key(gone));
            }
            assert_eq!(before.get_all(header::SET_COOKIE).iter().count(), once.get_all(header::SET_COOKIE).iter().count());
            assert_eq!(again.leaves, Leaves::Personal);
        }
        Leaves::Public | Leaves::Untouched => {
            assert!(path == "/assets/a.css" || path == "/origin/a");
            assert!(!once.contains_key(header::SET_COOKIE) && !request.contains_key(header::AUTHORIZATION));
            for value in once.get_all(header::CACHE_CONTROL) {
                let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
                assert!(!text.split(',').any(|part| part.trim() == "private" || part.trim() == "no-store") || text.contains('"'));
            }
        }
    }
});
