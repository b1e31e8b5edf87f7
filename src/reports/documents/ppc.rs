//! 速報 and 確報 to the Personal Information Protection Commission: the nine items of Rule 8(1) of the Enforcement Rules of the
//! APPI in their order, with the particulars that the guideline (3-5-3-3) asks of each. Rule 8(2) asks the final report for the same.

use document::{Block, Choice, Document, Field, Value};
use law::{Lang, Outcome};

use super::items;
use super::legal::APPI;
use super::material::Material;
use super::writer::Writer;
use crate::incidents::model::TeamRole;

/// Which of the two reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// 速報.
    Preliminary,
    /// 確報.
    Final,
}

/// Builds the report.
pub fn build(material: &Material, stage: Stage, lang: Lang) -> Document {
    let pen = Writer::new(material, lang);
    let title = match stage {
        Stage::Preliminary => pen.say("Preliminary report to the PPC", "漏えい等報告（速報）"),
        Stage::Final => pen.say("Final report to the PPC", "漏えい等報告（確報）"),
    }
    .to_owned();
    let blocks = vec![
        Block::paragraph(opening(&pen, stage)),
        pen.heading(1, "Who reports", "報告者"),
        Block::Fields(reporter(&pen, stage)),
        pen.heading(1, "The nine items of Rule 8(1)", "規則8条1項各号の報告事項"),
        Block::Fields(nine(&pen)),
        pen.basis(),
    ];
    pen.document(title, blocks)
}

fn opening(pen: &Writer<'_>, stage: Stage) -> String {
    let voluntary = pen.ruled(APPI, "regulator").is_none_or(|(_, duty)| !asked(duty.outcome));
    let rule = match stage {
        Stage::Preliminary => pen.say("Rule 8(1)", "規則8条1項"),
        Stage::Final => pen.say("Rule 8(2)", "規則8条2項"),
    };
    if voluntary {
        pen.pick(
            format!("A voluntary report with the items of {rule} (GL 3-5-3-1 note 1), as far as they are known at the time of reporting."),
            format!("{rule}の事項について、報告時点で把握している内容を任意に報告する（ガイドライン3-5-3-1（※1））。"),
        )
    } else {
        pen.pick(
            format!("Report under Act Art. 26(1) and {rule}, as far as the items are known at the time of reporting."),
            format!("個人情報の保護に関する法律26条1項及び施行規則（以下「規則」という。）{}に基づき、報告時点で把握している内容を報告する。", rule.trim_start_matches("規則")),
        )
    }
}

/// Whether the law asks for the report, or may.
fn asked(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Must | Outcome::NeedsReview | Outcome::BestEffort)
}

fn reporter(pen: &Writer<'_>, stage: Stage) -> Vec<Field> {
    let deadline = match stage {
        Stage::Preliminary => "preliminary",
        Stage::Final => "final",
    };
    let due = pen.deadline(APPI, "regulator", deadline);
    let due = match (pen.assessed(), due) {
        (None, _) => pen.without_assessment(),
        (Some(_), Some(due)) => due.into(),
        (Some(_), None) => {
            pen.say("none: the assessment asks for no report", "なし（評価上、報告義務がないため）").into()
        }
    };
    let kinds = [(Stage::Preliminary, "preliminary report", "速報"), (Stage::Final, "final report", "確報")];
    let kinds = kinds.map(|(kind, en, ja)| Choice::new(pen.say(en, ja), kind == stage));
    vec![
        pen.field("0-1", "Kind of report", "報告種別", Value::Choices(kinds.to_vec())),
        pen.field("0-2", "Name of the operator that reports", "報告者の名称", pen.report.operator.clone()),
        pen.field(
            "0-3",
            "Address and representative",
            "住所・代表者",
            pen.by_hand("address and representative", "住所及び代表者の氏名"),
        ),
        pen.field(
            "0-4",
            "Contact person",
            "事務連絡者",
            items::contact(pen, &[TeamRole::PrivacyOfficer, TeamRole::Legal]),
        ),
        pen.field("0-5", "Deadline", "報告期限", due),
        pen.field(
            "0-6",
            "Whether a report is asked for",
            "報告義務の評価",
            pen.ruling_with_reasons(APPI, "regulator"),
        ),
    ]
}

