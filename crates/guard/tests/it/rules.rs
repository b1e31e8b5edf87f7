//! Caching rules: what leaves the guard, what the origin is asked, and who hears of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use edge::policy::{CACHE_CONTROL, Effect, Kind};
use edge::{Caching, Lifetime, Mode, RouteRule};
use guard::{Found, Guard, Rules, Sink};
use http::{HeaderMap, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::stand::*;

/// Version, route, kind and effect.
type Fault = (String, Option<String>, Kind, Effect);

/// Remembers what it was told.
#[derive(Default)]
struct Told(Mutex<Vec<Fault>>);

impl Sink for Told {
    fn tell(&self, found: Found<'_>) {
        let Found { version, route, kind, effect } = found;
        self.0.lock().unwrap().push((version.to_owned(), route.map(str::to_owned), kind, effect));
    }
}

fn routes() -> Vec<RouteRule> {
    let hour = Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() });
    vec![
        RouteRule { suffixes: vec!["pdf".into()], ..RouteRule::personal("mypage", "/mypage/**") },
        RouteRule::public("assets", "/assets/**", hour),
        RouteRule::public("top", "/", Caching::Origin),
    ]
}

fn rules(version: &str, mode: Mode) -> Rules {
    let mut routes = routes();
    routes.iter_mut().for_each(|route| route.mode = mode);
    Rules::compile(version, edge::Rules { routes, undeclared: mode }).unwrap()
}

struct Scene {
    guard: Arc<Guard>,
    told: Arc<Told>,
    running: Running,
}

