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
    /// Also withdraw what is stored of the stated systems and the files leave out: requirements, estimates, probes, exceptions.
    #[arg(long)]
    prune: bool,
    /// What `suimon plan` printed as `base`: nothing is stored when somebody has changed these manifests since.
    #[arg(long, value_name = "BASE")]
    base: Option<String>,
    /// Who applies them.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { paths, reason, prune, base, login, format } = arguments;
    let files = manifests::read(&paths)?;
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let outcome = match base {
        Some(base) => requirements::apply_planned(&op, files, &reason, prune, &base).await?,
        None => requirements::apply(&op, files, &reason, prune).await?,
    };
    let (plan, code) = match outcome {
        Outcome::Applied(changes) => (Plan { changes, ..Plan::default() }, ExitCode::SUCCESS),
        Outcome::Refused(problems) => (Plan { problems, ..Plan::default() }, ExitCode::from(2)),
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
