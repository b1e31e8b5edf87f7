//! What packs ask, read-only: every condition written out, every period, every day on which a version begins or ends.
//!
//! For tests that are derived from the packs, for lints and for generated documents; hidden from the documentation
//! because its shape follows the language and changes with it.

use jiff::{civil::Date, tz::TimeZone};

pub use crate::satisfy::{Answer, search, values};

use crate::{
    Facts, Grade, Nature, Packs, Status, Truth, Value,
    clock::Clock,
    judge::Judge,
    pack::{self, Check, Condition, Effect, ExclusionEffect, Op},
};

/// A condition with its definitions written out. Loading refused circles and bounded the size.
#[derive(Debug, Clone)]
pub enum Ask<'p> {
    /// All of these.
    All(Vec<Ask<'p>>),
    /// At least one of these.
    Any(Vec<Ask<'p>>),
    /// Not this.
    Not(Box<Ask<'p>>),
    /// One question to one fact.
    Leaf(Leaf<'p>),
}

/// One question to one fact.
#[derive(Debug, Clone)]
pub struct Leaf<'p> {
    /// Name in the catalogue; one that ends in `*` asks any member of a family.
    pub fact: &'p str,
    /// What is asked.
    pub question: Question<'p>,
    condition: &'p Condition,
    regime: &'p pack::Regime,
    version: Option<&'p pack::Version>,
}

/// What is asked of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question<'p> {
    /// One of these values?
    Is(&'p [Value]),
    /// Does the set have one of these words?
    ContainsAny(&'p [String]),
    /// Strictly more?
    MoreThan(u64),
    /// As many or more?
    AtLeast(u64),
    /// Before this day?
    Before(Date),
    /// On this day or later?
    OnOrAfter(Date),
    /// Recorded at all?
    Recorded,
}

/// One regime.
#[derive(Debug, Clone)]
pub struct Regime<'p> {
    /// Its id.
    pub id: &'p str,
    /// Zone of the regulator's days.
    pub zone: &'p TimeZone,
    /// Where the law applies.
    pub scope: Ask<'p>,
    /// Whether an event under another version than its knowledge goes to a person.
    pub transition_review: bool,
    /// Its versions in the order of the file.
    pub versions: Vec<Version<'p>>,
}

/// One version.
#[derive(Debug, Clone)]
pub struct Version<'p> {
    /// Its id.
    pub id: &'p str,
    /// Where it stands.
    pub status: Status,
    /// First and last day on which it binds.
    pub effective: (Option<Date>, Option<Date>),
    /// Last day on which it is certainly the one in force.
    pub assured_to: Option<Date>,
    /// First and last day on which it was known law.
    pub known: (Option<Date>, Option<Date>),
    /// Facts whose earliest moment chooses the version.
    pub basis: &'p [String],
    /// `mandatory`, `best_effort` or `out_of_scope`.
    pub effect: &'static str,
    /// Whom it binds.
    pub scope: Option<Ask<'p>>,
    /// What makes the whole version a matter for a person.
    pub review: Vec<Ask<'p>>,
    /// Its duties.
    pub duties: Vec<Duty<'p>>,
}

/// One duty.
#[derive(Debug, Clone)]
pub struct Duty<'p> {
    /// Its id.
    pub id: &'p str,
    /// To whom.
    pub recipient: &'p str,
    /// Its trigger.
    pub when: Ask<'p>,
    /// Its exclusions; `true` marks an exemption, `false` one that leaves no duty at all.
    pub exclusions: Vec<(bool, Ask<'p>)>,
    /// What makes this duty a matter for a person.
    pub review: Vec<Ask<'p>>,
    /// Its deadlines.
    pub deadlines: Vec<Deadline<'p>>,
}

/// One deadline.
#[derive(Debug, Clone)]
pub struct Deadline<'p> {
    /// Its id.
    pub id: &'p str,
    /// What it is made of.
    pub nature: Nature,
    /// When there is such a deadline.
    pub when: Option<Ask<'p>>,
    /// Facts that start it.
    pub start: &'p [String],
    /// Duty and deadline that it follows.
    pub after: Option<(&'p str, &'p str)>,
    /// Periods, each with its condition.
    pub clocks: Vec<(Option<Ask<'p>>, &'p Clock)>,
    /// Whether the latest of several binds, or the earliest.
    pub latest_binds: bool,
    /// First and last day of a window.
    pub window: Option<(&'p Clock, &'p Clock)>,
    /// What holds it up.
    pub suspended_by: Option<Ask<'p>>,
}

/// Everything that the packs ask.
pub fn regimes(packs: &Packs) -> Vec<Regime<'_>> {
    packs.regimes.values().map(regime).collect()
}

/// Everything that one pack asks.
pub(crate) fn regime(regime: &pack::Regime) -> Regime<'_> {
    Regime {
        id: &regime.id,
        zone: &regime.zone,
        scope: ask(&regime.scope, regime, None),
        transition_review: regime.transition_review.is_some(),
        versions: regime.versions.iter().map(|v| version(regime, v)).collect(),
    }
}

