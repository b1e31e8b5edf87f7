//! Directives of httpd's `LogFormat` and of `varnishncsa`.

use super::Variable;
use crate::formats::found::Slot;

/// `%>s`, `%{Cookie}i` and the like.
pub(super) fn variable(text: &str) -> Option<Variable> {
    let length = length(text)?;
    let name = text.get(..length)?;
    // The time is written in brackets of its own.
    let around = (name == "%t").then_some((b'[', b']'));
    Some(Variable { length, slot: slot(name), around, escaped: true, ..Variable::default() })
}

fn length(text: &str) -> Option<usize> {
    let mut at = 1;
    let bytes = text.as_bytes();
    // `%400,501{User-agent}i` and `%!200r`: only for some statuses.
    while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || b"<>!,".contains(byte)) {
        at += 1;
    }
    if bytes.get(at) == Some(&b'{') {
        at += text.get(at..)?.find('}')? + 1;
    }
    // `^ti` and `^to` are the only directives of several letters.
    if bytes.get(at) == Some(&b'^') {
        let letters = bytes.get(at + 1..at + 3)?.iter().all(u8::is_ascii_alphabetic);
        return letters.then_some(at + 3);
    }
    bytes.get(at)?.is_ascii_alphabetic().then_some(at + 1)
}

/// Times are those of the request's beginning unless they say otherwise.
fn slot(name: &str) -> Option<Slot> {
    let directive = name.trim_start_matches('%').trim_start_matches(['>', '<']);
    if let Some((inner, of)) = directive.strip_prefix('{').and_then(|rest| rest.rsplit_once('}')) {
        let lower = inner.to_ascii_lowercase();
        return Some(match (lower.as_str(), of) {
            ("cookie", "i") => Slot::Cookie,
            ("x-request-id" | "x-varnish-id", "i" | "o") => Slot::Id,
            ("unique_id" | "x-request-id", "e") => Slot::Id,
            ("host", "i") => Slot::Host,
            ("user-agent", "i") => Slot::Program,
            ("content-length", "o") => Slot::Length,
            ("varnish:handling", "x") | ("cache-status", "e" | "o") => Slot::Cache,
            ("sec" | "msec" | "usec" | "%s" | "begin:sec" | "begin:msec" | "begin:usec", "t") => Slot::Start,
            ("%y-%m-%dt%h:%m:%s%z", "t") => Slot::Start,
            ("end:sec" | "end:msec" | "end:usec", "t") => Slot::End,
            ("ms", "t" | "T") => Slot::TakenMillis,
            ("us", "T") => Slot::TakenMicros,
            ("s", "T") => Slot::TakenSeconds,
            _ => return None,
        });
    }
    Some(match directive {
        "t" => Slot::Start,
        "r" => Slot::Request,
        "m" => Slot::Method,
        "U" => Slot::Path,
        "q" => Slot::Query,
        "s" => Slot::Status,
        "T" => Slot::TakenSeconds,
        "D" => Slot::TakenMicros,
        "h" | "a" => Slot::Address,
        "v" | "V" => Slot::Host,
        "L" => Slot::Id,
        _ => return None,
    })
}
