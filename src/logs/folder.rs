//! The logs below a folder.

use std::io;
use std::path::{Path, PathBuf};

/// What is below a folder.
#[derive(Debug, Default)]
pub struct Below {
    /// Paths and sizes.
    pub logs: Vec<(PathBuf, u64)>,
    /// Hidden files, `.json` documents (those are about logs, and no logs), and what is no file.
    pub left_out: Vec<PathBuf>,
}

/// A folder that cannot be gone through.
#[derive(Debug)]
pub enum FolderError {
    Unreadable(PathBuf, io::Error),
    TooMany,
}

/// Goes through a folder and all below it. Blocks.
///
/// # Errors
/// [`FolderError`]; too many are more than `most` logs.
pub fn below(folder: &Path, most: usize) -> Result<Below, FolderError> {
    let mut found = Below::default();
    walk(folder, most, &mut found)?;
    Ok(found)
}

fn walk(folder: &Path, most: usize, found: &mut Below) -> Result<(), FolderError> {
    let unreadable = |path: &Path, error| FolderError::Unreadable(path.to_owned(), error);
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
        if is_hidden || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            found.left_out.push(path);
        } else if kind.is_dir() {
            walk(&path, most, found)?;
        } else {
            // A link to a folder could lead in circles; a link to a file is a file.
            let about = std::fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
            if !about.is_file() {
                found.left_out.push(path);
            } else if found.logs.len() == most {
                return Err(FolderError::TooMany);
            } else {
                found.logs.push((path, about.len()));
            }
        }
    }
    Ok(())
}

/// A path as it appears in a result.
pub fn name_of(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
