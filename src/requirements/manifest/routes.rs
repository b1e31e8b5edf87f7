//! Declared routes. Which of them a request's path belongs to `edge::RouteTable` says.

use super::requirement::RouteClass;
use super::system::{Route, SystemSpec};

impl SystemSpec {
    /// Routes of a class, in the order of the manifest.
    pub fn routes_of(&self, class: RouteClass) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| route.personal == (class == RouteClass::Personal))
    }
}

impl SystemSpec {
    /// Patterns of the routes on which there is something of a person to see: personal ones, but for those where people sign in and
    /// nothing of a record is shown.
    pub fn exposing_patterns(&self) -> impl Iterator<Item = &str> {
        let signs_in = |route: &Route| {
            let named = self.sessions.iter().any(|sessions| sessions.sign_in.contains(&route.name));
            named && route.shows.is_empty()
        };
        let routes = self.routes_of(RouteClass::Personal).filter(move |route| !signs_in(route));
        routes.map(|route| route.pattern.as_str())
    }
}

/// Why a pattern cannot be used; a sentence that follows the pattern.
pub(super) fn pattern_fault(pattern: &str) -> Option<&'static str> {
    let Some(rest) = pattern.strip_prefix('/') else {
        return Some("does not begin with `/`");
    };
    if pattern.contains(['?', '#']) || pattern.contains(char::is_whitespace) {
        return Some("is not a plain path: it contains a query, a fragment or a space");
    }
    if is_ambiguous(pattern) {
        return Some("contains `//`, `..`, `;`, a backslash or a percent-encoded separator");
    }
    let segments: Vec<&str> = rest.split('/').collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match *segment {
            "*" => {}
            "**" if is_last => {}
            "**" => return Some("has `**` before its last segment"),
            text if text.contains('*') => return Some("has `*` inside a segment"),
            _ => {}
        }
    }
    None
}

fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    // `%25` would be a second encoding of any of the others.
    ["//", "\\", ";", "%2f", "%5c", "%2e", "%25", "%00", "%3b"].iter().any(|part| lower.contains(part))
        || path.split('/').any(|segment| segment == ".." || segment == ".")
}
