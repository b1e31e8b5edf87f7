//! Which fact to find out next: for each fact that is not settled, every answer that the packs tell apart is really evaluated, and what
//! changes no outcome and no deadline is not asked. Where several facts hide each other, each is tried with the others answered.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    Decision, EvaluatedAt, Fact, FactKind, Facts, Knowledge, Labels, Lang, Outcome, Packs, Scope, Value,
    answers::answers,
    catalogue::{self, TOTAL},
    evaluate::{OCCURRED, Run},
    pack::{Condition, Op, Regime, Test},
    trace::{Extent, TraceNode, fact_label},
};

/// Facts that are looked at: more is nobody's questionnaire.
const MAX_FACTS: usize = 200;
/// Ways in which all other missing facts are answered, where one alone changes nothing.
const MAX_TOGETHER: usize = 12;

/// A fact that is worth finding out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Name in the catalogue.
    pub fact: String,
    /// Name for people.
    pub label: Labels,
    /// Its type.
    pub kind: FactKind,
    /// The outcomes that an answer can change, by regime and recipient.
    pub outcomes: Vec<OpenOutcome>,
    /// How many deadlines an answer can change.
    pub deadlines: usize,
    /// How much hangs on it: duties to authority and persons that may be required count most.
    pub weight: u32,
}

/// An outcome that is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOutcome {
    /// Regime id.
    pub regime: String,
    /// Title of the law.
    pub title: Labels,
    /// Recipient as the pack names it.
    pub recipient: String,
    /// What it may become by an answer, the first word of the outcomes' order first.
    pub may_become: Vec<Outcome>,
}

/// The facts worth finding out over all packs that bind or may bind, what most hangs on first. Empty when no answer to a single open
/// fact changes anything. Deterministic.
pub fn questions(packs: &Packs, facts: &Facts, at: EvaluatedAt) -> Vec<Question> {
    let open: Vec<Open<'_>> = packs
        .regimes
        .values()
        .map(|regime| Open::of(Run { packs, facts, regime, at }.decide(), regime))
        .filter(|open| open.decision.scope != Scope::Out)
        .collect();
    let candidates: BTreeSet<&str> = open.iter().flat_map(Open::candidates).collect();
    let mut found: Vec<Question> = candidates
        .into_iter()
        .filter(|fact| !fact.contains('*') && !settled(facts, fact))
        .take(MAX_FACTS)
        .filter_map(|fact| ask(packs, facts, at, &open, fact))
        .collect();
    found.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.fact.cmp(&b.fact)));
    found
}

/// A regime that binds or may bind, as it stands now.
struct Open<'p> {
    regime: &'p Regime,
    decision: Decision,
    /// Ends of its deadlines, to be compared with many others.
    ends: BTreeMap<String, Option<Timestamp>>,
    /// Every test of the pack, by the fact that it asks for.
    tests: BTreeMap<&'p str, Vec<&'p Test>>,
    /// Moments that choose the version or start a clock.
    moments: BTreeSet<&'p str>,
}

impl<'p> Open<'p> {
    fn of(decision: Decision, regime: &'p Regime) -> Self {
        // When it happened is compared with the version that binds.
        let moments = BTreeSet::from([OCCURRED]);
        let ends = ends_of(&decision);
        let mut open = Open { regime, decision, ends, tests: BTreeMap::new(), moments };
        open.collect(&regime.scope);
        for version in &regime.versions {
            open.moments.extend(version.basis.iter().map(String::as_str));
            version.definitions.values().chain(&version.scope).for_each(|c| open.collect(c));
            version.review.iter().for_each(|r| open.collect(&r.when));
            for duty in &version.duties {
                open.collect(&duty.when);
                duty.exclusions.iter().for_each(|e| open.collect(&e.when));
                duty.review.iter().for_each(|r| open.collect(&r.when));
                for deadline in &duty.deadlines {
                    open.moments.extend(deadline.start.iter().map(String::as_str));
                    deadline.when.iter().for_each(|c| open.collect(c));
                    deadline.clocks.iter().filter_map(|c| c.when.as_ref()).for_each(|c| open.collect(c));
                    deadline.suspended_by.iter().for_each(|s| open.collect(&s.when));
                }
            }
        }
        open
    }

