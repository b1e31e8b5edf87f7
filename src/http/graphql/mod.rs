//! `/graphql`: one operation a request, by a signed-in caller (GraphQL over HTTP).

mod answer;
mod request;

use std::time::Duration;

use async_graphql::Request;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use self::answer::Media;
use self::request::{Asking, Unreadable};
use super::headers::RequestId;
use super::{Service, auth};
use crate::access::{self, Op};
use crate::error::Error;
use crate::graphql::documents::refusal;

/// `POST /graphql`. There is no anonymous access: without credentials the answer is 401, and the body stays unread.
pub async fn post(
    State(service): State<Service>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (op, media) = match begin(&service, &headers, &request_id).await {
        Ok(begun) => begun,
        Err(refused) => return *refused,
    };
    let most = service.app.config().server.max_body_bytes;
    match request::from_body(&headers, body, most).await {
        Ok(asking) => execute(&service, op, media, asking, false).await,
        Err(Unreadable { status, message }) => media.refuse(status, refusal("INVALID", message)),
    }
}

/// `GET /graphql`, for queries alone and only where the configuration allows it.
pub async fn get(
    State(service): State<Service>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let (op, media) = match begin(&service, &headers, &request_id).await {
        Ok(begun) => begun,
        Err(refused) => return *refused,
    };
    if !service.app.config().graphql.get {
        return only_post(
            media,
            "operations are sent by POST: an address is kept in more places than a body",
        );
    }
    match request::from_url(&uri) {
        Ok(asking) => execute(&service, op, media, asking, true).await,
        Err(Unreadable { status, message }) => media.refuse(status, refusal("INVALID", message)),
    }
}

async fn begin(
    service: &Service,
    headers: &HeaderMap,
    request_id: &str,
) -> Result<(Op, Media), Box<Response>> {
    let Some(credentials) = auth::credentials(&service.app, headers) else {
        return Err(Box::new(auth::refuse(
            Error::unauthenticated("sign in first")
                .remedy("POST /auth/sign-in, or send a token as Authorization: Bearer"),
        )));
    };
    let op = access::authenticate(&service.app, &credentials, request_id).await;
    let op = op.map_err(|error| Box::new(auth::refuse(error)))?;
    // Only now: a stranger does not learn how requests are read.
    let media = Media::accepted(headers).ok_or_else(|| {
        let message = "answers are application/graphql-response+json or application/json";
        Box::new(Media::Json.refuse(StatusCode::NOT_ACCEPTABLE, refusal("INVALID", message)))
    })?;
    Ok((op, media))
}

async fn execute(service: &Service, op: Op, media: Media, asking: Asking, by_url: bool) -> Response {
    let config = &service.app.config().graphql;
    let request_id = op.request_id().to_owned();
    let Asking { asked, operation_name, variables } = asking;
    let document = match service.documents.find(asked) {
        Ok(document) => document,
        Err(error) => {
            let response = async_graphql::Response::from_errors(vec![error]);
            return media.answer(response, config.max_complexity, &request_id);
        }
    };
    let changes = |kind| matches!(kind, OperationType::Mutation | OperationType::Subscription);
    if by_url && operation_type(&document, operation_name.as_deref()).is_some_and(changes) {
        return only_post(media, "only queries are answered to GET");
    }
    let mut request = Request::new(String::new()).variables(async_graphql::Variables::from_json(variables));
    request.operation_name = operation_name;
    request.set_parsed_query((*document).clone());
    let executed = service.schema.execute(request.data(op));
    // Dropping it cancels what is under way; a transaction that was not committed leaves no trace.
    match tokio::time::timeout(Duration::from_secs(config.max_seconds), executed).await {
        Ok(response) => media.answer(response, config.max_complexity, &request_id),
        Err(_) => {
            tracing::warn!(seconds = config.max_seconds, "an operation was cancelled at its deadline");
            let message =
                format!("the operation took longer than {} s and was cancelled", config.max_seconds);
            media.refuse(StatusCode::SERVICE_UNAVAILABLE, refusal("TIMEOUT", message))
        }
    }
}

fn only_post(media: Media, message: &'static str) -> Response {
    let mut response = media.refuse(StatusCode::METHOD_NOT_ALLOWED, refusal("INVALID", message));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// The type of the operation that would be executed; `None` where validation will say that there is none.
fn operation_type(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => operations.values().next(),
    };
    operation.map(|operation| operation.node.ty)
}

/// GraphiQL, in development only. Its scripts come from a public CDN, which the header allows for this page alone.
pub async fn graphiql() -> Response {
    let page = async_graphql::http::GraphiQLSource::build().endpoint("/graphql").title("Suimon").finish();
    let policy = HeaderValue::from_static(
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' https://unpkg.com https://esm.sh data: blob:",
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}
