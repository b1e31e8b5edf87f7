//! The guard behind the caches that people have, in their default and in their leaking configurations: who gets to see whose page,
//! without the guard, with it, and with what the rules become when they are exported. What is measured is what
//! `docs/guard/caches.md` shows; SUIMON_WRITE_MEASURED=1 writes it there.

mod bound;
mod configurations;
mod exported;
mod probes;
mod programs;
#[expect(dead_code, reason = "of what the other tests share, these need a part")]
#[path = "../it/stand.rs"]
mod stand;
mod system;
mod table;

use std::sync::Arc;
use std::time::Duration;

use guard::identity::{AfterWrite, Carrier, Declaration, Identity, Memory};
use guard::{Guard, Rules};
use http::HeaderName;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use probes::{Kind, Measured, Outcome};
use programs::{Cache, Configuration, Layer, Program, free_listener};
use stand::{Nobody, Running, settings, soon};
use system::{System, WORDS};

/// Caches of one program at once.
const AT_ONCE: usize = 6;
/// After which no cache takes for fresh what it may keep for no time.
const OLD: Duration = Duration::from_millis(2_500);

async fn guard_before(system: &System, change: impl FnOnce(Guard) -> Guard) -> Running {
    let rules = Rules::compile("portal", exported::rules()).expect("the rules hold");
    let mut settings = settings(system.address);
    settings.patience.drain = Duration::from_secs(1);
    let guard = Guard::new(settings, rules, Arc::new(Nobody)).expect("a plain origin");
    let guard = change(guard.with_identity(Arc::new(identity())));
    let (listener, _) = free_listener();
    Running::of(Arc::new(guard), TcpListener::from_std(listener).expect("it does not wait"), None)
}

/// As the system names people; with tags, whether or not the layer before it compares them.
fn identity() -> Identity {
    let declaration = Declaration {
        system: system::SYSTEM.into(),
        carriers: vec![Carrier::Cookie("sid".into()), Carrier::Bearer],
        subject_header: Some(HeaderName::from_static(system::SUBJECT)),
        sign_in: ["login".to_owned()].into(),
        ..Declaration::default()
    };
    let identity = Identity::new("portal", declaration, Memory::default(), [9; 32].into());
    // What signing in answers is read.
    identity.expect("the declaration holds").with_binding(system::ring(), AfterWrite::Pass)
}

async fn measure(program: Program, configuration: &Configuration, layer: Layer) -> Measured {
    // Without a guard nobody would take the names away.
    let system = System::start(layer.has_guard()).await;
    let guard = if layer.has_guard() { Some(guard_before(&system, |guard| guard).await) } else { None };
    let upstream = guard.as_ref().map_or(system.address, |guard| guard.address);
    let cache = Cache::start(program, configuration, layer, upstream).await;
    let primed = cache.visitors.prime().await;
    let old = tokio::time::Instant::now() + OLD;
    let mut measured = cache.visitors.measure().await;
    tokio::time::sleep_until(old).await;
    system.stop().await;
    let mut stale = cache.visitors.after(&primed).await;
    if let Some(guard) = guard {
        // The guard says that the system is not there; then it is not there itself.
        soon(guard.stop()).await.expect("it ends in order");
        for (at, outcome) in cache.visitors.after(&primed).await {
            stale.entry(at).and_modify(|worst| *worst = outcome.max(*worst));
        }
    }
    for word in WORDS {
        // A page that is handed out while the system runs needs no breakdown for it.
        let fresh = measured.get(&(Kind::Page, word.path)) == Some(&Outcome::Leak);
        let outcome = stale.get(&(Kind::Stale, word.path)).copied().filter(|_| !fresh);
        measured.insert((Kind::Stale, word.path), outcome.unwrap_or(Outcome::Right));
    }
    measured
}

async fn check(program: Program) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (row, configuration) in program.configurations().iter().enumerate() {
        for (column, layer) in program.layers().iter().copied().enumerate() {
            let places = places.clone();
            running.spawn(async move {
                let _place = places.acquire().await.expect("nobody closes it");
                (row, column, measure(program, configuration, layer).await)
            });
        }
    }
    let mut rows: Vec<Vec<Measured>> =
        program.configurations().iter().map(|_| vec![Measured::new(); program.layers().len()]).collect();
    while let Some(done) = running.join_next().await {
        let (row, column, measured) =
            done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        rows[row][column] = measured;
    }
    for (configuration, row) in program.configurations().iter().zip(&rows) {
        for (layer, measured) in program.layers().iter().zip(row) {
            assert_holds(program, configuration, *layer, measured);
        }
    }
    table::compare(program, &rows);
}

/// What holds whatever the page says.
fn assert_holds(program: Program, configuration: &Configuration, layer: Layer, measured: &Measured) {
    for ((kind, word), outcome) in measured {
        let holds = match layer {
            // A probe that gets nobody's page would show nothing. Caches that keep pages take cookies off them.
            Layer::Nothing => *outcome != Outcome::Refused || *kind == Kind::Cookie,
            // No such path leaves the guard, and no page that a cache may keep for the day of a breakdown.
            Layer::Guard => !matches!(kind, Kind::File | Kind::Stale) || *outcome != Outcome::Leak,
            Layer::Binding | Layer::Export | Layer::ExportAlone => *outcome != Outcome::Leak,
        };
        let refused = *kind != Kind::File || layer == Layer::Nothing || *outcome == Outcome::Refused;
        let of =
            format!("{} {} ({}): {kind:?} with {word}", program.title(), configuration.id, layer.title());
        assert!(holds && refused, "{of}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx() {
    check(Program::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn varnish() {
    check(Program::Varnish).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn squid() {
    check(Program::Squid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_server() {
    check(Program::TrafficServer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn httpd() {
    check(Program::Httpd).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy() {
    check(Program::Haproxy).await;
}

/// Else a cache would be waited for that is somebody else's, or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_finds_the_port_taken_is_started_again() {
    use Program::*;
    for program in [Nginx, Varnish, Squid, TrafficServer, Httpd, Haproxy] {
        assert!(!Cache::believes_in_a_taken_port(program).await, "{}", program.title());
    }
}
