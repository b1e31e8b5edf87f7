//! Single items that several forms ask for: each from one kind of data, or an open point. Pure.

use document::{Choice, Rich, Value};
use law::Lang;

use super::writer::Writer;
use crate::incidents::model::{ActionState, EntryKind, TeamRole};

/// Whom to ask: the first role of the team that is filled.
pub fn contact(pen: &Writer<'_>, roles: &[TeamRole]) -> Value {
    let members = &pen.material.base.members;
    let found = roles.iter().find_map(|role| {
        members.iter().filter(|member| member.until.is_none()).find(|member| member.role == *role)
    });
    let Some(member) = found else {
        let wanted: Vec<String> = roles.iter().map(|role| pen.words.role(*role)).collect();
        let wanted = wanted.join(pen.say(" or ", "又は"));
        let why = pen.pick(
            format!("put somebody with the role “{wanted}” on the team"),
            format!("対策本部に「{wanted}」を登録すれば確定"),
        );
        return Value::Unknown { why };
    };
    let who = pen.pick(
        format!("{}, {} ({})", member.name, member.organisation, pen.words.role(member.role)),
        format!("{}　{}（{}）", member.organisation, member.name, pen.words.role(member.role)),
    );
    match &member.contact {
        Some(contact) => format!("{who}\n{contact}").into(),
        None => Rich::new()
            .text(format!("{who}\n"))
            .unknown(pen.say("give this member's contact", "この担当者の連絡先を登録すれば確定"))
            .into(),
    }
}

/// Leak, loss, damage: happened or feared.
pub fn event(pen: &Writer<'_>) -> Value {
    let Some((kinds, suspected)) = pen.words_of("event.kinds") else { return pen.by_fact("event.kinds") };
    let has = |words: &[&str]| kinds.iter().any(|kind| words.contains(&kind.as_str()));
    let rows: [(&[&str], &str, &str); 4] = [
        (&["leak", "viewable_by_others"], "leak", "漏えい"),
        (&["loss"], "loss", "滅失"),
        (&["damage"], "damage", "毀損"),
        (&["unavailability", "unlawful_use", "unlawful_provision"], "other", "その他"),
    ];
    let choices = rows.iter().map(|(words, en, ja)| {
        let label = match suspected {
            true => pen.pick(format!("{en} (feared)"), format!("{ja}のおそれ")),
            false => pen.say(en, ja).to_owned(),
        };
        Choice::new(label, has(words))
    });
    Value::Choices(choices.collect())
}

/// Who or what found it; never a name of somebody concerned.
pub fn finders(pen: &Writer<'_>) -> Value {
    let lines = pen.report.summary.findings.iter().map(|finding| {
        let by = match &finding.reporter {
            Some(reporter) => pen.pick(
                format!("{} ({reporter})", finding.source),
                format!("{}（{reporter}）", finding.source),
            ),
            None => finding.source.clone(),
        };
        pen.labelled(&format!("{} {by}", finding.at), &finding.summary)
    });
    Value::or_unknown(
        pen.lines(lines.collect()),
        pen.say("report the finding that began it", "発端となった検知を登録すれば確定"),
    )
}

/// Who entrusted whom, and how many did.
pub fn entrustment(pen: &Writer<'_>) -> Value {
    let total = pen.count("parties.entrustors_total");
    let total = total
        .map(|count| pen.pick(format!("\nEntrusting parties: {count}"), format!("\n委託元の数：{count}")));
    role(pen, total.as_deref().unwrap_or_default())
}

/// The same without the number, which is of all customers.
pub fn own_role(pen: &Writer<'_>) -> Value {
    role(pen, "")
}

fn role(pen: &Writer<'_>, total: &str) -> Value {
    let Some((role, suspected)) = pen.word("parties.role") else { return pen.by_fact("parties.role") };
    let role = match role {
        "controller" => pen.say("decides on the handling itself", "自ら取り扱う事業者"),
        "joint_controller" => pen.say("handles the data jointly with others", "他の事業者と共同で取扱い"),
        "processor" => pen.say("entrusted with the handling", "委託先として取扱い"),
        _ => pen.say("entrusted by an entrusted party", "再委託先として取扱い"),
    };
    let mut text = role.to_owned();
    if suspected {
        text.push_str(pen.say(" (suspected)", "（見込み）"));
    }
    text.push_str(total);
    let vendors = pen.material.base.members.iter().filter(|member| member.role == TeamRole::VendorContact);
    let mut vendors: Vec<&str> = vendors.map(|member| member.organisation.as_str()).collect();
    vendors.sort_unstable();
    vendors.dedup();
    if !vendors.is_empty() {
        let vendors = vendors.join(pen.say(", ", "、"));
        text.push_str(&pen.pick(
            format!("\nEntrusted parties and vendors: {vendors}"),
            format!("\n委託先・ベンダー：{vendors}"),
        ));
    }
    text.into()
}

