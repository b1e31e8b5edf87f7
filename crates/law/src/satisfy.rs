//! Whether some record of facts answers several conditions in a wanted way, by a bounded search.
//!
//! Each fact has few values that a pack can tell apart: the words of its list, both sides of each threshold and of
//! each date. The search goes through these, so "impossible" holds for every record and not only for those tried.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Fact, FactKind, Facts, Moment, Truth, Value,
    catalogue::TOTAL,
    find_fact,
    view::{Ask, Leaf, Question},
};

/// The answer of a search.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This record does it.
    Found(Facts),
    /// No record of certain facts does.
    Impossible,
    /// The search was longer than its bound.
    GaveUp,
}

/// Steps of one search; the packs of this repository need a few hundred.
const BOUND: usize = 50_000;
/// The count that bounds every count of a part.
const PART: &str = "counts.by_";

/// Looks for a record of certain facts under which each condition is met (`true`) or not met (`false`).
/// `pick` chooses among so many alternatives which to try first; `|_| 0` is the order of the file.
pub fn search(goals: &[(&Ask<'_>, bool)], pick: &mut dyn FnMut(usize) -> usize) -> Answer {
    let mut domains = BTreeMap::new();
    for (ask, _) in goals {
        for leaf in ask.leaves() {
            collect(leaf, &mut domains);
        }
    }
    let mut search = Search { pick, steps: 0 };
    let state = State { domains, ..State::default() };
    match search.solve(goals.to_vec(), state) {
        Some(state) => Answer::Found(state.facts(search.pick)),
        None if search.steps >= BOUND => Answer::GaveUp,
        None => Answer::Impossible,
    }
}

/// What has been decided so far.
#[derive(Debug, Clone, Default)]
struct State<'p> {
    /// Values that are still possible, of facts that are not sets.
    domains: BTreeMap<&'p str, Vec<Value>>,
    /// Words that must or must not be in a set.
    words: BTreeMap<(&'p str, &'p str), bool>,
    /// Whether a fact has to be recorded.
    recorded: BTreeMap<&'p str, bool>,
}

struct Search<'a> {
    pick: &'a mut dyn FnMut(usize) -> usize,
    steps: usize,
}

impl Search<'_> {
    fn solve<'p>(&mut self, mut goals: Vec<(&Ask<'p>, bool)>, mut state: State<'p>) -> Option<State<'p>> {
        // What leaves a choice comes last: by then most of it is decided.
        let mut choices: Vec<(&Ask<'p>, bool)> = Vec::new();
        while let Some((ask, wanted)) = goals.pop() {
            self.steps += 1;
            if self.steps >= BOUND {
                return None;
            }
            match (ask, wanted) {
                (Ask::Not(inner), _) => goals.push((inner, !wanted)),
                (Ask::All(asks), true) | (Ask::Any(asks), false) => {
                    goals.extend(asks.iter().map(|a| (a, wanted)));
                }
                (Ask::All(asks), false) | (Ask::Any(asks), true) => match &asks[..] {
                    [one] => goals.push((one, wanted)),
                    _ => choices.push((ask, wanted)),
                },
                (Ask::Leaf(leaf), _) => match &leaf.question {
                    Question::ContainsAny(words) if wanted && words.len() > 1 => choices.push((ask, wanted)),
                    _ => state.take(leaf, wanted)?,
                },
            }
        }
        let Some((ask, wanted)) = choices.pop() else { return state.consistent() };
        match ask {
            Ask::All(asks) | Ask::Any(asks) => {
                for i in self.order(asks.len()) {
                    let mut goals = choices.clone();
                    goals.push((&asks[i], wanted));
                    if let Some(found) = self.solve(goals, state.clone()) {
                        return Some(found);
                    }
                }
            }
            Ask::Leaf(Leaf { fact, question: Question::ContainsAny(words), .. }) => {
                for i in self.order(words.len()) {
                    let mut state = state.clone();
                    if state.record(fact, true).is_some()
                        && state.word(fact, &words[i], true).is_some()
                        && let Some(found) = self.solve(choices.clone(), state)
                    {
                        return Some(found);
                    }
                }
            }
            Ask::Not(_) | Ask::Leaf(_) => {}
        }
        None
    }

    /// All of so many, beginning at the picked one.
    fn order(&mut self, n: usize) -> Vec<usize> {
        let first = if n == 0 { 0 } else { (self.pick)(n) % n };
        (0..n).map(|i| (first + i) % n).collect()
    }
}

impl<'p> State<'p> {
    fn take(&mut self, leaf: &Leaf<'p>, wanted: bool) -> Option<()> {
        match &leaf.question {
            Question::Recorded => return self.record(leaf.fact, wanted),
            Question::ContainsAny(words) => {
                self.record(leaf.fact, true)?;
                for word in words.iter() {
                    self.word(leaf.fact, word, wanted)?;
                }
                return Some(());
            }
            _ => {}
        }
        // No member of a family reaches the number where the whole does not.
        let fact = if leaf.fact.ends_with('*') && !wanted { TOTAL } else { leaf.fact };
        self.record(fact, true)?;
        let domain = self.domains.get_mut(fact)?;
        let truth = if wanted { Truth::T } else { Truth::F };
        domain.retain(|value| answer(leaf, value) == truth);
        if domain.is_empty() { None } else { Some(()) }
    }

