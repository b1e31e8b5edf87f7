//! Which name of a JSON line means what: built in for CloudFront, Cloudflare and Fastly, given for others.

use super::found::{Slot, When};

/// Names of a JSON access log, for [`Scan::with_json`](crate::Scan::with_json).
///
/// What is not named is looked for under the names that are usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    names: Vec<(Slot, String)>,
}

/// A name that cannot be used, with what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not `FIELD=NAME`.
    #[error("`{0}` is not FIELD=NAME, such as time=timestamp")]
    Shape(String),
    /// No such field.
    #[error("there is no field `{0}`; one of {fields}", fields = FIELDS.map(|(name, _)| name).join(", "))]
    Field(String),
    /// More or longer names than any log needs.
    #[error("the mapping has more than 200 names, or one that is longer than 200 bytes")]
    TooLong,
}

/// What can be named.
const FIELDS: [(&str, Slot); 24] = [
    ("time", Slot::Time),
    ("start", Slot::Start),
    ("end", Slot::End),
    ("duration_s", Slot::TakenSeconds),
    ("duration_ms", Slot::TakenMillis),
    ("duration_us", Slot::TakenMicros),
    ("duration_ns", Slot::TakenNanos),
    ("request", Slot::Request),
    ("method", Slot::Method),
    ("url", Slot::Target),
    ("path", Slot::Path),
    ("query", Slot::Query),
    ("host", Slot::Host),
    ("status", Slot::Status),
    ("content_length", Slot::Length),
    ("id", Slot::Id),
    ("cookie", Slot::Cookie),
    ("session", Slot::Session),
    ("cache", Slot::Cache),
    ("location", Slot::Location),
    ("machine", Slot::Machine),
    ("address", Slot::Address),
    ("program", Slot::Program),
    ("at_edge", Slot::AtEdge),
];

impl Mapping {
    /// Reads `FIELD=NAME` for each. In a NAME dots lead into objects: `request.headers.Cookie`. Of two names for one field the first that
    /// a line has counts.
    ///
    /// # Errors
    /// [`MappingError`].
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, MappingError> {
        let mut names = Vec::new();
        for text in texts {
            let short = || text.chars().take(40).collect::<String>();
            let (field, name) = text.split_once('=').ok_or_else(|| MappingError::Shape(short()))?;
            let (field, name) = (field.trim(), name.trim());
            if name.is_empty() {
                return Err(MappingError::Shape(short()));
            }
            let slot = FIELDS.iter().find(|(known, _)| *known == field).map(|(_, slot)| *slot);
            names.push((
                slot.ok_or_else(|| MappingError::Field(field.chars().take(40).collect()))?,
                name.to_owned(),
            ));
            if names.len() > 200 || name.len() > 200 {
                return Err(MappingError::TooLong);
            }
        }
        Ok(Self { names })
    }

    /// Reads the same from a file: one a line, `#` begins a remark.
    ///
    /// # Errors
    /// [`MappingError`].
    pub fn parse_file(text: &str) -> Result<Self, MappingError> {
        Self::parse(text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (Slot, &str)> {
        self.names.iter().map(|(slot, name)| (*slot, name.as_str()))
    }
}

/// Names that are built in, those that count before others first, and when an instant of [`Slot::Time`] is.
pub(super) struct Known {
    pub names: &'static [(Slot, &'static str)],
    pub when: When,
    /// Names are compared as [`canonical`](super::cloudfront::canonical) writes them.
    pub canonical: bool,
    /// The object that holds the cookies by their names.
    pub cookies: Option<&'static str>,
}

/// Names as in the standard log, of version 1 or 2, or the real-time log.
pub(super) const CLOUDFRONT: Known = Known {
    names: &[
        (Slot::End, "timestamp-ms"),
        (Slot::End, "timestamp"),
        (Slot::Date, "date"),
        (Slot::Clock, "time"),
        (Slot::TakenSeconds, "time-taken"),
        (Slot::Path, "cs-uri-stem"),
        (Slot::Query, "cs-uri-query"),
        (Slot::Method, "cs-method"),
        (Slot::Host, "x-host-header"),
        (Slot::OtherHost, "cs-host"),
        (Slot::Status, "sc-status"),
        (Slot::Length, "sc-content-len"),
        (Slot::Id, "x-edge-request-id"),
        (Slot::Cookie, "cs-cookie"),
        (Slot::Result, "x-edge-result-type"),
        (Slot::ResponseResult, "x-edge-response-result-type"),
        (Slot::DetailedResult, "x-edge-detailed-result-type"),
        (Slot::Location, "x-edge-location"),
        (Slot::Address, "c-ip"),
        (Slot::Program, "cs-user-agent"),
    ],
    when: When::End,
    canonical: true,
    cookies: None,
};

pub(super) const CLOUDFLARE: Known = Known {
    names: &[
        (Slot::Start, "EdgeStartTimestamp"),
        (Slot::End, "EdgeEndTimestamp"),
        (Slot::Target, "ClientRequestURI"),
        (Slot::Path, "ClientRequestPath"),
        (Slot::Method, "ClientRequestMethod"),
        (Slot::Host, "ClientRequestHost"),
        (Slot::Status, "EdgeResponseStatus"),
        (Slot::Id, "RayID"),
        (Slot::Cache, "CacheCacheStatus"),
        (Slot::Location, "EdgeColoCode"),
        (Slot::Location, "EdgeColoID"),
        (Slot::Address, "ClientIP"),
        (Slot::Program, "ClientRequestUserAgent"),
        // Custom fields, where they are configured.
        (Slot::Cookie, "RequestHeaders.cookie"),
        (Slot::Length, "ResponseHeaders.content-length"),
    ],
    when: When::Start,
    canonical: false,
    cookies: Some("Cookies"),
};

