//! Worked cases: facts with the outcome that is known to be right, as data beside the packs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Decision, EvaluatedAt, Facts, Labels, Moment, Outcome, PackError, Packs,
    enisa::{self, Band},
    evaluate,
    read::{At, Errors},
    tree,
};

/// How far a case can be relied upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trust {
    /// Decided by a text that was read.
    A,
    /// A text that was read, and arithmetic.
    B,
    /// Memory or interpretation.
    C,
}

/// The cases of one or more files.
#[derive(Debug, Clone, Default)]
pub struct Cases {
    /// In the order of the files.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Id, such as `JP-01`.
    pub id: String,
    /// What happened.
    pub title: Labels,
    /// How far it can be relied upon.
    pub trust: Trust,
    /// Text that decides it.
    pub decided_by: String,
    /// Instant of the evaluation.
    pub evaluated_at: EvaluatedAt,
    /// Its facts.
    pub facts: Facts,
    /// Expected answers, by regime.
    pub expect: Vec<Expectation>,
    /// Expected severity by ENISA: score and band.
    pub severity: Option<(String, Band)>,
}

/// What one regime has to answer. What is not stated is not compared.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Regime id.
    pub regime: String,
    /// Version that has to be chosen.
    pub version: Option<String>,
    /// Outcome by recipient.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Deadlines by `duty/deadline`: the end, `first..last` for a window, or `none`.
    pub deadlines: BTreeMap<String, String>,
    /// English clauses that have to be met.
    pub matched: Vec<String>,
    /// Facts that have to be named as missing.
    pub missing: Vec<String>,
}

const OUTCOMES: &[(&str, Outcome)] = &[
    ("MUST", Outcome::Must),
    ("NEEDS_REVIEW", Outcome::NeedsReview),
    ("BEST_EFFORT", Outcome::BestEffort),
    ("EXEMPT", Outcome::Exempt),
    ("NOT_REQUIRED", Outcome::NotRequired),
    ("OUT_OF_SCOPE", Outcome::OutOfScope),
];

impl Cases {
    /// Loads case files given as (name, text).
    ///
    /// # Errors
    /// Every fault with its place; also a file without a single case, and a case without an expectation: such a
    /// file would pass without testing anything.
    pub fn load<N, T>(files: impl IntoIterator<Item = (N, T)>) -> Result<Cases, Vec<PackError>>
    where
        N: AsRef<str>,
        T: AsRef<str>,
    {
        let mut all = Cases::default();
        let mut faults = Vec::new();
        for (name, text) in files {
            let mut errs = Errors::new(name.as_ref());
            match tree::parse(name.as_ref(), text.as_ref()) {
                Ok(node) => all.cases.extend(file(&At::root(&node), &mut errs).unwrap_or_default()),
                Err(e) => faults.push(e),
            }
            faults.append(&mut errs.list);
        }
        if faults.is_empty() { Ok(all) } else { Err(faults) }
    }
}

fn file(root: &At<'_>, errs: &mut Errors) -> Option<Vec<Case>> {
    let f = root.fields(&["kind", "evaluated_at", "bases", "cases"], errs)?;
    let default_at = instant(&f.need("evaluated_at", errs)?, errs)?;
    let mut bases = BTreeMap::new();
    for (name, at) in f.get("bases").and_then(|a| a.entries(errs)).unwrap_or_default() {
        bases.insert(name, Facts::read(&at, errs)?);
    }
    let items = f.need("cases", errs)?.list(errs)?;
    if items.is_empty() {
        return f.at.fail(errs, "the file has no cases");
    }
    let mut cases: Vec<Case> = Vec::new();
    for at in items {
        let Some(case) = case(&at, &bases, default_at, errs) else { continue };
        if cases.iter().any(|c| c.id == case.id) {
            at.fail::<()>(errs, format!("a second case {:?}", case.id));
        }
        cases.push(case);
    }
    Some(cases)
}

fn instant(at: &At<'_>, errs: &mut Errors) -> Option<EvaluatedAt> {
    match Moment::parse(at.text(errs)?) {
        Ok(m) => Some(EvaluatedAt(m.timestamp())),
        Err(e) => at.fail(errs, e),
    }
}

