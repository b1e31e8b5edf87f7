//! The register of GDPR Art. 33(5): of every breach its facts, its effects and the remedial action, so that the supervisory
//! authority can verify compliance. All incidents of the operator, also those of which no authority was told.

use document::{Block, Column, Document, Note, NoteKind, Rich, Table};
use law::Lang;

use super::bounds::MAX_CELL;
use super::items;
use super::legal::{GDPR, disclaimer};
use super::material::{Material, Register};
use super::writer::{Writer, assemble};
use crate::reports::Words;

/// Builds the register.
pub fn build(register: &Register, lang: Lang) -> Document {
    let words = Words::new(lang, register.zone());
    let say = |en: &'static str, ja: &'static str| words.say(en, ja);
    let rows = register.incidents.iter().map(|incident| row(incident, lang)).collect();
    let columns = vec![
        Column::new(say("No., incident", "番号・事案"), 2),
        Column::new(say("Facts relating to the breach", "侵害に関する事実"), 5),
        Column::new(say("Its effects", "影響"), 4),
        Column::new(say("Remedial action; notification (Art. 33(1))", "講じた是正措置・通知（33条1項）"), 5),
    ];
    let operator = words.say(&register.operator.1, &register.operator.0);
    let table = Table {
        caption: Some(say("Incidents in the order of their numbers", "事案一覧（番号順）").to_owned()),
        columns,
        rows,
        row_headers: true,
    };
    let opening = match lang {
        Lang::En => format!(
            "Personal data breaches documented by {operator} under GDPR Art. 33(5): {} incidents. Each entry says what is recorded when this version was made, long texts of the timeline in part; what each incident was assessed by stands in its own documents.",
            register.incidents.len()
        ),
        Lang::Ja => format!(
            "{operator}がGDPR 33条5項に基づき記録する個人データ侵害（{}件）。各欄は本版の作成時点の記録により、時系列の長い記載は一部のみを示す。個別の評価は各事案の文書に示す。",
            register.incidents.len()
        ),
    };
    let blocks = vec![
        Block::paragraph(opening),
        Block::Table(table),
        Block::Note(Note { kind: NoteKind::Info, body: vec![Rich::from(disclaimer(lang))] }),
    ];
    let title =
        say("Register of personal data breaches (GDPR Art. 33(5))", "個人データ侵害の記録簿（GDPR 33条5項）");
    assemble(&register.stamp, lang, words.zone(), title.to_owned(), blocks)
}

fn row(material: &Material, lang: Lang) -> Vec<Rich> {
    let pen = Writer::with_at_most(MAX_CELL, material, lang);
    let join = |parts: Vec<Rich>| {
        let mut all = Rich::new();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                all = all.text("\n");
            }
            all.0.extend(part.0);
        }
        all
    };
    let labelled = |en: &str, ja: &str, value: document::Value| {
        let mut rich = Rich::new().strong(pen.say(en, ja)).text(pen.say(": ", "："));
        rich.0.extend(value.to_rich().0);
        rich
    };
    let actions = items::actions(&pen);
    vec![
        join(vec![
            Rich::from(material.base.incident.number.to_string()),
            Rich::from(pen.report.title.as_str()),
            Rich::from(pen.report.system.as_str()),
            Rich::from(pen.report.status.as_str()),
        ]),
        join(vec![
            labelled("Period", "期間", pen.period()),
            labelled("Known", "認識", pen.noticed()),
            labelled("What", "概要", items::summary(&pen)),
            labelled("Cause", "原因", items::cause(&pen)),
        ]),
        join(vec![
            labelled("Persons", "人数", pen.persons_in_short()),
            labelled("Effects", "影響", items::impact(&pen)),
        ]),
        join(vec![
            labelled("Done", "実施済み", actions.done),
            labelled("Planned", "予定", actions.planned),
            notified(&pen),
        ]),
    ]
}

/// What the assessment asks for, and what became of it.
fn notified(pen: &Writer<'_>) -> Rich {
    let Some(assessed) = pen.assessed() else { return pen.without_assessment().to_rich() };
    let label = Rich::new().strong(pen.say("Notification", "通知")).text(pen.say(": ", "："));
    let mut told = match pen.ruled(GDPR, "regulator") {
        Some((decision, duty)) => {
            let mut rich =
                pen.outcome_of(duty).text(pen.pick(format!("; {assessed}"), format!("。{assessed}")));
            if duty.outcome == law::Outcome::NeedsReview {
                let missing = super::legal::missing(decision, pen.lang).join(pen.say(", ", "、"));
                rich = rich.text("\n").unknown(missing);
            }
            rich
        }
        None => Rich::from(
            pen.pick(format!("GDPR does not apply; {assessed}"), format!("GDPRの適用対象外。{assessed}")),
        ),
    };
    let duties = pen.material.base.duties.iter();
    let duties = duties.filter(|duty| duty.regime == GDPR && duty.recipient == "regulator").map(|duty| {
        let state = pen.words.duty_state(duty.state);
        let at = duty.settled_at.map(|at| pen.words.moment(at)).unwrap_or_default();
        let proof = duty.receipt.as_deref().or(duty.reason.as_deref()).unwrap_or_default();
        format!("{state} {at} {proof}").trim_end().to_owned()
    });
    if let Some(duties) = pen.paragraphs(duties.collect()) {
        told = told.text(format!("\n{duties}"));
    }
    let mut rich = label;
    rich.0.extend(told.0);
    rich
}
