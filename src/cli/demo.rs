//! `suimon demo`: the founding day of 26 October 2023, replayed on a simulated clock, and after it an incident of the booking example.
//! The service runs in this process; the demo acts on it as its clients do, by GraphQL over HTTP.

mod aftermath;
mod booking;
mod booking_notice;
mod campaign;
mod client;
mod day;
mod finale;
mod lists;
mod narrator;
mod notice_words;
mod prologue;
mod stage;
mod summary;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{Context, Failure};
use stage::Stage;

/// Replays the founding day on a simulated clock, through the public API, and an incident of the booking example after it. Exit code 3
/// when a number is not the founding report's, or not what it must be.
#[derive(Args)]
pub struct Arguments {
    /// Folder for database, key, logs and reports; kept. Without it a temporary folder is used.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where what the demo leaves will be served: links in its mails lead there.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8480", value_parser = public_url)]
    public_url: String,
    /// Another seed is another day with other people.
    #[arg(long, default_value_t = exposure::simulate::DEFAULT_SEED)]
    seed: u64,
    /// Milliseconds to wait after each step, for an audience.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pause: u64,
    /// Keep the temporary folder.
    #[arg(long)]
    keep: bool,
}

/// Looked at before anything is made.
fn public_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    let is_place = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_place {
        Ok(text.to_owned())
    } else {
        Err("wants an address such as http://127.0.0.1:8480".to_owned())
    }
}

pub async fn run(_: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { data, public_url, seed, pause, keep } = arguments;
    let mut stage = Stage::open(data, &public_url, seed, Duration::from_millis(pause), keep).await?;
    let outcome = play(&mut stage).await;
    stage.close().await;
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// The whole story. Tells whether each number was the founding report's.
async fn play(stage: &mut Stage) -> Result<bool, Failure> {
    prologue::play(stage).await?;
    let incident = day::play(stage).await?;
    lists::first(stage, &incident).await?;
    aftermath::play(stage, &incident).await?;
    booking::play(stage).await?;
    aftermath::audit(stage).await?;
    let sound = finale::tell(stage);
    finale::go_on(stage).await?;
    Ok(sound)
}
