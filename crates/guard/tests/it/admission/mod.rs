//! Admission: who goes in, who waits, and what each is told.

mod limits;
mod tickets;
mod waiting;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guard::admission::{
    Admission, Budget, Channel, Cookie, InFlight, Keys, Kind, KnownBy, Noted, Order, Rate, Room, Settings,
    TenantOf, WaitingStatus, Watch,
};
use guard::{Guard, Rules};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::stand::{self, Body, Client, Nobody, Running, client, full, measuring, soon, whole_body};

/// 26 April 2021, 09:00 in Tokyo.
const NINE: u64 = 1_619_395_200;

/// A clock that tests set, in milliseconds.
#[derive(Clone)]
pub struct Time(Arc<AtomicU64>);

impl Time {
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

pub fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// So many people, rates that nobody reaches.
pub fn settings(people: u32) -> Settings {
    Settings {
        system: "booking".into(),
        event: "2021-04-26".into(),
        mode: edge::Mode::Enforce,
        channels: vec![
            Channel { name: "web".into(), reserve: 0, weight: 9, known_by: KnownBy::Rest },
            Channel {
                name: "call_centre".into(),
                reserve: 0,
                weight: 1,
                known_by: KnownBy::Header("x-channel".parse().unwrap(), "call-centre".into()),
            },
        ],
        budget: budget(people),
        tenants: Vec::new(),
        tenant_of: TenantOf::Nobody,
        room: Room {
            order: Order::Fifo,
            group_of: None,
            most_waiting: 1_000_000,
            grace: seconds(300),
            idle: seconds(600),
            claim_within: seconds(120),
            settle: Duration::ZERO,
            refresh: seconds(20),
            renew: seconds(60),
        },
        open: vec!["/assets/**".into()],
        api: vec!["/api/**".into()],
        in_flight: InFlight { floor: 1, ceiling: 1_000, initial: 1_000, queue: 1_000 },
        delay: Duration::from_millis(500),
        waiting_status: WaitingStatus::Unavailable,
        cookie: Cookie::AsAsked,
        session_cookies: vec!["sid".into()],
        status_max_age: seconds(5),
    }
}

pub fn budget(people: u32) -> Budget {
    Budget { rate: Rate::per_second(100_000), burst: 100_000, people, newcomers: None }
}

#[derive(Clone, Default)]
pub struct Told(pub Arc<Mutex<Vec<(String, Kind, bool)>>>);

impl Watch for Told {
    fn tell(&self, noted: Noted<'_>) {
        let Noted { tenant, channel, kind, enforced } = noted;
        self.0.lock().unwrap().push((format!("{tenant}/{channel}"), kind, enforced));
    }
}

pub fn keys(ids: &[&str]) -> Keys {
    Keys::new(ids.iter().map(|id| ((*id).to_owned(), Zeroizing::new([id.as_bytes()[0]; 32])))).unwrap()
}

/// Numbers that look like chance (splitmix64), the same in each run.
pub fn chance(seed: u64) -> impl Fn(&mut [u8]) + Send + Sync {
    let state = AtomicU64::new(seed);
    move |bytes| {
        for piece in bytes.chunks_mut(8) {
            let step = 0x9e37_79b9_7f4a_7c15_u64;
            let mut number = state.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
            number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            piece.copy_from_slice(&(number ^ (number >> 31)).to_be_bytes()[..piece.len()]);
        }
    }
}

/// An origin, and a guard with admission before it.
pub struct Scene {
    pub time: Time,
    pub admission: Arc<Admission>,
    pub told: Told,
    pub heard: Arc<AtomicUsize>,
    pub running: Running,
    origin: SocketAddr,
}

impl Scene {
    pub async fn new(settings: Settings) -> Self {
        let heard = Arc::new(AtomicUsize::new(0));
        let counter = heard.clone();
        let origin = stand::origin(move |request: Request<hyper::body::Incoming>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async move {
                let said =
                    |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
                let text = format!("{:?} {:?} {:?}", said("cookie"), said("suimon-place"), said("x-channel"));
                Response::builder().header("cache-control", "public, max-age=60").body(full(text)).unwrap()
            }
        })
        .await;
        let time = Time(Arc::new(AtomicU64::new(NINE * 1_000)));
        Self::before(origin, settings, keys(&["a"]), time, measuring(), heard, Vec::new()).await
    }

