//! `suimon keys`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::{Context, Failure, Format, output};
use crate::app::App;
use crate::error::Error;
use crate::jobs::{self, JobState};
use crate::{access, background, privacy, vault};

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
    /// Has everything wrapped by the current key-encryption key that an earlier one of `[keys]` wrapped, and waits for
    /// it. The service goes on meanwhile. Asked again after a crash, it goes on where it stood.
    ///
    /// With `--tenant` or `--all-tenants` instead the tenants' own keys are replaced and the old ones destroyed, by jobs of the
    /// running service (`suimon jobs list`): after that, what an old backup says of people erased since opens with no present
    /// key, once the key-encryption key of its time is retired.
    Rotate {
        /// A tenant whose key is to be replaced; may be given several times.
        #[arg(long, value_name = "SLUG", conflicts_with = "all_tenants")]
        tenant: Vec<String>,
        /// Every tenant's key.
        #[arg(long)]
        all_tenants: bool,
        /// With the tenants' keys also each person's, and every field is sealed anew.
        #[arg(long)]
        fields: bool,
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login: String,
    },
    /// Destroys everything that is sealed for a tenant, for ever: its keys, everybody's record, its contact, captured mails.
    Destroy {
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Kept in the audit log: the end of a contract or the number of a request, not a name.
        #[arg(long)]
        reason: String,
        /// The tenant's short name once more: there is no way back.
        #[arg(long, value_name = "SLUG")]
        confirm: String,
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
        Command::Rotate { tenant, all_tenants, fields, login } => {
            if tenant.is_empty() && !all_tenants {
                if fields {
                    return Err(Error::invalid("--fields", "goes with --tenant or --all-tenants").into());
                }
                return rotate(app, &login).await;
            }
            return rotate_tenants(app, &tenant, fields, &login).await;
        }
        Command::Destroy { tenant, reason, confirm, login } => {
            if tenant != confirm {
                return Err(Error::invalid("--confirm", "is not the tenant's short name").into());
            }
            let op = access::act_locally(&app, &login).await?;
            let found = access::tenant_by_slug(&op, &tenant).await?;
            privacy::destroy_tenant_data(&op, found.id, &reason).await?;
            output::line(&format!("nothing that was sealed for {tenant} can be read any more"));
            return Ok(ExitCode::SUCCESS);
        }
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

async fn rotate_tenants(
    app: Arc<App>,
    slugs: &[String],
    fields: bool,
    login: &str,
) -> Result<ExitCode, Failure> {
    let op = access::act_locally(&app, login).await?;
    let mut tenants = Vec::with_capacity(slugs.len());
    for slug in slugs {
        tenants.push(access::tenant_by_slug(&op, slug).await?.id);
    }
    let tenants = (!slugs.is_empty()).then_some(tenants.as_slice());
    let jobs = vault::rotate_tenant_keys(&op, tenants, fields).await?;
    for job in &jobs {
        output::line(&format!("tenant {}: job {}, {}", job.key, job.id, job.state));
    }
    output::line(
        "The running service does them, in some minutes at least; `suimon jobs list` shows how far they are.",
    );
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
