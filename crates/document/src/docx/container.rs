//! The container of a DOCX file: a ZIP archive without dates of its own, so that the same parts give the same bytes.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// 1 January 1980, the first day that the format knows.
const DATE: u16 = 0x0021;
/// Version 2.0: deflate.
const VERSION: u16 = 20;
/// Names are UTF-8.
const FLAGS: u16 = 0x0800;
const DEFLATED: u16 = 8;

/// Parts that were added.
#[derive(Default)]
pub struct Container {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Container {
    /// Adds a part. A document is far below the 4 GiB and the 65,535 parts that this format ends at.
    pub fn add(&mut self, name: &str, content: &str) {
        let packed = deflate(content.as_bytes());
        let mut head = Vec::with_capacity(30);
        for word in [VERSION, FLAGS, DEFLATED, 0, DATE] {
            head.extend(word.to_le_bytes());
        }
        for long in [crc32fast::hash(content.as_bytes()), length(packed.len()), length(content.len())] {
            head.extend(long.to_le_bytes());
        }
        head.extend(short(name.len()).to_le_bytes());
        head.extend(0_u16.to_le_bytes()); // No extra fields.

        let offset = length(self.bytes.len());
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&head);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(&packed);

        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&head);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
    }

    /// The archive.
    pub fn finish(mut self) -> Vec<u8> {
        let offset = length(self.bytes.len());
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06");
        self.bytes.extend([0; 4]);
        self.bytes.extend(self.count.to_le_bytes());
        self.bytes.extend(self.count.to_le_bytes());
        self.bytes.extend(length(self.directory.len()).to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0; 2]);
        self.bytes
    }
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
