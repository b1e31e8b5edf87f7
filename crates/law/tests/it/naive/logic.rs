//! Three-valued logic as the set of answers that are still possible, and questions answered by trying the values that a
//! fact may still have.

use jiff::{civil::Date, tz::TimeZone};
use law::FactKind;
use serde_json::Value;

use super::dates::Instant;

/// Which answers are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct May {
    pub yes: bool,
    pub no: bool,
}

pub const YES: May = May { yes: true, no: false };
pub const NO: May = May { yes: false, no: true };
pub const OPEN: May = May { yes: true, no: true };

impl May {
    pub fn all(items: impl IntoIterator<Item = May>) -> May {
        items.into_iter().fold(YES, |a, b| May { yes: a.yes && b.yes, no: a.no || b.no })
    }
    pub fn any(items: impl IntoIterator<Item = May>) -> May {
        items.into_iter().fold(NO, |a, b| May { yes: a.yes || b.yes, no: a.no && b.no })
    }
    pub fn not(self) -> May {
        May { yes: self.no, no: self.yes }
    }
    fn of(answer: bool) -> May {
        if answer { YES } else { NO }
    }
    fn among(answers: impl IntoIterator<Item = bool>) -> May {
        answers
            .into_iter()
            .fold(May { yes: false, no: false }, |m, a| May { yes: m.yes || a, no: m.no || !a })
    }
}

/// How a version reads what is not certain, and for which answer.
#[derive(Clone, Copy)]
pub struct Reading {
    pub suspicion: bool,
    pub maximum: bool,
}

pub struct Mind<'a> {
    pub facts: &'a Value,
    pub definitions: &'a [&'a Value],
    pub zone: &'a TimeZone,
    pub reading: Reading,
}

const CHECKS: &[&str] = &["is", "in", "contains_any", "more_than", "at_least", "before", "on_or_after"];
const TOTAL: &str = "counts.principals_total";

impl Mind<'_> {
    /// `lean`: the answer that speaks for the duty, where there is one.
    pub fn answer(&self, node: &Value, lean: Option<bool>) -> May {
        let list = |key: &str| {
            node[key].as_array().expect("a list").iter().map(|n| self.answer(n, lean)).collect::<Vec<_>>()
        };
        if node.get("all").is_some() {
            return May::all(list("all"));
        }
        if node.get("any").is_some() {
            return May::any(list("any"));
        }
        if let Some(inner) = node.get("not") {
            return self.answer(inner, lean.map(|l| !l)).not();
        }
        if let Some(name) = node.get("use").and_then(Value::as_str) {
            let found = self.definitions.iter().find_map(|d| d.get(name)).expect("loading refused others");
            return self.answer(found, lean);
        }
        self.leaf(node, lean)
    }

    fn leaf(&self, node: &Value, lean: Option<bool>) -> May {
        let name = node["fact"].as_str().expect("a fact");
        let fact = self.facts.get(name);
        if node.get("recorded").is_some() {
            return May::of(fact.is_some_and(|f| f["value"] != "unknown"));
        }
        let check = CHECKS.iter().find(|c| node.get(**c).is_some()).expect("a check");
        let asked = Asked { check, value: &node[*check], name, zone: self.zone };
        if let Some(prefix) = name.strip_suffix('*') {
            return self.member(prefix, &asked, lean);
        }
        let own = fact.map_or(OPEN, |f| self.one(f, &asked, lean));
        if own == OPEN && name.starts_with("counts.by_") {
            return self.part_of_the_whole(&asked, lean);
        }
        own
    }

    /// What a fact that was recorded answers.
    fn one(&self, fact: &Value, asked: &Asked<'_>, lean: Option<bool>) -> May {
        if fact["certainty"] == "ruled_out" {
            return asked.ruled_out(&fact["value"]["known"]);
        }
        let range = &fact["value"]["range"];
        let mut may = match fact["value"].get("known") {
            Some(known) => May::of(asked.holds(known)),
            None if range.is_object() => asked.over(range),
            None => OPEN,
        };
        let counted = matches!(asked.check, "more_than" | "at_least");
        if counted && self.reading.maximum && lean == Some(true) && may != NO {
            may = range.get("max").map_or(may, |max| May::of(asked.holds(max)));
        }
        let counts = self.reading.suspicion && may != OPEN && lean == Some(may.yes);
        if fact["certainty"] == "suspected" && !counts { OPEN } else { may }
    }

    /// The whole's upper bound, with its certainty.
    fn whole(&self) -> Option<(u64, &Value)> {
        let whole = self.facts.get(TOTAL)?;
        let most = whole["value"].get("known").or_else(|| whole["value"].get("range")?.get("max"))?;
        Some((most.as_u64().expect("a number"), &whole["certainty"]))
    }

    /// What the whole alone says of a part: it is no more, whatever is recorded or feared of the part itself.
    fn part_of_the_whole(&self, asked: &Asked<'_>, lean: Option<bool>) -> May {
        let Some((whole, certainty)) = self.whole() else { return OPEN };
        let most = serde_json::json!({ "value": { "range": { "max": whole } }, "certainty": certainty });
        self.one(&most, asked, lean)
    }

    /// Whether any member of a family reaches the number: one that is recorded, or one among the rest of the whole.
    fn member(&self, prefix: &str, asked: &Asked<'_>, lean: Option<bool>) -> May {
        let members: Vec<_> =
            self.facts.as_object().expect("a record").iter().filter(|(n, _)| n.starts_with(prefix)).collect();
        // A member that does not decide by itself is still no more than the whole.
        let one = |fact: &Value| match self.one(fact, asked, lean) {
            OPEN => self.part_of_the_whole(asked, lean),
            own => own,
        };
        let recorded = May::any(members.iter().map(|(_, f)| one(f)));
        if recorded == YES {
            return YES;
        }
        let least: u64 = members
            .iter()
            .filter_map(|(_, f)| f["value"].get("known").or_else(|| f["value"].get("range")?.get("min")))
            .filter_map(Value::as_u64)
            .sum();
        let rest_is_small = self.whole().is_some_and(|(whole, certainty)| {
            certainty == "confirmed" && !asked.holds(&Value::from(whole.saturating_sub(least)))
        });
        May::any([recorded, if rest_is_small { NO } else { OPEN }])
    }
}

