//! What a line of the access log holds. Nothing in it names a person, a path, a query or an address.

use http::header::{HeaderMap, HeaderName};
use serde::Serialize;

/// Version of the form of lines; it changes with the meaning of a field.
pub const FORM: u8 = 1;
/// Longest edge request id, in bytes. CloudFront's has 56, Cloudflare's 20, a UUID 36.
pub const MAX_EDGE_ID: usize = 128;
/// Longest value of a cache header that is written; longer ones are `?`.
pub const MAX_CACHE_VALUE: usize = 256;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    /// The log begins, or goes on in another part.
    Start(Start),
    /// An answer left.
    Response(Box<Record>),
    /// Records that could not be kept.
    Lost(Lost),
    /// The log ends, and everything is in it but what was counted as lost.
    End(End),
}

/// The first line of a part. A run without an `end` ended without being asked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    pub form: u8,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time: u64,
    pub run: String,
    /// Counts on from 1 in a run.
    pub part: u64,
    pub system: String,
    /// What `"cache":"sealed"` stands for.
    pub sealed: Vec<(&'static str, &'static str)>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    pub run: String,
    /// Counts on from 1 in a run. A number that is missing is a record that was lost.
    pub seq: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z, when the answer's head was ready.
    pub time: u64,
    /// Milliseconds from then to its last byte.
    pub took: u64,
    /// The response's id.
    pub response: String,
    /// The edge's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
    /// Of the edge's id.
    pub edge_from: EdgeFrom,
    /// Name of the declared route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    pub class: Class,
    /// Pseudonyms, `KEYID.HEX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The person whom the session belongs to, where the answer named somebody else (`subject`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewer: Option<String>,
    pub status: u16,
    /// The guard's own answer: a refusal, a redirect for the tag, no answer of the origin.
    #[serde(skip_serializing_if = "is_false")]
    pub own: bool,
    pub cache: Cache,
    /// Of the body, as far as it was given to the connection.
    pub bytes: u64,
    /// Whether that was all of it.
    pub complete: bool,
    /// The tag for the edge, or `anonymous`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Version of the caching rules.
    pub rules: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Records that could not be kept, because they came faster than they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    pub run: String,
    pub time: u64,
    pub records: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    pub run: String,
    pub time: u64,
    /// Written in this run.
    pub records: u64,
    /// Lost in this run.
    pub lost: u64,
}

/// Who said the edge's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeFrom {
    /// A proxy that is trusted.
    Trusted,
    /// Somebody else, who may have made it up.
    Anybody,
    /// Nobody.
    Absent,
    /// It was there and is none.
    Malformed,
}

/// Of the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Personal,
    /// Public, but the answer proved to be one person's.
    Proven,
}

/// The fields by which caches are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Cache {
    /// Those of a personal answer, as the line `start` writes them out, and no other.
    Sealed(Sealed),
    Fields(Vec<(&'static str, String)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sealed {
    Sealed,
}

/// Those of a personal answer.
pub const SEALED: [(&str, &str); 5] = [
    ("cache-control", edge::policy::CACHE_CONTROL),
    ("cdn-cache-control", edge::policy::CDN_CACHE_CONTROL),
    ("surrogate-control", edge::policy::SURROGATE_CONTROL),
    ("x-accel-expires", edge::policy::X_ACCEL_EXPIRES),
    ("vary", edge::policy::VARY),
];
/// And those that must not be there.
const OTHERS: [&str; 7] =
    ["expires", "pragma", "age", "no-vary-search", "etag", "last-modified", "set-cookie"];

impl Cache {
    /// As an answer leaves. Of validators and cookies it is told that they are there, not what they are.
    pub fn of(fields: &HeaderMap) -> Self {
        let sealed = SEALED.iter().all(|(name, value)| {
            let mut lines = fields.get_all(*name).iter();
            matches!((lines.next(), lines.next()), (Some(line), None) if line == value)
        });
        if sealed && !OTHERS.iter().any(|name| fields.contains_key(*name)) {
            return Self::Sealed(Sealed::Sealed);
        }
        let names = SEALED.iter().map(|(name, _)| *name).chain(OTHERS);
        let lines = names.flat_map(|name| {
            fields.get_all(name).iter().take(4).map(move |value| {
                let told = !["etag", "last-modified", "set-cookie"].contains(&name);
                (name, if told { plain(value.as_bytes()) } else { String::new() })
            })
        });
        Self::Fields(lines.collect())
    }
}

/// Directives as they are written; what looks otherwise may be anything, also something that was meant for one person.
fn plain(value: &[u8]) -> String {
    let usual = |byte: &u8| byte.is_ascii_alphanumeric() || b"-=, *:;".contains(byte);
    match std::str::from_utf8(value) {
        Ok(text) if value.len() <= MAX_CACHE_VALUE && value.iter().all(usual) => text.to_owned(),
        _ => "?".to_owned(),
    }
}

/// Where the edge says its id, unless the settings say otherwise.
pub static EDGE_IDS: [HeaderName; 3] = [
    HeaderName::from_static("x-amz-cf-id"),
    HeaderName::from_static("cf-ray"),
    HeaderName::from_static("x-request-id"),
];

/// The edge's id of a request, in the one of these fields that is there. Said twice, in one field or in two, it is none: an edge passes on
/// what a visitor says under the name of another edge's field.
pub fn edge_id(fields: &HeaderMap, names: &[HeaderName], trusted: bool) -> (Option<String>, EdgeFrom) {
    let names = if names.is_empty() { &EDGE_IDS[..] } else { names };
    let mut lines = names.iter().flat_map(|name| fields.get_all(name));
    let Some(line) = lines.next() else { return (None, EdgeFrom::Absent) };
    if lines.next().is_some() {
        return (None, EdgeFrom::Malformed);
    }
    match line.to_str() {
        Ok(text) if is_edge_id(text) => {
            (Some(text.to_owned()), if trusted { EdgeFrom::Trusted } else { EdgeFrom::Anybody })
        }
        _ => (None, EdgeFrom::Malformed),
    }
}

/// Letters and digits of base64, hexadecimal, UUIDs and what joins them: nothing that a line of a log could be broken with.
fn is_edge_id(text: &str) -> bool {
    (1..=MAX_EDGE_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=+/.:".contains(&byte))
}

/// The tag that an answer carries.
pub fn tag(fields: &HeaderMap) -> Option<String> {
    let text = fields.get(edge::identity::SUBJECT_TAG_HEADER)?.to_str().ok()?;
    let known = text == edge::identity::ANONYMOUS || edge::identity::Tag::parse(text).is_ok();
    Some(if known { text.to_owned() } else { "?".to_owned() })
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
