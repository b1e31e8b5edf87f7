//! The origin's access and login log: JSON Lines, shape in the README.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::origin_fast as fast;
use crate::input::BadReason;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OriginEvent {
    Request,
    Login,
    FailedLogin,
    /// Some other event: it still tells who holds which session.
    Other,
}

/// A line of the origin's log. Empty text where the key is missing or null.
#[derive(Debug)]
pub(crate) struct OriginLine<'a> {
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) event: OriginEvent,
    pub(crate) person: Cow<'a, str>,
    pub(crate) kind: Cow<'a, str>,
    pub(crate) tenant: Cow<'a, str>,
    pub(crate) session: Cow<'a, str>,
    pub(crate) path: Cow<'a, str>,
    pub(crate) status: u16,
    pub(crate) id: Cow<'a, str>,
    /// Of a log without paths: the name of the route, empty where it has none.
    pub(crate) route: Option<Cow<'a, str>>,
    /// Nothing of the system was in the answer.
    pub(crate) refused: bool,
    /// The person is who asked, so that the edge's session of this request is theirs.
    pub(crate) asked_by_person: bool,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, default)]
    event: Text<'a>,
    #[serde(borrow, default)]
    outcome: Text<'a>,
    #[serde(borrow, default)]
    person: Text<'a>,
    #[serde(borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    tenant: Text<'a>,
    #[serde(borrow, default)]
    session: Text<'a>,
    #[serde(borrow, default)]
    path: Text<'a>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(borrow, default)]
    edge_request_id: Text<'a>,
}

/// Text that is borrowed from the line where it has no escapes; a number or null is accepted in its place,
/// because ids are numbers in many systems.
#[derive(Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, a whole number or null")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

const MAX_ID: usize = 256;

/// Short enough, and nothing that a list could be broken with.
pub(super) fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID && !id.bytes().any(|byte| byte.is_ascii_control())
}

/// Reads a line, which is UTF-8.
pub(crate) fn read(line: &[u8]) -> Result<OriginLine<'_>, BadReason> {
    let text = std::str::from_utf8(line).map_err(|_| BadReason::InvalidUtf8)?;
    if let Some(fields) = fast::read(text)
        && let Some(at) = fields.texts[fast::TIME].and_then(fast::time)
    {
        let [event, outcome] = [fast::EVENT, fast::OUTCOME].map(|key| fields.text(key));
        let line = OriginLine {
            at,
            event: event_of(&event, &outcome),
            person: fields.text(fast::PERSON),
            kind: fields.text(fast::KIND),
            tenant: fields.text(fast::TENANT),
            session: fields.text(fast::SESSION),
            path: fields.text(fast::PATH),
            status: fields.status.unwrap_or(0),
            id: fields.text(fast::ID),
            route: None,
            refused: false,
            asked_by_person: false,
        };
        return checked(line);
    }
    // A derived reader would also take an array as the fields in order, which the documented shape is not.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(BadReason::BadJson);
    }
    let raw: Raw<'_> = serde_json::from_str(text).map_err(|_| BadReason::BadJson)?;
    let at: Timestamp = raw.time.0.parse().map_err(|_| BadReason::BadTime)?;
    checked(OriginLine {
        at: at.as_millisecond(),
        event: event_of(&raw.event.0, &raw.outcome.0),
        person: raw.person.0,
        kind: raw.kind.0,
        tenant: raw.tenant.0,
        session: raw.session.0,
        path: raw.path.0,
        status: raw.status.unwrap_or(0),
        id: raw.edge_request_id.0,
        route: None,
        refused: false,
        // Its own sessions say who holds them.
        asked_by_person: false,
    })
}

fn checked(mut line: OriginLine<'_>) -> Result<OriginLine<'_>, BadReason> {
    // Loggers write a dash where there is nothing; as an id it would be that of all these lines.
    for text in [&mut line.person, &mut line.session, &mut line.path, &mut line.id] {
        if text == "-" {
            *text = Cow::Borrowed("");
        }
    }
    let ids = [&line.person, &line.kind, &line.tenant];
    if ids.iter().any(|id| id.len() > MAX_ID || id.bytes().any(|byte| byte.is_ascii_control())) {
        return Err(BadReason::BadId);
    }
    Ok(line)
}

fn event_of(event: &str, outcome: &str) -> OriginEvent {
    match (event, outcome) {
        ("request", _) => OriginEvent::Request,
        // Only an outcome that says failure is one: an unknown word must not take a person off the list.
        ("login", "failure") => OriginEvent::FailedLogin,
        ("login", _) => OriginEvent::Login,
        _ => OriginEvent::Other,
    }
}

/// Texts of the known keys and the status, by the general reader alone.
#[cfg(test)]
pub(crate) fn raw(line: &[u8]) -> Option<(Vec<String>, Option<u16>)> {
    let raw: Raw<'_> = serde_json::from_slice(line).ok()?;
    let texts = [
        raw.time,
        raw.event,
        raw.outcome,
        raw.person,
        raw.kind,
        raw.tenant,
        raw.session,
        raw.path,
        raw.edge_request_id,
    ];
    Some((texts.into_iter().map(|text| text.0.into_owned()).collect(), raw.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_shape() {
        let line = read(
            br#"{"time":"2023-10-26T11:03:04.123+09:00","event":"request","person":"ap-00123","kind":"applicant","tenant":"school-017",
            "session":"s1","method":"GET","path":"/mypage","status":200,"bytes":5120,"edge_request_id":"x==","new":[1,{}]}"#,
        )
        .unwrap();
        assert_eq!(Timestamp::from_millisecond(line.at).unwrap().to_string(), "2023-10-26T02:03:04.123Z");
        assert_eq!((line.event, line.status), (OriginEvent::Request, 200));
        assert!(matches!(line.person, Cow::Borrowed("ap-00123")));
        assert_eq!(&*line.id, "x==");
    }

    #[test]
    fn missing_keys_nulls_and_numbers_are_fine() {
        let line =
            read(br#"{"time":"2023-10-26T02:00:00Z","event":"login","person":7,"tenant":null}"#).unwrap();
        assert_eq!((line.event, &*line.person, &*line.tenant), (OriginEvent::Login, "7", ""));
        let line = read(br#"{"time":"2023-10-26T02:00:00Z","event":"login","outcome":"failure"}"#).unwrap();
        assert_eq!(line.event, OriginEvent::FailedLogin);
        let line = read(br#"{"time":"2023-10-26T02:00:00Z"}"#).unwrap();
        assert_eq!(line.event, OriginEvent::Other);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(read(b"{").unwrap_err(), BadReason::BadJson);
        assert_eq!(read(b"[]").unwrap_err(), BadReason::BadJson);
        assert_eq!(read(br#"{"event":"login"}"#).unwrap_err(), BadReason::BadTime);
        assert_eq!(read(br#"{"time":"2023-10-26T02:00:00"}"#).unwrap_err(), BadReason::BadTime);
        assert_eq!(
            read(br#"{"time":"2023-10-26T02:00:00Z","person":"a\u0000b"}"#).unwrap_err(),
            BadReason::BadId
        );
    }
}
