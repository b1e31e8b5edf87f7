//! Which files a scan reads.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::cli::Failure;

/// A log to read.
pub struct LogFile {
    pub path: PathBuf,
    /// As it appears in the result: the path as given, with `/`.
    pub name: String,
    /// Bytes on the disk, for the progress bar.
    pub size: u64,
}

/// The logs, and what was left out of the folders.
pub struct Found {
    pub logs: Vec<LogFile>,
    pub left_out: Vec<String>,
}

/// Collects the files that were named, and those below the folders that were named, in the order of their names.
/// Of folders, hidden files and `.json` files are left out: those are documents about logs, not logs. A file that is reached
/// twice is read once.
pub fn collect(paths: &[PathBuf]) -> Result<Found, Failure> {
    let mut found = Found { logs: Vec::new(), left_out: Vec::new() };
    let mut seen = HashSet::new();
    for path in paths {
        let about = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?;
        if about.is_dir() {
            walk(path, &mut found, &mut seen)?;
        } else {
            add(path, about.len(), &mut found, &mut seen)?;
        }
    }
    if found.logs.is_empty() {
        return Err(Failure::usage("no logs: the folders hold no file that could be one"));
    }
    found.logs.sort_by(|one, other| one.name.cmp(&other.name));
    found.left_out.sort();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Found, seen: &mut HashSet<PathBuf>) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| cannot_read(folder, &error))?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type().map_err(|error| cannot_read(&path, &error))?;
        if hidden || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            found.left_out.push(name(&path));
        } else if kind.is_dir() {
            walk(&path, found, seen)?;
        } else {
            // A link to a folder could lead in circles; a link to a file is a file.
            let about = std::fs::metadata(&path).map_err(|error| cannot_read(&path, &error))?;
            if about.is_file() {
                add(&path, about.len(), found, seen)?;
            } else {
                found.left_out.push(name(&path));
            }
        }
    }
    Ok(())
}

fn add(path: &Path, size: u64, found: &mut Found, seen: &mut HashSet<PathBuf>) -> Result<(), Failure> {
    let real = std::fs::canonicalize(path).map_err(|error| cannot_read(path, &error))?;
    if seen.insert(real) {
        found.logs.push(LogFile { path: path.to_owned(), name: name(path), size });
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// A failure that names the file.
pub fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}
