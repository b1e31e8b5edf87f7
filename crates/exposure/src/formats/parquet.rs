//! Parquet: CloudFront's standard log, version 2, and the guard's access log. Each row is read as the JSON line that it would be.
//!
//! Of the columns only those are read that mean something here, of the groups of rows one at a time, and of that a part: what is held is a
//! page of each column. A page may be as large as its file says, up to 2 GiB unpacked.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{Span, civil};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescPtr;

use super::cloudfront::canonical;
use super::format::Format;

/// Rows that are taken out of the columns together.
const BATCH: usize = 1_024;
/// The longest table of contents that is read, in bytes.
const MOST_METADATA: u64 = 64 << 20;
/// Fields of the guard's log that are read.
const GUARD: [&str; 11] = [
    "event",
    "time",
    "edge",
    "edge_from",
    "route",
    "tenant",
    "subject",
    "viewer",
    "status",
    "own",
    "records",
];

/// How far it was read.
pub(crate) struct Read {
    /// What the columns show; `None` where they show nothing that is known.
    pub(crate) format: Option<Format>,
    /// Rows that could not be read, from the first of them on.
    pub(crate) bad: Vec<(u64, u64)>,
    /// There is no table of contents, or it is damaged.
    pub(crate) unreadable: bool,
}

/// Reads the rows. `wants` says whether a column, by its name, means something in the format; `visit` gets the number of each row, from 1,
/// and its line.
pub(crate) fn rows<R: ChunkReader + 'static>(
    source: R,
    forced: Option<Format>,
    wants: impl Fn(Format, &str) -> bool,
    mut visit: impl FnMut(Format, u64, &[u8]),
) -> Read {
    let mut told = Read { format: forced, bad: Vec::new(), unreadable: true };
    if metadata_length(&source).is_none_or(|length| length > MOST_METADATA) {
        return told;
    }
    // What a damaged file says may break an assumption of the library; that must not end the scan of the others.
    let Some(Ok(reader)) = unbroken(|| SerializedFileReader::new(source)) else { return told };
    told.unreadable = false;
    let columns = reader.metadata().file_metadata().schema_descr_ptr();
    let names = || columns.columns().iter().map(|column| column.name());
    let format = forced.or_else(|| {
        let has = |wanted: &str| names().any(|name| name == wanted);
        if has("event") && has("run") {
            Some(Format::Guard)
        } else {
            names().any(|name| canonical(name) == "cs-uri-stem").then_some(Format::CloudfrontParquet)
        }
    });
    told.format = format;
    let all = || {
        let groups = (0..reader.num_row_groups()).map(|index| reader.metadata().row_group(index).num_rows());
        groups.fold(0, |sum: u64, rows| sum.saturating_add(u64::try_from(rows).unwrap_or(0)))
    };
    let Some(format) = format else {
        told.bad.push((1, all()));
        return told;
    };
    let is_wanted = |column: &ColumnDescPtr| {
        let name = column.name();
        column.max_rep_level() == 0
            && column.path().parts().len() == 1
            && if format == Format::Guard { GUARD.contains(&name) } else { wants(format, name) }
    };
    let wanted: Vec<usize> =
        (0..columns.num_columns()).filter(|at| is_wanted(&columns.column(*at))).collect();
    if wanted.is_empty() {
        told.bad.push((1, all()));
        return told;
    }
    let mut number: u64 = 0;
    let mut line = Vec::new();
    for index in 0..reader.num_row_groups() {
        let rows = u64::try_from(reader.metadata().row_group(index).num_rows()).unwrap_or(0);
        let mut done = 0;
        let read = unbroken(|| {
            let group = reader.get_row_group(index)?;
            group_of(&*group, &wanted, rows, &mut done, |columns, row| {
                line.clear();
                write_line(columns, row, &mut line);
                visit(format, number.saturating_add(row_number(columns, row)), &line);
            })
        });
        if !matches!(read, Some(Ok(()))) {
            told.bad.push((number.saturating_add(done + 1), rows.saturating_sub(done)));
        }
        number = number.saturating_add(rows);
    }
    told
}

/// `None`: the library panicked.
fn unbroken<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// Length of the table of contents, by the file's last eight bytes.
fn metadata_length(source: &impl ChunkReader) -> Option<u64> {
    let end = source.get_bytes(source.len().checked_sub(8)?, 8).ok()?;
    let (length, magic) = end.split_at_checked(4)?;
    (magic == b"PAR1").then_some(u64::from(u32::from_le_bytes(length.try_into().ok()?)))
}

enum Values {
    Text(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
}

/// What of a number's meaning JSON does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    AsIs,
    /// Days since 1970.
    Date,
    /// Units of which so many are a second, since midnight.
    TimeOfDay(i64),
}

struct Column {
    name: String,
    reader: ColumnReader,
    meaning: Meaning,
    is_optional: bool,
    values: Values,
    /// Of each row whether it has a value.
    there: Vec<i16>,
    /// The value of the row that comes next.
    next: usize,
    /// Rows before this batch.
    before: u64,
}

fn row_number(columns: &[Column], row: usize) -> u64 {
    columns.first().map_or(0, |column| column.before) + row as u64 + 1
}

