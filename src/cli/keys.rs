//! `suimon keys`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, Failure, Format, output};
use crate::{access, vault};

/// Shows how the keys stand; never a key.
#[derive(Subcommand)]
pub enum Command {
    /// Key-encryption key, tenant keys with version and state, numbers of people.
    Status {
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let Command::Status { login, format } = command;
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let status = vault::key_status(&op).await?;
    if format == Format::Json {
        output::json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("KEK          {}", status.kek_id));
    output::line(&format!("processor    {}", status.hardware));
    output::line(&format!("people       {} ({} erased)", status.people, status.erased));
    output::line(&format!("index rows   {}", status.index_rows));
    for key in &status.tenants {
        let elsewhere = if key.kek_id == status.kek_id { "" } else { "  WRAPPED BY ANOTHER KEK" };
        output::line(&format!(
            "{:<24} version {} {:<9} {:>8} people {:>6} erased  since {}{elsewhere}",
            key.slug, key.version, key.state, key.people, key.erased, key.created_at
        ));
    }
    Ok(ExitCode::SUCCESS)
}
