//! Notification to the supervisory authority: GDPR Art. 33(1), with the content of Art. 33(3)(a) to (d). What is not known yet
//! follows in phases (Art. 33(4)).

use document::{Block, Document, Field, Value};
use law::Lang;

use super::items;
use super::legal::GDPR;
use super::material::Material;
use super::writer::Writer;
use crate::duties::DutyState;
use crate::incidents::model::TeamRole;

/// Builds the notification.
pub fn build(material: &Material, lang: Lang) -> Document {
    let pen = Writer::new(material, lang);
    let content = content(&pen);
    let open = content.iter().filter(|field| field.value.is_open()).count();
    let phases = match open {
        0 => pen.say("complete", "全事項を記載").to_owned(),
        open => pen.pick(
            format!("in phases (Art. 33(4)): {open} items follow without undue further delay"),
            format!("段階的な通知（33条4項）：未確定の{open}項目は、不当な遅滞なく追って通知"),
        ),
    };
    let blocks = vec![
        pen.paragraph(
            "Notification of a personal data breach under GDPR Art. 33(1), with the content of Art. 33(3).",
            "GDPR 33条1項に基づく個人データ侵害の通知（33条3項の記載事項）。",
        ),
        pen.heading(1, "The notification", "通知について"),
        Block::Fields(about(&pen, phases)),
        pen.heading(1, "Content under Art. 33(3)", "33条3項の記載事項"),
        Block::Fields(content),
        pen.basis(),
    ];
    let title =
        pen.say("Notification of a personal data breach (GDPR Art. 33)", "個人データ侵害の通知（GDPR 33条）");
    pen.document(title.to_owned(), blocks)
}

fn about(pen: &Writer<'_>, phases: String) -> Vec<Field> {
    let due = match (pen.assessed(), pen.deadline(GDPR, "regulator", "notification")) {
        (None, _) => pen.without_assessment(),
        (Some(_), Some(due)) => due.into(),
        (Some(_), None) => pen
            .say("none: the assessment asks for no notification", "なし（評価上、通知義務がないため）")
            .into(),
    };
    vec![
        pen.field("0-1", "Controller", "管理者", pen.report.operator.clone()),
        pen.field(
            "0-2",
            "Supervisory authority",
            "監督機関",
            pen.by_hand("the competent authority (Art. 55, 56)", "所管監督機関（55条・56条）"),
        ),
        pen.field("0-3", "Complete or in phases", "完全・段階的の別", phases),
        pen.field("0-4", "When the controller became aware", "認識した日時", pen.noticed()),
        pen.field("0-5", "Deadline", "期限", due),
        pen.field("0-6", "Reasons for a delay", "遅延の理由", delay(pen)),
        pen.field(
            "0-7",
            "Whether a notification is asked for",
            "通知義務の評価",
            pen.ruling_with_reasons(GDPR, "regulator"),
        ),
        pen.field(
            "0-8",
            "Whether the data subjects are told",
            "データ主体への連絡義務の評価",
            pen.ruling(GDPR, "persons"),
        ),
    ]
}

/// Why it came late, where it did: by the duty's record, else asked for once the deadline has passed.
fn delay(pen: &Writer<'_>) -> Value {
    let mut duties = pen.material.base.duties.iter().filter(|duty| duty.state != DutyState::Superseded);
    let duty = duties.find(|duty| duty.regime == GDPR && duty.kind == "regulator.notification");
    let due = duty.and_then(|duty| duty.due_at);
    let done = duty.filter(|duty| duty.state == DutyState::Done);
    if let Some((duty, at)) = done.and_then(|duty| duty.settled_at.map(|at| (duty, at))) {
        let late = due.is_some_and(|due| due < at);
        let told = pen.words.moment(at);
        match (late, &duty.late_reason) {
            (false, _) => {
                return pen
                    .pick(format!("notified in time, at {told}"), format!("期限内に通知済み：{told}"))
                    .into();
            }
            (true, Some(why)) => {
                return pen
                    .pick(
                        format!("notified late, at {told}: {why}"),
                        format!("期限後に通知（{told}）。理由：{why}"),
                    )
                    .into();
            }
            (true, None) => {}
        }
    }
    let computed = pen.ruled(GDPR, "regulator").is_some_and(|(_, duty)| {
        let mut deadlines = duty.deadlines.iter().filter(|deadline| deadline.id == "notification");
        deadlines.any(|deadline| deadline.status == law::DeadlineStatus::Computed)
    });
    match due.filter(|_| computed) {
        Some(due) if due < pen.material.stamp.at => pen.by_hand(
            "the deadline has passed: the reasons for the delay (Art. 33(1))",
            "期限を過ぎているため、遅延の理由（33条1項）",
        ),
        Some(_) => pen.say("not late when this version was made", "本版の作成時点で期限内").into(),
        None => pen.say("no deadline was computed", "計算された期限なし").into(),
    }
}

fn content(pen: &Writer<'_>) -> Vec<Field> {
    let actions = items::actions(pen);
    let records = match pen.count("counts.records") {
        Some(count) => count.to_string().into(),
        None => pen.by_fact("counts.records"),
    };
    let risk = match pen.word("risk.gdpr_risk") {
        Some(("unlikely", _)) => pen
            .say("a risk to rights and freedoms is unlikely", "権利利益へのリスクが生じる可能性は低い")
            .into(),
        Some(("risk", _)) => pen.say("a risk to rights and freedoms", "権利利益へのリスクあり").into(),
        Some(_) => pen.say("a high risk to rights and freedoms", "権利利益への高いリスクあり").into(),
        None => pen.by_fact("risk.gdpr_risk"),
    };
    let taken = pen.lines(pen.passages(&pen.report.measures));
    vec![
        pen.field("a-1", "(a) Nature of the breach", "(a)侵害の性質", items::summary(pen)),
        pen.field("a-2", "(a) When it happened", "(a)侵害の期間", pen.period()),
        pen.field("a-3", "(a) Cause", "(a)原因", items::cause(pen)),
        pen.field(
            "a-4",
            "(a) Categories and approximate number of data subjects",
            "(a)データ主体の種類と概数",
            pen.persons(),
        ),
        pen.field(
            "a-5",
            "(a) Categories of personal data records",
            "(a)個人データの記録の種類",
            pen.data_items(),
        ),
        pen.field("a-6", "(a) Approximate number of records", "(a)個人データの記録の概数", records),
        pen.field(
            "b",
            "(b) Data protection officer or other contact point",
            "(b)データ保護オフィサー又は他の連絡先",
            items::contact(pen, &[TeamRole::PrivacyOfficer, TeamRole::Legal]),
        ),
        pen.field("c-1", "(c) Likely consequences", "(c)起こり得る結果", items::impact(pen)),
        pen.field("c-2", "(c) Risk", "(c)リスク", risk),
        pen.field("d-1", "(d) Measures taken", "(d)講じた措置", actions.done),
        pen.field("d-2", "(d) Measures proposed", "(d)予定する措置", actions.planned),
        pen.field(
            "d-3",
            "(d) Measures to mitigate adverse effects",
            "(d)悪影響を軽減する措置",
            Value::or_unknown(
                taken,
                pen.say("add an entry MEASURE to the timeline", "時系列に「措置」を記録すれば確定"),
            ),
        ),
    ]
}
