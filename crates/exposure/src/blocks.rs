//! A stream as blocks of whole lines: what one thread cuts off, any thread can read. Memory is bounded whatever comes.

use std::io::{ErrorKind, Read};
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::formats::NAMES_OF_PATH;
use crate::input::{Line, Reading, Truncation};
use crate::unpack::Packing;

/// Of the size that is in a processor's own cache while it is hashed and read, and large beside a lock.
const CHUNK: usize = 256 * 1024;

/// Some whole lines of the stream, and what was read for them.
#[derive(Default)]
pub(crate) struct Block {
    buffer: Vec<u8>,
    lines: Range<usize>,
    /// What no block before it had.
    fresh: Range<usize>,
    /// Number of the first of the lines.
    first: u64,
    /// Lines that are none: one that was too long to be held until its end, one that was cut off.
    odd: Vec<(u64, Odd)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    Oversized,
    CutOff,
}

/// A block is room, whose content is over when the next one is read: a copy of it is empty, and nothing of it is shown, since log lines are
/// personal data.
impl Clone for Block {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Block").field("bytes", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl Odd {
    fn line(self) -> Line<'static> {
        match self {
            Self::Oversized => Line::Oversized,
            Self::CutOff => Line::CutOff,
        }
    }
}

impl Block {
    /// The lines, the newlines between them included; the last one may have none.
    pub(crate) fn lines(&self) -> &[u8] {
        self.buffer.get(self.lines.clone()).unwrap_or_default()
    }

    /// What belongs into the hash.
    pub(crate) fn fresh(&self) -> &[u8] {
        self.buffer.get(self.fresh.clone()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        self.buffer.len()
    }

    /// Gives each line with its number, from 1.
    pub(crate) fn each(&self, max_line_bytes: usize, mut visit: impl FnMut(u64, Line<'_>)) {
        let (before, after) = self.odd.split_at(self.odd.partition_point(|(number, _)| *number < self.first));
        for (number, odd) in before {
            visit(*number, odd.line());
        }
        let (lines, mut number, mut start) = (self.lines(), self.first, 0);
        let mut give = |number, line: &[u8]| {
            visit(number, if line.len() > max_line_bytes { Line::Oversized } else { Line::Whole(line) });
        };
        for newline in memchr::memchr_iter(b'\n', lines) {
            give(number, &lines[start..newline]);
            number += 1;
            start = newline + 1;
        }
        if start < lines.len() {
            give(number, &lines[start..]);
        }
        for (number, odd) in after {
            visit(*number, odd.line());
        }
    }

    /// Whether a line may say how the others are read: by directives, or by the names of its fields.
    pub(crate) fn has_names(&self) -> bool {
        let lines = self.lines_after_mark();
        let has = |wanted: &str| memchr::memmem::find(lines, wanted.as_bytes()).is_some();
        lines.first() == Some(&b'#') || has("\n#") || NAMES_OF_PATH.into_iter().any(has)
    }

    /// A mark of the order of bytes belongs to no line.
    fn lines_after_mark(&self) -> &[u8] {
        let lines = self.lines();
        if self.first == 1 { lines.strip_prefix(b"\xef\xbb\xbf").unwrap_or(lines) } else { lines }
    }
}

/// Cuts a stream into blocks. Between two of them it holds at most one line that is not longer than the limit.
pub(crate) struct Cutter<R> {
    reader: R,
    max_line_bytes: usize,
    /// The unfinished line at the end of the last block.
    tail: Vec<u8>,
    /// Inside a line that is too long: wait for its end.
    skipping: bool,
    /// Lines so far.
    line: u64,
    bytes: u64,
    ended: bool,
    broken: Option<ErrorKind>,
}

impl<R: Read> Cutter<R> {
    /// `broken`: the stream broke off before `reader`, which has what came until then.
    pub(crate) fn new(reader: R, broken: Option<ErrorKind>, max_line_bytes: usize) -> Self {
        Self {
            reader,
            max_line_bytes,
            tail: Vec::new(),
            skipping: false,
            line: 0,
            bytes: 0,
            ended: false,
            broken,
        }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.tail.len()
    }

    /// Fills a block, whatever was in it; `false` at the end.
    pub(crate) fn next(&mut self, block: &mut Block) -> bool {
        if self.ended {
            return false;
        }
        block.odd.clear();
        let begin = self.tail.len();
        let size = begin + CHUNK;
        // The tail is at most the limit, and a block that once was long need not stay so.
        if block.buffer.len() < size || block.buffer.len() > size + self.max_line_bytes {
            block.buffer.resize(size, 0);
        }
        block.buffer[..begin].copy_from_slice(&self.tail);
        self.tail.clear();
        let end = begin + self.fill(&mut block.buffer[begin..size]);
        self.bytes += (end - begin) as u64;
        block.fresh = begin..end;
        self.cut(block, end);
        true
    }

    /// Reads until the buffer is full, or the stream is at its end.
    fn fill(&mut self, buffer: &mut [u8]) -> usize {
        let mut got = 0;
        while got < buffer.len() {
            match self.reader.read(&mut buffer[got..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(more) => got += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.broken = Some(error.kind());
                    self.ended = true;
                    break;
                }
            }
        }
        got
    }

    fn cut(&mut self, block: &mut Block, end: usize) {
        let mut start = 0;
        if self.skipping {
            let newline = memchr::memchr(b'\n', &block.buffer[..end]);
            start = newline.map_or(end, |newline| newline + 1);
            if newline.is_some() || self.ended {
                self.line += 1;
                self.skipping = false;
                block.odd.push((self.line, Odd::Oversized));
            }
        }
        let content = &block.buffer[start..end];
        block.first = self.line + 1;
        let whole = match memchr::memrchr(b'\n', content) {
            _ if self.ended && self.broken.is_none() => content.len(),
            newline => newline.map_or(0, |newline| newline + 1),
        };
        block.lines = start..start + whole;
        self.line += memchr::memchr_iter(b'\n', &content[..whole]).count() as u64;
        let rest = &content[whole..];
        if self.ended {
            if !rest.is_empty() {
                self.line += 1;
                let odd = if rest.len() > self.max_line_bytes { Odd::Oversized } else { Odd::CutOff };
                block.odd.push((self.line, odd));
            } else if whole > 0 && content[whole - 1] != b'\n' {
                self.line += 1;
            }
        } else if rest.len() > self.max_line_bytes {
            self.skipping = true;
        } else if !self.skipping {
            self.tail.extend_from_slice(rest);
        }
    }

    pub(crate) fn end(self, packing: Packing, hash: Sha256) -> Reading {
        let truncated = self.broken.map(|kind| Truncation {
            at_byte: self.bytes,
            at_line: self.line,
            cause: match kind {
                ErrorKind::UnexpectedEof => "unexpected_end",
                ErrorKind::InvalidData | ErrorKind::InvalidInput => "damaged",
                _ => "unreadable",
            }
            .to_owned(),
        });
        Reading { sha256: hash.finalize().into(), packing, bytes: self.bytes, truncated }
    }
}
