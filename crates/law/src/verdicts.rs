//! Outcomes and ends of deadlines alone, for many records: what [`evaluate`](crate::evaluate) decides, without the reasons.
//!
//! Packs are prepared once: each fact that a rule names becomes a place, definitions become references. A record is laid
//! out over these places, and rules are answered only as far as they still matter. What a law makes of a recorded fact, of
//! three-valued answers, versions and calendars is the same code as in the path that explains itself; tests hold both
//! against each other on every worked case and on random records.

mod ends;
mod prepare;

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};

use crate::{
    EvaluatedAt, Fact, Facts, Outcome, Packs, Scope, Truth,
    choose::{basis, in_force},
    decision::outcome,
    evaluate::{scope_of, settled_by_view},
    judge::{Lean, Reader},
    pack::{Check, ExclusionEffect, Reading, Version},
};

use prepare::{DutyRules, RegimeRules, Rule, VersionRules};

/// Packs prepared for evaluations without reasons.
pub struct Prepared<'p> {
    packs: &'p Packs,
    regimes: Vec<RegimeRules<'p>>,
    places: HashMap<String, usize>,
    event: usize,
    total: usize,
}

/// What one law asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// Regime id.
    pub regime: &'p str,
    /// The version that binds; none where none could be chosen, or where the law does not concern the incident at all.
    pub version: Option<&'p str>,
    /// Whether the law binds.
    pub scope: Scope,
    /// Report to the regulator.
    pub regulator: Outcome,
    /// Notice to the persons.
    pub persons: Outcome,
    /// Each duty in the order of the pack.
    pub duties: Vec<DutyVerdict<'p>>,
}

/// What one duty comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyVerdict<'p> {
    /// Id within the pack.
    pub id: &'p str,
    /// Recipient as the pack names it.
    pub recipient: &'p str,
    /// Outcome.
    pub outcome: Outcome,
    /// Deadlines that run or may run, by id, with the last instant in time where there is one.
    pub ends: Vec<(&'p str, Option<Timestamp>)>,
}

impl Verdict<'_> {
    /// Outcome for a recipient as the pack names it.
    pub fn outcome_for(&self, recipient: &str) -> Option<Outcome> {
        match recipient {
            "regulator" => Some(self.regulator),
            "persons" => Some(self.persons),
            _ => {
                let own = self.duties.iter().filter(|d| d.recipient == recipient).map(|d| d.outcome);
                own.reduce(Outcome::stronger)
            }
        }
    }
}

/// A record laid out over the places of prepared packs.
struct Layout<'f> {
    facts: &'f Facts,
    at_place: Vec<Option<&'f Fact>>,
    event: usize,
    total: usize,
}

impl<'f> Layout<'f> {
    fn at(&self, place: usize) -> Option<&'f Fact> {
        self.at_place.get(place).copied().flatten()
    }
}

