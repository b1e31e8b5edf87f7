//! Random facts records, derived from the catalogue and from what the packs ask.
//!
//! A record of mere noise meets no trigger, so most records begin with facts that a search found for some duty (its
//! trigger met or not, its exclusions or not), dated at an edge of a version; the rest is noise over what the pack
//! asks, and then some of it is forgotten, suspected, ruled out or widened to a range.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use law::{
    Certainty, Decision, EvaluatedAt, Fact, FactKind, Facts, Knowledge, Moment, Packs, SHIPPED, Status,
    Value, evaluate, find_fact,
    view::{self, Answer, Ask, Leaf, Question, Regime, Version},
};

use super::shipped;

/// Numbers from a seed, so that a failure can be repeated from the one number that proptest prints.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        of.get(self.below(of.len()))
    }
}

/// A record with the instant of its evaluation.
#[derive(Debug, Clone)]
pub struct Record {
    pub regime: String,
    pub facts: Facts,
    pub at: EvaluatedAt,
}

/// The latest "now" of the records: after every version that the packs know.
const NOW: &str = "2026-11-22T00:00:00Z";

static PACKS: LazyLock<Packs> = LazyLock::new(shipped);
static REGIMES: LazyLock<Vec<Regime<'static>>> = LazyLock::new(|| view::regimes(&PACKS));

/// What they ask, written out once.
pub fn regimes() -> &'static [Regime<'static>] {
    &REGIMES
}

/// One pack with its calendars: evaluating the others as well would only cost time.
pub fn pack_of(regime: &str) -> &'static Packs {
    static EACH: LazyLock<BTreeMap<String, Packs>> = LazyLock::new(|| {
        let calendars: Vec<_> = SHIPPED.iter().filter(|(name, _)| name.starts_with("calendars/")).collect();
        let rules = SHIPPED.iter().filter(|(name, _)| !name.starts_with("calendars/"));
        rules
            .map(|file| {
                let files = calendars.iter().copied().chain([file]).copied();
                let packs = Packs::load(files).unwrap_or_else(|e| panic!("{e:?}"));
                let id = packs.regimes().next().expect("a rule pack").id.to_owned();
                (id, packs)
            })
            .collect()
    });
    &EACH[regime]
}

/// The decision under the regime at which the record is aimed.
pub fn decide(record: &Record) -> Decision {
    let assessment = evaluate(pack_of(&record.regime), &record.facts, record.at);
    assessment.decisions.into_iter().next().expect("one pack, one decision")
}

/// A record aimed at one of the regimes.
pub fn record(seed: u64) -> Record {
    let dice = &mut Dice::new(seed);
    let regime = dice.pick(regimes()).expect("packs are loaded");
    let in_force: Vec<_> = regime.versions.iter().filter(|v| v.status == Status::InForce).collect();
    let version = dice.pick(&in_force).expect("a version is in force");
    record_for(regime, version, dice)
}

/// A record aimed at one version.
pub fn record_for(regime: &Regime<'_>, version: &Version<'_>, dice: &mut Dice) -> Record {
    let mut facts = aimed(regime, version, dice);
    date(regime, version, &mut facts, dice);
    for leaf in leaves(regime, version) {
        let name = member(leaf.fact, dice);
        if facts.get(&name).is_none() && dice.chance(80) {
            put(&mut facts, &name, value(leaf, dice));
        }
    }
    for name in deadlines(version) {
        if facts.get(&name).is_none() && dice.chance(50) {
            let day = day_near(version.effective.0.unwrap_or(jiff::civil::date(2025, 6, 2)), dice, 40);
            put(&mut facts, &name, moment(day, regime.zone, dice));
        }
    }
    if dice.chance(10) {
        let view = if dice.chance(50) { "reportable" } else { "not_reportable" };
        put(&mut facts, &format!("process.authority_view.{}", regime.id), Some(Value::Word(view.into())));
    }
    blur(&mut facts, dice);
    settle(&mut facts);
    Record { regime: regime.id.to_owned(), facts, at: evaluated_at(version, dice) }
}

