<<<<<<< HEAD
//! Which files a scan reads.
=======
//! Which logs a scan reads, and reading a result back.
>>>>>>> readers

use std::collections::HashSet;
use std::path::{Path, PathBuf};

<<<<<<< HEAD
=======
use exposure::WindowResult;
use tokio::runtime::Handle;

use super::objects;
use super::source::{Place, Source, name_of};
>>>>>>> readers
use crate::cli::Failure;

/// The logs, and what was left out of the folders.
pub struct Found {
    pub logs: Vec<Source>,
    pub left_out: Vec<String>,
}

/// Collects the files that were named, those below the folders that were named, those that a pattern takes, the objects of stores, and
/// standard input (`-`), in the order of their names. Of folders, hidden files and `.json` files are left out: those are documents
/// about logs, not logs. A file that is reached twice is read once.
pub fn collect(named: &[PathBuf], handle: &Handle) -> Result<Found, Failure> {
    let mut found = Found { logs: Vec::new(), left_out: Vec::new() };
    let mut seen = HashSet::new();
    for path in named {
        let text = path.to_str().unwrap_or_default();
        if text == "-" {
            if !found.logs.iter().any(|log| matches!(log.place, Place::Stdin)) {
                found.logs.push(Source { place: Place::Stdin, name: "-".to_owned(), size: 0 });
            }
        } else if objects::is_address(text) {
            objects::collect(text, handle, &mut found)?;
        } else if text.contains(['*', '?', '[']) && !path.exists() {
            for path in expanded(text)? {
                add_or_walk(&path, &mut found, &mut seen)?;
            }
        } else {
            add_or_walk(path, &mut found, &mut seen)?;
        }
    }
    if found.logs.is_empty() {
        return Err(Failure::usage("no logs: the folders hold no file that could be one"));
    }
    found.logs.sort_by(|one, other| one.name.cmp(&other.name));
    found.logs.dedup_by(|one, other| one.name == other.name && matches!(one.place, Place::Object { .. }));
    found.left_out.sort();
    Ok(found)
}

/// The files that a pattern takes, where no shell has expanded it.
fn expanded(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let paths = glob::glob_with(pattern, options)
        .map_err(|error| Failure::usage(format!("`{pattern}` is no pattern of files: {}", error.msg)))?;
    let paths: Result<Vec<PathBuf>, Failure> =
        paths.map(|path| path.map_err(|error| cannot_read(error.path(), error.error()))).collect();
    let paths = paths?;
    if paths.is_empty() {
        return Err(Failure::usage(format!("no file is named as `{pattern}` says")));
    }
    Ok(paths)
}

fn add_or_walk(path: &Path, found: &mut Found, seen: &mut HashSet<PathBuf>) -> Result<(), Failure> {
    let about = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?;
    if about.is_dir() { walk(path, found, seen) } else { add(path, about.len(), found, seen) }
}

fn walk(folder: &Path, found: &mut Found, seen: &mut HashSet<PathBuf>) -> Result<(), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| cannot_read(folder, &error))?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type().map_err(|error| cannot_read(&path, &error))?;
        if hidden || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            found.left_out.push(name_of(&path));
        } else if kind.is_dir() {
            walk(&path, found, seen)?;
        } else {
            // A link to a folder could lead in circles; a link to a file is a file.
            let about = std::fs::metadata(&path).map_err(|error| cannot_read(&path, &error))?;
            if about.is_file() {
                add(&path, about.len(), found, seen)?;
            } else {
                found.left_out.push(name_of(&path));
            }
        }
    }
    Ok(())
}

fn add(path: &Path, size: u64, found: &mut Found, seen: &mut HashSet<PathBuf>) -> Result<(), Failure> {
    let real = std::fs::canonicalize(path).map_err(|error| cannot_read(path, &error))?;
    if seen.insert(real) {
        let place = Place::File(path.to_owned());
        found.logs.push(Source { place, name: name_of(path), size });
    }
    Ok(())
}

/// A failure that names the file.
pub fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}
