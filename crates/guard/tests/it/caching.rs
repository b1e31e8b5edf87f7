//! Rules of caching, between real connections.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use edge::policy::{CACHE_CONTROL, Effect, Kind};
use edge::{Caching, Lifetime, Mode, RouteRule, RouteTable};
use futures_util::{SinkExt, StreamExt};
use guard::rules::{Notice, Rules, Sink, Taken};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::stand::*;

/// Keeps what it is told, as text too: nothing of what was sent may be in it.
#[derive(Default)]
pub struct Told(Mutex<Vec<One>>);

struct One {
    route: Option<String>,
    kind: Kind,
    effect: Effect,
    text: String,
}

impl Sink for Told {
    fn take(&self, notice: Notice<'_>) -> Taken {
        let text = format!("{notice:?}");
        let Notice { version: _, route, kind, effect } = notice;
        let route = route.map(str::to_owned);
        self.0.lock().unwrap().push(One { route, kind, effect, text });
        Taken::Now
    }
}

impl Told {
    fn of(&self, route: Option<&str>, kind: Kind) -> Vec<Effect> {
        let told = self.0.lock().unwrap();
        let these = told.iter().filter(|told| told.route.as_deref() == route && told.kind == kind);
        these.map(|told| told.effect).collect()
    }
}

fn hour() -> Caching {
    Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() })
}

pub fn table(mode: Mode) -> RouteTable {
    let mut routes = vec![
        RouteRule { suffixes: vec!["pdf".into()], ..RouteRule::personal("mypage", "/mypage/**") },
        RouteRule::public("assets", "/assets/**", hour()),
        RouteRule::public("news", "/news/**", Caching::Origin),
    ];
    for route in &mut routes {
        route.mode = mode;
    }
    RouteTable::compile(edge::Rules { routes, undeclared: mode }).unwrap()
}

/// A guard that keeps these rules in front of an origin.
pub struct Ruled {
    pub guard: Running,
    pub rules: Arc<Rules>,
    told: Arc<Told>,
}

pub async fn ruled(origin: SocketAddr, mode: Mode) -> Ruled {
    let told = Arc::new(Told::default());
    let rules = Arc::new(Rules::new("1", table(mode), told.clone()));
    let guard = Running::ruled(settings(origin), None, rules.clone()).await;
    Ruled { guard, rules, told }
}

impl Ruled {
    pub fn count(&self, route: Option<&str>, kind: Kind, effect: Effect) -> u64 {
        let counts = self.rules.counts().into_iter();
        let these = counts.filter(|count| count.route.as_deref() == route && count.kind == kind);
        these.filter(|count| count.effect == effect).map(|count| count.requests).sum()
    }
}

/// What a careless origin says of everything.
pub const CARELESS: [(&str, &str); 7] = [
    ("cache-control", "public, max-age=600"),
    ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
    ("etag", "\"a\""),
    ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ("age", "3"),
    ("cdn-cache-control", "max-age=600"),
    ("vary", "Accept-Language"),
];

pub fn careless() -> Response<Body> {
    let mut answer = Response::new(full("page"));
    for (name, value) in CARELESS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A careless origin; how often it was asked.
pub async fn careless_origin() -> (Arc<AtomicUsize>, SocketAddr) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let origin = origin(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { careless() }
    })
    .await;
    (asked, origin)
}

pub async fn get(client: &Client, guard: &Running, target: &str) -> Response<Incoming> {
    ask(client, request("GET", guard, target, full(""))).await
}

pub async fn ask(client: &Client, request: Request<Body>) -> Response<Incoming> {
    soon(client.request(request)).await.unwrap()
}

pub fn is_sealed(fields: &HeaderMap) {
    let said = |name: &str| fields.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(said("cache-control"), Some(CACHE_CONTROL));
    assert_eq!(said("cdn-cache-control"), Some("no-store"));
    assert_eq!(said("surrogate-control"), Some("no-store"));
    assert_eq!(said("x-accel-expires"), Some("0"));
    let vary = said("vary").unwrap().to_lowercase();
    assert!(vary.contains("cookie") && vary.contains("authorization"), "{vary}");
    for gone in ["expires", "etag", "last-modified", "age", "pragma"] {
        assert_eq!(said(gone), None, "{gone}");
    }
}

