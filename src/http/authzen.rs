//! AuthZEN Authorization API 1.0 (OpenID Foundation), HTTPS binding: the protected system asks for decisions.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::headers::RequestId;
use super::{Service, auth};
use crate::access::{self, Op};
use crate::decisions::{self, Evaluations, Fault, Sought, parse};
use crate::error::{Code, Error};

#[derive(serde::Serialize)]
struct Answers {
    evaluations: Vec<decisions::Answer>,
}

type Body = Result<Bytes, BytesRejection>;

/// `GET /.well-known/authzen-configuration`. Open to all: it tells paths only.
pub async fn configuration(State(service): State<Service>) -> Response {
    let base = service.app.config().server.public_url.trim_end_matches('/').to_owned();
    Json(json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
    }))
    .into_response()
}

/// `POST /access/v1/evaluation`
pub async fn evaluation(
    State(service): State<Service>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let op = match open(&service, &id, &headers).await {
        Ok(op) => op,
        Err(error) => return refuse(error),
    };
    let question = match json_body(&headers, &body).and_then(parse::evaluation) {
        Ok(question) => question,
        Err(fault) => return refuse_fault(&fault),
    };
    answer(decisions::evaluate(&op, &question).await)
}

/// `POST /access/v1/evaluations`
pub async fn evaluations(
    State(service): State<Service>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let op = match open(&service, &id, &headers).await {
        Ok(op) => op,
        Err(error) => return refuse(error),
    };
    match json_body(&headers, &body).and_then(parse::evaluations) {
        Ok(Evaluations::One(question)) => answer(decisions::evaluate(&op, &question).await),
        Ok(Evaluations::Many { items, semantic }) => {
            let answers = decisions::evaluate_all(&op, &items, semantic).await;
            answer(answers.map(|evaluations| Answers { evaluations }))
        }
        Err(fault) => refuse_fault(&fault),
    }
}

/// `POST /access/v1/search/{subject,resource,action}`
pub async fn search(
    sought: Sought,
    State(service): State<Service>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let op = match open(&service, &id, &headers).await {
        Ok(op) => op,
        Err(error) => return refuse(error),
    };
    match json_body(&headers, &body).and_then(|body| parse::search(sought, body)) {
        Ok(search) => answer(decisions::search(&op, &search).await),
        Err(fault) => refuse_fault(&fault),
    }
}

/// Who asks. Before the body is looked at: a stranger does not learn how it is read.
async fn open(service: &Service, RequestId(id): &RequestId, headers: &HeaderMap) -> Result<Op, Error> {
    let credentials = auth::credentials(&service.app, headers).ok_or_else(|| {
        Error::unauthenticated("no credentials").remedy("send a token as Authorization: Bearer")
    })?;
    access::authenticate(&service.app, &credentials, id).await
}

fn json_body<'b>(headers: &HeaderMap, body: &'b Body) -> Result<&'b [u8], Fault> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Fault::bad("the Content-Type must be application/json"));
    }
    match body {
        Ok(body) => Ok(body),
        Err(rejection) => {
            Err(Fault { status: rejection.status().as_u16(), message: "the body cannot be read".to_owned() })
        }
    }
}

fn answer(result: crate::error::Result<impl serde::Serialize>) -> Response {
    match result {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refuse(error),
    }
}

fn refuse_fault(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(&fault.message)).into_response()
}

/// An error as the specification wants it: one of four statuses, and a message as a JSON string.
fn refuse(error: Error) -> Response {
    match error {
        Error::Expected(problem) => {
            let status = match problem.code {
                Code::Unauthenticated => StatusCode::UNAUTHORIZED,
                Code::Forbidden | Code::ReauthenticationRequired | Code::SecondFactorRequired => {
                    StatusCode::FORBIDDEN
                }
                Code::NotFound | Code::Invalid | Code::Conflict | Code::LimitExceeded | Code::Incomplete => {
                    StatusCode::BAD_REQUEST
                }
                // The fourth status: the question was right.
                Code::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let mut response = (status, Json(problem.to_string())).into_response();
            if status == StatusCode::UNAUTHORIZED {
                let scheme = axum::http::HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            }
            response
        }
        Error::Internal(error) => {
            tracing::error!(error = format!("{error:#}"), "decision failed");
            (StatusCode::INTERNAL_SERVER_ERROR, Json("internal error")).into_response()
        }
    }
}
