//! Definitions and sources that nobody uses, rules without a source, texts in one language only.

use std::collections::BTreeSet;

use super::{Kind, Out, Severity};
use crate::{
    Grade, Labels,
    pack::{Condition, Deadline, Op, Regime, Review, Version},
};

pub(super) fn check(regime: &Regime, out: &mut Out<'_>) {
    let mut seen = Seen::default();
    seen.label("title", &regime.title);
    seen.label("short", &regime.short);
    seen.labels.extend(regime.transition_review.iter().map(|l| (String::from("transition_review"), l)));
    for (id, source) in &regime.sources {
        seen.label(&format!("sources.{id}.title"), &source.title);
    }
    seen.condition("scope", &regime.scope);
    for (i, v) in regime.versions.iter().enumerate() {
        seen.version(&format!("versions[{i}]"), v);
    }
    for (id, source) in &regime.sources {
        if !seen.sources.contains(id.as_str()) {
            let text = (
                format!("nothing rests on the source {id:?}"),
                format!("出典「{id}」はどこからも参照されていません"),
            );
            out.tell(None, format!("sources.{id}"), Kind::UnusedSource, Severity::Warning, text);
        }
        if source.url.is_none() {
            // What was written down from memory often has no address; what was read has one.
            let severity =
                if source.verification == Grade::Memory { Severity::Note } else { Severity::Warning };
            let text = (format!("the source {id:?} has no url"), format!("出典「{id}」に URL がありません"));
            out.tell(None, format!("sources.{id}"), Kind::SourceWithoutUrl, severity, text);
        }
    }
    unsourced(&regime.scope, "scope", out);
    definitions(regime, out);
    for (place, label) in seen.labels {
        translated(&place, label, out);
    }
}

/// The outermost scope inherits no source; without its own its grade would be "verified" for no reason.
fn unsourced(c: &Condition, place: &str, out: &mut Out<'_>) {
    if c.source.is_some() {
        return;
    }
    let inner: Vec<(String, &Condition)> = match &c.op {
        Op::All(cs) => cs.iter().enumerate().map(|(i, c)| (format!("{place}.all[{i}]"), c)).collect(),
        Op::Any(cs) => cs.iter().enumerate().map(|(i, c)| (format!("{place}.any[{i}]"), c)).collect(),
        Op::Not(c) => vec![(format!("{place}.not"), c)],
        Op::Use(_) | Op::Test(_) => {
            let text = (
                "rests on no source, so its grade says nothing; name one",
                "出典がなく、確認の程度が示されません。出典を記載してください",
            );
            out.tell(None, place, Kind::RuleWithoutSource, Severity::Warning, text);
            return;
        }
    };
    for (place, c) in inner {
        unsourced(c, &place, out);
    }
}

fn definitions(regime: &Regime, out: &mut Out<'_>) {
    let mut used = BTreeSet::new();
    let mut named = BTreeSet::new();
    for v in &regime.versions {
        named.extend(v.definitions.keys());
        let mut open: Vec<&String> = Vec::new();
        each_condition(v, &mut |_, c| names(c, &mut open));
        let mut reached = BTreeSet::new();
        while let Some(name) = open.pop() {
            if reached.insert(name)
                && let Some(c) = v.definitions.get(name)
            {
                names(c, &mut open);
            }
        }
        used.extend(reached);
    }
    for name in named.difference(&used) {
        // A definition of one version stands in that version, one of the file beside them.
        let own: Vec<_> =
            regime.versions.iter().enumerate().filter(|(_, v)| v.definitions.contains_key(*name)).collect();
        let place = match own[..] {
            [(i, _)] if regime.versions.len() > 1 => format!("versions[{i}].definitions.{name}"),
            _ => format!("definitions.{name}"),
        };
        let text = (
            format!("nothing uses the definition {name:?}"),
            format!("定義「{name}」はどこからも使われていません"),
        );
        out.tell(None, place, Kind::UnusedDefinition, Severity::Warning, text);
    }
}

fn names<'c>(c: &'c Condition, out: &mut Vec<&'c String>) {
    match &c.op {
        Op::All(cs) | Op::Any(cs) => cs.iter().for_each(|c| names(c, out)),
        Op::Not(c) => names(c, out),
        Op::Use(name) => out.push(name),
        Op::Test(_) => {}
    }
}

