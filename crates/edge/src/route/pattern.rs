//! A pattern's segments, how specific it is, and which paths two patterns share.

use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;

use super::path::{Confusion, canonical};
use crate::rules::{MAX_PATTERN, MAX_PATTERN_SEGMENTS};

/// One segment of a pattern. Ordered by how much it says, the least first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// `**`, always last: any number of segments.
    Rest,
    /// `*`: one segment that is not empty.
    Any,
    /// This very text; empty between the last slash and the end.
    Literal(Box<str>),
}

impl Segment {
    const fn weight(&self) -> u8 {
        match self {
            Self::Rest => 1,
            Self::Any => 2,
            Self::Literal(_) => 3,
        }
    }
}

/// A pattern: the segments after the first slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Box<[Segment]>);

impl Pattern {
    /// Reads a pattern, or says why it cannot be used (a sentence that follows the pattern).
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_PATTERN {
            return Err("is longer than 1,024 bytes");
        }
        if !text.starts_with('/') {
            return Err("does not begin with `/`");
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("contains a space or a control character");
        }
        if text.to_ascii_lowercase().contains("%2a") {
            return Err("contains an encoded `*`"); // decoded, it would be a wildcard
        }
        // Compared with decoded paths; whatever is not trusted in a path would be a route that is never matched.
        let decoded = canonical(text).map_err(|confusion| match confusion {
            Confusion::DotSegment | Confusion::TrailingDot => "has a segment that ends in a dot or a space",
            Confusion::Lookalike => "contains a character that some servers read as `/`, `.`, `;` or `%`",
            _ => "is not a plain path: it contains `?`, `#`, `;`, `//`, a backslash or an encoded separator",
        })?;
        let rest = decoded.strip_prefix('/').unwrap_or(&decoded);
        let texts: Vec<&str> = rest.split('/').collect();
        if texts.len() > MAX_PATTERN_SEGMENTS {
            return Err("has more than 32 segments");
        }
        let mut segments = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            segments.push(match *text {
                "*" => Segment::Any,
                "**" if at + 1 == texts.len() => Segment::Rest,
                "**" => return Err("has `**` before its last segment"),
                text if text.contains('*') => return Err("has `*` inside a segment"),
                text => Segment::Literal(text.into()),
            });
        }
        Ok(Self(segments.into()))
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether it names exactly one path.
    pub(crate) fn is_literal(&self) -> bool {
        self.0.iter().all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// The literal at this position, if there is one.
    pub(crate) fn literal_at(&self, position: usize) -> Option<&str> {
        match self.0.get(position) {
            Some(Segment::Literal(text)) => Some(text),
            _ => None,
        }
    }

    /// The name that the shortest path of this pattern ends in, if it is a literal: of `/v1.0/**` it is `v1.0`.
    pub(crate) fn last_name(&self) -> Option<&str> {
        let names = match self.trimmed() {
            [names @ .., Segment::Rest] => names,
            names => names,
        };
        names.len().checked_sub(1).and_then(|last| self.literal_at(last))
    }

    /// The same with folded literals.
    pub(crate) fn folded(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => Segment::Literal(fold(text).into()),
                    other => other.clone(),
                })
                .collect(),
        )
    }

    /// Segment by segment; the end of the pattern counts before a literal, so that `/a` is more specific than `/a/**`,
    /// which covers it too.
    pub(crate) fn specificity(&self, other: &Self) -> Ordering {
        let weights = |pattern: &Self| pattern.0.iter().map(Segment::weight).chain([4]).collect::<Vec<_>>();
        weights(self).cmp(&weights(other))
    }

    /// Whether some path could be read as one of both, allowing for what [`super::table`] doubts: a slash at the end, and
    /// anything after a delimiter in the last segment. Both patterns are folded.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.trimmed(), other.trimmed());
        loop {
            match (a.split_first(), b.split_first()) {
                (Some((Segment::Rest, _)), _) | (_, Some((Segment::Rest, _))) => return true,
                (None, None) => return true,
                // `/a/.x` may be read as `/a/`.
                (None, Some((last, rest))) | (Some((last, rest)), None) => {
                    return (rest.is_empty() || *rest == [Segment::Rest]) && last.may_be_dropped();
                }
                (Some((one, rest_a)), Some((two, rest_b))) => {
                    if !one.meets(two, rest_a.is_empty() || *rest_a == [Segment::Rest])
                        && !two.meets(one, rest_b.is_empty() || *rest_b == [Segment::Rest])
                    {
                        return false;
                    }
                    (a, b) = (rest_a, rest_b);
                }
            }
        }
    }

    /// Without an empty last segment.
    fn trimmed(&self) -> &[Segment] {
        match self.0.split_last() {
            Some((Segment::Literal(last), rest)) if last.is_empty() => rest,
            _ => &self.0,
        }
    }
}

impl Segment {
    fn meets(&self, other: &Self, may_be_last: bool) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(two)) => {
                one == two || may_be_last && (is_stem(one, two) || is_stem(two, one))
            }
            _ => true,
        }
    }

    fn may_be_dropped(&self) -> bool {
        match self {
            Self::Literal(text) => text.bytes().next().is_none_or(is_delimiter),
            Self::Any | Self::Rest => true,
        }
    }
}

/// Whether `long` is `stem` and a delimiter and more.
fn is_stem(stem: &str, long: &str) -> bool {
    long.strip_prefix(stem).is_some_and(|rest| rest.bytes().next().is_some_and(is_delimiter))
}

/// What some server might take for the end of a name: everything in ASCII but letters, digits, `-` and `_`.
pub(crate) const fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'-' && byte != b'_'
}

/// The form in which servers that are careless with case and width compare names.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower case may undo NFKC and the other way round (`İ`, `ﬃ`): once each way is a fixed point for our comparison,
    // because both sides go through the same.
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Whether compatibility forms of `text` contain a character of URL syntax that `text` itself does not have: `／`, `．`,
/// `；`, `％`, `℀`, a wide space.
pub(crate) fn changes_under_nfkc_into_syntax(text: &str) -> bool {
    !text.is_ascii()
        && text.chars().filter(|c| !c.is_ascii()).any(|c| {
            // Two that look like the thing and have no compatibility form, and the division slash of mathematics.
            matches!(c, '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29f5}' | '\u{29f8}')
                || std::iter::once(c)
                    .nfkc()
                    .any(|form| form.is_ascii() && (is_delimiter(form as u8) || form.is_ascii_control()))
        })
}
