//! `POST /graphql`: one operation a request, by a signed-in caller.

use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, header};
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
    request: GraphQLRequest,
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
    GraphQLResponse::from(service.schema.execute(request.into_inner().data(op)).await).into_response()
}

/// GraphiQL, in development only. Its scripts come from a public CDN, which the header allows for this page alone.
pub async fn graphiql() -> Response {
    let page = async_graphql::http::GraphiQLSource::build().endpoint("/graphql").title("Suimon").finish();
    let policy = HeaderValue::from_static(
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' https://unpkg.com https://esm.sh data: blob:",
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}
