//! The tenant in a path. Where servers read different ones, all of them count.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::session::{MAX_ROUNDS, decoded};

/// Longest pattern, in bytes.
pub const MAX_PATTERN: usize = 1_024;
const TENANT: &str = "{tenant}";

/// Why a pattern is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("begin with / and write at most 1024 bytes of printable text")]
    Form,
    #[error("write {{tenant}} as one whole segment, once")]
    Tenant,
    #[error("an empty segment, and ** anywhere but at the end, cover nothing")]
    Segment,
}

/// A pattern of paths with a tenant in them.
#[derive(Clone, Debug)]
pub struct Pattern {
    segments: Vec<Segment>,
    /// Any number of segments may follow.
    open: bool,
}

#[derive(Clone, Debug)]
enum Segment {
    /// As [`folded`].
    Literal(String),
    Any,
    Tenant,
}

impl Pattern {
    /// Reads a pattern such as `/t/{tenant}/**`.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let body = text.strip_prefix('/').ok_or(PatternError::Form)?;
        let strange = |c: char| c.is_control() || matches!(c, '%' | '\\' | '?' | '#' | ';' | ' ');
        if text.len() > MAX_PATTERN || text.contains(strange) {
            return Err(PatternError::Form);
        }
        let open = body == "**" || body.ends_with("/**");
        let body = if open { body.strip_suffix("**").unwrap_or(body).trim_end_matches('/') } else { body };
        let segments = body.split('/').map(|segment| match segment {
            "*" => Ok(Segment::Any),
            TENANT => Ok(Segment::Tenant),
            "" | "." | ".." | "**" => Err(PatternError::Segment),
            segment if segment.contains(['{', '}', '*']) => Err(PatternError::Tenant),
            segment => Ok(Segment::Literal(folded(segment))),
        });
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        if segments.iter().filter(|segment| matches!(segment, Segment::Tenant)).count() != 1 {
            return Err(PatternError::Tenant);
        }
        Ok(Self { segments, open })
    }

    /// Adds the tenants that a path has for one reader or another.
    fn read(&self, path: &[Readings<'_>], tenants: &mut BTreeSet<String>) {
        if path.len() < self.segments.len() || path.len() > self.segments.len() && !self.open {
            return;
        }
        let covers = self.segments.iter().zip(path).all(|(segment, readings)| match segment {
            Segment::Any | Segment::Tenant => true,
            Segment::Literal(literal) => readings.0.iter().any(|reading| folded(reading) == *literal),
        });
        if !covers {
            return;
        }
        for (segment, readings) in self.segments.iter().zip(path) {
            if matches!(segment, Segment::Tenant) {
                tenants.extend(readings.0.iter().map(|reading| (*reading).to_owned()));
            }
        }
    }
}

/// What a segment is for one server or another: with a parameter after `;` or without, with dots and spaces at its end or without.
/// And whether it is nothing for one of them.
struct Readings<'a>(BTreeSet<&'a str>, bool);

impl<'a> Readings<'a> {
    fn of(segment: &'a str) -> Self {
        let cut = segment.split(';').next().unwrap_or(segment);
        let mut readings = BTreeSet::from([segment, cut]);
        for reading in [segment, cut] {
            readings.insert(reading.trim_end_matches(['.', ' ']));
        }
        let nothing = readings.remove("");
        Self(readings, nothing)
    }
}

/// What a path says of tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// These, mostly one or none.
    Tenants(BTreeSet<String>),
    /// Servers may read any tenant here.
    Anything,
}

/// Reads a path as it came, without query.
pub fn read(patterns: &[Pattern], path: &str) -> Said {
    let mut tenants = BTreeSet::new();
    if patterns.is_empty() {
        return Said::Tenants(tenants);
    }
    if path.len() > edge::MAX_PATH {
        return Said::Anything;
    }
    let mut text = Cow::Borrowed(path);
    for round in 0..=MAX_ROUNDS {
        let next = if text.contains('%') {
            let Ok(next) = String::from_utf8(decoded(text.as_bytes()).to_vec()) else {
                return Said::Anything;
            };
            Some(next)
        } else {
            None
        };
        // What a first decoding would change is no reading: every server decodes once.
        if round > 0 || next.as_ref().is_none_or(|next| *next == *text) {
            if is_strange(&text) {
                return Said::Anything;
            }
            add(patterns, &text, &mut tenants);
            // Some servers look for the query only after decoding.
            if let Some(end) = text.find(['?', '#']) {
                add(patterns, text.get(..end).unwrap_or_default(), &mut tenants);
            }
        }
        match next {
            Some(next) if next != *text => text = Cow::Owned(next),
            _ => return Said::Tenants(tenants),
        }
    }
    Said::Anything
}

fn add(patterns: &[Pattern], text: &str, tenants: &mut BTreeSet<String>) {
    // An empty segment is one for some servers and none for most; a tenant's name it is for nobody.
    let segments = || text.split('/').filter(|segment| !segment.is_empty()).map(Readings::of);
    let path: Vec<Readings<'_>> = segments().filter(|readings| !readings.0.is_empty()).collect();
    // What is nothing but a parameter, or dots, is an empty segment for whoever takes those away.
    let without: Vec<Readings<'_>> = segments().filter(|readings| !readings.1).collect();
    for pattern in patterns {
        pattern.read(&path, tenants);
        if without.len() < path.len() {
            pattern.read(&without, tenants);
        }
    }
}

/// Whether servers may go elsewhere from here: up, past a backslash or an end that only they see, or through a character whose
/// compatibility form is syntax (`／`, `‥`).
fn is_strange(text: &str) -> bool {
    let up =
        |text: &str| text.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | "..")));
    let syntax = |c: &char| matches!(c, '/' | '\\' | ';' | '%' | '?' | '#');
    let lookalike = || {
        let plain: String = text.nfkc().collect();
        plain.chars().filter(syntax).count() != text.chars().filter(syntax).count() || up(&plain)
    };
    text.contains(|c: char| c == '\\' || c.is_control()) || up(text) || !text.is_ascii() && lookalike()
}

/// One form of what careless servers take for the same literal: case and width do not count.
fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
#[path = "tenant_tests.rs"]
mod tests;
