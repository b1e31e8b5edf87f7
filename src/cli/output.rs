//! What a command prints, and how it fails.

use std::io::Write;
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};
use crate::error::Error;

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For pipelines.
    Json,
}

/// Why a command failed, and with which exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// Wrong usage, configuration or input: exit code 2.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }

    /// Tells it and gives the exit code.
    pub fn report(self) -> ExitCode {
        complain(&self.text);
        ExitCode::from(self.code)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.text.trim_end())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { code: 1, text: format!("{error:#}") }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = if error.problem().is_some() { 2 } else { 1 };
        Self { code, text: error.to_string() }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self { code: 1, text: error.to_string() }
    }
}

/// Prints to standard output. A closed pipe (`| head`) is not an error.
pub fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a file's content to standard output.
pub fn bytes(content: &[u8]) {
    let _ = std::io::stdout().lock().write_all(content);
}

/// Prints a line to standard output.
pub fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// Prints a value as indented JSON.
pub fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::from(anyhow::Error::new(error)))?;
    line(&text);
    Ok(())
}

/// Prints to standard error.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "suimon: {text}");
}

/// What libraries say below INFO quotes what passes through them: statements with their values, bodies of requests, lines of
/// mail. Whatever the configuration asks for, it is not written down.
fn may_speak(metadata: &Metadata<'_>) -> bool {
    let own = ["suimon", "envelope", "exposure", "law"];
    let target = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || own.contains(&target)
}

/// Starts logging to standard error.
pub fn start_logging(config: &LogConfig) {
    let filter = tracing_subscriber::EnvFilter::new(&config.filter);
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let layer = tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(std::io::stderr);
    let layer = match config.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().boxed(),
    };
    let layers = layer.with_filter(filter).with_filter(filter_fn(may_speak));
    // Fails only when logging was started before, which is what we want.
    if tracing_subscriber::registry().with(layers).try_init().is_ok() {
        // The text of a panic may quote data, and so may a backtrace: only the place is told.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a panic");
        }));
    }
}
