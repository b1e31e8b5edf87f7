//! Inputs that are no streams of lines.

use std::io::{ErrorKind, Read};

use ::parquet::file::reader::ChunkReader;
use sha2::{Digest, Sha256};

use super::Scan;
use super::lines::File;
use crate::formats::{Format, parquet};
use crate::input::{BadReason, BadSample, InputReport, Line, Reading, Truncation};
use crate::unpack::Packing;

impl Scan {
    /// Reads a Parquet file: CloudFront's standard log, version 2, or the guard's. It needs the whole file, since the table of contents
    /// stands at its end. The number of a row is that of its line. `forced`: columns of other names are read by this format's.
    ///
    /// There is no error: what cannot be read is in the report, and the rest is used.
    pub fn read_parquet<R: ChunkReader + 'static>(
        &mut self,
        name: &str,
        forced: Option<Format>,
        source: R,
    ) -> InputReport {
        let (bytes, sha256, broken) = hash_of(&source);
        let session = self.compiled.query.session_cookie.clone();
        let forms = self.forms.clone();
        let longest = self.compiled.query.limits.max_line_bytes;
        let mut file = File::new(&mut self.compiled, forced, self.forms.clone());
        let read = parquet::rows(
            source,
            forced,
            |format, name| forms.reader(format, session.as_deref()).is_some_and(|reader| reader.wants(name)),
            |format, number, line| {
                if file.found.format.is_none() {
                    file.found.format = Some(format);
                    file.reader = forms.reader(format, session.as_deref()).map(Box::new);
                }
                file.take(number, if line.len() > longest { Line::Oversized } else { Line::Whole(line) });
            },
        );
        let mut found = file.found;
        found.format = read.format;
        for (row, rows) in &read.bad {
            found.bad.samples.push(BadSample { line: *row, reason: BadReason::BadRow });
            let rows = *rows.max(&1);
            (found.lines, found.bad.count) =
                (found.lines.saturating_add(rows), found.bad.count.saturating_add(rows));
        }
        let at_line = read.bad.first().map(|(row, _)| *row);
        let truncated = (broken || read.unreadable || at_line.is_some()).then(|| Truncation {
            at_byte: if read.unreadable { 0 } else { bytes },
            at_line: at_line.unwrap_or(0),
            cause: if broken { "unreadable" } else { "damaged" }.to_owned(),
        });
        self.keep(name, found, Reading { sha256, packing: Packing::Parquet, bytes, truncated })
    }
}

/// Length and SHA-256 of a file; whether it could not be read to its end.
fn hash_of(source: &impl ChunkReader) -> (u64, [u8; 32], bool) {
    let mut hash = Sha256::new();
    let Ok(mut reader) = source.get_read(0) else { return (0, hash.finalize().into(), true) };
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (bytes, hash.finalize().into(), false),
            Ok(more) => {
                bytes += more as u64;
                hash.update(buffer.get(..more).unwrap_or_default());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return (bytes, hash.finalize().into(), true),
        }
    }
}
