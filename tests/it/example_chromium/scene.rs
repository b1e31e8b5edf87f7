//! What the guard's harness for a browser wants of its surroundings.

use std::path::PathBuf;
use std::time::Duration;

/// A browser on a busy machine takes its time.
pub const LONG: Duration = Duration::from_secs(60);

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("it comes in time")
}

/// A program of the system, by any of its names.
///
/// # Panics
/// When it is not there: a test that is left out is one that nobody misses.
pub fn program(names: &[&str], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = names.iter().flat_map(|name| places.iter().map(move |place| place.join(name)));
    found.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("{names:?} is missing: install the package `{package}`, or run script/test")
    })
}
