//! The logs of a source.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use exposure::{Dialect, Template};

use crate::config::ExposureConfig;
use crate::error::{Error, Result};

/// Logs in one scan.
pub const MAX_FILES: usize = 100_000;

/// A log of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogFile {
    pub source: String,
    /// Below the source's folder, with `/`.
    pub name: String,
    pub size: u64,
}

/// The place that the configuration gives a source.
pub fn place(config: &ExposureConfig, source: &str) -> Result<PathBuf> {
    let sources = config.sources().map_err(anyhow::Error::msg)?;
    let found = sources.into_iter().find(|(name, _)| *name == source);
    found.map(|(_, place)| PathBuf::from(place)).ok_or_else(|| {
        Error::conflict(format!("the place of logs `{source}` is no longer configured"))
            .remedy("set it in exposure.log_sources again, then let the scan go on")
    })
}

/// The form that the configuration gives logs of caches.
pub fn template(config: &ExposureConfig) -> Result<Option<Template>> {
    let (text, dialect) = match (config.nginx_format.as_str(), config.apache_format.as_str()) {
        ("", "") => return Ok(None),
        ("", text) => (text, Dialect::Apache),
        (text, _) => (text, Dialect::Nginx),
    };
    Ok(Some(Template::parse(text, dialect).map_err(anyhow::Error::from)?))
}

/// All logs below the folder of a source, but hidden files and `.json` documents; by name. Blocks.
pub fn list(source: &str, folder: &Path) -> Result<Vec<LogFile>> {
    let mut found = Vec::new();
    walk(source, folder, folder, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(source: &str, root: &Path, folder: &Path, found: &mut Vec<LogFile>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(source, folder, root, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(source, folder, root, &error))?;
        let path = entry.path();
        let is_document = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        if entry.file_name().to_string_lossy().starts_with('.') || is_document {
            continue;
        }
        let kind = entry.file_type().map_err(|error| unreadable(source, &path, root, &error))?;
        if kind.is_dir() {
            walk(source, root, &path, found)?;
            continue;
        }
        // Links are followed to files only: one to a folder could lead in circles.
        let about = std::fs::metadata(&path).map_err(|error| unreadable(source, &path, root, &error))?;
        if !about.is_file() {
            continue;
        }
        if found.len() == MAX_FILES {
            return Err(Error::limit(format!("a scan reads at most {MAX_FILES} logs"))
                .remedy("put the logs of the time in question into a folder of their own"));
        }
        found.push(LogFile { source: source.to_owned(), name: below(root, &path), size: about.len() });
    }
    Ok(())
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The folder itself is nobody's business but the operator's: the name of its source says which it is.
fn unreadable(source: &str, path: &Path, root: &Path, error: &std::io::Error) -> Error {
    let name = below(root, path);
    Error::conflict(format!("cannot read {source}/{name}: {}", error.kind()))
        .remedy("give the service access to it, then let the scan go on")
}

/// Opens a log. Blocks.
pub fn open<'c>(folder: &Path, log: &LogFile, bytes: &'c AtomicU64) -> Result<Counted<'c>> {
    let path = folder.join(&log.name);
    let file = File::open(&path).map_err(|error| unreadable(&log.source, &path, folder, &error))?;
    Ok(Counted { file, bytes })
}

/// Counts the bytes that are read.
pub struct Counted<'c> {
    file: File,
    bytes: &'c AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = self.file.read(buffer)?;
        self.bytes.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}
