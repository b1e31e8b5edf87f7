//! What is left of a request's body when it has been answered early.
//!
//! A connection that is closed over unread bytes is reset, and a reset throws away at the client what it has not read yet: the
//! answer that says why (RFC 9112, section 9.6). So a part of the rest is read and thrown away before the answer leaves.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;

/// Whoever has more left, or takes longer, may lose the answer.
const MOST_BYTES: u64 = 8 << 20;
const LONGEST: Duration = Duration::from_secs(2);

/// Answers, and reads what nobody has read.
pub async fn read(request: Request, next: Next) -> Response {
    // Such a client waits before it sends: reading would ask for what is not wanted.
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (back, rest) = oneshot::channel();
    let answer = next.run(request.map(|body| Body::new(Lent { body, back: Some(back) }))).await;
    // Whoever still holds the body reads it.
    if let Ok(rest) = { rest }.try_recv() {
        let _ = tokio::time::timeout(LONGEST, throw_away(rest)).await;
    }
    answer
}

async fn throw_away(mut body: Body) {
    let mut left = MOST_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        left = left.saturating_sub(bytes);
        if left == 0 {
            return;
        }
    }
}

/// A body that comes back when it is dropped.
struct Lent {
    body: Body,
    back: Option<oneshot::Sender<Body>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take()
            && !HttpBody::is_end_stream(&self.body)
        {
            // Nobody waits when the request was given up.
            let _ = back.send(std::mem::take(&mut self.body));
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
