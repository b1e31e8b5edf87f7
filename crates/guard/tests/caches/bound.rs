//! A whole guard (tags, tripwire, waiting room) behind the exported code that compares tags: what is nobody's is let through, also where
//! the edge takes for personal what the guard takes for public.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guard::admission::{
    Admission, Budget, Channel, Cookie, InFlight, Keys, KnownBy, Noted, Order, Rate, Room, Settings,
    TenantOf, WaitingStatus,
};
use guard::tripwire::{self, Blindness, Limits, Sighting};
use guard::{Guard, Tripwire};
use http::{HeaderMap, Request};

use crate::programs::{Cache, Configuration, Layer, Program};
use crate::stand::{client, full, soon, whole_body};
use crate::system::{HANAKO, Person, System, TARO};
use crate::{Running, guard_before};

struct Quiet;

impl tripwire::Watch for Quiet {
    fn sighted(&self, _: Sighting) {}

    fn blind(&self, _: Option<&str>, _: Blindness) {}
}

impl guard::admission::Watch for Quiet {
    fn tell(&self, _: Noted<'_>) {}
}

fn with_everything(guard: Guard) -> Guard {
    let settings = tripwire::Settings {
        keys: vec![[1; 32].into()],
        mode: edge::Mode::Enforce,
        limits: Limits::default(),
        chance: Arc::new(|bytes| bytes.fill(3)),
        clock: Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        owner: None,
    };
    let tripwire = Tripwire::new(settings, Arc::new(Quiet)).expect("one key");
    let seconds = Duration::from_secs;
    // More places than these tests have people.
    let settings = Settings {
        system: crate::system::SYSTEM.into(),
        event: "today".into(),
        mode: edge::Mode::Enforce,
        channels: vec![Channel { name: "web".into(), reserve: 0, weight: 1, known_by: KnownBy::Rest }],
        budget: Budget { rate: Rate::per_second(1_000), burst: 1_000, people: 1_000, newcomers: None },
        tenants: Vec::new(),
        tenant_of: TenantOf::Nobody,
        room: Room {
            order: Order::Fifo,
            group_of: None,
            most_waiting: 1_000,
            grace: seconds(300),
            idle: seconds(600),
            claim_within: seconds(120),
            settle: Duration::ZERO,
            refresh: seconds(20),
            renew: seconds(60),
        },
        open: Vec::new(),
        api: Vec::new(),
        in_flight: InFlight { floor: 1, ceiling: 1_000, initial: 1_000, queue: 1_000 },
        delay: Duration::from_millis(500),
        waiting_status: WaitingStatus::Unavailable,
        cookie: Cookie::AsAsked,
        session_cookies: Vec::new(),
        status_max_age: seconds(60),
    };
    let keys = Keys::new([("a".to_owned(), [2; 32].into())]).expect("one key");
    let time: guard::admission::Clock = Arc::new(|| Duration::from_secs(1_700_000_000));
    let chance = |bytes: &mut [u8]| bytes.fill(5);
    let admission = Admission::new(settings, keys, chance, time, Quiet).expect("the settings hold");
    guard.with_tripwire(tripwire).with_admission(Arc::new(admission))
}

struct Scene {
    cache: Cache,
    // In front of which the cache stands.
    _guard: Running,
    _system: System,
}

struct Got {
    status: u16,
    fields: HeaderMap,
    body: String,
}

impl Scene {
    async fn new(configuration: &Configuration, layer: Layer, change: impl FnOnce(Guard) -> Guard) -> Self {
        let system = System::start(true).await;
        let guard = guard_before(&system, change).await;
        let cache = Cache::start(Program::Varnish, configuration, layer, guard.address).await;
        Self { cache, _guard: guard, _system: system }
    }

