//! The reading of import files, for the fuzz targets.

use super::import::Encoding;
use super::import::fuzzing::{FileKind, Source, check_row};
use crate::requirements::manifest::RecordType;

/// Reads a file to its end, as an import does before it touches the database.
pub fn read_rows(csv: bool, shift_jis: bool, bytes: &[u8], record_type: &RecordType) -> (usize, usize) {
    let kind = if csv { FileKind::Csv } else { FileKind::JsonLines };
    let encoding = if shift_jis { Encoding::ShiftJis } else { Encoding::Utf8 };
    let (mut kept, mut refused) = (0, 0);
    let Ok(mut source) = Source::open(bytes, kind, encoding, record_type) else { return (0, 0) };
    while let Ok(Some(item)) = source.next() {
        match item.and_then(|row| check_row(record_type, row)) {
            Ok(_) => kept += 1,
            Err(problem) => {
                assert!(problem.line > 0 || problem.reason.is_empty() || !csv, "a problem without its place");
                assert!(problem.reason.len() < 1000, "a reason as long as a value");
                refused += 1;
            }
        }
    }
    (kept, refused)
}
