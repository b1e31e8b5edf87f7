//! One page for those who decide: state, numbers, clocks, duties, and what waits for a decision. Cut to fit, and it says so.

use document::{Block, Column, Document, Field, Note, NoteKind, Rich, Table, Value};
use law::{Lang, Outcome};

use super::legal;
use super::material::Material;
use super::writer::Writer;
use crate::duties::{Duty, DutyState};
use crate::incidents::affected::State;
use crate::incidents::model::{ActionState, InquiryState};
use crate::notices::{Audience, NoticeState};

/// Rows of each part, so that all stand on one page.
const MAX_ROWS: usize = 7;
/// Characters of a text that is longer elsewhere.
const MAX_TEXT: usize = 160;

/// Builds the summary.
pub fn build(material: &Material, lang: Lang) -> Document {
    let pen = Writer::new(material, lang);
    let title = pen.pick(
        format!("Board summary: incident {}", pen.report.number),
        format!("経営会議向け要約：インシデント{}", pen.report.number),
    );
    let blocks = vec![
        Block::Fields(state(&pen)),
        pen.heading(1, "Clocks and duties", "期限と義務"),
        duties(&pen),
        pen.heading(1, "Decisions needed", "判断を要する事項"),
        decisions(&pen),
        Block::Note(Note { kind: NoteKind::Info, body: vec![Rich::from(legal::disclaimer(lang))] }),
    ];
    pen.document(title, blocks)
}

fn state(pen: &Writer<'_>) -> Vec<Field> {
    let material = &pen.material.base;
    let what =
        Rich::new().text(format!("{}\n{}, {}", cut(&pen.report.title), pen.report.system, pen.report.status));
    let persons = match pen.list() {
        None => pen.without_list(),
        Some((_, list)) => {
            let kinds: Vec<String> = list
                .kinds
                .iter()
                .map(|kind| {
                    pen.pick(
                        format!("{} {}", kind.name, kind.persons),
                        format!("{}{}名", kind.name, kind.persons),
                    )
                })
                .collect();
            let kinds = kinds.join(pen.say(", ", "、"));
            let tenants = pen.tenant_word();
            let mut rich = Rich::new()
                .strong(pen.pick(format!("{} persons", list.persons), format!("{}名", list.persons)))
                .text(pen.pick(
                    format!(" ({kinds}; {tenants}: {}), revision {}", list.tenants, list.number),
                    format!("（{kinds}、{tenants}数{}）、第{}版", list.tenants, list.number),
                ));
            if !list.approved {
                rich = rich.text(" ").unknown(pen.say("not approved yet", "承認前"));
            }
            rich.into()
        }
    };
    let told = |audience: Audience| -> (u64, u64) {
        let notices = material.notices.iter().filter(|(notice, _)| notice.audience == audience);
        notices.fold((0, 0), |(accepted, waiting), (_, counts)| {
            (
                accepted + counts.accepted,
                waiting + counts.queued + counts.sending + counts.deferred + counts.failed,
            )
        })
    };
    let ((persons_told, persons_open), (tenants_told, tenants_open)) =
        (told(Audience::Persons), told(Audience::Tenants));
    let planned = material.actions.iter().filter(|action| action.state == ActionState::Planned).count();
    let done = material.actions.iter().filter(|action| action.state == ActionState::Done).count();
    let open = material.inquiries.iter().filter(|inquiry| inquiry.state == InquiryState::Open).count();
    let numbers = pen.pick(
        format!("mails accepted (waiting or failed): persons {persons_told} ({persons_open}), organisations {tenants_told} ({tenants_open}); corrective actions done {done}, planned {planned}; inquiries open {open}"),
        format!("通知メール受理（送信待ち・失敗）：本人{persons_told}（{persons_open}）、組織{tenants_told}（{tenants_open}）。是正措置：完了{done}、予定{planned}。未回答の問い合わせ：{open}"),
    );
    vec![
        pen.field("", "Incident and state", "事案と状態", what),
        pen.field("", "Period", "発生時間", pen.period()),
        pen.field("", "Known since", "認知", pen.noticed()),
        pen.field("", "May be concerned", "対象となり得る人", persons),
        pen.field("", "Work", "対応の数値", numbers),
        pen.field("", "Law", "法的評価", law(pen)),
    ]
}

/// Outcome of each law that applies or may apply, with its clause.
fn law(pen: &Writer<'_>) -> Value {
    let Some(assessed) = pen.assessed() else { return pen.without_assessment() };
    let mut lines = pen.other_laws("");
    if lines.is_empty() {
        lines.push(
            pen.say("none of the laws that are known here applies", "本システムの対象法令に該当なし")
                .to_owned(),
        );
    }
    lines.push(assessed);
    lines.join("\n").into()
}