#[tokio::test]
async fn a_personal_page_leaves_sealed() {
    let (_, origin) = careless_origin().await;
    for http2 in [false, true] {
        let ruled = ruled(origin, Mode::Enforce).await;
        let client = client(http2);
        // Declared, undeclared, and what two servers read differently.
        for target in ["/mypage/a?b=c", "/mypage/a.pdf", "/elsewhere", "/assets/..;/mypage", "/assets/%2e"] {
            let answer = get(&client, &ruled.guard, target).await;
            is_sealed(answer.headers());
        }
        assert_eq!(ruled.count(Some("mypage"), Kind::CacheControlPermits, Effect::Corrected), 2);
        assert_eq!(ruled.told.of(Some("mypage"), Kind::CacheControlPermits), [Effect::Corrected]);
        assert_eq!(ruled.told.of(None, Kind::UndeclaredRoute), [Effect::Reported]);
    }
}

#[tokio::test]
async fn an_unknown_suffix_is_not_found_and_not_asked_for() {
    let (asked, origin) = careless_origin().await;
    for http2 in [false, true] {
        let ruled = ruled(origin, Mode::Enforce).await;
        let client = client(http2);
        for method in ["GET", "HEAD", "POST"] {
            let body = if method == "POST" { full("form") } else { full("") };
            let answer = ask(&client, request(method, &ruled.guard, "/mypage/x.css", body)).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method}");
            is_sealed(answer.headers());
            let (body, _) = whole_body(answer).await;
            assert_eq!(body.is_empty(), method == "HEAD", "{body:?}");
        }
        assert_eq!(ruled.count(Some("mypage"), Kind::UnknownSuffix, Effect::Corrected), 3);
        assert_eq!(ruled.told.of(Some("mypage"), Kind::UnknownSuffix), [Effect::Corrected]);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn public_pages_get_what_they_declare() {
    let (_, origin) = careless_origin().await;
    let ruled = ruled(origin, Mode::Enforce).await;
    let client = client(false);
    let answer = get(&client, &ruled.guard, "/assets/site.css").await;
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=3600");
    assert!(answer.headers().contains_key(header::ETAG));
    // A route that declares nothing keeps what the origin says.
    let answer = get(&client, &ruled.guard, "/news/today").await;
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=600");
    // Who signs in gets a page that may be of one's own.
    let mut signed = request("GET", &ruled.guard, "/assets/site.css", full(""));
    signed.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    is_sealed(ask(&client, signed).await.headers());
}

#[tokio::test]
async fn no_cookie_is_set_by_what_anybody_may_keep() {
    let origin = origin(|_| async {
        let mut answer = careless();
        answer.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static("sid=1"));
        answer
    })
    .await;
    let ruled = ruled(origin, Mode::Enforce).await;
    for (target, route) in [("/assets/site.css", "assets"), ("/news/today", "news")] {
        let answer = get(&client(false), &ruled.guard, target).await;
        // The cookie is somebody's; so is the page.
        assert_eq!(answer.headers()[header::SET_COOKIE], "sid=1");
        is_sealed(answer.headers());
        assert_eq!(ruled.told.of(Some(route), Kind::PublicSetsCookie), [Effect::Corrected]);
    }
}

