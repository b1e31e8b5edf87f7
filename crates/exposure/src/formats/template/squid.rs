//! Codes of Squid's `logformat`.

use super::Variable;
use crate::formats::found::Slot;

/// What Squid writes unless told otherwise.
pub(in crate::formats) const NATIVE: &str = "%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt";
/// Codes of which another one is the beginning come first. Times are those of the answer's end.
const CODES: [(&str, Option<Slot>); 52] = [
    ("tS", None),
    ("ts", Some(Slot::End)),
    ("tu", None),
    ("tl", Some(Slot::End)),
    ("tg", Some(Slot::End)),
    ("tr", Some(Slot::TakenMillis)),
    ("dt", None),
    (">eui", None),
    (">a", Some(Slot::Address)),
    (">A", None),
    (">p", None),
    (">la", None),
    (">lp", None),
    ("<a", None),
    ("<A", None),
    ("<p", None),
    ("<la", None),
    ("<lp", None),
    ("la", None),
    ("lp", None),
    ("un", None),
    ("ul", None),
    ("ue", None),
    ("ui", None),
    ("us", None),
    (">Hs", Some(Slot::Status)),
    ("<Hs", None),
    ("Hs", Some(Slot::Status)),
    ("rm", Some(Slot::Method)),
    (">rm", Some(Slot::Method)),
    ("<rm", None),
    ("ru", Some(Slot::Target)),
    (">ru", Some(Slot::Target)),
    ("<ru", None),
    ("rp", Some(Slot::Path)),
    (">rp", Some(Slot::Path)),
    ("<rp", None),
    (">rd", Some(Slot::Host)),
    ("<rd", None),
    (">rs", None),
    (">rP", None),
    ("rv", None),
    (">rv", None),
    ("<rv", None),
    ("Ss", Some(Slot::Cache)),
    ("Sh", None),
    (">sh", None),
    ("<sh", None),
    (">st", None),
    ("<st", None),
    ("st", None),
    ("mt", None),
];

/// `%6tr`, `%03>Hs`, `%"{Cookie}>h`, `%>h{Cookie}`.
pub(super) fn variable(text: &str, quoted: bool) -> Option<Variable> {
    if text.starts_with("%ts.%03tu") {
        return Some(Variable { length: 9, slot: Some(Slot::End), padded: true, ..Variable::default() });
    }
    let bytes = text.as_bytes();
    let mut at = 1;
    let style = bytes.get(at).filter(|byte| b"\"['#/".contains(byte));
    at += usize::from(style.is_some());
    at += bytes.iter().skip(at).take_while(|byte| byte.is_ascii_digit() || b"-.".contains(byte)).count();
    let mut field = None;
    if bytes.get(at) == Some(&b'{') {
        let end = text.get(at..)?.find('}')?;
        field = text.get(at + 1..at + end);
        at += end + 1;
    }
    let rest = text.get(at..)?;
    let (code, mut slot) = match CODES.iter().find(|(code, _)| rest.starts_with(code)) {
        Some((code, slot)) => (*code, *slot),
        None => {
            // `>h`, `<h`, and long names: `note`, `err_code`, `ssl::>sni`, `http::>h`.
            let end = rest
                .find(|one: char| !(one.is_ascii_alphanumeric() || "_:<>".contains(one)))
                .unwrap_or(rest.len());
            (rest.get(..end).filter(|code| !code.is_empty())?, None)
        }
    };
    at += code.len();
    if field.is_none() && text.get(at..)?.starts_with('{') {
        let end = text.get(at..)?.find('}')?;
        field = text.get(at + 1..at + end);
        at += end + 1;
    }
    // Of a time it is its form.
    if field.is_some() && code.starts_with('t') {
        slot = None;
    }
    if let Some(field) = field {
        slot = match (code.rsplit(':').next()?, field.to_ascii_lowercase().as_str()) {
            (">h", "cookie") => Some(Slot::Cookie),
            (">h" | "<h", "x-request-id") => Some(Slot::Id),
            (">h", "host") => Some(Slot::Host),
            (">h", "user-agent") => Some(Slot::Program),
            ("<h", "content-length") => Some(Slot::Length),
            _ => slot,
        };
    }
    let escaped = match style {
        Some(b'"') => true,
        Some(_) => false,
        None => quoted,
    };
    Some(Variable { length: at, slot, padded: true, escaped, ..Variable::default() })
}
