//! What no worked case tries.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Out, Severity};
use crate::{
    Knowledge, Status, Value,
    cases::{Case, Cases},
    pack::Regime,
    view::{self, Leaf, Question},
};

pub(super) fn check(regime: &Regime, cases: &Cases, out: &mut Out<'_>) {
    let asked: Vec<_> =
        cases.cases.iter().filter(|c| c.expect.iter().any(|e| e.regime == regime.id)).collect();
    if asked.is_empty() {
        let text = ("no case asks this pack anything", "このルールパックを対象とする事例がありません");
        out.tell(None, "id", Kind::NoCases, Severity::Error, text);
        return;
    }
    let view = view::regime(regime);
    let mut facts: BTreeMap<&str, String> = BTreeMap::new();
    let mut tried = BTreeSet::new();
    for (i, v) in view.versions.iter().enumerate().filter(|(_, v)| v.status == Status::InForce) {
        let asks = v.asks().into_iter().map(|(at, ask)| (format!("versions[{i}].{at}"), ask));
        for (place, ask) in asks.chain([(String::from("scope"), &view.scope)]) {
            for leaf in ask.leaves() {
                facts.entry(leaf.fact).or_insert_with(|| place.clone());
                if let Some(last_below) = threshold(leaf)
                    && tried.insert((leaf.fact, last_below))
                {
                    sides(leaf.fact, last_below, &place, &asked, out);
                }
            }
        }
        for (j, d) in v.duties.iter().enumerate() {
            for (k, l) in d.deadlines.iter().enumerate() {
                for name in l.start {
                    facts
                        .entry(name)
                        .or_insert_with(|| format!("versions[{i}].duties[{j}].deadlines[{k}].start"));
                }
            }
        }
    }
    for (fact, place) in facts {
        let set = asked
            .iter()
            .any(|c| c.facts.iter().any(|(name, f)| is(fact, name) && f.value != Knowledge::Unknown));
        if !set {
            let text = (format!("no case sets {fact}"), format!("{fact} を設定した事例がありません"));
            out.tell(None, place, Kind::FactNeverSet, Severity::Note, text);
        }
    }
}

/// The last number that does not meet the threshold, where there is one.
fn threshold(leaf: &Leaf<'_>) -> Option<u64> {
    match leaf.question {
        Question::MoreThan(n) => Some(n),
        Question::AtLeast(n) => n.checked_sub(1).filter(|n| *n > 0),
        _ => None,
    }
}

fn is(fact: &str, name: &str) -> bool {
    fact.strip_suffix('*').map_or(fact == name, |prefix| name.starts_with(prefix))
}

fn sides(fact: &str, last_below: u64, place: &str, cases: &[&Case], out: &mut Out<'_>) {
    let counts: BTreeSet<u64> = cases
        .iter()
        .flat_map(|c| c.facts.iter().filter(|(name, _)| is(fact, name)))
        .filter_map(|(_, f)| match &f.value {
            Knowledge::Known(Value::Count(n)) => Some(*n),
            _ => None,
        })
        .collect();
    let absent: Vec<_> =
        [last_below, last_below.saturating_add(1)].into_iter().filter(|n| !counts.contains(n)).collect();
    if !absent.is_empty() {
        let numbers = absent.iter().map(ToString::to_string).collect::<Vec<_>>();
        let text = (
            format!("no case has {fact} = {}", numbers.join(" or ")),
            format!("{fact} が {} の事例がありません", numbers.join("・")),
        );
        out.tell(None, place, Kind::ThresholdNotTried, Severity::Warning, text);
    }
}
