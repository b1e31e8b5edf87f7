//! Subscriptions over server-sent events: one operation, one answer that stays open (GraphQL over SSE, "distinct connections").
//!
//! Not over WebSockets: an upgrade carries cookies whatever page asks for it, and knows no header that a foreign page cannot set.
//! A stream is a POST like any other, with the same credentials, limits and refusals.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::Request;
use async_graphql::parser::types::{OperationDefinition, Selection};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, future, stream};
use tokio::sync::watch;
use uuid::Uuid;

use super::super::Service;
use super::answer::{self, Media};
use crate::graphql::documents::refusal;
use crate::graphql::live::Watcher;

/// Something is sent at least so often, so that nobody between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Streams that are open, by account.
pub struct Streams {
    open: Arc<Mutex<HashMap<Uuid, usize>>>,
    /// Becomes true, or its sender goes away, when the service ends: streams would hold it up for ever.
    closing: watch::Receiver<bool>,
}

/// Counted as open until it is dropped.
struct Place {
    open: Arc<Mutex<HashMap<Uuid, usize>>>,
    account: Uuid,
}

impl Streams {
    pub fn new(closing: watch::Receiver<bool>) -> Self {
        Self { open: Arc::default(), closing }
    }

    fn take(&self, account: Uuid, most: usize) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.entry(account).or_default();
        if *number >= most {
            return None;
        }
        *number += 1;
        Some(Place { open: self.open.clone(), account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = open.get_mut(&self.account) {
            *number -= 1;
            if *number == 0 {
                open.remove(&self.account);
            }
        }
    }
}

/// Whether the client takes a stream of events.
pub fn accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(','));
    ranges.any(|range| {
        let essence = range.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
    })
}

/// One field at the root, as the specification wants it (5.2.3.1); no fragment, so that this can be seen at once.
pub fn has_one_field(subscription: &OperationDefinition) -> bool {
    matches!(&subscription.selection_set.node.items[..], [only]
        if matches!(&only.node, Selection::Field(field) if !field.node.name.node.starts_with("__")))
}

/// Answers a subscription. The stream ends when nothing more will happen, when who watches may no longer, when the service ends,
/// and after `graphql.max_stream_seconds`; the last two without saying that all was told, so that clients come again.
pub fn answer(
    service: &Service,
    watcher: Watcher,
    account: Option<Uuid>,
    request: Request,
    media: Media,
) -> Response {
    let config = &service.app.config().graphql;
    let Some(place) = account.and_then(|account| service.streams.take(account, config.max_streams)) else {
        let message =
            format!("at most {} subscriptions may be open at a time; close one first", config.max_streams);
        return media.refuse(StatusCode::TOO_MANY_REQUESTS, refusal("LIMIT_EXCEEDED", message));
    };
    let request_id = watcher.request_id.clone();
    // Who asked is not among the data on purpose: each event finds out anew.
    let answers = service.schema.execute_stream(request.data(Arc::new(watcher)));
    let max_cost = config.max_complexity;
    let next = move |response| {
        // It counts as open as long as the stream that holds this.
        let _held = &place;
        Event::default().event("next").data(answer::text(response, max_cost, &request_id))
    };
    let complete = stream::once(async { Event::default().event("complete").data("") });
    let mut closing = service.streams.closing.clone();
    let closed = async move { drop(closing.wait_for(|closing| *closing).await) };
    let longest = tokio::time::sleep(Duration::from_secs(config.max_stream_seconds));
    let end = future::select(Box::pin(closed), Box::pin(longest));
    let events = answers.map(next).chain(complete).map(Ok::<_, Infallible>).take_until(end);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}