    fn collect(&mut self, condition: &'p Condition) {
        match &condition.op {
            Op::All(all) | Op::Any(all) => all.iter().for_each(|c| self.collect(c)),
            Op::Not(inner) => self.collect(inner),
            Op::Use(_) => {}
            Op::Test(test) => self.tests.entry(&test.fact).or_default().push(test),
        }
    }

    /// Facts that its rules saw unsettled, and moments without which a clock cannot run.
    fn candidates(&self) -> Vec<&str> {
        fn unsettled<'t>(node: &'t TraceNode, out: &mut Vec<&'t str>) {
            let open = node.operands.iter().filter(|operand| operand.known != Extent::Value);
            out.extend(open.map(|operand| operand.fact.as_str()));
            node.children.iter().for_each(|child| unsettled(child, out));
        }
        let mut facts: Vec<&str> = self.moments.iter().copied().collect();
        facts.extend(self.decision.missing_facts.iter().map(|missing| missing.fact.as_str()));
        self.decision.trace.nodes.iter().for_each(|node| unsettled(node, &mut facts));
        facts
    }

    fn mentions(&self, fact: &str) -> bool {
        // A part is bounded by the whole, and a family is asked for by its beginning.
        self.moments.contains(fact)
            || self.tests.keys().any(|name| {
                *name == fact
                    || name.strip_suffix('*').is_some_and(|family| fact.starts_with(family))
                    || (fact == TOTAL && name.starts_with("counts."))
            })
    }

    fn misses(&self, fact: &str) -> bool {
        self.decision.missing_facts.iter().any(|missing| missing.fact == fact)
    }

    fn tests_of(&self, fact: &str) -> impl Iterator<Item = &'p Test> {
        self.tests.get(fact).into_iter().flatten().copied()
    }
}

/// A confirmed value needs no question.
fn settled(facts: &Facts, name: &str) -> bool {
    facts.get(name).is_some_and(|fact| {
        matches!(fact.value, Knowledge::Known(_)) && fact.certainty != crate::Certainty::Suspected
    })
}

