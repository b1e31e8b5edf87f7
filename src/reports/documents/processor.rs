//! From a processor to one controller: GDPR Art. 33(2); APPI Art. 26(1) proviso and Rule 9 of its Enforcement Rules, by which the
//! controller is given the known items of Rule 8(1). Numbers of this controller's people only: nothing of the list tells how many
//! others there are, nor does the document's number. Texts of the timeline are the team's own words; `docs/DOCUMENTS.md` says what to
//! look at before sending.

use document::{Block, Document, Field, Inline, Rich, Value};
use law::Lang;

use super::items;
use super::legal::{APPI, GDPR, disclaimer};
use super::material::{Material, Recipient};
use super::others::Others;
use super::writer::Writer;
use crate::incidents::affected::State;
use crate::incidents::model::TeamRole;

/// Builds the notice.
pub fn build(material: &Material, recipient: &Recipient, lang: Lang) -> Document {
    let pen = Writer::new(material, lang);
    let name = pen.say(&recipient.name_en, &recipient.name_ja);
    let opening = pen.pick(
        format!(
            "To {name}. {} handles personal data entrusted by you and tells you of the following.",
            pen.report.operator
        ),
        format!(
            "{name} 御中\n{}は、貴組織から取扱いの委託を受けた個人データに関し、次のとおり通知する。",
            pen.report.operator
        ),
    );
    let blocks = vec![
        Block::paragraph(opening),
        pen.heading(1, "What this notice rests on", "通知の根拠"),
        Block::Fields(grounds(&pen)),
        pen.heading(1, "What is known", "把握している内容"),
        Block::Fields(known(&pen, recipient)),
        note(&pen),
    ];
    let title = pen.say("Notice of an incident to the controller", "委託元への事故の通知");
    pen.document(title.to_owned(), blocks)
}

fn grounds(pen: &Writer<'_>) -> Vec<Field> {
    let japan = match pen.decision(APPI) {
        Some(decision) if decision.scope == law::Scope::Out => pen.ruling(APPI, "regulator"),
        _ => pen
            .say(
                "An entrusted operator that gives the entrusting one the known items of Rule 8(1) need not report itself, where the entrusting one bears the duty (Act Art. 26(1) proviso; Rule 9). The entrusting one counts as knowing at the latest when it is told (GL 3-5-3-5).",
                "委託先が、報告義務を負う委託元に規則8条1項各号の把握事項を通知したときは、委託先の報告を要しない（法26条1項ただし書、規則9条）。委託元は、遅くとも本通知を受けた時に知ったこととなる（ガイドライン3-5-3-5）。",
            )
            .into(),
    };
    let mut role = items::own_role(pen).to_rich();
    if pen.word("parties.role").is_some_and(|(role, _)| role == "controller" || role == "joint_controller") {
        role = role.text("\n").unknown(pen.say(
            "by its facts the operator decides on the handling itself: check whether this notice is due at all",
            "記録された事実では運用者自らが取り扱う事業者であり、本通知の要否を確認すること",
        ));
    }
    vec![
        pen.field("0-1", "Japan (APPI)", "日本（個人情報保護法）", japan),
        pen.field(
            "0-2",
            "European Union (GDPR Art. 33(2))",
            "EU（GDPR 33条2項）",
            pen.ruling(GDPR, "controller"),
        ),
        pen.field("0-3", "Role in the handling", "取扱いにおける立場", role),
    ]
}

fn known(pen: &Writer<'_>, recipient: &Recipient) -> Vec<Field> {
    let actions = items::actions(pen);
    let lists = &pen.material.base.lists;
    // Without a list nobody knows which numbers are of others.
    let others =
        (!lists.is_empty()).then(|| Others::of(recipient, lists.iter().map(|(list, _)| &list.counts)));
    let own = |value: Value| of_nobody_else(pen, others.as_ref(), value);
    vec![
        pen.field("1-1", "(1) Outline: what happened", "(1)概要：事案", own(items::summary(pen))),
        pen.field("1-2", "(1) Outline: period", "(1)概要：発生日時", pen.period()),
        pen.field("1-3", "(1) Outline: noticed", "(1)概要：発覚日時", pen.noticed()),
        pen.field("2", "(2) Items of data", "(2)個人データの項目", data_items(pen, recipient)),
        pen.field("3", "(3) Number of your people", "(3)貴組織に係る本人の数", persons(pen, recipient)),
        pen.field("4", "(4) Cause", "(4)原因", own(items::cause(pen))),
        pen.field(
            "5",
            "(5) Secondary damage, likely consequences",
            "(5)二次被害又はそのおそれ",
            own(items::impact(pen)),
        ),
        pen.field("6", "(6) Response to the persons", "(6)本人への対応", own(response(pen))),
        pen.field("7", "(7) Publication", "(7)公表", items::publication(pen)),
        pen.field("8-1", "(8) Measures: done", "(8)措置：実施済み", own(actions.done)),
        pen.field("8-2", "(8) Measures: planned", "(8)措置：実施予定", own(actions.planned)),
        pen.field(
            "9",
            "Contact",
            "連絡先",
            items::contact(pen, &[TeamRole::PublicContact, TeamRole::PrivacyOfficer]),
        ),
    ]
}

