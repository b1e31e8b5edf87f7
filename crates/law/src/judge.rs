//! Three-valued evaluation of one condition into one trace tree.

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    Certainty, Fact, Facts, Grade, Knowledge, Labels, Truth, Value,
    pack::{Check, Condition, Op, Regime, Test, Version},
    trace::{Extent, Operand, Operator, TraceNode},
};

pub(crate) struct Judge<'a> {
    pub facts: &'a Facts,
    pub regime: &'a Regime,
    pub version: Option<&'a Version>,
}

/// Which answer speaks for the duty. There the law's own reading of suspicion and of ranges applies; against the duty
/// only what is certain counts. `None`: only what is certain counts either way (scope, review).
pub(crate) type Lean = Option<Truth>;

impl Judge<'_> {
    pub(crate) fn eval(&self, c: &Condition, lean: Lean, inherited: Grade) -> TraceNode {
        let grade = match c.source.as_ref().and_then(|s| self.regime.sources.get(s)) {
            Some(source) => source.verification,
            None => inherited,
        };
        let mut node = TraceNode {
            rule_id: c.id.clone(),
            clause: c.clause.clone(),
            text: c.text.clone(),
            text_ref: c.source.clone(),
            operands: Vec::new(),
            op: Operator::All,
            expected: None,
            result: Truth::Unknown,
            grade,
            children: Vec::new(),
        };
        match &c.op {
            Op::All(cs) => {
                node.children = cs.iter().map(|c| self.eval(c, lean, grade)).collect();
                node.result = node.children.iter().fold(Truth::T, |t, c| t.and(c.result));
            }
            Op::Any(cs) => {
                node.op = Operator::Any;
                node.children = cs.iter().map(|c| self.eval(c, lean, grade)).collect();
                node.result = node.children.iter().fold(Truth::F, |t, c| t.or(c.result));
            }
            Op::Not(inner) => {
                node.op = Operator::Not;
                node.children = vec![self.eval(inner, lean.map(|l| !l), grade)];
                node.result = node.children.iter().fold(Truth::Unknown, |_, c| !c.result);
            }
            Op::Use(name) => {
                // Loading refused names that lead nowhere; should one come through, it stays undecided.
                let Some(defined) = self.version.and_then(|v| v.definitions.get(name)) else { return node };
                let mut used = self.eval(defined, lean, grade);
                used.clause = c.clause.clone().or(used.clause);
                used.text = c.text.clone().or(used.text);
                return used;
            }
            Op::Test(test) => self.test(test, lean, &mut node),
        }
        node
    }

    fn test(&self, test: &Test, lean: Lean, node: &mut TraceNode) {
        let fact = self.facts.get(&test.fact);
        node.operands.push(operand(&test.fact, fact));
        node.op = match &test.check {
            Check::Is(_) => Operator::Is,
            Check::ContainsAny { .. } => Operator::ContainsAny,
            Check::MoreThan(_) => Operator::MoreThan,
            Check::AtLeast(_) => Operator::AtLeast,
            Check::Before(_) => Operator::Before,
            Check::OnOrAfter(_) => Operator::OnOrAfter,
            Check::Recorded => Operator::Recorded,
        };
        node.expected = match &test.check {
            Check::Is(values) => Some(values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")),
            Check::ContainsAny { shown, .. } => Some(shown.clone()),
            Check::MoreThan(n) | Check::AtLeast(n) => Some(n.to_string()),
            Check::Before(d) | Check::OnOrAfter(d) => Some(d.to_string()),
            Check::Recorded => None,
        };
        if let Check::Recorded = test.check {
            let recorded = fact.is_some_and(|f| f.value != Knowledge::Unknown);
            node.result = Truth::of(recorded);
            return;
        }
        let Some(fact) = fact else { return };
        let reading = self.version.map(|v| v.reading).unwrap_or_default();
        let maximum = reading.count_at_maximum && lean == Some(Truth::T);
        let answer = match fact.certainty {
            Certainty::RuledOut => ruled_out(&test.check, &fact.value),
            _ => check(&test.check, &fact.value, maximum, &self.regime.zone),
        };
        if maximum
            && answer == Truth::T
            && check(&test.check, &fact.value, false, &self.regime.zone) != answer
        {
            let taken = || Labels::new("the maximum counts", "最大人数で判断");
            node.text = node.text.take().or_else(|| Some(taken()));
        }
        let counts =
            fact.certainty != Certainty::Suspected || (reading.suspicion_counts && lean == Some(answer));
        node.result = if counts { answer } else { Truth::Unknown };
    }
}

