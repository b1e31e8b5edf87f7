//! The logs of a source.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use tokio::runtime::Handle;

use crate::config::ExposureConfig;
use crate::error::{Error, Result};
use crate::logs::{self, FolderError, Problem, Source, Stored, below, is_address, name_of, root_of};

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

/// All logs of a source by name, and how many hidden files and `.json` documents were left out. Must not run on a thread that drives the
/// runtime.
pub fn list(source: &str, place: &str, handle: &Handle) -> Result<(Vec<LogFile>, usize)> {
    let log = |name: String, size| LogFile { source: source.to_owned(), name, size };
    let (mut found, left_out): (Vec<LogFile>, usize) = if is_address(place) {
        let objects = logs::collect(place, handle).map_err(|problem| unreadable(source, &problem))?;
        let root = root_of(place);
        let own = |name: &str| name.strip_prefix(root).unwrap_or(name).to_owned();
        let logs = objects.logs.iter().map(|object| log(own(&object.name), object.size));
        (logs.collect(), objects.left_out.len())
    } else {
        let root = Path::new(place);
        let own = |path: &Path| name_of(path.strip_prefix(root).unwrap_or(path));
        let inside = below(root, MAX_FILES).map_err(|error| match error {
            FolderError::Unreadable(path, error) => {
                unreadable(&format!("{source}/{}", own(&path)), &Problem::io(&error))
            }
            FolderError::TooMany => too_many(),
        })?;
        (inside.logs.iter().map(|(path, size)| log(own(path), *size)).collect(), inside.left_out.len())
    };
    if found.len() > MAX_FILES {
        return Err(too_many());
    }
    found.sort();
    Ok((found, left_out))
}

/// The stores of some logs, each connected to once.
#[derive(Default)]
pub struct Stores(HashMap<String, Stored>);

impl Stores {
    /// A log of a place.
    pub fn open(&mut self, place: &str, log: &LogFile) -> Result<Source> {
        let name = format!("{}/{}", log.source, log.name);
        if !is_address(place) {
            return Ok(logs::file(PathBuf::from(place).join(&log.name), name, log.size));
        }
        let refused = |problem| unreadable(&name, &problem);
        let stored = match self.0.entry(place.to_owned()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Stored::connect(place).map_err(refused)?),
        };
        stored.object(&log.name, name.clone(), log.size).map_err(refused)
    }
}

pub fn too_many() -> Error {
    Error::limit(format!("a scan reads at most {MAX_FILES} logs"))
        .remedy("put the logs of the time in question into a folder of their own")
}

/// The place itself is nobody's business but the operator's: the name of its source says which it is.
pub fn unreadable(name: &str, problem: &Problem) -> Error {
    Error::conflict(problem.of(name)).remedy("give the service access to it, then let the scan go on")
}
