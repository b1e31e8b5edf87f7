//! No path is public unless the path that servers agree on is: decoded once, free of syntax, and under a public pattern
//! that no personal one is nearer to. The reading here is its own, made of other pieces than the engine's.
#![no_main]

use std::sync::LazyLock;

use edge::{Caching, Lifetime, RouteRule, RouteTable, Rules};
use http::Method;
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<RouteTable> = LazyLock::new(|| {
    let shared = || Caching::Shared(Lifetime { max_age: 60, ..Lifetime::default() });
    let routes = vec![
        RouteRule::personal("mypage", "/mypage/**"),
        RouteRule::personal("mine", "/slots/mine"),
        RouteRule::personal("area", "/学校/**"),
        RouteRule::public("slots", "/slots/*", shared()),
        RouteRule::public("assets", "/assets/**", shared()),
        RouteRule::public("rest", "/**", shared()),
    ];
    RouteTable::compile(Rules { routes, ..Rules::default() }).unwrap()
});

/// What the most careless server would make of a path: decodes until nothing changes, drops dots and slashes, takes
/// backslashes for slashes, cuts at `;`, `?`, `#`, NUL and line ends, ignores case.
fn careless(path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..16 {
        let mut next = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
            match (bytes[at], hex.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))) {
                (b'%', Some(two)) => {
                    next.push(u8::from_str_radix(two, 16).unwrap());
                    at += 3;
                }
                (byte, _) => {
                    next.push(byte);
                    at += 1;
                }
            }
        }
        if next == bytes {
            break;
        }
        bytes = next;
    }
    let text = String::from_utf8_lossy(&bytes).replace('\\', "/");
    let end = text.find(['?', '#', '\0', '\n', '\r']).unwrap_or(text.len());
    let mut segments: Vec<String> = Vec::new();
    for segment in text[..end].split('/') {
        let segment = segment.split(';').next().unwrap_or_default().trim_end_matches(['.', ' ']);
        if !segment.is_empty() {
            segments.push(segment.to_lowercase());
        }
    }
    segments.join("/")
}

fuzz_target!(|data: &[u8]| {
    let path = String::from_utf8_lossy(data);
    let found = TABLE.resolve(&Method::GET, &path);
    let again = TABLE.resolve(&Method::GET, &path);
    assert_eq!(found.is_personal(), again.is_personal());
    if found.is_personal() {
        return;
    }
    assert!(path.starts_with('/') && !path.contains(['\\', ';', '?', '#', '\0']) && !path.contains("//"), "{path:?}");
    let segments = careless(&path);
    for private in ["mypage", "slots/mine", "学校"] {
        let is_under = segments == private
            || segments.strip_prefix(private).is_some_and(|rest| rest.starts_with('/') && private != "slots/mine");
        assert!(!is_under, "{path:?} is {segments:?}");
    }
    assert!(!path.split('/').any(|segment| segment == ".." || segment == "."), "{path:?}");
});