/// The nine items, each in the particulars of the guideline.
fn nine(pen: &Writer<'_>) -> Vec<Field> {
    let item = |number: &str, en: &str, ja: &str, value: Value| pen.field(number, en, ja, value);
    let actions = items::actions(pen);
    vec![
        item("1-1", "(1) Outline: date of the event", "(1)概要：発生日", pen.period()),
        item("1-2", "(1) Outline: date of finding", "(1)概要：発覚日", pen.noticed()),
        item("1-3", "(1) Outline: kind of event", "(1)概要：発生事案", items::event(pen)),
        item("1-4", "(1) Outline: who found it", "(1)概要：発見者", items::finders(pen)),
        item("1-5", "(1) Outline: item of Rule 7", "(1)概要：規則7条各号該当性", rule_7(pen)),
        item(
            "1-6",
            "(1) Outline: entrusting and entrusted parties",
            "(1)概要：委託元・委託先の有無",
            items::entrustment(pen),
        ),
        item("1-7", "(1) Outline: course of events", "(1)概要：事実経過", items::course(pen)),
        item("2-1", "(2) Data: medium", "(2)個人データの項目：媒体", items::medium(pen)),
        item(
            "2-2",
            "(2) Data: of customers, of employees",
            "(2)個人データの項目：種類（顧客情報・従業員情報等）",
            pen.by_hand("whether of customers or employees", "顧客情報・従業員情報等の別"),
        ),
        item("2-3", "(2) Data: items", "(2)個人データの項目：項目", pen.data_items()),
        item("3", "(3) Number of principals", "(3)本人の数", pen.persons()),
        item("4-1", "(4) Cause: where it lay", "(4)原因：発生主体", items::whose(pen)),
        item("4-2", "(4) Cause: kind", "(4)原因：区分", items::cause_kind(pen)),
        item("4-3", "(4) Cause: details", "(4)原因：詳細", items::cause(pen)),
        item(
            "5-1",
            "(5) Secondary damage or fear of it: whether",
            "(5)二次被害又はそのおそれ：有無",
            items::damage(pen),
        ),
        item(
            "5-2",
            "(5) Secondary damage or fear of it: content",
            "(5)二次被害又はそのおそれ：内容",
            items::impact(pen),
        ),
        item("6", "(6) Response to the principals", "(6)本人への対応の実施状況", items::response(pen)),
        item("7", "(7) Publication", "(7)公表の実施状況", items::publication(pen)),
        item(
            "8-1",
            "(8) Measures against recurrence: done",
            "(8)再発防止のための措置：実施済み",
            actions.done,
        ),
        item(
            "8-2",
            "(8) Measures against recurrence: planned",
            "(8)再発防止のための措置：実施予定",
            actions.planned,
        ),
        item("9", "(9) Other matters", "(9)その他参考となる事項", other(pen)),
    ]
}

/// The boxes of Rule 7, from the clauses on which the assessment's answer rests.
fn rule_7(pen: &Writer<'_>) -> Value {
    let Some(_) = pen.assessed() else { return pen.without_assessment() };
    let Some((decision, duty)) = pen.ruled(APPI, "regulator") else { return pen.ruling(APPI, "regulator") };
    if duty.outcome == Outcome::NeedsReview {
        let missing = super::legal::missing(decision, pen.lang).join(pen.say(", ", "、"));
        let why = match missing.is_empty() {
            true => pen.say("a person has to decide", "人による判断が必要").to_owned(),
            false => pen.pick(
                format!("record these facts and assess again: {missing}"),
                format!("次の事実を記録し、再評価すれば確定：{missing}"),
            ),
        };
        return Value::Unknown { why };
    }
    let matched = |clause: &str| {
        duty.outcome != Outcome::NotRequired && duty.matched_clauses.iter().any(|label| &*label.en == clause)
    };
    let items = [
        ("Rule 7(i)", "(i) special care-required information", "1号（要配慮個人情報）"),
        ("Rule 7(ii)", "(ii) misuse may damage property", "2号（不正利用による財産的被害のおそれ）"),
        ("Rule 7(iii)", "(iii) act with an improper purpose", "3号（不正の目的をもって行われたおそれ）"),
        ("Rule 7(iv)", "(iv) more than 1,000 principals", "4号（本人の数が千人を超える）"),
    ];
    let mut choices: Vec<Choice> =
        items.iter().map(|(clause, en, ja)| Choice::new(pen.say(en, ja), matched(clause))).collect();
    let none = choices.iter().all(|choice| !choice.chosen);
    let label = pen.say(
        "none of these: voluntary report (GL 3-5-3-1 note 1)",
        "該当なし：任意の報告（ガイドライン3-5-3-1（※1））",
    );
    choices.push(Choice::new(label, none));
    Value::Choices(choices)
}

/// Item 9: what the authority may want to know besides.
fn other(pen: &Writer<'_>) -> Value {
    let mut lines = Vec::new();
    for list in pen.report.scope.lists.iter().filter(|list| list.difference.is_some()) {
        lines.push(pen.pick(
            format!("Revision {} of the affected list ({}): {}", list.number, list.at, list.reason),
            format!("対象者リスト第{}版（{}）：{}", list.number, list.at, list.reason),
        ));
    }
    for asked in &pen.report.authority.consultations {
        let answers = pen.passages(&asked.answers);
        let answer = if answers.is_empty() { asked.state.clone() } else { answers.join(" ") };
        lines.push(
            pen.labelled(&format!("{} {}", asked.at, asked.party), &format!("{} / {answer}", asked.question)),
        );
    }
    for duty in pen.report.authority.duties.iter().filter(|duty| duty.settled_at.is_some()) {
        let settled = duty.settled_at.as_deref().unwrap_or_default();
        let proof = duty.proof.as_deref().unwrap_or_default();
        lines.push(pen.labelled(&duty.title, &format!("{} {settled} {proof}", duty.state)));
    }
    lines.extend(pen.other_laws(APPI));
    pen.lines(lines)
        .unwrap_or_else(|| pen.say("Nothing further is recorded.", "記録されている事項はない。").to_owned())
        .into()
}
