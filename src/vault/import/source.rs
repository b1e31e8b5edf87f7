//! Rows out of a file: CSV with a header, or JSON Lines. Streaming, in constant memory.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use envelope::Plaintext;

use super::decode::{Bounded, Encoding, MAX_RECORD, Unreadable, Utf8Reader, looks_like_shift_jis};
use super::row::{RawRow, RowProblem, unknown_field};
use crate::requirements::manifest::RecordType;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A header line with `tenant`, `external_id`, optionally `language`, and field names.
    Csv,
    /// One object a line: `{"tenant": …, "external_id": …, "language": …, "fields": {…}}`.
    JsonLines,
}

/// Why the rest of a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read the file: {0}")]
    Io(io::Error),
    #[error("line {line}: {why}")]
    Unreadable { line: u64, why: Unreadable },
    #[error("line {line} is not UTF-8; it looks like Shift_JIS")]
    LooksLikeShiftJis { line: u64 },
    #[error("the header {0}")]
    Header(String),
}

impl FileError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            FileError::Io(_) => "check that it exists and may be read",
            FileError::Unreadable { why: Unreadable::Utf16, .. } => "save it as UTF-8",
            FileError::Unreadable { .. } => "correct the file and import it again",
            FileError::LooksLikeShiftJis { .. } => "add --encoding shift_jis",
            FileError::Header(_) => "the header is: tenant,external_id,language,<field names>",
        }
    }
}

/// A row, or why there is none at this line.
pub type Item = Result<RawRow, RowProblem>;

type Input<R> = Bounded<Utf8Reader<R>>;

/// Reads rows.
pub enum Source<R: Read> {
    Csv(Box<CsvSource<R>>),
    JsonLines(JsonSource<R>),
}

impl<R: Read> Source<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// When the file cannot be read or its header does not fit the record type.
    pub fn open(
        input: R,
        kind: FileKind,
        encoding: Encoding,
        record_type: &RecordType,
    ) -> Result<Self, FileError> {
        let (input, finished) = Bounded::new(Utf8Reader::new(input, encoding));
        Ok(match kind {
            FileKind::Csv => Source::Csv(Box::new(CsvSource::open(input, finished, record_type)?)),
            FileKind::JsonLines => Source::JsonLines(JsonSource {
                input: BufReader::with_capacity(64 * 1024, input),
                finished,
                text: TextCheck::default(),
                line: 0,
                offset: 0,
                buffer: Vec::new(),
            }),
        })
    }

    /// The next row, its problem, or `None` at the end.
    ///
    /// # Errors
    /// When the rest cannot be read.
    pub fn next(&mut self) -> Result<Option<Item>, FileError> {
        match self {
            Source::Csv(source) => source.next(),
            Source::JsonLines(source) => source.next(),
        }
    }
}

/// Tells a file in another encoding from a file with a damaged line: once a line had proper UTF-8 beyond ASCII, the file
/// is UTF-8, and only the line is wrong.
#[derive(Default)]
struct TextCheck {
    is_utf8: bool,
}

impl TextCheck {
    fn check<'b>(&mut self, line: u64, bytes: &'b [u8]) -> Result<Result<&'b str, RowProblem>, FileError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.is_utf8 |= !text.is_ascii();
                Ok(Ok(text))
            }
            Err(_) if !self.is_utf8 && looks_like_shift_jis(bytes) => {
                Err(FileError::LooksLikeShiftJis { line })
            }
            Err(_) => Ok(Err(RowProblem::new(line, "is not valid UTF-8"))),
        }
    }
}

#[derive(Clone, Copy)]
enum Column {
    Tenant,
    ExternalId,
    Language,
    /// The column `language` where the record type declares a field of that name: it is both.
    LanguageField,
    Field,
}

pub struct CsvSource<R: Read> {
    reader: csv::Reader<Input<R>>,
    record: csv::ByteRecord,
    columns: Vec<Column>,
    names: Vec<String>,
    finished: Arc<AtomicU64>,
    text: TextCheck,
}

