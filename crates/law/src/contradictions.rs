//! Facts of one record that cannot all be true. Only what is confirmed counts: a suspicion contradicts nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Certainty, Facts, Knowledge, Labels, Lang, Moment, Precision, Value, catalogue::TOTAL, grounds::ends,
    trace::fact_label,
};

/// Two facts that cannot both be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Their names; the one to look at first comes last.
    pub facts: Vec<String>,
    /// Why they exclude one another. Never a value: it may be personal data.
    pub text: Labels,
}

/// (before, after): the second cannot lie before the first.
const ORDER: &[(&str, &str)] = &[
    ("timeline.occurred_from", "timeline.occurred_to"),
    ("timeline.occurred_from", "timeline.detected_at"),
    ("timeline.occurred_from", "timeline.suspected_at"),
    ("timeline.occurred_from", "timeline.became_aware_at"),
    ("timeline.occurred_from", "timeline.discovered_at"),
    ("timeline.occurred_from", "timeline.determined_at"),
    ("timeline.occurred_from", "timeline.contained_at"),
    ("timeline.occurred_from", "timeline.processor_informed_us_at"),
    ("timeline.suspected_at", "timeline.assessment_completed_at"),
];

/// Words that exclude each other: both facts have to be known to be just that.
const EXCLUSIVE: &[(&str, &[&str], &str, &[&str])] = &[
    ("data.anonymised", &["true"], "data.is_personal_data", &["true"]),
    ("data.anonymised", &["true"], "data.pseudonymised", &["true"]),
    // Nobody saw it: that denies a look and a use, not that it was sent to somebody or lay with them.
    ("event.recovered_unread", &["true"], "event.confidentiality_level", &["accessed", "used"]),
    ("data.medium", &["paper"], "protection.encrypted", &["weak", "listed_cipher"]),
];

/// Counts of a part; none is more than the whole ([`TOTAL`]).
const PARTS: &[&str] = &["counts.by_jurisdiction.", "counts.by_entrustor.", "persons.unreachable"];
/// Countries whose subdivisions (ISO 3166-2) do not lie within one another: only there parts can be added up.
const FLAT: &[&str] = &["US", "CA", "AU", "BR", "JP"];
/// Moments that are rightly in the future.
const PLANNED: &str = "_until";

impl Facts {
    /// Pairs of facts that exclude one another, in a fixed order.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for (before, after) in ORDER {
            if let (Some((earliest, _)), Some((_, latest))) = (self.moments(before), self.moments(after))
                && earliest.is_some_and(|e| latest.is_some_and(|l| l < e))
            {
                found.push(contradiction(before, after, "lies before", "より前であることはありません", true));
            }
        }
        for (one, these, other, those) in EXCLUSIVE {
            if self.is_one_of(one, these) && self.is_one_of(other, those) {
                found.push(contradiction(one, other, "cannot be so together with", "と両立しません", false));
            }
        }
        let whole = self.confirmed(TOTAL).and_then(|v| count_ends(v).1);
        for (name, _) in self.iter().filter(|(name, _)| PARTS.iter().any(|p| name.starts_with(p))) {
            let least = self.confirmed(name).and_then(|v| count_ends(v).0);
            if let (Some(least), Some(whole)) = (least, whole)
                && least > whole
            {
                found.push(contradiction(TOTAL, name, "is more than", "を超えることはありません", false));
            }
        }
        found.extend(whole.and_then(|whole| self.too_many_in_subdivisions(whole)));
        found
    }

    /// Facts that say that something happened after `at`. A day of grace allows for clocks and zones.
    pub fn after(&self, at: Timestamp) -> Vec<&str> {
        let limit = at.saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        self.iter()
            .filter(|(name, _)| !name.ends_with(PLANNED))
            .filter(|(_, fact)| ends(&fact.value).0.is_some_and(|m| m.timestamp() > limit))
            .map(|(name, _)| name)
            .collect()
    }

    /// Subdivisions of one country that hold more people together than there are: nobody resides in two of them.
    /// Countries are not added up, because `EU` holds its members.
    fn too_many_in_subdivisions(&self, whole: u64) -> Option<Contradiction> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, _) in self.iter() {
            let code = name.strip_prefix("counts.by_jurisdiction.").and_then(|code| code.split_once('-'));
            let Some((country, _)) = code.filter(|(country, _)| FLAT.contains(country)) else { continue };
            let least = self.confirmed(name).and_then(|v| count_ends(v).0).unwrap_or(0);
            let sum = sums.entry(country).or_default();
            *sum = sum.saturating_add(least);
            if *sum > whole {
                return Some(contradiction(
                    TOTAL,
                    name,
                    "makes, with the other parts of the same country, more than",
                    "を、同じ国の他の地域と合わせると超えます",
                    false,
                ));
            }
        }
        None
    }

    pub(crate) fn confirmed(&self, name: &str) -> Option<&Knowledge> {
        self.get(name).filter(|f| f.certainty == Certainty::Confirmed).map(|f| &f.value)
    }

    fn moments(&self, name: &str) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let (from, to) = ends(self.confirmed(name)?);
        Some((from.map(Moment::timestamp), to.map(last_instant)))
    }

    fn is_one_of(&self, name: &str, words: &[&str]) -> bool {
        match self.confirmed(name) {
            Some(Knowledge::Known(Value::Flag(b))) => words.contains(&if *b { "true" } else { "false" }),
            Some(Knowledge::Known(Value::Word(w))) => words.contains(&w.as_str()),
            _ => false,
        }
    }
}

/// The latest instant that a moment may mean: a day lasts until its end.
fn last_instant(moment: &Moment) -> Timestamp {
    match moment.precision() {
        Precision::Exact => moment.timestamp(),
        // The longest day that a change of the clocks makes.
        Precision::Day => {
            moment.timestamp().saturating_add(SignedDuration::from_hours(25)).unwrap_or(Timestamp::MAX)
        }
    }
}

fn count_ends(value: &Knowledge) -> (Option<u64>, Option<u64>) {
    let count = |v: Option<&Value>| match v {
        Some(Value::Count(n)) => Some(*n),
        _ => None,
    };
    match value {
        Knowledge::Known(v) => (count(Some(v)), count(Some(v))),
        Knowledge::Range { min, max } => (count(min.as_ref()), count(max.as_ref())),
        Knowledge::Unknown => (None, None),
    }
}

fn contradiction(one: &str, other: &str, en: &str, ja: &str, order: bool) -> Contradiction {
    let label = |name: &str, lang: Lang| fact_label(name, lang);
    let particle = if order { "が" } else { "は" };
    Contradiction {
        facts: vec![one.to_owned(), other.to_owned()],
        text: Labels::new(
            format!(
                "contradicts {one}: “{}” {en} “{}”; correct one of the two",
                label(other, Lang::En),
                label(one, Lang::En)
            ),
            format!(
                "{one} と矛盾します：「{}」{particle}「{}」{ja}。いずれかを訂正してください",
                label(other, Lang::Ja),
                label(one, Lang::Ja)
            ),
        ),
    }
}
