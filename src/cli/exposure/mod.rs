//! `suimon exposure`: who may have seen whose data, from logs. `scan`, `reconstruct` and `diff` work on files alone, without a database.

mod classes;
mod diff;
mod files;
mod forms;
mod own;
mod printed;
mod reconstruct;
mod scan;
mod store;
mod summary;
mod written;

use std::process::ExitCode;

use clap::Subcommand;
use tokio::runtime::Handle;

use super::{Context, Failure};

/// Who may have seen whose data, from logs.
#[derive(Subcommand)]
pub enum Command {
    /// Lists who was there in a window of time, from edge and origin logs. Needs no database. Exit code 3 when logs are
    /// damaged or incomplete: the list may lack people.
    Scan(Box<scan::Arguments>),
    /// As scan, and says for each person what the logs show of who saw whose page: confirmed, possible, indeterminate, self_only or
    /// excluded. Needs no database. Exit code 3 as scan's.
    Reconstruct(Box<reconstruct::Arguments>),
    /// Compares two results of a scan. Needs no database. Exit code 3 when they differ.
    Diff(diff::Arguments),
    /// Stores the result of a scan as the next affected list of an incident.
    Store(store::Arguments),
    /// Makes the next affected list of an incident from this service's own record of who read what: by accounts in wrong hands, or by a
    /// rule that was too wide. Exit code 3 when a part of the record is damaged or in archives: the list may lack people.
    Own(own::Arguments),
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Scan(arguments) => beside_the_runtime(move |handle| scan::run(*arguments, handle)).await,
        Command::Reconstruct(arguments) => {
            beside_the_runtime(move |handle| reconstruct::run(*arguments, handle)).await
        }
        Command::Diff(arguments) => diff::run(arguments),
        Command::Store(arguments) => store::run(context, arguments).await,
        Command::Own(arguments) => own::run(context, arguments).await,
    }
}

/// Reading waits for disks and stores, which the runtime's own threads must not.
async fn beside_the_runtime(
    work: impl FnOnce(&Handle) -> Result<ExitCode, Failure> + Send + 'static,
) -> Result<ExitCode, Failure> {
    let handle = Handle::current();
    let done = tokio::task::spawn_blocking(move || work(&handle)).await;
    done.map_err(anyhow::Error::new)?
}
