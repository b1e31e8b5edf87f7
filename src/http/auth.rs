//! Signing in and out, and reading a request's credentials.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Service;
use crate::access::{self, Credentials};
use crate::app::App;
use crate::error::{Code, Error};

const CSRF_HEADER: &str = "x-suimon-csrf";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    login: String,
    password: String,
}

/// The cookie's name. With https it carries the `__Host-` prefix, which binds it to this host (RFC 6265bis 4.1.3.2).
fn cookie_name(app: &App) -> &'static str {
    if app.config().server.public_url.starts_with("https://") { "__Host-suimon" } else { "suimon" }
}

fn cookie(app: &App, value: &str, max_age_seconds: i64) -> String {
    let secure = if app.config().server.public_url.starts_with("https://") { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Strict{secure}",
        cookie_name(app)
    )
}

/// `POST /auth/sign-in` with `{"login", "password"}`: sets the session cookie, answers the CSRF token.
pub async fn sign_in(State(service): State<Service>, body: Bytes) -> Response {
    // Not by an extractor: its refusal quotes the body, in the answer and in the log.
    let Ok(SignIn { login, password }) = serde_json::from_slice(&body) else {
        let error = Error::invalid("body", "is not a sign-in");
        return refuse(error.remedy("send JSON such as {\"login\": \"…\", \"password\": \"…\"}"));
    };
    match access::sign_in(&service.app, &login, password).await {
        Ok(session) => {
            let cookie = cookie(&service.app, &session.secret, session.max_age_seconds);
            let body = serde_json::json!({ "csrfToken": session.csrf, "displayName": session.display_name });
            ([(header::SET_COOKIE, cookie)], Json(body)).into_response()
        }
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
    ([(header::SET_COOKIE, cookie(&service.app, "", 0))], StatusCode::NO_CONTENT).into_response()
}

/// What the request brought. A bearer token wins over a cookie.
pub fn credentials(app: &App, headers: &HeaderMap) -> Option<Credentials> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(token) = text("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        return Some(Credentials::Bearer(token.trim().to_owned()));
    }
    let prefix = format!("{}=", cookie_name(app));
    let secret = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(&prefix))?;
    Some(Credentials::Cookie { secret: secret.to_owned(), csrf: text(CSRF_HEADER).map(str::to_owned) })
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
