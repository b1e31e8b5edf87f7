//! ENISA's severity of a personal data breach (Working Document v1.0 of December 2013):
//! `SE = DPC × EI + CB`, in hundredths, never in floating point.
//!
//! It is an aid to judging the risk, not a rule of Arts. 33 and 34 GDPR: the band only suggests, a person confirms.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Certainty, Facts, Knowledge, Labels, Lang, Value, catalogue::TOTAL, trace::fact_label};

/// Facts that the score reads, in the order of the formula.
const CONTEXT: &str = "enisa.data_context";
const ADJUSTMENT: &str = "enisa.context_adjustment";
const EASE: &str = "enisa.ease_of_identification";
const CONFIDENTIALITY: &str = "enisa.confidentiality";
const INTEGRITY: &str = "enisa.integrity";
const AVAILABILITY: &str = "enisa.availability";
const MALICE: &str = "cause.malicious_purpose";

/// Words of [`CONTEXT`] with their base; of several kinds of data the highest counts.
pub(crate) const CONTEXTS: &[&str] = &["simple", "behavioural", "financial", "sensitive"];
pub(crate) const ADJUSTMENTS: &[&str] =
    &["minus_3", "minus_2", "minus_1", "none", "plus_1", "plus_2", "plus_3"];
/// Words of [`EASE`]: a quarter more each.
pub(crate) const EASES: &[&str] = &["negligible", "limited", "significant", "maximum"];
/// Words of the circumstances: 0, 0.25 and 0.5.
pub(crate) const CONFIDENTIALITIES: &[&str] = &["none", "known_recipients", "unknown_recipients"];
pub(crate) const INTEGRITIES: &[&str] = &["none", "recoverable", "unrecoverable"];
pub(crate) const AVAILABILITIES: &[&str] = &["none", "temporary", "full"];

/// A score in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(pub u32);

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Band of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Below 2.
    Low,
    /// From 2 to below 3.
    Medium,
    /// From 3 to below 4.
    High,
    /// From 4.
    VeryHigh,
}

impl Band {
    /// Band of a score.
    pub fn of(score: Score) -> Band {
        match score.0 {
            ..200 => Band::Low,
            200..300 => Band::Medium,
            300..400 => Band::High,
            _ => Band::VeryHigh,
        }
    }

    /// In words.
    pub fn label(self) -> Labels {
        match self {
            Band::Low => Labels::new("low", "低"),
            Band::Medium => Labels::new("medium", "中"),
            Band::High => Labels::new("high", "高"),
            Band::VeryHigh => Labels::new("very high", "非常に高い"),
        }
    }
}

/// The severity, as far as the facts tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Severity {
    /// Least and greatest score that the facts allow; the same when all are known.
    pub score: (Score, Score),
    /// Bands of the two.
    pub band: (Band, Band),
    /// Facts that would narrow it.
    pub missing: Vec<String>,
    /// More than 100 individuals: a flag beside the score; `None` when not known.
    pub over_100: Option<bool>,
    /// The data is unintelligible to whoever has it: a flag beside the score.
    pub unintelligible: Option<bool>,
    /// The computation in words.
    pub steps: Vec<Labels>,
}

/// The severity from a facts record, or nothing while none of its own facts (`enisa.…`) is recorded.
pub fn severity(facts: &Facts) -> Option<Severity> {
    if !facts.iter().any(|(name, _)| name.starts_with("enisa.")) {
        return None;
    }
    let mut reader = Reader { facts, missing: Vec::new(), steps: Vec::new() };
    let context = reader.set_of(CONTEXT, CONTEXTS);
    let adjustment = reader.word(ADJUSTMENT, ADJUSTMENTS);
    let ease = reader.word(EASE, EASES);
    // 100 each, moved by the context and clamped to 1 to 4 as the document says.
    let dpc = |base: u32, moved: u32| (base + 1 + moved).saturating_sub(3).clamp(1, 4) * 100;
    let dpc = (dpc(context.0, adjustment.0), dpc(context.1, adjustment.1));
    let ei = (25 * (ease.0 + 1), 25 * (ease.1 + 1));
    let mut cb = (0, 0);
    for (name, words) in
        [(CONFIDENTIALITY, CONFIDENTIALITIES), (INTEGRITY, INTEGRITIES), (AVAILABILITY, AVAILABILITIES)]
    {
        let (least, most) = reader.word(name, words);
        cb = (cb.0 + 25 * least, cb.1 + 25 * most);
    }
    let malice = reader.flag(MALICE);
    cb = (cb.0 + 50 * u32::from(malice.0), cb.1 + 50 * u32::from(malice.1));
    let score = (Score(dpc.0 * ei.0 / 100 + cb.0), Score(dpc.1 * ei.1 / 100 + cb.1));
    let show = |(a, b): (u32, u32)| {
        if a == b { Score(a).to_string() } else { format!("{}–{}", Score(a), Score(b)) }
    };
    let sum = format!("{} × {} + {} = {}", show(dpc), show(ei), show(cb), show((score.0.0, score.1.0)));
    reader.steps.push(Labels::new(format!("DPC × EI + CB = {sum}"), format!("DPC × EI ＋ CB ＝ {sum}")));
    let unintelligible = match (facts.word("protection.encrypted"), facts.word("protection.key_status")) {
        (Some("none" | "weak"), _) | (_, Some("compromised")) => Some(false),
        (Some("listed_cipher"), Some(_)) => Some(true),
        _ => None,
    };
    let over_100 = match facts.confirmed(TOTAL) {
        Some(Knowledge::Known(Value::Count(n))) => Some(*n > 100),
        Some(Knowledge::Range { min: Some(Value::Count(n)), .. }) if *n > 100 => Some(true),
        Some(Knowledge::Range { max: Some(Value::Count(n)), .. }) if *n <= 100 => Some(false),
        _ => None,
    };
    Some(Severity {
        band: (Band::of(score.0), Band::of(score.1)),
        score,
        missing: reader.missing,
        over_100,
        unintelligible,
        steps: reader.steps,
    })
}

