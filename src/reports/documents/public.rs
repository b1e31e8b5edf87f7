//! Interim and final report to the public, in the form that the founding day's report had: what it is in short, the course of
//! events, how it was found, whom it may concern and by which method, who was told, what the law says, what is done, what comes
//! next, whom to ask. Of questions only those to and from vendors and authorities: customers are not named to the public.

use document::{Block, Column, Document, Rich, Table, Value};
use law::{Lang, Scope};

use super::items;
use super::material::Material;
use super::writer::Writer;
use crate::incidents::model::{EntryKind, FindingSource, Party, TeamRole};
use crate::incidents::{Entry, entry_text};
use crate::reports::model::Inquiry;

/// Which of the two reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// 中間報告書.
    Interim,
    /// 最終報告書.
    Final,
}

/// What the public reads of the timeline. Notes, meetings' minutes and what the service writes itself are the team's own.
const TOLD: [EntryKind; 8] = [
    EntryKind::Event,
    EntryKind::Detection,
    EntryKind::Report,
    EntryKind::Decision,
    EntryKind::Containment,
    EntryKind::Investigation,
    EntryKind::Communication,
    EntryKind::Authority,
];

/// Builds the report.
pub fn build(material: &Material, stage: Stage, lang: Lang) -> Document {
    let pen = Writer::new(material, lang);
    let title = match stage {
        Stage::Interim => pen.say("Interim report", "中間報告書"),
        Stage::Final => pen.say("Final report", "最終報告書"),
    }
    .to_owned();
    let mut blocks =
        vec![Block::paragraph(Rich::new().strong(subtitle(&pen))), Block::paragraph(pen.report.date.clone())];
    blocks.extend(team(&pen));
    blocks.push(opening(&pen));
    blocks.push(apology(&pen));
    blocks.push(pen.heading(1, "Summary", "まとめ"));
    blocks.push(Block::bullets(in_short(&pen)));
    blocks.push(pen.heading(1, "Details", "詳細"));
    blocks.push(pen.heading(2, "1. Course of events", "1. 発生と対応の経過"));
    blocks.push(course(&pen));
    blocks.push(pen.heading(2, "2. Cause", "2. 原因"));
    blocks.push(Block::paragraph(items::cause(&pen).to_rich()));
    blocks.push(pen.heading(2, "3. Whom it may concern", "3. 対象範囲"));
    blocks.extend(scope(&pen));
    blocks.push(pen.heading(2, "4. What was told to whom", "4. 利用者・本人への連絡"));
    blocks.push(Block::paragraph(items::response(&pen).to_rich()));
    blocks.push(pen.heading(2, "5. Law and authorities", "5. 法令上の評価と監督機関への報告"));
    blocks.extend(law(&pen));
    blocks.push(pen.heading(2, "6. Inquiries to vendors", "6. ベンダーへの照会"));
    blocks.push(inquiries(&pen, Party::Vendor));
    blocks.push(pen.heading(2, "7. Measures", "7. 対応と再発防止"));
    blocks.extend(measures(&pen));
    blocks.push(match stage {
        Stage::Interim => pen.heading(1, "What comes next, and when", "今後の対応とスケジュール"),
        Stage::Final => pen.heading(1, "What remains to be done", "残された対応"),
    });
    blocks.push(next(&pen, stage));
    blocks.push(pen.heading(1, "Whom to ask", "本件お問い合わせ先"));
    blocks.push(Block::paragraph(items::contact(&pen, &[TeamRole::PublicContact]).to_rich()));
    blocks.push(pen.basis());
    pen.document(title, blocks)
}

/// What the report is about.
pub fn subtitle(pen: &Writer<'_>) -> String {
    let (operator, system) = (&pen.report.operator, &pen.report.system);
    let day = pen.material.base.incident.occurred_from.map(|from| pen.words.day(from));
    match day {
        Some(day) => pen.pick(
            format!("On the incident of {day} in the {system} that {operator} runs"),
            format!("{operator}が運用する{system}において{day}に発生した事故に関して"),
        ),
        None => pen.pick(
            format!("On an incident in the {system} that {operator} runs"),
            format!("{operator}が運用する{system}における事故に関して"),
        ),
    }
}

