//! JSON Lines of a cache, by the names of a mapping.

use std::fmt;
use std::io::Write;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cloudfront::canonical;
use super::edge_line::EdgeLine;
use super::found::{Found, Slot, When};
use super::mapping::{Known, Mapping};
use crate::input::BadReason;

/// Objects within objects that are looked into.
const DEPTH: usize = 8;

/// What is looked for under one name.
#[derive(Debug, Clone, Default)]
struct Node {
    name: String,
    /// With the place in the mapping: the first that a line has counts.
    slots: Vec<(Slot, u16)>,
    inner: Vec<Node>,
}

impl Node {
    fn add(&mut self, path: &[&str], slot: Slot, rank: u16) {
        let Some((name, rest)) = path.split_first() else {
            self.slots.push((slot, rank));
            return;
        };
        let at = self.inner.iter().position(|node| node.name == *name).unwrap_or(self.inner.len());
        if at == self.inner.len() {
            self.inner.push(Self { name: (*name).to_owned(), ..Self::default() });
        }
        if let Some(node) = self.inner.get_mut(at) {
            node.add(rest, slot, rank);
        }
    }
}

/// Reads lines by names.
#[derive(Debug, Clone)]
pub(crate) struct Json {
    root: Node,
    when: When,
    canonical: bool,
    offset: Option<i64>,
    found: Found,
    /// The names of the last line in their order, and what they mean: the next line mostly has the same.
    last: Vec<(String, Option<usize>)>,
}

impl Json {
    /// `session`: name of the session's cookie.
    pub(super) fn new(
        given: Option<&Mapping>,
        known: &Known,
        session: Option<&str>,
        offset: Option<i64>,
    ) -> Self {
        let mut root = Node::default();
        let mut rank = 0;
        let mut add = |root: &mut Node, path: &[&str], slot| {
            rank += 1;
            root.add(path, slot, rank);
        };
        if let (Some(cookies), Some(session)) = (known.cookies, session) {
            add(&mut root, &[cookies, session], Slot::Session);
        }
        let names = given.into_iter().flat_map(Mapping::names).chain(known.names.iter().copied());
        for (slot, name) in names {
            add(&mut root, &[name], slot);
            if name.contains('.') {
                add(&mut root, &name.split('.').collect::<Vec<_>>(), slot);
            }
        }
        let Known { when, canonical, .. } = *known;
        Self { root, when, canonical, offset, found: Found::default(), last: Vec::new() }
    }

    /// Whether a name of a line means something.
    pub(super) fn wants(&self, name: &str) -> bool {
        let plain = if self.canonical { canonical(name) } else { name.to_owned() };
        self.root.inner.iter().any(|node| node.name == plain)
    }

    pub(crate) fn read(&mut self, line: &[u8]) -> Result<EdgeLine<'_>, BadReason> {
        self.found.clear();
        let mut reader = serde_json::Deserializer::from_slice(line);
        let object = Object {
            node: &self.root,
            found: &mut self.found,
            last: Some(&mut self.last),
            canonical: self.canonical,
            depth: DEPTH,
        };
        object.deserialize(&mut reader).and_then(|()| reader.end()).map_err(|_| BadReason::BadJson)?;
        self.found.edge_line(self.when, self.offset)
    }
}

/// The value of a name, or the line itself.
struct Object<'f> {
    node: &'f Node,
    found: &'f mut Found,
    /// Only of the line itself.
    last: Option<&'f mut Vec<(String, Option<usize>)>>,
    canonical: bool,
    depth: usize,
}

