//! Fields of Traffic Server's formats. It writes values as they are: a quote in a cookie is a quote in the line.

use super::Variable;
use crate::formats::found::Slot;

/// What Traffic Server calls squid.
pub(in crate::formats) const SQUID: &str =
    "%<cqtq> %<ttms> %<chi> %<crc>/%<pssc> %<psql> %<cqhm> %<cquc> %<caun> %<phr>/%<shn> %<psct>";

/// `%<field>` or `%<{Header}container>`.
pub(super) fn variable(text: &str) -> Option<Variable> {
    let inner = text.strip_prefix("%<")?;
    let end = inner.find('>')?;
    Some(Variable { length: end + 3, slot: slot(inner.get(..end)?), ..Variable::default() })
}

/// Times are those of the request's beginning.
fn slot(name: &str) -> Option<Slot> {
    if let Some((field, of)) = name.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return Some(match (field.to_ascii_lowercase().as_str(), of) {
            ("cookie", "cqh") => Slot::Cookie,
            ("x-request-id", "cqh" | "pqh") => Slot::Id,
            ("host", "cqh") => Slot::Host,
            ("user-agent", "cqh") => Slot::Program,
            ("content-length", "psh") => Slot::Length,
            _ => return None,
        });
    }
    Some(match name {
        "cqtq" | "cqts" | "cqtn" => Slot::Start,
        "ttms" => Slot::TakenMillis,
        "tts" => Slot::TakenSeconds,
        "cqtx" => Slot::Request,
        "cqhm" => Slot::Method,
        "cquuc" | "cquc" | "cqu" | "cluc" | "cquup" => Slot::Target,
        "pssc" => Slot::Status,
        "crc" => Slot::Cache,
        "chi" | "chih" => Slot::Address,
        _ => return None,
    })
}
