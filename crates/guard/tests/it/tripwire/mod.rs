//! The tripwire between real connections: what is marked and how, and which reports are believed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use edge::identity::VIEWER_COOKIE;
use edge::{Caching, Mode, RouteRule};
use guard::tripwire::{Blindness, Event, Limits, Settings, Sighting, Watch};
use guard::{Guard, Rules, Tripwire};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::stand::*;

mod pages;
mod reports;
mod together;

const REPORT: &str = "/.well-known/suimon/guard/report";
const FIRST: &str = "<script src=\"/.well-known/suimon/guard/tripwire.";

#[derive(Default)]
struct Seen {
    sightings: Mutex<Vec<Sighting>>,
    blind: Mutex<Vec<(Option<String>, Blindness)>>,
}

impl Watch for Seen {
    fn sighted(&self, sighting: Sighting) {
        self.sightings.lock().unwrap().push(sighting);
    }

    fn blind(&self, route: Option<&str>, why: Blindness) {
        self.blind.lock().unwrap().push((route.map(str::to_owned), why));
    }
}

/// At a known time, with known chance; a request's owner is what its cookie `sid` says.
fn settings_of_tripwire(mode: Mode, limits: Limits) -> Settings {
    let drawn = AtomicU8::new(0);
    Settings {
        keys: vec![Zeroizing::new([1; 32])],
        mode,
        limits,
        chance: Arc::new(move |bytes| bytes.fill(drawn.fetch_add(1, Ordering::Relaxed))),
        clock: Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        owner: Some(Arc::new(|fields: &HeaderMap| {
            let cookies = fields.get("cookie")?.to_str().ok()?;
            cookies.split("; ").find_map(|cookie| Some(format!("hash of {}", cookie.strip_prefix("sid=")?)))
        })),
    }
}

/// For tests that look elsewhere.
pub fn quiet() -> Tripwire {
    let settings = settings_of_tripwire(Mode::Enforce, Limits::default());
    Tripwire::new(settings, Arc::new(Seen::default())).unwrap()
}

struct Scene {
    seen: Arc<Seen>,
    tripwire: Tripwire,
    running: Running,
}

impl Scene {
    async fn new(origin: SocketAddr) -> Self {
        Self::with(origin, Mode::Enforce, Limits::default()).await
    }

    async fn with(origin: SocketAddr, mode: Mode, limits: Limits) -> Self {
        let seen = Arc::new(Seen::default());
        let tripwire = Tripwire::new(settings_of_tripwire(mode, limits), seen.clone()).unwrap();
        let routes =
            vec![RouteRule::personal("mypage", "/mypage/**"), RouteRule::public("top", "/", Caching::Origin)];
        let rules = edge::Rules { routes, ..edge::Rules::default() };
        let rules = Rules::compile("v1", rules).unwrap();
        let guard =
            Guard::new(settings(origin), rules, Arc::new(Nobody)).unwrap().with_tripwire(tripwire.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { seen, tripwire, running: Running::of(Arc::new(guard), listener, None) }
    }

    async fn ask(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Response<Vec<u8>> {
        let mut asked = request(method, &self.running, target, full(body.to_owned()));
        for (name, value) in fields {
            asked.headers_mut().append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let (parts, body) = soon(client(false).request(asked)).await.unwrap().into_parts();
        Response::from_parts(parts, soon(body.collect()).await.unwrap().to_bytes().to_vec())
    }

    async fn get(&self, target: &str, fields: &[(&str, &str)]) -> Response<Vec<u8>> {
        self.ask("GET", target, fields, "").await
    }

    /// The mark of a page that A asked for.
    async fn mark_of_a(&self) -> String {
        let answer = self.get("/mypage/1", &[("cookie", &format!("sid=A; {}", cookie('a')))]).await;
        mark(&answer)
    }

    async fn report(&self, mark: &str, viewer: Option<char>, how: &str) -> Response<Vec<u8>> {
        let tag = viewer.map_or(String::new(), value);
        self.report_as(&report_of(mark, &tag, how), viewer, &[]).await
    }

    async fn report_as(
        &self,
        body: &str,
        viewer: Option<char>,
        fields: &[(&str, &str)],
    ) -> Response<Vec<u8>> {
        let cookie = viewer.map_or("x=1".to_owned(), cookie);
        let usual =
            [("content-type", "application/json"), ("sec-fetch-site", "same-origin"), ("cookie", &cookie)];
        let of_usual = usual.iter().filter(|(name, _)| !fields.iter().any(|(own, _)| own == name));
        let fields: Vec<_> = of_usual.chain(fields).copied().filter(|(_, value)| !value.is_empty()).collect();
        self.ask("POST", REPORT, &fields, body).await
    }

    fn times(&self, event: Event) -> u64 {
        self.tripwire.counts().iter().find(|count| count.event == event).unwrap().times
    }

    fn blind(&self) -> Vec<(Option<String>, Blindness)> {
        self.seen.blind.lock().unwrap().clone()
    }
}

fn value(viewer: char) -> String {
    format!("v1.nonce.{}", viewer.to_string().repeat(32))
}

fn cookie(viewer: char) -> String {
    format!("{VIEWER_COOKIE}={}", value(viewer))
}

fn mark<B>(answer: &Response<B>) -> String {
    answer.headers()["suimon-response"].to_str().unwrap().to_owned()
}

/// As the script computes it.
fn check(id: &str, viewer: &str) -> String {
    let digest = Sha256::digest(format!("suimon-tripwire-v1,32:{id},{}:{viewer},", viewer.len()));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn report_of(mark: &str, viewer: &str, how: &str) -> String {
    let id = mark.split('.').nth(1).unwrap_or_default();
    serde_json::json!({ "mark": mark, "viewer": check(id, viewer), "how": how }).to_string()
}

/// An origin that gives this page, with these fields.
async fn page(fields: &'static [(&'static str, &'static str)], body: impl Into<bytes::Bytes>) -> SocketAddr {
    let body = body.into();
    origin(move |_: Request<_>| {
        let mut answer = Response::builder();
        for (name, value) in fields {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(full(body.clone())).unwrap();
        async move { answer }
    })
    .await
}

const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
