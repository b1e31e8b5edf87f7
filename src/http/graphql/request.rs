//! What a request asks for: the parameters of GraphQL over HTTP, in the body of a POST or in the query of a GET.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::graphql::documents::Asked;

/// One operation to execute.
#[derive(Debug)]
pub struct Asking {
    pub asked: Asked,
    pub operation_name: Option<String>,
    pub variables: Value,
}

/// Why nothing can be read from a request. The text says nothing of what was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub status: StatusCode,
    pub message: &'static str,
}

fn unreadable(status: StatusCode, message: &'static str) -> Unreadable {
    Unreadable { status, message }
}

/// Unknown parameters are not heeded, so that a client may send some of its own (GraphQL over HTTP, section 5.1).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    extensions: Option<Map<String, Value>>,
}

/// Reads a POST.
///
/// # Errors
/// 415 without a JSON media type, 413 for a body that is too large, 400 for one that is not a request.
pub async fn from_body(headers: &HeaderMap, body: Body, most: usize) -> Result<Asking, Unreadable> {
    if !is_json(headers) {
        return Err(unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the request as application/json"));
    }
    let bytes = axum::body::to_bytes(body, most)
        .await
        .map_err(|_| unreadable(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"))?;
    let not_one = "the body is not one GraphQL request; send JSON such as {\"query\": \"{ viewer { tenant { slug } } }\"}";
    let parameters: Parameters =
        serde_json::from_slice(&bytes).map_err(|_| unreadable(StatusCode::BAD_REQUEST, not_one))?;
    parameters.asking()
}

/// Reads a GET.
///
/// # Errors
/// 400 for a query that is not a request.
pub fn from_url(uri: &Uri) -> Result<Asking, Unreadable> {
    let wrong = || unreadable(StatusCode::BAD_REQUEST, "the parameters are not one GraphQL request");
    let Query(mut given) = Query::<HashMap<String, String>>::try_from_uri(uri).map_err(|_| wrong())?;
    let map = |text: Option<String>| match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => serde_json::from_str(text).map_err(|_| wrong()),
    };
    Parameters {
        query: given.remove("query"),
        document_id: given.remove("documentId"),
        operation_name: given.remove("operationName").filter(|name| !name.is_empty()),
        variables: map(given.remove("variables"))?,
        extensions: map(given.remove("extensions"))?,
    }
    .asking()
}

impl Parameters {
    fn asking(self) -> Result<Asking, Unreadable> {
        let Self { query, document_id, operation_name, variables, extensions } = self;
        let persisted = extensions.as_ref().and_then(|extensions| extensions.get("persistedQuery"));
        let asked = match (query, document_id, persisted) {
            (None, Some(id), None) => Asked::by_id(&id),
            (query, None, Some(persisted)) => {
                let sha256 = persisted.get("sha256Hash").and_then(Value::as_str).unwrap_or_default();
                Asked::persisted(sha256, query)
            }
            (Some(text), None, None) => Asked::Text(text),
            _ => {
                let message = "give either query or documentId";
                return Err(unreadable(StatusCode::BAD_REQUEST, message));
            }
        };
        Ok(Asking { asked, operation_name, variables: Value::Object(variables.unwrap_or_default()) })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    // Only UTF-8 is JSON between systems (RFC 8259, section 8.1).
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_read() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=\"UTF-8\"", true),
            ("application/json; charset=utf-16", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().expect("a value"))]);
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
