//! Three-valued evaluation of one condition into one trace tree.

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    Certainty, Fact, Facts, Grade, Knowledge, Labels, Truth, Value,
    catalogue::TOTAL,
    pack::{Check, Condition, Op, Reading, Regime, Test, Version},
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
        let family = test.fact.strip_suffix('*');
        if family.is_none() {
            node.operands.push(operand(&test.fact, fact));
        }
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
        if let Some(prefix) = family.filter(|_| !matches!(test.check, Check::Recorded)) {
            self.any_member(prefix, &test.check, lean, node);
            return;
        }
        let reader = self.reader();
        let (result, by_total) = reader.ask(&test.fact, &test.check, fact, lean);
        node.result = result;
        if by_total {
            node.operands.push(operand(TOTAL, self.facts.get(TOTAL)));
            let why = || Labels::new("a part is not more than the whole", "一部は全体を超えない");
            node.text = node.text.take().or_else(|| Some(why()));
        }
        if let Some(fact) = fact
            && reader.maximum(lean)
            && node.result == Truth::T
            && !matches!(test.check, Check::Recorded)
            && check(&test.check, &fact.value, false, &self.regime.zone) != Truth::T
        {
            let taken = || Labels::new("the maximum counts", "最大人数で判断");
            node.text = node.text.take().or_else(|| Some(taken()));
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            reading: self.version.map(|v| v.reading).unwrap_or_default(),
            zone: &self.regime.zone,
            total: self.facts.get(TOTAL),
        }
    }

    /// A family of counts, with every member that was looked at.
    fn any_member(&self, prefix: &str, asked: &Check, lean: Lean, node: &mut TraceNode) {
        let members = self.facts.members(prefix);
        node.operands.extend(members.map(|(name, fact)| operand(name, Some(fact))));
        let members = self.facts.members(prefix).map(|(_, fact)| fact);
        let (result, rest) = self.reader().any_member(members, asked, lean);
        match rest {
            Rest::NotAsked => {}
            Rest::BoundedByTotal => node.operands.push(operand(TOTAL, self.facts.get(TOTAL))),
            Rest::Unbounded => node.operands.push(operand(&format!("{prefix}*"), None)),
        }
        node.result = result;
    }
}

/// How a law reads recorded facts. Shared by the path that explains itself and the one that only answers.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub reading: Reading,
    pub zone: &'a TimeZone,
    /// The number of principals.
    pub total: Option<&'a Fact>,
}

/// What was asked about the members of a family that are not recorded.
pub(crate) enum Rest {
    NotAsked,
    BoundedByTotal,
    Unbounded,
}

impl Reader<'_> {
    fn maximum(&self, lean: Lean) -> bool {
        self.reading.count_at_maximum && lean == Some(Truth::T)
    }

    /// What one recorded fact answers, with the law's reading of suspicion and ranges.
    fn answer(&self, asked: &Check, fact: &Fact, lean: Lean) -> Truth {
        let answer = match fact.certainty {
            Certainty::RuledOut => ruled_out(asked, &fact.value),
            _ => check(asked, &fact.value, self.maximum(lean), self.zone),
        };
        let suspicion = self.reading.suspicion_counts;
        let counts = fact.certainty != Certainty::Suspected || (suspicion && lean == Some(answer));
        if counts { answer } else { Truth::Unknown }
    }

    /// What the fact of this name answers, and whether only the bound by the whole told it.
    pub(crate) fn ask(&self, name: &str, asked: &Check, fact: Option<&Fact>, lean: Lean) -> (Truth, bool) {
        if let Check::Recorded = asked {
            return (Truth::of(fact.is_some_and(|f| f.value != Knowledge::Unknown)), false);
        }
        let own = fact.map_or(Truth::Unknown, |f| self.answer(asked, f, lean));
        if own != Truth::Unknown || !name.starts_with(PART) {
            return (own, false);
        }
        let bounded = self.bounded_by_total(fact).map(|bounded| self.answer(asked, &bounded, lean));
        match bounded {
            Some(answer) if answer != Truth::Unknown => (answer, true),
            _ => (own, false),
        }
    }

    /// The greatest number of principals, and whether it is only suspected.
    fn total_at_most(&self) -> Option<(u64, Certainty)> {
        let total = self.total.filter(|f| f.certainty != Certainty::RuledOut)?;
        Some((at_most(&total.value)?, total.certainty))
    }

    /// A count of a part, with the whole as its upper bound.
    fn bounded_by_total(&self, own: Option<&Fact>) -> Option<Fact> {
        let (total, certainty) = self.total_at_most()?;
        // What is only feared of the part takes nothing from the bound of the whole.
        let (min, max) = match own.filter(|f| f.certainty == Certainty::Confirmed).map(|f| &f.value) {
            None | Some(Knowledge::Unknown) => (None, None),
            Some(Knowledge::Range { min, max }) => (min.clone(), count(max.as_ref())),
            Some(Knowledge::Known(_)) => return None,
        };
        if max.is_some_and(|m| m <= total) {
            return None;
        }
        let value = Knowledge::Range { min, max: Some(Value::Count(total)) };
        Some(Fact { value, certainty, source: None, valid_at: None })
    }

    /// Whether any member of a family of counts reaches the number. Members that are not recorded may hold what the
    /// recorded ones leave of the total.
    pub(crate) fn any_member<'f>(
        &self,
        members: impl Iterator<Item = &'f Fact>,
        asked: &Check,
        lean: Lean,
    ) -> (Truth, Rest) {
        let mut result = Truth::F;
        let mut accounted = 0u64;
        for fact in members {
            let mut answer = self.answer(asked, fact, lean);
            if answer == Truth::Unknown
                && let Some(bounded) = self.bounded_by_total(Some(fact))
            {
                answer = self.answer(asked, &bounded, lean);
            }
            result = result.or(answer);
            // Only who certainly is elsewhere leaves fewer for the rest.
            if fact.certainty == Certainty::Confirmed {
                accounted = accounted.saturating_add(at_least_so_many(&fact.value));
            }
        }
        if result == Truth::T {
            return (result, Rest::NotAsked);
        }
        let Some((total, certainty)) = self.total_at_most() else {
            return (result.or(Truth::Unknown), Rest::Unbounded);
        };
        let value = Knowledge::Range { min: None, max: Some(Value::Count(total.saturating_sub(accounted))) };
        let rest = self.answer(asked, &Fact { value, certainty, source: None, valid_at: None }, None);
        // The rest lies with nobody knows which member: it can rule the number out, never prove it.
        let rest = if rest == Truth::F { Truth::F } else { Truth::Unknown };
        (result.or(rest), Rest::BoundedByTotal)
    }
}

/// Names of counts that are a part of [`TOTAL`].
const PART: &str = "counts.by_";

fn at_most(value: &Knowledge) -> Option<u64> {
    match value {
        Knowledge::Known(v) => count(Some(v)),
        Knowledge::Range { max, .. } => count(max.as_ref()),
        Knowledge::Unknown => None,
    }
}

fn at_least_so_many(value: &Knowledge) -> u64 {
    match value {
        Knowledge::Known(v) => count(Some(v)).unwrap_or(0),
        Knowledge::Range { min, .. } => count(min.as_ref()).unwrap_or(0),
        Knowledge::Unknown => 0,
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
