//! What is the layer's own: it is called as a service, changes its rules under way, and passes on what it does not judge.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use edge::Mode;
use edge::policy::{CACHE_CONTROL, Kind};
use guard_layer::{GuardLayer, Rules};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use proptest::prelude::*;
use tokio::sync::Notify;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::cases::{Told, application, ask, rules, serve, soon};

fn layer(mode: Mode) -> GuardLayer {
    GuardLayer::new(rules("v1", mode), Arc::new(Told::default()))
}

fn request(target: &str) -> Request<()> {
    Request::builder().uri(target).body(()).unwrap()
}

fn times(rules: &Rules, wanted: Kind) -> u64 {
    rules.counts().iter().filter(|count| count.kind == wanted).map(|count| count.times).sum()
}

#[tokio::test]
async fn a_refused_path_never_reaches_the_application() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let inner = service_fn(move |_: Request<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"a page")))) }
    });
    let service = layer(Mode::Enforce).layer(inner);
    let answer = service.clone().oneshot(request("/mypage/x.css")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(answer.headers()["cache-control"], CACHE_CONTROL);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "there is nothing here\n");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let answer = service.oneshot(request("/mypage/x")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "a page");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_error_is_passed_on() {
    let inner = service_fn(|_: Request<()>| async { Err::<Response<Full<Bytes>>, _>("broken") });
    let failed = layer(Mode::Enforce).layer(inner).oneshot(request("/mypage")).await;
    assert_eq!(failed.map(|_| ()).unwrap_err(), "broken");
}

#[tokio::test]
async fn another_protocol_is_not_judged() {
    let layer = layer(Mode::Enforce);
    let inner = service_fn(|_: Request<()>| async {
        let answer = Response::builder().status(101).header("upgrade", "websocket");
        Ok::<_, Infallible>(answer.body(Full::<Bytes>::default()).unwrap())
    });
    let answer = layer.layer(inner).oneshot(request("/mypage")).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().len()), (101, 1));
    assert_eq!(times(&layer.rules(), Kind::CacheControlAbsent), 0);
}

#[tokio::test]
async fn trailers_say_nothing_to_caches() {
    let inner = service_fn(|_: Request<()>| async {
        let (mut sender, body) = http_body_util::channel::Channel::<Bytes, Infallible>::new(2);
        sender.send_data(Bytes::from_static(b"a page")).await.unwrap();
        let mut trailers = HeaderMap::new();
        for name in ["cache-control", "set-cookie", "etag", "vary", "expires", "cache-tag", "x-accel-expires"]
        {
            trailers.append(HeaderName::from_static(name), HeaderValue::from_static("public"));
        }
        trailers.append("grpc-status", HeaderValue::from_static("0"));
        sender.send_trailers(trailers).await.unwrap();
        Ok::<_, Infallible>(Response::new(body))
    });
    for mode in [Mode::Enforce, Mode::Observe] {
        let answer = layer(mode).layer(inner).oneshot(request("/mypage")).await.unwrap();
        let body = answer.into_body().collect().await.unwrap();
        let left: Vec<_> = body.trailers().unwrap().keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["grpc-status"]);
        assert_eq!(body.to_bytes(), "a page");
    }
}

#[tokio::test]
async fn a_request_is_judged_by_one_version_from_beginning_to_end() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (heard, wait) = (came.clone(), go.clone());
    let inner = service_fn(move |request: Request<()>| {
        let (heard, wait) = (heard.clone(), wait.clone());
        async move {
            if request.uri().path() == "/mypage/slow" {
                heard.notify_one();
                wait.notified().await;
            }
            let answer = Response::builder().header("cache-control", "public");
            Ok::<_, Infallible>(answer.body(Full::<Bytes>::default()).unwrap())
        }
    });
    let layer = layer(Mode::Enforce);
    let service = layer.layer(inner);
    let slow = tokio::spawn(service.clone().oneshot(request("/mypage/slow")));
    soon(came.notified()).await;
    let old = layer.replace(rules("v2", Mode::Audit));
    assert_eq!((old.version(), layer.rules().version()), ("v1", "v2"));
    let quick = service.oneshot(request("/mypage/1")).await.unwrap();
    assert_eq!(quick.headers()["cache-control"], "public");
    go.notify_one();
    let slow = soon(slow).await.unwrap().unwrap();
    assert_eq!(slow.headers()["cache-control"], CACHE_CONTROL);
    // Each version counts its own.
    assert_eq!(times(&old, Kind::CacheControlPermits), 1);
    assert_eq!(times(&layer.rules(), Kind::CacheControlPermits), 1);
}

/// No request is lost and none is half the one and half the other, however often the rules change under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_change_under_load() {
    const EACH: u64 = 100;
    let layer = layer(Mode::Enforce);
    let address = serve(application().layer(layer.clone())).await;
    let clients: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..EACH {
                    let seen = ask(address, "GET", "/mypage", &[("x-answer", "1")]).await;
                    let enforced = seen.fields["cache-control"] == [CACHE_CONTROL];
                    for (field, whenever) in [("x-accel-expires", true), ("etag", false), ("age", false)] {
                        assert_eq!(seen.fields.contains_key(field), enforced == whenever, "{seen:?}");
                    }
                }
            })
        })
        .collect();
    let mut versions = vec![layer.rules()];
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        let mode = if versions.len() % 2 == 0 { Mode::Enforce } else { Mode::Audit };
        layer.replace(rules(&format!("v{}", versions.len()), mode));
        versions.push(layer.rules());
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert!(versions.len() > 2, "the rules changed {} times", versions.len() - 1);
    let all: u64 = versions.iter().map(|rules| times(rules, Kind::CacheControlPermits)).sum();
    assert_eq!(all, 4 * EACH);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is asked and answered: either a public route covers the path for sure, or the answer leaves as a personal one.
    #[test]
    fn nothing_leaves_in_doubt(
        path in "/(mypage|assets|x)?[a-zA-Z0-9/._;%~=-]{0,12}",
        fields in prop::collection::vec(("(cache-control|expires|vary|set-cookie|x-accel-expires|etag|pragma)", "[ -~]{0,24}"), 0..6),
        status in prop::sample::select(vec![200u16, 204, 206, 301, 304, 404, 500]),
    ) {
        let kept = rules("v1", Mode::Enforce);
        let public = kept.table().resolve(&http::Method::GET, &path).may_be_stored();
        let layer = GuardLayer::new(kept, Arc::new(Told::default()));
        let inner = service_fn(move |_: Request<()>| {
            let mut answer = Response::builder().status(status);
            for (name, value) in &fields {
                answer = answer.header(name, HeaderValue::from_str(value.trim()).unwrap());
            }
            std::future::ready(Ok::<_, Infallible>(answer.body(Full::<Bytes>::default()).unwrap()))
        });
        let asked = Request::builder().uri(http::uri::Uri::builder().path_and_query(&*path).build().unwrap()).body(()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(layer.layer(inner).oneshot(asked)).unwrap();
        let sealed = answer.headers().get("cache-control").is_some_and(|said| said == CACHE_CONTROL);
        prop_assert!(public || sealed);
        prop_assert!(sealed || !answer.headers().contains_key("set-cookie"));
    }
}
