//! What is wrong with a file, where, and what to do about it.

use std::fmt;

/// Why a file was not imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}; {remedy}")]
pub struct ImportError {
    /// Where in the file.
    pub place: Place,
    /// What is wrong. Never repeats more than 64 characters of the file.
    pub fault: String,
    /// What to do.
    pub remedy: &'static str,
}

impl ImportError {
    pub(crate) fn new(place: Place, fault: impl Into<String>, remedy: &'static str) -> Self {
        Self { place, fault: fault.into(), remedy }
    }

    pub(crate) fn file(fault: impl Into<String>, remedy: &'static str) -> Self {
        Self::new(Place::File, fault, remedy)
    }
}

/// Something that was imported otherwise than the file says, or was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where in the file.
    pub place: Place,
    /// What was noticed. Never repeats more than 64 characters of the file.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.text)
    }
}

/// A place in a file, as the program that made it would name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A sheet.
    Sheet(String),
    /// A row of a sheet, counted from 1 as spreadsheets do.
    Row {
        /// Sheet.
        sheet: String,
        /// Row, from 1.
        row: u32,
    },
    /// A cell: row counted from 1, column from 0 and shown as letters.
    Cell {
        /// Sheet.
        sheet: String,
        /// Row, from 1.
        row: u32,
        /// Column, from 0.
        column: u32,
    },
    /// A value of a JSON document, as a JSON pointer (RFC 6901).
    Json(String),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => out.write_str("file"),
            Self::Sheet(sheet) => write!(out, "sheet `{sheet}`"),
            Self::Row { sheet, row } => write!(out, "sheet `{sheet}`, row {row}"),
            Self::Cell { sheet, row, column } => {
                write!(out, "sheet `{sheet}`, row {row}, column {}", letters(*column))
            }
            Self::Json(pointer) if pointer.is_empty() => out.write_str("JSON document"),
            Self::Json(pointer) => write!(out, "JSON at {pointer}"),
        }
    }
}

/// The letters of a column: 0 is A, 25 is Z, 26 is AA.
fn letters(mut column: u32) -> String {
    let mut reversed = Vec::new();
    loop {
        // A remainder of 26 fits a byte.
        reversed.push(b'A' + (column % 26) as u8);
        column /= 26;
        if column == 0 {
            break;
        }
        column -= 1;
    }
    reversed.iter().rev().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_letters_of_spreadsheets() {
        for (column, name) in
            [(0, "A"), (7, "H"), (25, "Z"), (26, "AA"), (27, "AB"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!(letters(column), name);
        }
        assert_eq!(letters(u32::MAX).len(), 7);
    }

    #[test]
    fn an_error_names_the_place_and_the_remedy() {
        let place = Place::Cell { sheet: "S".into(), row: 3, column: 16 };
        let error = ImportError::new(place, "`x` is not a level", "write 0 to 5");
        assert_eq!(error.to_string(), "sheet `S`, row 3, column Q: `x` is not a level; write 0 to 5");
    }
}