/// The course of events, as the timeline has it; what was replaced is left out.
pub fn course(pen: &Writer<'_>) -> Value {
    let told = [
        EntryKind::Event,
        EntryKind::Report,
        EntryKind::Detection,
        EntryKind::Investigation,
        EntryKind::Decision,
        EntryKind::Containment,
        EntryKind::Communication,
        EntryKind::Authority,
    ];
    let lines = pen
        .material
        .base
        .timeline
        .iter()
        .filter(|entry| entry.superseded_by.is_none() && told.contains(&entry.kind))
        .map(|entry| {
            let at = pen.words.occurred(entry.occurred_at, entry.occurred_until, entry.precision);
            pen.labelled(
                &pen.pick(
                    format!("{at}, {}", pen.words.kind(entry.kind)),
                    format!("{at}　{}", pen.words.kind(entry.kind)),
                ),
                &entry.text,
            )
        });
    Value::or_unknown(
        pen.lines(lines.collect()),
        pen.say("add entries to the timeline", "時系列に記録を追加すれば確定"),
    )
}

/// Electronic, paper.
pub fn medium(pen: &Writer<'_>) -> Value {
    let Some((medium, _)) = pen.word("data.medium") else { return pen.by_fact("data.medium") };
    let rows = [("electronic", "electronic medium", "電子媒体"), ("paper", "paper", "紙")];
    let choices = rows.map(|(word, en, ja)| Choice::new(pen.say(en, ja), medium == word || medium == "both"));
    Value::Choices(choices.to_vec())
}

/// Whose system or people it was.
pub fn whose(pen: &Writer<'_>) -> Value {
    let Some((target, _)) = pen.word("cause.target") else { return pen.by_fact("cause.target") };
    let rows = [
        ("own", "the operator that reports", "報告者"),
        ("entrustee", "an entrusted party", "委託先"),
        ("service", "a third party's service", "利用している第三者のサービス"),
    ];
    Value::Choices(rows.map(|(word, en, ja)| Choice::new(pen.say(en, ja), target == word)).to_vec())
}

/// What kind of cause.
pub fn cause_kind(pen: &Writer<'_>) -> Value {
    let Some((kind, suspected)) = pen.word("cause.category") else { return pen.by_fact("cause.category") };
    let kind = match kind {
        "misconfiguration" => pen.say("misconfiguration", "設定の誤り"),
        "mis_send" => pen.say("sent to the wrong recipient", "誤送付・誤交付"),
        "loss" => pen.say("loss", "紛失"),
        "theft" => pen.say("theft", "盗難"),
        "intrusion" => pen.say("intrusion", "不正アクセス"),
        "malware" => pen.say("malware", "マルウェア"),
        "insider" => pen.say("act of an insider", "内部者の行為"),
        "skimming" => pen.say("skimming of a page", "ページの改ざんによる窃取"),
        "supply_chain" => pen.say("supply chain", "サプライチェーン"),
        _ => pen.say("other", "その他"),
    };
    match suspected {
        true => pen.pick(format!("{kind} (suspected)"), format!("{kind}（推定）")).into(),
        false => kind.into(),
    }
}

/// Why it happened, in the team's words.
pub fn cause(pen: &Writer<'_>) -> Value {
    Value::or_unknown(
        pen.texts(&pen.report.causes),
        pen.say("add an entry CAUSE to the timeline", "時系列に「原因」を記録すれば確定"),
    )
}

/// What it meant for the people concerned, in the team's words.
pub fn impact(pen: &Writer<'_>) -> Value {
    Value::or_unknown(
        pen.paragraphs(pen.report.summary.impact.clone()),
        pen.say("add an entry IMPACT to the timeline", "時系列に「影響」を記録すれば確定"),
    )
}

