//! Streams of HTTP/2, whose client must go on taking what it asked for.
//!
//! On HTTP/1.1 a client that does not read blocks its connection, and [`crate::prompt::Prompt`] sees it. On HTTP/2 the client
//! grants each stream its bytes: one that grants none keeps the answer, and with it a connection to the origin, while its
//! connection looks lively. hyper has each stream handled by a task, and here the task watches whether its answer moves.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes that are given to a stream at once. A whole piece must be taken within the patience, so it is small.
const PIECE: usize = 16 << 10;

/// Where the answer of a stream stands.
#[derive(Clone, Copy, Default)]
struct Given {
    pieces: u64,
    /// The last piece was given and no further one was asked for.
    waits: bool,
}

tokio::task_local! {
    static GIVEN: Cell<Given>;
}

/// Runs the tasks of a connection's streams.
#[derive(Clone)]
pub struct Streams {
    pub tasks: TaskTracker,
    /// When it comes, nothing goes on.
    pub end: CancellationToken,
    /// For the client to grant more bytes.
    pub patience: Duration,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let moving = Moving { stream, timer: None, patience: self.patience };
        let end = self.end.clone();
        self.tasks.spawn(async move {
            // Dropped before its end, a stream is reset, and the client knows that the answer is not whole.
            end.run_until_cancelled(GIVEN.scope(Cell::new(Given::default()), moving)).await;
        });
    }
}

pin_project! {
    struct Moving<F> {
        #[pin]
        stream: F,
        // With the number of the piece that it is for.
        timer: Option<(u64, Pin<Box<Sleep>>)>,
        patience: Duration,
    }
}

impl<F: Future> Future for Moving<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.stream.poll(context).is_ready() {
            return Poll::Ready(());
        }
        let given = GIVEN.with(Cell::get);
        if !given.waits {
            *this.timer = None;
            return Poll::Pending;
        }
        let (piece, timer) =
            this.timer.get_or_insert_with(|| (given.pieces, Box::pin(tokio::time::sleep(*this.patience))));
        if *piece != given.pieces {
            *piece = given.pieces;
            timer.as_mut().reset(Instant::now() + *this.patience);
        }
        ready!(timer.as_mut().poll(context));
        tracing::debug!("an answer was not taken");
        Poll::Ready(())
    }
}

/// Requests that a connection is busy with, and since when it has been with none.
///
/// Nobody is woken when that changes: it does twice for each request, and whoever waits for the end of the patience looks then.
pub struct Open {
    requests: AtomicUsize,
    start: Instant,
    /// Milliseconds after the start.
    since: AtomicU64,
}

impl Open {
    /// Of a connection that was opened just now.
    pub fn new() -> Self {
        Self { requests: AtomicUsize::new(0), start: Instant::now(), since: AtomicU64::new(0) }
    }

    /// Since when it has been busy with nothing; none while it is busy.
    fn idle_since(&self) -> Option<Instant> {
        // With the one below: who sees the last request gone sees when it went.
        let busy = self.requests.load(Ordering::Acquire) > 0;
        (!busy).then(|| self.start + Duration::from_millis(self.since.load(Ordering::Relaxed)))
    }
}

/// Counts a request until its answer went out.
pub struct Request(Arc<Open>);

impl Request {
    pub fn new(open: Arc<Open>) -> Self {
        open.requests.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let passed = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.since.fetch_max(passed, Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Release);
    }
}

/// Comes back when a connection was busy with nothing for `patience`.
pub async fn idle(open: Arc<Open>, patience: Duration) {
    loop {
        let end = match open.idle_since() {
            Some(since) if since.elapsed() >= patience => return,
            Some(since) => since + patience,
            // One that is busy now is idle at the earliest from now on.
            None => Instant::now() + patience.max(Duration::from_millis(1)),
        };
        tokio::time::sleep_until(end).await;
    }
}

pin_project! {
    /// The body of an answer on its way to the client.
    pub struct Leaving<B> {
        #[pin]
        body: B,
        rest: Bytes,
        _request: Request,
    }
}

impl<B> Leaving<B> {
    pub fn new(body: B, request: Request) -> Self {
        Self { body, rest: Bytes::new(), _request: request }
    }
}

impl<B: Body<Data = Bytes>> Body for Leaving<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let waits = |waits| {
            GIVEN.try_with(|cell| {
                let Given { pieces, .. } = cell.get();
                cell.set(Given { pieces: pieces + u64::from(waits), waits });
            })
        };
        // Without a stream, on HTTP/1.1, pieces go through as they are.
        let pieces = waits(false).is_ok();
        let mut data = if this.rest.is_empty() {
            match ready!(this.body.poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
            }
        } else {
            std::mem::take(this.rest)
        };
        if pieces {
            *this.rest = data.split_off(data.len().min(PIECE));
            let _ = waits(true);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(body.lower().saturating_add(rest).min(hint.upper().unwrap_or(u64::MAX)));
        hint
    }
}
