//! `suimon estimate`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{Failure, Format, manifests, output};
use crate::requirements::manifest::parse_estimates;

/// Computes estimates of capacity from manifests of kind Estimate; no database is asked. Exit code 3: a stated capacity is
/// exceeded with a probability of more than 5 %.
#[derive(Args)]
pub struct Arguments {
    /// Manifest files, or folders with *.yaml, *.yml and *.json.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Only the estimate of this name.
    #[arg(long)]
    name: Option<String>,
    /// Draws it as an SVG picture into this file, which must not be there yet. With several estimates name one.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[arg(long, value_enum, default_value = "en")]
    language: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Ja,
    En,
}

/// Beyond it a capacity does not suffice.
const ACCEPTED: f64 = 0.05;

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { paths, name, chart, language, format } = arguments;
    let lang = match language {
        Language::Ja => capacity::Lang::Ja,
        Language::En => capacity::Lang::En,
    };
    let files = manifests::read(&paths)?;
    let mut estimates = match parse_estimates(files.iter().map(|file| (file.name.as_str(), &file.content))) {
        Ok(estimates) => estimates,
        Err(problems) => {
            output::print(&manifests::complaints(&problems));
            return Ok(ExitCode::from(2));
        }
    };
    if let Some(name) = &name {
        estimates.retain(|known, _| known == name);
    }
    if estimates.is_empty() {
        let what = name.map_or_else(String::new, |name| format!(" with the name {name}"));
        return Err(Failure::usage(format!("there is no manifest of kind Estimate{what} in these files")));
    }
    if chart.is_some() && estimates.len() > 1 {
        let names: Vec<&str> = estimates.keys().map(String::as_str).collect();
        return Err(Failure::usage(format!(
            "--chart draws one estimate; choose one with --name: {}",
            names.join(", ")
        )));
    }
    let mut results = std::collections::BTreeMap::new();
    for (name, estimate) in &estimates {
        let result =
            capacity::estimate(&estimate.spec).map_err(|error| Failure::from(anyhow::Error::new(error)))?;
        results.insert(name, result);
    }
    if let (Some(path), Some(result)) = (&chart, results.values().next()) {
        draw(path, &capacity::chart::svg(result, lang))?;
    }
    if format == Format::Json {
        output::json(&results)?;
    } else {
        let texts: Vec<String> = results
            .iter()
            .map(|(name, result)| format!("{name}\n{}", capacity::chart::text(result, lang)))
            .collect();
        output::print(&texts.join("\n"));
    }
    let mut tests = results.values().flat_map(|result| &result.prior.capacities);
    let exceeded = tests.any(|test| test.probability_exceeded > ACCEPTED);
    Ok(if exceeded { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// Nothing is overwritten: a picture may be the evidence of a decision. Half a picture is none, and would be in the way of the next.
fn draw(path: &Path, picture: &str) -> Result<(), Failure> {
    let failed = |what: &str, error: std::io::Error| {
        Failure::usage(format!("--chart: cannot {what} {} ({error})", path.display()))
    };
    let mut out =
        File::options().write(true).create_new(true).open(path).map_err(|error| failed("create", error))?;
    out.write_all(picture.as_bytes()).map_err(|error| {
        let _ = std::fs::remove_file(path);
        failed("write", error)
    })
}