impl Scene {
    async fn new(origin: SocketAddr, rules: Rules) -> Self {
        let told = Arc::new(Told::default());
        let guard = Arc::new(Guard::new(settings(origin), rules, told.clone()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Running::of(guard.clone(), listener, None);
        Self { guard, told, running }
    }

    async fn get(&self, target: &str) -> (StatusCode, HeaderMap) {
        let answer =
            soon(client(false).request(request("GET", &self.running, target, full("")))).await.unwrap();
        (answer.status(), answer.headers().clone())
    }

    fn times(&self, kind: Kind) -> u64 {
        self.guard.rules().counts().iter().filter(|count| count.kind == kind).map(|count| count.times).sum()
    }

    fn told_of(&self, wanted: Kind) -> Vec<(Option<String>, Effect)> {
        let told = self.told.0.lock().unwrap();
        told.iter().filter(|(.., kind, _)| *kind == wanted).map(|(_, r, _, e)| (r.clone(), *e)).collect()
    }
}

/// An origin that wants its page kept by everybody, and signs the visitor in.
async fn careless() -> SocketAddr {
    origin(|request| async move {
        let mut answer = Response::builder()
            .header("cache-control", "public, max-age=60, s-maxage=600")
            .header("cdn-cache-control", "max-age=60")
            .header("expires", "Thu, 01 Jan 2037 00:00:00 GMT")
            .header("etag", "\"1\"")
            .header("last-modified", "Thu, 26 Oct 2023 02:00:00 GMT")
            .header("age", "1");
        if request.uri().query() == Some("sign-in") {
            answer = answer.header("set-cookie", "sid=1; HttpOnly");
        }
        answer.body(full("a page")).unwrap()
    })
    .await
}

fn assert_sealed(fields: &HeaderMap) {
    let all =
        |name: &str| fields.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(all("cache-control"), [CACHE_CONTROL], "{fields:?}");
    assert_eq!(all("cdn-cache-control"), ["no-store"]);
    assert_eq!(all("surrogate-control"), ["no-store"]);
    assert_eq!(all("x-accel-expires"), ["0"]);
    assert_eq!(all("vary").join(", ").to_lowercase(), "cookie, authorization");
    for gone in ["expires", "etag", "last-modified", "age"] {
        assert!(!fields.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn a_personal_page_leaves_so_that_no_cache_keeps_it() {
    let scene = Scene::new(careless().await, rules("v1", Mode::Enforce)).await;
    // Declared, with a declared suffix, not declared, and a spelling that servers read differently.
    for target in ["/mypage/1?sign-in", "/mypage/answers.pdf", "/elsewhere", "/assets/a;b"] {
        let (status, fields) = scene.get(target).await;
        assert_eq!(status, 200, "{target}");
        assert_sealed(&fields);
        // The person whose page it is stays signed in.
        assert_eq!(fields.contains_key("set-cookie"), target.ends_with("sign-in"));
    }
    assert_eq!(scene.times(Kind::CacheControlPermits), 4);
    let route = |name: &str| (Some(name.to_owned()), Effect::Corrected);
    assert_eq!(scene.told_of(Kind::CacheControlPermits), [route("mypage"), (None, Effect::Corrected)]);
    // Nothing that headers could put right.
    assert_eq!(scene.told_of(Kind::UndeclaredRoute), [(None, Effect::Reported)]);
    assert!(scene.told.0.lock().unwrap().iter().all(|(version, ..)| version == "v1"));
}

#[tokio::test]
async fn the_same_over_http2() {
    let scene = Scene::new(careless().await, rules("v1", Mode::Enforce)).await;
    let asked = request("GET", &scene.running, "/mypage/1", full(""));
    let answer = soon(client(true).request(asked)).await.unwrap();
    assert_sealed(answer.headers());
    let asked = request("GET", &scene.running, "/mypage/1.css", full(""));
    assert_eq!(soon(client(true).request(asked)).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_suffix_that_nobody_declared_never_reaches_the_origin() {
    let (recorder, origin) = Recorder::start().await;
    let scene = Scene::new(origin, rules("v1", Mode::Enforce)).await;
    let paths = [
        "/mypage/x.css",
        "/mypage/1;a.js",
        "/mypage/%2e%2e/assets/a.css",
        "/assets/../mypage",
        "/mypage/a%00.pdf",
    ];
    for target in paths {
        // Other clients put such paths right before they send them.
        let sent = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
        let read = exchange(scene.running.address, sent.as_bytes()).await;
        assert_eq!(statuses(&read), [404], "{target}: {read}");
        assert!(read.contains(&format!("cache-control: {CACHE_CONTROL}\r\n")), "{read}");
    }
    assert_eq!(recorder.requests(), [""; 0]);
}

#[tokio::test]
async fn a_public_page_gets_what_its_route_declares() {
    let scene = Scene::new(careless().await, rules("v1", Mode::Enforce)).await;
    let (status, fields) = scene.get("/assets/a.css").await;
    assert_eq!(
        (status, &fields["cache-control"]),
        (StatusCode::OK, &"public, max-age=3600".parse().unwrap())
    );
    assert!(fields.contains_key("etag") && !fields.contains_key("x-accel-expires"));
    // Declares nothing: the origin's own word.
    let (_, fields) = scene.get("/").await;
    assert_eq!(fields["cache-control"], "public, max-age=60, s-maxage=600");
}

/// Whatever a route declares, a cookie makes its answer one person's: no cache may hand it on.
#[tokio::test]
async fn a_cookie_never_leaves_on_what_caches_may_keep() {
    let scene = Scene::new(careless().await, rules("v1", Mode::Enforce)).await;
    for target in ["/assets/a.css?sign-in", "/?sign-in"] {
        let (_, fields) = scene.get(target).await;
        assert_sealed(&fields);
        assert!(fields.contains_key("set-cookie"));
    }
    assert_eq!(scene.times(Kind::PublicSetsCookie), 2);
}

#[tokio::test]
async fn observing_counts_and_auditing_tells() {
    for (mode, effect) in [(Mode::Observe, Effect::Measured), (Mode::Audit, Effect::Reported)] {
        let scene = Scene::new(careless().await, rules("v1", mode)).await;
        for _ in 0..2 {
            let (status, fields) = scene.get("/mypage/x.css").await;
            assert_eq!(status, 200);
            assert_eq!(fields["cache-control"], "public, max-age=60, s-maxage=600");
            assert!(fields.contains_key("etag") && !fields.contains_key("x-accel-expires"));
        }
        let counts = scene.guard.rules().counts();
        let of = |wanted: Kind| counts.iter().find(|count| count.kind == wanted).unwrap();
        for kind in [Kind::UnknownSuffix, Kind::CacheControlPermits, Kind::CdnCacheControlPermits] {
            assert_eq!((of(kind).times, of(kind).effect), (2, effect));
            assert_eq!(of(kind).route.as_deref(), Some("mypage"));
            let told =
                if mode == Mode::Audit { vec![(Some("mypage".to_owned()), effect)] } else { Vec::new() };
            assert_eq!(scene.told_of(kind), told);
        }
    }
}

#[tokio::test]
async fn nobody_is_told_that_a_copy_of_a_personal_page_is_still_good() {
    let origin = origin(|request| async move {
        let asked = request.headers().contains_key("if-none-match");
        let status = if asked || request.uri().query() == Some("304") { 304 } else { 200 };
        Response::builder().status(status).body(full("")).unwrap()
    })
    .await;
    let scene = Scene::new(origin, rules("v1", Mode::Enforce)).await;
    let asked = |target: &str| {
        let mut asked = request("GET", &scene.running, target, full(""));
        asked.headers_mut().insert("if-none-match", "\"1\"".parse().unwrap());
        client(false).request(asked)
    };
    assert_eq!(soon(asked("/mypage/1")).await.unwrap().status(), 200);
    assert_eq!(soon(asked("/assets/a.css")).await.unwrap().status(), 304);
    // An origin that says so unasked.
    let answer = soon(asked("/mypage/1?304")).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert_sealed(answer.headers());
}

/// Errors quote and lead: those of the origin and of the guard itself.
#[tokio::test]
async fn errors_are_kept_by_nobody() {
    let failing = origin(|_| async {
        Response::builder().status(500).header("cache-control", "public, max-age=9").body(full("")).unwrap()
    })
    .await;
    let scene = Scene::new(failing, rules("v1", Mode::Enforce)).await;
    for target in ["/assets/a.css", "/mypage/1"] {
        let (status, fields) = scene.get(target).await;
        assert_eq!(status, 500);
        assert_sealed(&fields);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let scene = Scene::new(nobody, rules("v1", Mode::Enforce)).await;
    let (status, fields) = scene.get("/assets/a.css").await;
    assert_eq!(status, 503);
    assert_sealed(&fields);
}

#[tokio::test]
async fn a_request_is_judged_by_one_version_from_beginning_to_end() {
    let (came, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (heard, wait) = (came.clone(), go.clone());
    let origin = origin(move |request| {
        let (heard, wait) = (heard.clone(), wait.clone());
        async move {
            if request.uri().path() == "/mypage/slow" {
                heard.notify_one();
                wait.notified().await;
            }
            Response::builder().header("cache-control", "public").body(full("")).unwrap()
        }
    })
    .await;
    let scene = Scene::new(origin, rules("old", Mode::Enforce)).await;
    let slow = tokio::spawn(client(false).request(request("GET", &scene.running, "/mypage/slow", full(""))));
    soon(came.notified()).await;
    let old = scene.guard.replace(rules("new", Mode::Audit));
    assert_eq!(scene.guard.rules().version(), "new");
    assert_eq!(scene.get("/mypage/1").await.1["cache-control"], "public");
    go.notify_one();
    assert_sealed(soon(slow).await.unwrap().unwrap().headers());
    // Each version counts its own.
    let permits = |rules: &Rules| {
        let counts = rules.counts();
        let count = counts.iter().find(|count| count.kind == Kind::CacheControlPermits).unwrap();
        (count.times, count.effect)
    };
    assert_eq!(permits(&old), (1, Effect::Corrected));
    assert_eq!(permits(&scene.guard.rules()), (1, Effect::Reported));
}

/// No request is lost and none is half the one and half the other, however often the rules change under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_change_under_load() {
    const EACH: usize = 100;
    let scene = Arc::new(Scene::new(careless().await, rules("v0", Mode::Enforce)).await);
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (scene, answered) = (scene.clone(), answered.clone());
            tokio::spawn(async move {
                let client = client(number % 2 == 0);
                for _ in 0..EACH {
                    let asked = request("GET", &scene.running, "/mypage/1", full(""));
                    let answer = soon(client.request(asked)).await.unwrap();
                    let fields = answer.headers();
                    if fields.contains_key("x-accel-expires") {
                        assert_sealed(fields);
                    } else {
                        assert!(fields["cache-control"].to_str().unwrap().starts_with("public"));
                        assert!(fields.contains_key("etag") && fields.contains_key("age"));
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut versions = vec![scene.guard.rules()];
    while answered.load(Ordering::Relaxed) < 8 * EACH && !clients.iter().all(|client| client.is_finished()) {
        let mode = if versions.len() % 2 == 0 { Mode::Enforce } else { Mode::Audit };
        scene.guard.replace(rules(&format!("v{}", versions.len()), mode));
        versions.push(scene.guard.rules());
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert!(versions.len() > 2, "the rules changed {} times", versions.len() - 1);
    let counts = versions.iter().flat_map(|rules| rules.counts());
    let permits: u64 =
        counts.filter(|count| count.kind == Kind::CacheControlPermits).map(|count| count.times).sum();
    assert_eq!(permits, 8 * EACH as u64);
}
