//! The engine: facts and packs in, decisions out. Pure and deterministic: the same input gives the same bytes.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    Assessment, Decision, Facts, Grade, Knowledge, Labels, Moment, Outcome, Packs, Scope, Truth, Value,
    deadlines,
    decision::{self, AsOf, Caveat, DutyDecision, Missing, MissingFact, Other, Pending},
    judge::{Judge, operand},
    pack::{Duty, Effect, Regime, Status, Version},
    trace::{Extent, Operator, Trace, TraceNode},
};

/// The instant up to which law is taken into account ("what was known when we decided").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EvaluatedAt(pub Timestamp);

/// Fact that tells when the event happened; compared with the version's own basis at a change of the law.
const OCCURRED: &str = "timeline.occurred_from";

/// Evaluates the facts under every loaded regime.
pub fn evaluate(packs: &Packs, facts: &Facts, at: EvaluatedAt) -> Assessment {
    Assessment {
        decisions: packs.regimes.values().map(|r| Run { packs, facts, regime: r, at }.decide()).collect(),
    }
}

struct Run<'a> {
    packs: &'a Packs,
    facts: &'a Facts,
    regime: &'a Regime,
    at: EvaluatedAt,
}

/// Which version binds.
struct Choice<'a> {
    version: Option<&'a Version>,
    /// Facts that would have to be known to choose.
    missing: Vec<String>,
    basis: Option<Date>,
    note: Option<Labels>,
}

impl<'a> Run<'a> {
    fn decide(&self) -> Decision {
        let outer = Judge { facts: self.facts, regime: self.regime, version: None };
        let mut nodes = vec![outer.eval(&self.regime.scope, None, Grade::Verified)];
        let mut scope = nodes[0].result;
        let choice = self.choose();
        let mut decision = self.empty(&choice);
        // Outside of its scope the law's version does not matter, and its missing facts are nobody's concern.
        let Some(version) = choice.version.filter(|_| scope != Truth::F) else {
            decision.settle_without_version(scope, &choice, nodes);
            return decision;
        };
        nodes.push(self.version_node(version));
        let judge = Judge { facts: self.facts, regime: self.regime, version: Some(version) };
        let grade = self.regime.sources.get(&version.source).map_or(Grade::Memory, |s| s.verification);
        if let Some(condition) = &version.scope {
            let node = judge.eval(condition, None, grade);
            scope = scope.and(node.result);
            nodes.push(node);
        }
        let mut review = Truth::F;
        if let Some(node) = self.transition(version, choice.basis) {
            review = review.or(!node.result);
            if node.result != Truth::T {
                decision.notes.extend(self.regime.transition_review.clone());
            }
            nodes.push(node);
        }
        for r in &version.review {
            let mut node = judge.eval(&r.when, None, grade);
            node.text = node.text.or_else(|| Some(r.text.clone()));
            review = review.or(node.result);
            if node.result != Truth::F && scope != Truth::F {
                decision.notes.push(r.text.clone());
            }
            nodes.push(node);
        }
        decision.scope = scope_of(scope, version.effect);
        decision.notes.extend(choice.note);
        let mut missing = BTreeSet::new();
        let mut caveats = Caveats::default();
        if scope == Truth::Unknown || (scope == Truth::T && review == Truth::Unknown) {
            nodes.iter().for_each(|n| find_missing(n, &mut missing));
        }
        nodes.iter().for_each(|n| caveats.of_node(n, scope));
        if scope != Truth::F {
            for duty in &version.duties {
                let ruling = self.rule(duty, version, &judge, scope, review, grade);
                missing.extend(ruling.missing);
                caveats.merge(ruling.caveats);
                decision.add(ruling.duty, duty.when_not_required.as_ref());
                nodes.extend(ruling.nodes);
            }
        }
        decision.finish(scope, version, missing, caveats, nodes);
        decision
    }

