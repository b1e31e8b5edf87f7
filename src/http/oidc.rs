//! Signing in at a provider of identity. The client begins and finishes by JSON like every other way of signing in; between the
//! two the browser goes to the provider and comes back by a navigation that opens nothing.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Service;
use super::auth::{cookie, cookie_value, credentials, read, refuse, step};
use super::headers::RequestId;
use crate::access::{self, FLOW_SECONDS, Finished, Op, Purpose, ReturnFrom};
use crate::app::App;
use crate::error::{Error, Result};

/// Binds what comes back from a provider to the browser that went there. `Lax`, because the way back begins at the provider.
const FLOW: &str = "suimon-oidc";

fn flow(app: &App, value: &str, max_age_seconds: i64) -> AppendHeaders<[(header::HeaderName, String); 1]> {
    AppendHeaders([(header::SET_COOKIE, cookie(app, FLOW, value, max_age_seconds, "Lax"))])
}

/// `GET /auth/oidc`: the providers that a page offers, in both languages.
pub async fn offered(State(service): State<Service>) -> Response {
    let providers: Vec<_> = service
        .app
        .oidc()
        .offered()
        .map(|one| json!({ "id": one.id, "labelJa": one.label_ja, "labelEn": one.label_en }))
        .collect();
    Json(json!({ "providers": providers })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Begin {
    provider: String,
    purpose: Option<Purpose>,
    return_to: Option<String>,
}

const BEGIN: &str = "{\"provider\": \"…\", \"purpose\": \"sign_in\", \"returnTo\": \"/\"}";

async fn signed_in(
    service: &Service,
    headers: &HeaderMap,
    request: &RequestId,
    to_enrol: bool,
) -> Result<Op> {
    let credentials = credentials(&service.app, headers)
        .ok_or_else(|| Error::unauthenticated("sign in first").remedy("POST /auth/sign-in"))?;
    if to_enrol {
        access::authenticate_to_enrol(&service.app, &credentials, &request.0).await
    } else {
        access::authenticate(&service.app, &credentials, &request.0).await
    }
}

/// `POST /auth/oidc/begin` with `{"provider", "purpose", "returnTo"}`: where the browser goes, and the cookie that binds it.
pub async fn begin(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let begun = async {
        let Begin { provider, purpose, return_to } = read(&headers, &body, BEGIN)?;
        let purpose = purpose.unwrap_or(Purpose::SignIn);
        let op = match purpose {
            Purpose::SignIn => None,
            Purpose::ReAuthenticate => Some(signed_in(&service, &headers, &request, true).await?),
            // Not for whoever must enrol a second factor first.
            Purpose::Link => Some(signed_in(&service, &headers, &request, false).await?),
        };
        let return_to = return_to.as_deref().unwrap_or("/");
        access::begin(&service.app, op.as_ref(), &provider, purpose, return_to).await
    };
    match begun.await {
        Ok(begun) => {
            (flow(&service.app, &begun.cookie, FLOW_SECONDS), Json(json!({ "location": begun.location })))
                .into_response()
        }
        Err(error) => refuse(error),
    }
}

#[derive(Deserialize)]
pub struct Returned {
    #[serde(default)]
    state: String,
    code: Option<String>,
    iss: Option<String>,
}

/// `GET /auth/oidc/callback/{provider}`: what the provider sends the browser back to. What it says of an error is not repeated.
pub async fn callback(
    State(service): State<Service>,
    Path(provider): Path<String>,
    query: std::result::Result<Query<Returned>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let app = &service.app;
    // A parameter that comes twice is refused too; its text goes nowhere.
    let Ok(Query(Returned { state, code, iss })) = query else {
        return refuse(Error::invalid("query", "is not what a provider sends"));
    };
    let cookie = cookie_value(app, &headers, FLOW).unwrap_or_default();
    let back =
        ReturnFrom { provider: &provider, state: &state, code: code.as_deref(), issuer: iss.as_deref() };
    match access::take_return(app, &cookie, back).await {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(error) => (flow(app, "", 0), refuse(error)).into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    code: Option<String>,
}

/// `POST /auth/oidc/finish` with `{}` or `{"code"}`: takes what the return proved, once.
pub async fn finish(
    State(service): State<Service>,
    Extension(request): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let app = &service.app;
    let finished = async {
        let Finish { code } = read(&headers, &body, "{}")?;
        let cookie = cookie_value(app, &headers, FLOW).unwrap_or_default();
        // Without the CSRF header there is nobody here: what is for a session is refused then.
        let op = match credentials(app, &headers) {
            Some(_) => signed_in(&service, &headers, &request, true).await.ok(),
            None => None,
        };
        access::finish(app, op.as_ref(), &cookie, code.as_deref()).await
    };
    let over = flow(app, "", 0);
    match finished.await {
        Ok(Finished::SignedIn(reached)) => (over, step(app, reached)).into_response(),
        Ok(Finished::Done) => (over, StatusCode::NO_CONTENT).into_response(),
        Err(error) => (over, refuse(error)).into_response(),
    }
}

/// The largest body of a logout request: a token, and what else a provider may send along.
pub const LOGOUT_BYTES: usize = 16 << 10;

/// `POST /auth/oidc/backchannel-logout/{provider}` with a form that holds `logout_token`: a provider's own request. 200 when the
/// logout is done or there was nothing to end, 400 for everything else, with one text (Back-Channel Logout 1.0, 2.5 and 2.8).
pub async fn logout(
    State(service): State<Service>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: std::result::Result<Bytes, BytesRejection>,
) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let form = body.ok().filter(|_| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let form = form.unwrap_or_default();
    let mut tokens =
        openidconnect::url::form_urlencoded::parse(&form).filter(|(name, _)| name == "logout_token");
    let done = match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => access::log_out_at_provider(&service.app, &provider, &token).await,
        _ => Err(Error::invalid("logout_token", "is wanted once")),
    };
    match done {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => {
            if let Error::Internal(error) = error {
                tracing::error!(error = format!("{error:#}"), "a logout failed");
            }
            let told = "the logout token is not right, or logging out failed";
            let body = json!({ "error": "invalid_request", "error_description": told });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}
