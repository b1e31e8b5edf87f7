use std::sync::atomic::AtomicBool;

use edge::{Mode, RouteRule};
use http::{HeaderMap, Method, StatusCode};

use super::*;

/// Keeps what it is told, unless it is full.
#[derive(Default)]
struct Told {
    full: AtomicBool,
    /// Version and kind.
    notices: Mutex<Vec<(String, Kind)>>,
}

impl Sink for Told {
    fn take(&self, notice: Notice<'_>) -> Taken {
        let Notice { version, route: _, kind, effect: _ } = notice;
        if self.full.load(Ordering::Relaxed) {
            return Taken::Later;
        }
        self.notices.lock().unwrap().push((version.to_owned(), kind));
        Taken::Now
    }
}

impl Told {
    fn times(&self, version: &str, kind: Kind) -> usize {
        let notices = self.notices.lock().unwrap();
        notices.iter().filter(|notice| notice.0 == version && notice.1 == kind).count()
    }
}

fn table(names: &[&str], mode: Mode) -> RouteTable {
    let rule = |name: &&str| RouteRule { mode, ..RouteRule::personal(*name, format!("/{name}/**")) };
    let routes = names.iter().map(rule).collect();
    RouteTable::compile(edge::Rules { routes, undeclared: mode }).unwrap()
}

/// A response without any header.
fn bare(rules: &Rules, version: &Version, path: &str) {
    let exchange = version.table.judge_request(&Method::GET, path, &mut HeaderMap::new());
    rules.note(version, &exchange.judge_response(StatusCode::OK, &mut HeaderMap::new()).findings);
}

fn absent(rules: &Rules, route: Option<&str>) -> Vec<(Effect, u64)> {
    let counts = rules.counts().into_iter();
    let counts =
        counts.filter(|count| count.kind == Kind::CacheControlAbsent && count.route.as_deref() == route);
    counts.map(|count| (count.effect, count.requests)).collect()
}

#[test]
fn each_is_counted_and_told_once() {
    let told = Arc::new(Told::default());
    let rules = Rules::new("1", table(&["a", "b"], Mode::Enforce), told.clone());
    for _ in 0..3 {
        bare(&rules, &rules.in_force(), "/a/x");
    }
    bare(&rules, &rules.in_force(), "/elsewhere");
    assert_eq!(absent(&rules, Some("a")), [(Effect::Corrected, 3)]);
    assert_eq!(absent(&rules, None), [(Effect::Corrected, 1)]);
    assert_eq!(absent(&rules, Some("b")), []);
    // For the route, and for what no route covers.
    assert_eq!(told.times("1", Kind::CacheControlAbsent), 2);
}

#[test]
fn what_is_only_measured_is_counted_and_not_told() {
    let told = Arc::new(Told::default());
    let rules = Rules::new("1", table(&["a"], Mode::Observe), told.clone());
    bare(&rules, &rules.in_force(), "/a/x");
    assert_eq!(absent(&rules, Some("a")), [(Effect::Measured, 1)]);
    assert!(told.notices.lock().unwrap().is_empty());
}

#[test]
fn a_sink_without_room_is_told_again() {
    let told = Arc::new(Told::default());
    told.full.store(true, Ordering::Relaxed);
    let rules = Rules::new("1", table(&["a"], Mode::Audit), told.clone());
    bare(&rules, &rules.in_force(), "/a/x");
    assert_eq!(told.times("1", Kind::CacheControlAbsent), 0);
    told.full.store(false, Ordering::Relaxed);
    bare(&rules, &rules.in_force(), "/a/x");
    bare(&rules, &rules.in_force(), "/a/x");
    assert_eq!(told.times("1", Kind::CacheControlAbsent), 1);
    assert_eq!(absent(&rules, Some("a")), [(Effect::Reported, 3)]);
}

#[test]
fn counts_go_on_over_an_exchange_and_under_the_version_before() {
    let told = Arc::new(Told::default());
    let rules = Rules::new("1", table(&["a", "b"], Mode::Audit), told.clone());
    let before = rules.in_force();
    bare(&rules, &before, "/a/x");
    rules.exchange("2", table(&["a"], Mode::Enforce));
    assert_eq!(&*rules.version(), "2");
    // A request that began before the exchange ends by the rules that it began with.
    bare(&rules, &before, "/a/x");
    bare(&rules, &rules.in_force(), "/a/x");
    assert_eq!(absent(&rules, Some("a")), [(Effect::Reported, 2), (Effect::Corrected, 1)]);
    assert_eq!(
        (told.times("1", Kind::CacheControlAbsent), told.times("2", Kind::CacheControlAbsent)),
        (1, 1)
    );
}

#[test]
fn many_at_once_are_told_once() {
    let told = Arc::new(Told::default());
    let rules = Rules::new("1", table(&["a"], Mode::Enforce), told.clone());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(|_| bare(&rules, &rules.in_force(), "/a/x")));
        }
    });
    assert_eq!(absent(&rules, Some("a")), [(Effect::Corrected, 1_000)]);
    assert_eq!(told.times("1", Kind::CacheControlAbsent), 1);
}
