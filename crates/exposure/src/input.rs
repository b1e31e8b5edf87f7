//! One input: unpacked, hashed and cut into lines with bounded memory, and the report about it.

use std::fmt;
use std::io::{BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::formats::Format;
use crate::unpack::{self, Packing};

/// Why a line could not be used. Never holds anything of the line: log lines are personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadReason {
    /// Not UTF-8.
    InvalidUtf8,
    /// Longer than the limit, skipped to its end.
    Oversized,
    /// The input breaks off inside this line.
    CutOff,
    /// Nothing shows what format it is of, or the format needs names or a template that nobody gave.
    UnknownFormat,
    /// The names of the fields lack a time or the path.
    MissingColumns,
    /// Fewer fields than the format has up to the last one needed.
    TooFewFields,
    /// The time is missing, has no UTC offset, or is no time.
    BadTime,
    /// The time has no UTC offset, and nobody said which it is.
    NoOffset,
    /// Not a JSON object of the documented shape.
    BadJson,
    /// Parquet has its table of contents at its end, and was given as a stream.
    ParquetAsStream,
    /// A row of Parquet, or all that follow in its group, cannot be read.
    BadRow,
    /// An id of a person, kind or tenant is longer than 256 bytes or has control characters.
    BadId,
}

impl fmt::Display for BadReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::InvalidUtf8 => "not UTF-8",
            Self::Oversized => "longer than the limit, skipped",
            Self::CutOff => "the input breaks off inside this line",
            Self::UnknownFormat => "of no known form; say which it is, with its template or its fields",
            Self::MissingColumns => "the names of its fields lack a time or cs-uri-stem",
            Self::TooFewFields => "fewer fields than its format has",
            Self::BadTime => "the time is missing, has no UTC offset, or is no time",
            Self::NoOffset => "the time has no UTC offset; say which it is",
            Self::BadJson => "not a JSON object of the documented shape",
            Self::ParquetAsStream => "Parquet, which can only be read as a whole file",
            Self::BadRow => "the rows from here to the end of their group cannot be read",
            Self::BadId => "an id is longer than 256 bytes or has control characters",
        })
    }
}

/// A bad line: where and why, never what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadSample {
    /// Line number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: BadReason,
}

/// Lines that could not be used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bad {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub samples: Vec<BadSample>,
}

/// Where an input broke off. Everything before it was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Bytes of content (unpacked) before the break.
    pub at_byte: u64,
    /// The line in which, or after which, it broke off.
    pub at_line: u64,
    /// `unexpected_end`, `damaged` or `unreadable`.
    pub cause: String,
}

/// What was found in one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputReport {
    /// The name it was given.
    pub name: String,
    /// SHA-256 of the content (unpacked), in hex.
    pub sha256: String,
    /// What it was read as; `None` when no line told.
    pub format: Option<Format>,
    /// Was it gzip or zstd?
    pub compressed: bool,
    /// Bytes of content (unpacked).
    pub bytes: u64,
    /// Lines with content; directives and empty lines are none.
    pub lines: u64,
    /// Lines that were understood.
    pub used: u64,
    /// Lines that were not; the oversized are among them.
    pub bad: Bad,
    /// Lines longer than the limit.
    pub oversized: u64,
    /// Set when the input broke off.
    pub truncated: Option<Truncation>,
    /// Earliest time in it.
    pub first: Option<Timestamp>,
    /// Latest time in it.
    pub last: Option<Timestamp>,
    /// Name of the input with the same content that counts instead.
    pub duplicate_of: Option<String>,
    /// Lines that the log itself says it could not keep.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One line, or the reason why there is none.
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    Oversized,
    CutOff,
}

/// What is known once the input has been read to its end.
pub(crate) struct Reading {
    pub(crate) sha256: [u8; 32],
    pub(crate) packing: Packing,
    pub(crate) bytes: u64,
    pub(crate) truncated: Option<Truncation>,
}

const CHUNK: usize = 256 * 1024;

/// An input whose packing is known.
pub(crate) struct Opened<'r> {
    /// The content, unpacked; of Parquet the file as it is, whose lines are none.
    pub(crate) content: Box<dyn Read + Send + 'r>,
    pub(crate) packing: Packing,
    /// It broke off in its first bytes, which the content has.
    pub(crate) broken: Option<ErrorKind>,
}

