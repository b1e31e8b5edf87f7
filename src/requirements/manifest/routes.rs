//! Which declared route covers a URL path. What nobody declared is personal.

use super::requirement::RouteClass;
use super::system::{Route, SystemSpec};

/// Answer to "which route class does this path belong to?"
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RouteMatch<'a> {
    /// The declared route; none for an undeclared path.
    pub route: Option<&'a Route>,
    /// Its class.
    pub class: RouteClass,
}

impl SystemSpec {
    /// The most specific route that covers `path` (the path of a URL, without query, as the server received it).
    ///
    /// Personal whenever there is doubt: an undeclared path, and a path that servers and caches read differently
    /// (`..`, `//`, an encoded slash, dot or percent sign, a semicolon): such spellings are how a personal page gets
    /// stored under a public name.
    pub fn route_for(&self, path: &str) -> RouteMatch<'_> {
        let undeclared = RouteMatch { route: None, class: RouteClass::Personal };
        if is_ambiguous(path) {
            return undeclared;
        }
        let best = self.routes.iter().filter(|route| covers(&route.pattern, path)).max_by(|a, b| {
            // On equal patterns the personal one wins, whatever the order in the file.
            specificity(&a.pattern).cmp(&specificity(&b.pattern)).then(a.personal.cmp(&b.personal))
        });
        match best {
            Some(route) => RouteMatch {
                route: Some(route),
                class: if route.personal || !route.knows_suffix_of(path) {
                    RouteClass::Personal
                } else {
                    RouteClass::Public
                },
            },
            None => undeclared,
        }
    }

    /// Routes of a class, in the order of the manifest.
    pub fn routes_of(&self, class: RouteClass) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| route.personal == (class == RouteClass::Personal))
    }
}

impl Route {
    /// Whether a path ends in none but a declared suffix; any fits where none is declared. A name that the pattern itself has fits.
    fn knows_suffix_of(&self, path: &str) -> bool {
        let last = |path: &str| path.strip_suffix('/').unwrap_or(path).rsplit('/').next().map(str::to_owned);
        let Some(name) = last(path) else { return true };
        let Some((_, suffix)) = name.rsplit_once('.').filter(|(_, suffix)| !suffix.is_empty()) else {
            return true;
        };
        self.suffixes.is_empty()
            || self.suffixes.iter().any(|known| known.eq_ignore_ascii_case(suffix))
            || last(&self.pattern).is_some_and(|own| own == name)
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

fn covers(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (Some("**"), _) => return true,
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(literal), Some(segment)) if literal == segment && literal != "*" => {}
            _ => return false,
        }
    }
}

/// Compares segment by segment: the end of the path before a word before `*` before `**`, so that `/a` is more
/// specific than `/a/**`, which covers it too.
fn specificity(pattern: &str) -> Vec<u8> {
    let segments = pattern.split('/').map(|segment| match segment {
        "**" => 1,
        "*" => 2,
        _ => 3,
    });
    segments.chain([4]).collect()
}
