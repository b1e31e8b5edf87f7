//! A line of an edge's log, whatever its format.

use crate::record::Said;
use crate::text::percent_decode_into;

/// How long an answer may have taken, in milliseconds, where its log does not say: too short would leave out whose page was seen.
pub(crate) const UNKNOWN: i64 = 60_000;

/// A line of the edge's log. Times in milliseconds since 1970.
#[derive(Debug)]
pub(crate) struct EdgeLine<'a> {
    pub(crate) start: i64,
    /// The last instant that the logged time allows.
    pub(crate) end: i64,
    pub(crate) path: &'a [u8],
    /// 0 when the viewer left before there was one, or the field is not logged.
    pub(crate) status: u16,
    /// The header field.
    pub(crate) cookie: &'a [u8],
    /// The value of the session's cookie, where the log has it alone.
    pub(crate) session: &'a [u8],
    pub(crate) id: &'a [u8],
    /// The edge location; empty when it is not logged, as all that follow.
    pub(crate) location: &'a [u8],
    pub(crate) method: &'a [u8],
    pub(crate) host: &'a [u8],
    pub(crate) query: &'a [u8],
    pub(crate) address: &'a [u8],
    pub(crate) program: &'a [u8],
    /// Length of the body as the answer's field said; `None` without one.
    pub(crate) length: Option<u64>,
    pub(crate) said: Said,
    /// The edge says that the answer failed, or that no byte of it went out.
    pub(crate) is_broken: bool,
    /// A cache asked, and no viewer got this answer: the edge's own line tells of whoever did.
    pub(crate) between_caches: bool,
}

/// The value of a cookie in a logged `Cookie` header (`a=1;%20b=2`), decoded into `scratch`.
pub(crate) fn cookie_value<'a>(logged: &[u8], name: &[u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    if logged.is_empty() {
        return None;
    }
    scratch.clear();
    percent_decode_into(logged, scratch);
    let mut values = scratch.split(|byte| *byte == b';').filter_map(|pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        (!value.is_empty()).then_some(value)
    });
    let value = values.next()?;
    // Of two that differ nobody knows which one the system takes.
    values.all(|other| other == value).then_some(value)
}

/// The part of a request's id that edge and origin write alike: a `CF-Ray` without the location behind it, the root of an
/// `X-Amzn-Trace-Id`.
/// A dash is none.
pub(crate) fn plain_id(id: &[u8]) -> &[u8] {
    if id == b"-" {
        return b"";
    }
    if let &[ref ray @ .., b'-', a, b, c] = id
        && ray.len() == 16
        && ray.iter().all(u8::is_ascii_hexdigit)
        && [a, b, c].iter().all(u8::is_ascii_uppercase)
    {
        return ray;
    }
    if id.starts_with(b"Root=") || id.starts_with(b"Self=") {
        let root = id.split(|byte| *byte == b';').find_map(|part| part.strip_prefix(b"Root="));
        return root.unwrap_or(id);
    }
    id
}

#[cfg(test)]
impl EdgeLine<'_> {
    /// Everything, for comparison.
    pub(crate) fn told(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let at = jiff::Timestamp::from_millisecond(self.start).expect("a time");
        let Self { start, end, status, length, said, .. } = self;
        let [method, host, path, query, cookie, session, id, location] = [
            self.method,
            self.host,
            self.path,
            self.query,
            self.cookie,
            self.session,
            self.id,
            self.location,
        ]
        .map(text);
        format!(
            "{at}+{} {method} {host} {path} ?{query} {status} cookie={cookie} session={session} id={id} at={location} {length:?} {said:?}",
            end - start
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_cookie_among_others() {
        let mut scratch = Vec::new();
        let logged = b"lang=ja;%20session=%22abc%22;%20xsession=no";
        assert_eq!(cookie_value(logged, b"session", &mut scratch), Some(&b"abc"[..]));
        assert_eq!(cookie_value(b"xsession=no", b"session", &mut scratch), None);
        assert_eq!(cookie_value(b"session=", b"session", &mut scratch), None);
    }

    #[test]
    fn ids_are_compared_by_what_both_sides_write() {
        assert_eq!(plain_id(b"8a1b2c3d4e5f6789-NRT"), b"8a1b2c3d4e5f6789");
        assert_eq!(plain_id(b"8a1b2c3d4e5f6789"), b"8a1b2c3d4e5f6789");
        assert_eq!(plain_id(b"8a1b2c3d4e5f678x-NRT"), b"8a1b2c3d4e5f678x-NRT");
        assert_eq!(
            plain_id(b"Self=1-a-b;Root=1-67891233-abcdef012345678912345678"),
            b"1-67891233-abcdef012345678912345678"
        );
        assert_eq!(
            plain_id(b"Root=1-67891233-abcdef012345678912345678"),
            b"1-67891233-abcdef012345678912345678"
        );
        assert_eq!(plain_id(b"Zj3x=="), b"Zj3x==");
    }
}
