//! One binary, so that the crate links once.

mod any_headers;
mod behaviours;
mod export;
mod identity;
mod node;
mod origin;
mod policy;
mod programs;
mod readers;
mod route;
mod sets;
mod spellings;
mod terraform;

use edge::{Caching, Lifetime, RouteRule, RouteTable, Rules};
use http::{HeaderMap, HeaderName, HeaderValue};

fn hour() -> Caching {
    Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() })
}

fn compile(routes: Vec<RouteRule>) -> RouteTable {
    let rules = Rules { routes, ..Rules::default() };
    RouteTable::compile(rules).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The vaccine booking and the school applications in one: what stands in their manifests.
fn founding() -> RouteTable {
    compile(vec![
        RouteRule { suffixes: vec!["pdf".to_owned()], ..RouteRule::personal("mypage", "/mypage/**") },
        RouteRule::personal("admin", "/admin/**"),
        RouteRule::personal("booking-api", "/api/bookings/**"),
        RouteRule::public("top", "/", Caching::Origin),
        RouteRule::public(
            "slots",
            "/slots/*",
            Caching::Shared(Lifetime { max_age: 5, ..Lifetime::default() }),
        ),
        RouteRule::personal("my-slots", "/slots/mine"),
        RouteRule::public("assets", "/assets/**", hour()),
    ])
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).expect("a test's header name"),
            HeaderValue::from_bytes(value.as_bytes()).expect("a test's header value"),
        );
    }
    map
}
