//! `.xlsx`: measured before it is read, so that a small file cannot unpack to gigabytes.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx};

use super::grid::{Grid, Region, number};
use super::{Limits, Workbook};
use crate::error::{ImportError, Place};
use crate::text::shown;

const DAMAGED: &str = "save the workbook again as .xlsx and import that";

/// Cells that a sheet may name, the empty ones included: a styled but empty table is large.
const MAX_NAMED_CELLS: usize = 2_000_000;

struct Book<'a> {
    inner: Xlsx<Cursor<&'a [u8]>>,
    limits: Limits,
}

pub(super) fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<impl Workbook + use<'a>, ImportError> {
    measure(bytes, limits)?;
    let inner = guarded(&Place::File, || {
        Xlsx::new(Cursor::new(bytes)).map_err(|error| damaged(Place::File, &error))
    })?;
    Ok(Book { inner, limits: *limits })
}

fn damaged(place: Place, error: &impl std::fmt::Display) -> ImportError {
    ImportError::new(place, format!("not a readable .xlsx: {}", shown(&error.to_string())), DAMAGED)
}

/// Calls the library, which panics on some malformed sheets (a dimension that ends before it begins is one): that is a damaged
/// file like any other. What a panic left behind is not used again, because the import ends with the error.
fn guarded<T>(place: &Place, call: impl FnOnce() -> Result<T, ImportError>) -> Result<T, ImportError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(damaged(place.clone(), &"its content contradicts itself")))
}

/// Unpacks every entry into nothing: the sizes that the archive itself states may be untrue.
fn measure(bytes: &[u8], limits: &Limits) -> Result<(), ImportError> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(Place::File, &error))?;
    if archive.len() > limits.entries {
        return Err(ImportError::file(
            format!("{} files within the workbook, more than {}", archive.len(), limits.entries),
            "import the publisher's own file without pictures or other sheets",
        ));
    }
    let mut left = limits.unpacked_bytes;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(|error| damaged(Place::File, &error))?;
        // One byte more than is left tells a full budget from an exceeded one.
        let read = std::io::copy(&mut entry.take(left.saturating_add(1)), &mut std::io::sink())
            .map_err(|error| damaged(Place::File, &error))?;
        left = left.checked_sub(read).ok_or_else(|| {
            ImportError::file(
                format!("the workbook unpacks to more than {} bytes", limits.unpacked_bytes),
                "import the publisher's own file without pictures or other sheets",
            )
        })?;
    }
    Ok(())
}

impl Workbook for Book<'_> {
    fn names(&self) -> Vec<String> {
        self.inner.sheet_names()
    }

    fn grid(&mut self, name: &str) -> Result<Grid, ImportError> {
        let grid = Grid::new(name);
        let place = Place::Sheet(grid.name.clone());
        guarded(&place.clone(), || self.fill(name, grid, place))
    }
}

impl Book<'_> {
    fn fill(&mut self, name: &str, mut grid: Grid, place: Place) -> Result<Grid, ImportError> {
        let merges =
            self.inner.merge_cells_by_sheet_name(name).map_err(|error| damaged(place.clone(), &error))?;
        let merges: Vec<Region> = merges
            .iter()
            .map(|merge| Region { rows: (merge.start.0, merge.end.0), columns: (merge.start.1, merge.end.1) })
            .collect();
        // Cell by cell: a range would be laid out for every cell between the outermost two.
        let mut reader =
            self.inner.worksheet_cells_reader(name).map_err(|error| damaged(place.clone(), &error))?;
        let mut named = 0_usize;
        while let Some(cell) = reader.next_cell().map_err(|error| damaged(place.clone(), &error))? {
            named += 1;
            if named > MAX_NAMED_CELLS {
                return Err(ImportError::new(place, format!("more than {MAX_NAMED_CELLS} cells"), DAMAGED));
            }
            let text: Cow<'_, str> = match cell.get_value() {
                DataRef::SharedString(text) => Cow::Borrowed(text),
                DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                    Cow::Borrowed(text)
                }
                DataRef::Float(value) => Cow::Owned(number(*value)),
                DataRef::Int(value) => Cow::Owned(value.to_string()),
                DataRef::Bool(value) => Cow::Owned(value.to_string()),
                DataRef::DateTime(value) => Cow::Owned(number(value.as_f64())),
                DataRef::Error(_) | DataRef::Empty => continue,
            };
            grid.put(cell.get_position(), &text, &self.limits)?;
        }
        grid.spread(&merges, &self.limits)?;
        Ok(grid)
    }
}