    async fn send(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Got {
        let uri = format!("http://{}{target}", self.cache.visitors.address);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(full("")).expect("a plain request");
        let (parts, body) = soon(client(false).request(request)).await.expect("an answer").into_parts();
        let (body, _) = whole_body(body).await;
        let body = String::from_utf8_lossy(&body).into_owned();
        Got { status: parts.status.as_u16(), fields: parts.headers, body }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_nobodys_passes_the_edge_that_compares() {
    let scene = Scene::new(&Program::Varnish.configurations()[0], Layer::Export, with_everything).await;
    // The page tells where its script is.
    let cookies = format!("sid={}{}", TARO.session, TARO.viewer());
    let page = scene.send("GET", "/mypage/silent/page/1", &[("cookie", &cookies)]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains(TARO.name));
    let script = page.body.split("<script src=\"").nth(1).and_then(|rest| rest.split('"').next());
    let script = script.expect("the page is marked").to_owned();
    let own = "/.well-known/suimon/guard";
    for (target, fields, begin) in [
        (&*script, &[][..], ""),
        (&format!("{own}/not-shown"), &[], "<!"),
        (&format!("{own}/status"), &[], "{\"serving\""),
        // Public to the guard, personal to the edge: a rule `no_store`, any `%`, a token.
        ("/notices/1", &[], "asset"),
        ("/news/%E6%97%A5", &[], "asset"),
        ("/news/1", &[("authorization", "Bearer x")], "asset"),
        ("/news/1", &[], "asset"),
    ] {
        let got = scene.send("GET", target, fields).await;
        assert_eq!(got.status, 200, "{target}: {}", got.body);
        assert!(got.body.starts_with(begin), "{target}: {}", got.body);
    }
    let report = scene.send("POST", &format!("{own}/report"), &[]).await;
    assert_eq!(report.status, 403, "{}", report.body);
    // The number is declared as public: the edge answers everybody who asks.
    let number = scene.send("GET", &format!("{own}/status"), &[]).await;
    assert_eq!(number.fields["cache-control"], "public, max-age=60");
    assert_ne!(
        number.fields["x-varnish"].to_str().expect("numbers").split(' ').count(),
        1,
        "out of the cache"
    );
}

const KEEPS_COOKIES: Configuration = Configuration {
    id: "with-cookies",
    says: "keeps everything, with the cookies that were set",
    lines: "sub vcl_recv { return (hash); }
sub vcl_backend_response { set beresp.ttl = 60s; unset beresp.http.Vary; return (deliver); }\n",
};

/// What gives one person the tag's cookie gives it to nobody else, and neither does it the answer of a program, which has no tag.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_copy_hands_over_a_tag() {
    for layer in [Layer::Guard, Layer::Binding] {
        let scene = Scene::new(&KEEPS_COOKIES, layer, |guard| guard).await;
        let of_cookie = |person: &Person| ("cookie", format!("sid={}", person.session));
        let bearer = |person: &Person| ("authorization", format!("Bearer {}", person.session));
        for (target, status, carriers) in [
            ("/mypage/minute/page/1", 307, [of_cookie(&TARO), of_cookie(&HANAKO)]),
            ("/api/minute/me/1", 200, [bearer(&TARO), bearer(&HANAKO)]),
        ] {
            let [taro, hanako] = &carriers;
            let first = scene.send("GET", target, &[(taro.0, &taro.1)]).await;
            let cookie = first.fields["set-cookie"].to_str().expect("a cookie").to_owned();
            assert_eq!((first.status, cookie.contains(&TARO.tag())), (status, true), "{target}");
            let second = scene.send("GET", target, &[(hanako.0, &hanako.1)]).await;
            let handed = second.fields.get("set-cookie").is_some_and(|second| *second == *cookie);
            if layer == Layer::Guard {
                // Without the code that compares, this cache leaks: what follows would notice.
                assert!(second.status == status && handed, "{target}");
            } else {
                let named = second.body.contains(TARO.name);
                assert_eq!((second.status, handed, named), (409, false, false), "{target}");
            }
        }
    }
}