/// Looks whether an input is packed.
pub(crate) fn open<'r>(mut reader: impl Read + Send + 'r) -> Opened<'r> {
    let mut magic = [0; 4];
    let (got, broken) = fill(&mut reader, &mut magic);
    let packing = Packing::of(&magic[..got]);
    let start = Cursor::new(magic).take(got as u64);
    if broken.is_some() {
        return Opened { content: Box::new(start), packing, broken };
    }
    let whole = start.chain(reader);
    let (content, broken): (Box<dyn Read + Send + 'r>, _) = match packing {
        Packing::Gzip => (Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole))), None),
        Packing::Zstd => match unpack::zstd(BufReader::with_capacity(CHUNK, whole)) {
            Ok(unpacked) => (Box::new(unpacked), None),
            Err(error) => (Box::new(std::io::empty()), Some(error.kind())),
        },
        Packing::None | Packing::Parquet => (Box::new(whole), None),
    };
    Opened { content, packing, broken }
}

/// Reads until the buffer is full, the end, or an error, which is returned beside what was read.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<ErrorKind>) {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (got, Some(error.kind())),
        }
    }
    (got, None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::blocks::{Block, Cutter};

    /// Unpacks, hashes and cuts into lines.
    fn each_line(reader: impl Read + Send, limit: usize, mut visit: impl FnMut(u64, Line<'_>)) -> Reading {
        let Opened { content, packing, broken } = open(reader);
        let mut cutter = Cutter::new(content, broken, limit);
        let (mut block, mut hash) = (Block::default(), Sha256::new());
        while cutter.next(&mut block) {
            hash.update(block.fresh());
            block.each(limit, &mut visit);
        }
        cutter.end(packing, hash)
    }

    fn lines(reader: impl Read + Send, limit: usize) -> (Vec<String>, Reading) {
        let mut seen = Vec::new();
        let reading = each_line(reader, limit, |number, line| {
            seen.push(match line {
                Line::Whole(bytes) => format!("{number}:{}", String::from_utf8_lossy(bytes)),
                Line::Oversized => format!("{number}!"),
                Line::CutOff => format!("{number}?"),
            });
        });
        (seen, reading)
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// Hands out one byte at a time.
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn several_gzip_members_are_one_content() {
        let mut packed = gzip(b"a\nb\n");
        packed.extend(gzip(b"c\nd"));
        for (seen, reading) in [lines(packed.as_slice(), 10), lines(Slow(&packed), 10)] {
            assert_eq!(seen, ["1:a", "2:b", "3:c", "4:d"]);
            assert!(reading.packing == Packing::Gzip && reading.truncated.is_none());
            assert_eq!(reading.sha256, lines(&b"a\nb\nc\nd"[..], 10).1.sha256);
        }
    }

    #[test]
    fn lines_at_the_limit() {
        assert_eq!(lines(&b"12345\n123456\n1\n"[..], 5).0, ["1:12345", "2!", "3:1"]);
        assert_eq!(lines(Slow(b"12345\n123456\n1"), 5).0, ["1:12345", "2!", "3:1"]);
        assert_eq!(lines(Slow(b"123456"), 5).0, ["1!"]);
        assert!(lines(&b""[..], 5).0.is_empty());
        assert_eq!(lines(&b"\x1f"[..], 5).0, ["1:\x1f"]);
    }

    #[test]
    fn a_line_of_200_megabytes_is_never_held() {
        let long = std::io::repeat(b'x').take(200 << 20);
        let reader = (&b"first\n"[..]).chain(long).chain(&b"\nlast\n"[..]);
        let mut cutter = Cutter::new(reader, None, 1 << 20);
        let (mut block, mut longest, mut seen) = (Block::default(), 0, Vec::new());
        while cutter.next(&mut block) {
            longest = longest.max(block.size() + cutter.held());
            block.each(1 << 20, |number, line| seen.push((number, matches!(line, Line::Oversized))));
        }
        assert_eq!(seen, [(1, false), (2, true), (3, false)]);
        assert!(longest <= 2 * (1 << 20) + 2 * CHUNK, "held {longest} bytes");
    }

    #[test]
    fn a_truncated_gzip_gives_everything_before_the_break() {
        let content: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        let packed = gzip(content.as_bytes());
        let whole = lines(packed.as_slice(), 100).0;
        let (seen, reading) = lines(&packed[..packed.len() / 2], 100);
        let truncated = reading.truncated.unwrap();
        assert_eq!(truncated.cause, "unexpected_end");
        assert!(seen.len() > 5_000, "only {} lines", seen.len());
        assert_eq!(seen[..seen.len() - 1], whole[..seen.len() - 1]);
        assert_eq!(truncated.at_line, seen.len() as u64);
    }

    #[test]
    fn a_damaged_gzip_says_so() {
        let mut packed = gzip(b"a\nb\n");
        packed.extend_from_slice(b"rubbish after the last member");
        let (seen, reading) = lines(packed.as_slice(), 100);
        assert_eq!(seen, ["1:a", "2:b"]);
        assert_eq!(reading.truncated.unwrap().cause, "damaged");
    }
}
