//! `suimon example`: the founding day invented anew, as files: logs, truth, schools and made-up people.

mod cache;
mod embedded;
mod people;
mod serve;
mod workers;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use exposure::simulate::{Day, LogOptions, founding_day};

use super::{Context, Failure, output};

pub use embedded::{
    BOOKING, BOOKING_CORRECTIVE, BOOKING_MANIFESTS, BOOKING_TOO_WIDE, CORRECTIVE, MANIFESTS, SCHOOLS, SYSTEM,
};
pub use people::{RecordType, people_csv};
pub use workers::{CLINICS, WORKERS, Worker, workers};

/// The examples as files (logs with made-up people, manifests) and as applications to click through.
#[derive(Subcommand)]
pub enum Command {
    /// Simulates 26 October 2023: edge logs, origin and login log, the truth, schools, applicants and admins.
    Generate(Generate),
    /// Writes the manifests of both example systems.
    Manifests(Manifests),
    /// Runs an example application, for the guard to stand before.
    Serve(serve::Arguments),
    /// Runs a cache that makes the mistake of the day: it gives a page to whoever asks for its address.
    Cache(cache::Arguments),
}

/// The simulated day.
#[derive(Args)]
pub struct Generate {
    /// Another seed is another day with other people. The two lists have the same length on each.
    #[arg(long, default_value_t = exposure::simulate::DEFAULT_SEED)]
    seed: u64,
    /// Folder to write to; created when missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write into a folder that is not empty. Edge logs of an earlier run in it are removed.
    #[arg(long)]
    force: bool,
    /// The edge logs no cookies, as many do.
    #[arg(long)]
    no_cookies: bool,
    /// Leave the edge logs unpacked.
    #[arg(long)]
    plain: bool,
}

/// The manifests of the examples.
#[derive(Args)]
pub struct Manifests {
    /// Folder to write to; created when missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write into a folder that is not empty.
    #[arg(long)]
    force: bool,
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Generate(arguments) => generate(&arguments),
        Command::Manifests(arguments) => manifests(&arguments),
        Command::Serve(arguments) => serve::run(context, arguments).await,
        Command::Cache(arguments) => cache::run(context, arguments).await,
    }
}

/// How edge log files of the example begin, so that a second run can take away those of the first.
const EDGE_PREFIX: &str = "E2SUIMONEXAMPLE.";

fn generate(arguments: &Generate) -> Result<ExitCode, Failure> {
    let Generate { seed, out, force, no_cookies, plain } = arguments;
    prepare(out, *force)?;
    remove_old_edge_logs(&out.join("edge"))?;
    let day = founding_day(*seed);
    let written = write_day(&day, out, LogOptions { cookies: !no_cookies, gzip: !plain })?;
    tell(&written);
    let (folder, population) = (out.display(), day.population());
    output::line(&format!(
        "\n{} schools and {} people, all made up, from seed {seed}. truth.json holds what no log shows: {} of them were seen by \
         another.\n\
         \nFrom the files alone, without a database:\n\
         \n  suimon exposure scan {folder}/edge {folder}/origin \\\n    \
         --from 2023-10-26T11:00:00+09:00 --to 2023-10-26T15:41:00+09:00 \\\n    \
         --personal '/mypage/**' --personal '/admin/**' --session-cookie session\n\
         \nInto a service of your own:\n\
         \n  suimon init\n  \
         suimon example manifests --out manifests\n  \
         suimon apply manifests/{SYSTEM}/manifests --reason 'first version'\n  \
         suimon import --tenants {folder}/schools.csv\n  \
         suimon import --system {SYSTEM} --record-type applicant {folder}/applicants.csv\n  \
         suimon import --system {SYSTEM} --record-type school_admin {folder}/admins.csv",
        population.schools.len(),
        population.people.len(),
        day.truth().exposed.len(),
    ));
    Ok(ExitCode::SUCCESS)
}

