//! Variables of HAProxy's `log-format`. It writes values as they are.

use super::Variable;
use crate::formats::found::Slot;

/// `%ci`, `%{+Q}r`, `%[var(txn.cookie)]`.
pub(super) fn variable(text: &str) -> Option<Variable> {
    if text.starts_with("%Ts.%ms") {
        return Some(Variable { length: 7, slot: Some(Slot::Start), ..Variable::default() });
    }
    let mut at = 1;
    let mut around = None;
    if text.get(at..)?.starts_with('{') {
        let end = text.get(at..)?.find('}')?;
        around = text.get(at..at + end)?.contains("+Q").then_some((b'"', b'"'));
        at += end + 1;
    }
    let rest = text.get(at..)?;
    if rest.starts_with('[') {
        let mut open = 0_usize;
        let end = rest.bytes().position(|byte| {
            match byte {
                b'[' => open += 1,
                b']' => open = open.saturating_sub(1),
                _ => {}
            }
            open == 0
        })?;
        let slot = of_expression(rest.get(1..end)?);
        return Some(Variable { length: at + end + 1, slot, around, ..Variable::default() });
    }
    let end = rest.find(|one: char| !one.is_ascii_alphabetic()).unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| !name.is_empty())?;
    Some(Variable { length: at + end, slot: slot(name), around, ..Variable::default() })
}

/// What a sample is called: a name of a variable that says what was put into it.
fn of_expression(text: &str) -> Option<Slot> {
    let lower = text.to_ascii_lowercase();
    let has = |word: &str| lower.contains(word);
    Some(match () {
        () if has("cookie") => Slot::Cookie,
        () if has("user-agent") || has("user_agent") => Slot::Program,
        () if has("request-id") || has("request_id") || has("unique-id") || has("unique_id") => Slot::Id,
        () if has("content-length") || has("content_length") => Slot::Length,
        () if has("host") => Slot::Host,
        () => return None,
    })
}

fn slot(name: &str) -> Option<Slot> {
    Some(match name {
        "tr" | "trg" | "trl" | "t" | "T" | "Tl" | "Ts" => Slot::Start,
        "Ta" | "Tt" => Slot::TakenMillis,
        "r" => Slot::Request,
        "HM" => Slot::Method,
        "HU" => Slot::Target,
        "HP" | "HPO" => Slot::Path,
        "HQ" => Slot::Query,
        "ST" => Slot::Status,
        "s" => Slot::Server,
        "ID" => Slot::Id,
        "ci" => Slot::Address,
        _ => return None,
    })
}

/// `%{+Q}name` without its flags.
fn bare(name: &str) -> &str {
    let name = name.trim_start_matches('%');
    name.rsplit_once('}').map_or(name, |(_, name)| name)
}

pub(super) fn is_instant(name: &str) -> bool {
    matches!(bare(name), "tr" | "trg" | "trl" | "t" | "T" | "Tl" | "Ts" | "Ts.%ms")
}

pub(super) fn is_duration(name: &str) -> bool {
    matches!(bare(name), "Ta" | "Tt")
}

/// When the request began, and not when its connection was there.
pub(super) fn is_of_request(name: &str) -> bool {
    matches!(bare(name), "tr" | "trg" | "trl")
}
