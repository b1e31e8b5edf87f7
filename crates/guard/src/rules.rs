//! The rules in force: one version at a time, exchanged as a whole while requests go on, and what came of each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use edge::RouteTable;
use edge::policy::{Effect, Finding, Findings, Kind};

/// Where findings go that somebody should know of, such as those that become findings of an audit.
pub trait Sink: Send + Sync {
    /// Takes one finding. It comes once for each route, kind and effect within one version of the rules, and at most once again
    /// after each [`Taken::Later`]. Called while a client waits for its answer: hand it to a queue and return.
    fn take(&self, notice: Notice<'_>) -> Taken;
}

/// What a sink did with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It has it.
    Now,
    /// It has no room. The next request with the same fault tells it again.
    Later,
}

/// A finding for a [`Sink`]. Nothing of what was sent is in it: no path, no query, no field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// Of the rules that the request was judged by.
    pub version: &'a str,
    /// Name of the declared route; none for what no route covers for sure.
    pub route: Option<&'a str>,
    /// What was wrong.
    pub kind: Kind,
    /// What came of it: corrected, or reported and left as it was. What is only measured (mode `observe`) goes to no sink.
    pub effect: Effect,
}

/// How often something was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Name of the declared route; none for what no route covers for sure.
    pub route: Option<Arc<str>>,
    /// What was wrong.
    pub kind: Kind,
    /// What came of it.
    pub effect: Effect,
    /// Requests, since the guard began or the route was first declared.
    pub requests: u64,
}

/// The handle to the rules in force. Whoever holds it exchanges them; each request is judged from its beginning to its end by
/// the version that was in force when its head was read.
pub struct Rules {
    current: ArcSwap<Version>,
    // One exchange at a time: each takes over the counts of the one before.
    exchanging: Mutex<()>,
    sink: Arc<dyn Sink>,
}

impl Rules {
    /// Rules that are in force from the first request on. `version` is what notices call them.
    pub fn new(version: impl Into<Arc<str>>, table: RouteTable, sink: Arc<dyn Sink>) -> Self {
        let current = Version::new(version.into(), table, None);
        Self { current: ArcSwap::from_pointee(current), exchanging: Mutex::new(()), sink }
    }

    /// Puts other rules into force, for each request whose head is read from now on. No connection and no request ends for it.
    /// The counts of routes that keep their name go on; what was told once is told once more, under the new version.
    pub fn exchange(&self, version: impl Into<Arc<str>>, table: RouteTable) {
        // It guards no data, so nothing is broken by whoever broke off.
        let _one = self.exchanging.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Version::new(version.into(), table, Some(&self.current.load()));
        self.current.store(Arc::new(next));
    }

    /// What the rules in force are called.
    pub fn version(&self) -> Arc<str> {
        self.current.load().name.clone()
    }

    /// How often what was wrong, by route; only what occurred, in no order.
    pub fn counts(&self) -> Vec<Count> {
        let version = self.current.load();
        let named = version.routes.iter().map(|(name, tally)| (Some(name), tally));
        let all = named.chain([(None, &version.undeclared)]);
        all.flat_map(|(name, tally)| tally.counts.occurred(name.cloned())).collect()
    }

    /// For one request, from its beginning to its end.
    pub(crate) fn in_force(&self) -> Arc<Version> {
        self.current.load_full()
    }

    /// Counts findings, and tells those that were not told yet.
    pub(crate) fn note(&self, version: &Version, findings: &Findings<'_>) {
        if findings.is_empty() {
            return;
        }
        for Finding { route, kind, effect } in findings.iter() {
            let tally = route.and_then(|name| version.routes.get(name)).unwrap_or(&version.undeclared);
            tally.counts.add(kind, effect);
            if effect == Effect::Measured || !tally.is_first(kind, effect) {
                continue;
            }
            let notice = Notice { version: &version.name, route, kind, effect };
            if self.sink.take(notice) == Taken::Later {
                tally.forget(kind, effect);
            }
        }
    }
}

/// One version of the rules.
pub(crate) struct Version {
    name: Arc<str>,
    pub(crate) table: RouteTable,
    routes: HashMap<Arc<str>, Tally>,
    undeclared: Tally,
}

impl Version {
    fn new(name: Arc<str>, table: RouteTable, before: Option<&Version>) -> Self {
        let routes = table.routes().map(|route| {
            let before = before.and_then(|before| before.routes.get_key_value(route.name()));
            match before {
                Some((name, tally)) => (name.clone(), tally.goes_on()),
                None => (Arc::from(route.name()), Tally::default()),
            }
        });
        let routes = routes.collect();
        let undeclared = before.map(|before| before.undeclared.goes_on()).unwrap_or_default();
        Self { name, table, routes, undeclared }
    }
}

/// Of one route.
#[derive(Default)]
struct Tally {
    // Shared with the version before, by which some requests are still judged.
    counts: Arc<Counts>,
    /// Kinds that were told, as bits, by effect.
    told: [AtomicU64; EFFECTS],
}

impl Tally {
    fn goes_on(&self) -> Self {
        Self { counts: self.counts.clone(), told: Default::default() }
    }

    /// Whether it is told now, and by nobody else at the same time.
    fn is_first(&self, kind: Kind, effect: Effect) -> bool {
        let told = &self.told[index(effect)];
        // Mostly it was told long ago: reading keeps the line shared between processors.
        let bit = bit(kind);
        told.load(Ordering::Relaxed) & bit == 0 && told.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    fn forget(&self, kind: Kind, effect: Effect) {
        self.told[index(effect)].fetch_and(!bit(kind), Ordering::Relaxed);
    }
}

/// By kind and effect.
struct Counts([[AtomicU64; EFFECTS]; KINDS]);

impl Default for Counts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Default::default()))
    }
}

impl Counts {
    fn add(&self, kind: Kind, effect: Effect) {
        self.0[kind as usize][index(effect)].fetch_add(1, Ordering::Relaxed);
    }

    fn occurred(&self, route: Option<Arc<str>>) -> impl Iterator<Item = Count> {
        let each = Kind::ALL.iter().flat_map(|kind| EACH.iter().map(move |effect| (*kind, *effect)));
        each.filter_map(move |(kind, effect)| {
            let requests = self.0[kind as usize][index(effect)].load(Ordering::Relaxed);
            (requests > 0).then(|| Count { route: route.clone(), kind, effect, requests })
        })
    }
}

const KINDS: usize = Kind::ALL.len();
const EFFECTS: usize = EACH.len();
const EACH: [Effect; 3] = [Effect::Measured, Effect::Reported, Effect::Corrected];

const fn index(effect: Effect) -> usize {
    match effect {
        Effect::Measured => 0,
        Effect::Reported => 1,
        Effect::Corrected => 2,
    }
}

/// There are at most 64 kinds, numbered from 0 (the engine asserts it).
const fn bit(kind: Kind) -> u64 {
    1 << kind as u8
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