/// Facts found for a duty: trigger and exclusions as the dice want them.
fn aimed(regime: &Regime<'_>, version: &Version<'_>, dice: &mut Dice) -> Facts {
    let mut goals: Vec<(&Ask<'_>, bool)> = Vec::new();
    if dice.chance(93) {
        goals.push((&regime.scope, true));
    }
    if let Some(scope) = version.scope.as_ref().filter(|_| dice.chance(90)) {
        goals.push((scope, true));
    }
    if let Some(duty) = dice.pick(&version.duties) {
        goals.push((&duty.when, dice.chance(85)));
        for (_, exclusion) in &duty.exclusions {
            if dice.chance(85) {
                goals.push((exclusion, dice.chance(20)));
            }
        }
        for review in version.review.iter().chain(&duty.review) {
            if dice.chance(80) {
                goals.push((review, dice.chance(8)));
            }
        }
        for deadline in &duty.deadlines {
            goals.extend(deadline.when.iter().filter(|_| dice.chance(60)).map(|a| (a, true)));
        }
    }
    loop {
        match view::search(&goals, &mut |n| dice.below(n)) {
            Answer::Found(facts) => return facts,
            // The wishes exclude one another: the last ones are given up.
            Answer::Impossible | Answer::GaveUp => {
                goals.pop();
            }
        }
    }
}

/// Dates that choose the version, often at one of its edges; and an event before.
fn date(regime: &Regime<'_>, version: &Version<'_>, facts: &mut Facts, dice: &mut Dice) {
    let middle = jiff::civil::date(2025, 6, 2);
    let edges: Vec<Date> =
        [version.effective.0, version.effective.1, version.assured_to].into_iter().flatten().collect();
    let day = if dice.chance(35) && !edges.is_empty() {
        day_near(*dice.pick(&edges).expect("not empty"), dice, 2)
    } else {
        let from = version.effective.0.unwrap_or(middle);
        let to = version.effective.1.unwrap_or(jiff::civil::date(2026, 11, 20));
        let days = from.until(to).map_or(1, |s| s.get_days().max(1));
        from.checked_add(i64::from(dice.below(days as usize) as u32).days()).unwrap_or(from)
    };
    for name in version.basis {
        if dice.chance(70) || name == &version.basis[0] {
            let day = if dice.chance(80) { day } else { day_near(day, dice, 5) };
            put(facts, name, moment(day, regime.zone, dice));
        }
    }
    if dice.chance(85) && facts.get("timeline.occurred_from").is_none() {
        let before = day.checked_sub((dice.below(4) as i64 * dice.below(12) as i64).days()).unwrap_or(day);
        put(facts, "timeline.occurred_from", moment(before, regime.zone, dice));
    }
}

fn day_near(day: Date, dice: &mut Dice, by: usize) -> Date {
    let shift = dice.below(2 * by + 1) as i64 - by as i64;
    day.checked_add(shift.days()).unwrap_or(day)
}

/// A day, or an instant in the zone of the regulator or of somewhere else.
fn moment(day: Date, zone: &TimeZone, dice: &mut Dice) -> Option<Value> {
    let elsewhere = ["UTC", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"];
    let own = zone.iana_name().unwrap_or("UTC");
    let name = if dice.chance(75) { own } else { elsewhere[dice.below(elsewhere.len())] };
    let text = match dice.below(4) {
        0 => format!("{day}[{name}]"),
        1 => format!("{day}T00:00:00[{name}]"),
        2 => format!("{day}T23:59:59[{name}]"),
        _ => format!("{day}T{:02}:{:02}:00[{name}]", dice.below(24), dice.below(60)),
    };
    // A local time that a change of the clocks skips is no instant.
    Moment::parse(&text).ok().map(Value::Moment)
}

/// Questions of a regime with one of its versions.
pub fn leaves<'v, 'p>(regime: &'v Regime<'p>, version: &'v Version<'p>) -> Vec<&'v Leaf<'p>> {
    let mut leaves = regime.scope.leaves();
    leaves.extend(version.asks().into_iter().flat_map(|(_, ask)| ask.leaves()));
    leaves
}

fn deadlines(version: &Version<'_>) -> Vec<String> {
    let all = version.duties.iter().flat_map(|d| &d.deadlines).flat_map(|l| l.start.iter().cloned());
    let mut names: Vec<_> = all.collect();
    names.push(String::from("persons.law_enforcement_delay_until"));
    names
}

/// A member for a family, the name itself otherwise.
fn member(fact: &str, dice: &mut Dice) -> String {
    match fact.strip_suffix('*') {
        Some(prefix) if prefix.ends_with('-') => format!("{prefix}{}", ["CA", "TX", "NY"][dice.below(3)]),
        Some(prefix) => format!("{prefix}{}", ["US-CA", "SG", "x1"][dice.below(3)]),
        None => fact.to_owned(),
    }
}

/// A value that the question tells apart from its neighbours, or any of the fact's own.
fn value(leaf: &Leaf<'_>, dice: &mut Dice) -> Option<Value> {
    if let Question::ContainsAny(words) = &leaf.question {
        let mut chosen = Vec::new();
        if dice.chance(60) {
            chosen.extend(dice.pick(words).cloned());
        }
        if let Some(FactKind::Set(all)) = find_fact(leaf.fact).map(|d| d.kind) {
            while dice.chance(40) {
                chosen.extend(dice.pick(all).map(|w| (*w).to_owned()));
            }
        } else if dice.chance(20) {
            chosen.push(String::from("SG"));
        }
        chosen.sort();
        chosen.dedup();
        return Some(Value::Words(chosen));
    }
    let values = view::values(leaf);
    match dice.pick(&values) {
        Some(Value::Count(_)) if dice.chance(20) => Some(Value::Count(dice.below(3000) as u64)),
        value => value.cloned(),
    }
}

fn put(facts: &mut Facts, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        facts.set(name, Fact::known(value)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

/// Forgets, suspects, rules out and widens some of the facts.
fn blur(facts: &mut Facts, dice: &mut Dice) {
    let names: Vec<String> = facts.iter().map(|(n, _)| n.to_owned()).collect();
    for name in names {
        let Some(mut fact) = facts.get(&name).cloned() else { continue };
        let Knowledge::Known(value) = fact.value.clone() else { continue };
        match dice.below(100) {
            0..6 => fact.value = Knowledge::Unknown,
            6..13 => fact.certainty = Certainty::Suspected,
            13..16 => {
                let sensible = matches!(value, Value::Flag(_) | Value::Words(_))
                    || matches!(find_fact(&name).map(|d| d.kind), Some(FactKind::Choice(_)));
                if sensible && name != "scope.jurisdictions" {
                    fact.certainty = Certainty::RuledOut;
                }
            }
            16..26 => fact.value = widened(value, dice).unwrap_or(fact.value),
            26..28 => {
                fact.value = widened(value, dice).unwrap_or(fact.value);
                fact.certainty = Certainty::Suspected;
            }
            _ => continue,
        }
        facts.set(&name, fact).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

fn widened(value: Value, dice: &mut Dice) -> Option<Knowledge> {
    let (min, max) = match value {
        Value::Count(n) => (
            Value::Count(n.saturating_sub(dice.below(800) as u64)),
            Value::Count(n + 1 + dice.below(800) as u64),
        ),
        Value::Moment(m) => {
            let later = m.timestamp().checked_add((dice.below(60) as i64).hours()).ok()?;
            (Value::Moment(m.clone()), Value::Moment(Moment::exact(later, m.zone().clone())))
        }
        Value::Words(words) => {
            let fewer = words.iter().filter(|_| dice.chance(50)).cloned().collect();
            (Value::Words(fewer), Value::Words(words))
        }
        Value::Flag(_) | Value::Word(_) => return None,
    };
    Some(match dice.below(4) {
        0 => Knowledge::Range { min: Some(min), max: None },
        1 => Knowledge::Range { min: None, max: Some(max) },
        _ => Knowledge::Range { min: Some(min), max: Some(max) },
    })
}

/// Drops facts that contradict others, so that every record could be one of a real incident.
pub fn settle(facts: &mut Facts) {
    while let Some(found) = facts.contradictions().into_iter().next() {
        // The whole gives way to its part: the part is what thresholds ask for.
        let whole = found.facts.first().filter(|name| name.starts_with("counts."));
        if let Some(name) = whole.or(found.facts.last()) {
            facts.remove(name);
        }
    }
}

/// Mostly late; sometimes at the edge of what was known law.
fn evaluated_at(version: &Version<'_>, dice: &mut Dice) -> EvaluatedAt {
    let now = NOW.parse::<Timestamp>().expect("an instant");
    // What is no longer known to be the law is found only from before.
    let last = version.known.1.and_then(|d| d.at(9, 0, 0, 0).to_zoned(TimeZone::UTC).ok());
    let late = last.map_or(now, |z| z.timestamp().min(now));
    let edge = [version.known.0, version.known.1].into_iter().flatten().next_back();
    match edge {
        Some(day) if dice.chance(12) => {
            let day = day_near(day, dice, 1);
            EvaluatedAt(day.to_zoned(TimeZone::UTC).map_or(late, |z| z.timestamp()))
        }
        _ => EvaluatedAt(late),
    }
}

/// The smallest record that still fails: facts are taken away as long as the failure stays.
pub fn smallest(record: &Record, fails: impl Fn(&Record) -> bool) -> Record {
    let mut small = record.clone();
    loop {
        let names: Vec<String> = small.facts.iter().map(|(n, _)| n.to_owned()).collect();
        let smaller = names.iter().find_map(|name| {
            let mut less = small.clone();
            less.facts.remove(name);
            fails(&less).then_some(less)
        });
        match smaller {
            Some(less) => small = less,
            None => return small,
        }
    }
}

/// The record as YAML flow, for a message.
pub fn show(record: &Record) -> String {
    let facts = serde_json::to_string(&record.facts).expect("facts serialise");
    format!("{} at {}: {facts}", record.regime, record.at.0)
}
