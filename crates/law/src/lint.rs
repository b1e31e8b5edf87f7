//! What is suspicious in packs that load: gaps in time, duties that can never be due, exclusions that always hold, texts
//! and sources that nobody uses, thresholds that no case tries.
//!
//! Loading refuses what cannot be evaluated. A lint tells what can be, and probably is not what the author meant.

mod coverage;
mod reach;
mod sources;
mod time;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    Labels, Packs,
    cases::Cases,
    pack::{Regime, Version},
    tree::{self, Kind as NodeKind, Node},
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably a slip.
    Warning,
    /// Certainly wrong.
    Error,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Days on which no version binds although one before and one after do.
    GapInTime,
    /// Days on which it is not known which version binds, between two periods of knowledge.
    GapInKnowledge,
    /// In force without an end and without a day up to which that is certain.
    OpenEnd,
    /// The end lies in the past and nothing follows.
    EndedWithoutSuccessor,
    /// Enacted, and its first day has come.
    StillPending,
    /// Compared with the law more than a year ago.
    StaleCheck,
    /// A trigger that no facts meet.
    UnreachableDuty,
    /// An exclusion that holds whenever the trigger is met.
    ExclusionAlwaysHolds,
    /// An exclusion that never holds when the trigger is met.
    ExclusionNeverHolds,
    /// A review that is never met, and calls a person only while its facts are missing.
    ReviewNeverMet,
    /// A deadline that never exists.
    UnreachableDeadline,
    /// A period that never applies, or never decides.
    UnreachableClock,
    /// All periods have conditions, and there are facts under which none of them applies.
    NoClockApplies,
    /// A period of statute without a period.
    DeadlineWithoutClock,
    /// A named condition that nothing uses.
    UnusedDefinition,
    /// A source that nothing rests on.
    UnusedSource,
    /// A source without an address.
    SourceWithoutUrl,
    /// A rule that rests on no source, so that its grade says nothing.
    RuleWithoutSource,
    /// The same text in both languages, though it is not plain ASCII; or Japanese in the English one.
    Untranslated,
    /// No case asks this pack anything.
    NoCases,
    /// No case lies on one side of a threshold.
    ThresholdNotTried,
    /// A fact that the pack asks and no case sets.
    FactNeverSet,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// Regime id.
    pub regime: String,
    /// Version id, where it belongs to one.
    pub version: Option<String>,
    /// Way to the node, as in `versions[1].duties[0].when`.
    pub place: String,
    /// What it is.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// In words.
    pub text: Labels,
}

/// Everything suspicious in these packs, in the order of their ids. With `cases`, also what no case tries; with `today`,
/// also what is out of date on that day.
pub fn lint(packs: &Packs, cases: Option<&Cases>, today: Option<Date>) -> Vec<Lint> {
    let mut all = Vec::new();
    for regime in packs.regimes.values() {
        let mut out = Out { regime, lints: Vec::new() };
        time::check(regime, today, &mut out);
        reach::check(regime, &mut out);
        sources::check(regime, &mut out);
        if let Some(cases) = cases {
            coverage::check(regime, cases, &mut out);
        }
        all.append(&mut out.lints);
    }
    all
}

/// Places of nodes in the files of packs, each read once.
pub struct Places {
    roots: Vec<(String, String, Node)>,
}

impl Places {
    /// Reads files given as (name, text); what does not parse has no places.
    pub fn new<N: AsRef<str>, T: AsRef<str>>(files: impl IntoIterator<Item = (N, T)>) -> Self {
        let read = |(name, text): (N, T)| {
            let root = tree::parse(name.as_ref(), text.as_ref()).ok()?;
            let NodeKind::Text(id) = &child(&root, "id")?.kind else { return None };
            let pack = matches!(&child(&root, "kind")?.kind, NodeKind::Text(kind) if kind == "RulePack");
            pack.then(|| (id.clone(), name.as_ref().to_owned(), root.clone()))
        };
        Places { roots: files.into_iter().filter_map(read).collect() }
    }

    /// File, line and column of the node that a lint is about; the deepest one that there is, because a default has no
    /// place of its own.
    pub fn of(&self, lint: &Lint) -> Option<(&str, u64, u64)> {
        let (_, name, root) = self.roots.iter().find(|(id, ..)| *id == lint.regime)?;
        let mut node = root;
        for step in lint.place.split(['.', '[', ']']).filter(|s| !s.is_empty()) {
            let Some(next) = child(node, step) else { break };
            node = next;
        }
        Some((name, node.line, node.column))
    }
}

/// What a file says it is: its `kind` and its `id`, as far as it parses.
pub fn header(text: &str) -> (Option<String>, Option<String>) {
    let root = tree::parse("", text).ok();
    let word = |key: &str| match &child(root.as_ref()?, key)?.kind {
        NodeKind::Text(t) => Some(t.clone()),
        _ => None,
    };
    (word("kind"), word("id"))
}

fn child<'n>(node: &'n Node, step: &str) -> Option<&'n Node> {
    match &node.kind {
        NodeKind::Map(map) => map.iter().find(|(k, _)| k.name == step).map(|(_, v)| v),
        NodeKind::Seq(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Collects the findings of one regime.
struct Out<'p> {
    regime: &'p Regime,
    lints: Vec<Lint>,
}

impl Out<'_> {
    fn tell(
        &mut self,
        version: Option<&Version>,
        place: impl Into<String>,
        kind: Kind,
        severity: Severity,
        (en, ja): (impl Into<String>, impl Into<String>),
    ) {
        let (en, ja): (String, String) = (en.into(), ja.into());
        let lint = Lint {
            regime: self.regime.id.clone(),
            version: version.map(|v| v.id.clone()),
            place: place.into(),
            kind,
            severity,
            text: Labels::new(en, ja),
        };
        // An anchor repeats a node in several versions; once is enough where the place is the same.
        if !self.lints.iter().any(|l| l.place == lint.place && l.kind == kind && l.text == lint.text) {
            self.lints.push(lint);
        }
    }
}
