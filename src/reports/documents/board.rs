//! One page for those who decide: state, numbers, clocks, duties, and what waits for a decision. Cut to fit, and it says so.

use document::{Block, Column, Document, Rich, Table, Value};
use law::{Lang, Outcome};

use super::bounds::cut;
use super::legal;
use super::material::Material;
use super::writer::Writer;
use crate::duties::{Duty, DutyState};
use crate::incidents::affected::State;
use crate::incidents::model::{ActionState, InquiryState};
use crate::notices::{Audience, NoticeState};

/// Most lines about laws.
const MAX_LAWS: usize = 4;
/// Most decisions.
const MAX_DECISIONS: usize = 6;
/// Most duties: more do not fit on a page, whatever else is left out.
const MAX_DUTIES: usize = 14;
/// Characters of a text that is longer elsewhere.
const MAX_TEXT: usize = 90;

/// How much stands on the page.
#[derive(Clone, Copy)]
struct Rows {
    laws: usize,
    decisions: usize,
    duties: usize,
}

/// Builds the summary. As many duties as fit on one page stand there, then as many decisions, then as many laws: what is due by when is
/// what a board must not miss, and each duty names its law.
pub fn build(material: &Material, lang: Lang) -> Document {
    let pen = Writer::new(material, lang);
    let (open, needed) = (open_duties(&pen), needed(&pen));
    let with = |rows: Rows| with_rows(&pen, &open, &needed, rows);
    let mut rows = Rows { laws: 0, decisions: 1, duties: 1 };
    rows.duties = most(1, open.len().min(MAX_DUTIES), |duties| is_one_page(with(Rows { duties, ..rows })));
    rows.decisions =
        most(1, needed.len().min(MAX_DECISIONS), |decisions| is_one_page(with(Rows { decisions, ..rows })));
    rows.laws = most(0, MAX_LAWS, |laws| is_one_page(with(Rows { laws, ..rows })));
    with(rows)
}

/// The most that fits; the least where nothing does: then the shortest form stands, whatever its length.
fn most(least: usize, most: usize, fits: impl Fn(usize) -> bool) -> usize {
    (least + 1..=most).rev().find(|rows| fits(*rows)).unwrap_or(least)
}

/// Whether it is one page long. What does not render is told where it is stored.
fn is_one_page(document: Document) -> bool {
    let pages = document.check().ok().and_then(|sheet| sheet.pdf().ok()).map(|pdf| pdf.pages);
    pages.is_none_or(|pages| pages == 1)
}

fn with_rows(pen: &Writer<'_>, open: &[&Duty], needed: &[String], rows: Rows) -> Document {
    let title = pen.pick(
        format!("Board summary: incident {}", pen.report.number),
        format!("経営会議向け要約：インシデント{}", pen.report.number),
    );
    let blocks = vec![
        state(pen, rows.laws),
        pen.heading(1, "Clocks and duties", "期限と義務"),
        duties(pen, open, rows.duties),
        pen.heading(1, "Decisions needed", "判断を要する事項"),
        decisions(pen, needed, rows.decisions),
        Block::paragraph(legal::disclaimer(pen.lang)),
    ];
    pen.document(title, blocks)
}

fn state(pen: &Writer<'_>, most: usize) -> Block {
    let material = &pen.material.base;
    let what = Rich::new().strong(cut(&pen.report.title, MAX_TEXT)).text(format!(
        "\n{}{}{}",
        pen.report.system,
        pen.say(", ", "、"),
        pen.report.status
    ));
    let told = |audience: Audience| -> (u64, u64) {
        let notices = material.notices.iter().filter(|(notice, _)| notice.audience == audience);
        notices.fold((0, 0), |(accepted, waiting), (_, counts)| {
            (
                accepted + counts.accepted + counts.told_otherwise,
                waiting + counts.open() + counts.not_reached(),
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
            "told (waiting or not reached): persons {persons_told} ({persons_open}), organisations {tenants_told} ({tenants_open}); corrective actions done {done}, planned {planned}; inquiries open {open}"
        ),
        format!(
            "通知済み（送信待ち・未達）：本人{persons_told}（{persons_open}）、組織{tenants_told}（{tenants_open}）。是正措置：完了{done}、予定{planned}。未回答の問い合わせ：{open}"
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

/// Duties that are open, the most urgent first.
fn open_duties<'m>(pen: &Writer<'m>) -> Vec<&'m Duty> {
    let duties = &pen.material.base.duties;
    let mut open: Vec<&Duty> = duties.iter().filter(|duty| duty.state == DutyState::Open).collect();
    open.sort_by_key(|duty| (duty.due_at.is_none(), duty.due_at, duty.kind.clone()));
    open
}

fn duties(pen: &Writer<'_>, open: &[&Duty], most: usize) -> Block {
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
fn needed(pen: &Writer<'_>) -> Vec<String> {
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
                let missing = cut(&legal::missing(decision, pen.lang).join(pen.say(", ", "、")), MAX_TEXT);
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
    needed
}

fn decisions(pen: &Writer<'_>, needed: &[String], most: usize) -> Block {
    let more = needed.len().saturating_sub(most);
    let mut needed: Vec<String> = needed.iter().take(most).cloned().collect();
    if more > 0 {
        needed.push(pen.pick(format!("and {more} more"), format!("ほか{more}件")));
    }
    if needed.is_empty() {
        return pen.paragraph("None by the records of this version.", "本版の記録上、該当なし。");
    }
    Block::bullets(needed)
}
