#![doc = include_str!("../README.md")]

mod check;
mod clean;
mod docx;
mod html;
mod letters;
mod model;
mod moment;
mod pdf;
mod rich;
mod text;
mod words;
mod xml;

pub use check::{Fault, Faults, Sheet, limits};
pub use letters::{Letter, Letters, LettersError};
pub use model::{
    Align, Block, Column, Document, Field, Item, Language, List, ListKind, Meta, Note, NoteKind, State, Table,
};
pub use moment::{Moment, NotAMoment};
pub use pdf::{Missing, Pdf, PdfError};
pub use rich::{Choice, Inline, Rich, Value};
pub use text::FieldText;
pub use xml::escaped;
