//! The second factor and fresh proof of who one is. Secrets and codes travel here and not over GraphQL, so that no query text,
//! variable or trace of one ever holds them. Each path takes JSON only, which no form of a foreign page can send, and all but
//! the second step of signing in want the CSRF header with the session.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Service;
use super::auth::{self, STEP, cookie_value, credentials, read, refuse, signed_in};
use super::headers::RequestId;
use crate::access::{self, Op};
use crate::error::{Error, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneCode {
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    password: Option<String>,
    code: Option<String>,
}

const CODE: &str = "{\"code\": \"…\"}";
const PROOF: &str = "{\"password\": \"…\", \"code\": \"…\"}";
const NEW_PASSWORD: &str = "{\"password\": \"…\", \"code\": \"…\", \"newPassword\": \"…\"}";

async fn op(service: &Service, headers: &HeaderMap, request: &RequestId) -> Result<Op> {
    let credentials = credentials(&service.app, headers)
        .ok_or_else(|| Error::unauthenticated("sign in first").remedy("POST /auth/sign-in"))?;
    access::authenticate_to_enrol(&service.app, &credentials, &request.0).await
}

fn answer<T: IntoResponse>(result: Result<T>) -> Response {
    result.map_or_else(refuse, IntoResponse::into_response)
}

/// `POST /auth/second-factor` with `{"code"}`: the second step of signing in, by a code of the app or a recovery code.
pub async fn sign_in(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let OneCode { code } = match read(&headers, &body, CODE) {
        Ok(read) => read,
        Err(error) => return refuse(error),
    };
    // Without the cookie the answer is that of a wrong code.
    let secret = cookie_value(&service.app, &headers, STEP).unwrap_or_default();
    match access::sign_in_with_code(&service.app, &secret, &code).await {
        Ok(session) => signed_in(&service.app, session, serde_json::Value::Null),
        Err(error) => refuse(error),
    }
}

/// `POST /auth/second-factor/enrol`: a secret for the app, told once.
pub async fn enrol(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
) -> Response {
    answer(
        async {
            let enrolment = access::enrol_second_factor(&op(&service, &headers, &request).await?).await?;
            Ok(Json(json!({ "secret": *enrolment.secret, "uri": *enrolment.uri })))
        }
        .await,
    )
}

/// `POST /auth/second-factor/confirm` with `{"code"}`: recovery codes, told once, and a new session.
pub async fn confirm(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(
        async {
            let op = op(&service, &headers, &request).await?;
            let OneCode { code } = read(&headers, &body, CODE)?;
            let enrolled = access::confirm_second_factor(&op, &code).await?;
            let codes = json!({ "recoveryCodes": enrolled.recovery_codes });
            Ok(auth::signed_in(&service.app, enrolled.session, codes))
        }
        .await,
    )
}

/// `POST /auth/second-factor/recovery-codes` with `{"password", "code"}`: ten new ones; the old ones end.
pub async fn recovery_codes(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(
        async {
            let op = op(&service, &headers, &request).await?;
            let Proof { password, code } = read(&headers, &body, PROOF)?;
            let codes = access::renew_recovery_codes(&op, password, &code.unwrap_or_default()).await?;
            Ok(Json(json!({ "recoveryCodes": codes })))
        }
        .await,
    )
}

/// `POST /auth/second-factor/remove` with `{"password", "code"}`: all sessions end.
pub async fn remove(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(
        async {
            let op = op(&service, &headers, &request).await?;
            let Proof { password, code } = read(&headers, &body, PROOF)?;
            access::remove_own_second_factor(&op, password, &code.unwrap_or_default()).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        .await,
    )
}

/// `POST /auth/re-authenticate` with `{"password", "code"}`: what is sensitive is allowed again for some minutes.
pub async fn re_authenticate(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(
        async {
            let op = op(&service, &headers, &request).await?;
            let Proof { password, code } = read(&headers, &body, PROOF)?;
            access::re_authenticate(&op, password, code.as_deref()).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        .await,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewPassword {
    password: String,
    code: Option<String>,
    new_password: String,
}

/// `POST /auth/password` with `{"password", "code", "newPassword"}`: another password of one's own; everything ends.
pub async fn password(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(
        async {
            let op = op(&service, &headers, &request).await?;
            let NewPassword { password, code, new_password } = read(&headers, &body, NEW_PASSWORD)?;
            access::change_own_password(&op, password, code.as_deref(), new_password).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        .await,
    )
}
