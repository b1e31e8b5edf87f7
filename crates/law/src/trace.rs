//! The trace of an evaluation: every rule that was asked, with the facts it saw and what it answered.

use serde::{Deserialize, Serialize};

use crate::{Certainty, Grade, Labels, Lang, Truth, catalogue};

/// One rule and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceNode {
    /// Id of the rule within its pack.
    pub rule_id: String,
    /// Clause of the law.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Labels>,
    /// What the clause says, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Labels>,
    /// Id of the source in the pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_ref: Option<String>,
    /// Facts that the rule itself read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operands: Vec<Operand>,
    /// How operands or children were combined.
    pub op: Operator,
    /// What the operand was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The answer.
    pub result: Truth,
    /// How well the rule's text was checked.
    pub grade: Grade,
    /// The rules it consists of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<TraceNode>,
}

/// A fact as a rule saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operand {
    /// Name in the catalogue.
    pub fact: String,
    /// The value as text.
    pub value: String,
    /// Whether it is a value, a range or nothing.
    pub known: Extent,
    /// How sure it is.
    pub certainty: Certainty,
}

/// How much of a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// The value.
    Value,
    /// Only its bounds.
    Range,
    /// Nothing.
    Unknown,
}

/// How a rule combines what it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// All children.
    #[serde(rename = "all")]
    All,
    /// At least one child.
    #[serde(rename = "any")]
    Any,
    /// The opposite of its child.
    #[serde(rename = "not")]
    Not,
    /// The first child, unless one of the others: a duty with its exclusions.
    #[serde(rename = "unless")]
    Unless,
    /// One of the expected values.
    #[serde(rename = "is")]
    Is,
    /// A set with one of the expected words.
    #[serde(rename = "contains any of")]
    ContainsAny,
    /// Strictly more.
    #[serde(rename = ">")]
    MoreThan,
    /// As many or more.
    #[serde(rename = ">=")]
    AtLeast,
    /// Before a day.
    #[serde(rename = "before")]
    Before,
    /// On a day or later.
    #[serde(rename = "on or after")]
    OnOrAfter,
    /// Recorded at all.
    #[serde(rename = "recorded")]
    Recorded,
    /// In force under the pack's time axes.
    #[serde(rename = "in force")]
    InForce,
    /// Under the same version of the law as another moment.
    #[serde(rename = "same version")]
    SameVersion,
}

impl Operator {
    fn words(self) -> Labels {
        match self {
            Operator::All => Labels::new("all of the following", "次のすべて"),
            Operator::Any => Labels::new("at least one of the following", "次のいずれか"),
            Operator::Not => Labels::new("not the following", "次に当たらないこと"),
            Operator::Unless => {
                Labels::new("the first of the following, unless", "次の事由（除外事由を除く）")
            }
            Operator::Is => Labels::new("=", "＝"),
            Operator::ContainsAny => Labels::new("contains any of", "次のいずれかを含む："),
            Operator::MoreThan => Labels::new(">", ">"),
            Operator::AtLeast => Labels::new(">=", ">="),
            Operator::Before => Labels::new("before", "次の日より前："),
            Operator::OnOrAfter => Labels::new("on or after", "次の日以後："),
            Operator::Recorded => Labels::new("recorded", "記録あり"),
            Operator::InForce => Labels::new("falls into", "適用される版："),
            Operator::SameVersion => Labels::new("falls into", "次の版に属する："),
        }
    }
}

/// The rules of one decision in the order in which they were asked: scope, version, review, one tree per duty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trace {
    /// The trees.
    pub nodes: Vec<TraceNode>,
}

impl Trace {
    /// The trace as indented clauses, one a line:
    /// `Rule 7(iv): number of principals 339 > 1000 → not met`.
    pub fn to_prose(&self, lang: Lang) -> String {
        let mut out = String::new();
        for node in &self.nodes {
            node.write(lang, 0, &mut out);
        }
        out
    }
}

impl TraceNode {
    fn write(&self, lang: Lang, depth: usize, out: &mut String) {
        out.extend(std::iter::repeat_n("  ", depth));
        out.push_str(&self.line(lang));
        out.push('\n');
        if self.negated_leaf().is_some() {
            return;
        }
        for (i, child) in self.children.iter().enumerate() {
            if self.op == Operator::Unless && i > 0 {
                out.extend(std::iter::repeat_n("  ", depth + 1));
                out.push_str(if lang == Lang::Ja { "除外事由\n" } else { "unless\n" });
                child.write(lang, depth + 2, out);
            } else {
                child.write(lang, depth + 1, out);
            }
        }
    }

    /// The comparison under a bare negation: the two read as one line with `≠`.
    fn negated_leaf(&self) -> Option<&TraceNode> {
        match (&self.op, &self.children[..]) {
            (Operator::Not, [leaf])
                if leaf.op == Operator::Is && leaf.clause.is_none() && leaf.text.is_none() =>
            {
                Some(leaf)
            }
            _ => None,
        }
    }

