//! A request's body on its way to the origin, and what is known of it there.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::body::{Broken, Stream};

/// How long a client that waits for leave to send its body is left waiting by an origin that says neither yes nor no (RFC 9110
/// section 10.1.1: not indefinitely).
const LEAVE: Duration = Duration::from_secs(1);

/// Why a request's body did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Idle,
    TooLong,
    BrokeOff,
}

/// What is known of a request's body while it is sent on.
pub struct Upload {
    start: Instant,
    /// Milliseconds after the start.
    moved: AtomicU64,
    fault: OnceLock<Fault>,
    /// The origin said `100 Continue`.
    wanted: CancellationToken,
    answered: CancellationToken,
    over: CancellationToken,
}

impl Upload {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            moved: AtomicU64::new(0),
            fault: OnceLock::new(),
            wanted: CancellationToken::new(),
            answered: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }

    /// When the origin last took something.
    pub fn moved(&self) -> Instant {
        self.start + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    pub fn fault(&self) -> Option<Fault> {
        self.fault.get().copied()
    }

    /// The origin wants the body.
    pub fn want(&self) {
        self.wanted.cancel();
    }

    /// The head of the answer is there.
    pub fn answer(&self) {
        self.answered.cancel();
    }

    fn advance(&self) {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(passed, Ordering::Relaxed);
    }
}

/// Held by an answer: at its end nobody waits any longer for the body of its request.
pub struct Over(Arc<Upload>);

impl Over {
    pub fn new(upload: Arc<Upload>) -> Self {
        Self(upload)
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.cancel();
    }
}

/// The body of a request on its way to the origin.
pub enum Sent {
    Nothing,
    Piecewise {
        stream: Pin<Box<Stream>>,
        upload: Arc<Upload>,
        /// Whether the client may send at all; none: it may.
        leave: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
    },
}

impl Sent {
    /// With `asked`, the client waits for leave (`Expect: 100-continue`), and hears of it when the first byte is read here.
    pub fn new(stream: Stream, upload: Arc<Upload>, asked: bool) -> Self {
        let leave =
            asked.then(|| Box::pin(leave(upload.clone())) as Pin<Box<dyn Future<Output = bool> + Send>>);
        Sent::Piecewise { stream: Box::pin(stream), upload, leave }
    }
}

async fn leave(upload: Arc<Upload>) -> bool {
    tokio::select! {
        () = upload.wanted.cancelled() => true,
        () = upload.answered.cancelled() => {
            // A body that nobody asked for is not sent after the answer, and the answer is not cut off by its end.
            upload.over.cancelled().await;
            false
        }
        () = tokio::time::sleep(LEAVE) => true,
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Sent::Piecewise { stream, upload, leave } = self.get_mut() else {
            return Poll::Ready(None);
        };
        if let Some(waiting) = leave {
            if !ready!(waiting.as_mut().poll(context)) {
                return Poll::Ready(Some(Err(Broken::Unwanted)));
            }
            *leave = None;
        }
        let frame = ready!(stream.as_mut().poll_frame(context));
        upload.advance();
        if let Some(Err(error)) = &frame {
            let fault = match error {
                Broken::Idle => Fault::Idle,
                Broken::TooLong => Fault::TooLong,
                Broken::Stream(_) | Broken::Unwanted | Broken::Coding => Fault::BrokeOff,
            };
            // The first one counts.
            let _ = upload.fault.set(fault);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Sent::Nothing => true,
            Sent::Piecewise { stream, .. } => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Sent::Nothing => SizeHint::with_exact(0),
            Sent::Piecewise { stream, .. } => stream.size_hint(),
        }
    }
}
