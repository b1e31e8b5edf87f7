//! The command line: parse, call a part, print. One file a subcommand.
//!
//! Exit codes: 0 done; 1 unexpected failure; 2 wrong usage, configuration or input; 3 done, and the answer is "no" (faults
//! found, differences found).

mod account;
mod apply;
mod assess;
mod attest;
mod audit;
mod caching;
mod demo;
mod drill;
mod duties;
mod estimate;
mod example;
mod export;
mod exposure;
mod guard;
mod import;
mod incident;
mod init;
mod jobs;
mod keys;
mod manifests;
mod migrate;
mod notices;
mod output;
mod packs;
mod plan;
mod report;
mod retention;
mod schema;
mod serve;
mod subject;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::app::App;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, Sources};
use crate::drill::{DrillClock, Folder};
use crate::entropy::Entropy;

pub use output::{Failure, Format};

/// Keeps a system's non-functional requirements beside it, enforces them, and carries an incident to its end.
#[derive(Parser)]
#[command(name = "suimon", version, max_term_width = 110)]
struct Arguments {
    /// Configuration file (default: suimon.toml in the working directory, where there is one).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrides one key of the configuration.
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the service.
    Serve(serve::Arguments),
    /// Runs the guard in front of a system: a reverse proxy that keeps the system's caching rules. Needs no database.
    Guard(guard::Arguments),
    /// Creates the operator and its first administrator.
    Init(init::Arguments),
    /// Adds accounts and issues tokens.
    #[command(subcommand)]
    Account(account::Command),
    /// Brings the database schema up to date.
    Migrate,
    /// Shows what applying manifests would change.
    Plan(plan::Arguments),
    /// Stores what manifests change as new versions, all or none.
    Apply(apply::Arguments),
    /// How large a system must be, with ranges, from stated assumptions.
    Estimate(estimate::Arguments),
    /// Writes the caching rules in the words of nginx, Varnish, CloudFront or Cloudflare. Needs no database.
    Export(export::Arguments),
    /// How a system's requirements stand: coverage of catalogues, CycloneDX, OpenSLO, CSV.
    Attest(attest::Arguments),
    /// What is kept how long.
    #[command(subcommand)]
    Retention(retention::Command),
    /// What is kept about a person, for that person.
    #[command(subcommand)]
    Subject(subject::Command),
    /// Writes a document about an incident: reports, notices, forms of authorities.
    Report(report::Arguments),
    /// Prints the GraphQL schema, or the JSON Schema of manifests.
    Schema(schema::Arguments),
    /// Prints the default configuration, which documents every key.
    Config,
    /// Imports people, or tenants, from a file.
    Import(import::Arguments),
    /// Shows how the keys stand.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Work that goes on after its request: list, run, cancel, retry.
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Asks every rule pack whether authority and persons must be told, and by when.
    Assess(assess::Arguments),
    /// Notices of an incident: how they stand, whom no mail reached, the proof.
    #[command(subcommand)]
    Notices(notices::Command),
    /// Duties of an incident: list, settle.
    #[command(subcommand)]
    Duties(duties::Command),
    /// Rule packs: list those of this build, check your own, write the page of what is shipped.
    #[command(subcommand)]
    Packs(packs::Command),
    /// Verifies the audit log; prints the table of permissions.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Replays the founding day on a simulated clock, through the public API.
    Demo(demo::Arguments),
    /// Holds a drill: a made-up incident on a simulated clock, which a team works and Suimon measures.
    #[command(subcommand)]
    Drill(drill::Command),
    /// The examples as files (logs with made-up people, manifests) and as applications to click through.
    #[command(subcommand)]
    Example(example::Command),
    /// Who may have seen whose data, from logs.
    #[command(subcommand)]
    Exposure(exposure::Command),
    /// Incidents: list, show, open, add to the timeline.
    #[command(subcommand)]
    Incident(incident::Command),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("cannot start: {error}"));
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { config, set, command } = arguments;
    let context = Context { sources: Sources::from_process(config, set) };
    match command {
        Command::Serve(arguments) => serve::run(&context, arguments).await,
        Command::Guard(arguments) => guard::run(&context, arguments).await,
        Command::Init(arguments) => init::run(&context, arguments).await,
        Command::Account(command) => account::run(&context, command).await,
        Command::Migrate => migrate::run(&context).await,
        Command::Plan(arguments) => plan::run(&context, arguments).await,
        Command::Apply(arguments) => apply::run(&context, arguments).await,
        Command::Attest(arguments) => attest::run(&context, arguments).await,
        Command::Export(arguments) => export::run(arguments),
        Command::Estimate(arguments) => estimate::run(arguments),
        Command::Report(arguments) => report::run(&context, arguments).await,
        Command::Retention(command) => retention::run(&context, command).await,
        Command::Subject(command) => subject::run(&context, command).await,
        Command::Schema(arguments) => schema::run(arguments),
        Command::Config => {
            output::print(config::DEFAULTS);
            Ok(ExitCode::SUCCESS)
        }
        Command::Import(arguments) => import::run(&context, arguments).await,
        Command::Keys(command) => keys::run(&context, command).await,
        Command::Jobs(command) => jobs::run(&context, command).await,
        Command::Assess(arguments) => assess::run(&context, arguments).await,
        Command::Notices(command) => notices::run(&context, command).await,
        Command::Duties(command) => duties::run(&context, command).await,
        Command::Packs(command) => packs::run(command),
        Command::Audit(command) => audit::run(&context, command).await,
        Command::Demo(arguments) => demo::run(&context, arguments).await,
        Command::Drill(command) => drill::run(&context, command).await,
        Command::Example(command) => example::run(&context, command).await,
        Command::Exposure(command) => exposure::run(&context, command).await,
        Command::Incident(command) => incident::run(&context, command).await,
    }
}

/// What every command needs to open the service.
pub struct Context {
    sources: Sources,
}

impl Context {
    /// Reads the configuration.
    pub fn config(&self) -> Result<Config, Failure> {
        config::load(&self.sources).map_err(|problems| Failure::usage(problems.to_string()))
    }

    /// Opens the service on the machine's clock; a drill on its own.
    pub async fn open(&self) -> Result<Arc<App>, Failure> {
        let config = self.config()?;
        output::start_logging(&config.log);
        let clock: Arc<dyn Clock> = match config.drill.folder() {
            None => Arc::new(SystemClock),
            Some(folder) => Arc::new(DrillClock::new(Folder::open(Path::new(folder))?)?),
        };
        Ok(App::open(config, clock, Entropy::from_os()).await?)
    }
}
