//! Which format a line is of, from the line itself.

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::cloudfront::{Columns, canonical};
use super::format::Format;
use super::{Forms, alb, haproxy};

/// The format, if the line shows it. What may be of two is of none.
pub(super) fn detect(line: &[u8], forms: &Forms, session: Option<&str>) -> Option<Format> {
    if let Some(template) = &forms.template
        && (template.opens_with_more(line) || forms.reader(Format::Template, session)?.reads(line))
    {
        return Some(Format::Template);
    }
    match line.first()? {
        b'{' => return json(line, forms, session),
        b'#' => return Some(Format::CloudfrontStandard),
        _ => {}
    }
    let is = |format| forms.reader(format, session).is_some_and(|mut reader| reader.reads(line));
    if Columns::header(line).is_some() {
        return Some(Format::CloudfrontStandard);
    }
    if is_realtime(line) || (forms.fields.is_some() && is(Format::CloudfrontRealtime)) {
        return Some(Format::CloudfrontRealtime);
    }
    if alb::is_alb(line) {
        return Some(Format::Alb);
    }
    if haproxy::is_httplog(line) {
        return Some(Format::Haproxy);
    }
    if let Some(format) = native(line).filter(|format| is(*format)) {
        return Some(format);
    }
    if forms.template.is_some() {
        return Some(Format::Template);
    }
    is(Format::Combined).then_some(Format::Combined)
}

/// The real-time log as documented: by fields that nothing else has in these places.
fn is_realtime(line: &[u8]) -> bool {
    let mut fields = line.split(|byte| *byte == b'\t');
    let mut at = |skipped: usize| fields.nth(skipped).unwrap_or_default();
    let digits = |field: &[u8], count: usize| field.len() == count && field.iter().all(u8::is_ascii_digit);
    let (time, status, method, path, rest) = (at(0), at(2), at(1), at(2), at(2));
    let whole = time.split(|byte| *byte == b'.').next().unwrap_or_default();
    digits(whole, 10)
        && time.contains(&b'.')
        && digits(status, 3)
        && !method.is_empty()
        && method.iter().all(u8::is_ascii_uppercase)
        && path.first() == Some(&b'/')
        && !rest.is_empty()
        && line.iter().filter(|byte| **byte == b'\t').count() >= 18
}

/// Squid and Traffic Server write the same fields, of which one says when the answer ended and the other when the request began. Which it is
/// only the words of where it was asked for tell.
fn native(line: &[u8]) -> Option<Format> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (time, taken, result) = (words.next()?, words.next()?, words.nth(1)?);
    let is_number = |word: &[u8]| word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if !is_number(time) || !is_number(taken) || !result.contains(&b'/') {
        return None;
    }
    let mut hierarchy = words.nth(4)?.split(|byte| *byte == b'/');
    match hierarchy.next()? {
        b"DIRECT" | b"NONE" | b"EMPTY" => Some(Format::Trafficserver),
        b"PARENT_HIT" => None,
        word if word.starts_with(b"HIER_") || word.ends_with(b"_PARENT") || word.ends_with(b"_HIT") => {
            Some(Format::Squid)
        }
        b"PINNED" | b"ORIGINAL_DST" | b"ROUNDROBIN_PARENT" => Some(Format::Squid),
        _ => None,
    }
}

/// Which names an object has.
#[derive(Default)]
struct Names {
    cloudfront: bool,
    cloudflare: bool,
    fastly: bool,
    time: bool,
    run: bool,
    event: bool,
    /// One of the names that only the origin's log has.
    person: bool,
}

fn json(line: &[u8], forms: &Forms, session: Option<&str>) -> Option<Format> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    let names = reader.deserialize_map(NamesVisitor).ok()?;
    reader.end().ok()?;
    let is = |format| forms.reader(format, session).is_some_and(|mut reader| reader.reads(line));
    match () {
        () if names.event && names.run => Some(Format::Guard),
        () if names.cloudfront => Some(Format::CloudfrontJson),
        () if names.cloudflare => Some(Format::Cloudflare),
        () if names.time && (names.event || names.person) => Some(Format::OriginJsonLines),
        () if forms.json.is_some() && is(Format::Json) => Some(Format::Json),
        () if names.fastly => Some(Format::Fastly),
        () if is(Format::Json) => Some(Format::Json),
        () if names.time => Some(Format::OriginJsonLines),
        () => None,
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut names = Names::default();
        while let Some(name) = map.next_key_seed(Name)? {
            match &*name {
                "RayID" | "EdgeStartTimestamp" | "ClientRequestURI" | "CacheCacheStatus" => {
                    names.cloudflare = true
                }
                "fastly_server" | "fastly_is_edge" | "fastly_info_state" => names.fastly = true,
                "time" => names.time = true,
                "run" => names.run = true,
                "event" => names.event = true,
                "person" | "tenant" | "outcome" | "edge_request_id" => names.person = true,
                other => {
                    let plain = canonical(other);
                    names.cloudfront |=
                        matches!(&*plain, "x-edge-request-id" | "x-edge-location" | "cs-uri-stem");
                }
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(names)
    }
}

/// A name that may have escapes.
struct Name;

impl<'de> serde::de::DeserializeSeed<'de> for Name {
    type Value = String;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = String;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<String, E> {
        Ok(name.to_owned())
    }
}