    pub async fn before(
        origin: SocketAddr,
        settings: Settings,
        keys: Keys,
        time: Time,
        rules: Rules,
        heard: Arc<AtomicUsize>,
        trusted: Vec<ipnet::IpNet>,
    ) -> Self {
        let (told, clock) = (Told::default(), time.0.clone());
        let clock = Arc::new(move || Duration::from_millis(clock.load(Ordering::SeqCst)));
        let admission =
            Admission::new(settings, keys, chance(time.0.load(Ordering::SeqCst)), clock, told.clone());
        let admission = Arc::new(admission.unwrap());
        let mut set = stand::settings(origin);
        set.trusted = trusted;
        let guard = Guard::new(set, rules, Arc::new(Nobody)).unwrap().with_admission(admission.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = Running::of(Arc::new(guard), listener, None);
        Self { time, admission, told, heard, running, origin }
    }

    /// The guard's process ends and another one begins, with nothing but the keys.
    pub async fn again(self, settings: Settings, keys: Keys) -> Self {
        let Self { time, admission: _, told: _, heard, running, origin } = self;
        running.stop().await.unwrap();
        time.pass(1);
        Self::before(origin, settings, keys, time, measuring(), heard, Vec::new()).await
    }

    pub fn trusting(&self) -> Vec<ipnet::IpNet> {
        vec!["127.0.0.0/8".parse().unwrap()]
    }

    pub fn origin(&self) -> SocketAddr {
        self.origin
    }

    pub fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }

    pub fn times(&self, wanted: Kind) -> u64 {
        self.admission.counts().iter().filter(|count| count.kind == wanted).map(|count| count.times).sum()
    }

    pub fn browser(&self) -> Browser {
        Browser {
            guard: self.running.address,
            client: client(false),
            jar: BTreeMap::new(),
            fields: Vec::new(),
        }
    }
}

/// What came back.
pub struct Got {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub text: String,
}

impl Got {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The number on the page or in the problem.
    pub fn number(&self) -> u64 {
        let text = self.text.replace("\"number\":", "受付番号は ");
        let rest = text.split("受付番号は ").nth(1).unwrap_or_else(|| panic!("no number in {text}"));
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    }
}

/// Keeps cookies, follows nothing.
#[derive(Clone)]
pub struct Browser {
    guard: SocketAddr,
    client: Client,
    pub jar: BTreeMap<String, String>,
    pub fields: Vec<(&'static str, String)>,
}

impl Browser {
    pub async fn get(&mut self, target: &str) -> Got {
        self.send("GET", target).await
    }

    pub async fn send(&mut self, method: &str, target: &str) -> Got {
        let mut request = Request::builder().method(method).uri(format!("http://{}{target}", self.guard));
        if !self.jar.is_empty() {
            let cookies: Vec<String> =
                self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in &self.fields {
            request = request.header(*name, value);
        }
        let body: Body = full("");
        let answer = soon(self.client.request(request.body(body).unwrap())).await.unwrap();
        let (status, fields) = (answer.status(), answer.headers().clone());
        for set in fields.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.jar.insert(name.to_owned(), value.to_owned());
        }
        let (bytes, _) = whole_body(answer.into_body()).await;
        Got { status, fields, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Asks until it is no redirect.
    pub async fn visit(&mut self, target: &str) -> Got {
        let mut got = self.get(target).await;
        for _ in 0..3 {
            if got.status != StatusCode::TEMPORARY_REDIRECT {
                break;
            }
            let next = got.field("location").to_owned();
            got = self.get(&next).await;
        }
        got
    }

    pub fn ticket(&self) -> &str {
        &self.jar["suimon-place"]
    }
}
