//! `suimon jobs`.

use std::process::ExitCode;

use clap::Subcommand;
use uuid::Uuid;

use super::{Context, Failure, Format, output};
use crate::jobs::{self, Job};
use crate::{access, background};

/// Work that goes on after its request.
#[derive(Subcommand)]
pub enum Command {
    /// The newest jobs of the operator's, which concern all tenants, and how far they are.
    List {
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Does what is due now and ends, as `suimon serve` does all the time.
    Run,
    /// Ends a job that is not over.
    Cancel {
        id: Uuid,
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
    },
    /// Lets a failed job go on from where it stood.
    Retry {
        id: Uuid,
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
    },
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    match command {
        Command::List { login, limit, format } => {
            let op = access::act_locally(&app, &login).await?;
            let found = jobs::list(&op, app.root()?, None, limit).await?;
            if format == Format::Json {
                output::json(&found)?;
            } else {
                found.iter().for_each(show);
            }
        }
        Command::Run => {
            let worked = background::worker(app).run_due().await?;
            output::line(&format!(
                "{} steps, {} jobs done, {} failed, {} to be tried again",
                worked.steps, worked.done, worked.failed, worked.deferred
            ));
            if worked.failed > 0 {
                return Ok(ExitCode::from(3));
            }
        }
        Command::Cancel { id, login } => {
            let op = access::act_locally(&app, &login).await?;
            show(&jobs::cancel(&op, app.root()?, id).await?);
        }
        Command::Retry { id, login } => {
            let op = access::act_locally(&app, &login).await?;
            show(&jobs::retry(&op, app.root()?, id).await?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(job: &Job) {
    let of = job.total.map_or_else(String::new, |total| format!("/{total}"));
    let problem = job.problem.as_deref().map_or_else(String::new, |problem| format!("  {problem}"));
    output::line(&format!(
        "{}  {:<24} {:<9} {:>9}{of}  {}{problem}",
        job.id, job.kind, job.state, job.done, job.run_at
    ));
}