/// The team's own words, unless they tell how many people or customers are concerned in all or elsewhere, or name another
/// customer: then somebody has to write them for this customer. So too as long as nobody can tell.
fn of_nobody_else(pen: &Writer<'_>, others: Option<&Others>, value: Value) -> Value {
    if matches!(value, Value::Unknown { .. }) {
        return value;
    }
    let Some(others) = others else {
        return pen.unknown(
            "there is no affected list yet that says which numbers are of others: make it from the logs and make the notice again, or write this for this customer by hand",
            "他の委託元に関する数を判別するための対象者リストがない。ログから作成して本通知を再作成するか、この委託元向けの記載を手入力",
        );
    };
    let told: String = value
        .to_rich()
        .0
        .iter()
        .map(|inline| match inline {
            Inline::Text(text)
            | Inline::Strong(text)
            | Inline::Emphasis(text)
            | Inline::Link { text, .. } => text.as_str(),
            Inline::Unknown { .. } => "",
        })
        .collect();
    match others.are_told_in(&told) {
        false => value,
        true => pen.unknown(
            "the timeline's words tell of others than you; write them for this customer by hand",
            "時系列の記載に他の委託元に関する数又は名称が含まれるため、この委託元向けの記載を手入力",
        ),
    }
}

/// Items of data of this customer's people, by their kinds: which kinds others have is not told.
fn data_items(pen: &Writer<'_>, recipient: &Recipient) -> Value {
    let Some((revision, _)) = pen.list() else { return pen.without_list() };
    let own = revision.counts.by_tenant.iter().filter(|count| count.tenant == recipient.slug);
    let kinds: Vec<&str> = own.map(|count| count.kind.as_str()).collect();
    let declared = |kind: &&str| {
        pen.material.base.system.as_deref().is_none_or(|system| system.record_type(kind).is_some())
    };
    if kinds.is_empty() || !kinds.iter().all(declared) {
        return pen.unknown(
            "the affected list does not say of which kind your people are",
            "貴組織に係る対象者の種別が対象者リストから判明しない",
        );
    }
    pen.data_items_of(kinds)
}

/// People of this customer on the list, by kind.
fn persons(pen: &Writer<'_>, recipient: &Recipient) -> Value {
    let Some((revision, list)) = pen.list() else { return pen.without_list() };
    let own = revision.counts.by_tenant.iter().filter(|count| count.tenant == recipient.slug);
    let system = pen.material.base.system.as_deref();
    let lines: Vec<String> = own
        .map(|count| {
            let kind = system
                .and_then(|system| system.record_type(&count.kind))
                .map_or(count.kind.as_str(), |kind| pen.say(&kind.title.en, &kind.title.ja));
            pen.pick(
                format!("{kind}: {} persons, {} of them certain", count.persons, count.confirmed),
                format!("{kind}：{}名（うち確実：{}名）", count.persons, count.confirmed),
            )
        })
        .collect();
    let mut rich = Rich::new().text(match lines.is_empty() {
        true => pen.say("none of your people are on the list", "貴組織に係る対象者はリストにない").to_owned(),
        false => lines.join("\n"),
    });
    rich = rich.text(pen.pick(
        format!("\nBy revision {} of the affected list ({})", list.number, list.state),
        format!("\n対象者リスト第{}版（{}）による", list.number, list.state),
    ));
    if list.indeterminate > 0 {
        rich = rich.text("\n").unknown(pen.say(
            "there are people of whom the logs cannot tell; whether yours are among them is not counted by organisation",
            "ログから判断できない者があり、貴組織に係る者が含まれるかは組織別に集計されていない",
        ));
    }
    if revision.state != State::Approved {
        rich = rich.text("\n").unknown(pen.say(
            "the list is not approved yet, its number may change",
            "リストは承認前であり、人数は変わり得る",
        ));
    }
    rich.into()
}

/// Whether notices are sent, without their numbers: those are of all customers.
fn response(pen: &Writer<'_>) -> Value {
    let mut lines: Vec<String> = pen
        .report
        .communications
        .notices
        .iter()
        .map(|notice| {
            pen.pick(
                format!("{}, notice to {}: {}", notice.at, notice.audience, notice.state),
                format!("{}　{}への通知：{}", notice.at, notice.audience, notice.state),
            )
        })
        .collect();
    lines.extend(pen.passages(&pen.report.measures));
    Value::or_unknown(
        pen.lines(lines),
        pen.say(
            "send a notice, or add an entry MEASURE to the timeline",
            "通知を送信するか、時系列に「措置」を記録すれば確定",
        ),
    )
}

fn note(pen: &Writer<'_>) -> Block {
    let mut body = Vec::new();
    if let Some(assessed) = pen.assessed() {
        body.push(Rich::from(pen.pick(format!("Law: {assessed}"), format!("法的評価：{assessed}"))));
    }
    body.push(Rich::from(disclaimer(pen.lang)));
    Block::Note(document::Note { kind: document::NoteKind::Info, body })
}