fn duties(pen: &Writer<'_>) -> Block {
    let mut open: Vec<&Duty> =
        pen.material.base.duties.iter().filter(|duty| duty.state == DutyState::Open).collect();
    open.sort_by_key(|duty| (duty.due_at.is_none(), duty.due_at, duty.kind.clone()));
    let more = open.len().saturating_sub(MAX_ROWS);
    let rows = open.iter().take(MAX_ROWS).map(|duty| {
        let left = duty.due_at.map(|due| clock(pen, due)).unwrap_or_else(|| "–".to_owned());
        let nature = duty.nature.label(pen.lang);
        vec![
            Rich::from(duty.wording.title.get(pen.lang)),
            Rich::from(duty.clause.get(pen.lang)),
            Rich::from(pen.pick(
                format!("{} ({nature})", duty.wording.due.get(pen.lang)),
                format!("{}（{nature}）", duty.wording.due.get(pen.lang)),
            )),
            Rich::new().strong(left),
        ]
    });
    let mut rows: Vec<Vec<Rich>> = rows.collect();
    if more > 0 {
        let text = pen.pick(format!("and {more} more"), format!("ほか{more}件"));
        rows.push(vec![Rich::from(text), Rich::from("–"), Rich::from("–"), Rich::from("–")]);
    }
    let settled = pen.material.base.duties.iter().filter(|duty| duty.state.settled()).count();
    Block::Table(Table {
        caption: Some(pen.pick(
            format!("Open duties; settled: {settled}"),
            format!("未了の義務（処理済み：{settled}件）"),
        )),
        columns: vec![
            Column::new(pen.say("Duty", "義務"), 4),
            Column::new(pen.say("Clause", "根拠"), 3),
            Column::new(pen.say("Due", "期限"), 4),
            Column::new(pen.say("Left", "残り"), 2),
        ],
        rows,
        row_headers: true,
    })
}

/// How long until then, or how long since.
fn clock(pen: &Writer<'_>, due: jiff::Timestamp) -> String {
    let now = pen.material.stamp.at;
    match (pen.words.duration(now, due), pen.words.duration(due, now)) {
        (Some(left), _) => left,
        (None, Some(over)) => pen.pick(format!("overdue by {over}"), format!("{over}超過")),
        (None, None) => "–".to_owned(),
    }
}

/// What only a person can decide, from the state of the work.
fn decisions(pen: &Writer<'_>) -> Block {
    let material = &pen.material.base;
    let mut needed: Vec<String> = Vec::new();
    let mut add = |en: String, ja: String| needed.push(if pen.lang == Lang::Ja { ja } else { en });
    if let Some((list, _)) = material.lists.last().filter(|(list, _)| list.state == State::Draft) {
        let number = list.number.unwrap_or_default();
        add(
            format!("Approve revision {number} of the affected list, or have it corrected"),
            format!("対象者リスト第{number}版の承認又は訂正の指示"),
        );
    }
    for (notice, _) in material.notices.iter().filter(|(notice, _)| notice.state == NoticeState::Draft) {
        let whom = pen.words.audience(notice.audience);
        add(format!("Approve the notice to {whom}"), format!("{whom}への通知の承認"));
    }
    match &material.assessment {
        None => add("Have the incident assessed".to_owned(), "法的評価の実施".to_owned()),
        Some(assessment) => {
            for decision in assessment.decisions.iter().filter(|decision| {
                decision.scope != law::Scope::Out
                    && [decision.regulator, decision.persons].contains(&Outcome::NeedsReview)
            }) {
                let title = decision.title.get(pen.lang);
                let missing = cut(&legal::missing(decision, pen.lang).join(pen.say(", ", "、")));
                add(
                    format!("{title}: decide or find out: {missing}"),
                    format!("{title}：判断又は確認：{missing}"),
                );
            }
        }
    }
    let late = material.duties.iter().filter(|duty| duty.overdue(pen.material.stamp.at)).count();
    if late > 0 {
        add(
            format!("{late} duties are overdue: act, and state the reasons"),
            format!("期限を過ぎた義務{late}件への対応と理由の説明"),
        );
    }
    if material.actions.is_empty() {
        add(
            "No corrective action is planned: decide on one".to_owned(),
            "是正措置が未登録：方針の決定".to_owned(),
        );
    }
    let more = needed.len().saturating_sub(MAX_ROWS);
    needed.truncate(MAX_ROWS);
    if more > 0 {
        needed.push(pen.pick(format!("and {more} more"), format!("ほか{more}件")));
    }
    if needed.is_empty() {
        return pen.paragraph("None by the records of this version.", "本版の記録上、該当なし。");
    }
    Block::bullets(needed)
}

/// A text, cut where it would push the rest off the page.
fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let mut head: String = letters.by_ref().take(MAX_TEXT).collect();
    if letters.next().is_some() {
        head.push('…');
    }
    head
}
