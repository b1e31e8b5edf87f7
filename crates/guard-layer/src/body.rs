//! Bodies: the application's own, and the short ones of the layer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use edge::policy::seal_trailers;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an answer: the application's, with what trailers may not say taken out of them, or a short text of the layer.
    pub struct Body<B> {
        #[pin]
        of: Of<B>,
    }
}

pin_project! {
    #[project = OfProjection]
    enum Of<B> {
        Own { #[pin] body: Full<Bytes> },
        Inner { #[pin] body: B },
    }
}

impl<B> Body<B> {
    pub(crate) fn own(text: &'static str) -> Self {
        Self { of: Of::Own { body: Full::new(Bytes::from_static(text.as_bytes())) } }
    }

    pub(crate) fn inner(body: B) -> Self {
        Self { of: Of::Inner { body } }
    }
}

/// Without what is in it: that may be somebody's page.
impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for Body<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().of.project() {
            OfProjection::Own { body } => body.poll_frame(context).map_err(|never| match never {}),
            OfProjection::Inner { body } => body.poll_frame(context).map_ok(|mut frame| {
                if let Some(trailers) = frame.trailers_mut() {
                    seal_trailers(trailers);
                }
                frame
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.of {
            Of::Own { body } => body.is_end_stream(),
            Of::Inner { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.of {
            Of::Own { body } => body.size_hint(),
            Of::Inner { body } => body.size_hint(),
        }
    }
}
