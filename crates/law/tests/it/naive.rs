//! A second evaluator, naive and slow, that reads the packs' YAML by itself; and random records on which both must agree.
//!
//! What both share: the YAML parser (but not the reader behind it: this one walks plain `serde_json` values); the reader
//! and writer of facts records (a record is handed over as the JSON that `Facts` writes); `jiff` for time zones and for
//! the day after a day; the list of words of the catalogue, where a pack says `prefix.*`. Everything else is written a
//! second time from the description of the language: three-valued logic (as the set of answers that are still
//! possible), versions, outcomes, starts, periods, calendars. No other part of the crate is called.

mod dates;
mod law_text;
mod logic;

use std::{collections::BTreeSet, sync::LazyLock};

use law::{
    Decision, Due, Outcome, Status,
    view::{self, Answer, Regime, Version},
};
use proptest::prelude::*;

use self::{dates::End, law_text::Library};
use super::records::{Dice, Record, decide, record, record_for, regimes, show, smallest};

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::load(law::SHIPPED));

/// What the engine says, in the lines that the naive evaluator writes too.
fn engine(d: &Decision) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(format!("{} version {}", d.regime, d.pack_version.as_deref().unwrap_or("none")));
    lines.push(format!("{} regulator {:?}", d.regime, d.regulator));
    lines.push(format!("{} persons {:?}", d.regime, d.persons));
    for duty in &d.duties {
        lines.push(format!("{} duty {} {:?}", d.regime, duty.id, duty.outcome));
        for l in &duty.deadlines {
            let end = |due: &Option<Due>| match due {
                None => String::from("none"),
                Some(Due::Instant { at, .. }) => End::Instant(at.as_second()).show(),
                Some(Due::Date { date, .. }) => End::Day(*date).show(),
            };
            lines.push(format!(
                "{} deadline {}/{} {}..{}",
                d.regime,
                duty.id,
                l.id,
                end(&l.window_opens),
                end(&l.due)
            ));
        }
    }
    lines
}

/// The first line in which both differ.
fn difference(record: &Record) -> Option<String> {
    let ours = engine(&decide(record));
    let facts = serde_json::to_value(&record.facts).expect("facts serialise");
    let theirs = LIBRARY.decide(&record.regime, &facts, record.at.0);
    let longest = ours.len().max(theirs.len());
    (0..longest).find(|i| ours.get(*i) != theirs.get(*i)).map(|i| {
        let line = |lines: &[String]| lines.get(i).cloned().unwrap_or_else(|| String::from("nothing"));
        format!("engine: {}\nnaive:  {}", line(&ours), line(&theirs))
    })
}

fn agree(record: &Record) -> Result<(), TestCaseError> {
    if difference(record).is_none() {
        return Ok(());
    }
    let small = smallest(record, |r| difference(r).is_some());
    let told = difference(&small).unwrap_or_default();
    Err(TestCaseError::fail(format!("{told}\n{}", show(&small))))
}

/// A case is cheap. `PROPTEST_CASES=100000` searches long.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases * 2, max_shrink_iters: 0, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn both_evaluators_agree_on_random_records(seed in any::<u64>()) {
        agree(&record(seed))?;
    }
}

#[test]
fn both_evaluators_agree_on_every_worked_case() {
    let cases = law::cases::Cases::load(law::SHIPPED_CASES.iter().copied()).unwrap();
    for case in cases.cases {
        for regime in LIBRARY.packs() {
            let (facts, at) = (case.facts.clone(), case.evaluated_at);
            let record = Record { regime: regime.to_owned(), facts, at };
            if let Some(told) = difference(&record) {
                panic!("{} under {regime}: {told}", case.id);
            }
        }
    }
}

/// Agreement says little where nothing happens: the records must reach every version, every duty as due, as not due and
/// as open, and a computed end of every deadline with a period.
#[test]
fn the_random_records_reach_everything_in_the_packs() {
    let mut never = Vec::new();
    for regime in regimes() {
        for version in regime.versions.iter().filter(|v| v.status == Status::InForce) {
            let mut wanted = everything(regime, version);
            for seed in 0..2_000 {
                if wanted.is_empty() {
                    break;
                }
                let record = record_for(regime, version, &mut Dice::new(seed));
                for line in reached(&decide(&record)) {
                    wanted.remove(&line);
                }
            }
            never.extend(wanted);
        }
    }
    assert!(never.is_empty(), "never reached:\n{}", never.join("\n"));
}

fn everything(r: &Regime<'_>, v: &Version<'_>) -> BTreeSet<String> {
    let mut all = BTreeSet::from([format!("{}@{}", r.id, v.id)]);
    for d in v.duties.iter().filter(|_| v.effect != "out_of_scope") {
        // A trigger that can never be met is for the lints to tell.
        let mut goals = vec![(&r.scope, true), (&d.when, true)];
        goals.extend(d.exclusions.iter().map(|(_, e)| (e, false)));
        goals.extend(v.scope.iter().map(|s| (s, true)));
        goals.extend(v.review.iter().chain(&d.review).map(|a| (a, false)));
        if !matches!(view::search(&goals, &mut |_| 0), Answer::Found(_)) {
            continue;
        }
        all.extend(["due", "open"].map(|kind| format!("{}@{} {} {kind}", r.id, v.id, d.id)));
        // A trigger that asks only for the moment that chose the version is met by every record of it.
        if d.when.leaves().iter().any(|l| !v.basis.iter().any(|b| b == l.fact)) {
            all.insert(format!("{}@{} {} not due", r.id, v.id, d.id));
        }
        let with_period = d.deadlines.iter().filter(|l| !l.clocks.is_empty() || l.window.is_some());
        all.extend(with_period.map(|l| format!("{}@{} {}/{}", r.id, v.id, d.id, l.id)));
    }
    all
}

fn reached(d: &Decision) -> Vec<String> {
    let mut lines = vec![d.pack_id.clone()];
    for duty in &d.duties {
        let kind = match duty.outcome {
            Outcome::Must | Outcome::BestEffort => "due",
            Outcome::NeedsReview => "open",
            _ => "not due",
        };
        lines.push(format!("{} {} {kind}", d.pack_id, duty.id));
        let ended = duty.deadlines.iter().filter(|l| l.due.is_some());
        lines.extend(ended.map(|l| format!("{} {}/{}", d.pack_id, duty.id, l.id)));
    }
    lines
}
