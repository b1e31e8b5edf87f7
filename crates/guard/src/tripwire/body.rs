//! The body of a page that is marked on its way out.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::rewrite::{Outcome, Rewriting, Step};
use super::{Shared, page};
use crate::body::{Answer, Broken};

/// Told what became of a page.
pub(crate) struct Watching {
    pub(crate) shared: Arc<Shared>,
    pub(crate) route: Option<Arc<str>>,
}

impl Watching {
    fn tell(&self, outcome: Option<Outcome>) {
        if let Some(outcome) = outcome {
            self.shared.page(self.route.as_ref(), outcome);
        }
    }
}

enum Stage {
    Page,
    /// Of a piece that was pushed.
    More,
    Trailers(HeaderMap),
    End,
}

/// A page on its way through.
pub struct Rewritten {
    page: Pin<Box<Answer>>,
    rewriting: Box<Rewriting>,
    watching: Watching,
    stage: Stage,
}

impl Rewritten {
    pub(crate) fn new(page: Answer, rewriting: Rewriting, watching: Watching) -> Self {
        Self { page: Box::pin(page), rewriting: Box::new(rewriting), watching, stage: Stage::Page }
    }

    /// What the step gives, if it gives any.
    fn taken(&mut self, step: Step) -> Option<Frame<Bytes>> {
        let Step { out, outcome, more } = step;
        self.watching.tell(outcome);
        if more {
            self.stage = Stage::More;
        }
        (!out.is_empty()).then(|| Frame::data(out))
    }

    fn end(&mut self, next: Stage) -> Result<Option<Frame<Bytes>>, Broken> {
        let step = self.rewriting.end().map_err(|_| Broken::Coding)?;
        self.stage = next;
        Ok(self.taken(step))
    }
}

impl Body for Rewritten {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        loop {
            let given = match std::mem::replace(&mut this.stage, Stage::Page) {
                Stage::End => {
                    this.stage = Stage::End;
                    return Poll::Ready(None);
                }
                Stage::Trailers(trailers) => {
                    this.stage = Stage::End;
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Stage::More => match this.rewriting.push(Bytes::new()) {
                    Ok(step) => Ok(this.taken(step)),
                    Err(_) => Err(Broken::Coding),
                },
                Stage::Page => match this.page.as_mut().poll_frame(context) {
                    Poll::Pending if this.rewriting.holds() => {
                        let out = this.rewriting.flush();
                        Ok((!out.is_empty()).then(|| Frame::data(out)))
                    }
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => this.end(Stage::End),
                    Poll::Ready(Some(Err(error))) => Err(error),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(piece) => match this.rewriting.push(piece) {
                            Ok(step) => Ok(this.taken(step)),
                            Err(_) => Err(Broken::Coding),
                        },
                        Err(frame) => {
                            let mut trailers = frame.into_trailers().unwrap_or_default();
                            page::remove_digests(&mut trailers);
                            this.end(Stage::Trailers(trailers))
                        }
                    },
                },
            };
            match given {
                Ok(None) => {}
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Err(error) => {
                    this.stage = Stage::End;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.stage, Stage::End)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
