//! Public notice for the operator's web pages: items 1, 2, 4, 5 and 9 of Rule 8(1), as Rule 10 of the APPI's Enforcement Rules
//! asks of notices to persons, with an inquiry desk; where persons cannot be told, publication may stand in (guideline 3-5-4-5).
//! Short, and without a word of law.

use document::{Block, Document, Rich, Value};
use law::Lang;

use super::items;
use super::material::Material;
use super::public;
use super::writer::Writer;
use crate::incidents::model::TeamRole;

/// Builds the notice.
pub fn build(material: &Material, lang: Lang) -> Document {
    let pen = Writer::new(material, lang);
    let title = pen.pick(
        format!("Notice of an incident in the {}", pen.report.system),
        format!("{}における情報漏えい等のおそれに関するお知らせ", pen.report.system),
    );
    let section =
        |en: &str, ja: &str, value: Value| [pen.heading(1, en, ja), Block::paragraph(value.to_rich())];
    let mut blocks = vec![
        Block::paragraph(pen.report.date.clone()),
        Block::paragraph(Rich::new().strong(public::subtitle(&pen))),
        public::apology(&pen),
    ];
    blocks.extend(section("What happened", "概要", items::summary(&pen)));
    blocks.extend(section("When", "発生した時間", pen.period()));
    blocks.extend(section("Items of data", "対象となる情報の項目", pen.data_items()));
    blocks.extend(section(
        "How many people may be concerned",
        "対象となり得る方の数",
        pen.persons_in_short(),
    ));
    blocks.extend(section("Cause", "原因", items::cause(&pen)));
    blocks.extend(section("Effects and damage", "影響・二次被害又はそのおそれ", items::impact(&pen)));
    let actions = items::actions(&pen);
    blocks.extend(section("What was done", "対応", actions.done));
    blocks.extend(section("What will be done", "今後の対応", actions.planned));
    blocks.extend(section("Whom to ask", "お問い合わせ先", items::contact(&pen, &[TeamRole::PublicContact])));
    pen.document(title, blocks)
}