fn case(
    at: &At<'_>,
    bases: &BTreeMap<&str, Facts>,
    default_at: EvaluatedAt,
    errs: &mut Errors,
) -> Option<Case> {
    let f = at.fields(
        &["id", "title", "trust", "decided_by", "evaluated_at", "base", "facts", "expect", "severity"],
        errs,
    )?;
    let id = f.need("id", errs)?.text(errs)?.to_owned();
    let title = f.need("title", errs)?.labels(errs)?;
    let trust = f.need("trust", errs)?.choice(&[("A", Trust::A), ("B", Trust::B), ("C", Trust::C)], errs)?;
    let decided_by = f.need("decided_by", errs)?.text(errs)?.to_owned();
    let evaluated_at = match f.get("evaluated_at") {
        Some(a) => instant(&a, errs)?,
        None => default_at,
    };
    let base = match f.get("base") {
        None => Facts::default(),
        Some(a) => match bases.get(a.text(errs)?) {
            Some(b) => b.clone(),
            None => return a.fail(errs, "there is no such base in bases"),
        },
    };
    let facts = match f.get("facts") {
        Some(a) => base.overlaid(Facts::read(&a, errs)?),
        None => base,
    };
    for c in facts.contradictions() {
        at.fail::<()>(errs, format!("{}: {}", c.facts.join(", "), c.text.en));
    }
    let mut expect = Vec::new();
    for e in f.get("expect").and_then(|a| a.list(errs)).unwrap_or_default() {
        expect.extend(expectation(&e, errs));
    }
    let severity = f.get("severity").and_then(|a| {
        let s = a.fields(&["score", "band"], errs)?;
        let score = s.need("score", errs)?.text(errs)?.to_owned();
        let table = &[
            ("low", Band::Low),
            ("medium", Band::Medium),
            ("high", Band::High),
            ("very_high", Band::VeryHigh),
        ];
        Some((score, s.need("band", errs)?.choice(table, errs)?))
    });
    if expect.is_empty() && severity.is_none() {
        return at.fail(errs, "the case expects nothing");
    }
    Some(Case { id, title, trust, decided_by, evaluated_at, facts, expect, severity })
}

fn expectation(at: &At<'_>, errs: &mut Errors) -> Option<Expectation> {
    let f = at.fields(
        &["regime", "version", "regulator", "persons", "others", "deadlines", "matched", "missing"],
        errs,
    )?;
    let regime = f.need("regime", errs)?.text(errs)?.to_owned();
    let version = f.get("version").and_then(|a| a.text(errs)).map(str::to_owned);
    let mut outcomes = BTreeMap::new();
    for name in ["regulator", "persons"] {
        outcomes.insert(name.to_owned(), f.need(name, errs)?.choice(OUTCOMES, errs)?);
    }
    for (name, a) in f.get("others").and_then(|a| a.entries(errs)).unwrap_or_default() {
        outcomes.insert(name.to_owned(), a.choice(OUTCOMES, errs)?);
    }
    let mut deadlines = BTreeMap::new();
    for (name, a) in f.get("deadlines").and_then(|a| a.entries(errs)).unwrap_or_default() {
        deadlines.insert(name.to_owned(), a.text(errs)?.to_owned());
    }
    let matched = f.get("matched").and_then(|a| a.texts(errs)).unwrap_or_default();
    let missing = f.get("missing").and_then(|a| a.texts(errs)).unwrap_or_default();
    Some(Expectation { regime, version, outcomes, deadlines, matched, missing })
}

impl Case {
    /// Runs the case; every difference is one line, none means it came out right.
    pub fn check(&self, packs: &Packs) -> Vec<String> {
        let assessment = evaluate(packs, &self.facts, self.evaluated_at);
        let mut faults = Vec::new();
        for e in &self.expect {
            match assessment.regime(&e.regime) {
                Some(d) => e.compare(d, &mut faults),
                None => faults.push(format!("there is no regime {}", e.regime)),
            }
        }
        if let Some((score, band)) = &self.severity {
            let got = enisa::severity(&self.facts).map(|s| (s.score, s.band));
            let shown =
                got.map_or_else(
                    String::new,
                    |((a, b), _)| {
                        if a == b { a.to_string() } else { format!("{a}..{b}") }
                    },
                );
            if shown != *score || got.is_none_or(|(_, (a, b))| a != *band || b != *band) {
                faults
                    .push(format!("severity: expected {score} {band:?}, got {shown} {:?}", got.map(|g| g.1)));
            }
        }
        faults.into_iter().map(|f| format!("{}: {f}", self.id)).collect()
    }
}

impl Expectation {
    fn compare(&self, d: &Decision, faults: &mut Vec<String>) {
        let mut differ = |what: &str, expected: &str, got: &str| {
            if expected != got {
                faults.push(format!("{} {what}: expected {expected}, got {got}", self.regime));
            }
        };
        if let Some(v) = &self.version {
            differ("version", v, d.pack_version.as_deref().unwrap_or("none"));
        }
        for (recipient, outcome) in &self.outcomes {
            let got = d.outcome_for(recipient).map_or_else(|| String::from("nothing"), |o| format!("{o:?}"));
            differ(recipient, &format!("{outcome:?}"), &got);
        }
        for (path, expected) in &self.deadlines {
            let found =
                d.deadlines().find(|(duty, l)| format!("{}/{}", duty.id, l.id) == *path).map(|(_, l)| l);
            let got = match found.map(|l| (&l.window_opens, &l.due)) {
                Some((Some(first), Some(last))) => format!("{}..{}", first.show(), last.show()),
                Some((None, Some(due))) => due.show(),
                _ => String::from("none"),
            };
            differ(path, expected, &got);
        }
        for clause in &self.matched {
            if !d.matched_clauses.iter().any(|c| *c.en == **clause) {
                differ("matched", clause, "not met");
            }
        }
        for fact in &self.missing {
            if !d.missing_facts.iter().any(|m| m.fact == *fact) {
                differ("missing", fact, "not named");
            }
        }
    }
}
