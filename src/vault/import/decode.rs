//! Bytes to UTF-8, streaming: the byte order mark goes, Shift_JIS is converted when asked for, a record that does not end is
//! cut off before it fills the memory.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{CoderResult, Decoder, SHIFT_JIS};

/// Longest record of a file, in bytes: a person's data in words has a few hundred.
pub const MAX_RECORD: u64 = 1024 * 1024;
const BUFFER: usize = 64 * 1024;

/// Which encoding a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    ShiftJis,
}

/// Converts what it reads.
pub struct Utf8Reader<R> {
    inner: R,
    decoder: Option<Decoder>,
    raw: Box<[u8]>,
    raw_at: usize,
    raw_end: usize,
    started: bool,
    ended: bool,
    pending: Vec<u8>,
    pending_at: usize,
}

impl<R: Read> Utf8Reader<R> {
    pub fn new(inner: R, encoding: Encoding) -> Self {
        let decoder = (encoding == Encoding::ShiftJis).then(|| SHIFT_JIS.new_decoder_without_bom_handling());
        Self {
            inner,
            decoder,
            raw: vec![0; BUFFER].into(),
            raw_at: 0,
            raw_end: 0,
            started: false,
            ended: false,
            pending: Vec::new(),
            pending_at: 0,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.raw_at = 0;
        self.raw_end = 0;
        // The mark has three bytes, which a short first read may split.
        let wanted = if self.started { 1 } else { 3 };
        while self.raw_end < wanted {
            match self.inner.read(&mut self.raw[self.raw_end..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.raw_end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.started {
            self.started = true;
            let start = &self.raw[..self.raw_end];
            if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, Unreadable::Utf16));
            }
            if start.starts_with(&[0xEF, 0xBB, 0xBF]) {
                self.raw_at = 3;
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if self.pending_at < self.pending.len() {
                let count = out.len().min(self.pending.len() - self.pending_at);
                out[..count].copy_from_slice(&self.pending[self.pending_at..self.pending_at + count]);
                self.pending_at += count;
                return Ok(count);
            }
            if self.raw_at == self.raw_end {
                if self.ended {
                    return Ok(0);
                }
                self.fill()?;
            }
            let Some(decoder) = &mut self.decoder else {
                let count = out.len().min(self.raw_end - self.raw_at);
                if count == 0 {
                    continue;
                }
                out[..count].copy_from_slice(&self.raw[self.raw_at..self.raw_at + count]);
                self.raw_at += count;
                return Ok(count);
            };
            // One byte becomes at most three; a character that the end of the file cuts becomes U+FFFD.
            self.pending.resize((self.raw_end - self.raw_at) * 3 + 16, 0);
            let source = &self.raw[self.raw_at..self.raw_end];
            let (result, read, written, _) = decoder.decode_to_utf8(source, &mut self.pending, self.ended);
            self.raw_at += read;
            self.pending.truncate(written);
            self.pending_at = 0;
            if self.ended && result == CoderResult::InputEmpty {
                self.decoder = None;
            }
        }
    }
}

/// Why a whole file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the file is UTF-16")]
    Utf16,
    #[error("a record is longer than 1 MiB; a quote that is not closed?")]
    EndlessRecord,
}

/// Hands on no more than [`MAX_RECORD`] bytes beyond what its user has finished with.
pub struct Bounded<R> {
    inner: R,
    handed: u64,
    finished: Arc<AtomicU64>,
}

impl<R: Read> Bounded<R> {
    /// The second value is to be set to the bytes that make up finished records.
    pub fn new(inner: R) -> (Self, Arc<AtomicU64>) {
        let finished = Arc::new(AtomicU64::new(0));
        (Self { inner, handed: 0, finished: finished.clone() }, finished)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = self.finished.load(Ordering::Relaxed) + MAX_RECORD + BUFFER as u64;
        if self.handed >= most {
            return Err(io::Error::new(io::ErrorKind::InvalidData, Unreadable::EndlessRecord));
        }
        let count = self.inner.read(out)?;
        self.handed += count as u64;
        Ok(count)
    }
}

/// Whether bytes that are not UTF-8 would be text in Shift_JIS.
pub fn looks_like_shift_jis(bytes: &[u8]) -> bool {
    let (_, had_errors) = SHIFT_JIS.decode_without_bom_handling(bytes);
    !had_errors && bytes.iter().any(|byte| *byte >= 0x80)
}
