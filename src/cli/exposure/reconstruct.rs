//! `suimon exposure reconstruct`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
<<<<<<< HEAD
use exposure::{CacheFacts, Exposure, PersonReconstruction};
=======
use exposure::{CacheFacts, Exposure, PersonReconstruction, Reconstruction, WindowResult};
use serde::Serialize;
use tokio::runtime::Handle;
>>>>>>> readers

use super::scan::Question;
use super::written::{Both, write};
use super::{classes, summary};
use crate::cli::{Failure, output};
use crate::reports::spreadsheet_cell;

/// How the result is printed.
#[derive(Clone, Copy, ValueEnum)]
enum FormatWord {
    /// For people: counts only.
    Text,
    /// Everything.
    Json,
    /// A line for each person in each tenant.
    Csv,
}

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
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: FormatWord,
    /// Also write the result, as JSON, to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

<<<<<<< HEAD
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
=======
/// Both methods, side by side.
#[derive(Serialize)]
struct Both {
    window: WindowResult,
    reconstruction: Reconstruction,
}

pub fn run(arguments: Arguments, handle: &Handle) -> Result<ExitCode, Failure> {
>>>>>>> readers
    let facts = CacheFacts {
        time_to_live_seconds: arguments.time_to_live,
        tiers: arguments.tiers,
        single_copy: arguments.single_copy,
        key_has_host_and_query: arguments.key_has_host_and_query,
        origin_log_complete: !arguments.origin_log_incomplete,
        lengths_tell_bodies: !arguments.lengths_tell_nothing,
        clients_tell_people: arguments.clients_tell_people,
        clock_difference_milliseconds: arguments.clock_difference,
    };
    // Before any file is opened: a wrong fact is told at once.
    facts.check().map_err(|error| Failure::usage(error.to_string()))?;
    let read = arguments.question.read(handle)?.reconstruct(&facts);
    let (window, reconstruction) = read.map_err(|error| Failure::usage(error.to_string()))?;
    let both = Both { window, reconstruction };
    if let Some(path) = &arguments.out {
        write(path, &both)?;
    }
    match arguments.format {
        FormatWord::Json => output::json(&both)?,
        FormatWord::Csv => output::print(&csv(&both.reconstruction.people)?),
        FormatWord::Text => {
            output::print(&summary::text(&both.window));
            output::print(&classes::text(&both.reconstruction));
        }
    }
    let is_sound = summary::is_sound(&both.window)
        && both.reconstruction.thin_hours.is_empty()
        && both.reconstruction.doubts.is_empty();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn csv(people: &[PersonReconstruction]) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "person",
        "kind",
        "tenant",
        "exposure",
        "confirmed",
        "possible",
        "first",
        "last",
        "routes",
        "seen_by",
        "lines",
    ];
    writer.write_record(header).map_err(anyhow::Error::new)?;
    for person in people {
        for tenant in &person.tenants {
            let lines: Vec<String> = tenant
                .answers
                .iter()
                .filter(|answer| answer.says != Exposure::SelfOnly)
                .map(|answer| format!("{}:{}", answer.input, answer.line))
                .collect();
            let instant = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            let row = [
                person.person.clone(),
                person.kind.clone().unwrap_or_default(),
                tenant.tenant.clone().unwrap_or_default(),
                classes::word(tenant.exposure).to_owned(),
                tenant.confirmed.to_string(),
                tenant.possible.to_string(),
                instant(tenant.first),
                instant(tenant.last),
                tenant.routes.join(" "),
                tenant.seen_by.join(" "),
                lines.join(" "),
            ];
            // Ids come from logs, which anybody can write into.
            writer.write_record(row.map(|cell| spreadsheet_cell(&cell))).map_err(anyhow::Error::new)?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes).map_err(anyhow::Error::new)?)
}
