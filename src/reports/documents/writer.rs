//! What the builders share: words in one language, facts of the assessment, numbers of the affected list. Pure.
//!
//! Everything here comes from the material. What the material does not say becomes an open point that says what would make it
//! known; no builder has a default for a fact.

use document::{Block, Field, Rich, Value};
use jiff::tz::TimeZone;
use law::{Certainty, Knowledge, Lang};

use super::material::{Material, Stamp};
use crate::incidents::Revision;
use crate::reports::build;
use crate::reports::model::{List, Passage, Report};
use crate::reports::words::Words;

/// Lines of a course of events in one field: what a reader of a form still reads.
const MAX_LINES: usize = 200;

/// A builder's pen: language, words, and the report's texts.
pub struct Writer<'m> {
    pub lang: Lang,
    pub words: Words,
    pub report: Report,
    pub material: &'m Material,
}

impl<'m> Writer<'m> {
    pub fn new(material: &'m Material, lang: Lang) -> Self {
        let words = Words::new(lang, &material.base.incident.zone);
        Self { lang, words, report: build::build(&material.base, lang), material }
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

    /// The list that holds: the approved one, or the newest.
    pub fn list(&self) -> Option<(&Revision, &List)> {
        let revision = self.material.list()?;
        let told = self.material.base.lists.iter().zip(&self.report.scope.lists);
        told.map(|((list, _), told)| (list, told)).find(|(list, _)| list.id == revision.id)
    }

    /// What one tenant is called: `学校`, `school`.
    pub fn tenant_word(&self) -> &str {
        match self.material.base.system.as_deref() {
            Some(system) => self.say(&system.tenants_kind.en, &system.tenants_kind.ja),
            None => self.say("organisation", "組織"),
        }
    }

    /// What is missing for a number of people.
    pub fn without_list(&self) -> Value {
        self.unknown("make the affected list from the logs", "ログから対象者リストを作成すれば確定")
    }

    /// How many people, of which kinds, by which list.
    pub fn persons(&self) -> Value {
        let Some((_, list)) = self.list() else { return self.without_list() };
        let tenants = self.tenant_word();
        let mut text = self.pick(format!("{} persons", list.persons), format!("{}名", list.persons));
        for kind in &list.kinds {
            text.push_str(&self.pick(
                format!("\n{}: {} ({tenants}: {})", kind.name, kind.persons, kind.tenants),
                format!("\n{}：{}名（{tenants}数：{}）", kind.name, kind.persons, kind.tenants),
            ));
        }
        text.push('\n');
        text.push_str(&self.pick(
            format!(
                "By revision {} of the affected list ({}), made {}",
                list.number, list.state, list.method
            ),
            format!("対象者リスト第{}版（{}）による。方法：{}", list.number, list.state, list.method),
        ));
        if list.several_tenants > 0 {
            text.push_str(&self.pick(
                format!(
                    "\n{} of them belong to several ({tenants}) and are counted once",
                    list.several_tenants
                ),
                format!("\nうち{}名は複数の{tenants}に属し、1名として数えた", list.several_tenants),
            ));
        }
        let mut rich = Rich::new().text(text);
        if list.indeterminate > 0 {
            let more = list.indeterminate;
            rich = rich.text("\n").unknown(self.pick(
                format!("{more} more of whom the logs cannot tell, at most {} in all", list.persons + more),
                format!("このほか{more}名はログから判断できず、最大で計{}名", list.persons + more),
            ));
        }
        if !list.approved {
            rich = rich.text("\n").unknown(self.say(
                "the list is not approved yet, its number may change",
                "リストは承認前であり、人数は変わり得る",
            ));
        }
        rich.into()
    }

    /// How many people, in a line: of which kinds, by which list.
    pub fn persons_in_short(&self) -> Value {
        let Some((_, list)) = self.list() else { return self.without_list() };
        let kinds = list.kinds.iter().map(|kind| {
            self.pick(format!("{} {}", kind.name, kind.persons), format!("{}{}名", kind.name, kind.persons))
        });
        let kinds = kinds.collect::<Vec<_>>().join(self.say(", ", "、"));
        let tenants = self.tenant_word();
        let mut rich = Rich::new()
            .strong(self.pick(format!("{} persons", list.persons), format!("{}名", list.persons)))
            .text(self.pick(
                format!(" ({kinds}; {tenants}: {})", list.tenants),
                format!("（{kinds}、{tenants}数{}）", list.tenants),
            ));
        if list.indeterminate > 0 {
            rich = rich.text(" ").unknown(self.pick(
                format!("{} more of whom the logs cannot tell", list.indeterminate),
                format!("このほか{}名はログから判断できない", list.indeterminate),
            ));
        }
        if !list.approved {
            rich = rich.text(" ").unknown(self.say(
                "the list is not approved yet, its number may change",
                "リストは承認前であり、人数は変わり得る",
            ));
        }
        rich.into()
    }

    /// Which items of data, by kind of person: those on the pages of the list's question, else all that the manifest has.
    pub fn data_items(&self) -> Value {
        let Some(system) = self.material.base.system.as_deref() else {
            return self
                .unknown("apply the manifest of the system", "対象システムのマニフェストを適用すれば確定");
        };
        let list = self.list();
        let shown: Option<Vec<&str>> = list.and_then(|(revision, _)| {
            let shown = revision.inputs.shown.as_ref()?;
            let fields: Vec<&str> =
                shown.routes.iter().flat_map(|route| &route.fields).map(String::as_str).collect();
            (!fields.is_empty()).then_some(fields)
        });
        let kinds: Vec<&str> = list
            .map(|(revision, _)| revision.counts.by_kind.iter().map(|count| count.kind.as_str()).collect())
            .unwrap_or_default();
        let (mut lines, mut open) = (Vec::new(), Vec::new());
        for record_type in &system.record_types {
            if !kinds.is_empty() && !kinds.contains(&record_type.name.as_str()) {
                continue;
            }
            let is_shown = |field: &str| {
                let named = |name: &&str| name.split_once('.') == Some((record_type.name.as_str(), field));
                shown.as_ref().is_none_or(|shown| shown.iter().any(named))
            };
            let fields = record_type.fields.iter().filter(|field| is_shown(&field.name));
            let names: Vec<&str> = fields.map(|field| self.say(&field.title.en, &field.title.ja)).collect();
            let title = self.say(&record_type.title.en, &record_type.title.ja);
            match names.is_empty() {
                true => open.push(title),
                false => lines.push(self.labelled(title, &names.join(self.say(", ", "、")))),
            }
        }
        if lines.is_empty() {
            return self.unknown(
                "the manifest declares no field of the people on the list",
                "対象者の種別の項目がマニフェストに定義されていない",
            );
        }
        lines.push(
            match shown {
                Some(_) => self.say(
                    "What the pages concerned show, by the system's manifest",
                    "対象ページに表示される項目（システムのマニフェストによる）",
                ),
                None => self.say(
                    "All that the system keeps of these people, by its manifest: at most these",
                    "システムが保有する全項目（マニフェストによる）。閲覧等され得た範囲の上限",
                ),
            }
            .to_owned(),
        );
        let mut rich = Rich::new().text(lines.join("\n"));
        if !open.is_empty() {
            let open = open.join(self.say(", ", "、"));
            rich = rich.text("\n").unknown(self.pick(
                format!("{open}: on the list, but the pages that it was made of show none of their items"),
                format!("{open}：リストに含まれるが、リストの対象ページにはその項目がない"),
            ));
        }
        rich.into()
    }

    /// Texts of the timeline with their times.
    pub fn passages(&self, passages: &[Passage]) -> Vec<String> {
        passages.iter().map(|passage| self.labelled(&passage.at, &passage.text)).collect()
    }

    /// Texts of the timeline without their times.
    pub fn texts(&self, passages: &[Passage]) -> Option<String> {
        let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Entries in one text, each with a mark where there are several, the rest of too many as a number.
    pub fn lines(&self, mut lines: Vec<String>) -> Option<String> {
        let more = lines.len().saturating_sub(MAX_LINES);
        if more > 0 {
            lines.truncate(MAX_LINES);
            lines.push(self.pick(format!("and {more} more entries"), format!("ほか{more}件")));
        }
        if lines.len() > 1 {
            let mark = self.say("- ", "・");
            lines.iter_mut().for_each(|line| line.insert_str(0, mark));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
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
    pub fn document(self, title: String, blocks: Vec<Block>) -> document::Document {
        let zone = self.zone();
        assemble(&self.material.stamp, self.lang, &zone, title, blocks)
    }
}

/// A document with its stamp; the digest is added when all is known.
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
            number: stamp.number.clone(),
            version: stamp.version.to_string(),
            state: document::State::Draft,
            generated_at: super::material::moment(stamp.at, zone),
            source_digest: stamp.source_digest.clone(),
        },
        blocks,
    }
}
