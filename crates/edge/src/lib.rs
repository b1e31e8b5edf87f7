//! Which responses a shared cache may keep, and what to do so that it keeps no other.
//!
//! Declared routes become a [`RouteTable`]; it says of a request whether its response is about the person who asks, and
//! corrects the response's headers. Whatever is in doubt is personal: a path that no route covers, one that two servers
//! read differently, a public response that sets a cookie. Pure: no clock, no files, no network, no randomness.
//!
//! Headers are one layer. 13 of 53 measured configurations of caches keep a page whatever its headers say; against those
//! stand [`identity`] (an edge that compares two tags) and [`export`] (the rules in the edge's own words).
//!
//! ```
//! use edge::policy::{CACHE_CONTROL, Kind, Leaves};
//! use edge::{Caching, Lifetime, RouteRule, RouteTable, Rules};
//! use http::{HeaderMap, Method, StatusCode, header};
//!
//! let hour = Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() });
//! let routes = vec![RouteRule::personal("mypage", "/mypage/**"), RouteRule::public("assets", "/assets/**", hour)];
//! let table = RouteTable::compile(Rules { routes, ..Rules::default() }).map_err(|faults| format!("{faults:?}"))?;
//!
//! let mut request = HeaderMap::new();
//! let exchange = table.judge_request(&Method::GET, "/mypage/applications", &mut request);
//! assert_eq!(exchange.refusal(), None);
//! let mut response = HeaderMap::from_iter([(header::CACHE_CONTROL, "public, max-age=60".parse().unwrap())]);
//! let verdict = exchange.judge_response(StatusCode::OK, &mut response);
//! assert_eq!(verdict.leaves, Leaves::Personal);
//! assert!(verdict.findings.contains(Kind::CacheControlPermits));
//! assert_eq!(response[header::CACHE_CONTROL], CACHE_CONTROL);
//!
//! // Web cache deception: a suffix that nobody declared.
//! let deception = table.judge_request(&Method::GET, "/mypage/x.css", &mut request);
//! assert_eq!(deception.refusal(), Some(StatusCode::NOT_FOUND));
//! # Ok::<(), String>(())
//! ```

mod error;
pub mod export;
pub mod identity;
pub mod in_force;
pub mod policy;
mod route;
mod rules;

pub use error::RuleError;
pub use route::{Because, Confusion, Disposition, MAX_PATH, Resolved, Route, RouteTable, canonical};
pub use rules::{
    Caching, Class, Lifetime, MAX_LIST, MAX_NAME, MAX_PATTERN, MAX_PATTERN_SEGMENTS, MAX_ROUTES, MAX_SECONDS,
    Mode, RouteRule, Rules,
};

/// The example of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