/// Whether there is secondary damage or fear of it. A fear of damage to property is one; that there is none, says nothing of others.
pub fn damage(pen: &Writer<'_>) -> Value {
    match pen.flag("risk.property_damage") {
        Some(true) => {
            pen.say("Feared: damage to property by misuse", "おそれあり（不正利用による財産的被害）").into()
        }
        _ => pen.by_hand("whether there is secondary damage or fear of it", "二次被害又はそのおそれの有無"),
    }
}

/// What happened, in the team's words.
pub fn summary(pen: &Writer<'_>) -> Value {
    // One entry's paragraphs: a part of it is no entry that could be counted.
    let told = pen.report.summary.what.join("\n");
    let told = (!told.is_empty()).then_some(told);
    Value::or_unknown(
        told.and_then(|told| pen.paragraphs(vec![told])),
        pen.say("add an entry SUMMARY to the timeline", "時系列に「概要」を記録すれば確定"),
    )
}

/// Who was told, in numbers, and what else was done for the people concerned.
pub fn response(pen: &Writer<'_>) -> Value {
    let mut lines: Vec<String> = Vec::new();
    for notice in &pen.report.communications.notices {
        lines.push(pen.pick(
            format!(
                "{}, notice to {}: {} – {} of {} accepted by the mail server, {} waiting, {} failed",
                notice.at,
                notice.audience,
                notice.state,
                notice.accepted,
                notice.total,
                notice.waiting,
                notice.failed
            ),
            format!(
                "{}　{}への通知：{}（全{}件のうちメールサーバ受理{}件、送信待ち{}件、失敗{}件）",
                notice.at,
                notice.audience,
                notice.state,
                notice.total,
                notice.accepted,
                notice.waiting,
                notice.failed
            ),
        ));
    }
    lines.extend(pen.report.communications.entries.iter().map(|entry| pen.labelled(&entry.at, &entry.text)));
    lines.extend(pen.passages(&pen.report.measures));
    Value::or_unknown(
        pen.lines(lines),
        pen.say(
            "send a notice, or add an entry COMMUNICATION or MEASURE to the timeline",
            "通知を送信するか、時系列に「連絡」又は「措置」を記録すれば確定",
        ),
    )
}

/// Whether and when it was published.
pub fn publication(pen: &Writer<'_>) -> Value {
    match pen.moment("persons.published_at") {
        Some(at) => pen.pick(format!("Published: {at}"), format!("公表済み：{at}")).into(),
        None => pen.by_fact("persons.published_at"),
    }
}

/// Containment and corrective actions: done, planned.
pub struct Actions {
    pub done: Value,
    pub planned: Value,
}

/// What was done so that it ends and does not happen again, and what is planned.
pub fn actions(pen: &Writer<'_>) -> Actions {
    let line = |state: ActionState| {
        let known = pen.material.base.actions.iter().zip(&pen.report.actions);
        known.filter(move |(action, _)| action.state == state).map(|(_, told)| {
            let mut parts: Vec<String> = told.owner.iter().cloned().collect();
            parts.extend(told.requirement.iter().cloned());
            parts.extend(told.done_at.iter().cloned());
            if told.done_at.is_none() {
                let period = [
                    told.starts.as_ref().map(|at| pen.pick(format!("from {at}"), format!("{at}から"))),
                    told.due.as_ref().map(|at| pen.pick(format!("by {at}"), format!("{at}まで"))),
                ];
                parts.extend(period.into_iter().flatten());
            }
            match (parts.is_empty(), pen.lang) {
                (true, _) => told.title.clone(),
                (false, Lang::En) => format!("{} ({})", told.title, parts.join(", ")),
                (false, Lang::Ja) => format!("{}（{}）", told.title, parts.join("、")),
            }
        })
    };
    let mut done: Vec<String> = pen.passages(&pen.report.containment);
    done.extend(line(ActionState::Done));
    let planned: Vec<String> = line(ActionState::Planned).collect();
    Actions {
        done: Value::or_unknown(
            pen.lines(done),
            pen.say(
                "record the containment, or complete a corrective action",
                "封じ込めを記録するか、是正措置を完了すれば確定",
            ),
        ),
        planned: Value::or_unknown(
            pen.lines(planned),
            pen.say(
                "no corrective action is planned: plan one",
                "予定されている是正措置の記録がない。是正措置を登録すれば確定",
            ),
        ),
    }
}