fn each_condition<'p>(v: &'p Version, f: &mut impl FnMut(String, &'p Condition)) {
    v.scope.iter().for_each(|c| f(String::from("scope"), c));
    v.review.iter().enumerate().for_each(|(i, r)| f(format!("review[{i}].when"), &r.when));
    for (i, d) in v.duties.iter().enumerate() {
        let place = format!("duties[{i}]");
        f(format!("{place}.when"), &d.when);
        d.exclusions
            .iter()
            .enumerate()
            .for_each(|(j, e)| f(format!("{place}.exclusions[{j}].when"), &e.when));
        d.review.iter().enumerate().for_each(|(j, r)| f(format!("{place}.review[{j}].when"), &r.when));
        for (j, l) in d.deadlines.iter().enumerate() {
            let place = format!("{place}.deadlines[{j}]");
            l.when.iter().for_each(|c| f(format!("{place}.when"), c));
            l.suspended_by.iter().for_each(|s| f(format!("{place}.suspended_by.when"), &s.when));
            for (k, a) in l.clocks.iter().enumerate() {
                a.when.iter().for_each(|c| f(format!("{place}.clocks[{k}].when"), c));
            }
        }
    }
}

/// Sources that are named, and texts with their places.
#[derive(Default)]
struct Seen<'p> {
    sources: BTreeSet<&'p str>,
    labels: Vec<(String, &'p Labels)>,
}

impl<'p> Seen<'p> {
    fn label(&mut self, place: &str, label: &'p Labels) {
        self.labels.push((place.to_owned(), label));
    }

    fn list(&mut self, place: &str, labels: &'p [Labels]) {
        self.labels.extend(labels.iter().enumerate().map(|(i, l)| (format!("{place}[{i}]"), l)));
    }

    fn condition(&mut self, place: &str, c: &'p Condition) {
        self.sources.extend(c.source.as_deref());
        self.labels.extend(c.clause.iter().map(|l| (format!("{place}.clause"), l)));
        self.labels.extend(c.text.iter().map(|l| (format!("{place}.text"), l)));
        match &c.op {
            Op::All(cs) => {
                cs.iter().enumerate().for_each(|(i, c)| self.condition(&format!("{place}.all[{i}]"), c))
            }
            Op::Any(cs) => {
                cs.iter().enumerate().for_each(|(i, c)| self.condition(&format!("{place}.any[{i}]"), c))
            }
            Op::Not(c) => self.condition(&format!("{place}.not"), c),
            Op::Use(_) | Op::Test(_) => {}
        }
    }

    fn reviews(&mut self, place: &str, reviews: &'p [Review]) {
        self.labels.extend(reviews.iter().enumerate().map(|(i, r)| (format!("{place}[{i}].text"), &r.text)));
    }

    fn version(&mut self, place: &str, v: &'p Version) {
        self.sources.extend([v.source.as_str(), v.dating.as_str()]);
        self.label(&format!("{place}.title"), &v.title);
        self.list(&format!("{place}.clauses"), &v.clauses);
        self.labels.extend(v.note.iter().map(|l| (format!("{place}.note"), l)));
        self.reviews(&format!("{place}.review"), &v.review);
        for (name, c) in &v.definitions {
            self.condition(&format!("definitions.{name}"), c);
        }
        each_condition(v, &mut |at, c| self.condition(&format!("{place}.{at}"), c));
        for (i, d) in v.duties.iter().enumerate() {
            let place = format!("{place}.duties[{i}]");
            self.sources.extend(d.source.as_deref());
            self.label(&format!("{place}.to"), &d.to);
            self.label(&format!("{place}.label"), &d.label);
            self.label(&format!("{place}.clause"), &d.clause);
            self.list(&format!("{place}.contents"), &d.contents);
            self.labels.extend(d.when_not_required.iter().map(|l| (format!("{place}.when_not_required"), l)));
            self.reviews(&format!("{place}.review"), &d.review);
            for (j, l) in d.deadlines.iter().enumerate() {
                self.deadline(&format!("{place}.deadlines[{j}]"), l);
            }
        }
    }

    fn deadline(&mut self, place: &str, l: &'p Deadline) {
        self.sources.extend(l.source.as_deref());
        self.label(&format!("{place}.label"), &l.label);
        self.label(&format!("{place}.clause"), &l.clause);
        if let Some((label, source)) = &l.rounded_hour {
            self.sources.insert(source);
            self.label(&format!("{place}.rounded_hour.label"), label);
        }
        self.labels.extend(l.suspended_by.iter().map(|s| (format!("{place}.suspended_by.text"), &s.text)));
    }
}

fn translated(place: &str, label: &Labels, out: &mut Out<'_>) {
    let kana_or_kanji = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
    let text = if label.en == label.ja && !label.en.is_ascii() {
        ("the same text in both languages", "両言語で同じ文言になっています")
    } else if label.en.chars().any(kana_or_kanji) {
        ("Japanese in the English text", "英語の文言に日本語が含まれています")
    } else {
        return;
    };
    out.tell(None, place, Kind::Untranslated, Severity::Warning, text);
}
