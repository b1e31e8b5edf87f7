//! `suimon keys`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::{Context, Failure, Format, output};
use crate::app::App;
use crate::jobs::{self, JobState};
use crate::{access, background, vault};

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
    /// Has everything wrapped by the current key-encryption key that an earlier one of [keys] wrapped, and waits for it. The service goes on meanwhile. Asked again after a crash, it goes on where it stood.
    Rotate {
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
    },
    /// Says whether an earlier key-encryption key is needed no longer. After that destroy it where it is held: a backup
    /// of that time by itself then opens for nobody.
    Retire {
        /// Its id, as `suimon keys status` shows it.
        kek: String,
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
    },
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    let (login, format) = match command {
        Command::Status { login, format } => (login, format),
        Command::Rotate { login } => return rotate(app, &login).await,
        Command::Retire { kek, login } => {
            let op = access::act_locally(&app, &login).await?;
            vault::retire_kek(&op, &kek).await?;
            output::line(&format!(
                "nothing is wrapped by {kek} any more: it can be destroyed where it is held"
            ));
            return Ok(ExitCode::SUCCESS);
        }
    };
    let op = access::act_locally(&app, &login).await?;
    let status = vault::key_status(&op).await?;
    if format == Format::Json {
        output::json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("KEK          {} ({})", status.kek_id, status.kek_holder));
    for earlier in &status.earlier_keks {
        output::line(&format!("earlier KEK  {} ({})", earlier.id, earlier.holder));
    }
    output::line(&format!("processor    {}", status.hardware));
    output::line(&format!("people       {} ({} erased)", status.people, status.erased));
    output::line(&format!("index rows   {}", status.index_rows));
    for key in &status.tenants {
        let elsewhere = match key.kek_holder {
            _ if key.kek_id == status.kek_id => String::new(),
            Some(holder) => format!("  wrapped by {} ({holder})", key.kek_id),
            None => format!("  WRAPPED BY {}, WHICH IS NOT CONFIGURED", key.kek_id),
        };
        output::line(&format!(
            "{:<24} version {} {:<9} {:>8} people {:>6} erased  since {}{elsewhere}",
            key.slug, key.version, key.state, key.people, key.erased, key.created_at
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(app: Arc<App>, login: &str) -> Result<ExitCode, Failure> {
    let op = access::act_locally(&app, login).await?;
    let asked = vault::rotate_kek(&op).await?;
    background::worker(app.clone()).run_due().await?;
    let job = jobs::job(&op, asked.tenant, asked.id).await?;
    match job.state {
        JobState::Done => {
            output::line(&format!("{} tenant keys are wrapped by {} now", job.done, app.master().id()));
            Ok(ExitCode::SUCCESS)
        }
        state => {
            let problem = job.problem.unwrap_or_else(|| "another node is at it".to_owned());
            output::line(&format!("the job {} is {state}: {problem}", job.id));
            Ok(ExitCode::from(3))
        }
    }
}
