//! Fields that somebody fills in, and what a version says otherwise than the one before it. Pure.

use document::{Block, Document, Inline, Rich, Value};
use law::Lang;

use super::model::{Change, Entered, Entry, FieldView};
use crate::error::{Error, Result};
use crate::reports::Words;

/// Longest text of a field, in characters.
pub const MAX_TEXT: usize = 5_000;
/// Longest number of a field, in characters.
const MAX_NUMBER: usize = 20;

/// Checks a text that somebody enters: one kind of line end, no control characters.
pub fn check(text: &str) -> Result<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim();
    if !(1..=MAX_TEXT).contains(&text.chars().count()) {
        return Err(Error::invalid("text", format!("wants 1 to {MAX_TEXT} characters"))
            .remedy("give null to take back what was filled in"));
    }
    if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')) {
        return Err(Error::invalid("text", "has control characters").remedy("remove them"));
    }
    Ok(text.to_owned())
}

/// The value of the field with this number.
fn value_of<'d>(document: &'d mut Document, number: &str) -> Option<&'d mut Value> {
    let fields = document.blocks.iter_mut().filter_map(|block| match block {
        Block::Fields(fields) => Some(fields),
        _ => None,
    });
    fields.flatten().find(|field| !number.is_empty() && field.number == number).map(|field| &mut field.value)
}

/// Fills in a field, or takes back what was filled in (`None`).
///
/// # Errors
/// `INVALID` for a field that the document has not, `CONFLICT` for one whose value comes from the data.
pub fn set(
    document: &mut Document,
    entered: &mut Entered,
    number: &str,
    entry: Option<(String, Vec<String>, jiff::Timestamp, uuid::Uuid)>,
    words: &Words,
) -> Result<()> {
    if number.chars().count() > MAX_NUMBER {
        return Err(Error::invalid("field", "is not the number of a field"));
    }
    let earlier = entered.get(number).cloned();
    let value = value_of(document, number).ok_or_else(|| {
        Error::invalid("field", "is not the number of a field of this document")
            .remedy("ask for document.fields")
    })?;
    let was = match &earlier {
        Some(earlier) => earlier.was.clone(),
        None if value.is_open() => value.clone(),
        None => {
            return Err(Error::conflict("this field's value comes from the data")
                .remedy("correct the incident, its timeline, list or facts, and make the document again"));
        }
    };
    match (entry, earlier) {
        (None, None) => {
            return Err(Error::conflict("nothing was filled in here").remedy("ask for document.fields"));
        }
        (None, Some(earlier)) => {
            *value = earlier.was;
            entered.remove(number);
        }
        (Some((text, roles, at, by)), _) => {
            let entry = Entry { text, roles, at, by, was };
            *value = filled(&entry, words);
            entered.insert(number.to_owned(), entry);
        }
    }
    Ok(())
}

/// What is known stays; what was entered takes the place of the open points, with the mark of who did it and when.
fn filled(entry: &Entry, words: &Words) -> Value {
    let mut known = entry.was.to_rich();
    known.0.retain(|inline| !matches!(inline, Inline::Unknown { .. }));
    // An open point stood on a line of its own.
    if let Some(Inline::Text(text)) = known.0.last_mut() {
        text.truncate(text.trim_end().len());
    }
    let mut rich = if known.is_blank() { Rich::new() } else { Rich(known.0).text("\n") };
    let roles: Vec<&str> = entry.roles.iter().map(|role| role_word(role, words)).collect();
    let roles = roles.join(words.say(", ", "・"));
    let at = words.moment(entry.at);
    let mark = match words.lang {
        Lang::En => format!("\n(entered by hand: {roles}, {at})"),
        Lang::Ja => format!("\n〔手入力：{roles}、{at}〕"),
    };
    rich = rich.text(format!("{}{mark}", entry.text));
    rich.into()
}

/// What was entered stays in a later version where the data still leave the field open.
pub fn carry_over(document: &mut Document, earlier: Entered, words: &Words) -> Entered {
    let mut entered = Entered::new();
    for (number, mut entry) in earlier {
        if let Some(value) = value_of(document, &number).filter(|value| value.is_open()) {
            entry.was = value.clone();
            *value = filled(&entry, words);
            entered.insert(number, entry);
        }
    }
    entered
}

fn role_word<'r>(role: &'r str, words: &Words) -> &'r str {
    let (en, ja) = match role {
        "compliance_officer" => ("compliance officer", "コンプライアンス担当"),
        "approver" => ("approver", "承認者"),
        "operator_admin" => ("administrator", "管理者"),
        other => (other, other),
    };
    if words.lang == Lang::Ja { ja } else { en }
}

/// The fields of a document, as they can be copied into a form.
pub fn views(sheet: &document::Sheet, entered: &Entered) -> Vec<FieldView> {
    sheet
        .fields()
        .into_iter()
        .map(|document::FieldText { number, label, text, unknown }| FieldView {
            entered: entered.contains_key(&number),
            number,
            label,
            text,
            unknown,
        })
        .collect()
}

/// A field, or what stands below a heading.
struct Unit {
    number: String,
    label: String,
    text: String,
}

/// Some blocks of a document by themselves.
fn part(document: &Document, blocks: Vec<Block>) -> Document {
    let (language, meta) = (document.language, document.meta.clone());
    Document { title: "-".to_owned(), language, meta, blocks }
}

fn units(document: &Document) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut heading = String::new();
    let mut gathered: Vec<Block> = Vec::new();
    let close = |units: &mut Vec<Unit>, heading: &str, gathered: &mut Vec<Block>| {
        // What was stored was checked; a part of it is no worse.
        let text = part(document, std::mem::take(gathered))
            .check()
            .map(|sheet| body(&sheet.text()))
            .unwrap_or_default();
        if !text.is_empty() {
            units.push(Unit { number: String::new(), label: heading.to_owned(), text });
        }
    };
    for block in &document.blocks {
        match block {
            Block::Heading { text, .. } => {
                close(&mut units, &heading, &mut gathered);
                heading.clone_from(text);
            }
            Block::Fields(fields) => {
                let part = part(document, vec![Block::Fields(fields.clone())]);
                let fields = part.check().map(|sheet| sheet.fields()).unwrap_or_default();
                units.extend(fields.into_iter().map(|field| Unit {
                    number: field.number,
                    label: field.label,
                    text: field.text,
                }));
            }
            other => gathered.push(other.clone()),
        }
    }
    close(&mut units, &heading, &mut gathered);
    units
}

/// The text without title and what identifies the version: behind the first blank line.
fn body(text: &str) -> String {
    text.split_once("\n\n").map_or("", |(_, body)| body).trim().to_owned()
}

/// Fields and sections that differ, in the order of the later version; those that are gone at the end.
pub fn differences(before: &Document, after: &Document) -> Vec<Change> {
    let (earlier, later) = (units(before), units(after));
    let same = |unit: &Unit, other: &Unit| unit.number == other.number && unit.label == other.label;
    let mut changes: Vec<Change> = Vec::new();
    for unit in &later {
        let old = earlier.iter().find(|old| same(old, unit));
        if old.is_none_or(|old| old.text != unit.text) {
            changes.push(Change {
                number: unit.number.clone(),
                label: unit.label.clone(),
                before: old.map(|old| old.text.clone()),
                after: Some(unit.text.clone()),
            });
        }
    }
    for old in earlier.iter().filter(|old| !later.iter().any(|unit| same(old, unit))) {
        changes.push(Change {
            number: old.number.clone(),
            label: old.label.clone(),
            before: Some(old.text.clone()),
            after: None,
        });
    }
    changes
}
