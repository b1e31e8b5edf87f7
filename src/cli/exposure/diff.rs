//! `suimon exposure diff`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use exposure::{Difference, Entry};

use super::written::read;
use crate::cli::{Failure, Format, output};

#[derive(Args)]
pub struct Arguments {
    /// The earlier result.
    earlier: PathBuf,
    /// The later result.
    later: PathBuf,
    /// How the difference is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    // Of results of both methods the lists of the window are compared.
    let ((earlier, _), (later, _)) = (read(&arguments.earlier)?, read(&arguments.later)?);
    let difference = exposure::diff(&earlier, &later);
    match arguments.format {
        Format::Json => output::json(&difference)?,
        Format::Text => output::print(&text(&difference)),
    }
    let Difference { added, removed, changed, unchanged: _ } = &difference;
    let same = added.is_empty() && removed.is_empty() && changed.is_empty();
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn text(difference: &Difference) -> String {
    let mut text = format!(
        "{} added, {} removed, {} changed, {} unchanged (persons at tenants)\n",
        difference.added.len(),
        difference.removed.len(),
        difference.changed.len(),
        difference.unchanged
    );
    for (sign, entries) in [('+', &difference.added), ('-', &difference.removed)] {
        for (kind, count) in by_kind(entries) {
            text.push_str(&format!("  {sign} {kind:<20} {count:>6}\n"));
        }
    }
    text
}

fn by_kind(entries: &[Entry]) -> BTreeMap<&str, u64> {
    let mut kinds = BTreeMap::new();
    for entry in entries {
        *kinds.entry(entry.kind.as_deref().unwrap_or("(no kind)")).or_default() += 1;
    }
    kinds
}
