//! From a document to a sheet that can be written: limits, order of headings, links, and text that every form can hold.

use std::fmt;

use crate::clean::{clean, clean_line};
use crate::model::{Block, Column, Document, Field, Item, List, Note, Table};
use crate::rich::{Inline, Rich, Value};

/// How much one document may hold. What is larger is data and belongs into a file of its own; whoever reads a document of
/// 4,000,000 characters reads 2,500 pages.
pub mod limits {
    /// Blocks of a document.
    pub const BLOCKS: usize = 10_000;
    /// Characters of the whole document.
    pub const CHARACTERS: usize = 4_000_000;
    /// Characters of one paragraph, cell or value.
    pub const TEXT: usize = 50_000;
    /// Pieces of one paragraph, cell or value.
    pub const PIECES: usize = 2_000;
    /// Characters of what stands in one line: title, headings, captions, labels, numbers.
    pub const LINE: usize = 300;
    /// Bytes of a link's target. A string of PDF/A must stay below 32,767 bytes.
    pub const HREF: usize = 2_000;
    /// Rows of one table.
    pub const ROWS: usize = 50_000;
    /// Cells of all tables.
    pub const CELLS: usize = 250_000;
    /// Columns of a table: 12 leave 4 cm for three words on an A4 page.
    pub const COLUMNS: usize = 12;
    /// Items of a list and of those below it, fields of a form, choices of a field, paragraphs of a note.
    pub const ITEMS: usize = 5_000;
    /// Lists below each other.
    pub const DEPTH: usize = 4;
    /// Levels of headings.
    pub const LEVELS: u8 = 4;
    /// Letters of one file.
    pub const LETTERS: usize = 10_000;
    /// Lines of an address, as they are given and as they stand in the window of an envelope.
    pub const ADDRESS: usize = 6;
    /// Lines of a sender, as they are given.
    pub const SENDER: usize = 8;
    /// Characters of what stands in one line of a letter, before it is broken into lines: of an address, a date, a subject.
    pub const LETTER_LINE: usize = 200;
    /// Paragraphs of a letter.
    pub const PARAGRAPHS: usize = 200;
    /// Characters of one letter: some twelve pages.
    pub const LETTER: usize = 20_000;
    /// Characters of all letters of one file: 10,000 of a page each.
    pub const ALL_LETTERS: usize = 20_000_000;
    /// Pages of one file of letters, with the empty ones: line ends alone could make more of these characters.
    pub const LETTER_PAGES: usize = 50_000;
    /// Faults that are told; more would say nothing new.
    pub const FAULTS: usize = 20;
}

/// Something in a document that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: `blocks[3].rows[7][2]`.
    pub place: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// Everything that is wrong with a document, up to [`limits::FAULTS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if index > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A document that was checked: within the limits, headings in order, links that are links, text that every form can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet(Document);

impl Sheet {
    /// What it says.
    pub fn document(&self) -> &Document {
        &self.0
    }
}

impl Document {
    /// Checks the document and makes it ready to be written: line ends of one kind, control characters as U+FFFD.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn check(mut self) -> Result<Sheet, Faults> {
        let mut check = Check::default();
        check.line("title", &mut self.title, true);
        check.line("meta.number", &mut self.meta.number, true);
        check.line("meta.version", &mut self.meta.version, true);
        check.line("meta.source_digest", &mut self.meta.source_digest, true);
        if check.at_most("blocks", self.blocks.len(), limits::BLOCKS, "blocks") {
            for (index, block) in self.blocks.iter_mut().enumerate() {
                check.block(&format!("blocks[{index}]"), block);
            }
        }
        check.at_most("blocks", check.characters, limits::CHARACTERS, "characters in all");
        check.at_most("blocks", check.cells, limits::CELLS, "cells in all tables");
        match check.faults.is_empty() {
            true => Ok(Sheet(self)),
            false => Err(Faults(check.faults)),
        }
    }
}

#[derive(Default)]
struct Check {
    faults: Vec<Fault>,
    characters: usize,
    cells: usize,
    /// Level of the last heading.
    level: u8,
}

impl Check {
    fn fault(&mut self, place: &str, problem: String) {
        if self.faults.len() < limits::FAULTS {
            self.faults.push(Fault { place: place.to_owned(), problem });
        }
    }

    fn at_most(&mut self, place: &str, count: usize, limit: usize, what: &str) -> bool {
        if count > limit {
            self.fault(place, format!("{count} {what}, of which there may be {limit}"));
        }
        count <= limit
    }

    /// Text in one line.
    fn line(&mut self, place: &str, text: &mut String, needed: bool) {
        let count = text.chars().count();
        self.characters += count;
        if self.at_most(place, count, limits::LINE, "characters") {
            *text = clean_line(text);
            if needed && text.is_empty() {
                self.fault(place, "must not be empty".to_owned());
            }
        }
    }

    fn rich(&mut self, place: &str, rich: &mut Rich) {
        if !self.at_most(place, rich.0.len(), limits::PIECES, "pieces of text") {
            return;
        }
        let count = rich.characters();
        for (index, inline) in rich.0.iter_mut().enumerate() {
            if let Inline::Link { text, href } = inline {
                self.link(&format!("{place}[{index}]"), text, href);
            }
            let text = match inline {
                Inline::Text(text) | Inline::Strong(text) | Inline::Emphasis(text) => text,
                Inline::Link { text, .. } => text,
                Inline::Unknown { why } => why,
            };
            if let std::borrow::Cow::Owned(cleaned) = clean(text) {
                *text = cleaned;
            }
        }
        self.characters += count;
        self.at_most(place, count, limits::TEXT, "characters");
    }

