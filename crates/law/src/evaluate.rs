//! The engine: facts and packs in, decisions out. Pure and deterministic: the same input gives the same bytes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Assessment, Certainty, Decision, Fact, Facts, Grade, Knowledge, Labels, Outcome, Packs, Scope, Truth,
    Value,
    choose::Choice,
    deadlines,
    decision::{self, AsOf, DutyDecision, Missing, MissingFact, Other},
    grounds::{Caveats, decisive, ends, find_missing},
    judge::{Judge, operand},
    pack::{Duty, Effect, Regime, Version},
    trace::{Operator, Trace, TraceNode},
};

/// The instant up to which law is taken into account ("what was known when we decided").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EvaluatedAt(pub Timestamp);

/// Fact that tells when the event happened; compared with the version's own basis at a change of the law.
pub(crate) const OCCURRED: &str = "timeline.occurred_from";
/// Family of facts that tell how the authority sees the case; the regime's id follows.
pub(crate) const AUTHORITY_VIEW: &str = "process.authority_view.";
/// Rule id of a version's review triggers.
const REVIEW: &str = "review";

/// Evaluates the facts under every loaded regime.
pub fn evaluate(packs: &Packs, facts: &Facts, at: EvaluatedAt) -> Assessment {
    Assessment {
        decisions: packs.regimes.values().map(|r| Run { packs, facts, regime: r, at }.decide()).collect(),
    }
}

pub(crate) struct Run<'a> {
    pub packs: &'a Packs,
    pub facts: &'a Facts,
    pub regime: &'a Regime,
    pub at: EvaluatedAt,
}