/// Words of regret, as reports of this kind open with: no fact.
pub fn apology(pen: &Writer<'_>) -> Block {
    pen.paragraph(
        "We sincerely apologise to everybody whom this incident has troubled or worried.",
        "この度は、関係する皆様にご迷惑とご心配をおかけしておりますことを心よりお詫び申し上げます。",
    )
}

fn team(pen: &Writer<'_>) -> Option<Block> {
    let rows: Vec<Vec<Rich>> = pen
        .report
        .team
        .iter()
        .filter(|member| member.until.is_none())
        .map(|member| {
            [&member.role, &member.name, &member.organisation].map(|text| Rich::from(text.as_str())).to_vec()
        })
        .collect();
    let table = Table {
        caption: Some(pen.say("Response team", "対策本部").to_owned()),
        columns: vec![
            Column::new(pen.say("Role", "役割"), 2),
            Column::new(pen.say("Name", "氏名"), 2),
            Column::new(pen.say("Organisation", "所属"), 3),
        ],
        rows,
        row_headers: true,
    };
    (!table.rows.is_empty()).then_some(Block::Table(table))
}

fn opening(pen: &Writer<'_>) -> Block {
    let rich = items::summary(pen).to_rich();
    let follow =
        pen.say("\nWhat was found and done is reported below.", "\n以下にその状況と対応を報告する。");
    Block::paragraph(rich.text(follow))
}

fn labelled(pen: &Writer<'_>, en: &str, ja: &str, value: Value) -> Rich {
    let mut rich = Rich::new().text(pen.say(en, ja)).text(pen.say(": ", "："));
    rich.0.extend(value.to_rich().0);
    rich
}

fn in_short(pen: &Writer<'_>) -> Vec<Rich> {
    let contained = Value::or_unknown(
        pen.report.summary.contained_at.clone(),
        pen.say("record the containment", "封じ込めを記録すれば確定"),
    );
    let mut points = vec![
        labelled(pen, "Period", "発生時間", pen.period()),
        labelled(pen, "Noticed", "発覚", pen.noticed()),
        labelled(pen, "Contained", "封じ込め", contained),
        labelled(pen, "People who may be concerned", "対象となり得る方", pen.persons()),
        labelled(pen, "Items of data", "情報の項目", pen.data_items()),
        labelled(pen, "Effects", "影響", items::impact(pen)),
    ];
    for line in pen.other_laws("") {
        points.push(Rich::from(line));
    }
    if pen.assessed().is_none() {
        points.push(labelled(pen, "Law", "法的評価", pen.without_assessment()));
    }
    points.push(labelled(pen, "Publication", "公表", items::publication(pen)));
    points
}

fn course(pen: &Writer<'_>) -> Block {
    let entries = pen.material.base.timeline.iter().filter(|entry| entry.superseded_by.is_none());
    let rows = entries
        .filter(|entry| TOLD.contains(&entry.kind))
        .map(|entry| {
            let at = pen.words.occurred(entry.occurred_at, entry.occurred_until, entry.precision);
            vec![Rich::from(at), Rich::from(pen.words.kind(entry.kind)), Rich::from(told(pen, entry))]
        })
        .collect();
    Block::Table(Table {
        caption: Some(pen.pick(
            format!("All times in the zone {}", pen.report.zone),
            format!("時刻は{}による", pen.report.zone),
        )),
        columns: vec![
            Column::new(pen.say("When", "日時"), 4),
            Column::new(pen.say("Kind", "種別"), 2),
            Column::new(pen.say("What", "内容"), 8),
        ],
        rows: pen.rows(rows),
        row_headers: false,
    })
}