fn version<'p>(regime: &'p pack::Regime, v: &'p pack::Version) -> Version<'p> {
    let see = |c: &'p Condition| ask(c, regime, Some(v));
    Version {
        id: &v.id,
        status: v.status,
        effective: (v.effective_from, v.effective_to),
        assured_to: v.assured_to,
        known: (v.known_from, v.known_to),
        basis: &v.basis,
        effect: match v.effect {
            Effect::Mandatory => "mandatory",
            Effect::BestEffort => "best_effort",
            Effect::OutOfScope => "out_of_scope",
        },
        scope: v.scope.as_ref().map(see),
        review: v.review.iter().map(|r| see(&r.when)).collect(),
        duties: v
            .duties
            .iter()
            .map(|d| Duty {
                id: &d.id,
                recipient: &d.recipient,
                when: see(&d.when),
                exclusions: d
                    .exclusions
                    .iter()
                    .map(|e| (e.effect == ExclusionEffect::Exempt, see(&e.when)))
                    .collect(),
                review: d.review.iter().map(|r| see(&r.when)).collect(),
                deadlines: d.deadlines.iter().map(|l| deadline(l, &see)).collect(),
            })
            .collect(),
    }
}

fn deadline<'p>(d: &'p pack::Deadline, see: &impl Fn(&'p Condition) -> Ask<'p>) -> Deadline<'p> {
    Deadline {
        id: &d.id,
        nature: d.nature,
        when: d.when.as_ref().map(see),
        start: &d.start,
        after: d.after.as_ref().map(|(duty, id)| (duty.as_str(), id.as_str())),
        clocks: d.clocks.iter().map(|a| (a.when.as_ref().map(see), &a.clock)).collect(),
        latest_binds: d.latest_binds,
        window: d.window.as_ref().map(|(first, last)| (first, last)),
        suspended_by: d.suspended_by.as_ref().map(|s| see(&s.when)),
    }
}

/// A condition written out.
pub(crate) fn ask<'p>(
    c: &'p Condition,
    regime: &'p pack::Regime,
    version: Option<&'p pack::Version>,
) -> Ask<'p> {
    match &c.op {
        Op::All(cs) => Ask::All(cs.iter().map(|c| ask(c, regime, version)).collect()),
        Op::Any(cs) => Ask::Any(cs.iter().map(|c| ask(c, regime, version)).collect()),
        Op::Not(c) => Ask::Not(Box::new(ask(c, regime, version))),
        Op::Use(name) => match version.and_then(|v| v.definitions.get(name)) {
            Some(defined) => ask(defined, regime, version),
            // Loading refused names that lead nowhere.
            None => Ask::Any(Vec::new()),
        },
        Op::Test(test) => Ask::Leaf(Leaf {
            fact: &test.fact,
            question: match &test.check {
                Check::Is(values) => Question::Is(values),
                Check::ContainsAny { words, .. } => Question::ContainsAny(words),
                Check::MoreThan(n) => Question::MoreThan(*n),
                Check::AtLeast(n) => Question::AtLeast(*n),
                Check::Before(d) => Question::Before(*d),
                Check::OnOrAfter(d) => Question::OnOrAfter(*d),
                Check::Recorded => Question::Recorded,
            },
            condition: c,
            regime,
            version,
        }),
    }
}

impl<'p> Ask<'p> {
    /// All questions below.
    pub fn leaves(&self) -> Vec<&Leaf<'p>> {
        match self {
            Ask::All(asks) | Ask::Any(asks) => asks.iter().flat_map(Ask::leaves).collect(),
            Ask::Not(ask) => ask.leaves(),
            Ask::Leaf(leaf) => vec![leaf],
        }
    }
}

impl Leaf<'_> {
    /// What the engine answers to this question alone, with nothing but certain facts counting.
    pub fn answer(&self, facts: &Facts) -> Truth {
        let judge = Judge { facts, regime: self.regime, version: self.version };
        judge.eval(self.condition, None, Grade::Verified).result
    }

    /// Zone in which the days of the question are meant.
    pub fn zone(&self) -> &TimeZone {
        &self.regime.zone
    }
}

impl<'p> Version<'p> {
    /// Every condition of the version with its place in the file, as in `duties[0].when`.
    pub fn asks(&self) -> Vec<(String, &Ask<'p>)> {
        let mut all = Vec::new();
        all.extend(self.scope.iter().map(|a| (String::from("scope"), a)));
        all.extend(self.review.iter().enumerate().map(|(i, a)| (format!("review[{i}].when"), a)));
        for (i, d) in self.duties.iter().enumerate() {
            all.push((format!("duties[{i}].when"), &d.when));
            for (j, (_, a)) in d.exclusions.iter().enumerate() {
                all.push((format!("duties[{i}].exclusions[{j}].when"), a));
            }
            for (j, a) in d.review.iter().enumerate() {
                all.push((format!("duties[{i}].review[{j}].when"), a));
            }
            for (j, l) in d.deadlines.iter().enumerate() {
                let place = format!("duties[{i}].deadlines[{j}]");
                all.extend(l.when.iter().map(|a| (format!("{place}.when"), a)));
                all.extend(l.suspended_by.iter().map(|a| (format!("{place}.suspended_by.when"), a)));
                for (k, (when, _)) in l.clocks.iter().enumerate() {
                    all.extend(when.iter().map(|a| (format!("{place}.clocks[{k}].when"), a)));
                }
            }
        }
        all
    }
}
