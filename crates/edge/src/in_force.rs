//! The caching rules in force: which version, what it says of a request and its answer, and what it found wrong.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::RuleError;
use crate::policy::{Effect, Exchange, Findings, Kind};
use crate::route::RouteTable;

const KINDS: usize = Kind::ALL.len();
const EFFECTS: [Effect; 3] = [Effect::Measured, Effect::Reported, Effect::Corrected];

/// One version of the rules with the counts of what was found under it. Whoever keeps them changes from one to the next between two requests:
/// each request and its answer are judged by the same version.
pub struct Rules {
    version: String,
    table: RouteTable,
    /// Place of a route in `counts`; the first place is that of paths without a route.
    places: HashMap<String, usize>,
    /// By place, kind and effect.
    counts: Box<[AtomicU64]>,
}

/// What was wrong, without anything that came with a request or an answer. Of faults of caching, unless another kind is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a, K = Kind> {
    /// Of the rules by which it was wrong.
    pub version: &'a str,
    /// Name of the declared route; none where no route covers the path for sure.
    pub route: Option<&'a str>,
    pub kind: K,
    pub effect: Effect,
}

/// Who is told of what was wrong.
pub trait Sink: Send + Sync {
    /// Once for each route, kind and effect under each version of the rules. What is only measured (mode `observe`) is counted and
    /// not told. Called before the answer leaves, so it must not wait for anything.
    fn tell(&self, found: Found<'_>);
}

/// How often something was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count<K = Kind> {
    /// Name of the declared route, if one covers the requests for sure.
    pub route: Option<String>,
    pub kind: K,
    pub effect: Effect,
    pub times: u64,
}

impl Rules {
    /// Rules under the name of their version, which whoever is told of a fault gets with it.
    ///
    /// # Errors
    /// All that is wrong with the rules.
    pub fn compile(version: impl Into<String>, rules: crate::Rules) -> Result<Self, Vec<RuleError>> {
        let table = RouteTable::compile(rules)?;
        let names = table.routes().map(|route| route.name().to_owned());
        let places: HashMap<_, _> = names.zip(1..).collect();
        let counts = (0..(places.len() + 1) * KINDS * EFFECTS.len()).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { version: version.into(), table, places, counts })
    }

    /// Its name.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it says of paths.
    pub fn table(&self) -> &RouteTable {
        &self.table
    }

    /// What was wrong since these rules came into force, in the order of the declared routes, paths without a route first.
    pub fn counts(&self) -> Vec<Count> {
        let routes = std::iter::once(None).chain(self.table.routes().map(|route| Some(route.name())));
        let mut counts = Vec::new();
        for (route, of_route) in routes.zip(self.counts.chunks(KINDS * EFFECTS.len())) {
            for (kind, of_kind) in Kind::ALL.iter().zip(of_route.chunks(EFFECTS.len())) {
                for (effect, count) in EFFECTS.iter().zip(of_kind) {
                    let times = count.load(Ordering::Relaxed);
                    if times > 0 {
                        let route = route.map(str::to_owned);
                        counts.push(Count { route, kind: *kind, effect: *effect, times });
                    }
                }
            }
        }
        counts
    }

    /// Counts what was wrong with a request, and tells the sink.
    pub fn note_request(&self, exchange: &Exchange<'_>, sink: &(impl Sink + ?Sized)) {
        self.note(exchange.findings(), None, sink);
    }

    /// Counts what was wrong with an answer, and not again what the request showed already; tells the sink.
    pub fn note_answer(&self, exchange: &Exchange<'_>, found: Findings<'_>, sink: &(impl Sink + ?Sized)) {
        self.note(found, Some(exchange.findings()), sink);
    }

    fn note(&self, found: Findings<'_>, before: Option<Findings<'_>>, sink: &(impl Sink + ?Sized)) {
        for finding in found.iter().filter(|one| !before.is_some_and(|before| before.contains(one.kind))) {
            let place = finding.route.and_then(|route| self.places.get(route).copied()).unwrap_or(0);
            let at = (place * KINDS + finding.kind as usize) * EFFECTS.len() + number(finding.effect);
            let Some(count) = self.counts.get(at) else { continue };
            // Whoever finds it at nothing is the first, and the only one who tells.
            let first = count.fetch_add(1, Ordering::Relaxed) == 0;
            if first && finding.effect != Effect::Measured {
                let (route, kind, effect) = (finding.route, finding.kind, finding.effect);
                sink.tell(Found { version: &self.version, route, kind, effect });
            }
        }
    }
}

fn number(effect: Effect) -> usize {
    match effect {
        Effect::Measured => 0,
        Effect::Reported => 1,
        Effect::Corrected => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_effects_have_a_place_each() {
        for (at, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(at, *kind as usize);
        }
        for (at, effect) in EFFECTS.iter().enumerate() {
            assert_eq!(at, number(*effect));
        }
    }
}
