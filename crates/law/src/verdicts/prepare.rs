//! From packs to rules over places.

use std::collections::{BTreeMap, HashMap};

use crate::{
    Packs,
    catalogue::TOTAL,
    evaluate::{AUTHORITY_VIEW, OCCURRED},
    pack::{Alternative, Check, Condition, Deadline, Duty, ExclusionEffect, Op, Regime, Test, Version},
};

use super::Prepared;

/// A condition whose facts are places.
pub enum Rule<'p> {
    All(Vec<Rule<'p>>),
    Any(Vec<Rule<'p>>),
    Not(Box<Rule<'p>>),
    /// A definition of the version, by its number.
    Use(usize),
    Fact {
        place: usize,
        test: &'p Test,
    },
    /// Any member of a family of counts.
    Family {
        prefix: &'p str,
        check: &'p Check,
    },
}

pub struct RegimeRules<'p> {
    pub regime: &'p Regime,
    pub scope: Rule<'p>,
    /// What the versions are chosen by, each once, in the order of the file.
    pub bases: Vec<(&'p Vec<String>, Vec<usize>)>,
    pub versions: Vec<VersionRules<'p>>,
    /// Place of the authority's view.
    pub view: usize,
}

pub struct VersionRules<'p> {
    pub version: &'p Version,
    pub definitions: Vec<Rule<'p>>,
    pub scope: Option<Rule<'p>>,
    pub review: Vec<Rule<'p>>,
    pub duties: Vec<DutyRules<'p>>,
}

pub struct DutyRules<'p> {
    pub duty: &'p Duty,
    pub when: Rule<'p>,
    pub exclusions: Vec<(ExclusionEffect, Rule<'p>)>,
    pub review: Vec<Rule<'p>>,
    pub deadlines: Vec<DeadlineRules<'p>>,
}

pub struct DeadlineRules<'p> {
    pub deadline: &'p Deadline,
    pub when: Option<Rule<'p>>,
    /// Places of the facts that start it.
    pub start: Vec<usize>,
    pub clocks: Vec<(Option<Rule<'p>>, &'p Alternative)>,
    /// What holds it up, and the place of the moment until which.
    pub suspended: Option<(Rule<'p>, Option<usize>)>,
}

impl<'p> Prepared<'p> {
    /// Prepares loaded packs. Costs about as much as two evaluations.
    pub fn new(packs: &'p Packs) -> Self {
        let mut names = Names::default();
        let (event, total) = (names.place(OCCURRED), names.place(TOTAL));
        let regimes = packs.regimes.values().map(|regime| names.regime(regime)).collect();
        Prepared { packs, regimes, places: names.0, event, total }
    }
}

/// Places by name.
#[derive(Default)]
struct Names(HashMap<String, usize>);

impl Names {
    fn place(&mut self, name: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(name.to_owned()).or_insert(next)
    }

    fn regime<'p>(&mut self, regime: &'p Regime) -> RegimeRules<'p> {
        let none = BTreeMap::new();
        let mut bases: Vec<&Vec<String>> = regime.versions.iter().map(|v| &v.basis).collect();
        bases.dedup();
        RegimeRules {
            regime,
            scope: self.rule(&regime.scope, &none),
            bases: bases.into_iter().map(|names| (names, self.places_of(names))).collect(),
            versions: regime.versions.iter().map(|version| self.version(version)).collect(),
            view: self.place(&format!("{AUTHORITY_VIEW}{}", regime.id)),
        }
    }

    fn places_of(&mut self, names: &[String]) -> Vec<usize> {
        names.iter().map(|name| self.place(name)).collect()
    }

    fn version<'p>(&mut self, version: &'p Version) -> VersionRules<'p> {
        let numbers = version.definitions.keys().enumerate().map(|(number, name)| (name.as_str(), number));
        let numbers: BTreeMap<&str, usize> = numbers.collect();
        let mut rule = |condition: &'p Condition| self.rule(condition, &numbers);
        let definitions = version.definitions.values().map(&mut rule).collect();
        let scope = version.scope.as_ref().map(&mut rule);
        let review = version.review.iter().map(|review| rule(&review.when)).collect();
        let duties = version.duties.iter().map(|duty| self.duty(duty, &numbers)).collect();
        VersionRules { version, definitions, scope, review, duties }
    }

    fn duty<'p>(&mut self, duty: &'p Duty, numbers: &BTreeMap<&str, usize>) -> DutyRules<'p> {
        let exclusions = duty.exclusions.iter().map(|e| (e.effect, self.rule(&e.when, numbers))).collect();
        DutyRules {
            duty,
            when: self.rule(&duty.when, numbers),
            exclusions,
            review: duty.review.iter().map(|review| self.rule(&review.when, numbers)).collect(),
            deadlines: duty.deadlines.iter().map(|deadline| self.deadline(deadline, numbers)).collect(),
        }
    }

    fn deadline<'p>(&mut self, deadline: &'p Deadline, numbers: &BTreeMap<&str, usize>) -> DeadlineRules<'p> {
        let clocks = deadline.clocks.iter();
        let clocks = clocks.map(|a| (a.when.as_ref().map(|c| self.rule(c, numbers)), a)).collect();
        let suspended = deadline.suspended_by.as_ref().map(|s| {
            let until = s.until.as_deref().map(|name| self.place(name));
            (self.rule(&s.when, numbers), until)
        });
        DeadlineRules {
            deadline,
            when: deadline.when.as_ref().map(|c| self.rule(c, numbers)),
            start: self.places_of(&deadline.start),
            clocks,
            suspended,
        }
    }

    fn rule<'p>(&mut self, condition: &'p Condition, numbers: &BTreeMap<&str, usize>) -> Rule<'p> {
        let mut all = |of: &'p [Condition]| of.iter().map(|c| self.rule(c, numbers)).collect();
        match &condition.op {
            Op::All(of) => Rule::All(all(of)),
            Op::Any(of) => Rule::Any(all(of)),
            Op::Not(inner) => Rule::Not(Box::new(self.rule(inner, numbers))),
            // Loading refused names that lead nowhere; should one come through, it stays undecided.
            Op::Use(name) => Rule::Use(numbers.get(name.as_str()).copied().unwrap_or(usize::MAX)),
            Op::Test(test) => match test.fact.strip_suffix('*') {
                Some(prefix) if !matches!(test.check, Check::Recorded) => {
                    Rule::Family { prefix, check: &test.check }
                }
                _ => Rule::Fact { place: self.place(&test.fact), test },
            },
        }
    }
}
