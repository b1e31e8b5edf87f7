//! `POST /graphql`: one operation a request, by a signed-in caller.

use async_graphql_axum::rejection::GraphQLRejection;
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::headers::RequestId;
use super::{Service, auth};
use crate::access;
use crate::error::Error;

/// Executes an operation. There is no anonymous access: without credentials the answer is 401.
pub async fn execute(
    State(service): State<Service>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    request: Result<GraphQLRequest, GraphQLRejection>,
) -> Response {
    let Some(credentials) = auth::credentials(&service.app, &headers) else {
        return auth::refuse(
            Error::unauthenticated("sign in first")
                .remedy("POST /auth/sign-in, or send a token as Authorization: Bearer"),
        );
    };
    let op = match access::authenticate(&service.app, &credentials, &request_id).await {
        Ok(op) => op,
        Err(error) => return auth::refuse(error),
    };
    // Only now: a stranger does not learn how the body is read.
    let request = match request {
        Ok(request) => request.into_inner(),
        Err(_) => {
            return auth::refuse(
                Error::invalid("body", "is not one GraphQL request")
                    .remedy("send JSON such as {\"query\": \"{ viewer { tenant { slug } } }\"}"),
            );
        }
    };
    let mut response = match service.documents.prepare(request) {
        Ok(request) => service.schema.execute(request.data(op)).await,
        Err(refusal) => *refusal,
    };
    let mut refused = false;
    for error in &mut response.errors {
        // What the parts refuse carries its code already; what is left was refused before anything ran.
        if error.extensions.as_ref().is_none_or(|extensions| extensions.get("code").is_none()) {
            error.extensions.get_or_insert_default().set("code", "GRAPHQL_INVALID");
            refused = true;
        }
    }
    let nothing_ran = refused && response.data == async_graphql::Value::Null;
    let mut response = GraphQLResponse::from(response).into_response();
    if nothing_ran {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}

/// GraphiQL, in development only. Its scripts come from a public CDN, which the header allows for this page alone.
pub async fn graphiql() -> Response {
    let page = async_graphql::http::GraphiQLSource::build().endpoint("/graphql").title("Suimon").finish();
    let policy = HeaderValue::from_static(
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' https://unpkg.com https://esm.sh data: blob:",
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}