fn ask(packs: &Packs, facts: &Facts, at: EvaluatedAt, open: &[Open<'_>], name: &str) -> Option<Question> {
    let def = catalogue::find(name)?;
    let asked: Vec<&Open<'_>> = open.iter().filter(|open| open.mentions(name)).collect();
    let mut outcomes: BTreeMap<(&str, String), BTreeSet<u8>> = BTreeMap::new();
    let (mut deadlines, mut narrows) = (BTreeSet::new(), false);
    let tests: Vec<&Test> = asked.iter().flat_map(|open| open.tests_of(name)).collect();
    let own = answers(def.kind, facts, name, &tests, at.0);
    for answer in &own {
        let mut tried = facts.clone();
        tried.map.insert(name.to_owned(), Fact::known(answer.clone()));
        for open in &asked {
            let now = Run { packs, facts: &tried, regime: open.regime, at }.decide();
            for (recipient, outcome) in outcomes_of(&now) {
                let before = open.decision.outcome_for(&recipient).unwrap_or(Outcome::OutOfScope);
                if before != outcome {
                    outcomes.entry((&open.regime.id, recipient)).or_default().insert(rank(outcome));
                }
            }
            for (id, end) in ends_of(&now) {
                if open.ends.get(&id) != Some(&end) {
                    deadlines.insert((&open.regime.id, id));
                }
            }
            narrows |= narrower(&open.decision, &now, name);
        }
    }
    let alone = !outcomes.is_empty() || !deadlines.is_empty() || narrows;
    if !alone {
        for open in asked.iter().filter(|open| open.misses(name)) {
            for (recipient, outcome) in together(packs, facts, at, open, name, &own) {
                outcomes.entry((&open.regime.id, recipient)).or_default().insert(rank(outcome));
            }
        }
        if outcomes.is_empty() {
            return None;
        }
    }
    let weight = match alone {
        true => outcomes.iter().map(|((_, recipient), may)| weight_of(recipient, may)).sum::<u32>(),
        // It settles nothing before another one is known.
        false => 0,
    } + u32::try_from(deadlines.len()).unwrap_or(u32::MAX / 2);
    let title = |id: &str| open.iter().find(|o| o.regime.id == id).map(|o| o.decision.title.clone());
    Some(Question {
        fact: name.to_owned(),
        label: Labels::new(fact_label(name, Lang::En), fact_label(name, Lang::Ja)),
        kind: def.kind,
        outcomes: outcomes
            .into_iter()
            .map(|((regime, recipient), may)| OpenOutcome {
                regime: regime.to_owned(),
                title: title(regime).unwrap_or_else(|| Labels::new(regime, regime)),
                recipient,
                may_become: may.into_iter().map(of_rank).collect(),
            })
            .collect(),
        deadlines: deadlines.len(),
        weight,
    })
}

/// Outcomes that differ by the answers to one fact once the other missing facts are known: several may hide each other.
fn together(
    packs: &Packs,
    facts: &Facts,
    at: EvaluatedAt,
    open: &Open<'_>,
    name: &str,
    own: &[Value],
) -> Vec<(String, Outcome)> {
    let missing = open.decision.missing_facts.iter().map(|missing| missing.fact.as_str());
    let others: Vec<(&str, Vec<Value>)> = missing
        .filter(|other| *other != name && !other.contains('*'))
        .filter_map(|other| {
            let tests: Vec<&Test> = open.tests_of(other).collect();
            let answers = answers(catalogue::find(other)?.kind, facts, other, &tests, at.0);
            (!answers.is_empty()).then_some((other, answers))
        })
        .collect();
    let ways = others.iter().map(|(_, answers)| answers.len()).max().unwrap_or(0).min(MAX_TOGETHER);
    let mut differ = BTreeSet::new();
    for way in 0..ways {
        let mut tried = facts.clone();
        for (other, answers) in &others {
            let answer = &answers[way % answers.len()];
            tried.map.insert((*other).to_owned(), Fact::known(answer.clone()));
        }
        let mut seen: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
        for answer in own {
            tried.map.insert(name.to_owned(), Fact::known(answer.clone()));
            for (recipient, outcome) in
                outcomes_of(&Run { packs, facts: &tried, regime: open.regime, at }.decide())
            {
                seen.entry(recipient).or_default().insert(rank(outcome));
            }
        }
        for (recipient, ranks) in seen.into_iter().filter(|(_, ranks)| ranks.len() > 1) {
            differ.extend(ranks.into_iter().map(|rank| (recipient.clone(), rank)));
        }
    }
    differ.into_iter().map(|(recipient, rank)| (recipient, of_rank(rank))).collect()
}

const ORDER: [Outcome; 6] = [
    Outcome::Must,
    Outcome::NeedsReview,
    Outcome::BestEffort,
    Outcome::Exempt,
    Outcome::NotRequired,
    Outcome::OutOfScope,
];

fn rank(outcome: Outcome) -> u8 {
    (0..).zip(ORDER).find(|(_, other)| *other == outcome).map_or(u8::MAX, |(rank, _)| rank)
}

fn of_rank(rank: u8) -> Outcome {
    ORDER.get(usize::from(rank)).copied().unwrap_or(Outcome::NeedsReview)
}

/// Authority and persons before others, and what may be required before what may only fall away.
fn weight_of(recipient: &str, may: &BTreeSet<u8>) -> u32 {
    let who = if matches!(recipient, "regulator" | "persons") { 4 } else { 2 };
    if may.contains(&rank(Outcome::Must)) { who * 2 } else { who }
}

fn outcomes_of(decision: &Decision) -> Vec<(String, Outcome)> {
    let own = [("regulator", decision.regulator), ("persons", decision.persons)];
    let own = own.into_iter().map(|(recipient, outcome)| (recipient.to_owned(), outcome));
    own.chain(decision.others.iter().map(|other| (other.recipient.clone(), other.outcome))).collect()
}

/// The ends of the deadlines of duties that are asked for or may be.
fn ends_of(decision: &Decision) -> BTreeMap<String, Option<Timestamp>> {
    decision
        .deadlines()
        .filter(|(duty, _)| {
            matches!(duty.outcome, Outcome::Must | Outcome::BestEffort | Outcome::NeedsReview)
        })
        .map(|(duty, line)| (format!("{}.{}", duty.id, line.id), line.due.as_ref().map(|due| due.ends_at())))
        .collect()
}

/// Whether some other fact no longer matters: the way to an outcome has become shorter.
fn narrower(before: &Decision, now: &Decision, name: &str) -> bool {
    before
        .missing_facts
        .iter()
        .filter(|missing| missing.fact != name)
        .any(|missing| !now.missing_facts.iter().any(|other| other.fact == missing.fact))
}
