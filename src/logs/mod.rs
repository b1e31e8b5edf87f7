//! Logs of protected systems: where they lie (folders, standard input, object stores), of what form they are, and reading them into a scan.

mod folder;
mod forms;
mod objects;
mod source;
pub mod stores;

use std::path::PathBuf;

pub use folder::{FolderError, below, name_of};
pub use forms::{Forms, offset};
pub use objects::{Stored, collect, is_address, root_of};
pub use source::{Place, Source};

/// Why logs cannot be had. Whoever asks says under which name the place is known: an address may be nobody's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A sentence of its own: the name may hold a secret.
    Secret(String),
    /// Follows the name.
    Wrong(String),
    /// Why it cannot be read.
    Unreadable(String),
}

impl Problem {
    /// The sentence.
    pub fn of(&self, name: &str) -> String {
        match self {
            Self::Secret(text) => text.clone(),
            Self::Wrong(text) => format!("{name} {text}"),
            Self::Unreadable(why) => format!("cannot read {name}: {why}"),
        }
    }

    pub(crate) fn io(error: &std::io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// A log on the disk.
pub fn file(path: PathBuf, name: String, size: u64) -> Source {
    Source { place: Place::File(path), name, size }
}
