//! Answers of GraphQL over HTTP: which media type, which status, and no more of an error than its client may know.

use async_graphql::{ServerError, Value};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// How the client wants to be answered (GraphQL over HTTP, sections 6.4.1 and 6.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: intermediaries may answer in it too, so its status tells nothing about the operation.
    Json,
    /// `application/graphql-response+json`: the status is this service's.
    Graphql,
}

impl Media {
    /// From `Accept`; `None` when neither is accepted. A client that takes anything gets the older one.
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        let mut named = false;
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for range in
            values.flat_map(|value| value.split(',')).map(str::trim).filter(|range| !range.is_empty())
        {
            named = true;
            let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
            let quality = parameters
                .split(';')
                .filter_map(|parameter| parameter.trim().strip_prefix("q="))
                .find_map(|quality| quality.parse::<f32>().ok())
                .unwrap_or(1.0);
            let media = match range.trim().to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Self::Graphql,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let better = best.is_none_or(|(known, best)| {
                quality > best || (quality == best && media == Self::Graphql && known == Self::Json)
            });
            if quality > 0.0 && better {
                best = Some((media, quality));
            }
        }
        if named { best.map(|(media, _)| media) } else { Some(Self::Json) }
    }

    fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Graphql => "application/graphql-response+json; charset=utf-8",
        })
    }

    /// The answer of an operation.
    pub fn answer(self, response: async_graphql::Response, max_cost: usize, request_id: &str) -> Response {
        let body = Body::of(response, max_cost, request_id);
        let status = match self {
            Self::Graphql if body.data.is_none() => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        self.write(status, &body)
    }

    /// An answer that holds nothing but an error.
    pub fn refuse(self, status: StatusCode, error: ServerError) -> Response {
        self.write(status, &Body { data: None, errors: vec![error] })
    }

    fn write(self, status: StatusCode, body: &Body) -> Response {
        match serde_json::to_vec(body) {
            Ok(bytes) => (status, [(header::CONTENT_TYPE, self.value())], bytes).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// The same as text, for an event of a stream.
pub fn text(response: async_graphql::Response, max_cost: usize, request_id: &str) -> String {
    serde_json::to_string(&Body::of(response, max_cost, request_id)).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written");
        String::from("{\"errors\":[{\"message\":\"internal error\",\"extensions\":{\"code\":\"INTERNAL\"}}]}")
    })
}

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
}

impl Body {
    fn of(response: async_graphql::Response, max_cost: usize, request_id: &str) -> Self {
        let async_graphql::Response { data, mut errors, .. } = response;
        for error in &mut errors {
            name(error, max_cost);
            number(error, request_id);
        }
        // An error of a field has a path. Without any, the operation was refused before it ran.
        let refused =
            data == Value::Null && !errors.is_empty() && errors.iter().all(|error| error.path.is_empty());
        Self { data: (!refused).then_some(data), errors }
    }
}

/// What the parts refuse carries its code already; the rest is the library's.
fn name(error: &mut ServerError, max_cost: usize) {
    if error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some()) {
        return;
    }
    let costly = error.message == "Query is too complex.";
    if costly {
        error.message = format!("the document costs too much; at most {max_cost} is answered");
    }
    let limit = costly || error.message == "Query is nested too deep.";
    let code = if limit { "LIMIT_EXCEEDED" } else { "GRAPHQL_INVALID" };
    error.extensions.get_or_insert_default().set("code", code);
}

/// What its client may ask somebody about carries the number to ask by. It stands in the header `X-Request-Id` of every answer,
/// too, which people do not see.
fn number(error: &mut ServerError, request_id: &str) {
    let extensions = error.extensions.get_or_insert_default();
    let asked = |code: &Value| matches!(code, Value::String(code) if ["FORBIDDEN", "NOT_FOUND", "INTERNAL"].contains(&&**code));
    if extensions.get("code").is_some_and(asked) {
        extensions.set("requestId", request_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses_the_media_type() {
        for (value, expected) in [
            ("*/*", Some(Media::Json)),
            ("application/json", Some(Media::Json)),
            ("application/graphql-response+json", Some(Media::Graphql)),
            ("application/json, application/graphql-response+json", Some(Media::Graphql)),
            ("application/graphql-response+json;q=0.5, application/json", Some(Media::Json)),
            ("application/graphql-response+json;charset=utf-8, */*;q=0.1", Some(Media::Graphql)),
            ("application/json, multipart/mixed", Some(Media::Json)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("", Some(Media::Json)),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, value.parse().expect("a value"))]);
            assert_eq!(Media::accepted(&headers), expected, "{value}");
        }
        assert_eq!(Media::accepted(&HeaderMap::new()), Some(Media::Json));
    }
}
