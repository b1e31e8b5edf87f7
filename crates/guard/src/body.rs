//! Bodies: our own short ones, and streams that may not stand still.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use crate::access_log::Pending;
use crate::tripwire::Rewritten;
use crate::upload::Over;
use crate::{fields, identity};

/// Why a body ends before its end. Nobody is told more than that it did: the connection breaks off.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("the other side sent nothing for too long")]
    Idle,
    #[error("the body is longer than is taken")]
    TooLong,
    #[error("the other side broke off")]
    Stream(#[source] hyper::Error),
    #[error("the origin answered without asking for the body")]
    Unwanted,
    #[error("the page's coding cannot be undone")]
    Coding,
}

pin_project! {
    /// A body that comes in pieces from the network.
    pub struct Stream {
        #[pin]
        incoming: Incoming,
        // Made when something is waited for at all: most bodies are there with their heads.
        timer: Option<Pin<Box<Sleep>>>,
        patience: Duration,
        left: u64,
        // A piece was asked for and has not come. Time counts only then: whoever takes slowly is not who sends slowly.
        waiting: bool,
        hidden: Option<Arc<[HeaderName]>>,
    }
}

impl Stream {
    /// At most `most` bytes, and no longer than `patience` between two pieces.
    pub fn new(incoming: Incoming, patience: Duration, most: u64) -> Self {
        Self { incoming, timer: None, patience, left: most, waiting: false, hidden: None }
    }

    /// Without these fields in its trailers.
    pub fn hiding(mut self, hidden: Option<Arc<[HeaderName]>>) -> Self {
        self.hidden = hidden;
        self
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.project();
        match this.incoming.poll_frame(context) {
            Poll::Ready(frame) => {
                *this.waiting = false;
                let mut frame = match frame {
                    Some(Ok(frame)) => frame,
                    Some(Err(error)) => return Poll::Ready(Some(Err(Broken::Stream(error)))),
                    None => return Poll::Ready(None),
                };
                if let Some(data) = frame.data_ref() {
                    let Some(left) = this.left.checked_sub(data.len() as u64) else {
                        return Poll::Ready(Some(Err(Broken::TooLong)));
                    };
                    *this.left = left;
                } else if let Some(trailers) = frame.trailers_mut() {
                    fields::remove_from_trailers(trailers);
                    if let Some(hidden) = this.hidden {
                        identity::remove_hidden(trailers, hidden);
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending => {
                let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(*this.patience)));
                if !*this.waiting {
                    *this.waiting = true;
                    timer.as_mut().reset(Instant::now() + *this.patience);
                }
                ready!(timer.as_mut().poll(context));
                Poll::Ready(Some(Err(Broken::Idle)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

pin_project! {
    /// The body of an answer.
    #[project = AnswerProjection]
    pub enum Answer {
        Own { #[pin] body: Full<Bytes> },
        Origin { #[pin] body: Stream, _over: Option<Over> },
        // One of the others, whose record is written at its end.
        Logged { body: Pin<Box<Answer>>, pending: Pending },
        // The origin's, which the tripwire marks on its way.
        Rewritten { #[pin] page: Rewritten },
    }
}

impl From<Bytes> for Answer {
    fn from(bytes: Bytes) -> Self {
        Answer::Own { body: Full::new(bytes) }
    }
}

impl Answer {
    /// The origin's; at its end `over` ends, too.
    pub fn of_origin(body: Stream, over: Option<Over>) -> Self {
        Answer::Origin { body, _over: over }
    }

    /// This one; when it has left, its record is written.
    pub(crate) fn logged(self, mut pending: Pending) -> Self {
        if self.is_end_stream() {
            pending.end();
        }
        Answer::Logged { body: Box::pin(self), pending }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.project() {
            AnswerProjection::Own { body } => body.poll_frame(context).map_err(|never| match never {}),
            AnswerProjection::Origin { body, .. } => body.poll_frame(context),
            AnswerProjection::Logged { body, pending } => {
                let frame = ready!(body.as_mut().poll_frame(context));
                match &frame {
                    Some(Ok(frame)) => pending.sent(frame.data_ref().map_or(0, |data| data.len() as u64)),
                    Some(Err(_)) => return Poll::Ready(frame),
                    None => pending.end(),
                }
                if body.is_end_stream() {
                    pending.end();
                }
                Poll::Ready(frame)
            }
            AnswerProjection::Rewritten { page } => page.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Own { body } => body.is_end_stream(),
            Answer::Origin { body, .. } => body.is_end_stream(),
            Answer::Logged { body, .. } => body.is_end_stream(),
            Answer::Rewritten { page } => page.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Own { body } => body.size_hint(),
            Answer::Origin { body, .. } => body.size_hint(),
            Answer::Logged { body, .. } => body.size_hint(),
            Answer::Rewritten { page } => page.size_hint(),
        }
    }
}
