//! A small system with a login, and a guard with a tripwire before it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use edge::{Mode, RouteRule};
use guard::settings::{Origin, Patience};
use guard::tripwire::{Blindness, Event, Limits, Settings, Sighting, Watch};
use guard::{Found, Guard, Rules, Sink, Tripwire, serve};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

/// A browser on a busy machine takes its time.
pub const LONG: Duration = Duration::from_secs(60);

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("it comes in time")
}

/// A program of the system, by any of its names.
///
/// # Panics
/// When it is not there: a test that is left out is one that nobody misses.
pub fn program(names: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
    let found = names
        .iter()
        .flat_map(|name| places.iter().map(move |place| place.join(name)))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| {
        panic!("{names:?} is missing: install the package `{package}`, or run script/test")
    })
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub async fn listening(port: u16) {
    soon(async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// Name and colour of a person of the system.
pub fn colour(person: &str) -> [u8; 3] {
    match person {
        "Hanako" => [255, 0, 128],
        _ => [0, 128, 255],
    }
}

fn who(fields: &HeaderMap) -> Option<String> {
    let cookies = fields.get("cookie")?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix("sid=").map(str::to_owned))
}

/// `/login?NAME` signs in; every other page shows whose it is, in their colour; `/data` is the same for scripts.
fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if path == "/login" {
        let name = request.uri().query().unwrap_or_default();
        let cookie = format!("sid={name}; Path=/; HttpOnly");
        let page = "<!doctype html><title>Welcome</title><p id=welcome>Welcome";
        return Response::builder()
            .header("content-type", "text/html; charset=utf-8")
            .header("set-cookie", cookie)
            .body(Full::from(page))
            .unwrap();
    }
    let name = who(request.headers()).unwrap_or_else(|| "nobody".into());
    if path.ends_with("/data") {
        let body = format!("{{\"name\":\"{name}\"}}");
        return Response::builder()
            .header("content-type", "application/json")
            .body(Full::from(body))
            .unwrap();
    }
    let [red, green, blue] = colour(&name);
    let style = format!("html{{background:rgb({red},{green},{blue})!important;display:block!important}}");
    let page = format!(
        "<!doctype html><html lang=ja><head><title>{name}</title><style>{style}</style></head>
        <body><h1 id=name>{name}</h1>{}</body></html>",
        "<p>申込の内容</p>".repeat(2_000)
    );
    let policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'";
    Response::builder()
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", policy)
        .body(Full::from(page))
        .unwrap()
}

#[derive(Default)]
pub struct Seen {
    pub sightings: Mutex<Vec<Sighting>>,
}

impl Watch for Seen {
    fn sighted(&self, sighting: Sighting) {
        self.sightings.lock().unwrap().push(sighting);
    }

    fn blind(&self, _: Option<&str>, _: Blindness) {}
}

struct Nobody;

impl Sink for Nobody {
    fn tell(&self, _: Found<'_>) {}
}

pub struct Scene {
    pub guard: SocketAddr,
    pub seen: Arc<Seen>,
    pub tripwire: Tripwire,
}

impl Scene {
    pub async fn new(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service_fn(|request| async move { Ok::<_, Infallible>(answer(&request)) });
                tokio::spawn(async move {
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        let settings = guard::Settings {
            origin: Origin {
                address: format!("http://{origin}").parse().unwrap(),
                http2: false,
                authorities: Vec::new(),
                host: None,
                idle_connections: 8,
            },
            limits: guard::settings::Limits::default(),
            patience: Patience::default(),
            trusted: Vec::new(),
            edge_ids: Vec::new(),
        };
        let routes =
            vec![RouteRule::personal("mypage", "/mypage/**"), RouteRule::personal("login", "/login")];
        let rules = Rules::compile("v1", edge::Rules { routes, ..edge::Rules::default() }).unwrap();
        let seen = Arc::new(Seen::default());
        let drawn = AtomicU64::new(1);
        let tripwire = Settings {
            keys: vec![Zeroizing::new([1; 32])],
            mode,
            limits: Limits::default(),
            chance: Arc::new(move |bytes| {
                let number = drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, of)| *byte = *of);
            }),
            clock: Arc::new(|| SystemTime::UNIX_EPOCH),
            owner: Some(Arc::new(|fields| Some(format!("hash of {}", who(fields)?)))),
        };
        let tripwire = Tripwire::new(tripwire, seen.clone()).unwrap();
        let guard = Guard::new(settings, rules, Arc::new(Nobody)).unwrap().with_tripwire(tripwire.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(Arc::new(guard), listener, None, std::future::pending()));
        Self { guard: address, seen, tripwire }
    }

    pub fn times(&self, event: Event) -> u64 {
        self.tripwire.counts().iter().find(|count| count.event == event).unwrap().times
    }

    /// What was reported, once it is so much.
    pub async fn sightings(&self, count: usize) -> Vec<Sighting> {
        soon(async {
            loop {
                let seen = self.seen.sightings.lock().unwrap().clone();
                if seen.len() >= count {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
    }
}
