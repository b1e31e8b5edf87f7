//! The system whose pages are at stake: people sign in, have pages and an API of their own, and it says about caching whatever the
//! path asks it to say.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge::identity::{Identity, Keyring, VIEWER_COOKIE};
use http::{Request, Response, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, JoinSet};

use crate::programs::free_listener;
use crate::stand::{Body, full, whole_body};

/// How long the first of two simultaneous requests is held for the other, which may be waiting in the cache for the first's answer.
const TOGETHER: Duration = Duration::from_millis(500);
/// The system's name, its only tenant, and the field in which it names who is signed in.
pub const SYSTEM: &str = "portal";
pub const SUBJECT: &str = "x-person";
/// What a page says to a visitor whom nobody knows.
pub const NOBODY: &str = "nobody is signed in";

/// Somebody with a session.
pub struct Person {
    pub name: &'static str,
    pub session: &'static str,
}

pub const TARO: Person = Person { name: "Taro Yamada", session: "taro-3f9c61d2" };
pub const HANAKO: Person = Person { name: "Hanako Sato", session: "hanako-b07e14aa" };

impl Person {
    fn of(session: &str) -> Option<&'static Self> {
        [&TARO, &HANAKO].into_iter().find(|person| person.session == session)
    }

    /// The tag of this person's pages and of the browser.
    pub fn tag(&self) -> String {
        let identity = Identity { system: SYSTEM, tenant: "", subject: self.name };
        ring().tag(identity).unwrap().as_str().to_owned()
    }

    /// The further cookie of this person's browser where tags are compared.
    pub fn viewer(&self) -> String {
        format!("; {VIEWER_COOKIE}={}", self.tag())
    }
}

/// The guard's keys.
pub fn ring() -> Keyring {
    Keyring::new([("k1".to_owned(), [7; 32].into())]).unwrap()
}

/// What a system says about caching, when it says something: the word in the path, and the field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub path: &'static str,
    field: Option<(&'static str, &'static str)>,
}

pub const WORDS: [Word; 7] = [
    Word { path: "silent", field: None },
    // RFC 9111 section 4.2.2 lets a cache guess how long a page holds that has not changed for years.
    Word { path: "old", field: Some(("last-modified", "Thu, 26 Oct 2023 02:00:00 GMT")) },
    Word { path: "minute", field: Some(("cache-control", "max-age=60")) },
    Word { path: "nought", field: Some(("cache-control", "max-age=0")) },
    Word { path: "expired", field: Some(("expires", "0")) },
    Word { path: "private", field: Some(("cache-control", "private")) },
    Word { path: "no-store", field: Some(("cache-control", "no-store")) },
];

impl Word {
    /// As the head of a column.
    pub fn title(&self) -> String {
        match self.field {
            None => "says nothing".to_owned(),
            Some(("cache-control", value)) => format!("`{value}`"),
            Some(("expires", value)) => format!("`Expires: {value}`"),
            Some(_) => "`Last-Modified`".to_owned(),
        }
    }
}

/// The running system.
pub struct System {
    pub address: SocketAddr,
    serving: JoinHandle<()>,
}

impl System {
    /// Named, its answers say who is signed in.
    pub async fn start(named: bool) -> Self {
        let (listener, address) = free_listener();
        let listener = TcpListener::from_std(listener).unwrap();
        let desk = Arc::new(Desk { named, asked: AtomicUsize::new(0), pairs: Mutex::default() });
        let serving = tokio::spawn(async move {
            // Ends with this task.
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let desk = desk.clone();
                connections.spawn(async move {
                    let service = service_fn(|request| {
                        let desk = desk.clone();
                        async move { Ok::<_, Infallible>(desk.answer(request).await) }
                    });
                    let builder = hyper::server::conn::http1::Builder::new();
                    // Caches end connections as they please.
                    drop(builder.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { address, serving }
    }

    /// As when it breaks down: no new connection, and no answer on the old ones.
    pub async fn stop(self) {
        self.serving.abort();
        // Its listener is closed when it is gone.
        let _ = self.serving.await;
    }
}

struct Desk {
    named: bool,
    asked: AtomicUsize,
    pairs: Mutex<HashMap<String, Arc<Barrier>>>,
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let mut segments = path.split('/').skip(1);
        let (area, word) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let word = WORDS.into_iter().find(|known| known.path == word);
        // What everybody may have, whatever the rules say about keeping it.
        if ["assets", "news", "notices"].contains(&area) {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = Response::builder().header(header::CACHE_CONTROL, "max-age=60");
            return answer.body(full(format!("asset {number}"))).unwrap();
        }
        let person = if area == "login" {
            let (name, _) = whole_body(body).await;
            Person::of(&String::from_utf8_lossy(&name))
        } else {
            of_carriers(&parts)
        };
        if path.contains("/together/") {
            self.wait_for_the_other(&path).await;
        }
        let mut answer = Response::builder().header(header::CONTENT_TYPE, "text/html; charset=utf-8");
        if let Some((name, value)) = word.and_then(|word| word.field) {
            answer = answer.header(name, value);
        }
        if let Some(person) = person.filter(|_| area == "login" || path.contains("/renewal/")) {
            answer = answer.header(header::SET_COOKIE, format!("sid={}; Path=/; HttpOnly", person.session));
        }
        if self.named {
            answer = answer.header(SUBJECT, person.map_or("", |person| person.name));
        }
        let text = person.map_or(NOBODY.to_owned(), |person| format!("the page of {}", person.name));
        answer.body(full(text)).unwrap()
    }

    async fn wait_for_the_other(&self, path: &str) {
        let pair = {
            let mut pairs = self.pairs.lock().unwrap();
            pairs.entry(path.to_owned()).or_insert_with(|| Arc::new(Barrier::new(2))).clone()
        };
        let _ = tokio::time::timeout(TOGETHER, pair.wait()).await;
    }
}

/// By cookie, by bearer token, or by a session in the address.
fn of_carriers(parts: &http::request::Parts) -> Option<&'static Person> {
    let text = |name| parts.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let cookie = text(header::COOKIE).into_iter().flat_map(|line| line.split("; "));
    let cookie = cookie.filter_map(|cookie| cookie.strip_prefix("sid=")).next();
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let query = parts.uri.query().and_then(|query| query.strip_prefix("session="));
    cookie.or(bearer).or(query).and_then(Person::of)
}
