//! Patterns for the routes that carry personal data.

use std::fmt;

/// A class of paths: `/mypage` is that path alone, `*` stands for one segment, `**` as the last segment for
/// everything below, the folder itself included (`/admin/**` takes `/admin`, `/admin/` and `/admin/a/b`).
///
/// The folder is included because the list must be an upper bound: forgetting `/admin` beside `/admin/**`
/// would drop people without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exactly(Vec<u8>),
    Any,
    Below,
}

/// A pattern that cannot be used, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("route pattern `{pattern}`: {remedy}")]
pub struct InvalidPattern {
    /// The pattern as it was given.
    pub pattern: String,
    /// What to change.
    pub remedy: &'static str,
}

impl RoutePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`] when it does not start with `/`, has `**` before its end, mixes `*` with other
    /// characters in one segment, or holds a query.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |remedy| InvalidPattern { pattern: text.to_owned(), remedy };
        let Some(rest) = text.strip_prefix('/') else { return Err(invalid("start it with `/`")) };
        if text.contains(['?', '#']) {
            return Err(invalid("leave the query and the fragment out; only the path is compared"));
        }
        let parts: Vec<&str> = rest.split('/').collect();
        let mut segments = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            segments.push(match *part {
                "**" if index + 1 == parts.len() => Segment::Below,
                "**" => return Err(invalid("`**` may only be the last segment")),
                "*" => Segment::Any,
                other if other.contains('*') => {
                    return Err(invalid("`*` stands for a whole segment; write `/a/*/b`"));
                }
                other => Segment::Exactly(other.as_bytes().to_vec()),
            });
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether some path is taken by both.
    fn shares_a_path_with(&self, other: &Self) -> bool {
        let mut theirs = other.segments.iter();
        for own in &self.segments {
            match (own, theirs.next()) {
                // The folder itself is taken, too.
                (Segment::Below, _) | (_, Some(Segment::Below)) => return true,
                (Segment::Exactly(one), Some(Segment::Exactly(other))) if one == other => {}
                (Segment::Exactly(exact), Some(Segment::Any))
                | (Segment::Any, Some(Segment::Exactly(exact)))
                    if !exact.is_empty() => {}
                (Segment::Any, Some(Segment::Any)) => {}
                _ => return false,
            }
        }
        matches!(theirs.next(), None | Some(Segment::Below))
    }

    /// Does the pattern take this path? The path is percent-decoded and without its query.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        let Some(path) = path.strip_prefix(b"/") else { return false };
        let mut parts = path.split(|byte| *byte == b'/');
        for (index, segment) in self.segments.iter().enumerate() {
            // `split` yields one empty part for an empty path, so the root is the pattern `/`.
            let part = parts.next();
            match (segment, part) {
                (Segment::Below, Some(_)) => return true,
                // Only `/admin` against `/admin/**`: all earlier segments matched and nothing is left.
                (Segment::Below, None) => return index > 0,
                (Segment::Any, Some(part)) if !part.is_empty() => {}
                (Segment::Exactly(wanted), Some(part)) if wanted == part => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// One of the routes, nobody knows which.
pub(crate) const ANY: u16 = u16::MAX;

/// The compiled patterns of a query, with room to decode a path without allocating for each line.
#[derive(Debug, Clone)]
pub(crate) struct Routes {
    patterns: Vec<RoutePattern>,
    /// First bytes of the patterns' first segments: most paths of a log are refused by this alone.
    openings: [bool; 256],
    decoded: Vec<u8>,
}

impl Routes {
    pub(crate) fn new(patterns: Vec<RoutePattern>) -> Self {
        let mut openings = [false; 256];
        for pattern in &patterns {
            match pattern.segments.first() {
                Some(Segment::Exactly(bytes)) if !bytes.is_empty() => openings[usize::from(bytes[0])] = true,
                _ => openings = [true; 256],
            }
        }
        // An escape may hide any character, a second slash is normalised away by many servers.
        openings[usize::from(b'%')] = true;
        openings[usize::from(b'/')] = true;
        Self { patterns, openings, decoded: Vec::new() }
    }

    pub(crate) fn name(&self, index: u16) -> &str {
        if index == ANY {
            return "/**";
        }
        self.patterns.get(usize::from(index)).map_or("", RoutePattern::as_str)
    }

    /// The route of a log that has no paths but names of routes, by the pattern of that name: `None` if it is none of those asked for. A name
    /// whose pattern nobody knows may be any of them.
    pub(crate) fn named(&self, pattern: Option<&str>) -> Option<u16> {
        let own = pattern.and_then(|pattern| RoutePattern::parse(pattern).ok());
        // One that is written otherwise may take some of the same paths.
        let shares = |known: &RoutePattern| own.as_ref().is_none_or(|own| own.shares_a_path_with(known));
        let mut shared = (0_u16..).zip(&self.patterns).filter(|(_, known)| shares(known));
        let (index, _) = shared.next()?;
        Some(if shared.next().is_some() { ANY } else { index })
    }

    /// The first pattern that takes this raw path (percent-encoded, possibly with a query).
    pub(crate) fn find(&mut self, raw: &[u8]) -> Option<u16> {
        match raw.get(1) {
            Some(byte) if !self.openings[usize::from(*byte)] => return None,
            _ => {}
        }
        let raw = raw.split(|byte| *byte == b'?').next().unwrap_or_default();
        let path = if memchr::memchr(b'%', raw).is_some() || raw.windows(2).any(|pair| pair == b"//") {
            self.decoded.clear();
            crate::text::percent_decode_fully(raw, &mut self.decoded);
            self.decoded.dedup_by(|next, previous| *next == b'/' && *previous == b'/');
            &self.decoded
        } else {
            raw
        };
        let found = self.patterns.iter().position(|pattern| pattern.matches(path))?;
        u16::try_from(found).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        RoutePattern::parse(pattern).unwrap().matches(path.as_bytes())
    }

    #[test]
    fn exact_one_segment_and_below() {
        assert!(matches("/mypage", "/mypage"));
        assert!(!matches("/mypage", "/mypage/"));
        assert!(!matches("/mypage", "/mypages"));
        assert!(matches("/mypage/*", "/mypage/application"));
        assert!(!matches("/mypage/*", "/mypage/application/1"));
        assert!(!matches("/mypage/*", "/mypage/"));
        assert!(matches("/*/mypage", "/school-1/mypage"));
        for path in ["/admin", "/admin/", "/admin/a", "/admin/a/b"] {
            assert!(matches("/admin/**", path), "{path}");
        }
        assert!(!matches("/admin/**", "/administrator"));
        assert!(matches("/**", "/"));
        assert!(matches("/", "/"));
        assert!(!matches("/", "/a"));
    }

    #[test]
    fn refuses_patterns_that_would_not_do_what_they_say() {
        for pattern in ["mypage", "/a/**/b", "/my*", "/a?x=1"] {
            assert!(RoutePattern::parse(pattern).is_err(), "{pattern}");
        }
        assert_eq!(
            RoutePattern::parse("/my*").unwrap_err().to_string(),
            "route pattern `/my*`: `*` stands for a whole segment; write `/a/*/b`"
        );
    }

    #[test]
    fn finds_through_escapes_doubled_slashes_and_queries() {
        let mut routes = Routes::new(vec![
            RoutePattern::parse("/mypage").unwrap(),
            RoutePattern::parse("/admin/**").unwrap(),
        ]);
        assert_eq!(routes.find(b"/mypage?tab=1"), Some(0));
        assert_eq!(routes.find(b"/%6Dypage"), Some(0));
        assert_eq!(routes.find(b"//admin//x"), Some(1));
        assert_eq!(routes.find(b"/assets/app.js"), None);
        assert_eq!(routes.find(b""), None);
    }
}
