//! What is done to an answer: marked in its header, in its page too, or neither.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::Blindness;

static DIGESTS: [HeaderName; 6] = [
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("content-digest"),
    // Of messages (RFC 9421): what is signed are those digests, as a rule.
    HeaderName::from_static("signature"),
    HeaderName::from_static("signature-input"),
];
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// For what a request was sent, as far as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A page to be shown; also when nothing is said.
    Page,
    /// Bytes for a script, which looks at the header. What it gets is shown at times, and a cache may give it to who wants a page.
    Script,
    /// An image, a style, a font: never shown as a page.
    Part,
}

/// For what a request was sent (Fetch Metadata Request Headers, W3C; before it, what libraries say).
pub fn wanted(fields: &HeaderMap) -> Wanted {
    match fields.get(SEC_FETCH_DEST).map(HeaderValue::as_bytes) {
        Some(b"document" | b"iframe" | b"frame" | b"embed" | b"object" | b"fencedframe") => Wanted::Page,
        Some(b"empty") => Wanted::Script,
        Some(_) => Wanted::Part,
        None if fields.contains_key(X_REQUESTED_WITH) => Wanted::Script,
        None => Wanted::Page,
    }
}

/// Asks the origin for a coding that can be undone in passing, where the answer may be a page: gzip if the client takes it, else none.
/// Brotli and zstd cost several times as much to code anew, and gzip of a page is at most a fifth larger.
pub fn limit_codings(fields: &mut HeaderMap) {
    let html =
        |value: &HeaderValue| value.as_bytes().windows(9).any(|text| text.eq_ignore_ascii_case(b"text/html"));
    let page = fields.contains_key(SEC_FETCH_DEST) && wanted(fields) == Wanted::Page;
    if !page && !fields.get_all(header::ACCEPT).iter().any(html) {
        return;
    }
    let takes = takes_gzip(fields);
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(if takes { "gzip" } else { "identity" }));
}

/// RFC 9110 section 12.5.3. A client that says nothing is not sent gzip.
fn takes_gzip(fields: &HeaderMap) -> bool {
    let lines = fields.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|member| {
        let (coding, weight) = member.split_once(';').unwrap_or((member, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        matches!(coding.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip") && !refused
    })
}

/// What is done to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: it shows nobody anything, or its header would be put on a body that is somebody else's (RFC 9111 section 4.3.4).
    Leave,
    /// As a page would leave that has a mark, but it has no body and thus none (RFC 9111 section 4.3.5).
    OnlyFields,
    Header,
    /// The header, and the page, unless its own policy is against it.
    Page {
        gzip: bool,
        whole_only: bool,
    },
    /// The header; why not the page.
    Blind(Blindness),
}

/// Decides by the answer's head.
pub fn plan(method: &Method, wanted: Wanted, status: StatusCode, fields: &HeaderMap, bodiless: bool) -> Plan {
    let head = *method == Method::HEAD;
    if status.is_informational() || status.is_redirection() {
        return Plan::Leave;
    }
    let page = if wanted == Wanted::Part || is_attachment(fields) {
        Plan::Header
    } else {
        of_body(wanted, status, fields)
    };
    match page {
        Plan::Page { .. } if head => Plan::OnlyFields,
        _ if head => Plan::Leave,
        Plan::Page { .. } | Plan::Blind(_) if bodiless || status == StatusCode::NO_CONTENT => Plan::Header,
        page => page,
    }
}

fn of_body(wanted: Wanted, status: StatusCode, fields: &HeaderMap) -> Plan {
    let script = wanted == Wanted::Script;
    let blind = |why| if script { Plan::Header } else { Plan::Blind(why) };
    let mut types = fields.get_all(header::CONTENT_TYPE).iter();
    let text = match (types.next().map(HeaderValue::to_str), types.next()) {
        (Some(Ok(text)), None) => text,
        // What a browser would find out by itself.
        (None, _) if fields.get(header::X_CONTENT_TYPE_OPTIONS).is_some_and(|said| said == "nosniff") => {
            return Plan::Header;
        }
        _ => return blind(Blindness::Type),
    };
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    match kind.trim().to_ascii_lowercase().as_str() {
        "text/html" => {}
        "application/xhtml+xml" | "multipart/x-mixed-replace" | "" => return blind(Blindness::Type),
        _ => return Plan::Header,
    }
    if status == StatusCode::PARTIAL_CONTENT {
        return blind(Blindness::Partial);
    }
    if charset(parameters).is_some_and(|label| !holds_ascii(&label)) {
        return blind(Blindness::Encoding);
    }
    let codings: Vec<&[u8]> = fields
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
        .collect();
    let gzip = match codings[..] {
        [] => false,
        [one] if one.eq_ignore_ascii_case(b"gzip") || one.eq_ignore_ascii_case(b"x-gzip") => true,
        _ => return blind(Blindness::Coding),
    };
    Plan::Page { gzip, whole_only: script }
}

/// Saved, not shown: bytes put into it would be in a file.
fn is_attachment(fields: &HeaderMap) -> bool {
    let said = fields.get(header::CONTENT_DISPOSITION).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = said.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    !kind.is_empty() && !kind.eq_ignore_ascii_case(b"inline")
}

fn charset(parameters: &str) -> Option<String> {
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_it = name.trim().eq_ignore_ascii_case("charset");
        is_it.then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    })
}

/// Whether an ASCII marker is itself in it (Encoding Standard). UTF-16 and ISO-2022-JP are none such; of an unknown name browsers make
/// nothing, so that the page is what its first bytes show.
fn holds_ascii(label: &str) -> bool {
    encoding_rs::Encoding::for_label(label.as_bytes()).is_none_or(encoding_rs::Encoding::is_ascii_compatible)
        && !label.to_ascii_lowercase().starts_with("utf-7")
}

/// Makes the head one of a body of another length, of which nothing that was said about its bytes is true any more.
pub fn change_fields(fields: &mut HeaderMap, recoded: bool) {
    fields.remove(header::CONTENT_LENGTH);
    fields.remove(header::ACCEPT_RANGES);
    remove_digests(fields);
    if recoded {
        fields.remove(header::CONTENT_ENCODING);
    }
    // The bytes differ with each answer, what they mean does not: a validator is good for no more than that (RFC 9110 section 8.8.1).
    let weak = fields.get(header::ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
    if let Some(weak) = weak.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok()) {
        fields.insert(header::ETAG, weak);
    }
}

/// Takes away what a header or a trailer says about bytes.
pub fn remove_digests(fields: &mut HeaderMap) {
    for name in &DIGESTS {
        fields.remove(name);
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
