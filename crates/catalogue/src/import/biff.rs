//! `.xls` (BIFF8, Excel 97 to 2003): the records that hold texts, numbers and merged cells. [MS-XLS].
//!
//! Own code because the library that reads `.xlsx` here panics on malformed `.xls`, follows a circular directory for ever, and
//! lays out a sheet for every cell between its outermost two.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use super::grid::{Grid, Region, number};
use super::sst::{Fields, string, strings};
use super::{Limits, Workbook};
use crate::error::{ImportError, Place};
use crate::text::shown;

const DAMAGED: &str = "open the workbook, save it as .xlsx and import that";

mod record {
    pub(super) const FORMULA: u16 = 0x0006;
    pub(super) const EOF: u16 = 0x000A;
    pub(super) const FILE_PASS: u16 = 0x002F;
    pub(super) const CONTINUE: u16 = 0x003C;
    pub(super) const BOUND_SHEET: u16 = 0x0085;
    pub(super) const MUL_RK: u16 = 0x00BD;
    pub(super) const RSTRING: u16 = 0x00D6;
    pub(super) const MERGE_CELLS: u16 = 0x00E5;
    pub(super) const SST: u16 = 0x00FC;
    pub(super) const LABEL_SST: u16 = 0x00FD;
    pub(super) const NUMBER: u16 = 0x0203;
    pub(super) const LABEL: u16 = 0x0204;
    pub(super) const STRING: u16 = 0x0207;
    pub(super) const RK: u16 = 0x027E;
    pub(super) const BOF: u16 = 0x0809;
}

struct Book {
    stream: Vec<u8>,
    strings: Vec<String>,
    /// Where each sheet begins, in the workbook's order.
    sheets: Vec<(String, usize)>,
    limits: Limits,
}

pub(super) fn open(bytes: &[u8], limits: &Limits) -> Result<impl Workbook + use<>, ImportError> {
    let stream = workbook_stream(bytes, limits)?;
    let mut sheets = Vec::new();
    let mut shared: Vec<&[u8]> = Vec::new();
    let mut is_shared_open = false;
    let mut records = Records::new(&stream);
    match records.next() {
        // The version is the first field; 0x0600 is BIFF8.
        Some((record::BOF, data)) if Fields::new(data).u16() == Some(0x0600) => {}
        Some((record::BOF, _)) => {
            return Err(ImportError::file("a workbook of Excel 95 or older", DAMAGED));
        }
        _ => return Err(ImportError::file("no workbook within the file", DAMAGED)),
    }
    let mut is_whole = false;
    for (kind, data) in records {
        is_shared_open &= kind == record::CONTINUE;
        match kind {
            record::EOF => {
                is_whole = true;
                break;
            }
            record::FILE_PASS => {
                return Err(ImportError::file(
                    "the workbook has a password",
                    "save it without one and import that",
                ));
            }
            record::BOUND_SHEET => sheets.extend(bound_sheet(data)),
            record::SST => {
                shared = vec![data];
                is_shared_open = true;
            }
            record::CONTINUE if is_shared_open => shared.push(data),
            _ => {}
        }
    }
    if !is_whole {
        return Err(ImportError::file("the workbook ends in the middle", DAMAGED));
    }
    let strings = strings(&shared, limits.cells);
    Ok(Book { strings, sheets, limits: *limits, stream })
}

fn workbook_stream(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, ImportError> {
    let damaged = |error: std::io::Error| {
        ImportError::file(format!("not a readable .xls: {}", shown(&error.to_string())), DAMAGED)
    };
    let mut file = cfb::CompoundFile::open(Cursor::new(bytes)).map_err(damaged)?;
    if file.is_stream("/EncryptedPackage") {
        return Err(ImportError::file("the workbook has a password", "save it without one and import that"));
    }
    let name = ["/Workbook", "/Book"].into_iter().find(|name| file.is_stream(name));
    let name = name.ok_or_else(|| ImportError::file("no workbook within the file", DAMAGED))?;
    let mut stream = Vec::new();
    let limit = u64::try_from(limits.file_bytes).unwrap_or(u64::MAX);
    file.open_stream(name).and_then(|inner| inner.take(limit).read_to_end(&mut stream)).map_err(damaged)?;
    Ok(stream)
}

/// Name and position of a worksheet; nothing for charts and macros.
fn bound_sheet(data: &[u8]) -> Option<(String, usize)> {
    let mut fields = Fields::new(data);
    let at = usize::try_from(fields.u32()?).ok()?;
    let (_hidden, kind, length) = (fields.u8()?, fields.u8()?, fields.u8()?);
    let name = string(&mut fields, usize::from(length))?;
    (kind == 0).then_some((name, at))
}

/// Kind and data of each record, until the stream ends or tears.
struct Records<'a> {
    rest: Fields<'a>,
}

impl<'a> Records<'a> {
    fn new(stream: &'a [u8]) -> Self {
        Self { rest: Fields::new(stream) }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind = self.rest.u16()?;
        let length = self.rest.u16()?;
        Some((kind, self.rest.bytes(usize::from(length))?))
    }
}

impl Workbook for Book {
    fn names(&self) -> Vec<String> {
        self.sheets.iter().map(|(name, _)| name.clone()).collect()
    }

