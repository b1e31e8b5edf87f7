//! The tag that a personal answer carries, and how its viewer comes to hold the same one (`edge::identity`).

use edge::identity::{ANONYMOUS, SUBJECT_TAG_HEADER, Tag, VIEWER_COOKIE};
use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Response, StatusCode};

use crate::body::Answer;
use crate::own;

/// What becomes of the answer to a request that changed something, when the browser does not hold its person's tag yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AfterWrite {
    /// Instead of the answer, 303 to the same address, which the browser then asks with `GET` and the tag. What the origin answered
    /// is lost; that it did what was asked is not.
    #[default]
    SeeOther,
    /// The answer itself, as one about nobody and with the cookie: for pages whose scripts sign in and read the answer. A cache that
    /// keeps answers to `POST` could give it to somebody else.
    Pass,
}

/// Sets a tag where there may have been others.
pub fn carry(fields: &mut HeaderMap, tag: Option<&Tag>) {
    let text = tag.map_or(ANONYMOUS, Tag::as_str);
    // Of letters, digits and dots.
    if let Ok(value) = HeaderValue::from_str(text) {
        fields.insert(SUBJECT_TAG_HEADER, value);
    }
}

/// Gives the browser its person's tag. The page's own script may read it, so it is not `HttpOnly`; it authorises nothing. `Lax`, so
/// that a link from elsewhere does not cost a redirect.
pub fn hand_over(fields: &mut HeaderMap, tag: &Tag) {
    let cookie = format!("{VIEWER_COOKIE}={}; Path=/; Secure; SameSite=Lax", tag.as_str());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        fields.append(header::SET_COOKIE, value);
    }
}

/// To the same address, with the tag. 307: with the same method; 303: with `GET`.
pub fn redirect(status: StatusCode, target: &PathAndQuery, tag: &Tag) -> Response<Answer> {
    let mut answer = own::told(status, "the page is at the same address");
    let target = target.as_str();
    // A reference that begins with two slashes is one to another host (RFC 3986 section 4.2); browsers take a backslash for one, too.
    let elsewhere = target.get(1..2).is_some_and(|next| matches!(next, "/" | "\\"));
    let location = if elsewhere { format!("/.{target}") } else { target.to_owned() };
    match HeaderValue::from_str(&location) {
        Ok(location) => {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        // Not ASCII: nobody can be sent there in a way that all browsers read alike.
        Err(_) => return about_nobody(own::told(StatusCode::BAD_REQUEST, "write this address in ASCII")),
    }
    carry(answer.headers_mut(), None);
    hand_over(answer.headers_mut(), tag);
    answer
}

/// Marks an answer of the guard itself: the edge refuses a personal answer without a tag.
pub fn about_nobody(mut answer: Response<Answer>) -> Response<Answer> {
    carry(answer.headers_mut(), None);
    answer
}

/// Takes over what the origin's answer does to the browser's cookies, when the answer itself does not leave.
pub fn keep_cookies(from: &HeaderMap, into: &mut Response<Answer>) {
    for cookie in from.get_all(header::SET_COOKIE) {
        into.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
}

/// Takes away an origin's own cookie of the viewer's name: only the guard says who the viewer is.
pub fn drop_viewer_cookies(fields: &mut HeaderMap) {
    let ours = |value: &HeaderValue| {
        let name = value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(VIEWER_COOKIE.as_bytes())
    };
    if !fields.get_all(header::SET_COOKIE).iter().any(ours) {
        return;
    }
    let others: Vec<HeaderValue> =
        fields.get_all(header::SET_COOKIE).iter().filter(|value| !ours(value)).cloned().collect();
    fields.remove(header::SET_COOKIE);
    for cookie in others {
        fields.append(header::SET_COOKIE, cookie);
    }
}
