//! `suimon plan`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Context, Failure, Format, manifests, output};
use crate::{access, requirements};

/// Shows what applying manifests would change. Exit code 0: nothing; 3: something; 2: the files have problems.
#[derive(Args)]
pub struct Arguments {
    /// Manifest files, or folders with *.yaml, *.yml and *.json.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Also withdraw what is stored of the stated systems and the files leave out: requirements, estimates, probes, exceptions.
    #[arg(long)]
    prune: bool,
    /// Whose permissions decide.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { paths, prune, login, format } = arguments;
    let files = manifests::read(&paths)?;
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let plan = requirements::plan(&op, files, prune).await?;
    if format == Format::Json {
        output::json(&plan)?;
    } else if plan.problems.is_empty() {
        output::print(&manifests::describe(&plan.changes));
        output::line(&manifests::count(&plan.changes));
        if plan.pending() > 0 {
            output::line(&format!("base {}", plan.base));
        }
    } else {
        output::print(&manifests::complaints(&plan.problems));
    }
    Ok(match (plan.problems.is_empty(), plan.pending()) {
        (false, _) => ExitCode::from(2),
        (true, 0) => ExitCode::SUCCESS,
        (true, _) => ExitCode::from(3),
    })
}