    fn record(&mut self, fact: &'p str, wanted: bool) -> Option<()> {
        (*self.recorded.entry(fact).or_insert(wanted) == wanted).then_some(())
    }

    fn word(&mut self, fact: &'p str, word: &'p str, wanted: bool) -> Option<()> {
        (*self.words.entry((fact, word)).or_insert(wanted) == wanted).then_some(())
    }

    /// A part is not more than the whole.
    fn consistent(mut self) -> Option<Self> {
        let parts =
            self.domains.iter().filter(|(n, _)| n.starts_with(PART) && self.recorded.contains_key(*n));
        let least = parts.filter_map(|(_, values)| values.iter().filter_map(count).min()).max();
        if let (Some(least), Some(true)) = (least, self.recorded.get(TOTAL)) {
            let whole = self.domains.get_mut(TOTAL)?;
            whole.retain(|v| count(v).is_some_and(|n| n >= least));
            if whole.is_empty() {
                return None;
            }
        }
        Some(self)
    }

    fn facts(&self, pick: &mut dyn FnMut(usize) -> usize) -> Facts {
        let mut facts = Facts::default();
        for (fact, recorded) in &self.recorded {
            if !recorded {
                continue;
            }
            let name = fact.strip_suffix('*').map_or((*fact).to_owned(), |prefix| {
                format!("{prefix}{}", if prefix.ends_with('-') { "CA" } else { "US-CA" })
            });
            let value = match self.domains.get(fact) {
                Some(values) => values.get(pick(values.len().max(1)) % values.len().max(1)).cloned(),
                None => Some(Value::Words(self.chosen(fact))),
            };
            facts.map.extend(value.map(|v| (name, Fact::known(v))));
        }
        facts
    }

    fn chosen(&self, fact: &str) -> Vec<String> {
        let chosen: BTreeSet<_> =
            self.words.iter().filter(|((f, _), w)| *f == fact && **w).map(|((_, w), _)| w).collect();
        chosen.into_iter().map(|w| (*w).to_owned()).collect()
    }
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Count(n) => Some(*n),
        _ => None,
    }
}

/// The answer to one question when the fact certainly has this value.
fn answer(leaf: &Leaf<'_>, value: &Value) -> Truth {
    match (&leaf.question, value) {
        (Question::Is(values), value) => Truth::of(values.contains(value)),
        (Question::MoreThan(n), Value::Count(have)) => Truth::of(have > n),
        (Question::AtLeast(n), Value::Count(have)) => Truth::of(have >= n),
        (Question::Before(day), Value::Moment(m)) => Truth::of(m.date_in(leaf.zone()) < *day),
        (Question::OnOrAfter(day), Value::Moment(m)) => Truth::of(m.date_in(leaf.zone()) >= *day),
        _ => Truth::Unknown,
    }
}

/// Adds the values of a fact that this question can tell apart.
fn collect<'p>(leaf: &Leaf<'p>, domains: &mut BTreeMap<&'p str, Vec<Value>>) {
    let values = values(leaf);
    let whole = leaf.fact.starts_with(PART).then_some(TOTAL);
    for fact in std::iter::once(leaf.fact).chain(whole) {
        // A question for words has no values here: its words are decided one by one.
        if matches!(leaf.question, Question::ContainsAny(_)) {
            continue;
        }
        let domain = domains.entry(fact).or_default();
        for value in &values {
            if !domain.contains(value) {
                domain.push(value.clone());
            }
        }
    }
}

/// The values of a fact that a question can tell apart.
pub fn values(leaf: &Leaf<'_>) -> Vec<Value> {
    let name = leaf.fact.strip_suffix('*').map_or(leaf.fact.to_owned(), |prefix| format!("{prefix}X"));
    let around = |n: u64| [n.saturating_sub(1), n, n.saturating_add(1)].map(Value::Count).to_vec();
    match (&leaf.question, find_fact(&name).map(|d| d.kind)) {
        (Question::MoreThan(n) | Question::AtLeast(n), _) => around(*n),
        (Question::Before(day) | Question::OnOrAfter(day), _) => {
            let zone = leaf.zone().iana_name().unwrap_or("UTC");
            let days = [day.yesterday().ok(), Some(*day)];
            let moments = days.into_iter().flatten().map(|d| Moment::parse(&format!("{d}[{zone}]")));
            moments.filter_map(|m| m.ok().map(Value::Moment)).collect()
        }
        (Question::Is(values), Some(FactKind::Count)) => {
            values.iter().filter_map(count).flat_map(around).collect()
        }
        (_, Some(FactKind::Flag)) => vec![Value::Flag(true), Value::Flag(false)],
        (_, Some(FactKind::Choice(words))) => words.iter().map(|w| Value::Word((*w).to_owned())).collect(),
        (Question::Recorded, Some(FactKind::Moment)) => {
            Moment::parse("2025-06-02[UTC]").map(Value::Moment).into_iter().collect()
        }
        (Question::Recorded, Some(FactKind::Count)) => vec![Value::Count(1)],
        (Question::Recorded, Some(FactKind::Text)) => vec![Value::Word(String::from("x"))],
        _ => Vec::new(),
    }
}