    fn empty(&self, choice: &Choice<'_>) -> Decision {
        let occurred = self.facts.get(OCCURRED).and_then(|f| ends(&f.value).0.cloned());
        let title = choice.version.map_or_else(|| self.regime.title.clone(), |v| v.title.clone());
        Decision {
            pack_id: choice
                .version
                .map_or_else(|| self.regime.id.clone(), |v| format!("{}@{}", self.regime.id, v.id)),
            pack_version: choice.version.map(|v| v.id.clone()),
            regime: self.regime.id.clone(),
            jurisdiction: self.regime.jurisdiction.clone(),
            title,
            as_of: AsOf {
                occurred: occurred.map(|m| m.date_in(&self.regime.zone)),
                basis: choice.basis,
                evaluated_at: self.at.0,
            },
            scope: Scope::Unknown,
            regulator: Outcome::OutOfScope,
            persons: Outcome::OutOfScope,
            others: Vec::new(),
            duties: Vec::new(),
            missing_facts: Vec::new(),
            matched_clauses: Vec::new(),
            grade: Grade::Verified,
            caveats: Vec::new(),
            pending: self.pending(),
            notes: Vec::new(),
            trace: Trace::default(),
        }
    }

    fn known(&self, v: &Version) -> bool {
        let today = self.at.0.to_zoned(self.regime.zone.clone()).date();
        v.known_from.is_none_or(|f| f <= today) && v.known_to.is_none_or(|t| today <= t)
    }

    fn pending(&self) -> Vec<Pending> {
        let to_come = |v: &&Version| matches!(v.status, Status::Enacted | Status::Proposed) && self.known(v);
        let show = |v: &Version| Pending {
            version: v.id.clone(),
            title: v.title.clone(),
            status: v.status,
            note: v.note.clone(),
        };
        self.regime.versions.iter().filter(to_come).map(show).collect()
    }