    fn grid(&mut self, name: &str) -> Result<Grid, ImportError> {
        let mut grid = Grid::new(name);
        let place = Place::Sheet(grid.name.clone());
        let start = self.sheets.iter().find(|(known, _)| known == name).map(|(_, at)| *at);
        let Some(sheet) = start.and_then(|at| self.stream.get(at..)) else {
            return Err(ImportError::new(place, "the sheet lies outside the file", DAMAGED));
        };
        let mut records = Records::new(sheet);
        if !matches!(records.next(), Some((record::BOF, _))) {
            return Err(ImportError::new(place, "the sheet has no beginning", DAMAGED));
        }
        let mut merges = Vec::new();
        // Charts within the sheet are streams of their own.
        let mut depth = 0_u32;
        let mut formula_at = None;
        let mut is_whole = false;
        for (kind, data) in records {
            match kind {
                record::BOF => depth += 1,
                record::EOF if depth == 0 => {
                    is_whole = true;
                    break;
                }
                record::EOF => depth -= 1,
                _ if depth > 0 => {}
                record::MERGE_CELLS => merges.extend(regions(data)),
                record::FORMULA => {
                    formula_at = position(data);
                    if let (Some(at), Some(text)) = (formula_at, formula(data)) {
                        grid.put(at, &text, &self.limits)?;
                    }
                }
                record::STRING => {
                    let mut fields = Fields::new(data);
                    let text = fields.u16().and_then(|count| string(&mut fields, usize::from(count)));
                    if let (Some(at), Some(text)) = (formula_at.take(), text) {
                        grid.put(at, &text, &self.limits)?;
                    }
                }
                record::MUL_RK => {
                    for (at, text) in mul_rk(data) {
                        grid.put(at, &text, &self.limits)?;
                    }
                }
                _ => {
                    let Some(at) = position(data) else { continue };
                    match self.text(kind, data.get(6..).unwrap_or_default()) {
                        Some(Ok(text)) => grid.put(at, &text, &self.limits)?,
                        Some(Err(fault)) => {
                            return Err(ImportError::new(grid.place(at.0, at.1), fault, DAMAGED));
                        }
                        None => {}
                    }
                }
            }
        }
        if !is_whole {
            return Err(ImportError::new(place, "the sheet ends in the middle", DAMAGED));
        }
        grid.spread(&merges, &self.limits)?;
        Ok(grid)
    }
}

type At = (u32, u32);

impl Book {
    /// The text of a record that is one cell, other than a formula; `data` begins behind row, column and format.
    fn text(&self, kind: u16, data: &[u8]) -> Option<Result<Cow<'_, str>, &'static str>> {
        let mut fields = Fields::new(data);
        let text = match kind {
            record::LABEL_SST => {
                let shared = fields.u32().and_then(|at| self.strings.get(usize::try_from(at).ok()?));
                return Some(
                    shared.map(|text| Cow::Borrowed(text.as_str())).ok_or("its text is not in the file"),
                );
            }
            record::LABEL | record::RSTRING => {
                fields.u16().and_then(|count| string(&mut fields, usize::from(count)))
            }
            record::NUMBER => fields.f64().map(number),
            record::RK => fields.u32().map(rk).map(number),
            _ => return None,
        };
        Some(text.map(Cow::Owned).ok_or("the cell ends in the middle"))
    }
}

/// Row and column, the first two fields of every cell.
fn position(data: &[u8]) -> Option<At> {
    let mut fields = Fields::new(data);
    Some((u32::from(fields.u16()?), u32::from(fields.u16()?)))
}

/// The last value of a formula where it is a number; a text follows in a record of its own.
fn formula(data: &[u8]) -> Option<String> {
    let value = data.get(6..14)?;
    match value {
        [_, _, _, _, _, _, 0xFF, 0xFF] => None,
        _ => Fields::new(value).f64().map(number),
    }
}

/// A number packed into 32 bits ([MS-XLS] 2.5.217).
fn rk(packed: u32) -> f64 {
    let value = if packed & 2 != 0 {
        // The upper 30 bits as a signed integer.
        f64::from(packed.cast_signed() >> 2)
    } else {
        f64::from_bits(u64::from(packed & !3) << 32)
    };
    if packed & 1 != 0 { value / 100.0 } else { value }
}

/// Numbers side by side in one row.
fn mul_rk(data: &[u8]) -> Vec<(At, String)> {
    let Some((row, first)) = position(data) else { return Vec::new() };
    // The last field is the last column, which the length tells as well.
    let packed = data.get(4..data.len().saturating_sub(2)).unwrap_or_default();
    let cells = packed.as_chunks::<6>().0.iter().zip(first..);
    cells
        .filter_map(|(cell, column)| {
            let mut fields = Fields::new(cell);
            fields.u16()?;
            Some(((row, column), number(rk(fields.u32()?))))
        })
        .collect()
}

fn regions(data: &[u8]) -> Vec<Region> {
    let mut fields = Fields::new(data);
    let count = fields.u16().unwrap_or(0);
    let mut region = || {
        let mut next = || fields.u16().map(u32::from);
        let (top, bottom, left, right) = (next()?, next()?, next()?, next()?);
        Some(Region { rows: (top, bottom), columns: (left, right) })
    };
    (0..count).map_while(|_| region()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers() {
        // 1.0 is 0x3FF00000 in the upper half of a double; 3 as an integer; 1.25 as an integer by 100.
        for (packed, value) in
            [(0x3FF0_0000, 1.0), (3 << 2 | 2, 3.0), (125 << 2 | 3, 1.25), (0xFFFF_FFFE, -1.0)]
        {
            assert!((rk(packed) - value).abs() < 1e-12, "{packed:x}");
        }
    }

    #[test]
    fn torn_records_are_no_cells() {
        assert_eq!(mul_rk(&[1, 0]), []);
        assert_eq!(mul_rk(&[1, 0, 2, 0, 0, 0, 6, 0, 0, 0, 2, 0]).len(), 1);
        assert!(regions(&[9, 0, 1, 0, 2, 0, 3, 0]).is_empty());
        assert_eq!(formula(&[0; 5]), None);
        assert_eq!(bound_sheet(&[0; 6]), None);
    }
}
