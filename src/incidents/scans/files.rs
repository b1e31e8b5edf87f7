//! The logs of a source.

use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::config::ExposureConfig;
use crate::error::{Error, Result};
use crate::logs::{self, FolderError, Problem, Source, below, is_address, name_of, root_of};

/// Logs in one scan.
pub const MAX_FILES: usize = 100_000;

/// A log of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogFile {
    pub source: String,
    /// Below the source's folder, or in its store, with `/`.
    pub name: String,
    pub size: u64,
}

/// The place that the configuration gives a source: a folder, or an address.
pub fn place(config: &ExposureConfig, source: &str) -> Result<String> {
    let sources = config.sources().map_err(anyhow::Error::msg)?;
    let found = sources.into_iter().find(|(name, _)| *name == source);
    found.map(|(_, place)| place.to_owned()).ok_or_else(|| {
        Error::conflict(format!("the place of logs `{source}` is no longer configured"))
            .remedy("set it in exposure.log_sources again, then let the scan go on")
    })
}

/// All logs of a source, but hidden files and `.json` documents; by name. Must not run on a thread that drives the runtime.
pub fn list(source: &str, place: &str, handle: &Handle) -> Result<Vec<LogFile>> {
    let log = |name: String, size| LogFile { source: source.to_owned(), name, size };
    let mut found: Vec<LogFile> = if is_address(place) {
        let objects = logs::collect(place, handle).map_err(|problem| unreadable(source, &problem))?;
        let root = root_of(place);
        let own = |name: &str| name.strip_prefix(root).unwrap_or(name).to_owned();
        objects.logs.iter().map(|object| log(own(&object.name), object.size)).collect()
    } else {
        let root = Path::new(place);
        let own = |path: &Path| name_of(path.strip_prefix(root).unwrap_or(path));
        let inside = below(root, MAX_FILES).map_err(|error| match error {
            FolderError::Unreadable(path, error) => {
                unreadable(&format!("{source}/{}", own(&path)), &said(&error))
            }
            FolderError::TooMany => too_many(),
        })?;
        inside.logs.iter().map(|(path, size)| log(own(path), *size)).collect()
    };
    if found.len() > MAX_FILES {
        return Err(too_many());
    }
    found.sort();
    Ok(found)
}

/// A log of a place.
pub fn open(place: &str, log: &LogFile) -> Result<Source> {
    let name = format!("{}/{}", log.source, log.name);
    if !is_address(place) {
        return Ok(logs::file(PathBuf::from(place).join(&log.name), name, log.size));
    }
    let object = logs::object(place, format!("{}{}", root_of(place), log.name), log.size);
    let object = object.map_err(|problem| unreadable(&name, &problem))?;
    Ok(Source { name, ..object })
}

pub fn too_many() -> Error {
    Error::limit(format!("a scan reads at most {MAX_FILES} logs"))
        .remedy("put the logs of the time in question into a folder of their own")
}

/// The place itself is nobody's business but the operator's: the name of its source says which it is.
pub fn unreadable(name: &str, problem: &Problem) -> Error {
    Error::conflict(problem.of(name)).remedy("give the service access to it, then let the scan go on")
}

/// Kinds alone: what the system says may name the place.
fn said(error: &std::io::Error) -> Problem {
    Problem::Unreadable(error.kind().to_string())
}
