//! What is asked and what the application answers, for the guard and for the layer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use edge::policy::{Effect, Kind};
use edge::{Caching, Lifetime, Mode, RouteRule};
use guard_layer::{Found, Rules, Sink};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("it comes in time")
}

pub const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// Personal, public, undeclared; ending like files; read differently by different servers.
pub const TARGETS: [&str; 18] = [
    "/mypage",
    "/mypage/1?x=1",
    "/mypage/answers.pdf",
    "/mypage/x.css",
    "/mypage/x.CSS/",
    "/mypage;a.js",
    "/mypage/%2e%2e/assets/a.css",
    "/assets/../mypage",
    "/mypage/a%00.pdf",
    "/%6dypage/1",
    "/assets/a.css",
    "/assets//a.css",
    "/assets/a;b",
    "/assets/%61",
    "/",
    "/elsewhere",
    "/elsewhere/x.css",
    "/imprint",
];

/// Header fields of a request.
pub const ASKED: [&[(&str, &str)]; 4] = [
    &[],
    &[("cookie", "sid=1"), ("if-none-match", "\"1\"")],
    &[("authorization", "Bearer 1"), ("if-modified-since", "Thu, 26 Oct 2023 02:00:00 GMT")],
    &[("range", "bytes=0-1"), ("if-range", "\"1\"")],
];

/// Status and header fields of an answer.
pub const ANSWERS: [(u16, &[(&str, &str)]); 13] = [
    (200, &[]),
    (200, &[("cache-control", "public, max-age=60, s-maxage=600"), ("age", "3"), ("etag", "\"1\"")]),
    (
        200,
        &[
            ("expires", "Thu, 01 Jan 2037 00:00:00 GMT"),
            ("last-modified", "Thu, 26 Oct 2023 02:00:00 GMT"),
            ("pragma", "public"),
        ],
    ),
    (200, &[("set-cookie", "sid=1; HttpOnly"), ("set-cookie", "theme=dark")]),
    (200, &[("vary", "Accept-Language"), ("vary", "Cookie")]),
    (200, &[("vary", "*"), ("cdn-cache-control", "max-age=60"), ("surrogate-control", "max-age=60")]),
    (200, &[("x-accel-expires", "60"), ("cloudflare-cdn-cache-control", "max-age=9"), ("cache-tag", "a")]),
    (200, &[("cache-control", "private")]),
    (200, &[("suimon-subject-tag", "v1.k1.0123456789abcdef0123456789abcdef")]),
    (304, &[("etag", "\"1\"")]),
    (302, &[("location", "/mypage"), ("cache-control", "max-age=60")]),
    (401, &[("www-authenticate", "Bearer")]),
    (500, &[("cache-control", "public, max-age=9")]),
];

pub fn rules(version: &str, mode: Mode) -> Rules {
    let lifetime =
        Lifetime { max_age: 3_600, vary: vec![http::header::ACCEPT_LANGUAGE], ..Lifetime::default() };
    let mut routes = vec![
        RouteRule { suffixes: vec!["pdf".into()], ..RouteRule::personal("mypage", "/mypage/**") },
        RouteRule::public("assets", "/assets/**", Caching::Shared(lifetime)),
        RouteRule::public("top", "/", Caching::Origin),
        RouteRule::public("imprint", "/imprint", Caching::NoStore),
    ];
    routes.iter_mut().for_each(|route| route.mode = mode);
    Rules::compile(version, edge::Rules { routes, undeclared: mode }).expect("the rules hold")
}

/// Version, route, kind and effect.
pub type Fault = (String, Option<String>, Kind, Effect);

/// Remembers what it was told.
#[derive(Default)]
pub struct Told(Mutex<Vec<Fault>>);

impl Sink for Told {
    fn tell(&self, found: Found<'_>) {
        let Found { version, route, kind, effect } = found;
        self.0.lock().unwrap().push((version.to_owned(), route.map(str::to_owned), kind, effect));
    }
}

impl guard::Sink for Told {
    fn tell(&self, found: Found<'_>) {
        Sink::tell(self, found);
    }
}

impl Told {
    pub fn all(&self) -> Vec<Fault> {
        self.0.lock().unwrap().clone()
    }
}

/// Answers as the field `x-answer` says, and tells which conditions reached it.
async fn answer(request: Request) -> Response {
    let fields = request.headers();
    let number: usize = fields.get("x-answer").map_or(0, |number| number.to_str().unwrap().parse().unwrap());
    let (status, said) = ANSWERS[number];
    let mut answer = Response::builder().status(status);
    for (name, value) in said {
        answer = answer.header(*name, *value);
    }
    for name in ["if-none-match", "if-modified-since", "range", "if-range"] {
        if fields.contains_key(name) {
            answer = answer.header("x-was-asked", name);
        }
    }
    let body = if status == 304 { Body::empty() } else { Body::from("an answer") };
    answer.body(body).unwrap()
}

pub fn application() -> Router {
    Router::new().fallback(answer)
}

/// Serves it for the rest of the test.
pub async fn serve(application: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, application).await });
    address
}

/// An answer: status, fields without those of the connection and the hour, body.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub status: u16,
    pub fields: BTreeMap<String, Vec<String>>,
    pub body: String,
}

/// Asks as it is written: clients put paths right.
pub async fn ask(address: SocketAddr, method: &str, target: &str, fields: &[(&str, &str)]) -> Seen {
    let mut sent = format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n");
    for (name, value) in fields {
        sent.push_str(&format!("{name}: {value}\r\n"));
    }
    sent.push_str("\r\n");
    let mut read = Vec::new();
    soon(async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream.read_to_end(&mut read).await.unwrap();
    })
    .await;
    let text = String::from_utf8(read).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {target}: {text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)).unwrap().parse().unwrap();
    let mut fields = BTreeMap::<String, Vec<String>>::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        if !["date", "connection"].contains(&name.to_lowercase().as_str()) {
            fields.entry(name.to_lowercase()).or_default().push(value.to_owned());
        }
    }
    Seen { status, fields, body: body.to_owned() }
}