    /// The version in force on a day, as known at the evaluation.
    fn in_force(&self, day: Date) -> Option<&'a Version> {
        self.regime.versions.iter().find(|v| {
            v.status == Status::InForce
                && self.known(v)
                && v.effective_from.is_none_or(|f| f <= day)
                && v.effective_to.is_none_or(|t| day <= t)
                && v.assured_to.is_none_or(|t| day <= t)
        })
    }

    fn choose(&self) -> Choice<'a> {
        let mut bases: Vec<&Vec<String>> = self.regime.versions.iter().map(|v| &v.basis).collect();
        bases.dedup();
        let mut missing = Vec::new();
        let mut basis = None;
        for names in bases {
            let Some((from, to)) = self.basis(names) else {
                missing.extend(names.first().cloned());
                continue;
            };
            let (first, last) = (self.in_force(from), self.in_force(to));
            basis = basis.or(Some(from));
            match (first, last) {
                (Some(a), Some(b)) if a.id == b.id && a.basis == *names => {
                    let late = from > a.checked;
                    let note = late.then(|| {
                        Labels::new(
                            format!("this version was last compared with the law on {}", a.checked),
                            format!("この版を法令と照合した最終日は {} です", a.checked),
                        )
                    });
                    return Choice { version: first, missing: Vec::new(), basis: Some(from), note };
                }
                // Only the range of the moment is known, and the law changed within it.
                (Some(a), Some(b)) if a.id != b.id => missing.extend(names.first().cloned()),
                _ => {}
            }
        }
        let note = basis.filter(|_| missing.is_empty()).map(|day| {
            Labels::new(
                format!("no version is known to be in force on {day}; a person must look the law up"),
                format!("{day} に適用される版が確認できないため、人による確認が必要です"),
            )
        });
        Choice { version: None, missing, basis, note }
    }

    /// Earliest and latest local date of the moment that decides which version binds.
    fn basis(&self, names: &[String]) -> Option<(Date, Date)> {
        let zone = &self.regime.zone;
        names
            .iter()
            .filter_map(|n| self.facts.get(n))
            .filter_map(|f| {
                let (min, max) = ends(&f.value);
                let (min, max) = (min.or(max)?, max.or(min)?);
                Some((min.date_in(zone), max.date_in(zone)))
            })
            .min()
    }

    fn version_node(&self, version: &Version) -> TraceNode {
        let name = version.basis.iter().find(|n| self.facts.get(n).is_some()).or(version.basis.first());
        TraceNode {
            rule_id: String::from("version"),
            clause: None,
            text: Some(version.title.clone()),
            text_ref: Some(version.dating.clone()),
            operands: name.map(|n| operand(n, self.facts.get(n))).into_iter().collect(),
            op: Operator::InForce,
            expected: Some(version.id.clone()),
            result: Truth::T,
            grade: self.regime.sources.get(&version.dating).map_or(Grade::Memory, |s| s.verification),
            children: Vec::new(),
        }
    }

    /// Whether the event lies under the same version as the knowledge of it. Absent when the pack does not ask.
    fn transition(&self, version: &Version, basis: Option<Date>) -> Option<TraceNode> {
        let text = self.regime.transition_review.clone()?;
        let fact = self.facts.get(OCCURRED);
        let zone = &self.regime.zone;
        // Nothing is known of an event after it happened: the basis bounds an open end.
        let (min, max) = fact.map_or((None, None), |f| ends(&f.value));
        let (min, max) = (min.map(|m| m.date_in(zone)), max.map(|m| m.date_in(zone)).or(basis));
        let covers = |d: Date| {
            version.effective_from.is_none_or(|f| f <= d) && version.effective_to.is_none_or(|t| d <= t)
        };
        let result = match (min, max) {
            (Some(a), Some(b)) if covers(a) && covers(b) => Truth::T,
            (Some(a), Some(b)) if !covers(a) && !covers(b) => Truth::F,
            (None, Some(b)) if version.effective_from.is_none() && covers(b) => Truth::T,
            (None, Some(b)) if version.effective_from.is_some_and(|f| b < f) => Truth::F,
            _ => Truth::Unknown,
        };
        Some(TraceNode {
            rule_id: String::from("transition"),
            clause: None,
            text: Some(text),
            text_ref: Some(version.source.clone()),
            operands: vec![operand(OCCURRED, fact)],
            op: Operator::SameVersion,
            expected: Some(version.id.clone()),
            result,
            grade: Grade::Verified,
            children: Vec::new(),
        })
    }

    fn rule(
        &self,
        duty: &Duty,
        version: &Version,
        judge: &Judge<'_>,
        scope: Truth,
        review: Truth,
        version_grade: Grade,
    ) -> Ruling {
        let grade = match duty.source.as_ref().and_then(|s| self.regime.sources.get(s)) {
            Some(s) => s.verification,
            None => version_grade,
        };
        let mut trigger = judge.eval(&duty.when, Some(Truth::T), grade);
        trigger.rule_id = format!("{}/{}", duty.id, trigger.rule_id);
        trigger.text = trigger.text.or_else(|| Some(duty.label.clone()));
        trigger.clause = trigger.clause.or_else(|| Some(duty.clause.clone()));
        let mut exclusions = Vec::new();
        let mut nodes = vec![trigger];
        for e in &duty.exclusions {
            let mut node = judge.eval(&e.when, Some(Truth::F), grade);
            node.rule_id = format!("{}/{}", duty.id, node.rule_id);
            exclusions.push((e.effect, node.result));
            nodes.push(node);
        }
        let result = decision::outcome(scope, version.effect, review, nodes[0].result, &exclusions);
        let (decisive, asked) = decisive(result, &nodes);
        let mut missing = BTreeSet::new();
        if scope == Truth::T && result == Outcome::NeedsReview {
            asked.iter().for_each(|n| find_missing(n, &mut missing));
        }
        let mut caveats = Caveats::default();
        let mut matched = Vec::new();
        for node in decisive {
            caveats.of_node(node, scope);
            node.matched(&mut matched);
        }
        if grade != Grade::Verified && matches!(result, Outcome::Must | Outcome::BestEffort | Outcome::Exempt)
        {
            caveats.add(duty.id.clone(), Some(duty.clause.clone()), grade);
        }
        let mut computed = Vec::new();
        if matches!(result, Outcome::Must | Outcome::BestEffort | Outcome::NeedsReview)
            && nodes[0].result != Truth::F
        {
            for d in &duty.deadlines {
                let context = deadlines::Context {
                    packs: self.packs,
                    regime: self.regime,
                    version,
                    judge,
                    facts: self.facts,
                    grade,
                    provisional: result == Outcome::NeedsReview,
                };
                computed.extend(context.compute(d, &mut missing));
            }
        }
        for d in &computed {
            if d.grade != Grade::Verified {
                caveats.add(format!("{}/{}", duty.id, d.id), Some(d.clause.clone()), d.grade);
            }
        }
        let matched_clauses = if matches!(result, Outcome::NotRequired) && nodes[0].result == Truth::F {
            Vec::new()
        } else {
            matched.into_iter().cloned().collect()
        };
        let duty = DutyDecision {
            id: duty.id.clone(),
            recipient: duty.recipient.clone(),
            to: duty.to.clone(),
            label: duty.label.clone(),
            clause: duty.clause.clone(),
            outcome: result,
            grade: caveats.worst(),
            matched_clauses,
            contents: duty.contents.clone(),
            deadlines: computed,
        };
        Ruling { duty, nodes, missing, caveats }
    }
}

