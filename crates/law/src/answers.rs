//! The answers to a question about a fact that rule packs tell apart.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    FactKind, Facts, Knowledge, Moment, Value,
    pack::{Check, Test},
};

/// Answers to one fact: more is nobody's questionnaire.
const MAX_ANSWERS: usize = 64;
/// Known moments that are taken as answers too.
const MAX_MOMENTS: usize = 8;

/// Every answer that the packs tell apart, within what is known already.
pub(crate) fn answers(
    kind: FactKind,
    facts: &Facts,
    name: &str,
    tests: &[&Test],
    at: Timestamp,
) -> Vec<Value> {
    let (min, max) = match facts.get(name).map(|fact| &fact.value) {
        Some(Knowledge::Range { min, max }) => (min.as_ref(), max.as_ref()),
        _ => (None, None),
    };
    let tests = || tests.iter().copied();
    let mut answers = match kind {
        FactKind::Flag => vec![Value::Flag(true), Value::Flag(false)],
        FactKind::Choice(words) => words.iter().map(|word| Value::Word((*word).to_owned())).collect(),
        FactKind::Text => {
            let values = tests().flat_map(|test| match &test.check {
                Check::Is(values) => values.clone(),
                _ => Vec::new(),
            });
            values.chain([Value::Word("–".to_owned())]).collect()
        }
        FactKind::Count => counts(tests(), min, max),
        FactKind::Moment => {
            let mut answers = moments(tests(), min, max, at);
            answers.extend(known_moments(facts));
            answers
        }
        FactKind::Set(_) | FactKind::Codes => sets(tests(), min, max),
    };
    let mut told = Vec::new();
    answers.retain(|answer| {
        let new = !told.contains(answer);
        if new {
            told.push(answer.clone());
        }
        new
    });
    answers.truncate(MAX_ANSWERS);
    answers
}

/// Around each number that a pack asks for, and the ends of what is known.
fn counts<'t>(tests: impl Iterator<Item = &'t Test>, min: Option<&Value>, max: Option<&Value>) -> Vec<Value> {
    let end = |value: Option<&Value>| match value {
        Some(Value::Count(n)) => Some(*n),
        _ => None,
    };
    let (least, most) = (end(min).unwrap_or(0), end(max).unwrap_or(u64::MAX));
    let mut numbers = BTreeSet::from([least]);
    numbers.extend(end(max));
    for test in tests {
        match test.check {
            Check::MoreThan(n) => numbers.extend([n, n.saturating_add(1)]),
            Check::AtLeast(n) => numbers.extend([n.saturating_sub(1), n]),
            _ => {}
        }
    }
    numbers.range(least..=most).map(|n| Value::Count(*n)).collect()
}

/// Now, a month ago, both sides of each day that a pack names, and the ends of what is known.
fn moments<'t>(
    tests: impl Iterator<Item = &'t Test>,
    min: Option<&Value>,
    max: Option<&Value>,
    at: Timestamp,
) -> Vec<Value> {
    let moment = |at: Timestamp| Value::Moment(Moment::exact(at, TimeZone::UTC));
    let mut answers: Vec<Value> = min.into_iter().chain(max).cloned().collect();
    let before = |hours: i64| at.checked_sub(SignedDuration::from_hours(hours)).ok();
    answers.extend([Some(at), before(30 * 24)].into_iter().flatten().map(moment));
    for test in tests {
        if let Check::Before(date) | Check::OnOrAfter(date) = test.check
            && let Ok(day) = date.to_zoned(TimeZone::UTC)
        {
            let hours = [-48, 48].map(SignedDuration::from_hours);
            answers.extend(
                hours.into_iter().filter_map(|hours| day.timestamp().checked_add(hours).ok()).map(moment),
            );
        }
    }
    answers
}

/// What happened at the same time as something that is known: the same version of a law.
fn known_moments(facts: &Facts) -> impl Iterator<Item = Value> {
    let known = facts.iter().filter_map(|(_, fact)| match &fact.value {
        Knowledge::Known(Value::Moment(moment)) => Some(Value::Moment(moment.clone())),
        _ => None,
    });
    known.take(MAX_MOMENTS)
}

/// Nothing, everything that packs ask for, and one word for each of their questions.
fn sets<'t>(tests: impl Iterator<Item = &'t Test>, min: Option<&Value>, max: Option<&Value>) -> Vec<Value> {
    let words_of = |value: Option<&Value>| match value {
        Some(Value::Words(words)) => Some(words.clone()),
        _ => None,
    };
    let certain = words_of(min).unwrap_or_default();
    let possible = words_of(max);
    let mut single = BTreeSet::new();
    let mut every: BTreeSet<String> = certain.iter().cloned().collect();
    for test in tests {
        if let Check::ContainsAny { words, .. } = &test.check {
            let mut fitting =
                words.iter().filter(|word| possible.as_ref().is_none_or(|may| may.contains(word)));
            let first = fitting.next().cloned();
            every.extend(first.iter().cloned().chain(fitting.cloned()));
            single.extend(first);
        }
    }
    let with = |word: &String| {
        let mut words = certain.clone();
        words.push(word.clone());
        words.sort();
        words.dedup();
        Value::Words(words)
    };
    let mut answers = vec![Value::Words(certain.clone()), Value::Words(every.into_iter().collect())];
    answers.extend(single.iter().map(with));
    answers
}
