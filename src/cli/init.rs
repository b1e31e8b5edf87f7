//! `suimon init`: the operator and its first administrator.

use std::process::ExitCode;

use clap::Args;

use super::{Context, Failure, output};
use crate::access::{FirstAdmin, NewOperator, initialise};

/// Creates the operator and its first administrator, once.
#[derive(Args)]
pub struct Arguments {
    /// Short name of the operator.
    #[arg(long, default_value = "operator")]
    slug: String,
    /// Name of the operator in Japanese.
    #[arg(long, default_value = "運営者")]
    name_ja: String,
    /// Name of the operator in English.
    #[arg(long, default_value = "Operator")]
    name_en: String,
    /// Login of the first administrator.
    #[arg(long, default_value = "admin")]
    admin: String,
    /// Read the administrator's password from the first line of this file; without it a random one is made and printed.
    #[arg(long, value_name = "FILE")]
    password_file: Option<std::path::PathBuf>,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { slug, name_ja, name_en, admin, password_file } = arguments;
    let password = password_file.as_deref().map(super::account::first_line).transpose()?;
    let app = context.open().await?;
    let operator = NewOperator { slug, name_ja, name_en };
    let first = FirstAdmin { login: admin, display_name: "Administrator".to_owned(), password };
    let done = initialise(&app, operator, first).await?;
    output::line(&format!("operator created; sign in as {}", done.login));
    if let Some(password) = done.generated_password {
        output::line(&format!("password (told this once): {password}"));
    }
    output::line("next: suimon account add LOGIN --role compliance_officer, then suimon account token LOGIN");
    Ok(ExitCode::SUCCESS)
}
