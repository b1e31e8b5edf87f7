//! The day as it happened: each request meets its edge location, which answers from its cache or asks the origin.
//!
//! While the cache is on, a personal page is kept for the minimum time to live of one second, by path alone: cookies
//! go to the origin but are not part of the key. Requests that are under way at the same time are not joined into
//! one, as is documented for cookies that go to the origin.

use std::collections::HashMap;

use super::plan::{Answer, CACHE_ON, Moment, Plan};
use super::random::Random;

/// The minimum time to live.
const TIME_TO_LIVE: Moment = 1_000;
/// Files that are the same for everybody are kept for an hour, on the whole day.
const ASSET_TIME_TO_LIVE: Moment = 3_600_000;

/// The name of the cache behind all locations; no location has it.
const REGION: &str = "region";

/// A request with its answer.
#[derive(Debug, Clone)]
pub(super) struct Served {
    /// Index into the plan's requests.
    pub(super) planned: usize,
    pub(super) id: String,
    /// How long it took, in milliseconds.
    pub(super) taken: Moment,
    pub(super) bytes: i64,
    pub(super) status: u16,
    /// Index of the served request whose answer was given; `None` when the origin was asked.
    pub(super) from: Option<usize>,
    /// The location had it itself: what it got from the cache behind it, its log calls a miss.
    pub(super) hit: bool,
}

/// An answer in a cache.
struct Kept {
    from: usize,
    since: Moment,
    until: Moment,
}

/// What is wrong with the edge from [`CACHE_ON`] on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    /// When the cache is switched off.
    pub(super) until: Moment,
    /// There is one more cache, behind all locations.
    pub(super) regional: bool,
}

pub(super) fn serve(random: &mut Random, plan: &Plan, fault: Fault) -> Vec<Served> {
    let Fault { until, regional } = fault;
    let mut caches: HashMap<(&str, &str), Vec<Kept>> = HashMap::new();
    let mut served: Vec<Served> = Vec::with_capacity(plan.requests.len());
    for (index, request) in plan.requests.iter().enumerate() {
        let asset = request.path.starts_with("/assets/");
        let cached = asset || (CACHE_ON..until).contains(&request.at);
        let kept = caches.entry((plan.browsers[request.browser].place, request.path)).or_default();
        kept.retain(|kept| kept.until > request.at);
        let fresh = kept.iter().filter(|kept| kept.since <= request.at).max_by_key(|kept| kept.since);
        let here = fresh.map(|kept| kept.from).filter(|_| cached && !request.post);
        let behind = caches.get(&(REGION, request.path)).into_iter().flatten();
        let behind = behind.filter(|kept| kept.since <= request.at && request.at < kept.until);
        let behind = behind.max_by_key(|kept| kept.since).map(|kept| kept.from);
        let behind = behind.filter(|_| regional && cached && !request.post);
        let from = here.or(behind);
        let id = random.request_id();
        let status = match request.answer {
            Answer::LoggedIn => 302,
            Answer::Personal | Answer::Public | Answer::LoginFailed => 200,
        };
        let (taken, bytes) = match from {
            Some(from) if here.is_some() => (random.between(1, 12), served[from].bytes),
            Some(from) => (random.between(15, 40), served[from].bytes),
            None => (60 + random.waiting(70).min(290), size(random, request.path)),
        };
        if here.is_none() && cached && !request.post {
            let since = request.at + taken;
            let life = if asset { ASSET_TIME_TO_LIVE } else { TIME_TO_LIVE };
            let mut keep = |place| {
                let kept = Kept { from: from.unwrap_or(index), since, until: since + life };
                caches.entry((place, request.path)).or_default().push(kept);
            };
            keep(plan.browsers[request.browser].place);
            if regional && from.is_none() {
                keep(REGION);
            }
        }
        served.push(Served { planned: index, id, taken, bytes, status, from, hit: here.is_some() });
    }
    served
}

fn size(random: &mut Random, path: &str) -> i64 {
    match path {
        "/assets/app.css" => 18_311,
        "/assets/app.js" => 91_204,
        "/assets/logo.svg" => 2_918,
        "/" | "/schools" => 14_220,
        "/login" => 4_102,
        // Personal pages differ in length, as names and choices do.
        _ => random.between(4_800, 9_600),
    }
}
