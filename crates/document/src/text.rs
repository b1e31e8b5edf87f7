//! Plain text: fields to paste into an authority's form, and the whole document in the same manner. No line is wrapped.

use serde::Serialize;

use crate::check::Sheet;
use crate::model::{Block, Field, Language, List, ListKind, Note, Table};
use crate::rich::{Inline, Rich};

/// A field of a form, ready to be pasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldText {
    /// Its number in the form; may be empty.
    pub number: String,
    /// Its label.
    pub label: String,
    /// What is filled in, without a line end after it.
    pub text: String,
    /// Whether an open point is in it: it cannot be sent yet.
    pub unknown: bool,
}

impl Sheet {
    /// The fields of all forms in the document, in order, so that each can be copied by itself.
    pub fn fields(&self) -> Vec<FieldText> {
        let document = self.document();
        let fields = document.blocks.iter().filter_map(|block| match block {
            Block::Fields(fields) => Some(fields),
            _ => None,
        });
        fields.flatten().map(|field| field_text(field, document.language)).collect()
    }

    /// The whole document as plain text: each field with number, label, value and a blank line.
    pub fn text(&self) -> String {
        let document = self.document();
        let language = document.language;
        let mut out = format!("{}\n", document.title);
        for (label, value) in language.meta(&document.meta) {
            out.push_str(&format!("{label}{}{value}\n", colon(language)));
        }
        out.push('\n');
        for block in &document.blocks {
            write_block(&mut out, block, language);
        }
        while out.ends_with("\n\n") {
            out.pop();
        }
        out
    }
}

fn field_text(field: &Field, language: Language) -> FieldText {
    let rich = field.value.to_rich();
    FieldText {
        number: field.number.clone(),
        label: field.label.clone(),
        unknown: rich.is_open(),
        text: plain(&rich, language),
    }
}

fn colon(language: Language) -> &'static str {
    language.say("：", ": ")
}

/// A text without its looks; of a link also where it leads.
pub(crate) fn plain(rich: &Rich, language: Language) -> String {
    let mut out = String::new();
    for inline in &rich.0 {
        match inline {
            Inline::Text(text) | Inline::Strong(text) | Inline::Emphasis(text) => out.push_str(text),
            Inline::Unknown { why } => out.push_str(&language.unknown(why)),
            Inline::Link { text, href } => {
                let target = href.strip_prefix("mailto:").or(href.strip_prefix("tel:")).unwrap_or(href);
                out.push_str(text);
                if text != target {
                    out.push_str(&format!("{}{target}{}", language.say("（", " ("), language.say("）", ")")));
                }
            }
        }
    }
    out
}

fn write_block(out: &mut String, block: &Block, language: Language) {
    match block {
        Block::Heading { level, text } => {
            // A mark of its own at each level, and none that forms tick.
            let mark = ["◆", "●", "○", "・"][usize::from(*level - 1).min(3)];
            out.push_str(&format!("{mark} {text}\n\n"));
        }
        Block::Paragraph(rich) => out.push_str(&format!("{}\n\n", plain(rich, language))),
        Block::List(list) => {
            write_list(out, list, 0, language);
            out.push('\n');
        }
        Block::Table(table) => write_table(out, table, language),
        Block::Fields(fields) => {
            for field in fields {
                let FieldText { number, label, text, unknown: _ } = field_text(field, language);
                let gap = if number.is_empty() { "" } else { " " };
                out.push_str(&format!("{number}{gap}{label}\n{text}\n\n"));
            }
        }
        Block::Note(Note { kind, body }) => {
            out.push_str(&format!("{}{}", language.note(*kind), colon(language)));
            for rich in body {
                out.push_str(&format!("{}\n", plain(rich, language)));
            }
            out.push('\n');
        }
        Block::PageBreak => {}
    }
}

fn write_list(out: &mut String, list: &List, depth: usize, language: Language) {
    for (index, item) in list.items.iter().enumerate() {
        let mark = match list.kind {
            ListKind::Bullet => language.say("・", "- ").to_owned(),
            ListKind::Number => format!("{}. ", index + 1),
        };
        out.push_str(&format!("{}{mark}{}\n", "  ".repeat(depth), plain(&item.text, language)));
        if let Some(nested) = &item.nested {
            write_list(out, nested, depth + 1, language);
        }
    }
}

/// Columns by tabs, as spreadsheets take them; what would end a cell or a row within one becomes a space.
fn write_table(out: &mut String, table: &Table, language: Language) {
    if let Some(caption) = &table.caption {
        out.push_str(&format!("{caption}\n"));
    }
    let headers: Vec<_> = table.columns.iter().map(|column| column.header.as_str()).collect();
    out.push_str(&format!("{}\n", headers.join("\t")));
    for row in &table.rows {
        let cells: Vec<_> = row.iter().map(|cell| plain(cell, language).replace(['\t', '\n'], " ")).collect();
        out.push_str(&format!("{}\n", cells.join("\t")));
    }
    if table.rows.is_empty() {
        out.push_str(&format!("{}\n", language.no_rows()));
    }
    out.push('\n');
}
