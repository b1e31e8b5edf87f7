//! Which logs a scan reads.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::cli::Failure;
use crate::logs::{self, FolderError, Place, Source, below, is_address, name_of};

/// Files of one folder.
const MOST: usize = 1_000_000;

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
        } else if is_address(text) {
            let objects = logs::collect(text, handle).map_err(|problem| Failure::usage(problem.of(text)))?;
            found.logs.extend(objects.logs);
            found.left_out.extend(objects.left_out);
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
    if !about.is_dir() {
        return add(path, about.len(), found, seen);
    }
    let inside = below(path, MOST).map_err(|error| match error {
        FolderError::Unreadable(path, error) => cannot_read(&path, &error),
        FolderError::TooMany => Failure::usage(format!("{} has more than {MOST} files", path.display())),
    })?;
    found.left_out.extend(inside.left_out.iter().map(|path| name_of(path)));
    for (path, size) in inside.logs {
        add(&path, size, found, seen)?;
    }
    Ok(())
}

fn add(path: &Path, size: u64, found: &mut Found, seen: &mut HashSet<PathBuf>) -> Result<(), Failure> {
    let real = std::fs::canonicalize(path).map_err(|error| cannot_read(path, &error))?;
    if seen.insert(real) {
        found.logs.push(logs::file(path.to_owned(), name_of(path), size));
    }
    Ok(())
}

/// A failure that names the file.
pub fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}
