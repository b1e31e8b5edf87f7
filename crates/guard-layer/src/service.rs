//! One request's way through the application.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use edge::policy::own_answer;
use http::{Request, Response, StatusCode};
use tower_service::Service;

use crate::Kept;
use crate::body::Body;

/// A service whose answers leave as the rules say.
#[derive(Clone)]
pub struct GuardService<S> {
    inner: S,
    kept: Arc<Kept>,
}

impl<S> GuardService<S> {
    pub(crate) fn new(inner: S, kept: Arc<Kept>) -> Self {
        Self { inner, kept }
    }
}

/// An error of the service within is passed on as it is: it is no answer yet. Whoever makes one of it stands within, too.
impl<S, I, O> Service<Request<I>> for GuardService<S>
where
    S: Service<Request<I>, Response = Response<O>> + Clone + Send + 'static,
    S::Future: Send,
    I: Send + 'static,
    O: 'static,
{
    type Response = Response<Body<O>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<I>) -> Self::Future {
        // The one that was found ready; the clone is for the next request.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        // Boxed, because the verdict on the request borrows from the rules that are held beside it.
        Box::pin(by_rules(inner, self.kept.clone(), request))
    }
}

async fn by_rules<S, I, O>(
    mut inner: S,
    kept: Arc<Kept>,
    mut request: Request<I>,
) -> Result<Response<Body<O>>, S::Error>
where
    S: Service<Request<I>, Response = Response<O>>,
{
    // Held to the end: whatever is put into force meanwhile, the answer is judged as the request was.
    let rules = kept.rules.load_full();
    // Apart from the request while both are looked at.
    let mut fields = std::mem::take(request.headers_mut());
    let exchange = rules.table().judge_request(request.method(), request.uri().path(), &mut fields);
    *request.headers_mut() = fields;
    rules.note_request(&exchange, &*kept.sink);
    if let Some(status) = exchange.refusal() {
        return Ok(own_answer(status, Body::own("there is nothing here\n")));
    }
    let mut answer = inner.call(request).await?;
    // After it come bytes of another protocol; there is nothing that a cache could keep.
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(answer.map(Body::inner));
    }
    let verdict = exchange.judge_response(answer.status(), answer.headers_mut());
    rules.note_answer(&exchange, verdict.findings, &*kept.sink);
    Ok(match verdict.replace {
        Some(status) => own_answer(status, Body::own("the system's answer cannot be used\n")),
        None => answer.map(Body::inner),
    })
}

impl<S: fmt::Debug> fmt::Debug for GuardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.kept.rules.load();
        f.debug_struct("GuardService")
            .field("inner", &self.inner)
            .field("version", &version.version())
            .finish_non_exhaustive()
    }
}