impl Severity {
    /// The score with its computation, a line each.
    pub fn to_prose(&self, lang: Lang) -> String {
        let ja = lang == Lang::Ja;
        let range = |a: &str, b: &str| if a == b { a.to_owned() } else { format!("{a}–{b}") };
        let score = range(&self.score.0.to_string(), &self.score.1.to_string());
        let band = range(self.band.0.label().get(lang), self.band.1.label().get(lang));
        let mut text = if ja {
            format!("ENISA重大度（判断の参考であり、法令上の基準ではない）：{score}（{band}）\n")
        } else {
            format!("ENISA severity (an aid to judging the risk, no rule of law): {score} ({band})\n")
        };
        for step in &self.steps {
            text.push_str(&format!("  {}\n", step.get(lang)));
        }
        if self.over_100 == Some(true) {
            text.push_str(if ja { "  対象者100人超\n" } else { "  more than 100 individuals\n" });
        }
        if self.unintelligible == Some(true) {
            text.push_str(if ja {
                "  データは判読不能\n"
            } else {
                "  the data are unintelligible\n"
            });
        }
        text
    }
}

struct Reader<'a> {
    facts: &'a Facts,
    missing: Vec<String>,
    steps: Vec<Labels>,
}

impl Reader<'_> {
    fn step(&mut self, name: &str, shown: &str) {
        self.steps.push(Labels::new(
            format!("{}: {shown}", fact_label(name, Lang::En)),
            format!("{}：{shown}", fact_label(name, Lang::Ja)),
        ));
    }

    /// Least and greatest place in the list of words.
    fn word(&mut self, name: &str, words: &[&str]) -> (u32, u32) {
        let found = self.facts.word(name).and_then(|w| words.iter().position(|x| *x == w));
        self.place(name, words, found)
    }

    /// The same for a set, of which the highest counts.
    fn set_of(&mut self, name: &str, words: &[&str]) -> (u32, u32) {
        let found = match self.facts.confirmed(name) {
            Some(Knowledge::Known(Value::Words(have))) => {
                words.iter().rposition(|w| have.iter().any(|h| h == w))
            }
            _ => None,
        };
        self.place(name, words, found)
    }

    fn place(&mut self, name: &str, words: &[&str], found: Option<usize>) -> (u32, u32) {
        match found {
            Some(i) => {
                self.step(name, words[i]);
                // A list of words has a handful of them.
                let i = u32::try_from(i).unwrap_or(u32::MAX);
                (i, i)
            }
            None => {
                self.missing.push(name.to_owned());
                self.step(name, "?");
                (0, u32::try_from(words.len().saturating_sub(1)).unwrap_or(u32::MAX))
            }
        }
    }

    fn flag(&mut self, name: &str) -> (bool, bool) {
        match self.facts.get(name) {
            Some(f) if f.certainty != Certainty::Suspected => match (&f.value, f.certainty) {
                (Knowledge::Known(Value::Flag(b)), Certainty::Confirmed) => (*b, *b),
                (Knowledge::Known(Value::Flag(b)), _) => (!*b, !*b),
                _ => self.unknown(name),
            },
            _ => self.unknown(name),
        }
    }

    fn unknown(&mut self, name: &str) -> (bool, bool) {
        self.missing.push(name.to_owned());
        (false, true)
    }
}

impl Facts {
    /// The word of a confirmed choice.
    fn word(&self, name: &str) -> Option<&str> {
        match self.confirmed(name) {
            Some(Knowledge::Known(Value::Word(w))) => Some(w),
            _ => None,
        }
    }
}
