//! Signing in and out, and reading a request's credentials.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Service;
use crate::access::{self, Credentials, SignInStep, SignedIn};
use crate::app::App;
use crate::error::{Code, Error, Result};

const CSRF_HEADER: &str = "x-suimon-csrf";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    login: String,
    password: String,
}

/// Names with https carry the `__Host-` prefix, which binds a cookie to this host (RFC 6265bis 4.1.3.2).
fn named(app: &App, name: &str) -> String {
    if app.config().server.public_url.starts_with("https://") {
        format!("__Host-{name}")
    } else {
        name.to_owned()
    }
}

const SESSION: &str = "suimon";
/// Binds the second step of signing in to the client of the first.
pub(super) const STEP: &str = "suimon-step";

pub(super) fn cookie(app: &App, name: &str, value: &str, max_age_seconds: i64, same_site: &str) -> String {
    let secure = if app.config().server.public_url.starts_with("https://") { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite={same_site}{secure}",
        named(app, name)
    )
}

fn strict(app: &App, name: &str, value: &str, max_age_seconds: i64) -> (HeaderName, String) {
    (header::SET_COOKIE, cookie(app, name, value, max_age_seconds, "Strict"))
}

/// The value of a cookie of ours.
pub(super) fn cookie_value(app: &App, headers: &HeaderMap, name: &str) -> Option<String> {
    let prefix = format!("{}=", named(app, name));
    let value = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(&prefix))?;
    // An emptied one is no credential.
    (!value.is_empty()).then(|| value.to_owned())
}

/// A new session: its cookie, and the CSRF token with whatever else the answer tells.
pub(super) fn signed_in(app: &App, session: SignedIn, more: serde_json::Value) -> Response {
    let mut body = serde_json::json!({ "csrfToken": session.csrf, "displayName": session.display_name });
    if let (Some(body), serde_json::Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    let headers = AppendHeaders([
        strict(app, SESSION, &session.secret, session.max_age_seconds),
        strict(app, STEP, "", 0),
    ]);
    (headers, Json(body)).into_response()
}

/// A body of JSON. Not by an extractor: its refusal quotes the body, in the answer and in the log. JSON only, because a form of
/// a foreign page cannot send that.
pub(super) fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8], such_as: &str) -> Result<T> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let json =
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    json.then(|| serde_json::from_slice(body).ok()).flatten().ok_or_else(|| {
        Error::invalid("body", "is not what this path takes").remedy(format!("send JSON such as {such_as}"))
    })
}

/// How far a sign-in came: a session, or `{"secondFactor": "code"}` and the cookie of the step.
pub(super) fn step(app: &App, step: SignInStep) -> Response {
    match step {
        SignInStep::Open(session) => signed_in(app, session, serde_json::Value::Null),
        SignInStep::SecondFactor { secret, max_age_seconds } => {
            let body = serde_json::json!({ "secondFactor": "code", "next": "POST /auth/second-factor" });
            (AppendHeaders([strict(app, STEP, &secret, max_age_seconds)]), Json(body)).into_response()
        }
    }
}

/// `POST /auth/sign-in` with `{"login", "password"}`: sets the session cookie and answers the CSRF token, or asks for the
/// second factor.
pub async fn sign_in(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let SignIn { login, password } = match read(&headers, &body, "{\"login\": \"…\", \"password\": \"…\"}")
    {
        Ok(sign_in) => sign_in,
        Err(error) => return refuse(error),
    };
    match access::sign_in(&service.app, &login, password).await {
        Ok(reached) => step(&service.app, reached),
        Err(error) => refuse(error),
    }
}

/// `POST /auth/sign-out`: ends the session of the cookie. Needs no CSRF token: the worst a foreign page can do with a
/// `SameSite=Strict` cookie that is not sent is nothing.
pub async fn sign_out(State(service): State<Service>, headers: HeaderMap) -> Response {
    if let Some(Credentials::Cookie { secret, .. }) = credentials(&service.app, &headers)
        && let Err(error) = access::sign_out(&service.app, &secret).await
    {
        return refuse(error);
    }
    (AppendHeaders([strict(&service.app, SESSION, "", 0)]), StatusCode::NO_CONTENT).into_response()
}

/// What the request brought. A bearer token wins over a cookie.
pub fn credentials(app: &App, headers: &HeaderMap) -> Option<Credentials> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(token) = text("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        return Some(Credentials::Bearer(token.trim().to_owned()));
    }
    let secret = cookie_value(app, headers, SESSION)?;
    Some(Credentials::Cookie { secret, csrf: text(CSRF_HEADER).map(str::to_owned) })
}

/// What a page of somebody else is told.
pub(super) fn from_elsewhere() -> Response {
    refuse(
        Error::forbidden("send", "another site's request").remedy("send it from a page of server.public_url"),
    )
}

/// An error as an HTTP answer.
pub fn refuse(error: Error) -> Response {
    match error {
        Error::Expected(problem) => {
            let status = match problem.code {
                Code::NotFound => StatusCode::NOT_FOUND,
                Code::Forbidden => StatusCode::FORBIDDEN,
                Code::Unauthenticated => StatusCode::UNAUTHORIZED,
                Code::Invalid => StatusCode::BAD_REQUEST,
                Code::Conflict => StatusCode::CONFLICT,
                Code::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
                Code::Incomplete => StatusCode::OK,
                Code::ReauthenticationRequired | Code::SecondFactorRequired => StatusCode::FORBIDDEN,
                Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, Json(serde_json::json!({ "error": problem }))).into_response()
        }
        Error::Internal(error) => {
            tracing::error!(error = format!("{error:#}"), "request failed");
            (StatusCode::INTERNAL_SERVER_ERROR, Json(serde_json::json!({ "error": { "code": "INTERNAL" } })))
                .into_response()
        }
    }
}
