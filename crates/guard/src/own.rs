//! Answers that the guard gives itself. They hold nothing of what was sent, and nobody keeps them.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use hyper::body::Body;

use crate::body::Answer;
use crate::head::Refusal;
use crate::origin::NoAnswer;
use crate::upload::Fault;

/// Below it are the guard's own paths: nothing there is ever the origin's.
pub const PATHS: &str = "/.well-known/suimon/guard/";

/// A refusal, before the origin heard of the request.
pub fn refused(refusal: Refusal, version: Version) -> Response<Answer> {
    let mut answer = told(refusal.status(), &refusal.to_string());
    if refusal == Refusal::Method {
        let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        answer.headers_mut().insert(header::ALLOW, methods);
    }
    closing(&mut answer, version);
    answer
}

/// Has the connection end with this answer: what follows on it may be what an attacker wants to be read as a request. A stream of
/// HTTP/2 ends by itself, and its connection is none of its business (RFC 9113 section 8.2.2).
fn closing(answer: &mut Response<Answer>, version: Version) {
    if version < Version::HTTP_2 {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// No answer of the origin (RFC 9110 sections 15.6.3 to 15.6.5), or none because the request did not come whole.
pub fn no_answer(why: &NoAnswer, version: Version) -> Response<Answer> {
    match why {
        NoAnswer::Connect(_) => {
            let mut answer = told(StatusCode::SERVICE_UNAVAILABLE, "the system is not there; try again soon");
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        }
        NoAnswer::Late => told(StatusCode::GATEWAY_TIMEOUT, "the system did not answer in time"),
        NoAnswer::Broken(_) | NoAnswer::Coding | NoAnswer::Protocol => {
            told(StatusCode::BAD_GATEWAY, "the system's answer cannot be read, or it broke off")
        }
        NoAnswer::Request(fault) => {
            let (status, text) = match fault {
                Fault::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "the request's body is too long"),
                Fault::Idle => (StatusCode::REQUEST_TIMEOUT, "the request's body did not come in time"),
                Fault::BrokeOff => {
                    (StatusCode::BAD_REQUEST, "the request's body cannot be read, or it broke off")
                }
            };
            let mut answer = told(status, text);
            closing(&mut answer, version);
            answer
        }
    }
}

/// A short text.
pub fn told(status: StatusCode, text: &str) -> Response<Answer> {
    edge::policy::own_answer(status, Answer::from(Bytes::from(format!("{text}\n"))))
}

/// Takes away the body of an answer to `HEAD`, and says how long it was: over HTTP/2 nobody else does, and a client resets the stream for
/// one (RFC 9110 section 9.3.2, RFC 9113 section 8.1.1).
pub fn without_body(mut answer: Response<Answer>) -> Response<Answer> {
    let length = answer.body().size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length.filter(|_| !answer.headers().contains_key(header::CONTENT_LENGTH)) {
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer.map(|_| Answer::from(Bytes::new()))
}

/// Methods whose answer has no body.
pub fn is_head(method: &Method) -> bool {
    *method == Method::HEAD
}