fn group_of(
    group: &dyn RowGroupReader,
    wanted: &[usize],
    rows: u64,
    done: &mut u64,
    mut visit: impl FnMut(&mut [Column], usize),
) -> Result<()> {
    let mut columns = Vec::with_capacity(wanted.len());
    for index in wanted {
        columns.push(Column::new(
            group.get_column_reader(*index)?,
            &group.metadata().column(*index).column_descr_ptr(),
        ));
    }
    while *done < rows && !columns.is_empty() {
        let batch = usize::try_from(rows - *done).unwrap_or(BATCH).min(BATCH);
        for column in &mut columns {
            column.take(batch, *done)?;
        }
        for row in 0..batch {
            visit(&mut columns, row);
            *done += 1;
        }
    }
    Ok(())
}

impl Column {
    fn new(reader: ColumnReader, about: &ColumnDescPtr) -> Self {
        let values = match &reader {
            ColumnReader::BoolColumnReader(_) => Values::Bool(Vec::new()),
            ColumnReader::Int32ColumnReader(_) => Values::Int32(Vec::new()),
            ColumnReader::Int64ColumnReader(_) => Values::Int64(Vec::new()),
            ColumnReader::Int96ColumnReader(_) => Values::Int96(Vec::new()),
            ColumnReader::FloatColumnReader(_) => Values::Float(Vec::new()),
            ColumnReader::DoubleColumnReader(_) => Values::Double(Vec::new()),
            ColumnReader::ByteArrayColumnReader(_) => Values::Text(Vec::new()),
            ColumnReader::FixedLenByteArrayColumnReader(_) => Values::Fixed(Vec::new()),
        };
        let meaning = match about.logical_type_ref() {
            Some(LogicalType::Date) => Meaning::Date,
            Some(LogicalType::Time(time)) => Meaning::TimeOfDay(match time.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            }),
            _ => Meaning::AsIs,
        };
        Self {
            name: about.name().to_owned(),
            reader,
            meaning,
            is_optional: about.max_def_level() > 0,
            values,
            there: Vec::new(),
            next: 0,
            before: 0,
        }
    }

    /// Takes the next rows out of the column, or fails: a column that ends before its group does is damaged.
    fn take(&mut self, rows: usize, before: u64) -> Result<()> {
        (self.next, self.before) = (0, before);
        self.there.clear();
        let there = self.is_optional.then_some(&mut self.there);
        macro_rules! take {
            ($reader:ident, $values:ident) => {{
                $values.clear();
                $reader.read_records(rows, there, None, $values)?.0
            }};
        }
        let read = match (&mut self.reader, &mut self.values) {
            (ColumnReader::BoolColumnReader(reader), Values::Bool(values)) => take!(reader, values),
            (ColumnReader::Int32ColumnReader(reader), Values::Int32(values)) => take!(reader, values),
            (ColumnReader::Int64ColumnReader(reader), Values::Int64(values)) => take!(reader, values),
            (ColumnReader::Int96ColumnReader(reader), Values::Int96(values)) => take!(reader, values),
            (ColumnReader::FloatColumnReader(reader), Values::Float(values)) => take!(reader, values),
            (ColumnReader::DoubleColumnReader(reader), Values::Double(values)) => take!(reader, values),
            (ColumnReader::ByteArrayColumnReader(reader), Values::Text(values)) => take!(reader, values),
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Values::Fixed(values)) => {
                take!(reader, values)
            }
            // Both come from the same place.
            _ => 0,
        };
        if read < rows {
            return Err(parquet::errors::ParquetError::General("a column ends early".to_owned()));
        }
        Ok(())
    }

    /// Writes the value of the next row; `None` where it has none.
    fn write(&mut self, row: usize, out: &mut Vec<u8>) -> Option<()> {
        if self.is_optional && self.there.get(row) != Some(&1) {
            return None;
        }
        let at = self.next;
        self.next += 1;
        // Writing to a Vec cannot fail.
        let _ = match &self.values {
            Values::Text(values) => text(values.get(at)?.data(), out),
            Values::Fixed(values) => text(values.get(at)?.data(), out),
            Values::Bool(values) => write!(out, "{}", values.get(at)?),
            Values::Int32(values) => whole(i64::from(*values.get(at)?), self.meaning, out),
            Values::Int64(values) => whole(*values.get(at)?, self.meaning, out),
            Values::Int96(values) => write!(out, "{}", values.get(at)?.to_millis()),
            Values::Float(values) => {
                write!(out, "{}", Some(*values.get(at)?).filter(|value| value.is_finite())?)
            }
            Values::Double(values) => {
                write!(out, "{}", Some(*values.get(at)?).filter(|value| value.is_finite())?)
            }
        };
        Some(())
    }
}

fn text(bytes: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    Ok(serde_json::to_writer(out, &String::from_utf8_lossy(bytes))?)
}

fn whole(value: i64, meaning: Meaning, out: &mut Vec<u8>) -> std::io::Result<()> {
    match meaning {
        Meaning::AsIs => write!(out, "{value}"),
        Meaning::Date => {
            let day = Span::new()
                .try_days(value)
                .ok()
                .and_then(|days| civil::date(1970, 1, 1).checked_add(days).ok());
            match day {
                Some(day) => write!(out, "\"{day}\""),
                None => write!(out, "null"),
            }
        }
        Meaning::TimeOfDay(units) => {
            let seconds = value.div_euclid(units);
            write!(out, "\"{:02}:{:02}:{:02}\"", seconds / 3_600, seconds / 60 % 60, seconds % 60)
        }
    }
}

fn write_line(columns: &mut [Column], row: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    for column in columns {
        let begin = out.len();
        if begin > 1 {
            out.push(b',');
        }
        let _ = text(column.name.as_bytes(), out);
        out.push(b':');
        if column.write(row, out).is_none() {
            out.truncate(begin);
        }
    }
    out.push(b'}');
}