impl Object<'_> {
    fn set(self, write: impl Fn(&mut Vec<u8>)) {
        for (slot, rank) in &self.node.slots {
            self.found.set(*slot, *rank, &write);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.last.is_some() {
            deserializer.deserialize_map(self)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of a log")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.set(|out| out.extend_from_slice(text.as_bytes()));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        // Writing to a Vec cannot fail.
        self.set(|out| _ = write!(out, "{number}"));
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.set(|out| _ = write!(out, "{number}"));
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.set(|out| _ = write!(out, "{number}"));
        Ok(())
    }

    fn visit_bool<E: Error>(self, is: bool) -> Result<(), E> {
        self.set(|out| _ = write!(out, "{is}"));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    /// A header field that was sent twice: the first of them.
    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            while values.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        values.next_element_seed(Object { depth, last: None, ..self })?;
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { node, found, mut last, canonical, depth } = self;
        let mut number = 0;
        let depth = depth.checked_sub(1);
        while let Some(inner) =
            map.next_key_seed(Key { node, last: last.as_deref_mut(), number, canonical })?
        {
            number += 1;
            match (inner.and_then(|inner| node.inner.get(inner)), depth) {
                (Some(node), Some(depth)) => {
                    map.next_value_seed(Object { node, found: &mut *found, last: None, canonical, depth })?;
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }
}

/// A name: which of the node's it is.
struct Key<'f> {
    node: &'f Node,
    last: Option<&'f mut Vec<(String, Option<usize>)>>,
    number: usize,
    canonical: bool,
}

/// Names of a line that are remembered for the next one.
const REMEMBERED: usize = 256;

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        if let Some((known, inner)) = self.last.as_ref().and_then(|last| last.get(self.number))
            && known == name
        {
            return Ok(*inner);
        }
        let at = |name: &str| self.node.inner.iter().position(|node| node.name == name);
        let inner = if self.canonical { at(&canonical(name)) } else { at(name) };
        if let Some(last) = self.last
            && self.number < REMEMBERED
        {
            last.truncate(self.number);
            if last.len() == self.number {
                last.push((name.to_owned(), inner));
            }
        }
        Ok(inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mapping::{CLOUDFLARE, CLOUDFRONT, FASTLY, USUAL};
    use super::*;

    fn told(json: &mut Json, line: &str) -> String {
        match json.read(line.as_bytes()) {
            Err(reason) => reason.to_string(),
            Ok(line) => line.told(),
        }
    }

    #[test]
    fn cloudfront_version_2_with_names_of_any_kind() {
        let mut json = Json::new(None, &CLOUDFRONT, Some("session"), None);
        let line = r#"{"date":"2023-10-26","time":"02:03:04","x-edge-location":"NRT57-C4","c-ip":"192.0.2.1","cs-method":"GET","cs(Host)":"d1.cloudfront.net","cs-uri-stem":"/mypage","sc-status":"200","cs(User-Agent)":"B","cs-uri-query":"x=1","cs(Cookie)":"session=s1","x-edge-result-type":"Miss","x-edge-request-id":"Zj==","x-host-header":"www.example.jp","time-taken":"0.250","x-edge-detailed-result-type":"OriginShieldHit","sc-content-len":"5120","new-field":"?"}"#;
        let expected = "2023-10-26T02:03:03.75Z+1249 GET www.example.jp /mypage ?x=1 200 cookie=session=s1 session= id=Zj== at=NRT57-C4 Some(5120) Asked";
        assert_eq!(told(&mut json, line), expected);
        let numbers = line.replace("\"200\"", "200").replace("\"0.250\"", "0.25").replace("\"5120\"", "5120");
        let other = numbers.replace("cs(Cookie)", "cs_cookie").replace("cs-uri-stem", "cs_uri_stem");
        assert_eq!(told(&mut json, &other), expected);
        let fine = r#"{"timestamp(ms)":"1698285784123","timestamp":1698285784,"cs-uri-stem":"/mypage","time-taken":0.25}"#;
        assert!(told(&mut json, fine).starts_with("2023-10-26T02:03:03.873Z+251 "));
        let bare = r#"{"date":"2023-10-26","time":"02:03:04","cs-uri-stem":"/mypage","time-taken":"-"}"#;
        assert!(told(&mut json, bare).starts_with("2023-10-26T02:02:04Z+60999 "));
    }

    #[test]
    fn cloudflare_with_each_kind_of_timestamp() {
        let mut json = Json::new(None, &CLOUDFLARE, Some("session"), None);
        let line = r#"{"CacheCacheStatus":"hit","ClientIP":"192.0.2.1","ClientRequestHost":"www.example.jp","ClientRequestMethod":"GET","ClientRequestURI":"/mypage?x=1","ClientRequestUserAgent":"B","Cookies":{"lang":"ja","session":"s1"},"EdgeColoCode":"NRT","EdgeEndTimestamp":"END","EdgeResponseBytes":7000,"EdgeResponseStatus":200,"EdgeStartTimestamp":"START","RayID":"8a1b2c3d4e5f6789","WorkerSubrequest":false}"#;
        let rest =
            "GET www.example.jp /mypage ?x=1 200 cookie= session=s1 id=8a1b2c3d4e5f6789 at=NRT None Kept";
        let with = |start: &str, end: &str| line.replace("\"START\"", start).replace("\"END\"", end);
        let rfc = with("\"2023-10-26T02:03:04Z\"", "\"2023-10-26T02:03:05Z\"");
        assert_eq!(told(&mut json, &rfc), format!("2023-10-26T02:03:04Z+1999 {rest}"));
        let nano = with("1698285784123000000", "1698285784133000000");
        assert_eq!(told(&mut json, &nano), format!("2023-10-26T02:03:04.123Z+11 {rest}"));
        let unix = with("1698285784", "1698285785");
        assert_eq!(told(&mut json, &unix), format!("2023-10-26T02:03:04Z+1999 {rest}"));
        // Without its end a minute is taken.
        let none = with("1698285784", "null");
        assert_eq!(told(&mut json, &none), format!("2023-10-26T02:03:04Z+60999 {rest}"));
        assert_eq!(
            told(&mut json, r#"{"EdgeStartTimestamp":"x","ClientRequestURI":"/"}"#),
            BadReason::BadTime.to_string()
        );
    }

    #[test]
    fn fastly_as_its_documentation_has_it() {
        let mut json = Json::new(None, &FASTLY, None, None);
        let line = r#"{"timestamp":"2023-10-26T02:03:04+0000","client_ip":"192.0.2.1","geo_country":"japan","host":"www.example.jp","url":"/mypage?x=1","request_method":"GET","request_protocol":"HTTP/2","request_user_agent":"B","response_state":"HIT-CLUSTER","response_status":200,"response_body_size":5120,"fastly_server":"cache-nrt-rjtf7700032-NRT","fastly_is_edge":true}"#;
        assert_eq!(
            told(&mut json, line),
            "2023-10-26T02:03:04Z+60999 GET www.example.jp /mypage ?x=1 200 cookie= session= id= at=NRT None Kept"
        );
        assert!(json.read(line.replace("true", "false").as_bytes()).unwrap().between_caches);
    }

    #[test]
    fn others_by_names_that_are_given_or_usual() {
        let mapping =
            Mapping::parse(["end=when", "duration_ms=ms", "id=ids.edge", "session=who.sid", "url=u"])
                .unwrap();
        let mut json = Json::new(Some(&mapping), &USUAL, Some("session"), None);
        let line = r#"{"when":1698285784.123,"ms":20,"u":"/mypage","ids":{"edge":"r1","x":[1]},"who":{"sid":["s1","s2"]},"status":200,"cache":"TCP_MEM_HIT","deep":[[{"a":1}]]}"#;
        assert_eq!(
            told(&mut json, line),
            "2023-10-26T02:03:04.103Z+21   /mypage ? 200 cookie= session=s1 id=r1 at= None Kept"
        );
        // A name with a dot that is no object.
        let flat = r#"{"when":1698285784.123,"ms":20,"u":"/mypage","ids.edge":"r1","who.sid":"s1","status":200,"cache":"HIT"}"#;
        assert_eq!(
            told(&mut json, flat),
            "2023-10-26T02:03:04.103Z+21   /mypage ? 200 cookie= session=s1 id=r1 at= None Kept"
        );
        let mut json = Json::new(None, &USUAL, Some("session"), None);
        let nginx = r#"{"time_iso8601":"2023-10-26T11:03:04+09:00","request_time":"0.010","request":"GET /mypage?x=1 HTTP/1.1","status":"200","http_cookie":"session=s1","upstream_cache_status":"HIT","request_id":"8f0c"}"#;
        // Nobody knows whether that is when it began or ended.
        assert_eq!(
            told(&mut json, nginx),
            "2023-10-26T02:03:03.99Z+1019 GET  /mypage ?x=1 200 cookie=session=s1 session= id=8f0c at= None Kept"
        );
        let caddy = r#"{"ts":1698285784.123,"request":{"method":"GET","host":"a.example","uri":"/mypage","headers":{"Cookie":["session=s1"]}},"duration":0.01,"status":200}"#;
        assert_eq!(
            told(&mut json, caddy),
            "2023-10-26T02:03:04.113Z+21 GET a.example /mypage ? 200 cookie=session=s1 session= id= at= None Nothing"
        );
    }

    #[test]
    fn the_order_of_names_may_change_from_line_to_line() {
        let mut json = Json::new(None, &USUAL, None, None);
        for line in [
            r#"{"time":1698285784,"url":"/a","status":200}"#,
            r#"{"status":200,"url":"/a","time":1698285784}"#,
            r#"{"x":1,"status":200,"url":"/a","time":1698285784,"y":2}"#,
            r#"{"time":1698285784,"url":"/a","status":200}"#,
        ] {
            assert_eq!(json.read(line.as_bytes()).unwrap().status, 200);
        }
        for line in ["{", "[]", "1", "\"x\"", r#"{"time":1698285784}}"#] {
            assert_eq!(json.read(line.as_bytes()).unwrap_err(), BadReason::BadJson, "{line}");
        }
        assert_eq!(json.read(b"{}").unwrap_err(), BadReason::BadTime);
        assert_eq!(json.read(br#"{"time":1698285784}"#).unwrap_err(), BadReason::TooFewFields);
    }
}