/// As Fastly's documentation configures it. The machine that answers asks others of its location, so that the location is what counts.
pub(super) const FASTLY: Known = Known {
    names: &[
        (Slot::Start, "time_start"),
        (Slot::End, "time_end"),
        (Slot::Start, "timestamp"),
        (Slot::TakenMicros, "time_elapsed_usec"),
        (Slot::TakenMillis, "time_elapsed_msec"),
        (Slot::TakenMicros, "time_elapsed"),
        (Slot::Target, "url"),
        (Slot::Target, "request_url"),
        (Slot::Method, "request_method"),
        (Slot::Host, "host"),
        (Slot::Host, "request_host"),
        (Slot::Status, "response_status"),
        (Slot::Status, "status"),
        (Slot::Length, "response_content_length"),
        (Slot::Id, "request_id"),
        (Slot::Cookie, "request_cookie"),
        (Slot::Cookie, "cookie"),
        (Slot::Cache, "response_state"),
        (Slot::Cache, "fastly_info_state"),
        (Slot::Cache, "cache_status"),
        (Slot::Location, "server_datacenter"),
        (Slot::Location, "datacenter"),
        (Slot::Location, "pop"),
        (Slot::Machine, "fastly_server"),
        (Slot::Machine, "server_identity"),
        (Slot::Address, "client_ip"),
        (Slot::Program, "request_user_agent"),
        (Slot::Program, "user_agent"),
        (Slot::AtEdge, "fastly_is_edge"),
    ],
    when: When::Start,
    canonical: false,
    cookies: None,
};

/// Usual names. A duration whose unit its name does not say is read in seconds: longer than it was shows more, shorter would leave out.
/// Bytes that were sent are no length of a body: whoever left early got less.
pub(super) const USUAL: Known = Known {
    names: &[
        (Slot::Time, "timestamp"),
        (Slot::Time, "@timestamp"),
        (Slot::Time, "time"),
        (Slot::Time, "msec"),
        (Slot::Time, "time_iso8601"),
        (Slot::Time, "time_local"),
        (Slot::Time, "ts"),
        (Slot::Start, "start"),
        (Slot::End, "end"),
        (Slot::TakenSeconds, "request_time"),
        (Slot::TakenMillis, "duration_ms"),
        (Slot::TakenMillis, "elapsed_ms"),
        (Slot::TakenMicros, "duration_us"),
        (Slot::TakenSeconds, "duration"),
        (Slot::Request, "request"),
        (Slot::Request, "request_line"),
        (Slot::Method, "request_method"),
        (Slot::Method, "method"),
        (Slot::Method, "request.method"),
        (Slot::Target, "url"),
        (Slot::Target, "request_uri"),
        (Slot::Target, "uri"),
        (Slot::Target, "request_url"),
        (Slot::Target, "request.uri"),
        (Slot::Path, "path"),
        (Slot::Path, "request_path"),
        (Slot::Query, "query_string"),
        (Slot::Query, "args"),
        (Slot::Query, "query"),
        (Slot::Host, "http_host"),
        (Slot::Host, "host"),
        (Slot::Host, "request.host"),
        (Slot::Status, "status"),
        (Slot::Status, "response_status"),
        (Slot::Status, "status_code"),
        (Slot::Length, "content_length"),
        (Slot::Length, "sent_http_content_length"),
        (Slot::Id, "request_id"),
        (Slot::Id, "x_request_id"),
        (Slot::Cookie, "http_cookie"),
        (Slot::Cookie, "cookie"),
        (Slot::Cookie, "request.headers.Cookie"),
        (Slot::Cache, "upstream_cache_status"),
        (Slot::Cache, "cache_status"),
        (Slot::Cache, "cache"),
        (Slot::Location, "location"),
        (Slot::Location, "datacenter"),
        (Slot::Location, "pop"),
        (Slot::Location, "hostname"),
        (Slot::Address, "remote_addr"),
        (Slot::Address, "client_ip"),
        (Slot::Address, "request.client_ip"),
        (Slot::Program, "http_user_agent"),
        (Slot::Program, "user_agent"),
        (Slot::Program, "request_user_agent"),
    ],
    when: When::Either,
    canonical: false,
    cookies: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        let of = |text: &str| Mapping::parse([text]).unwrap_err().to_string();
        assert_eq!(of("time"), "`time` is not FIELD=NAME, such as time=timestamp");
        assert_eq!(of("time="), "`time=` is not FIELD=NAME, such as time=timestamp");
        assert!(of("colour=x").starts_with("there is no field `colour`; one of time, start, end,"));
        let long = format!("time={}", "x".repeat(300));
        assert_eq!(Mapping::parse([&*long]), Err(MappingError::TooLong));
    }

    #[test]
    fn a_file_has_remarks_and_empty_lines() {
        let read = Mapping::parse_file("# our edge\n\n time = at \nid=rid\n").unwrap();
        assert_eq!(read.names().collect::<Vec<_>>(), [(Slot::Time, "at"), (Slot::Id, "rid")]);
        assert!(Mapping::parse_file("time\n").is_err());
    }
}
