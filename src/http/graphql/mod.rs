//! `/graphql`: one operation a request, by a signed-in caller (GraphQL over HTTP).

mod answer;
mod request;
mod stream;

use std::time::Duration;

use async_graphql::Request;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use self::answer::Media;
use self::request::{Asking, Unreadable};
pub(super) use self::stream::Streams;
use super::headers::RequestId;
use super::{Service, auth};
use crate::access::{self, Credentials, Op};
use crate::error::Error;
use crate::graphql::documents::refusal;
use crate::graphql::live::Watcher;

/// `POST /graphql`. There is no anonymous access: without credentials the answer is 401, and the body stays unread.
pub async fn post(
    State(service): State<Service>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let begun = match begin(&service, &headers, request_id).await {
        Ok(begun) => begun,
        Err(refused) => return *refused,
    };
    let (media, most) = (begun.media, service.app.config().server.max_body_bytes);
    match request::from_body(&headers, body, most).await {
        Ok(asking) => execute(&service, begun, asking, false).await,
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
    let begun = match begin(&service, &headers, request_id).await {
        Ok(begun) => begun,
        Err(refused) => return *refused,
    };
    let media = begun.media;
    if !service.app.config().graphql.get {
        return only_post(
            media,
            "operations are sent by POST: an address is kept in more places than a body",
        );
    }
    match request::from_url(&uri) {
        Ok(asking) => execute(&service, begun, asking, true).await,
        Err(Unreadable { status, message }) => media.refuse(status, refusal("INVALID", message)),
    }
}

/// A request whose sender is known, before it is read.
struct Begun {
    op: Op,
    /// How the answer, or a refusal, is written.
    media: Media,
    /// Whether the client takes a stream of events …
    events: bool,
    /// … and nothing else.
    only_events: bool,
    credentials: Credentials,
    request_id: String,
}

async fn begin(service: &Service, headers: &HeaderMap, request_id: String) -> Result<Begun, Box<Response>> {
    let Some(credentials) = auth::credentials(&service.app, headers) else {
        return Err(Box::new(auth::refuse(
            Error::unauthenticated("sign in first")
                .remedy("POST /auth/sign-in, or send a token as Authorization: Bearer"),
        )));
    };
    let op = access::authenticate(&service.app, &credentials, &request_id).await;
    let op = op.map_err(|error| Box::new(auth::refuse(error)))?;
    // Only now: a stranger does not learn how requests are read.
    let (accepted, events) = (Media::accepted(headers), stream::accepted(headers));
    if accepted.is_none() && !events {
        return Err(Box::new(not_acceptable()));
    }
    let media = accepted.unwrap_or(Media::Graphql);
    Ok(Begun { op, media, events, only_events: accepted.is_none(), credentials, request_id })
}

fn not_acceptable() -> Response {
    let message = "answers are application/graphql-response+json or application/json; those of subscriptions are \
                   text/event-stream";
    Media::Json.refuse(StatusCode::NOT_ACCEPTABLE, refusal("INVALID", message))
}

async fn execute(service: &Service, begun: Begun, asking: Asking, by_url: bool) -> Response {
    let config = &service.app.config().graphql;
    let Begun { op, media, events, only_events, credentials, request_id } = begun;
    let Asking { asked, operation_name, variables } = asking;
    let document = match service.documents.find(asked) {
        Ok(document) => document,
        Err(error) => {
            let response = async_graphql::Response::from_errors(vec![error]);
            return media.answer(response, config.max_complexity, &request_id);
        }
    };
    let asked = operation(&document, operation_name.as_deref());
    let kind = asked.map(|operation| operation.ty);
    if by_url && kind.is_some_and(|kind| kind != OperationType::Query) {
        return only_post(media, "only queries are answered to GET");
    }
    let subscription = asked.filter(|asked| events && asked.ty == OperationType::Subscription);
    if subscription.is_none() && only_events {
        return not_acceptable();
    }
    let mut request = Request::new(String::new()).variables(async_graphql::Variables::from_json(variables));
    request.set_parsed_query((*document).clone());
    if let Some(subscription) = subscription {
        if !stream::has_one_field(subscription) {
            let message = "a subscription has one field, and no fragment in its place";
            return media.refuse(StatusCode::BAD_REQUEST, refusal("GRAPHQL_INVALID", message));
        }
        request.operation_name = operation_name;
        let watcher = Watcher { app: service.app.clone(), credentials, request_id };
        return stream::answer(service, watcher, op.actor().account, request, media);
    }
    request.operation_name = operation_name;
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

/// The operation that would be executed; `None` where validation will say that there is none.
fn operation<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Option<&'d OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => operations.values().next(),
    };
    operation.map(|operation| &operation.node)
}

/// GraphiQL, in development only. Its scripts come from a public CDN, which the header allows for this page alone.
pub async fn graphiql() -> Response {
    let page = async_graphql::http::GraphiQLSource::build().endpoint("/graphql").title("Suimon").finish();
    let policy = HeaderValue::from_static(
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' https://unpkg.com https://esm.sh data: blob:",
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}
