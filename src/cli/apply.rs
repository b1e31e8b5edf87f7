//! `suimon apply`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Context, Failure, Format, manifests, output};
use crate::requirements::{self, Outcome};
use crate::{access, requirements::Plan};

/// Stores what manifests change as new versions, all or none. Applying them again changes nothing.
#[derive(Args)]
pub struct Arguments {
    /// Manifest files, or folders with *.yaml, *.yml and *.json.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Why: stored with each version.
    #[arg(long)]
    reason: String,
    /// Also withdraw stored requirements of the stated systems that the files leave out.
    #[arg(long)]
    prune: bool,
    /// Who applies them.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { paths, reason, prune, login, format } = arguments;
    let files = manifests::read(&paths)?;
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let outcome = requirements::apply(&op, files, &reason, prune).await?;
    let (plan, code) = match outcome {
        Outcome::Applied(changes) => (Plan { changes, problems: Vec::new() }, ExitCode::SUCCESS),
        Outcome::Refused(problems) => (Plan { changes: Vec::new(), problems }, ExitCode::from(2)),
    };
    if format == Format::Json {
        output::json(&plan)?;
    } else if plan.problems.is_empty() {
        output::print(&manifests::describe(&plan.changes));
        let unchanged = plan.changes.len() - plan.pending();
        output::line(&format!("{} applied, {unchanged} unchanged", plan.pending()));
    } else {
        output::print(&manifests::complaints(&plan.problems));
    }
    Ok(code)
}
