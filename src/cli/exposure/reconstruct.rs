//! `suimon exposure reconstruct`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use exposure::{CacheChange, CacheFacts};
use tokio::runtime::Handle;

use super::files::cannot_read;
use super::printed::Printed;
use super::scan::Question;
use super::summary;
use super::written::Both;
use crate::cli::Failure;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    question: Question,
    /// The longest that a cache gave an answer without asking anew, in seconds. What is not known is best left out: the default excludes
    /// nobody.
    #[arg(long, default_value_t = CacheFacts::default().time_to_live_seconds, value_name = "SECONDS")]
    time_to_live: u32,
    /// Caches behind one another: 1 for an edge alone, 2 with a regional cache or a shield, 3 with both.
    #[arg(long, default_value_t = CacheFacts::default().tiers, value_name = "NUMBER")]
    tiers: u8,
    /// Each edge location kept one copy of an answer, and a newer one took its place.
    #[arg(long)]
    single_copy: bool,
    /// The host and the whole query were part of the cache's key. Not if only some parameters were, or if they were put in order.
    #[arg(long)]
    key_has_host_and_query: bool,
    /// Answers of different length may be the same page: the cache or the edge packs or rewrites them.
    #[arg(long)]
    lengths_tell_nothing: bool,
    /// The origin's log may lack requests that reached it: then a miss may have been the viewer's own page.
    #[arg(long)]
    origin_log_incomplete: bool,
    /// Where the edge logs no session: take an address with a program for the people whom the logs show behind it. Somebody may have come
    /// from elsewhere.
    #[arg(long)]
    clients_tell_people: bool,
    /// How far the clocks of edge and origin may differ where the logs do not show it, in milliseconds.
    #[arg(long, default_value_t = CacheFacts::default().clock_difference_milliseconds, value_name = "MILLISECONDS")]
    clock_difference: u32,
    /// What was changed of the cache, and when: JSON, a list of objects with `at`, `spreads_seconds`, and one or more of `time_to_live_seconds`,
    /// `keeps` and `purged`. --time-to-live is that before the first change.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    printed: Printed,
}

/// Bytes of a history.
const MOST: u64 = 1 << 20;

fn history(path: &Path) -> Result<Vec<CacheChange>, Failure> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| cannot_read(path, &error))?;
    file.take(MOST).read_to_string(&mut text).map_err(|error| cannot_read(path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "{}: {error}; write it as [{{\"at\": \"2023-10-26T15:41:00+09:00\", \"spreads_seconds\": 300, \"keeps\": false, \"purged\": true}}]",
            path.display()
        ))
    })
}

pub fn run(arguments: Arguments, handle: &Handle) -> Result<ExitCode, Failure> {
    let facts = CacheFacts {
        time_to_live_seconds: arguments.time_to_live,
        tiers: arguments.tiers,
        single_copy: arguments.single_copy,
        key_has_host_and_query: arguments.key_has_host_and_query,
        origin_log_complete: !arguments.origin_log_incomplete,
        lengths_tell_bodies: !arguments.lengths_tell_nothing,
        clients_tell_people: arguments.clients_tell_people,
        clock_difference_milliseconds: arguments.clock_difference,
        history: arguments.history.as_deref().map(history).transpose()?.unwrap_or_default(),
    };
    // Before any file is opened: a wrong fact is told at once.
    facts.check().map_err(|error| Failure::usage(error.to_string()))?;
    let read = arguments.question.read(handle)?.reconstruct(&facts);
    let (window, reconstruction) = read.map_err(|error| Failure::usage(error.to_string()))?;
    let both = Both { window, reconstruction };
    arguments.printed.print(&both, &both.window, Some(&both.reconstruction))?;
    let is_sound = summary::is_sound(&both.window)
        && both.reconstruction.thin_hours.is_empty()
        && both.reconstruction.doubts.is_empty();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
