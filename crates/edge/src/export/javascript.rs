//! JavaScript for the edge: data only as JSON strings, nothing but comparison.

use crate::identity::{ANONYMOUS, SUBJECT_TAG_HEADER, VIEWER_COOKIE};
use crate::policy::{CACHE_CONTROL, CDN_CACHE_CONTROL, SURROGATE_CONTROL, VARY, X_ACCEL_EXPIRES};

/// A JavaScript string literal: JSON with everything outside of printable ASCII escaped, and `<`, so that no text ends a
/// script element.
pub(super) fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b' ' | b'!' | b'#'..=b';' | b'='..=b'[' | b']'..=b'~')) => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.push('"');
    out
}

/// Constants that the programs share.
pub(super) fn constants() -> String {
    let headers = [
        ("cache-control", CACHE_CONTROL),
        ("cdn-cache-control", CDN_CACHE_CONTROL),
        ("surrogate-control", SURROGATE_CONTROL),
        ("x-accel-expires", X_ACCEL_EXPIRES),
        ("vary", VARY),
    ];
    let sealed: Vec<String> =
        headers.iter().map(|(name, value)| format!("  [{}, {}]", string(name), string(value))).collect();
    format!(
        "var SEALED = [\n{}\n];\nvar TAG = {};\nvar COOKIE = {};\nvar ANONYMOUS = {};\n",
        sealed.join(",\n"),
        string(SUBJECT_TAG_HEADER.as_str()),
        string(VIEWER_COOKIE),
        string(ANONYMOUS)
    )
}