impl<R: Read> CsvSource<R> {
    fn open(input: Input<R>, finished: Arc<AtomicU64>, record_type: &RecordType) -> Result<Self, FileError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(64 * 1024)
            .from_reader(input);
        let mut header = csv::ByteRecord::new();
        let found = reader.read_byte_record(&mut header).map_err(|error| broken(1, error))?;
        if !found {
            return Err(FileError::Header("is missing: the file is empty".to_owned()));
        }
        let mut text = TextCheck::default();
        let (mut columns, mut names) = (Vec::new(), Vec::new());
        for (index, cell) in header.iter().enumerate() {
            let not_utf8 = |_| FileError::Header("is not valid UTF-8".to_owned());
            let name = text.check(1, cell)?.map_err(not_utf8)?.trim();
            let column = match name {
                "tenant" => Column::Tenant,
                "external_id" => Column::ExternalId,
                "language" if record_type.field("language").is_some() => Column::LanguageField,
                "language" => Column::Language,
                name => match record_type.fields.iter().position(|field| field.name == name) {
                    Some(_) => Column::Field,
                    None => {
                        return Err(FileError::Header(format!(
                            "column {}: {}",
                            index + 1,
                            unknown_field(name)
                        )));
                    }
                },
            };
            if names.iter().any(|known| known == name) {
                return Err(FileError::Header(format!("has {name} twice")));
            }
            columns.push(column);
            names.push(name.to_owned());
        }
        for wanted in ["tenant", "external_id"] {
            if !names.iter().any(|name| name == wanted) {
                return Err(FileError::Header(format!("has no column {wanted}")));
            }
        }
        finished.store(reader.position().byte(), Ordering::Relaxed);
        Ok(Self { reader, record: header, columns, names, finished, text })
    }

    fn next(&mut self) -> Result<Option<Item>, FileError> {
        let start = self.reader.position().line();
        let found = self.reader.read_byte_record(&mut self.record).map_err(|error| broken(start, error))?;
        if !found {
            return Ok(None);
        }
        self.finished.store(self.reader.position().byte(), Ordering::Relaxed);
        let line = self.record.position().map_or(start, csv::Position::line);
        if self.record.len() != self.columns.len() {
            let reason = format!("has {} columns, the header has {}", self.record.len(), self.columns.len());
            return Ok(Some(Err(RowProblem::new(line, reason))));
        }
        let mut row = RawRow {
            line,
            tenant: String::new(),
            external_id: String::new(),
            language: None,
            fields: Vec::with_capacity(self.columns.len()),
        };
        for ((cell, column), name) in self.record.iter().zip(&self.columns).zip(&self.names) {
            let cell = match self.text.check(line, cell)? {
                Ok(cell) => cell,
                Err(problem) => return Ok(Some(Err(problem))),
            };
            match column {
                Column::Tenant => row.tenant = cell.to_owned(),
                Column::ExternalId => row.external_id = cell.to_owned(),
                Column::Language => row.language = Some(cell.to_owned()),
                Column::LanguageField => {
                    row.language = Some(cell.to_owned());
                    row.fields.push((name.clone(), Plaintext::from(cell)));
                }
                Column::Field if cell.is_empty() => {}
                Column::Field => row.fields.push((name.clone(), Plaintext::from(cell))),
            }
        }
        Ok(Some(Ok(row)))
    }
}

fn broken(line: u64, error: csv::Error) -> FileError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => io_error(line, error),
        // The reader is flexible and reads bytes, so that only the input itself can fail.
        kind => FileError::Io(io::Error::other(format!("{kind:?}"))),
    }
}

fn io_error(line: u64, error: io::Error) -> FileError {
    let unreadable = error.get_ref().and_then(|inner| inner.downcast_ref::<Unreadable>());
    match unreadable {
        Some(why) => FileError::Unreadable { line, why: *why },
        None => FileError::Io(error),
    }
}

pub struct JsonSource<R: Read> {
    input: BufReader<Input<R>>,
    finished: Arc<AtomicU64>,
    text: TextCheck,
    line: u64,
    offset: u64,
    buffer: Vec<u8>,
}

impl<R: Read> JsonSource<R> {
    fn next(&mut self) -> Result<Option<Item>, FileError> {
        loop {
            self.line += 1;
            match self.read_line()? {
                Line::End => return Ok(None),
                Line::TooLong => {
                    return Ok(Some(Err(RowProblem::new(self.line, "is longer than 1 MiB"))));
                }
                Line::Read if self.buffer.trim_ascii().is_empty() => {}
                Line::Read => {
                    return Ok(Some(match self.text.check(self.line, &self.buffer)? {
                        Ok(text) => json_row(self.line, text),
                        Err(problem) => Err(problem),
                    }));
                }
            }
        }
    }

    /// Reads a line into the buffer; one that is too long is skipped without being kept.
    fn read_line(&mut self) -> Result<Line, FileError> {
        self.buffer.clear();
        let mut too_long = false;
        let mut any = false;
        loop {
            let available = self.input.fill_buf().map_err(|error| io_error(self.line, error))?;
            if available.is_empty() {
                return Ok(if too_long {
                    Line::TooLong
                } else if any {
                    Line::Read
                } else {
                    Line::End
                });
            }
            any = true;
            let end = memchr(available);
            let part = &available[..end.unwrap_or(available.len())];
            if self.buffer.len() + part.len() > MAX_RECORD as usize {
                too_long = true;
                self.buffer.clear();
            }
            if !too_long {
                self.buffer.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            self.offset += used as u64;
            self.finished.store(self.offset, Ordering::Relaxed);
            if end.is_some() {
                return Ok(if too_long { Line::TooLong } else { Line::Read });
            }
        }
    }
}

enum Line {
    Read,
    TooLong,
    End,
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// serde_json's texts may quote a value, so only the column is told.
fn json_row(line: u64, text: &str) -> Item {
    let wrong = |reason: &str| Err(RowProblem::new(line, reason));
    let object = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(object)) => object,
        Ok(_) => return wrong("is not a JSON object"),
        Err(error) => return wrong(&format!("is not JSON (column {})", error.column())),
    };
    let mut row = RawRow {
        line,
        tenant: String::new(),
        external_id: String::new(),
        language: None,
        fields: Vec::new(),
    };
    for (name, value) in object {
        match (name.as_str(), value) {
            ("tenant", serde_json::Value::String(text)) => row.tenant = text,
            ("external_id", serde_json::Value::String(text)) => row.external_id = text,
            ("language", serde_json::Value::String(text)) => row.language = Some(text),
            ("fields", serde_json::Value::Object(fields)) => {
                for (name, value) in fields {
                    match value {
                        serde_json::Value::String(text) => row.fields.push((name, Plaintext::from(text))),
                        serde_json::Value::Null => {}
                        _ => return wrong("a value in fields is not text"),
                    }
                }
            }
            ("language", serde_json::Value::Null) => {}
            ("tenant" | "external_id" | "language", _) => {
                return wrong("tenant, external_id and language want text");
            }
            ("fields", _) => return wrong("fields wants an object"),
            _ => return wrong("wants tenant, external_id, language and fields only"),
        }
    }
    Ok(row)
}
