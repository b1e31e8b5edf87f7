//! Reading manifest files for `plan` and `apply`, and printing what they would change.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::requirements::manifest::{Kind, Problem};
use crate::requirements::{ChangeKind, ManifestFile, PlannedChange};

/// A larger file is no manifest; it is not read to its end.
const MAX_FILE_BYTES: u64 = 5 * 1024 * 1024;
/// Nested folders.
const MAX_DEPTH: usize = 16;
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads files, and the manifests below folders (`*.yaml`, `*.yml`, `*.json`) in the order of their paths.
pub fn read(paths: &[PathBuf]) -> Result<Vec<ManifestFile>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let is_folder =
            fs::metadata(path).map_err(|error| Failure::usage(cannot_read(path, &error)))?.is_dir();
        if is_folder { walk(path, 0, &mut found)? } else { found.push(path.clone()) }
    }
    // A file that is named and lies below a named folder is one file.
    found.sort();
    found.dedup();
    if found.is_empty() {
        return Err(Failure::usage("no manifests found; manifests end in .yaml, .yml or .json"));
    }
    found.iter().map(|path| read_file(path)).collect()
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if depth > MAX_DEPTH {
        let text =
            format!("{}: more than {MAX_DEPTH} folders deep; name the folder itself", folder.display());
        return Err(Failure::usage(text));
    }
    let wrong = |error: std::io::Error| Failure::usage(cannot_read(folder, &error));
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // A link to a file is followed, one to a folder is not: it may lead in circles.
        if entry.file_type().map_err(wrong)?.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
            && path.is_file()
        {
            found.push(path);
        }
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<ManifestFile, Failure> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut content))
        .map_err(|error| Failure::usage(cannot_read(path, &error)))?;
    if content.len() as u64 > MAX_FILE_BYTES {
        let text = format!(
            "{}: the file has more than {MAX_FILE_BYTES} bytes; that is not a manifest",
            path.display()
        );
        return Err(Failure::usage(text));
    }
    Ok(ManifestFile { name: path.display().to_string(), content })
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be read ({error})", path.display())
}

/// The changes for people: one line a manifest, indented what differs.
pub fn describe(changes: &[PlannedChange]) -> String {
    let mut text = String::new();
    for change in changes {
        let mark = match change.change {
            ChangeKind::Create => '+',
            ChangeKind::Update => '~',
            ChangeKind::Withdraw => '-',
            // What a system leaves out was said when it was applied; a limit that has lost its exception is news.
            ChangeKind::Unchanged if change.kind == Kind::Requirement && !change.notes.is_empty() => '=',
            ChangeKind::Unchanged => continue,
        };
        text += &format!(
            "{mark} {} {}  version {}, in force from {}\n",
            change.kind, change.name, change.version, change.in_force_from
        );
        for difference in &change.diff {
            text += &format!("    {difference}\n");
        }
        for note in &change.notes {
            text += &format!("    ! {note}\n");
        }
    }
    text
}

/// How many of each kind.
pub fn count(changes: &[PlannedChange]) -> String {
    let of = |kind| changes.iter().filter(|change| change.change == kind).count();
    format!(
        "{} to create, {} to update, {} to withdraw, {} unchanged",
        of(ChangeKind::Create),
        of(ChangeKind::Update),
        of(ChangeKind::Withdraw),
        of(ChangeKind::Unchanged)
    )
}

/// The problems for people: one a line.
pub fn complaints(problems: &[Problem]) -> String {
    let mut text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    text += &match problems.len() {
        1 => "1 problem; nothing was changed\n".to_owned(),
        many => format!("{many} problems; nothing was changed\n"),
    };
    text
}
