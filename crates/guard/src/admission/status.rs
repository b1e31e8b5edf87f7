//! The public number: one for everybody, so that an edge may keep it and answer all who ask.

use std::fmt::Write;

use bytes::Bytes;
use capacity::admission::Decision;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Body;

use super::Admission;
use crate::body::Answer;
use crate::own;

/// Where the number of the system's own room stands; that of a tenant's room below it, by the tenant's name.
pub const STATUS_PATH: &str = "/.well-known/suimon/guard/status";

/// Most answers a second: with a cache before it there are few, and without one it is no way to keep the guard busy.
pub(super) const MOST_A_SECOND: u32 = 2_000;

impl Admission {
    /// The answer, when the request is for the number.
    pub(crate) fn own<B: Body>(&self, request: &Request<B>) -> Option<Response<Answer>> {
        let rest = request.uri().path().strip_prefix(STATUS_PATH)?;
        // What only begins alike is not for a room.
        let name = if rest.is_empty() { "" } else { rest.strip_prefix('/')? };
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = own::told(StatusCode::METHOD_NOT_ALLOWED, "the number can only be read");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(answer);
        }
        if !request.body().is_end_stream() {
            return Some(own::told(StatusCode::PAYLOAD_TOO_LARGE, "a body has no meaning here"));
        }
        let now = (self.clock)();
        let taken = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take(now, 1);
        if taken != Decision::Admit {
            let mut answer = own::told(StatusCode::SERVICE_UNAVAILABLE, "too many ask for the number");
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            return Some(answer);
        }
        let plan = self.plan.load_full();
        let hall = if rest.is_empty() { Some(0) } else { plan.halls.get(name).copied() };
        let text = hall.and_then(|hall| self.number(hall, now));
        let Some(text) = text else { return Some(own::told(StatusCode::NOT_FOUND, "there is no such room")) };
        let mut answer = Response::new(Answer::from(Bytes::from(text)));
        let fields = answer.headers_mut();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let kept = format!("public, max-age={}", plan.settings.status_max_age.as_secs());
        if let Ok(kept) = HeaderValue::from_str(&kept) {
            fields.insert(header::CACHE_CONTROL, kept);
        }
        Some(answer)
    }

    fn number(&self, hall: usize, now: std::time::Duration) -> Option<String> {
        let mut desk = self.desk();
        desk.pass(now, &*self.chance);
        let room = desk.halls.get(hall)?;
        let serving = |channel| room.room.serving(channel).unwrap_or(0);
        // Writing to a string cannot fail. Names are checked: they need no escapes.
        let mut text = format!("{{\"serving\":{},\"asOf\":{},\"lines\":[", serving(0), now.as_secs());
        for (at, channel) in desk.plan.settings.channels.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let rate = room.lines.get(at).and_then(|line| line.per_minute(now));
            let rate = rate.map_or_else(|| "null".to_owned(), |rate| rate.to_string());
            let (name, serving) = (&channel.name, serving(at));
            let _ =
                write!(text, "{comma}{{\"channel\":\"{name}\",\"serving\":{serving},\"perMinute\":{rate}}}");
        }
        text.push_str("]}\n");
        Some(text)
    }
}