#[tokio::test]
async fn observing_and_auditing_change_nothing() {
    let (asked, origin) = careless_origin().await;
    for (mode, effect) in [(Mode::Observe, Effect::Measured), (Mode::Audit, Effect::Reported)] {
        let ruled = ruled(origin, mode).await;
        let before = asked.load(Ordering::Relaxed);
        for target in ["/mypage/a", "/mypage/x.css", "/assets/site.css", "/elsewhere"] {
            let answer = get(&client(false), &ruled.guard, target).await;
            assert_eq!(answer.status(), StatusCode::OK);
            for (name, value) in CARELESS {
                assert_eq!(answer.headers()[name], value, "{mode:?} {target}");
            }
            assert!(!answer.headers().contains_key("surrogate-control"));
        }
        assert_eq!(asked.load(Ordering::Relaxed) - before, 4);
        assert_eq!(ruled.count(Some("mypage"), Kind::UnknownSuffix, effect), 1);
        assert_eq!(ruled.count(Some("mypage"), Kind::CacheControlPermits, effect), 2);
        // What is only measured is nobody's finding.
        let told: &[Effect] = if mode == Mode::Audit { &[effect] } else { &[] };
        assert_eq!(ruled.told.of(Some("mypage"), Kind::CacheControlPermits), told);
        assert!(mode == Mode::Audit || ruled.told.0.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn no_copy_of_a_personal_page_is_confirmed() {
    let origin = origin(|request| async move {
        let fields = request.headers();
        let asked = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE, header::RANGE];
        let asked = asked.iter().any(|name| fields.contains_key(name))
            || fields.keys().any(|name| name.as_str().contains('_'));
        let mut answer = careless();
        if asked || request.uri().path() == "/mypage/liar" {
            answer = answer.map(|_| full(""));
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        answer
    })
    .await;
    let ruled = ruled(origin, Mode::Enforce).await;
    let conditional = |target| {
        let mut request = request("GET", &ruled.guard, target, full(""));
        for (name, value) in [
            ("if-none-match", "\"a\""),
            ("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ("if-range", "\"a\""),
            ("range", "bytes=0-1"),
            // What CGI takes for the same.
            ("if_none_match", "\"a\""),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        request
    };
    let answer = ask(&client(false), conditional("/mypage/a")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    is_sealed(answer.headers());
    let answer = ask(&client(false), conditional("/mypage/liar")).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    is_sealed(answer.headers());
    // A public one is.
    assert_eq!(ask(&client(false), conditional("/assets/a")).await.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn what_the_guard_says_itself_is_sealed() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ruled = ruled(nobody, Mode::Observe).await;
    let answer = get(&client(false), &ruled.guard, "/assets/site.css").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    is_sealed(answer.headers());
    let answer = ask(&client(false), request("TRACE", &ruled.guard, "/assets/site.css", full(""))).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    is_sealed(answer.headers());
}

/// Text that a log is written into.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_logs_nor_notices_repeat_what_was_sent() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_env_filter("guard=trace").with_writer(move || writer.clone()).finish();
    // All of this test runs on this thread.
    let _kept = tracing::subscriber::set_default(subscriber);
    let origin = by_hand(|mut stream, number| async move {
        let read = until(&mut stream, "\r\n\r\n").await;
        let answer = match number {
            0 => "HTTP/1.1 200 OK\r\nX-Name: hanako\r\nSet-Cookie: hanako=1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\nX-Name: hanako\r\nContent-Length: hanako\r\n\r\n",
        };
        assert!(read.contains("hanako"));
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
    })
    .await;
    let ruled = ruled(origin, Mode::Enforce).await;
    let mut status = Vec::new();
    for target in ["/mypage/hanako?name=hanako", "/mypage/hanako", "/mypage/hanako.css", "/hanako/..;x.css"] {
        let mut request = request("GET", &ruled.guard, target, full(""));
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_static("sid=hanako"));
        request.headers_mut().insert("if-none-match", HeaderValue::from_static("\"hanako\""));
        status.push(ask(&client(false), request).await.status().as_u16());
    }
    assert_eq!(status, [200, 502, 404, 404]);
    let told: String = ruled.told.0.lock().unwrap().iter().map(|told| told.text.clone()).collect();
    assert!(
        told.contains("mypage") && told.contains("UnknownSuffix") && told.contains("ConfusedPath"),
        "{told}"
    );
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the origin gave no answer"), "{log}");
    assert!(!told.contains("hanako") && !log.contains("hanako"), "{told} {log}");
}

#[tokio::test]
async fn a_tunnel_goes_through_what_is_enforced() {
    let origin = by_hand(|stream, _| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let message = socket.next().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
    })
    .await;
    let ruled = ruled(origin, Mode::Enforce).await;
    let stream = tokio::net::TcpStream::connect(ruled.guard.address).await.unwrap();
    let opened = tokio_tungstenite::client_async("ws://a.example/mypage/chat", stream);
    let (mut socket, answer) = soon(opened).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    let message = tokio_tungstenite::tungstenite::Message::text("hello");
    soon(socket.send(message.clone())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), message);
    assert_eq!(ruled.count(Some("mypage"), Kind::CacheControlAbsent, Effect::Corrected), 0);
}