/// What the public reads of an entry. Where the service itself saw something, it wrote names of routes and ids of answers: that
/// something was seen is enough. Who reported something is nobody's business.
fn told<'t>(pen: &'t Writer<'_>, entry: &'t Entry) -> &'t str {
    let of_it = pen.material.base.findings.iter().find(|finding| entry.text == entry_text(finding));
    match (entry.kind, of_it) {
        (EntryKind::Detection, Some(finding)) if finding.source != FindingSource::Person => {
            pen.say("detected by the monitoring", "監視による検知")
        }
        (EntryKind::Report, Some(finding)) => &finding.summary,
        _ => &entry.text,
    }
}

fn scope(pen: &Writer<'_>) -> Vec<Block> {
    let mut blocks = vec![pen.paragraph(
        "Numbers only: nobody is named in this report.",
        "人数のみを記載し、個人を特定する情報は記載していない。",
    )];
    let lists = &pen.report.scope.lists;
    if lists.is_empty() {
        blocks.push(Block::paragraph(pen.without_list().to_rich()));
        return blocks;
    }
    let rows = lists.iter().map(|list| {
        let kinds: Vec<String> = list
            .kinds
            .iter()
            .map(|kind| {
                pen.pick(
                    format!("{}: {} ({}: {})", kind.name, kind.persons, pen.tenant_word(), kind.tenants),
                    format!("{}：{}名（{}数：{}）", kind.name, kind.persons, pen.tenant_word(), kind.tenants),
                )
            })
            .collect();
        let moved = match &list.difference {
            None => pen.say("first list", "最初のリスト").to_owned(),
            Some(moved) => format!("+{} −{}", moved.added, moved.removed),
        };
        vec![
            Rich::from(list.number.to_string()),
            Rich::from(format!("{}\n{}", list.at, list.state)),
            Rich::from(kinds.join("\n")),
            Rich::from(list.persons.to_string()),
            Rich::from(moved),
            Rich::from(list.reason.as_str()),
        ]
    });
    let rows = pen.rows(rows.collect());
    blocks.push(Block::Table(Table {
        caption: Some(pen.say("Revisions of the affected list", "対象者リストの版").to_owned()),
        columns: vec![
            Column::number(pen.say("No.", "版"), 1),
            Column::new(pen.say("Made, state", "作成・状態"), 3),
            Column::new(pen.say("By kind", "種別ごと"), 4),
            Column::number(pen.say("In all", "合計"), 2),
            Column::number(pen.say("Change", "差"), 2),
            Column::new(pen.say("Reason", "理由"), 5),
        ],
        rows,
        row_headers: false,
    }));
    if let Some((_, list)) = pen.list() {
        let mut points = vec![Rich::from(pen.labelled(pen.say("Method", "方法"), &list.method))];
        points.extend(list.question.iter().map(|line| Rich::from(line.as_str())));
        points.extend(list.statement.iter().map(|line| Rich::from(line.as_str())));
        points.extend(
            list.gaps
                .iter()
                .map(|gap| Rich::from(pen.labelled(pen.say("Gap in the logs", "ログの欠け"), gap))),
        );
        blocks.push(Block::bullets(points));
    }
    blocks
}

