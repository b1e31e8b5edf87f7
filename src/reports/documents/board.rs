//! One page for those who decide: state, numbers, clocks, duties, and what waits for a decision. Cut to fit, and it says so.

use document::{Block, Column, Document, Rich, Table, Value};
use law::{Lang, Outcome};

use super::legal;
use super::material::Material;
use super::writer::Writer;
use crate::duties::{Duty, DutyState};
use crate::incidents::affected::State;
use crate::incidents::model::{ActionState, InquiryState};
use crate::notices::{Audience, NoticeState};

/// Most rows of each part; fewer where they would not stand on one page.
const MAX_ROWS: usize = 4;
/// Characters of a text that is longer elsewhere.
const MAX_TEXT: usize = 90;

/// Builds the summary, with as many rows as fit on one page.
pub fn build(material: &Material, lang: Lang) -> Document {
    let mut rows = MAX_ROWS;
    loop {
        let document = with_rows(material, lang, rows);
        // Number and digest are given later; such as are as long stand for them.
        let mut measured = document.clone();
        measured.meta.number = "1000-1000".to_owned();
        measured.meta.source_digest = "0".repeat(64);
        let one_page = measured.check().ok().and_then(|sheet| sheet.pdf().ok()).map(|pdf| pdf.pages == 1);
        // What does not render is told where it is stored. With no rows left the shortest form stands, whatever its length.
        if rows == 0 || one_page.unwrap_or(true) {
            return document;
        }
        rows -= 1;
    }
}

fn with_rows(material: &Material, lang: Lang, rows: usize) -> Document {
    let pen = Writer::new(material, lang);
    let title = pen.pick(
        format!("Board summary: incident {}", pen.report.number),
        format!("経営会議向け要約：インシデント{}", pen.report.number),
    );
    let blocks = vec![
        state(&pen, rows),
        pen.heading(1, "Clocks and duties", "期限と義務"),
        duties(&pen, rows.max(1)),
        pen.heading(1, "Decisions needed", "判断を要する事項"),
        decisions(&pen, rows.max(1)),
        Block::paragraph(legal::disclaimer(lang)),
    ];
    pen.document(title, blocks)
}

fn state(pen: &Writer<'_>, most: usize) -> Block {
    let material = &pen.material.base;
    let what = Rich::new().strong(cut(&pen.report.title)).text(format!(
        "\n{}{}{}",
        pen.report.system,
        pen.say(", ", "、"),
        pen.report.status
    ));
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
        format!(
            "mails accepted (waiting or failed): persons {persons_told} ({persons_open}), organisations {tenants_told} ({tenants_open}); corrective actions done {done}, planned {planned}; inquiries open {open}"
        ),
        format!(
            "通知メール受理（送信待ち・失敗）：本人{persons_told}（{persons_open}）、組織{tenants_told}（{tenants_open}）。是正措置：完了{done}、予定{planned}。未回答の問い合わせ：{open}"
        ),
    );
    let row = |en: &str, ja: &str, value: Rich| vec![Rich::from(pen.say(en, ja)), value];
    let mut rows = vec![
        row("Incident and state", "事案と状態", what),
        row("Period", "発生時間", pen.period().to_rich()),
        row("Known since", "認知", pen.noticed().to_rich()),
        row("May be concerned", "対象となり得る人", pen.persons_in_short().to_rich()),
        row("Law", "法的評価", law(pen, most).to_rich()),
    ];
    if most > 0 {
        rows.push(row("Work", "対応の数値", Rich::from(numbers)));
    }
    let columns = vec![
        Column::new(pen.say("State", "状況"), 2),
        Column::new(pen.say("By the records", "記録による内容"), 9),
    ];
    Block::Table(Table { caption: None, columns, rows, row_headers: true })
}

/// Outcome of each law that applies or may apply, with its clause.
fn law(pen: &Writer<'_>, most: usize) -> Value {
    let Some(assessed) = pen.assessed() else { return pen.without_assessment() };
    let mut lines = pen.other_laws("");
    if lines.is_empty() {
        lines.push(
            pen.say("none of the laws that are known here applies", "本システムの対象法令に該当なし")
                .to_owned(),
        );
    }
    let more = lines.len().saturating_sub(most);
    lines.truncate(most);
    if more > 0 && most > 0 {
        lines.push(pen.pick(format!("and {more} more laws"), format!("ほか{more}法令")));
    } else if more > 0 {
        lines.push(pen.pick(
            format!("laws that apply or may apply: {more}; see the duties"),
            format!("適用され、又は適用され得る法令：{more}。義務の欄を参照"),
        ));
    }
    lines.push(assessed);
    lines.join("\n").into()
}

fn duties(pen: &Writer<'_>, most: usize) -> Block {
    let mut open: Vec<&Duty> =
        pen.material.base.duties.iter().filter(|duty| duty.state == DutyState::Open).collect();
    open.sort_by_key(|duty| (duty.due_at.is_none(), duty.due_at, duty.kind.clone()));
    let settled = pen.material.base.duties.iter().filter(|duty| duty.state.settled()).count();
    if open.is_empty() {
        return Block::paragraph(pen.pick(
            format!("No duty is open; settled: {settled}."),
            format!("未了の義務なし（処理済み：{settled}件）。"),
        ));
    }
    let more = open.len().saturating_sub(most);
    let rows = open.iter().take(most).map(|duty| {
        let left = duty.due_at.map(|due| clock(pen, due)).unwrap_or_else(|| "–".to_owned());
        let (title, clause) = (duty.wording.title.get(pen.lang), duty.clause.get(pen.lang));
        let (due, nature) = (duty.wording.due.get(pen.lang), duty.nature.label(pen.lang));
        vec![
            Rich::from(pen.pick(format!("{title} ({clause})"), format!("{title}（{clause}）"))),
            Rich::from(pen.pick(format!("{due} ({nature})"), format!("{due}（{nature}）"))),
            Rich::new().strong(left),
        ]
    });
    let mut rows: Vec<Vec<Rich>> = rows.collect();
    if more > 0 {
        let text = pen.pick(format!("and {more} more"), format!("ほか{more}件"));
        rows.push(vec![Rich::from(text), Rich::from("–"), Rich::from("–")]);
    }
    let caption =
        pen.pick(format!("Open duties; settled: {settled}"), format!("未了の義務（処理済み：{settled}件）"));
    let columns = vec![
        Column::new(pen.say("Duty", "義務"), 5),
        Column::new(pen.say("Due", "期限"), 5),
        Column::new(pen.say("Left", "残り"), 2),
    ];
    Block::Table(Table { caption: Some(caption), columns, rows, row_headers: true })
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
fn decisions(pen: &Writer<'_>, most: usize) -> Block {
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
    let more = needed.len().saturating_sub(most);
    needed.truncate(most);
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
