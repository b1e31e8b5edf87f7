//! A system of schools that says who is signed in, and does what it is told in the query. For tests of identity.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge::policy::{Effect, Grade};
use edge::{Caching, Lifetime, Mode, RouteRule};
use guard::identity::{self, Carrier, Declaration, Identity, Kind, Memory};
use guard::{Found, Guard, Rules, Sink};
use http::header::HeaderName;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::{Frame, Incoming};
use tokio::net::TcpListener;

use crate::stand::*;

pub const SUBJECT: &str = "x-person";
pub const TENANT: &str = "x-school";

/// What the system did.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<(String, HeaderMap)>>>);

impl Seen {
    pub fn targets(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(target, _)| target.clone()).collect()
    }

    pub fn last(&self) -> HeaderMap {
        self.0.lock().unwrap().last().unwrap().1.clone()
    }
}

/// Sessions are `SCHOOL.PERSON.NUMBER`. The query says what is done differently: `as=PERSON`, `of=SCHOOL`, `nobody`, `silent`,
/// `set=VALUE` (the session's cookie), `twice` (names two people), `status=N`, `trailers`.
pub async fn school() -> (std::net::SocketAddr, Seen) {
    let seen = Seen::default();
    let kept = seen.clone();
    let address = origin(move |request| {
        let kept = kept.clone();
        async move {
            let target = format!("{} {}", request.method(), request.uri());
            kept.0.lock().unwrap().push((target, request.headers().clone()));
            page(request)
        }
    })
    .await;
    (address, seen)
}

fn page(request: Request<Incoming>) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let said = |name: &str| {
        query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let has = |name: &str| query.split('&').any(|part| part == name);
    let of_cookie = request.headers().get("cookie").and_then(|line| {
        let line = line.to_str().unwrap();
        line.split("; ").find_map(|pair| pair.strip_prefix("sid=")).map(str::to_owned)
    });
    let bearer = request
        .headers()
        .get("authorization")
        .and_then(|line| line.to_str().unwrap().strip_prefix("Bearer "));
    let session = bearer.map(str::to_owned).or(of_cookie).unwrap_or_default();
    let mut parts = session.split('.');
    let (school, person) = (parts.next().filter(|name| !name.is_empty()), parts.next());
    let school = said("of").or(school.map(str::to_owned));
    let person = said("as").or(person.map(str::to_owned));
    let mut answer = Response::builder().status(said("status").map_or(200, |status| status.parse().unwrap()));
    if has("nobody") {
        answer = answer.header(SUBJECT, "");
    } else if !has("silent") {
        for (name, value) in [(SUBJECT, &person), (TENANT, &school)] {
            if let Some(value) = value {
                answer = answer.header(name, value);
            }
        }
    }
    if has("twice") {
        answer = answer.header(SUBJECT, "somebody-else");
    }
    if let Some(value) = said("set") {
        answer = answer.header("set-cookie", format!("sid={value}; Path=/; HttpOnly"));
    }
    if has("foreign-tag") {
        answer = answer.header("suimon-subject-tag", "v1.k1.00000000000000000000000000000000");
        answer = answer.header(
            "set-cookie",
            "__Host-suimon-viewer=v1.k1.00000000000000000000000000000000; Path=/; Secure",
        );
    }
    if !has("trailers") {
        return answer.body(full(format!("the page of {}", person.unwrap_or_default()))).unwrap();
    }
    let (mut sender, body) = piecewise();
    tokio::spawn(async move {
        sender.send_data("page".into()).await.unwrap();
        let mut trailers = HeaderMap::new();
        for name in [SUBJECT, TENANT, "suimon-subject-tag", "x-kept"] {
            trailers.insert(HeaderName::from_static(name), "in-a-trailer".parse().unwrap());
        }
        let _ = sender.send(Frame::trailers(trailers)).await;
    });
    // hyper sends those that are announced.
    answer.header("trailer", "x-kept, x-person, x-school, suimon-subject-tag").body(body).unwrap()
}

pub fn declaration() -> Declaration {
    Declaration {
        system: "online-application".into(),
        carriers: vec![Carrier::Bearer, Carrier::Cookie("sid".into())],
        subject_header: Some(HeaderName::from_static(SUBJECT)),
        tenant_header: Some(HeaderName::from_static(TENANT)),
        tenant_paths: vec!["/t/{tenant}/**".into()],
        unknown_may_write: true,
        ..Declaration::default()
    }
}

