//! A part in columns: Apache Parquet, by the fields of its lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value};

/// How a field is kept.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// The JSON of the value.
    Json,
    Number,
    /// Milliseconds since 1970.
    Instant,
    Bool,
}

/// Every field of every line, by its name.
const FIELDS: [(&str, Kind); 25] = [
    ("event", Kind::Text),
    ("time", Kind::Instant),
    ("run", Kind::Text),
    ("seq", Kind::Number),
    ("took", Kind::Number),
    ("response", Kind::Text),
    ("edge", Kind::Text),
    ("edge_from", Kind::Text),
    ("route", Kind::Text),
    ("class", Kind::Text),
    ("tenant", Kind::Text),
    ("subject", Kind::Text),
    ("session", Kind::Text),
    ("viewer", Kind::Text),
    ("status", Kind::Number),
    ("own", Kind::Bool),
    ("cache", Kind::Json),
    ("bytes", Kind::Number),
    ("complete", Kind::Bool),
    ("tag", Kind::Text),
    ("rules", Kind::Text),
    // Of the lines about the log itself.
    ("form", Kind::Number),
    ("part", Kind::Number),
    ("system", Kind::Text),
    ("sealed", Kind::Json),
];
/// The same of `lost` and `end`.
const COUNTS: [(&str, Kind); 2] = [("records", Kind::Number), ("lost", Kind::Number)];

/// Rows that are kept in memory and stand together in the file. One takes about 1 KiB.
const GROUP: usize = 50_000;
/// Longest line that the guard can have written, many times over.
const LONGEST: u64 = 1 << 20;

/// Why a part is not put in columns.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("line {0} is not one of this version of the access log")]
    Line(u64),
    #[error("it cannot be read ({0})")]
    Read(#[from] io::Error),
    #[error("it cannot be written in columns ({0})")]
    Write(#[from] ParquetError),
}

/// Values of one column, and for each row whether it has one.
enum Column {
    Text(Vec<ByteArray>, Vec<i16>),
    Number(Vec<i64>, Vec<i16>),
    Bool(Vec<bool>, Vec<i16>),
}

impl Column {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Json => Self::Text(Vec::new(), Vec::new()),
            Kind::Number | Kind::Instant => Self::Number(Vec::new(), Vec::new()),
            Kind::Bool => Self::Bool(Vec::new(), Vec::new()),
        }
    }

    /// `None`: the value is of another kind.
    fn push(&mut self, kind: Kind, value: Option<Value>) -> Option<()> {
        let is_there = i16::from(value.is_some());
        match (self, value) {
            (Self::Text(_, there) | Self::Number(_, there) | Self::Bool(_, there), None) => {
                there.push(is_there)
            }
            (Self::Text(values, there), Some(value)) => {
                let text = match (kind, value) {
                    (Kind::Json, value) => value.to_string(),
                    (_, Value::String(text)) => text,
                    _ => return None,
                };
                values.push(ByteArray::from(text.into_bytes()));
                there.push(is_there);
            }
            (Self::Number(values, there), Some(value)) => {
                values.push(value.as_i64()?);
                there.push(is_there);
            }
            (Self::Bool(values, there), Some(value)) => {
                values.push(value.as_bool()?);
                there.push(is_there);
            }
        }
        Some(())
    }
}

fn fields() -> impl Iterator<Item = (&'static str, Kind)> {
    FIELDS.into_iter().chain(COUNTS)
}

fn schema() -> String {
    let mut text = "message access_log {\n".to_owned();
    for (name, kind) in fields() {
        let (physical, logical) = match kind {
            Kind::Text => ("BYTE_ARRAY", " (STRING)"),
            Kind::Json => ("BYTE_ARRAY", " (JSON)"),
            Kind::Number => ("INT64", ""),
            Kind::Instant => ("INT64", " (TIMESTAMP(MILLIS,true))"),
            Kind::Bool => ("BOOLEAN", ""),
        };
        text += &format!("OPTIONAL {physical} {name}{logical};\n");
    }
    text + "}"
}

/// One row. `None`: it is no line that this version writes.
fn add(columns: &mut [Column], line: &[u8]) -> Option<()> {
    let mut object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    if object.get("event")? == "response" {
        // In a line only what is so is said.
        object.entry("own").or_insert(Value::Bool(false));
    }
    for ((name, kind), column) in fields().zip(columns) {
        column.push(kind, object.remove(name))?;
    }
    // A field that has no column would be lost.
    object.is_empty().then_some(())
}

/// A part, in columns. The same bytes for the same part, always.
///
/// # Errors
/// [`Unfit`].
pub fn in_columns(part: &Path) -> Result<Vec<u8>, Unfit> {
    let schema = Arc::new(parse_message_type(&schema())?);
    let properties =
        WriterProperties::builder().set_compression(Compression::GZIP(GzipLevel::default())).build();
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema, Arc::new(properties))?;
    let mut lines = BufReader::new(File::open(part)?);
    let (mut number, mut line) = (0, Vec::new());
    loop {
        let mut columns: Vec<Column> = fields().map(|(_, kind)| Column::of(kind)).collect();
        let mut rows = 0;
        while rows < GROUP {
            line.clear();
            if (&mut lines).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            (number, rows) = (number + 1, rows + 1);
            add(&mut columns, &line).ok_or(Unfit::Line(number))?;
        }
        if rows == 0 {
            break;
        }
        let mut group = writer.next_row_group()?;
        for column in &columns {
            // As many as the schema has: both come from the same list.
            let Some(mut next) = group.next_column()? else { break };
            match column {
                Column::Text(values, there) => {
                    next.typed::<ByteArrayType>().write_batch(values, Some(there), None)?
                }
                Column::Number(values, there) => {
                    next.typed::<Int64Type>().write_batch(values, Some(there), None)?
                }
                Column::Bool(values, there) => {
                    next.typed::<BoolType>().write_batch(values, Some(there), None)?
                }
            };
            next.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(out)
}
