//! The guard's access log, as a log of the origin.
//!
//! It names people by pseudonyms and routes by their names, and has no paths: see `docs/guard/access-log.md` of the repository. Only an id
//! that a trusted proxy said joins it to the edge's line: whoever can reach the guard past the edge could say any other, and make an answer
//! from a cache look like one that was made for them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::origin::{OriginEvent, OriginLine, is_id};
use crate::input::BadReason;

/// A person behind a pseudonym of the guard's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The system's id of the person.
    pub person: String,
    /// Empty where it is not known.
    pub kind: String,
    /// Empty where it is not known; then the guard's pseudonym of the tenant stays.
    pub tenant: String,
}

/// What the guard's names stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) people: Arc<HashMap<String, Known>>,
    /// Patterns by the names of routes.
    pub(crate) routes: Arc<HashMap<String, String>>,
}

/// What a line says.
#[derive(Debug)]
pub(crate) enum GuardLine<'a> {
    Answer(OriginLine<'a>),
    /// So many records could not be kept.
    Lost(u64),
    /// Of the log itself.
    Nothing,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(default)]
    time: u64,
    #[serde(borrow, default)]
    edge: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    edge_from: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    route: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tenant: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    viewer: Option<Cow<'a, str>>,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    own: bool,
    #[serde(default)]
    records: u64,
}

pub(crate) fn read<'a>(line: &'a [u8], names: &'a Names) -> Result<GuardLine<'a>, BadReason> {
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(BadReason::BadJson);
    }
    let raw: Raw<'_> = serde_json::from_slice(line).map_err(|_| BadReason::BadJson)?;
    match &*raw.event {
        "response" => {}
        "lost" => return Ok(GuardLine::Lost(raw.records)),
        _ => return Ok(GuardLine::Nothing),
    }
    let at = i64::try_from(raw.time).ok().filter(|at| *at > 0 && Timestamp::from_millisecond(*at).is_ok());
    let at = at.ok_or(BadReason::BadTime)?;
    if ![&raw.subject, &raw.tenant].into_iter().flatten().all(|id| is_id(id)) {
        return Err(BadReason::BadId);
    }
    let known = raw.subject.as_deref().and_then(|subject| names.people.get(subject));
    let (person, kind, tenant) = match known {
        Some(known) if known.tenant.is_empty() => {
            (Cow::Borrowed(&*known.person), Cow::Borrowed(&*known.kind), raw.tenant.unwrap_or_default())
        }
        Some(Known { person, kind, tenant }) => {
            (Cow::Borrowed(&**person), Cow::Borrowed(&**kind), Cow::Borrowed(&**tenant))
        }
        None => (raw.subject.unwrap_or_default(), Cow::Borrowed(""), raw.tenant.unwrap_or_default()),
    };
    let is_trusted = raw.edge_from.as_deref() == Some("trusted");
    Ok(GuardLine::Answer(OriginLine {
        at,
        event: OriginEvent::Request,
        person,
        kind,
        tenant,
        // Its pseudonym is nothing that an edge logs.
        session: Cow::Borrowed(""),
        path: Cow::Borrowed(""),
        status: raw.status,
        id: raw.edge.filter(|_| is_trusted).unwrap_or_default(),
        route: Some(raw.route.unwrap_or_default()),
        // A refusal, whatever its status: nothing of the system is in it.
        refused: raw.own,
        // Who asked is whom the page is about, unless it says otherwise.
        asked_by_person: raw.viewer.is_none(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"event":"response","run":"8f0c","seq":1,"time":1698285784123,"took":4,"response":"00","edge":"Zj3x==","edge_from":"trusted","route":"mypage","class":"personal","tenant":"k1.aa","subject":"k1.bb","session":"k1.cc","status":200,"cache":"sealed","bytes":5120,"complete":true,"rules":"1"}"#;

    fn answer<'a>(line: &'a str, names: &'a Names) -> OriginLine<'a> {
        match read(line.as_bytes(), names) {
            Ok(GuardLine::Answer(line)) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pseudonyms_are_people_unless_somebody_knows_them() {
        let names = Names::default();
        let line = answer(LINE, &names);
        assert_eq!((&*line.person, &*line.tenant, &*line.id), ("k1.bb", "k1.aa", "Zj3x=="));
        assert_eq!((line.at, line.status, line.route.as_deref()), (1_698_285_784_123, 200, Some("mypage")));
        assert!(line.asked_by_person && !line.refused && line.session.is_empty());
        let hanako = Known { person: "ap-7".into(), kind: "applicant".into(), tenant: String::new() };
        let names = Names { people: Arc::new([("k1.bb".to_owned(), hanako)].into()), ..Names::default() };
        let line = answer(LINE, &names);
        assert_eq!((&*line.person, &*line.kind, &*line.tenant), ("ap-7", "applicant", "k1.aa"));
    }

    #[test]
    fn an_id_that_anybody_may_have_said_joins_nothing() {
        let names = Names::default();
        let line = LINE.replace("trusted", "anybody");
        assert_eq!(&*answer(&line, &names).id, "");
        let own = LINE.replace(r#""status":200"#, r#""status":200,"own":true,"viewer":"k1.dd""#);
        let line = answer(&own, &names);
        assert!(line.refused && !line.asked_by_person);
    }

    #[test]
    fn lines_about_the_log() {
        let names = Names::default();
        let of = |line: &str| read(line.as_bytes(), &names).map(|line| format!("{line:?}"));
        assert_eq!(
            of(
                r#"{"event":"start","form":1,"time":1,"run":"8f","part":1,"system":"s","sealed":[["a","b"]]}"#
            )
            .unwrap(),
            "Nothing"
        );
        assert_eq!(of(r#"{"event":"lost","run":"8f","time":1,"records":7}"#).unwrap(), "Lost(7)");
        assert_eq!(of(r#"{"event":"end","run":"8f","time":1,"records":9,"lost":7}"#).unwrap(), "Nothing");
        assert_eq!(of(r#"{"event":"response"}"#).unwrap_err(), BadReason::BadTime);
        assert_eq!(of(r#"{"event":"response","time":"x"}"#).unwrap_err(), BadReason::BadJson);
        assert_eq!(of("[]").unwrap_err(), BadReason::BadJson);
    }
}
