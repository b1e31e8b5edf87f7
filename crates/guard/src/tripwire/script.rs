//! The page's script, under a name that changes with it, and the notice that stands where a page cannot.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::body::Answer;
use crate::own;

const SCRIPT: &str = include_str!("tripwire.js");
const NOTICE: &str = include_str!("notice.html");
/// Where a browser goes that got another viewer's page twice.
pub const NOTICE_PATH: &str = "/.well-known/suimon/guard/not-shown";
const BEGIN: &str = "/.well-known/suimon/guard/tripwire.";
const END: &str = "js";
const DIGITS: usize = 16;

/// Where pages find it.
pub fn path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let digest = hex::encode(Sha256::digest(SCRIPT));
        format!("{BEGIN}{}.{END}", digest.get(..DIGITS).unwrap_or_default())
    });
    &PATH
}

/// Whether a path is the script's, under its name or that of another version: a page in a cache may be older than the guard, or come
/// from a node that is newer.
pub fn is_script(path: &str) -> bool {
    let Some(name) = path.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)) else { return false };
    name.is_empty()
        || name.strip_suffix('.').is_some_and(|digits| {
            digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
}

/// The notice. It is the same for everybody.
pub fn notice(method: &Method) -> Response<Answer> {
    let text = NOTICE.replacen("SCRIPT", path(), 1);
    let mut answer = answer_with(method, text.into(), "text/html; charset=utf-8");
    let fields = answer.headers_mut();
    edge::policy::seal(fields);
    let policy = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'self'",
    );
    fields.insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

/// The script. Only under its own name may it be kept.
pub fn answer(method: &Method, asked: &str) -> Response<Answer> {
    let mut answer =
        answer_with(method, Bytes::from_static(SCRIPT.as_bytes()), "text/javascript; charset=utf-8");
    if answer.status() == StatusCode::OK {
        let kept = if asked == path() { "public, max-age=31536000, immutable" } else { "no-store" };
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    }
    answer
}

fn answer_with(method: &Method, body: Bytes, kind: &'static str) -> Response<Answer> {
    if ![Method::GET, Method::HEAD].contains(method) {
        let mut answer = own::told(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are taken here");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let length = body.len();
    let mut answer = Response::new(Answer::from(if own::is_head(method) { Bytes::new() } else { body }));
    let fields = answer.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let same_origin = HeaderValue::from_static("same-origin");
    fields.insert(HeaderName::from_static("cross-origin-resource-policy"), same_origin);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(is_script(path()) && path().len() == BEGIN.len() + DIGITS + 3);
        assert!(is_script("/.well-known/suimon/guard/tripwire.js"));
        assert!(is_script("/.well-known/suimon/guard/tripwire.0123456789abcdef.js"));
        for other in
            ["tripwire.", "tripwirejs", "tripwire.x.js", "tripwire.0123456789abcdeF.js", "tripwire..js"]
        {
            assert!(!is_script(&format!("/.well-known/suimon/guard/{other}")), "{other}");
        }
    }

    /// It runs where nothing says in which encoding it is, and can be put into any.
    #[test]
    fn it_is_ascii() {
        assert!(SCRIPT.is_ascii());
    }
}
