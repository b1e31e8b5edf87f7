//! Reads the user's own copies of catalogues. Their texts stay theirs: nothing of them is part of this crate.

mod asvs;
mod biff;
mod grid;
mod ipa;
mod secreq;
mod sst;
mod xlsx;

use std::collections::HashSet;

use crate::error::{ImportError, Note, Place};
use crate::model::{Catalogue, Label};
use crate::reference::Scheme;
use crate::shipped::shipped;
use crate::text::fold;

/// What a file may need. The IPA sheet has 240 rows and 0.4 MB, the OWASP ones are smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub file_bytes: usize,
    /// Bytes that a zipped workbook unpacks to.
    pub unpacked_bytes: u64,
    /// Files within a zipped workbook.
    pub entries: usize,
    /// Rows of a sheet; a filled cell below is an error.
    pub rows: u32,
    /// Filled cells of a sheet, merged ones counted for each cell they cover.
    pub cells: usize,
    /// Bytes of all texts of a sheet, repeated and merged ones counted each time: a cell of a few bytes can name a long text.
    pub text_bytes: usize,
    /// Characters of one text; what is beyond is cut. Excel's own limit is 32,767.
    pub text_chars: usize,
    /// Notes that are kept.
    pub notes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 8 << 20,
            unpacked_bytes: 64 << 20,
            entries: 1_000,
            rows: 10_000,
            cells: 200_000,
            text_bytes: 16 << 20,
            text_chars: 32_767,
            notes: 500,
        }
    }
}

/// How a copy differs from what is known of the edition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Known ids that the copy lacks, in the catalogue's order.
    pub missing: Vec<String>,
    /// Ids of the copy that are not known. Empty where the shipped ids are incomplete and so cannot tell.
    pub unknown: Vec<String>,
    /// Ids whose importance is another in the copy.
    pub importance: Vec<String>,
}

/// A copy that was read.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What was read, with our labels where the ids are known.
    pub catalogue: Catalogue,
    /// What was left out or read otherwise than it stands, in the file's order.
    pub notes: Vec<Note>,
    /// How it differs from what is known.
    pub comparison: Comparison,
}

/// Reads a copy: a workbook (`.xls`, `.xlsx`) of the IPA sheet or of secreq 4.0, or one of the three JSON forms of ASVS 5.0.0.
/// Which one it is, is told by the content, not by a name.
///
/// # Errors
/// What the file is not, where, and what to do: another or damaged format, a password, a limit, a missing sheet or column.
pub fn import(bytes: &[u8], limits: &Limits) -> Result<Imported, ImportError> {
    if bytes.len() > limits.file_bytes {
        return Err(ImportError::file(
            format!("{} bytes, more than {}", bytes.len(), limits.file_bytes),
            "import the publisher's own file without pictures or other sheets",
        ));
    }
    match kind(bytes) {
        Some(Kind::Json) => asvs::read(bytes, limits).map(finish),
        Some(Kind::CompoundFile) => sheets(biff::open(bytes, limits)?, limits).map(finish),
        Some(Kind::Zip) => sheets(xlsx::open(bytes, limits)?, limits).map(finish),
        None => Err(ImportError::file(
            "neither a workbook nor JSON",
            "import IPA's 06_活用シート (.xls, .xlsx), secreq 4.0 (.xlsx) or ASVS 5.0.0 (.json, .flat.json, .cdx.json)",
        )),
    }
}

enum Kind {
    CompoundFile,
    Zip,
    Json,
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Some(Kind::CompoundFile);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(Kind::Zip);
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[')).then_some(Kind::Json)
}

/// What a reader hands over.
struct Read {
    catalogue: Catalogue,
    notes: Notes,
}

/// A workbook whose sheets are read one at a time.
trait Workbook {
    /// The names, in the workbook's order.
    fn names(&self) -> Vec<String>;
    /// The filled cells of a sheet.
    fn grid(&mut self, name: &str) -> Result<grid::Grid, ImportError>;
}

const IPA_SHEET: &str = "非機能要求グレード活用シート";
const SECREQ_SHEET: &str = "Ver.4.0";

fn sheets(mut workbook: impl Workbook, limits: &Limits) -> Result<Read, ImportError> {
    let names = workbook.names();
    let named = |wanted: &str| names.iter().find(|name| fold(name) == fold(wanted));
    // A sheet that was renamed a little is still told by its middle.
    let ipa = named(IPA_SHEET).or_else(|| names.iter().find(|name| fold(name).contains("活用シート")));
    if let Some(name) = ipa {
        return ipa::read(&workbook.grid(name)?, limits);
    }
    if let Some(name) = named(SECREQ_SHEET) {
        return secreq::read(&workbook.grid(name)?, limits);
    }
    let seen: Vec<String> = names.iter().take(5).map(|name| crate::text::shown(name)).collect();
    Err(ImportError::file(
        format!("no sheet that is known; there are {} sheets: {}", names.len(), seen.join(", ")),
        "the sheet is called 「非機能要求グレード活用シート」 in IPA's file and 「Ver.4.0」 in secreq 4.0; give it that name",
    ))
}

/// Notes up to a limit; how many came after it is said in the last.
struct Notes {
    list: Vec<Note>,
    limit: usize,
    further: usize,
}

impl Notes {
    fn new(limits: &Limits) -> Self {
        Self { list: Vec::new(), limit: limits.notes, further: 0 }
    }

    fn add(&mut self, place: Place, text: impl Into<String>) {
        if self.list.len() < self.limit {
            self.list.push(Note { place, text: text.into() });
        } else {
            self.further += 1;
        }
    }

    fn finish(mut self) -> Vec<Note> {
        if self.further > 0 {
            self.list
                .push(Note { place: Place::File, text: format!("{} further notes left out", self.further) });
        }
        self.list
    }
}

fn finish(read: Read) -> Imported {
    let Read { catalogue, notes } = read;
    let comparison = compare(&catalogue);
    Imported { catalogue, notes: notes.finish(), comparison }
}

fn compare(copy: &Catalogue) -> Comparison {
    let Some(known) = shipped(copy.scheme()) else { return Comparison::default() };
    let here: HashSet<&str> = copy.items().iter().map(|item| item.id.as_str()).collect();
    let missing = known.items().iter().filter(|item| !here.contains(item.id.as_str()));
    let unknown = copy.items().iter().filter(|item| known.is_complete() && known.item(&item.id).is_none());
    let importance = copy
        .items()
        .iter()
        .filter(|item| known.item(&item.id).is_some_and(|ours| ours.important != item.important));
    Comparison {
        missing: missing.map(|item| item.id.clone()).collect(),
        unknown: unknown.map(|item| item.id.clone()).collect(),
        importance: importance.map(|item| item.id.clone()).collect(),
    }
}

/// Our label of an item.
pub(crate) fn item_label(scheme: Scheme, id: &str) -> Option<Label> {
    shipped(scheme)?.item(id)?.label.clone()
}

/// Our label of a group. Of two groups with one number, the one whose items hold `item`.
pub(crate) fn group_label(scheme: Scheme, id: &str, item: &str) -> Option<Label> {
    let known = shipped(scheme)?;
    let through = known.item(item).and_then(|item| known.path(item).into_iter().find(|group| group.id == id));
    let group = through.or_else(|| known.groups().iter().find(|group| group.id == id))?;
    group.label.clone()
}
