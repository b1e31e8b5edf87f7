//! `suimon report`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::assess::Language;
use super::{Context, Failure, output};
use crate::{access, incidents, reports};

/// Writes the interim report of an incident.
#[derive(Args)]
pub struct Arguments {
    /// Number of the incident.
    #[arg(value_name = "NUMBER")]
    incident: i32,
    /// Who asks.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "ja")]
    lang: Language,
    #[arg(long, value_enum, default_value = "markdown")]
    format: Format,
    /// Write to this file instead of standard output. An existing file is kept unless --force is given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file.
    #[arg(long, requires = "out")]
    force: bool,
}

/// Form of the document.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Html,
    Markdown,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { incident, login, lang, format, out, force } = arguments;
    if let Some(file) = out.as_ref().filter(|file| !force && file.exists()) {
        return Err(Failure::usage(format!("{} exists; give --force to replace it", file.display())));
    }
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let found = incidents::incident_by_number(&op, incident).await?;
    let format = match format {
        Format::Html => reports::Format::Html,
        Format::Markdown => reports::Format::Markdown,
    };
    let text = reports::incident_report(&op, found.tenant, found.id, lang.into(), format).await?;
    match out {
        None => output::print(&text),
        Some(file) => std::fs::write(&file, text)
            .map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))?,
    }
    Ok(ExitCode::SUCCESS)
}