/// Names and sizes; the many logs of the edge in one line.
fn tell(written: &[(String, u64)]) {
    let (edge, others): (Vec<_>, Vec<_>) = written.iter().partition(|(name, _)| name.starts_with("edge/"));
    let bytes: u64 = edge.iter().map(|(_, bytes)| bytes).sum();
    output::line(&format!("{bytes:>9} bytes  edge/, {} files", edge.len()));
    for (name, bytes) in others {
        output::line(&format!("{bytes:>9} bytes  {name}"));
    }
}

/// The schools as the import of tenants reads them, with the address of each one's office.
pub fn schools_csv() -> String {
    let rows = SCHOOLS.lines().enumerate().map(|(index, line)| match line.split_once(',') {
        Some((slug, _)) if index > 0 => format!("{line},{}\n", office_of(slug)),
        _ => format!("{line},contact\n"),
    });
    rows.collect()
}

/// The operator of the examples, as its manifests and letters have it.
pub const OPERATOR_JA: &str = "株式会社みずうみ出願サービス";
/// The same in English.
pub const OPERATOR_EN: &str = "Mizuumi Application Services, Inc.";

/// A TOML basic string, for a configuration that is written.
pub fn toml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Where a school's or an institution's office is reached, in the example: nowhere (RFC 2606).
pub fn office_of(slug: &str) -> String {
    format!("office@{slug}.example")
}

/// Writes the day's files below `folder` and tells their names and sizes.
///
/// # Errors
/// When a file cannot be written, with its path.
pub fn write_day(day: &Day, folder: &Path, options: LogOptions) -> anyhow::Result<Vec<(String, u64)>> {
    let mut written = Vec::new();
    for file in day.files(options) {
        let path = folder.join(file.name());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        let failed = || format!("cannot write {}", path.display());
        let mut writer = BufWriter::new(fs::File::create(&path).with_context(failed)?);
        file.write_to(&mut writer).with_context(failed)?;
        writer.flush().with_context(failed)?;
        written.push((file.name().to_owned(), fs::metadata(&path).with_context(failed)?.len()));
    }
    let tables = [
        ("schools.csv", schools_csv()),
        ("applicants.csv", people_csv(day, RecordType::Applicant)?),
        ("admins.csv", people_csv(day, RecordType::SchoolAdmin)?),
    ];
    for (name, text) in tables {
        write(&folder.join(name), &text)?;
        written.push((name.to_owned(), text.len() as u64));
    }
    Ok(written)
}

fn manifests(arguments: &Manifests) -> Result<ExitCode, Failure> {
    let Manifests { out, force } = arguments;
    prepare(out, *force)?;
    for (name, text) in embedded::FILES {
        let path = out.join(name);
        write(&path, text)?;
        output::line(&format!("{:>9} bytes  {name}", text.len()));
    }
    let folder = out.display();
    output::line(&format!(
        "\nNext: suimon plan {folder}/online-application/manifests\n      \
         suimon apply {folder}/online-application/manifests --reason 'first version'\n\
         The rule that was missing on the day is {folder}/online-application/corrective/NFR-CACHE-001.yaml."
    ));
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes sure that nobody's files are overwritten by accident.
fn prepare(folder: &Path, force: bool) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::usage(format!("--out: cannot create {} ({error})", folder.display())))?;
    let mut entries = fs::read_dir(folder)
        .map_err(|error| Failure::usage(format!("--out: cannot read {} ({error})", folder.display())))?;
    if !force && entries.next().is_some() {
        return Err(Failure::usage(format!(
            "--out: {} is not empty; name another folder, or write into it with --force",
            folder.display()
        )));
    }
    Ok(())
}

/// Logs of another seed among those of this one would give a list of people of two days.
fn remove_old_edge_logs(folder: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        if entry.file_name().to_string_lossy().starts_with(EDGE_PREFIX) {
            let path = entry.path();
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}
