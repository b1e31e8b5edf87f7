//! The shared strings of a BIFF8 workbook ([MS-XLS] 2.4.265), which run on over CONTINUE records.

/// Little-endian fields of a record; nothing where it ends too early.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.bytes(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        self.bytes(8)?.try_into().ok().map(f64::from_le_bytes)
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }
}

/// Characters of `bytes`: two bytes each, or one each with the other zero ("compressed", not a code page).
fn decode(bytes: &[u8], is_wide: bool, into: &mut Vec<u16>) {
    if is_wide {
        into.extend(bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)));
    } else {
        into.extend(bytes.iter().map(|byte| u16::from(*byte)));
    }
}

const WIDE: u8 = 0x01;
const HAS_PHONETICS: u8 = 0x04;
const HAS_RUNS: u8 = 0x08;

/// A string within one record (XLUnicodeString): as much of it as the record holds.
pub(super) fn string(fields: &mut Fields<'_>, count: usize) -> Option<String> {
    let flags = fields.u8()?;
    let is_wide = flags & WIDE != 0;
    let wanted = count.checked_mul(if is_wide { 2 } else { 1 })?;
    let bytes = fields.bytes(wanted.min(fields.left()))?;
    let mut units = Vec::with_capacity(bytes.len());
    decode(bytes, is_wide, &mut units);
    Some(String::from_utf16_lossy(&units))
}

/// The strings of the SST record and the CONTINUE records after it. Reads as many as are whole.
pub(super) fn strings(segments: &[&[u8]], limit: usize) -> Vec<String> {
    let mut reader = Segments::new(segments);
    let mut strings = Vec::new();
    // Total uses, then the number of unique strings.
    let (Some(_), Some(count)) = (reader.u32(), reader.u32()) else { return strings };
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(limit);
    while strings.len() < count {
        match reader.string() {
            Some(text) => strings.push(text),
            None => break,
        }
    }
    strings
}

struct Segments<'a> {
    rest: &'a [&'a [u8]],
    here: Fields<'a>,
}

impl<'a> Segments<'a> {
    fn new(segments: &'a [&'a [u8]]) -> Self {
        match segments.split_first() {
            Some((first, rest)) => Self { rest, here: Fields::new(first) },
            None => Self { rest: &[], here: Fields::new(&[]) },
        }
    }

    fn next_segment(&mut self) -> Option<()> {
        let (next, rest) = self.rest.split_first()?;
        self.here = Fields::new(next);
        self.rest = rest;
        Some(())
    }

    /// A byte of a header or of what follows the characters: goes on in the next record without anything between.
    fn u8(&mut self) -> Option<u8> {
        while self.here.left() == 0 {
            self.next_segment()?;
        }
        self.here.u8()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.u8()?, self.u8()?]))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes([self.u8()?, self.u8()?, self.u8()?, self.u8()?]))
    }

    fn skip(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            if self.here.left() == 0 {
                self.next_segment()?;
                continue;
            }
            let step = count.min(self.here.left());
            self.here.bytes(step)?;
            count -= step;
        }
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let mut left = usize::from(self.u16()?);
        let flags = self.u8()?;
        let runs = if flags & HAS_RUNS != 0 { usize::from(self.u16()?) } else { 0 };
        let phonetics = if flags & HAS_PHONETICS != 0 { usize::try_from(self.u32()?).ok()? } else { 0 };
        let mut is_wide = flags & WIDE != 0;
        let mut units = Vec::new();
        while left > 0 {
            if self.here.left() == 0 {
                self.next_segment()?;
                // Where characters go on in the next record, it says anew how wide they are.
                is_wide = self.here.u8()? & WIDE != 0;
                continue;
            }
            let width = if is_wide { 2 } else { 1 };
            let count = left.min(self.here.left() / width);
            if count == 0 {
                // Half a character at the end of a record.
                return None;
            }
            decode(self.here.bytes(count * width)?, is_wide, &mut units);
            left -= count;
        }
        self.skip(runs.saturating_mul(4))?;
        self.skip(phonetics)?;
        Some(String::from_utf16_lossy(&units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(count: u32) -> Vec<u8> {
        [count.to_le_bytes(), count.to_le_bytes()].concat()
    }

    #[test]
    fn a_string_goes_on_in_the_next_record_with_another_width() {
        let mut first = head(2);
        // Four characters, compressed; two of them here.
        first.extend([4, 0, 0, b'a', b'b']);
        // The rest wide, then a string with one formatting run and two bytes of phonetics.
        let second = [1, 0x42, 0x30, 0x44, 0x30, 1, 0, 0x0C, 1, 0, 2, 0, 0, 0, b'z', 9, 9, 9, 9, 8, 8];
        assert_eq!(strings(&[&first, &second], 10), ["abあい", "z"]);
    }

    #[test]
    fn a_torn_table_gives_what_is_whole() {
        let mut torn = head(3);
        torn.extend([1, 0, 0, b'a', 9, 0, 0, b'b']);
        assert_eq!(strings(&[&torn], 10), ["a"]);
        assert_eq!(strings(&[&head(u32::MAX)], 10), Vec::<String>::new());
        assert_eq!(strings(&[], 10), Vec::<String>::new());
        let mut wide = head(1);
        wide.extend([1, 0, 1, b'a']);
        assert_eq!(strings(&[&wide], 10), Vec::<String>::new());
    }

    #[test]
    fn a_string_of_one_record_is_cut_at_its_end() {
        assert_eq!(string(&mut Fields::new(&[0, b'a', b'b']), 5), Some("ab".into()));
        assert_eq!(string(&mut Fields::new(&[1, 0x42, 0x30]), 1), Some("あ".into()));
        assert_eq!(string(&mut Fields::new(&[]), 1), None);
    }
}
