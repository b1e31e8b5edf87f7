//! The document: what it says, without how it looks.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::rich::{Rich, Value};

/// Language of a document: of its own words, its line breaking and its marks for readers' programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
}

impl Language {
    /// The tag of BCP 47.
    pub fn tag(self) -> &'static str {
        match self {
            Language::Ja => "ja",
            Language::En => "en",
        }
    }

    /// The text of the language.
    pub(crate) fn say<'t>(self, ja: &'t str, en: &'t str) -> &'t str {
        match self {
            Language::Ja => ja,
            Language::En => en,
        }
    }
}

/// A document, to be [checked](Document::check) and then written in any form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its title, in one line.
    pub title: String,
    /// Its language.
    pub language: Language,
    /// What identifies it.
    pub meta: Meta,
    /// What it says, in order.
    pub blocks: Vec<Block>,
}

/// What identifies a document and says what it was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// The document's number.
    pub number: String,
    /// The version under this number.
    pub version: String,
    /// Whether people may still change it.
    pub state: State,
    /// When it was made, as its maker says: this crate has no clock.
    pub generated_at: Moment,
    /// Digest of the data that it was made of.
    pub source_digest: String,
}

/// Whether people may still change a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not approved: said on every page.
    Draft,
    /// Approved.
    Final,
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A heading, at most one level below the one before it. The title is no part of these.
    Heading {
        /// 1 to 4.
        level: u8,
        /// In one line; its number too, where it has one.
        text: String,
    },
    /// A paragraph.
    Paragraph(Rich),
    /// A list.
    List(List),
    /// A table.
    Table(Table),
    /// Fields of an authority's form, in its order.
    Fields(Vec<Field>),
    /// A note beside the text.
    Note(Note),
    /// What follows begins a new page where there are pages.
    PageBreak,
}

impl Block {
    /// A heading.
    pub fn heading(level: u8, text: impl Into<String>) -> Self {
        Block::Heading { level, text: text.into() }
    }

    /// A paragraph.
    pub fn paragraph(text: impl Into<Rich>) -> Self {
        Block::Paragraph(text.into())
    }

    /// A list with bullets, without further levels.
    pub fn bullets<T: Into<Rich>>(items: impl IntoIterator<Item = T>) -> Self {
        Block::List(List { kind: ListKind::Bullet, items: items.into_iter().map(Item::new).collect() })
    }

    /// A numbered list, without further levels.
    pub fn numbered<T: Into<Rich>>(items: impl IntoIterator<Item = T>) -> Self {
        Block::List(List { kind: ListKind::Number, items: items.into_iter().map(Item::new).collect() })
    }
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// What stands before the items.
    pub kind: ListKind,
    /// The items.
    pub items: Vec<Item>,
}

/// What stands before the items of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Bullets.
    Bullet,
    /// Numbers from 1.
    Number,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its text.
    pub text: Rich,
    /// A list below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<List>,
}

impl Item {
    /// An item without a list below it.
    pub fn new(text: impl Into<Rich>) -> Self {
        Self { text: text.into(), nested: None }
    }

    /// An item with a list below it.
    pub fn with(text: impl Into<Rich>, nested: List) -> Self {
        Self { text: text.into(), nested: Some(nested) }
    }
}

/// A table. Its header is repeated on each page, and long rows go on over pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What the table shows, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The columns, from the left.
    pub columns: Vec<Column>,
    /// Each with one cell a column. A table without rows says so.
    pub rows: Vec<Vec<Rich>>,
    /// Whether the first cell of a row is its name.
    #[serde(default)]
    pub row_headers: bool,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its header.
    pub header: String,
    /// Its share of the width, relative to the other columns' shares.
    pub width: u16,
    /// Where its text stands.
    #[serde(default)]
    pub align: Align,
}

impl Column {
    /// A column whose text stands at the left.
    pub fn new(header: impl Into<String>, width: u16) -> Self {
        Self { header: header.into(), width, align: Align::Start }
    }

    /// A column of numbers, which stand at the right.
    pub fn number(header: impl Into<String>, width: u16) -> Self {
        Self { header: header.into(), width, align: Align::End }
    }
}

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// At the left.
    #[default]
    Start,
    /// At the right.
    End,
}

/// A field of an authority's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its number in the form; empty where the form has none.
    pub number: String,
    /// Its label, as the form words it.
    pub label: String,
    /// What is filled in.
    pub value: Value,
}

impl Field {
    /// A field with its value.
    pub fn new(number: impl Into<String>, label: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { number: number.into(), label: label.into(), value: value.into() }
    }
}

/// A note beside the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// How much it matters.
    pub kind: NoteKind,
    /// Its paragraphs.
    pub body: Vec<Rich>,
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Good to know.
    Info,
    /// Must not be overlooked.
    Warning,
}
