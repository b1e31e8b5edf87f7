//! How an input is packed, by its first bytes, and unpacking it with bounded memory.

use std::io::{self, BufRead, Read};

/// Known by the first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zstd,
    /// Not a stream of lines.
    Parquet,
}

impl Packing {
    pub(crate) fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one to be skipped, with which some programs begin.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            b"PAR1" => Self::Parquet,
            _ => Self::None,
        }
    }
}

/// The widest window that is held, as a power of two: 128 MiB, what the `zstd` program itself unpacks without being told to. A file that
/// asks for more is damaged.
const WINDOW: u32 = 27;

/// Unpacks zstd, of one frame or several.
pub(crate) fn zstd(packed: impl BufRead) -> io::Result<impl Read> {
    let mut decoder = zstd::Decoder::with_buffer(packed)?;
    decoder.window_log_max(WINDOW)?;
    Ok(Unpacked(decoder))
}

/// What the library says of damaged content has no kind of its own.
struct Unpacked<R>(R);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Other => io::ErrorKind::InvalidData.into(),
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// With a checksum, as the program makes them.
    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>, io::ErrorKind> {
        let mut content = Vec::new();
        let read = zstd(packed).and_then(|mut reader| reader.read_to_end(&mut content));
        read.map(|_| content).map_err(|error| error.kind())
    }

    #[test]
    fn frames_follow_each_other() {
        let two = [packed(b"a\nb\n"), packed(b"c\n")].concat();
        assert_eq!(Packing::of(&two[..4]), Packing::Zstd);
        assert_eq!(unpacked(&two).unwrap(), b"a\nb\nc\n");
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_said() {
        let content: Vec<u8> = (0..20_000_u32).flat_map(|number| number.to_le_bytes()).collect();
        let whole = packed(&content);
        assert_eq!(unpacked(&whole[..whole.len() / 2]).err(), Some(io::ErrorKind::UnexpectedEof));
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x55;
        assert_eq!(unpacked(&damaged).err(), Some(io::ErrorKind::InvalidData));
        assert_eq!(unpacked(&[&whole[..], b"rubbish"].concat()).err(), Some(io::ErrorKind::InvalidData));
    }

    #[test]
    fn a_window_that_is_too_wide_is_refused() {
        // A frame's head alone: magic, no content size, a window of 2 to the power of 31.
        let head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
        assert_eq!(unpacked(&head), Err(io::ErrorKind::InvalidData));
        let fits = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00];
        assert_eq!(unpacked(&fits).unwrap(), b"");
    }
}
