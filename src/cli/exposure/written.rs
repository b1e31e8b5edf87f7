//! Results as files.

use std::path::Path;

use exposure::{Reconstruction, WindowResult};
use serde::{Deserialize, Serialize};

use super::files::cannot_read;
use crate::cli::Failure;

/// Both methods, side by side.
#[derive(Serialize, Deserialize)]
pub struct Both {
    pub window: WindowResult,
    pub reconstruction: Reconstruction,
}

/// Writes a result, as JSON.
pub fn write(path: &Path, result: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(result).map_err(anyhow::Error::new)?;
    std::fs::write(path, text + "\n")
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

/// Reads what `scan --out` or `reconstruct --out` wrote.
pub fn read(path: &Path) -> Result<(WindowResult, Option<Reconstruction>), Failure> {
    let text = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
    let no_result = |error: serde_json::Error| {
        // serde's text may quote a value; place and kind are enough.
        Failure::usage(format!(
            "{} is not the result of a scan (line {}, column {}); give the file that `suimon exposure scan --out` or `reconstruct --out` wrote",
            path.display(),
            error.line(),
            error.column()
        ))
    };
    // Both methods begin with the window's name; a result of the window alone has none.
    if text.trim_ascii_start().starts_with(b"{\"window\"") {
        let Both { window, reconstruction } = serde_json::from_slice(&text).map_err(no_result)?;
        return Ok((window, Some(reconstruction)));
    }
    serde_json::from_slice(&text).map(|window| (window, None)).map_err(no_result)
}