pub fn identity(declaration: Declaration) -> Identity {
    identity_with(declaration, Memory::default())
}

pub fn identity_with(declaration: Declaration, memory: Memory) -> Identity {
    Identity::new("d1", declaration, memory, [9; 32].into()).unwrap()
}

/// Route, kind and effect.
type Fault = (Option<String>, Kind, Effect);

#[derive(Default)]
pub struct Told(Mutex<Vec<Fault>>, Mutex<Vec<(Option<String>, edge::policy::Kind)>>);

impl Told {
    /// Against the caching rules, where a public route's answer proved to be one person's.
    pub fn rules(&self) -> Vec<(Option<String>, edge::policy::Kind)> {
        self.1.lock().unwrap().clone()
    }
}

impl Sink for Told {
    fn tell(&self, found: Found<'_>) {
        if found.kind == edge::policy::Kind::PublicNamesSubject {
            self.1.lock().unwrap().push((found.route.map(str::to_owned), found.kind));
        }
    }

    fn tell_identity(&self, found: identity::Found<'_>) {
        let identity::Found { version, route, kind, effect } = found;
        assert_eq!(version, "d1");
        self.0.lock().unwrap().push((route.map(str::to_owned), kind, effect));
    }
}

pub struct Scene {
    pub identity: Arc<Identity>,
    pub told: Arc<Told>,
    pub seen: Seen,
    pub running: Running,
}

pub struct Got {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub body: String,
    pub trailers: HeaderMap,
}

impl Got {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }
}

pub fn routes() -> Rules {
    let hour = Caching::Shared(Lifetime { max_age: 3_600, ..Lifetime::default() });
    let routes = vec![
        RouteRule::personal("schools", "/t/**"),
        RouteRule::personal("sign-in", "/sign-in"),
        RouteRule::personal("mypage", "/mypage/**"),
        RouteRule::public("assets", "/assets/**", hour),
    ];
    Rules::compile("r1", edge::Rules { routes, undeclared: Mode::Enforce }).unwrap()
}

impl Scene {
    pub async fn new(identity: Identity) -> Self {
        Self::with(identity, |guard| guard).await
    }

    pub async fn with(identity: Identity, change: impl FnOnce(Guard) -> Guard) -> Self {
        let (origin, seen) = school().await;
        let (told, identity) = (Arc::new(Told::default()), Arc::new(identity));
        let guard =
            Guard::new(settings(origin), routes(), told.clone()).unwrap().with_identity(identity.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Running::of(Arc::new(change(guard)), listener, None);
        Self { identity, told, seen, running }
    }

    pub async fn send(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Got {
        self.send_with(client(false), method, target, fields).await
    }

    pub async fn send_with(
        &self,
        client: Client,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Got {
        let mut request = request(method, &self.running, target, full(""));
        for (name, value) in fields {
            request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let answer = soon(client.request(request)).await.unwrap();
        let (parts, body) = answer.into_parts();
        let (body, trailers) = whole_body(body).await;
        let body = String::from_utf8(body.to_vec()).unwrap();
        Got { status: parts.status, fields: parts.headers, body, trailers }
    }

    /// With a session's cookie.
    pub async fn get(&self, target: &str, session: &str) -> Got {
        self.send("GET", target, &[("cookie", &format!("sid={session}"))]).await
    }

    pub async fn post(&self, target: &str, session: &str) -> Got {
        self.send("POST", target, &[("cookie", &format!("sid={session}"))]).await
    }

    pub fn times(&self, kind: Kind) -> u64 {
        self.identity.counts().iter().filter(|count| count.kind == kind).map(|count| count.times).sum()
    }

    pub fn told_of(&self, wanted: Kind) -> Vec<(Option<String>, Effect)> {
        let told = self.told.0.lock().unwrap();
        told.iter()
            .filter(|(_, kind, _)| *kind == wanted)
            .map(|(route, _, effect)| (route.clone(), *effect))
            .collect()
    }
}

pub fn memory(sessions: usize, idle: Duration) -> Memory {
    Memory { sessions, idle, absolute: Duration::from_secs(3_600) }
}

/// Kinds say how bad they are; the worst are those by which somebody sees another person's page.
pub fn assert_leak(kind: Kind) {
    assert_eq!(kind.grade(), Grade::Leak);
}