fn law(pen: &Writer<'_>) -> Vec<Block> {
    let Some(assessment) = &pen.material.base.assessment else {
        return vec![Block::paragraph(pen.without_assessment().to_rich())];
    };
    let mut blocks = Vec::new();
    for decision in assessment.decisions.iter().filter(|decision| decision.scope != Scope::Out) {
        let duties =
            decision.duties.iter().filter(|duty| ["regulator", "persons"].contains(&duty.recipient.as_str()));
        for duty in duties {
            let mut rich = Rich::new().strong(duty.label.get(pen.lang)).text(pen.say(": ", "："));
            rich.0.extend(pen.ruling(&decision.regime, &duty.id).to_rich().0);
            blocks.push(Block::paragraph(rich));
        }
    }
    if blocks.is_empty() {
        blocks.push(
            pen.paragraph(
                "None of the laws that are known here applies.",
                "本システムの対象法令に該当なし。",
            ),
        );
    }
    let settled = pen.report.authority.duties.iter().filter_map(|duty| {
        duty.settled_at.as_ref().map(|at| pen.labelled(at, &format!("{} – {}", duty.title, duty.state)))
    });
    let entries = pen.report.authority.entries.iter().map(|entry| pen.labelled(&entry.at, &entry.text));
    let told = pen.bounded(settled.chain(entries).collect());
    if !told.is_empty() {
        blocks.push(Block::bullets(told));
    }
    blocks.push(inquiries(pen, Party::Authority));
    blocks
}

fn inquiries(pen: &Writer<'_>, party: Party) -> Block {
    // The report's texts are in two lists by kind of party; both keep the order of the material.
    let texts: Vec<&Inquiry> = match party {
        Party::Authority => pen.report.authority.consultations.iter().collect(),
        _ => {
            let others =
                pen.material.base.inquiries.iter().filter(|inquiry| inquiry.party_kind != Party::Authority);
            others
                .zip(&pen.report.inquiries)
                .filter(|(inquiry, _)| inquiry.party_kind == party)
                .map(|(_, told)| told)
                .collect()
        }
    };
    let rows = texts.into_iter().map(|told| {
        let answers = match pen.lines(pen.passages(&told.answers)) {
            Some(answers) => Rich::from(answers),
            None => pen.unknown_rich("no answer is recorded yet", "回答の記録なし"),
        };
        vec![
            Rich::from(told.at.as_str()),
            Rich::from(pen.labelled(&told.direction, &told.party)),
            Rich::from(told.question.as_str()),
            answers,
        ]
    });
    let rows = pen.rows(rows.collect());
    if rows.is_empty() {
        return pen.paragraph("No inquiry is recorded.", "照会の記録なし。");
    }
    Block::Table(Table {
        caption: Some(pen.say("Inquiries and answers", "照会と回答").to_owned()),
        columns: vec![
            Column::new(pen.say("When", "日時"), 3),
            Column::new(pen.say("With whom", "相手"), 3),
            Column::new(pen.say("Question", "照会"), 4),
            Column::new(pen.say("Answer", "回答"), 5),
        ],
        rows,
        row_headers: false,
    })
}

fn measures(pen: &Writer<'_>) -> Vec<Block> {
    let actions = items::actions(pen);
    let mut blocks = vec![
        Block::paragraph(labelled(pen, "Done", "実施済み", actions.done)),
        Block::paragraph(labelled(pen, "Planned", "実施予定", actions.planned)),
    ];
    if let Some(told) = pen.lines(pen.passages(&pen.report.measures)) {
        blocks.push(Block::paragraph(labelled(pen, "For those concerned", "関係者への対応", told.into())));
    }
    blocks
}

fn next(pen: &Writer<'_>, stage: Stage) -> Block {
    let steps: Vec<Rich> = pen
        .report
        .next_steps
        .iter()
        .map(|step| {
            let mut rich = Rich::from(step.what.as_str());
            for part in step.when.iter().chain(&step.who) {
                rich = rich.text(pen.pick(format!(" – {part}"), format!("　{part}")));
            }
            if step.when.is_none() {
                rich = rich.text(" ").unknown(pen.say("no date is recorded", "期日の記録なし"));
            }
            rich
        })
        .collect();
    match (steps.is_empty(), stage) {
        (false, _) => Block::numbered(steps),
        (true, Stage::Interim) => Block::paragraph(pen.unknown_rich(
            "plan corrective actions, or open duties by an assessment",
            "是正措置を登録するか、法的評価を行えば確定",
        )),
        (true, Stage::Final) => {
            pen.paragraph("Nothing is left open in the records.", "記録上、未了の事項はない。")
        }
    }
}
