//! Variables of nginx.

use super::Variable;
use crate::formats::found::Slot;

/// `$name` or `${name}`.
pub(super) fn variable(text: &str) -> Option<Variable> {
    let (name, length) = match text.strip_prefix("${") {
        Some(rest) => {
            let end = rest.find('}')?;
            (rest.get(..end)?, end + 3)
        }
        None => {
            let rest = text.get(1..)?;
            let end = rest.find(|one: char| !one.is_ascii_alphanumeric() && one != '_').unwrap_or(rest.len());
            (rest.get(..end)?, end + 1)
        }
    };
    let cookie = name.strip_prefix("cookie_").map(str::to_owned);
    let slot = if cookie.is_some() { Some(Slot::Session) } else { slot(name) };
    Some(Variable { length, slot, cookie, escaped: true, ..Variable::default() })
}

/// All times are those of the answer's end.
fn slot(name: &str) -> Option<Slot> {
    Some(match name {
        "msec" | "time_iso8601" | "time_local" => Slot::End,
        "request_time" => Slot::TakenSeconds,
        "request" => Slot::Request,
        "request_method" => Slot::Method,
        "request_uri" => Slot::Target,
        "uri" | "document_uri" => Slot::Path,
        "args" | "query_string" => Slot::Query,
        "host" | "http_host" => Slot::Host,
        "status" => Slot::Status,
        "sent_http_content_length" | "upstream_http_content_length" => Slot::Length,
        "request_id" | "http_x_request_id" => Slot::Id,
        "http_cookie" => Slot::Cookie,
        "upstream_cache_status" => Slot::Cache,
        "remote_addr" => Slot::Address,
        "http_user_agent" => Slot::Program,
        "hostname" | "server_addr" => Slot::Location,
        _ => return None,
    })
}
