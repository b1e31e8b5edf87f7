//! `suimon account`: accounts and tokens from the service's own machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, Failure, output};
use crate::access::{self, NewAccount, Role};

/// Adds and unlocks accounts, issues tokens.
#[derive(Subcommand)]
pub enum Command {
    /// Adds an account to the operator, or to the tenant of --tenant.
    Add {
        login: String,
        /// Roles, such as compliance_officer, approver, auditor, tenant_admin.
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<Role>,
        /// Name that others see.
        #[arg(long)]
        name: Option<String>,
        /// Short name of the tenant.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Read the password from the first line of this file; without it the account can only use tokens.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The administrator who adds it.
        #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
        login_of_admin: String,
    },
    /// Ends the lock of a login after too many wrong passwords.
    Unlock { login: String },
    /// Issues an API token for an account and prints its secret, once.
    Token {
        login: String,
        /// What it is limited to: action:object, such as read:incident*; all that the account may, when not given.
        #[arg(long = "scope", value_name = "ACTION:OBJECT", default_value = "*:*")]
        scopes: Vec<String>,
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// What it is for.
        #[arg(long, default_value = "command line")]
        label: String,
    },
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    match command {
        Command::Add { login, roles, name, tenant, password_file, login_of_admin } => {
            let op = access::act_locally(&app, &login_of_admin).await?;
            let tenant = match tenant {
                Some(slug) => access::tenant_by_slug(&op, &slug).await?.id,
                None => app.root()?,
            };
            let password = password_file.as_deref().map(first_line).transpose()?;
            let display_name = name.unwrap_or_else(|| login.clone());
            let account = NewAccount { login, display_name, roles, password };
            let account = access::create_account(&op, tenant, account).await?;
            output::line(&format!("account {} added; next: suimon account token {0}", account.login));
        }
        Command::Unlock { login } => {
            access::unlock_locally(&app, &login).await?;
            output::line(&format!("{login} may sign in again"));
        }
        Command::Token { login, scopes, days, label } => {
            let issued = access::issue_token_for(&app, &login, &label, &scopes, days).await?;
            output::line(&issued.secret);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The first line of a password file.
pub fn first_line(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("--password-file: cannot read {} ({error})", path.display()))
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