    fn link(&mut self, place: &str, text: &str, href: &str) {
        let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        let known = matches!(scheme.as_deref(), Some("https" | "http" | "mailto" | "tel"));
        if !known {
            self.fault(place, "a link leads to https:, http:, mailto: or tel:".to_owned());
        } else if !is_encoded(href) {
            self.fault(
                place,
                "the target of a link holds a character that must be encoded there (as %20)".to_owned(),
            );
        } else if matches!(scheme.as_deref(), Some("https" | "http")) && !has_host(href) {
            self.fault(place, "the target of a link names no host".to_owned());
        }
        if text.trim().is_empty() {
            self.fault(place, "a link must have a text".to_owned());
        }
        self.at_most(place, href.len(), limits::HREF, "bytes in the target of a link");
    }

    fn block(&mut self, place: &str, block: &mut Block) {
        match block {
            Block::Heading { level, text } => {
                self.line(place, text, true);
                let deepest = self.level.saturating_add(1).min(limits::LEVELS);
                if !(1..=deepest).contains(level) {
                    self.fault(
                        place,
                        format!("a heading of level {level} where at most {deepest} may follow"),
                    );
                }
                self.level = *level;
            }
            Block::Paragraph(rich) => self.rich(place, rich),
            Block::List(list) => {
                let mut items = 0;
                self.list(place, list, 1, &mut items);
                self.at_most(place, items, limits::ITEMS, "items");
            }
            Block::Table(table) => self.table(place, table),
            Block::Fields(fields) => self.fields(place, fields),
            Block::Note(Note { kind: _, body }) => {
                if self.at_most(place, body.len(), limits::ITEMS, "paragraphs") {
                    for (index, rich) in body.iter_mut().enumerate() {
                        self.rich(&format!("{place}.body[{index}]"), rich);
                    }
                }
            }
            Block::PageBreak => {}
        }
    }

    fn list(&mut self, place: &str, list: &mut List, depth: usize, items: &mut usize) {
        if !self.at_most(place, depth, limits::DEPTH, "lists below each other") {
            return;
        }
        *items += list.items.len();
        if *items > limits::ITEMS {
            return;
        }
        for (index, Item { text, nested }) in list.items.iter_mut().enumerate() {
            let place = format!("{place}.items[{index}]");
            self.rich(&place, text);
            if let Some(nested) = nested {
                self.list(&place, nested, depth + 1, items);
            }
        }
    }

    fn table(&mut self, place: &str, table: &mut Table) {
        let Table { caption, columns, rows, row_headers: _ } = table;
        if let Some(caption) = caption {
            self.line(&format!("{place}.caption"), caption, true);
        }
        if columns.is_empty() {
            self.fault(place, "a table without columns".to_owned());
        }
        let bounded = self.at_most(place, columns.len(), limits::COLUMNS, "columns")
            & self.at_most(place, rows.len(), limits::ROWS, "rows");
        if !bounded {
            return;
        }
        for (index, Column { header, width, align: _ }) in columns.iter_mut().enumerate() {
            let place = format!("{place}.columns[{index}]");
            self.line(&place, header, true);
            if *width == 0 {
                self.fault(&place, "a column without width".to_owned());
            }
        }
        for (index, row) in rows.iter_mut().enumerate() {
            let place = format!("{place}.rows[{index}]");
            if row.len() != columns.len() {
                self.fault(&place, format!("{} cells in a table of {} columns", row.len(), columns.len()));
                continue;
            }
            self.cells += row.len();
            for (index, cell) in row.iter_mut().enumerate() {
                self.rich(&format!("{place}[{index}]"), cell);
            }
        }
    }

    fn fields(&mut self, place: &str, fields: &mut [Field]) {
        if !self.at_most(place, fields.len(), limits::ITEMS, "fields") {
            return;
        }
        for (index, Field { number, label, value }) in fields.iter_mut().enumerate() {
            let place = format!("{place}.fields[{index}]");
            self.line(&place, number, false);
            self.line(&place, label, true);
            match value {
                Value::Known(rich) => {
                    self.rich(&place, rich);
                    if rich.is_blank() {
                        let problem =
                            "a blank value: say that it is unknown, or say in words that there is nothing";
                        self.fault(&place, problem.to_owned());
                    }
                }
                Value::Choices(choices) => {
                    if choices.is_empty() {
                        self.fault(&place, "choices without one to choose".to_owned());
                    }
                    if self.at_most(&place, choices.len(), limits::ITEMS, "choices") {
                        for choice in choices {
                            self.line(&place, &mut choice.label, true);
                        }
                    }
                }
                Value::Unknown { why } => {
                    self.characters += why.chars().count();
                    self.at_most(&place, why.chars().count(), limits::TEXT, "characters");
                    *why = clean(why).into_owned();
                }
            }
        }
    }
}

/// Only characters that RFC 3986 lets into a path or a query: Word calls a file damaged whose links hold others.
fn is_encoded(href: &str) -> bool {
    let bytes = href.as_bytes();
    bytes.iter().enumerate().all(|(index, byte)| match byte {
        b'%' => {
            bytes.get(index + 1..index + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
        b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']' => false,
        byte => byte.is_ascii_graphic(),
    })
}

fn has_host(href: &str) -> bool {
    let rest = href.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // No names before the host: what stands there deceives readers about where a link leads.
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    !host.is_empty()
        && host.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-'))
        && port.chars().all(|digit| digit.is_ascii_digit())
}
