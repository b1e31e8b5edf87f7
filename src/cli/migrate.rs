//! `suimon migrate`.

use std::process::ExitCode;

use super::{Context, Failure, output};
use crate::storage;

pub async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let config = context.config()?;
    output::start_logging(&config.log);
    let ran = storage::migrate_as_owner(&config.database).await?;
    output::line(&match ran {
        0 => "schema is up to date".to_owned(),
        ran => format!("{ran} migration(s) ran; schema is up to date"),
    });
    Ok(ExitCode::SUCCESS)
}