pub(crate) fn operand(name: &str, fact: Option<&Fact>) -> Operand {
    let unknown = Knowledge::Unknown;
    let value = fact.map_or(&unknown, |f| &f.value);
    Operand {
        fact: name.to_owned(),
        value: value.to_string(),
        known: match value {
            Knowledge::Known(_) => Extent::Value,
            Knowledge::Range { .. } => Extent::Range,
            Knowledge::Unknown => Extent::Unknown,
        },
        certainty: fact.map_or(Certainty::Confirmed, |f| f.certainty),
    }
}

/// What follows from "it is not this".
fn ruled_out(check: &Check, value: &Knowledge) -> Truth {
    match (check, value) {
        (Check::Is(expected), Knowledge::Known(Value::Flag(b))) => {
            Truth::of(expected.contains(&Value::Flag(!b)))
        }
        (Check::Is(expected), Knowledge::Known(v)) if expected.iter().all(|e| e == v) => Truth::F,
        (Check::ContainsAny { words, .. }, Knowledge::Known(Value::Words(out)))
            if words.iter().all(|w| out.contains(w)) =>
        {
            Truth::F
        }
        _ => Truth::Unknown,
    }
}

fn check(check: &Check, value: &Knowledge, maximum: bool, zone: &TimeZone) -> Truth {
    match (check, value) {
        (_, Knowledge::Unknown) => Truth::Unknown,
        (Check::Is(expected), Knowledge::Known(v)) => Truth::of(expected.contains(v)),
        (Check::Is(expected), Knowledge::Range { min, max }) => {
            // Only counts come here: a value that no bound allows is certainly not met.
            let possible = |e: &Value| match e {
                Value::Count(n) => within(*n, count(min.as_ref()), count(max.as_ref())),
                _ => true,
            };
            if expected.iter().any(possible) { Truth::Unknown } else { Truth::F }
        }
        (Check::ContainsAny { words, .. }, Knowledge::Known(Value::Words(have))) => {
            Truth::of(words.iter().any(|w| have.contains(w)))
        }
        (Check::ContainsAny { words, .. }, Knowledge::Range { min, max }) => {
            let has = |v: &Option<Value>| match v {
                Some(Value::Words(have)) => Some(words.iter().any(|w| have.contains(w))),
                _ => None,
            };
            match (has(min), has(max)) {
                (Some(true), _) => Truth::T,
                (_, Some(false)) => Truth::F,
                _ => Truth::Unknown,
            }
        }
        (Check::MoreThan(n), value) => at_least(n.checked_add(1), value, maximum),
        (Check::AtLeast(n), value) => at_least(Some(*n), value, maximum),
        (Check::Before(day), value) => !on_or_after(*day, value, zone),
        (Check::OnOrAfter(day), value) => on_or_after(*day, value, zone),
        _ => Truth::Unknown,
    }
}

fn count(v: Option<&Value>) -> Option<u64> {
    match v {
        Some(Value::Count(n)) => Some(*n),
        _ => None,
    }
}

fn within(n: u64, min: Option<u64>, max: Option<u64>) -> bool {
    min.is_none_or(|m| m <= n) && max.is_none_or(|m| n <= m)
}

/// `threshold` is `None` when no number can reach it.
fn at_least(threshold: Option<u64>, value: &Knowledge, maximum: bool) -> Truth {
    let reaches = |n: u64| threshold.is_some_and(|t| n >= t);
    match value {
        Knowledge::Known(Value::Count(n)) => Truth::of(reaches(*n)),
        Knowledge::Range { min, max } => match (count(min.as_ref()), count(max.as_ref())) {
            (Some(min), _) if reaches(min) => Truth::T,
            (_, Some(max)) if !reaches(max) => Truth::F,
            (_, Some(_)) if maximum => Truth::T,
            _ => Truth::Unknown,
        },
        _ => Truth::Unknown,
    }
}

fn on_or_after(day: Date, value: &Knowledge, zone: &TimeZone) -> Truth {
    let late = |v: &Value| match v {
        Value::Moment(m) => Some(m.date_in(zone) >= day),
        _ => None,
    };
    match value {
        Knowledge::Known(v) => late(v).map_or(Truth::Unknown, Truth::of),
        Knowledge::Range { min, max } => match (min.as_ref().and_then(late), max.as_ref().and_then(late)) {
            (Some(true), _) => Truth::T,
            (_, Some(false)) => Truth::F,
            _ => Truth::Unknown,
        },
        Knowledge::Unknown => Truth::Unknown,
    }
}
