//! What the layer costs a request: the same service with it and without it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use divan::{Bencher, black_box};
use guard_layer::edge::{self, Caching, Lifetime, RouteRule};
use guard_layer::{Found, GuardLayer, Rules, Sink};
use http::{Request, Response};
use http_body_util::Full;
use tower_layer::Layer as _;
use tower_service::Service;

fn main() {
    divan::main();
}

struct Nobody;

impl Sink for Nobody {
    fn tell(&self, _: Found<'_>) {}
}

/// An application that says a lifetime on every page.
#[derive(Clone)]
struct Application;

impl Service<Request<()>> for Application {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let answer = Response::builder().header("cache-control", "max-age=60").header("etag", "\"1\"");
        // Two fields that are written well.
        ready(Ok(answer.body(Full::new(Bytes::from_static(b"a page"))).expect("a plain answer")))
    }
}

fn layer() -> GuardLayer {
    let hour = Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() });
    let routes =
        vec![RouteRule::personal("mypage", "/mypage/**"), RouteRule::public("assets", "/assets/**", hour)];
    let rules = Rules::compile("v1", edge::Rules { routes, ..edge::Rules::default() });
    GuardLayer::new(rules.unwrap_or_else(|faults| panic!("{faults:?}")), Arc::new(Nobody))
}

fn request(path: &'static str) -> Request<()> {
    Request::builder().uri(path).header("cookie", "sid=1").body(()).expect("a plain request")
}

/// The service never waits: one look at its future is enough.
fn ask<S: Service<Request<()>>>(service: &mut S, request: Request<()>) -> bool {
    let future = pin!(service.call(request));
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

const PATHS: [&str; 3] = ["/mypage/1", "/assets/a.css", "/mypage/x.css"];

#[divan::bench(args = PATHS)]
fn without(bencher: Bencher<'_, '_>, path: &'static str) {
    let mut service = Application;
    bencher.with_inputs(|| request(path)).bench_local_values(|asked| black_box(ask(&mut service, asked)));
}

#[divan::bench(args = PATHS)]
fn with(bencher: Bencher<'_, '_>, path: &'static str) {
    let mut service = layer().layer(Application);
    bencher.with_inputs(|| request(path)).bench_local_values(|asked| black_box(ask(&mut service, asked)));
}
