//! `suimon schema`.

use std::process::ExitCode;

use super::{Failure, output};

pub fn run() -> Result<ExitCode, Failure> {
    output::print(&crate::graphql::sdl());
    Ok(ExitCode::SUCCESS)
}