    /// This rule alone, without its children.
    pub fn line(&self, lang: Lang) -> String {
        let ja = lang == Lang::Ja;
        let mut line = String::new();
        if let Some(clause) = &self.clause {
            line.push_str(clause.get(lang));
            line.push_str(if ja { "：" } else { ": " });
        }
        let shown = self.negated_leaf().unwrap_or(self);
        if shown.operands.is_empty() {
            match &self.text {
                Some(text) => line.push_str(text.get(lang)),
                None => line.push_str(self.op.words().get(lang)),
            }
        }
        for (i, operand) in shown.operands.iter().enumerate() {
            if i > 0 {
                line.push_str(if ja { "、" } else { ", " });
            }
            line.push_str(&fact_label(&operand.fact, lang));
            line.push(' ');
            line.push_str(match (operand.known, ja) {
                (Extent::Unknown, true) => "不明",
                (Extent::Unknown, false) => "unknown",
                _ => &operand.value,
            });
            match (operand.certainty, ja) {
                (Certainty::Confirmed, _) => {}
                (Certainty::Suspected, true) => line.push_str("（おそれ）"),
                (Certainty::Suspected, false) => line.push_str(" (suspected)"),
                (Certainty::RuledOut, true) => line.push_str("（否定）"),
                (Certainty::RuledOut, false) => line.push_str(" (ruled out)"),
            }
        }
        if !shown.operands.is_empty() {
            line.push(' ');
            let words = self.op.words();
            line.push_str(if shown.op == self.op { words.get(lang) } else { "≠" });
            if let Some(expected) = &shown.expected {
                line.push(' ');
                line.push_str(expected);
            }
            if let Some(text) = &self.text {
                let (open, close) = if ja { ("（", "）") } else { (" (", ")") };
                line.push_str(open);
                line.push_str(text.get(lang));
                line.push_str(close);
            }
        }
        line.push_str(match (self.result, ja) {
            (Truth::T, false) => " → met",
            (Truth::F, false) => " → not met",
            (Truth::Unknown, false) => " → undecided",
            (Truth::T, true) => " → 該当する",
            (Truth::F, true) => " → 該当しない",
            (Truth::Unknown, true) => " → 判断できない",
        });
        match (self.grade, ja) {
            (Grade::Verified, _) => {}
            (Grade::Secondary, true) => line.push_str("［二次資料］"),
            (Grade::Secondary, false) => line.push_str(" [secondary source]"),
            (Grade::Memory, true) => line.push_str("［未確認］"),
            (Grade::Memory, false) => line.push_str(" [not checked]"),
        }
        line
    }

    /// The leaves on which this node's answer rests, each with the nearest clause above it. In a conjunction that
    /// fails only the failing parts matter, in a disjunction that holds only the holding ones.
    pub fn decisive<'t>(&'t self, out: &mut Vec<(Option<&'t Labels>, &'t TraceNode)>) {
        self.decisive_under(None, out);
    }

    fn decisive_under<'t>(
        &'t self,
        clause: Option<&'t Labels>,
        out: &mut Vec<(Option<&'t Labels>, &'t TraceNode)>,
    ) {
        let clause = self.clause.as_ref().or(clause);
        if self.children.is_empty() {
            out.push((clause, self));
            return;
        }
        for child in self.decisive_children() {
            child.decisive_under(clause, out);
        }
    }

    /// Clauses on the way to the decisive leaves whose own answer is "met".
    pub(crate) fn matched<'t>(&'t self, out: &mut Vec<&'t Labels>) {
        if self.result == Truth::T {
            out.extend(self.clause.as_ref().filter(|c| !out.contains(c)).into_iter().collect::<Vec<_>>());
            for child in self.decisive_children() {
                child.matched(out);
            }
        }
    }

    fn decisive_children(&self) -> impl Iterator<Item = &TraceNode> {
        let first = self.children.first().map(|c| c.result);
        let counts = move |i: usize, r: Truth| match (self.op, self.result) {
            (Operator::All, Truth::F) => r == Truth::F,
            (Operator::Any, Truth::T) => r == Truth::T,
            (Operator::All | Operator::Any | Operator::Unless, Truth::Unknown) => r == Truth::Unknown,
            (Operator::Unless, Truth::T) => i == 0,
            (Operator::Unless, Truth::F) if first == Some(Truth::F) => i == 0,
            (Operator::Unless, Truth::F) => i > 0 && r == Truth::T,
            _ => true,
        };
        self.children.iter().enumerate().filter(move |(i, c)| counts(*i, c.result)).map(|(_, c)| c)
    }

    /// Computes the answer again from the children's answers; a leaf keeps its own. A stored trace whose answers
    /// differ from this was tampered with or written by another engine.
    pub fn replay(&self) -> Truth {
        let mut results = self.children.iter().map(TraceNode::replay);
        match self.op {
            Operator::All if !self.children.is_empty() => results.fold(Truth::T, Truth::and),
            Operator::Any if !self.children.is_empty() => results.fold(Truth::F, Truth::or),
            Operator::Not => !results.next().unwrap_or(Truth::Unknown),
            Operator::Unless => {
                let trigger = results.next().unwrap_or(Truth::Unknown);
                trigger.and(!results.fold(Truth::F, Truth::or))
            }
            _ => self.result,
        }
    }
}

/// Name of a fact for people; the catalogue's when it has one.
pub(crate) fn fact_label(name: &str, lang: Lang) -> String {
    if let Some(prefix) = name.strip_suffix('*') {
        // Any member of a family: the label of one of them, whichever.
        return fact_label(&format!("{prefix}…").replace('…', "X"), lang).trim_end_matches('X').to_owned()
            + "*";
    }
    match catalogue::find(name) {
        Some(def) => {
            let label = if lang == Lang::Ja { def.ja } else { def.en };
            match name.strip_prefix(def.name) {
                Some(member) if !member.is_empty() => format!("{label} {member}"),
                _ => label.to_owned(),
            }
        }
        None => name.to_owned(),
    }
}
