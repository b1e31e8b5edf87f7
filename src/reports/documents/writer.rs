//! What the builders share: words in one language, facts of the assessment, numbers of the affected list. Pure.
//!
//! Everything here comes from the material. What the material does not say becomes an open point that says what would make it
//! known; no builder has a default for a fact.

use document::{Block, Field, Rich, Value};
use jiff::tz::TimeZone;
use law::{Certainty, Knowledge, Lang};

use super::bounds::{MAX_FIELD, MAX_LINES, MAX_TABLE, cut, fitting};
use super::material::{Material, Stamp};
use crate::reports::build;
use crate::reports::model::{Passage, Report};
use crate::reports::words::Words;

/// What stands for number and version until both are given: no page grows by them.
const NUMBER: &str = "100000-2000";
const VERSION: &str = "500";

/// A builder's pen: language, words, and the report's texts.
pub struct Writer<'m> {
    pub lang: Lang,
    pub words: Words,
    pub report: Report,
    pub material: &'m Material,
    /// Most characters of what people wrote in one place.
    most: usize,
}

impl<'m> Writer<'m> {
    pub fn new(material: &'m Material, lang: Lang) -> Self {
        Self::with_at_most(MAX_FIELD, material, lang)
    }

    /// For a document with many places.
    pub fn with_at_most(most: usize, material: &'m Material, lang: Lang) -> Self {
        let words = Words::new(lang, &material.base.incident.zone);
        Self { lang, words, report: build::build(&material.base, lang), material, most }
    }

    /// The text of the language.
    pub fn say<'t>(&self, en: &'t str, ja: &'t str) -> &'t str {
        self.words.say(en, ja)
    }

    /// The same for texts that were put together.
    pub fn pick(&self, en: String, ja: String) -> String {
        if self.lang == Lang::Ja { ja } else { en }
    }

    /// An open point: why, or what would make it known.
    pub fn unknown(&self, en: &str, ja: &str) -> Value {
        Value::Unknown { why: self.say(en, ja).to_owned() }
    }

    /// The same within a text.
    pub fn unknown_rich(&self, en: &str, ja: &str) -> Rich {
        Rich::new().unknown(self.say(en, ja))
    }

    /// A field that only a person can fill in.
    pub fn by_hand(&self, en: &str, ja: &str) -> Value {
        let why = self.pick(
            format!("{en}; this system does not hold it: fill it in by hand"),
            format!("{ja}。本システムに記録のない事項のため、手入力が必要"),
        );
        Value::Unknown { why }
    }

    /// A field whose fact would be recorded.
    pub fn by_fact(&self, name: &str) -> Value {
        let label = law::find_fact(name).map_or(name, |def| self.say(def.en, def.ja));
        let why = self.pick(
            format!("record the fact “{label}” ({name}) and assess again"),
            format!("事実「{label}」（{name}）を記録し、再評価すれば確定"),
        );
        Value::Unknown { why }
    }

    /// A label and its field.
    pub fn field(&self, number: &str, en: &str, ja: &str, value: impl Into<Value>) -> Field {
        Field::new(number, self.say(en, ja), value)
    }

    /// A heading.
    pub fn heading(&self, level: u8, en: &str, ja: &str) -> Block {
        Block::heading(level, self.say(en, ja))
    }

    /// A paragraph.
    pub fn paragraph(&self, en: &str, ja: &str) -> Block {
        Block::paragraph(self.say(en, ja))
    }

    /// A value of the assessment's facts, where it is known and not ruled out, with how sure it is.
    fn fact(&self, name: &str) -> Option<(&law::Value, Certainty)> {
        let fact = self.material.base.assessment.as_ref()?.facts.get(name)?;
        match &fact.value {
            Knowledge::Known(value) => Some((value, fact.certainty)),
            Knowledge::Range { .. } | Knowledge::Unknown => None,
        }
    }

