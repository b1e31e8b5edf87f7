//! What an operator declares about routes. Plain data with public fields, so that manifests of any shape become it.

use http::{HeaderName, Method};

/// Most routes of one table. Comparing public with personal patterns is quadratic; this bounds it to about a second.
pub const MAX_ROUTES: usize = 4_000;
/// Longest name of a route, in characters.
pub const MAX_NAME: usize = 128;
/// Longest pattern, in bytes.
pub const MAX_PATTERN: usize = 1_024;
/// Most segments of a pattern.
pub const MAX_PATTERN_SEGMENTS: usize = 32;
/// Most suffixes, methods or varying headers of one route.
pub const MAX_LIST: usize = 64;
/// Longest lifetime, in seconds: what a 31-bit cache can hold (RFC 9111 section 1.2.2).
pub const MAX_SECONDS: u32 = 2_147_483_647;

/// All that is declared about one system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Declared routes; the order does not matter.
    pub routes: Vec<RouteRule>,
    /// How strictly a path is treated that no route covers. Such a path is personal.
    pub undeclared: Mode,
}

/// One declared class of URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRule {
    /// Name by which findings refer to it.
    pub name: String,
    /// `*` stands for one segment that is not empty, a final `**` for any number of segments, also none.
    pub pattern: String,
    /// Whether responses contain data about the person who asks.
    pub class: Class,
    /// Methods it answers; empty means all. `GET` includes `HEAD`.
    pub methods: Vec<Method>,
    /// File suffixes (without dot, any case) that its paths may end in. On a personal route any other suffix is a 404;
    /// on a public route, if there are any here, a path with another suffix is personal.
    pub suffixes: Vec<String>,
    /// How strictly it is kept.
    pub mode: Mode,
}

impl RouteRule {
    /// A personal route of any method, without suffixes, enforced.
    pub fn personal(name: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            pattern: pattern.into(),
            class: Class::Personal,
            methods: Vec::new(),
            suffixes: Vec::new(),
            mode: Mode::Enforce,
        }
    }

    /// A public route of `GET` and `HEAD`, enforced.
    pub fn public(name: impl Into<String>, pattern: impl Into<String>, caching: Caching) -> Self {
        Self {
            name: name.into(),
            pattern: pattern.into(),
            class: Class::Public(caching),
            methods: vec![Method::GET],
            suffixes: Vec::new(),
            mode: Mode::Enforce,
        }
    }
}

/// Whether responses of a route are about the person who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// They are: no shared cache keeps one.
    Personal,
    /// They are the same for everybody.
    Public(Caching),
}

/// What a public route declares about caching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caching {
    /// Nothing: the origin's own headers stay, unless they prove that the response is personal.
    Origin,
    /// No cache keeps it; it leaves with the headers of a personal response.
    NoStore,
    /// Any cache may keep it.
    Shared(Lifetime),
}

/// Directives of a response that any cache may keep; lifetimes in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// `max-age` (RFC 9111 section 5.2.2.1).
    pub max_age: u32,
    /// `s-maxage`, for shared caches (RFC 9111 section 5.2.2.10).
    pub s_maxage: Option<u32>,
    /// `stale-while-revalidate` (RFC 5861 section 3).
    pub stale_while_revalidate: Option<u32>,
    /// `stale-if-error` (RFC 5861 section 4).
    pub stale_if_error: Option<u32>,
    /// `must-revalidate` (RFC 9111 section 5.2.2.2).
    pub must_revalidate: bool,
    /// `immutable` (RFC 8246).
    pub immutable: bool,
    /// Request headers that select among representations. `Cookie` and `Authorization` are refused: a response that
    /// varies by person is personal.
    pub vary: Vec<HeaderName>,
}

/// How strictly a rule is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub enum Mode {
    /// Nothing is changed; findings are for measuring.
    Observe,
    /// Nothing is changed; findings are reported.
    Audit,
    /// The response leaves corrected.
    #[default]
    Enforce,
}