struct Ruling {
    duty: DutyDecision,
    nodes: Vec<TraceNode>,
    missing: BTreeSet<(String, Missing)>,
    caveats: Caveats,
}

/// Which trees an outcome rests on, and which ones may still change it. `nodes[0]` is the trigger, the rest are
/// exclusions. An exclusion that does not apply would be no different if its text were wrong, so it does not count.
fn decisive(result: Outcome, nodes: &[TraceNode]) -> (Vec<&TraceNode>, Vec<&TraceNode>) {
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
struct Caveats(Vec<Caveat>);

impl Caveats {
    fn add(&mut self, rule_id: String, clause: Option<Labels>, grade: Grade) {
        let caveat = Caveat { rule_id, clause, grade };
        if !self.0.contains(&caveat) {
            self.0.push(caveat);
        }
    }

    fn of_node(&mut self, node: &TraceNode, scope: Truth) {
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

    fn merge(&mut self, other: Caveats) {
        other.0.into_iter().for_each(|c| self.add(c.rule_id, c.clause, c.grade));
    }

    fn worst(&self) -> Grade {
        self.0.iter().map(|c| c.grade).max().unwrap_or(Grade::Verified)
    }
}

impl Decision {
    fn settle_without_version(&mut self, scope: Truth, choice: &Choice<'_>, nodes: Vec<TraceNode>) {
        let outcome = if scope == Truth::F { Outcome::OutOfScope } else { Outcome::NeedsReview };
        (self.regulator, self.persons) = (outcome, outcome);
        self.scope = if scope == Truth::F { Scope::Out } else { Scope::Unknown };
        let mut caveats = Caveats::default();
        nodes.iter().for_each(|n| caveats.of_node(n, scope));
        if outcome == Outcome::NeedsReview {
            let mut missing: BTreeSet<_> =
                choice.missing.iter().map(|f| (f.clone(), Missing::Unknown)).collect();
            nodes.iter().for_each(|n| find_missing(n, &mut missing));
            self.missing_facts = missing.iter().map(|(f, r)| MissingFact::new(f, *r)).collect();
            self.notes.extend(choice.note.clone());
        }
        self.grade = caveats.worst();
        self.caveats = caveats.0;
        self.trace = Trace { nodes };
    }

    fn add(&mut self, duty: DutyDecision, when_not_required: Option<&Labels>) {
        match duty.recipient.as_str() {
            "regulator" => self.regulator = self.regulator.stronger(duty.outcome),
            "persons" => self.persons = self.persons.stronger(duty.outcome),
            other => match self.others.iter_mut().find(|o| o.recipient == other) {
                Some(o) => o.outcome = o.outcome.stronger(duty.outcome),
                None => self.others.push(Other { recipient: other.to_owned(), outcome: duty.outcome }),
            },
        }
        if duty.outcome == Outcome::NotRequired {
            self.notes.extend(
                when_not_required
                    .filter(|n| !self.notes.contains(n))
                    .cloned()
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
        }
        for clause in &duty.matched_clauses {
            if !self.matched_clauses.contains(clause) {
                self.matched_clauses.push(clause.clone());
            }
        }
        self.duties.push(duty);
    }

    fn finish(
        &mut self,
        scope: Truth,
        version: &Version,
        missing: BTreeSet<(String, Missing)>,
        caveats: Caveats,
        nodes: Vec<TraceNode>,
    ) {
        if version.duties.is_empty() && scope == Truth::Unknown {
            (self.regulator, self.persons) = (Outcome::NeedsReview, Outcome::NeedsReview);
        }
        self.notes.extend(version.note.clone());
        self.missing_facts = missing.iter().map(|(f, r)| MissingFact::new(f, *r)).collect();
        self.grade = caveats.worst();
        self.caveats = caveats.0;
        self.trace = Trace { nodes };
    }
}

fn scope_of(scope: Truth, effect: Effect) -> Scope {
    match (scope, effect) {
        (Truth::F, _) | (Truth::T, Effect::OutOfScope) => Scope::Out,
        (Truth::T, _) => Scope::In,
        (Truth::Unknown, _) => Scope::Unknown,
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
