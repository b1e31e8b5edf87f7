//! Two loads against a guard in this process, over loopback, bounded in count and time; on a quiet machine alone.
//!
//! `goodput`: what a system that bears 400 requests a second still does when ten times as much is asked of it, with admission before
//! it and without. `rush [PEOPLE]`: 270,000 people who come as fast as they can be taken, and are let in ten thousand at a time.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use guard::admission::{
    Admission, Budget, Channel, Cookie, InFlight, Keys, KnownBy, Noted, Order, Rate, Room, Settings,
    TenantOf, WaitingStatus, Watch,
};
use guard::settings::{Limits, Origin, Patience};
use guard::{Found, Guard, Rules, Sink};
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Places in the system, and how long each request takes one.
const PLACES: usize = 4;
const TAKES: Duration = Duration::from_millis(10);
/// An answer after this is no use to anybody.
const USEFUL: Duration = Duration::from_secs(1);

struct Nobody;

impl Sink for Nobody {
    fn tell(&self, _: Found<'_>) {}
}

impl Watch for Nobody {
    fn tell(&self, _: Noted<'_>) {}
}

fn settings(people: u32, rate: u32, in_flight: u32) -> Settings {
    let second = Duration::from_secs;
    Settings {
        system: "bench".into(),
        event: "1".into(),
        mode: edge::Mode::Enforce,
        channels: vec![Channel { name: "web".into(), reserve: 0, weight: 1, known_by: KnownBy::Rest }],
        budget: Budget { rate: Rate::per_second(rate), burst: rate / 10, people, newcomers: None },
        tenants: Vec::new(),
        tenant_of: TenantOf::Nobody,
        room: Room {
            order: Order::Fifo,
            group_of: None,
            most_waiting: 1_000_000,
            grace: second(3_600),
            idle: second(3_600),
            claim_within: second(3_600),
            settle: Duration::ZERO,
            refresh: second(20),
            renew: second(3_600),
        },
        open: Vec::new(),
        api: Vec::new(),
        in_flight: InFlight {
            floor: 1,
            ceiling: in_flight,
            initial: in_flight,
            queue: in_flight as usize * 10,
        },
        delay: Duration::from_millis(500),
        waiting_status: WaitingStatus::Unavailable,
        cookie: Cookie::AsAsked,
        session_cookies: Vec::new(),
        status_max_age: second(5),
    }
}

fn admission(settings: Settings) -> Arc<Admission> {
    let start = Instant::now();
    let clock = Arc::new(move || Duration::from_secs(1_619_395_200) + start.elapsed());
    let state = AtomicU64::new(1);
    // No secret here: the same numbers in each run.
    let chance = move |bytes: &mut [u8]| {
        for piece in bytes.chunks_mut(8) {
            let mut number = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            piece.copy_from_slice(&(number ^ (number >> 31)).to_be_bytes()[..piece.len()]);
        }
    };
    let keys = Keys::new([("a".to_owned(), Zeroizing::new([7; 32]))]).expect("one sound key");
    Arc::new(Admission::new(settings, keys, chance, clock, Nobody).expect("sound settings"))
}

/// A system with so many places; without a limit, one that answers at once.
async fn origin(places: Option<usize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let places = places.map(|places| Arc::new(Semaphore::new(places)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let places = places.clone();
            tokio::spawn(async move {
                let service = service_fn(move |_| {
                    let places = places.clone();
                    async move {
                        if let Some(places) = places {
                            let _place = places.acquire().await;
                            tokio::time::sleep(TAKES).await;
                        }
                        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(
                            b"done",
                        ))))
                    }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

async fn guard(origin: SocketAddr, admission: Option<Arc<Admission>>) -> SocketAddr {
    let settings = guard::Settings {
        origin: Origin {
            address: format!("http://{origin}").parse().expect("an address"),
            http2: false,
            authorities: Vec::new(),
            host: None,
            idle_connections: 64,
        },
        limits: Limits::default(),
        patience: Patience::default(),
        trusted: Vec::new(),
        edge_ids: Vec::new(),
    };
    let rules = edge::Rules { undeclared: edge::Mode::Observe, ..edge::Rules::default() };
    let rules = Rules::compile("bench", rules).expect("no rules");
    let mut guard = Guard::new(settings, rules, Arc::new(Nobody)).expect("sound settings");
    if let Some(admission) = admission {
        guard = guard.with_admission(admission);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(guard::serve(Arc::new(guard), listener, None, std::future::pending()));
    address
}

/// One connection of a client, as small as it can be.
struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

struct Got {
    status: u16,
    ticket: Option<String>,
    number: Option<u64>,
}

impl Connection {
    fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, read: Vec::with_capacity(8 << 10) }
    }

    async fn get(&mut self, ticket: Option<&str>) -> std::io::Result<Got> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        let cookie = ticket.map(|ticket| format!("Cookie: suimon-place={ticket}\r\n")).unwrap_or_default();
        stream.write_all(format!("GET /book HTTP/1.1\r\nHost: a.example\r\n{cookie}\r\n").as_bytes()).await?;
        self.read.clear();
        let broken = || std::io::Error::other("no answer of HTTP/1.1");
        let (head, length) = loop {
            if stream.read_buf(&mut self.read).await? == 0 {
                return Err(broken());
            }
            let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.read[..at]).into_owned();
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let length: usize = field("content-length: ").and_then(|text| text.parse().ok()).unwrap_or(0);
            break (head, at + 4 + length);
        };
        while self.read.len() < length {
            if stream.read_buf(&mut self.read).await? == 0 {
                return Err(broken());
            }
        }
        self.stream = Some(stream);
        let status = head.get(9..12).and_then(|text| text.parse().ok()).ok_or_else(broken)?;
        let ticket = head.lines().find_map(|line| line.strip_prefix("set-cookie: suimon-place="));
        let ticket = ticket.and_then(|rest| rest.split(';').next()).map(str::to_owned);
        let text = String::from_utf8_lossy(&self.read);
        let number =
            text.split("Your number is ").nth(1).and_then(|rest| rest.split('.').next()?.parse().ok());
        Ok(Got { status, ticket, number })
    }
}

fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Useful answers a second while so many clients ask twice a second each.
async fn good(admitted: bool, clients: usize) -> (f64, f64) {
    // Of 400 a second, three quarters are declared: what is declared must be what was measured, with room.
    let admission = admitted.then(|| admission(settings(1_000_000, 360, PLACES as u32 * 2)));
    let address = guard(origin(Some(PLACES)).await, admission).await;
    let (useful, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let begin = Instant::now();
    let (warm, end) = (begin + Duration::from_secs(2), begin + Duration::from_secs(8));
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (useful, asked) = (useful.clone(), asked.clone());
            tokio::spawn(async move {
                let mut connection = Connection::new(address);
                let mut ticket = None;
                let mut next = begin + Duration::from_millis(500) * client as u32 / clients as u32;
                while next < end {
                    tokio::time::sleep_until(next.into()).await;
                    let counted = next >= warm;
                    asked.fetch_add(usize::from(counted), Ordering::Relaxed);
                    match tokio::time::timeout(USEFUL, connection.get(ticket.as_deref())).await {
                        Ok(Ok(got)) => {
                            ticket = got.ticket.or(ticket);
                            useful.fetch_add(usize::from(counted && got.status == 200), Ordering::Relaxed);
                        }
                        // Gives up, and comes again over a new connection as people do.
                        _ => connection = Connection::new(address),
                    }
                    next += Duration::from_millis(500);
                    next = next.max(Instant::now());
                }
            })
        })
        .collect();
    for task in tasks {
        let _ = task.await;
    }
    let second = |count: &AtomicUsize| count.load(Ordering::Relaxed) as f64 / (end - warm).as_secs_f64();
    (second(&asked), second(&useful))
}

async fn goodput() {
    let mut first = None;
    for (admitted, clients) in [(true, 160), (true, 1_600), (false, 160), (false, 1_600)] {
        let (asked, useful) = good(admitted, clients).await;
        let base: f64 = *first.get_or_insert(useful);
        let with = if admitted { "with admission" } else { "without" };
        say(format_args!(
            "{with}: {asked:.0} asked, {useful:.0} useful a second, {:.2} of the first",
            useful / base
        ));
    }
}

const CONNECTIONS: usize = 32;

/// Each person's number on the page and last ticket.
type Person = (Option<u64>, Option<String>);

/// Has each person of a list ask, over all connections at once. In the order of the list on each connection.
async fn ask(address: SocketAddr, people: Vec<(usize, Option<String>)>) -> Vec<(usize, Got, Duration)> {
    let people = Arc::new(people);
    let next = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (people, next) = (people.clone(), next.clone());
            tokio::spawn(async move {
                let (mut connection, mut all) = (Connection::new(address), Vec::new());
                while let Some((person, ticket)) = people.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let got = connection.get(ticket.as_deref()).await.expect("an answer");
                    all.push((*person, got, begun.elapsed()));
                }
                // Numbers are given in the order of coming.
                let numbers: Vec<u64> = all.iter().filter_map(|(_, got, _)| got.number).collect();
                assert!(returning(&people) || numbers.is_sorted(), "out of order");
                all
            })
        })
        .collect();
    let mut all = Vec::with_capacity(people.len());
    for task in tasks {
        all.extend(task.await.expect("no panic"));
    }
    all
}

