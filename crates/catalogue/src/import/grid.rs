//! The filled cells of one sheet.

use std::collections::BTreeMap;

use super::Limits;
use crate::error::{ImportError, Place};
use crate::text::clean;

/// Columns that are kept; the widest sheet that is read has 25.
pub(super) const MAX_COLUMNS: u32 = 64;
/// Merged regions of a sheet.
const MAX_MERGES: usize = 20_000;

/// A rectangle of cells, inclusive, counted from 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) rows: (u32, u32),
    pub(super) columns: (u32, u32),
}

/// Texts by row and column, both from 0. A merged cell's text stands in each cell that it covers.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) name: String,
    rows: BTreeMap<u32, BTreeMap<u32, String>>,
    cells: usize,
    text_bytes: usize,
}

impl Grid {
    pub(super) fn new(name: &str) -> Self {
        Self { name: crate::text::shown(name), rows: BTreeMap::new(), cells: 0, text_bytes: 0 }
    }

    /// Keeps a text; an empty one and one too far to the right are passed over.
    pub(super) fn put(&mut self, at: (u32, u32), text: &str, limits: &Limits) -> Result<(), ImportError> {
        let (row, column) = at;
        // Before it is looked at, so that what is passed over costs as well.
        self.charge(row, text, limits)?;
        if column >= MAX_COLUMNS {
            return Ok(());
        }
        let text = clean(text, limits.text_chars);
        if text.is_empty() {
            return Ok(());
        }
        if row >= limits.rows {
            return Err(ImportError::new(
                self.row_place(row),
                format!("a filled cell below row {}", limits.rows),
                "delete what stands below the table",
            ));
        }
        self.fill(row, column, text, limits)
    }

    fn charge(&mut self, row: u32, text: &str, limits: &Limits) -> Result<(), ImportError> {
        self.text_bytes = self.text_bytes.saturating_add(text.len());
        if self.text_bytes > limits.text_bytes {
            return Err(ImportError::new(
                self.row_place(row),
                format!("more than {} bytes of text, merged cells counted each time", limits.text_bytes),
                "import the publisher's own sheet without additions",
            ));
        }
        Ok(())
    }

    fn fill(&mut self, row: u32, column: u32, text: String, limits: &Limits) -> Result<(), ImportError> {
        self.cells += 1;
        if self.cells > limits.cells {
            return Err(ImportError::new(
                self.row_place(row),
                format!("more than {} filled or merged cells", limits.cells),
                "import the publisher's own sheet without additions",
            ));
        }
        self.rows.entry(row).or_default().insert(column, text);
        Ok(())
    }

    /// Writes the text of merged cells into the cells that they cover, in rows that have any text.
    pub(super) fn spread(&mut self, merges: &[Region], limits: &Limits) -> Result<(), ImportError> {
        if merges.len() > MAX_MERGES {
            return Err(ImportError::new(
                Place::Sheet(self.name.clone()),
                format!("more than {MAX_MERGES} merged cells"),
                "import the publisher's own sheet without additions",
            ));
        }
        for Region { rows: (top, bottom), columns: (left, right) } in merges.iter().copied() {
            let Some(text) = self.rows.get(&top).and_then(|row| row.get(&left)).cloned() else { continue };
            if bottom < top || right < left {
                continue;
            }
            let covered: Vec<u32> = self.rows.range(top..=bottom).map(|(row, _)| *row).collect();
            for row in covered {
                for column in left..=right.min(MAX_COLUMNS - 1) {
                    if (row, column) != (top, left) {
                        self.charge(row, &text, limits)?;
                        self.fill(row, column, text.clone(), limits)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The text of a cell; empty where there is none.
    pub(super) fn get(&self, row: u32, column: u32) -> &str {
        self.rows.get(&row).and_then(|row| row.get(&column)).map_or("", String::as_str)
    }

    /// Rows with any text, from the top.
    pub(super) fn rows(&self) -> impl Iterator<Item = u32> {
        self.rows.keys().copied()
    }

    /// The filled cells of a row, from the left.
    pub(super) fn row(&self, row: u32) -> impl Iterator<Item = (u32, &str)> {
        self.rows.get(&row).into_iter().flatten().map(|(column, text)| (*column, text.as_str()))
    }

    pub(super) fn row_place(&self, row: u32) -> Place {
        Place::Row { sheet: self.name.clone(), row: row.saturating_add(1) }
    }

    pub(super) fn place(&self, row: u32, column: u32) -> Place {
        Place::Cell { sheet: self.name.clone(), row: row.saturating_add(1), column }
    }
}

/// A number as people see it in a cell.
pub(super) fn number(value: f64) -> String {
    // Display writes a whole number without a point.
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(rows: (u32, u32), columns: (u32, u32)) -> Region {
        Region { rows, columns }
    }

    #[test]
    fn merged_cells_speak_for_all_they_cover() {
        let limits = Limits::default();
        let mut grid = Grid::new("S");
        for (at, text) in [((0, 0), "head"), ((1, 1), "x"), ((2, 1), "y"), ((9, 1), "far")] {
            grid.put(at, text, &limits).unwrap();
        }
        grid.spread(&[region((0, 2), (0, 0)), region((5, 4), (0, 0)), region((7, 8), (3, 3))], &limits)
            .unwrap();
        assert_eq!((grid.get(1, 0), grid.get(2, 0), grid.get(9, 0)), ("head", "head", ""));
    }

    #[test]
    fn a_sheet_cannot_grow_beyond_its_limits() {
        let limits = Limits { rows: 10, cells: 50, ..Limits::default() };
        let mut grid = Grid::new("S");
        assert!(grid.put((10, 0), "x", &limits).unwrap_err().to_string().contains("row 11"));
        grid.put((0, 4_000_000), "too far right", &limits).unwrap();
        grid.put((0, 0), "x", &limits).unwrap();
        let error = grid.spread(&[region((0, u32::MAX), (0, u32::MAX))], &limits).unwrap_err();
        assert!(error.to_string().contains("more than 50"), "{error}");
        let limits = Limits { text_bytes: 5, ..limits };
        let error = Grid::new("S").put((0, 100), "123456", &limits).unwrap_err();
        assert!(error.to_string().contains("more than 5 bytes"), "{error}");
        assert!(grid.spread(&vec![region((0, 0), (0, 0)); MAX_MERGES + 1], &limits).is_err());
    }
}
