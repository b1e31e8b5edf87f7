//! `suimon retention`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, Failure, Format, output};
use crate::{access, privacy};

/// What is kept how long.
#[derive(Subcommand)]
pub enum Command {
    /// Shows what is due now by each retention requirement, and changes nothing. The job `retention.erase` does it.
    Plan {
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let Command::Plan { login, format } = command;
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let plan = privacy::plan(&op).await?;
    if format == Format::Json {
        output::json(&plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    for due in plan {
        output::line(&format!(
            "{:<16} {:<20} {:<16} {:<6} {:<8} {:>8} due since before {}, {} of them on hold",
            due.requirement,
            due.system,
            due.record_type,
            due.after,
            due.mode,
            due.due,
            due.cutoff,
            due.on_hold
        ));
    }
    Ok(ExitCode::SUCCESS)
}
