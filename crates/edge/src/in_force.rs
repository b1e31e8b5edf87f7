//! The caching rules in force: which version, what it says of a request and its answer, and what it found wrong.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::RuleError;
use crate::policy::{Effect, Exchange, Finding, Findings, Grade, Kind};
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
    /// By place.
    judged: Box<[Tally]>,
}

/// Answers of one place, each in one of the figures but the first beside it. A line of its own for each: neighbours would slow each other.
#[derive(Default)]
#[repr(align(64))]
struct Tally {
    answers: AtomicU64,
    noted: AtomicU64,
    corrected: AtomicU64,
    uncorrected: AtomicU64,
}

/// How many answers were looked at, and what came of those that were wrong: of one that was wrong in several ways the worst. What only
/// its request showed is not the answer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// All of them.
    pub answers: u64,
    /// With notes alone.
    pub noted: u64,
    /// Weaker than they should be, or leaking, and corrected.
    pub corrected: u64,
    /// The same, and left as they came.
    pub uncorrected: u64,
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
        let judged = (0..=places.len()).map(|_| Tally::default()).collect();
        Ok(Self { version: version.into(), table, places, counts, judged })
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

    /// What answers of each route were judged to be since these rules came into force, in the order of the declared routes, those
    /// without a route first. It never grows less.
    pub fn judged(&self) -> Vec<(Option<&str>, Judged)> {
        let routes = std::iter::once(None).chain(self.table.routes().map(|route| Some(route.name())));
        let read = |tally: &Tally| {
            let Tally { answers, noted, corrected, uncorrected } = tally;
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            // The parts first: what is added meanwhile makes no part greater than the whole.
            let (noted, corrected, uncorrected) = (read(noted), read(corrected), read(uncorrected));
            Judged { answers: read(answers), noted, corrected, uncorrected }
        };
        routes.zip(self.judged.iter().map(read)).collect()
    }

    /// Counts what was wrong with a request, and tells the sink.
    pub fn note_request(&self, exchange: &Exchange<'_>, sink: &(impl Sink + ?Sized)) {
        self.note(exchange.findings(), None, sink);
    }

    /// Counts what was wrong with an answer, and not again what the request showed already; tells the sink.
    pub fn note_answer(&self, exchange: &Exchange<'_>, found: Findings<'_>, sink: &(impl Sink + ?Sized)) {
        let worst = self.note(found, Some(exchange.findings()), sink);
        let Some(tally) = self.judged.get(self.place(found.route())) else { return };
        tally.answers.fetch_add(1, Ordering::Relaxed);
        let part = match worst {
            None => return,
            Some(Worst::Noted) => &tally.noted,
            Some(Worst::Corrected) => &tally.corrected,
            Some(Worst::Uncorrected) => &tally.uncorrected,
        };
        part.fetch_add(1, Ordering::Relaxed);
    }

    fn place(&self, route: Option<&str>) -> usize {
        route.and_then(|route| self.places.get(route).copied()).unwrap_or(0)
    }

    fn note(
        &self,
        found: Findings<'_>,
        before: Option<Findings<'_>>,
        sink: &(impl Sink + ?Sized),
    ) -> Option<Worst> {
        if found.is_empty() {
            return None;
        }
        let place = self.place(found.route());
        let mut worst = None;
        for finding in found.iter().filter(|one| !before.is_some_and(|before| before.contains(one.kind))) {
            worst = worst.max(Some(Worst::of(&finding)));
            let at = (place * KINDS + finding.kind as usize) * EFFECTS.len() + number(finding.effect);
            let Some(count) = self.counts.get(at) else { continue };
            // Whoever finds it at nothing is the first, and the only one who tells.
            let first = count.fetch_add(1, Ordering::Relaxed) == 0;
            if first && finding.effect != Effect::Measured {
                let (route, kind, effect) = (finding.route, finding.kind, finding.effect);
                sink.tell(Found { version: &self.version, route, kind, effect });
            }
        }
        worst
    }
}

/// What came of an answer: the later, the worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worst {
    Noted,
    Corrected,
    Uncorrected,
}

impl Worst {
    fn of(finding: &Finding<'_>) -> Self {
        match (finding.kind.grade(), finding.effect) {
            (Grade::Note, _) => Self::Noted,
            (Grade::Weakness | Grade::Leak, Effect::Corrected) => Self::Corrected,
            (Grade::Weakness | Grade::Leak, Effect::Measured | Effect::Reported) => Self::Uncorrected,
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

    /// Answers are counted once each, by what is worst about them; what only a request shows is not theirs.
    #[test]
    fn answers_are_tallied_by_route() {
        use crate::policy::{CACHE_CONTROL, CDN_CACHE_CONTROL, SURROGATE_CONTROL, VARY, X_ACCEL_EXPIRES};
        use crate::{Class, Mode, RouteRule};
        use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

        struct Nobody;
        impl Sink for Nobody {
            fn tell(&self, _: Found<'_>) {}
        }
        let route = |name: &str, mode| RouteRule {
            name: name.to_owned(),
            pattern: format!("/{name}/**"),
            class: Class::Personal,
            methods: Vec::new(),
            suffixes: Vec::new(),
            mode,
        };
        let routes = vec![route("kept", Mode::Enforce), route("seen", Mode::Observe)];
        let rules = Rules::compile("1", crate::Rules { routes, undeclared: Mode::Audit }).expect("rules");
        let full = [
            ("cache-control", CACHE_CONTROL),
            ("cdn-cache-control", CDN_CACHE_CONTROL),
            ("surrogate-control", SURROGATE_CONTROL),
            ("vary", VARY),
            ("x-accel-expires", X_ACCEL_EXPIRES),
        ];
        let without = |left_out: &str| -> HeaderMap {
            let fields = full.iter().filter(|(name, _)| *name != left_out);
            fields
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect()
        };
        let answered = |path: &str, mut answer: HeaderMap| {
            let exchange = rules.table().judge_request(&Method::GET, path, &mut HeaderMap::new());
            rules.note_request(&exchange, &Nobody);
            let verdict = exchange.judge_response(StatusCode::OK, &mut answer);
            rules.note_answer(&exchange, verdict.findings, &Nobody);
        };
        for path in ["/kept/a", "/seen/a", "/other"] {
            answered(path, without(""));
            answered(path, without("surrogate-control"));
            answered(path, without("cache-control"));
            answered(path, HeaderMap::new());
        }
        let judged = |noted, corrected, uncorrected| Judged { answers: 4, noted, corrected, uncorrected };
        let expected =
            [(None, judged(1, 0, 2)), (Some("kept"), judged(1, 2, 0)), (Some("seen"), judged(1, 0, 2))];
        assert_eq!(rules.judged(), expected);
    }

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