    /// A yes or no of the assessment's facts.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.fact(name)? {
            (law::Value::Flag(value), Certainty::Confirmed) => Some(*value),
            (law::Value::Flag(value), Certainty::RuledOut) => Some(!value),
            _ => None,
        }
    }

    /// A number of the assessment's facts.
    pub fn count(&self, name: &str) -> Option<u64> {
        match self.fact(name)? {
            (law::Value::Count(value), certainty) if certainty != Certainty::RuledOut => Some(*value),
            _ => None,
        }
    }

    /// A word of the assessment's facts, with whether it is only suspected.
    pub fn word(&self, name: &str) -> Option<(&str, bool)> {
        match self.fact(name)? {
            (law::Value::Word(value), certainty) if certainty != Certainty::RuledOut => {
                Some((value, certainty == Certainty::Suspected))
            }
            _ => None,
        }
    }

    /// Words of the assessment's facts, with whether they are only suspected.
    pub fn words_of(&self, name: &str) -> Option<(&[String], bool)> {
        match self.fact(name)? {
            (law::Value::Words(values), certainty) if certainty != Certainty::RuledOut => {
                Some((values, certainty == Certainty::Suspected))
            }
            _ => None,
        }
    }

    /// An instant of the assessment's facts, as people write it.
    pub fn moment(&self, name: &str) -> Option<String> {
        match self.fact(name)? {
            (law::Value::Moment(moment), certainty) if certainty != Certainty::RuledOut => {
                Some(match moment.precision() {
                    law::Precision::Day => self.words.day(moment.timestamp()),
                    law::Precision::Exact => self.words.moment(moment.timestamp()),
                })
            }
            _ => None,
        }
    }

    /// From when to when, and how long.
    pub fn period(&self) -> Value {
        let Some(period) = &self.report.summary.period else {
            return self
                .unknown("set the beginning of the incident", "インシデントの発生時刻を設定すれば確定");
        };
        let Some(to) = &period.to else {
            let from =
                self.pick(format!("from {}; end: ", period.from), format!("{}から。終了：", period.from));
            let open = self.say("set the end of the incident", "インシデントの終了時刻を設定すれば確定");
            return Rich::new().text(from).unknown(open).into();
        };
        let lasted = period.duration.as_ref().map_or_else(String::new, |lasted| match self.lang {
            Lang::En => format!(" ({lasted})"),
            Lang::Ja => format!("（{lasted}）"),
        });
        self.pick(
            format!("from {} to {to}{lasted}", period.from),
            format!("{}から{to}まで{lasted}", period.from),
        )
        .into()
    }

    /// First sign and knowledge.
    pub fn noticed(&self) -> Value {
        let summary = &self.report.summary;
        let (Some(aware), detected) = (&summary.aware_at, &summary.detected_at) else {
            return self.unknown(
                "set when the organisation knew of the incident",
                "インシデントを認知した時刻を設定すれば確定",
            );
        };
        let sign = match detected {
            Some(detected) if detected != aware => {
                self.pick(format!(" (first sign: {detected})"), format!("（端緒：{detected}）"))
            }
            _ => String::new(),
        };
        format!("{aware}{sign}").into()
    }

    /// Texts of the timeline with their times.
    pub fn passages(&self, passages: &[Passage]) -> Vec<String> {
        passages.iter().map(|passage| self.labelled(&passage.at, &passage.text)).collect()
    }

    /// Texts of the timeline without their times.
    pub fn texts(&self, passages: &[Passage]) -> Option<String> {
        self.paragraphs(passages.iter().map(|passage| passage.text.clone()).collect())
    }

    /// Texts below each other, as far as there is room.
    pub fn paragraphs(&self, texts: Vec<String>) -> Option<String> {
        let texts = self.bounded(texts);
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Entries in one text, each with a mark where there are several, as far as there is room.
    pub fn lines(&self, lines: Vec<String>) -> Option<String> {
        let mut lines = self.bounded(lines);
        if lines.len() > 1 {
            let mark = self.say("- ", "・");
            lines.iter_mut().for_each(|line| line.insert_str(0, mark));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The first that there is room for, the rest as a number.
    pub fn bounded(&self, mut lines: Vec<String>) -> Vec<String> {
        lines.iter_mut().for_each(|line| *line = cut(line, self.most));
        // With its mark and the end of the line. Nothing alone is too long, and one stands there in any case.
        let fits = fitting(lines.iter().map(|line| line.chars().count() + 3), self.most).clamp(1, MAX_LINES);
        let more = lines.len().saturating_sub(fits);
        if more > 0 {
            lines.truncate(fits);
            lines.push(self.and_more(more));
        }
        lines
    }

    /// The first rows that a table has room for, and a row that says how many it has not.
    pub fn rows(&self, mut rows: Vec<Vec<Rich>>) -> Vec<Vec<Rich>> {
        let fits = fitting(rows.iter().map(|row| row.iter().map(Rich::characters).sum()), MAX_TABLE);
        let more = rows.len().saturating_sub(fits);
        if let Some(columns) = rows.first().map(Vec::len).filter(|_| more > 0) {
            rows.truncate(fits);
            let mut last = vec![Rich::from("–"); columns];
            last[0] = Rich::from(self.and_more(more));
            rows.push(last);
        }
        rows
    }

    fn and_more(&self, more: usize) -> String {
        self.pick(format!("and {more} more entries"), format!("ほか{more}件"))
    }

    /// Joins label and text as the language does.
    pub fn labelled(&self, label: &str, text: &str) -> String {
        format!("{label}{}{text}", self.say(": ", "："))
    }

    /// Times of this document are in this zone.
    pub fn zone(&self) -> TimeZone {
        self.words.zone().clone()
    }

    /// The document.
    pub fn document(&self, title: String, blocks: Vec<Block>) -> document::Document {
        let zone = self.zone();
        assemble(&self.material.stamp, self.lang, &zone, title, blocks)
    }
}

/// A document with its stamp. It gets its number and version when it is stored.
pub fn assemble(
    stamp: &Stamp,
    lang: Lang,
    zone: &TimeZone,
    title: String,
    blocks: Vec<Block>,
) -> document::Document {
    document::Document {
        title,
        language: match lang {
            Lang::Ja => document::Language::Ja,
            Lang::En => document::Language::En,
        },
        meta: document::Meta {
            number: NUMBER.to_owned(),
            version: VERSION.to_owned(),
            state: document::State::Draft,
            generated_at: super::material::moment(stamp.at, zone),
            source_digest: stamp.source_digest.clone(),
        },
        blocks,
    }
}