impl<'a> Run<'a> {
    pub(crate) fn decide(&self) -> Decision {
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
            node.rule_id = String::from(REVIEW);
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
        for node in &nodes {
            // A review rule that does not apply would be no different if it were wrong.
            if node.rule_id != REVIEW || node.result != Truth::F {
                caveats.of_node(node, scope);
            }
        }
        if scope != Truth::F {
            for duty in &version.duties {
                let ruling = self.rule(duty, version, &judge, scope, review, grade);
                for note in ruling.notes {
                    if !decision.notes.contains(&note) {
                        decision.notes.push(note);
                    }
                }
                nodes.extend(ruling.beside);
                missing.extend(ruling.missing);
                caveats.merge(ruling.caveats);
                decision.add(ruling.duty, duty.when_not_required.as_ref());
                nodes.push(ruling.tree);
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
        let mut exclusions = Vec::new();
        let mut nodes = vec![trigger];
        for e in &duty.exclusions {
            let mut node = judge.eval(&e.when, Some(Truth::F), grade);
            node.rule_id = format!("{}/{}", duty.id, node.rule_id);
            exclusions.push((e.effect, node.result));
            nodes.push(node);
        }
        let mut beside = Vec::new();
        let mut notes = Vec::new();
        let mut own_review = Truth::F;
        for r in &duty.review {
            let mut node = judge.eval(&r.when, None, grade);
            node.rule_id = format!("{}/{REVIEW}", duty.id);
            node.text = node.text.or_else(|| Some(r.text.clone()));
            own_review = own_review.or(node.result);
            if node.result != Truth::F && scope != Truth::F && nodes[0].result != Truth::F {
                notes.push(r.text.clone());
            }
            beside.push(node);
        }
        // What is certainly not asked needs no person to say so.
        let own_review = if nodes[0].result == Truth::F { Truth::F } else { own_review };
        let found =
            decision::outcome(scope, version.effect, review.or(own_review), nodes[0].result, &exclusions);
        let result = self.settled_by_authority(duty, version.effect, found, &mut beside, &mut notes);
        let (decisive, asked) = decisive(result, &nodes);
        let mut missing = BTreeSet::new();
        if scope == Truth::T && result == Outcome::NeedsReview {
            asked.iter().for_each(|n| find_missing(n, &mut missing));
            if own_review == Truth::Unknown {
                beside.iter().for_each(|n| find_missing(n, &mut missing));
            }
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
        // A duty that the authority's view settled has its deadlines whatever the trigger says.
        if matches!(result, Outcome::Must | Outcome::BestEffort)
            || (result == Outcome::NeedsReview && nodes[0].result != Truth::F)
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
        let tree = TraceNode {
            rule_id: duty.id.clone(),
            clause: Some(duty.clause.clone()),
            text: Some(duty.label.clone()),
            text_ref: duty.source.clone().or_else(|| Some(version.source.clone())),
            operands: Vec::new(),
            op: Operator::Unless,
            expected: None,
            result: nodes[0].result.and(!nodes[1..].iter().fold(Truth::F, |t, n| t.or(n.result))),
            grade,
            children: nodes,
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
        Ruling { duty, tree, missing, caveats, beside, notes }
    }

    /// The authority's recorded view settles what is open towards it and towards the persons. It never moves what the
    /// facts decide: there it is told as a difference.
    fn settled_by_authority(
        &self,
        duty: &Duty,
        effect: Effect,
        found: Outcome,
        beside: &mut Vec<TraceNode>,
        notes: &mut Vec<Labels>,
    ) -> Outcome {
        let name = format!("{AUTHORITY_VIEW}{}", self.regime.id);
        let Some(fact) = self.facts.get(&name) else { return found };
        let Some(settled) = settled_by_view(fact, &duty.recipient, effect) else { return found };
        let differs = match found {
            Outcome::NeedsReview => false,
            Outcome::Must | Outcome::BestEffort => settled == Outcome::NotRequired,
            Outcome::NotRequired | Outcome::Exempt => settled != Outcome::NotRequired,
            Outcome::OutOfScope => false,
        };
        if differs {
            notes.push(Labels::new(
                "the authority's recorded view differs from what the facts say; the facts decide here",
                "記録された当局の見解は事実による判断と異なります。ここでは事実による判断を示しています",
            ));
        }
        if found != Outcome::NeedsReview {
            return found;
        }
        beside.push(TraceNode {
            rule_id: format!("{}/authority_view", duty.id),
            clause: None,
            text: Some(Labels::new("settled by the view of the authority", "当局の見解による")),
            text_ref: None,
            operands: vec![operand(&name, Some(fact))],
            op: Operator::Is,
            expected: shown_view(fact),
            result: Truth::T,
            grade: Grade::Verified,
            children: Vec::new(),
        });
        settled
    }
}

/// What the authority's recorded view makes of a duty that the facts leave open; nothing where it says nothing of it.
pub(crate) fn settled_by_view(view: &Fact, recipient: &str, effect: Effect) -> Option<Outcome> {
    let Knowledge::Known(Value::Word(word)) = &view.value else { return None };
    if view.certainty != Certainty::Confirmed || !matches!(recipient, "regulator" | "persons") {
        return None;
    }
    // A view makes no duty of what the law only asks best efforts for.
    Some(match (word.as_str(), effect) {
        ("reportable", Effect::BestEffort) => Outcome::BestEffort,
        ("reportable", _) => Outcome::Must,
        _ => Outcome::NotRequired,
    })
}

fn shown_view(view: &Fact) -> Option<String> {
    match &view.value {
        Knowledge::Known(value) => Some(value.to_string()),
        Knowledge::Range { .. } | Knowledge::Unknown => None,
    }
}

struct Ruling {
    duty: DutyDecision,
    tree: TraceNode,
    missing: BTreeSet<(String, Missing)>,
    caveats: Caveats,
    /// Rules asked beside the duty's own tree.
    beside: Vec<TraceNode>,
    notes: Vec<Labels>,
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

pub(crate) fn scope_of(scope: Truth, effect: Effect) -> Scope {
    match (scope, effect) {
        (Truth::F, _) | (Truth::T, Effect::OutOfScope) => Scope::Out,
        (Truth::T, _) => Scope::In,
        (Truth::Unknown, _) => Scope::Unknown,
    }
}