/// They hold tickets, and so numbers from before.
fn returning(people: &[(usize, Option<String>)]) -> bool {
    people.first().is_some_and(|(_, ticket)| ticket.is_some())
}

async fn rush(count: usize) {
    const STEP: u32 = 10_000;
    let (rate, in_flight) = (1_000_000, 1_000);
    let admission = admission(settings(0, rate, in_flight));
    let address = guard(origin(None).await, Some(admission.clone())).await;
    let begun = Instant::now();
    let came = ask(address, (0..count).map(|person| (person, None)).collect()).await;
    let took = begun.elapsed();
    let mut waits: Vec<Duration> = came.iter().map(|(.., wait)| *wait).collect();
    waits.sort_unstable();
    let rate_now = count as f64 / took.as_secs_f64();
    say(format_args!(
        "{count} came in {:.1} s: {rate_now:.0} a second, {:.1} times the 1,500 of 270,000 in three minutes; \
         answered in {:.1} ms (median), {:.1} ms (99 of 100), {:.1} ms (all)",
        took.as_secs_f64(),
        rate_now / 1_500.0,
        waits[count / 2].as_secs_f64() * 1e3,
        waits[count * 99 / 100].as_secs_f64() * 1e3,
        waits[count - 1].as_secs_f64() * 1e3,
    ));
    let mut line: BTreeMap<u64, Person> = BTreeMap::new();
    for (_, got, _) in came {
        assert_eq!(got.status, 503);
        let number = got.number.expect("a number");
        assert!(line.insert(number, (Some(number), got.ticket)).is_none(), "a number was given twice");
    }
    assert_eq!(line.len(), count, "somebody is lost");
    let begun = Instant::now();
    let (mut people, mut entered) = (0, 0);
    while let Some((&first, _)) = line.first_key_value() {
        people += STEP;
        admission.replace(settings(people, rate, in_flight)).expect("sound settings");
        // Those whose turn it is, and some who must wait on.
        let mut asking = Vec::new();
        for (number, (_, ticket)) in line.range(..first + u64::from(STEP) + 100) {
            asking.push((*number as usize, ticket.clone()));
        }
        let mut called = Vec::new();
        for (person, got, _) in ask(address, asking.clone()).await {
            let due = person as u64 <= u64::from(people);
            if got.status == 307 {
                assert!(due, "{person} is called before the turn");
                called.push((person, got.ticket));
            }
        }
        // Rooms call at most some hundreds with each request, so that the first of a step may ask too early.
        let known: HashSet<usize> = called.iter().map(|(person, _)| *person).collect();
        let due = |person: usize| person as u64 <= u64::from(people) && !known.contains(&person);
        let early: Vec<_> = asking.into_iter().filter(|(person, _)| due(*person)).collect();
        for (person, got, _) in ask(address, early).await {
            assert_eq!(got.status, 307, "{person} is not called");
            called.push((person, got.ticket));
        }
        for (person, got, _) in ask(address, called).await {
            assert_eq!(got.status, 200);
            assert!(line.remove(&(person as u64)).is_some(), "{person} came in twice");
            entered += 1;
        }
        assert!(admission.levels()[0].people.taken() <= people, "more inside than declared");
    }
    let took = begun.elapsed().as_secs_f64();
    say(format_args!(
        "{entered} let in by number, {STEP} at a time, in {took:.1} s: nobody lost, nobody twice"
    ));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with("--")).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let wanted = arguments.first().map_or("", String::as_str);
    let count =
        arguments.get(1).and_then(|count| count.parse().ok()).unwrap_or(270_000_usize).clamp(100, 1_000_000);
    runtime.expect("a runtime").block_on(async {
        if wanted != "rush" {
            goodput().await;
        }
        if wanted != "goodput" {
            rush(count).await;
        }
    });
}
