//! `suimon drill`: a made-up incident that a team works through the ordinary doors, on a simulated clock.

mod briefing;
mod installation;
mod report;
mod serve;
mod start;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::assess::Language;
use super::{Context, Failure, Format, output};
use crate::drill::{self, Folder};
use crate::reports::Words;

/// Holds a drill: a made-up incident on a simulated clock, which a team works and Suimon measures.
///
/// A drill has a folder of its own, with a throw-away database. No mail leaves it, and no real installation is touched.
#[derive(Subcommand)]
pub enum Command {
    /// Makes a drill: installation, system, people, accounts and their tokens.
    Start(Start),
    /// Runs it: the clock goes on, complaints come in, logs arrive, the API answers.
    Serve(Serve),
    /// Moves its clock forward while it is served.
    Advance(Advance),
    /// Tells how the team did, from the installation's own records; also while it is served.
    Report(Report),
}

#[derive(Args)]
pub struct Start {
    /// Folder of the drill; made when missing, and must be empty.
    dir: PathBuf,
    /// Another seed is another day: other people, other complaints.
    #[arg(long, default_value_t = exposure::simulate::DEFAULT_SEED)]
    seed: u64,
    /// Simulated seconds in a second. 0: time passes by `suimon drill advance` alone.
    #[arg(long, default_value_t = 60)]
    speed: u32,
}

#[derive(Args)]
pub struct Serve {
    dir: PathBuf,
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8480")]
    listen: String,
}

#[derive(Args)]
pub struct Advance {
    dir: PathBuf,
    /// By so many simulated minutes.
    #[arg(long, value_name = "MINUTES", required_unless_present = "to", conflicts_with = "to")]
    minutes: Option<u32>,
    /// To this instant of the drill, such as 2023-10-27T09:00:00+09:00.
    #[arg(long, value_name = "INSTANT")]
    to: Option<Timestamp>,
}

#[derive(Args)]
pub struct Report {
    dir: PathBuf,
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    if context.sources.file.is_some() || !context.sources.flags.is_empty() {
        return Err(Failure::usage(
            "a drill has a configuration of its own, with which nothing leaves it: leave --config and --set out",
        ));
    }
    match command {
        Command::Start(arguments) => start::run(arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Advance(arguments) => advance(arguments).await,
        Command::Report(arguments) => report::run(arguments).await,
    }
}

/// How long whoever serves the drill may take to bring about what has happened meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

async fn advance(arguments: Advance) -> Result<ExitCode, Failure> {
    let Advance { dir, minutes, to } = arguments;
    let folder = Folder::open(&dir)?;
    if !folder.is_served()? {
        return Err(Failure::usage("nobody serves this drill: run `suimon drill serve` beside this"));
    }
    let to = match (to, minutes) {
        (Some(to), _) => to,
        (None, minutes) => folder
            .now()?
            .checked_add(SignedDuration::from_mins(minutes.unwrap_or_default().into()))
            .map_err(|_| Failure::usage("--minutes: no clock goes so far"))?,
    };
    folder.advance(to)?;
    let arranged = async {
        while folder.state()?.arranged.is_none_or(|arranged| arranged < to) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok::<_, Failure>(())
    };
    tokio::time::timeout(PATIENCE, arranged)
        .await
        .map_err(|_| anyhow::anyhow!("the drill is served and does not go on; see what its server says"))??;
    let words = Words::new(law::Lang::En, drill::ZONE);
    output::line(&format!("it is {} there", words.moment(folder.now()?)));
    Ok(ExitCode::SUCCESS)
}