impl Prepared<'_> {
    /// What each regime asks for, in the order of their ids.
    pub fn verdicts(&self, facts: &Facts, at: EvaluatedAt) -> Vec<Verdict<'_>> {
        let layout = self.lay_out(facts);
        self.regimes.iter().map(|regime| self.verdict(regime, &layout, at)).collect()
    }

    /// The same under one regime; nothing where it is not loaded.
    pub fn verdict_of(&self, regime: &str, facts: &Facts, at: EvaluatedAt) -> Option<Verdict<'_>> {
        let regime = self.regimes.iter().find(|r| r.regime.id == regime)?;
        Some(self.verdict(regime, &self.lay_out(facts), at))
    }

    fn lay_out<'f>(&self, facts: &'f Facts) -> Layout<'f> {
        let mut at_place = vec![None; self.places.len()];
        for (name, fact) in facts.iter() {
            if let Some(place) = self.places.get(name) {
                at_place[*place] = Some(fact);
            }
        }
        Layout { facts, at_place, event: self.event, total: self.total }
    }

    fn verdict<'s>(&'s self, rules: &'s RegimeRules<'_>, facts: &Layout<'_>, at: EvaluatedAt) -> Verdict<'s> {
        let mut verdict = Verdict {
            regime: &rules.regime.id,
            version: None,
            scope: Scope::Out,
            regulator: Outcome::OutOfScope,
            persons: Outcome::OutOfScope,
            duties: Vec::new(),
        };
        let outer = Asking { facts, reader: rules.reader(Reading::default(), facts), definitions: &[] };
        let mut scope = outer.ask(&rules.scope, None);
        if scope == Truth::F {
            return verdict;
        }
        let Some((version, day)) = rules.choose(facts, at) else {
            (verdict.regulator, verdict.persons) = (Outcome::NeedsReview, Outcome::NeedsReview);
            verdict.scope = Scope::Unknown;
            return verdict;
        };
        let law: &Version = version.version;
        verdict.version = Some(&law.id);
        let asking =
            Asking { facts, reader: rules.reader(law.reading, facts), definitions: &version.definitions };
        if let Some(condition) = &version.scope {
            scope = scope.and(asking.ask(condition, None));
        }
        verdict.scope = scope_of(scope, law.effect);
        if scope == Truth::F {
            return verdict;
        }
        if law.duties.is_empty() && scope == Truth::Unknown {
            (verdict.regulator, verdict.persons) = (Outcome::NeedsReview, Outcome::NeedsReview);
            return verdict;
        }
        let mut review = asking.any(version.review.iter(), None);
        if rules.regime.transition_review.is_some() {
            review = review.or(!law.has_event(facts.at(facts.event), &rules.regime.zone, Some(day)));
        }
        for duty in &version.duties {
            let duty = self.rule(duty, version, rules, &asking, scope, review);
            match duty.recipient {
                "regulator" => verdict.regulator = verdict.regulator.stronger(duty.outcome),
                "persons" => verdict.persons = verdict.persons.stronger(duty.outcome),
                _ => {}
            }
            verdict.duties.push(duty);
        }
        verdict
    }

    fn rule<'s>(
        &'s self,
        rules: &'s DutyRules<'_>,
        version: &'s VersionRules<'_>,
        regime: &'s RegimeRules<'_>,
        asking: &Asking<'_>,
        scope: Truth,
        review: Truth,
    ) -> DutyVerdict<'s> {
        let duty = rules.duty;
        let trigger = asking.ask(&rules.when, Some(Truth::T));
        // What is certainly not asked needs neither exclusions nor a person to say so.
        let mut exclusions: Vec<(ExclusionEffect, Truth)> = Vec::new();
        let mut review = review;
        if trigger != Truth::F {
            review = review.or(asking.any(rules.review.iter(), None));
            if scope == Truth::T && review == Truth::F {
                let asked = rules.exclusions.iter();
                exclusions =
                    asked.map(|(effect, rule)| (*effect, asking.ask(rule, Some(Truth::F)))).collect();
            }
        }
        let effect = version.version.effect;
        let mut result = outcome(scope, effect, review, trigger, &exclusions);
        if result == Outcome::NeedsReview
            && let Some(view) = asking.facts.at(regime.view)
        {
            result = settled_by_view(view, &duty.recipient, effect).unwrap_or(result);
        }
        let runs = match result {
            Outcome::Must | Outcome::BestEffort => true,
            Outcome::NeedsReview => trigger != Truth::F,
            Outcome::Exempt | Outcome::NotRequired | Outcome::OutOfScope => false,
        };
        let deadlines = rules.deadlines.iter().filter(|_| runs);
        let ends = deadlines.filter_map(|d| {
            Some((d.deadline.id.as_str(), self.end(d, version, regime, asking)?.map(|end| end.at)))
        });
        DutyVerdict { id: &duty.id, recipient: &duty.recipient, outcome: result, ends: ends.collect() }
    }
}

impl RegimeRules<'_> {
    fn reader<'s>(&'s self, reading: Reading, facts: &Layout<'s>) -> Reader<'s> {
        Reader { reading, zone: &self.regime.zone, total: facts.at(facts.total) }
    }

    /// The version that binds, and the local date that chose it.
    fn choose(&self, facts: &Layout<'_>, at: EvaluatedAt) -> Option<(&VersionRules<'_>, Date)> {
        let zone = &self.regime.zone;
        let today = at.0.to_zoned(zone.clone()).date();
        self.bases.iter().find_map(|(names, places)| {
            let (from, to) = basis(places.iter().filter_map(|place| facts.at(*place)), zone)?;
            let first = in_force(&self.regime.versions, from, today)?;
            let last = in_force(&self.regime.versions, to, today)?;
            let chosen = first.id == last.id && first.basis == **names;
            let rules = self.versions.iter().find(|rules| std::ptr::eq(rules.version, first));
            rules.filter(|_| chosen).map(|rules| (rules, from))
        })
    }
}

/// Rules asked of a record.
struct Asking<'a> {
    facts: &'a Layout<'a>,
    reader: Reader<'a>,
    definitions: &'a [Rule<'a>],
}

impl Asking<'_> {
    fn ask(&self, rule: &Rule<'_>, lean: Lean) -> Truth {
        match rule {
            Rule::All(rules) => !self.any_of(rules.iter(), lean, true),
            Rule::Any(rules) => self.any(rules.iter(), lean),
            Rule::Not(rule) => !self.ask(rule, lean.map(|l| !l)),
            Rule::Use(definition) => {
                self.definitions.get(*definition).map_or(Truth::Unknown, |rule| self.ask(rule, lean))
            }
            Rule::Fact { place, test } => {
                self.reader.ask(&test.fact, &test.check, self.facts.at(*place), lean).0
            }
            Rule::Family { prefix, check } => self.family(prefix, check, lean),
        }
    }

    /// Whether one of these is met; asked in order, until it is certain.
    fn any<'r>(&self, rules: impl Iterator<Item = &'r Rule<'r>>, lean: Lean) -> Truth {
        self.any_of(rules, lean, false)
    }

    fn any_of<'r>(&self, rules: impl Iterator<Item = &'r Rule<'r>>, lean: Lean, not: bool) -> Truth {
        let mut result = Truth::F;
        for rule in rules {
            let answer = self.ask(rule, lean);
            result = result.or(if not { !answer } else { answer });
            if result == Truth::T {
                break;
            }
        }
        result
    }

    fn family(&self, prefix: &str, check: &Check, lean: Lean) -> Truth {
        let members = self.facts.facts.members(prefix).map(|(_, fact)| fact);
        self.reader.any_member(members, check, lean).0
    }
}
