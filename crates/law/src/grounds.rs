//! What an outcome rests on: the decisive rules, the facts still missing, and the caveats.

use std::collections::BTreeSet;

use crate::{
    Grade, Knowledge, Labels, Moment, Outcome, Truth, Value,
    decision::{Caveat, Missing},
    trace::{Extent, TraceNode},
};

/// Which trees an outcome rests on, and which ones may still change it. `nodes[0]` is the trigger, the rest are
/// exclusions. An exclusion that does not apply would be no different if its text were wrong, so it does not count.
pub(crate) fn decisive(result: Outcome, nodes: &[TraceNode]) -> (Vec<&TraceNode>, Vec<&TraceNode>) {
    let trigger = &nodes[0];
    let with = |wanted: Truth| nodes[1..].iter().filter(move |n| n.result == wanted);
    match result {
        Outcome::OutOfScope => (Vec::new(), Vec::new()),
        Outcome::NotRequired if trigger.result == Truth::F => (vec![trigger], Vec::new()),
        Outcome::NotRequired => (with(Truth::T).collect(), Vec::new()),
        Outcome::Exempt => (std::iter::once(trigger).chain(with(Truth::T)).collect(), Vec::new()),
        Outcome::Must | Outcome::BestEffort => (vec![trigger], Vec::new()),
        Outcome::NeedsReview => {
            let open: Vec<_> = nodes.iter().filter(|n| n.result == Truth::Unknown).collect();
            (std::iter::once(trigger).chain(with(Truth::Unknown)).collect(), open)
        }
    }
}

/// Rules below "verified" that a result rests on, once each.
#[derive(Default)]
pub(crate) struct Caveats(pub Vec<Caveat>);

impl Caveats {
    pub(crate) fn add(&mut self, rule_id: String, clause: Option<Labels>, grade: Grade) {
        let caveat = Caveat { rule_id, clause, grade };
        let same = |c: &Caveat| {
            c.grade == grade
                && c.clause == caveat.clause
                && (c.clause.is_some() || c.rule_id == caveat.rule_id)
        };
        if !self.0.iter().any(same) {
            self.0.push(caveat);
        }
    }

    pub(crate) fn of_node(&mut self, node: &TraceNode, scope: Truth) {
        if scope == Truth::F && node.result != Truth::F {
            return;
        }
        let mut leaves = Vec::new();
        node.decisive(&mut leaves);
        for (clause, leaf) in leaves {
            if leaf.grade != Grade::Verified {
                self.add(leaf.rule_id.clone(), clause.or(leaf.text.as_ref()).cloned(), leaf.grade);
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Caveats) {
        other.0.into_iter().for_each(|c| self.add(c.rule_id, c.clause, c.grade));
    }

    pub(crate) fn worst(&self) -> Grade {
        self.0.iter().map(|c| c.grade).max().unwrap_or(Grade::Verified)
    }
}

/// Facts behind an undecided tree.
pub(crate) fn find_missing(node: &TraceNode, out: &mut BTreeSet<(String, Missing)>) {
    if node.result != Truth::Unknown {
        return;
    }
    let mut leaves = Vec::new();
    node.decisive(&mut leaves);
    for (_, leaf) in leaves {
        for o in &leaf.operands {
            let reason = match o.known {
                Extent::Unknown => Missing::Unknown,
                Extent::Range => Missing::Range,
                Extent::Value => Missing::Suspected,
            };
            out.insert((o.fact.clone(), reason));
        }
    }
}

/// Both ends of a moment: the same for a known one, open where nothing is known.
pub(crate) fn ends(value: &Knowledge) -> (Option<&Moment>, Option<&Moment>) {
    fn moment(v: Option<&Value>) -> Option<&Moment> {
        match v {
            Some(Value::Moment(m)) => Some(m),
            _ => None,
        }
    }
    match value {
        Knowledge::Known(v) => (moment(Some(v)), moment(Some(v))),
        Knowledge::Range { min, max } => (moment(min.as_ref()), moment(max.as_ref())),
        Knowledge::Unknown => (None, None),
    }
}
