//! `suimon schema`.

use std::process::ExitCode;

use clap::Args;

use super::{Failure, output};
use crate::requirements::manifest::json_schema;

/// Prints the GraphQL schema.
#[derive(Args)]
pub struct Arguments {
    /// The JSON Schema of manifests instead.
    #[arg(long)]
    manifests: bool,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    if arguments.manifests {
        output::json(&json_schema())?;
    } else {
        output::print(&crate::graphql::sdl());
    }
    Ok(ExitCode::SUCCESS)
}