/// One question.
struct Asked<'a> {
    check: &'a str,
    value: &'a Value,
    name: &'a str,
    zone: &'a TimeZone,
}

impl Asked<'_> {
    /// The answer for one value.
    fn holds(&self, value: &Value) -> bool {
        let number = |v: &Value| v.as_u64().expect("a number");
        match self.check {
            "is" => value == self.value,
            "in" => self.words().any(|w| w == *value),
            "contains_any" => {
                value.as_array().expect("a set").iter().any(|have| self.words().any(|w| stands_for(&w, have)))
            }
            "more_than" => number(value) > number(self.value),
            "at_least" => number(value) >= number(self.value),
            "before" => self.day(value) < self.date(),
            "on_or_after" => self.day(value) >= self.date(),
            other => panic!("{other}"),
        }
    }

    /// The answers for the values that a range leaves.
    fn over(&self, range: &Value) -> May {
        let (min, max) = (range.get("min"), range.get("max"));
        match self.check {
            "more_than" | "at_least" | "is" => {
                let asked = self.value.as_u64().expect("a number");
                let low = min.and_then(Value::as_u64).unwrap_or(0);
                let high = max.and_then(Value::as_u64).unwrap_or(u64::MAX / 4);
                let tried = [low, high, asked.saturating_sub(1), asked, asked + 1];
                May::among(
                    tried.iter().filter(|n| (low..=high).contains(n)).map(|n| self.holds(&Value::from(*n))),
                )
            }
            "contains_any" => match (min.is_some_and(|m| self.holds(m)), max) {
                (true, _) => YES,
                (false, Some(max)) if !self.holds(max) => NO,
                _ => OPEN,
            },
            // Days only move on: what holds at both ends holds between, and an open end may be anything.
            _ => {
                let far = |day: &str| Value::from(format!("{day}T00:00:00Z"));
                let low = min.cloned().unwrap_or_else(|| far("1000-01-01"));
                let high = max.cloned().unwrap_or_else(|| far("9000-01-01"));
                May::among([self.holds(&low), self.holds(&high)])
            }
        }
    }

    /// "It is not this": only a flag has but one other value.
    fn ruled_out(&self, not_this: &Value) -> May {
        if let Some(flag) = not_this.as_bool() {
            return May::of(self.holds(&Value::from(!flag)));
        }
        match self.check {
            "contains_any" => {
                let out = not_this.as_array().expect("a set");
                let excluded = self.all_words().iter().all(|w| out.contains(w));
                if excluded { NO } else { OPEN }
            }
            "is" if self.value == not_this => NO,
            "in" if self.words().all(|w| w == *not_this) => NO,
            _ => OPEN,
        }
    }

    fn words(&self) -> impl Iterator<Item = Value> + '_ {
        self.value.as_array().expect("a list").iter().cloned()
    }

    /// The words asked for, with `prefix.*` written out.
    fn all_words(&self) -> Vec<Value> {
        let catalogue = match law::find_fact(self.name).map(|d| d.kind) {
            Some(FactKind::Set(words)) => words,
            _ => &[],
        };
        let named = |w: &Value| !w.as_str().expect("a word").ends_with(".*");
        let listed = catalogue.iter().map(|w| Value::from(*w));
        let written = listed.filter(|have| self.words().any(|w| !named(&w) && stands_for(&w, have)));
        self.words().filter(named).chain(written).collect()
    }

    fn day(&self, value: &Value) -> Date {
        Instant::read(value.as_str().expect("text")).day(self.zone)
    }

    fn date(&self) -> Date {
        self.value.as_str().expect("text").parse().expect("a date")
    }
}

fn stands_for(pattern: &Value, word: &Value) -> bool {
    let (pattern, word) = (pattern.as_str().expect("text"), word.as_str().expect("text"));
    match pattern.strip_suffix('*') {
        Some(prefix) => word.starts_with(prefix),
        None => word == pattern,
    }
}
