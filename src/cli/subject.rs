//! `suimon subject`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use super::{Context, Failure, output};
use crate::access::{self, Action};
use crate::error::Error;
use crate::{privacy, vault};

/// What is kept about a person, for that person.
#[derive(Subcommand)]
pub enum Command {
    /// Writes everything about one person into a file for that person: all fields, who read them, notices. It is recorded as an
    /// export, and all fields as read.
    Export {
        /// The system's own pseudonym for the person.
        #[arg(value_name = "EXTERNAL_ID")]
        person: String,
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        #[arg(long)]
        system: String,
        #[arg(long)]
        record_type: String,
        /// Names the person's request, such as: request 2023-118. Kept in the audit log.
        #[arg(long)]
        purpose: String,
        #[arg(long, value_enum, default_value = "json")]
        format: Format,
        /// The file; it must not exist yet. It holds personal data in clear: only its owner may read it.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// On behalf of this account.
        #[arg(long = "as", value_name = "LOGIN")]
        login: String,
    },
}

/// Form of the document; docs/SUBJECT_EXPORT.md describes it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Json,
    /// A page to read, in Japanese.
    HtmlJa,
    /// A page to read, in English.
    HtmlEn,
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let Command::Export { person, tenant, system, record_type, purpose, format, output: file, login } =
        command;
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?.for_purpose(&purpose)?;
    let scope = op.permit(Action::Export, "subject").await?;
    let home = access::tenant_by_slug(&op, &tenant).await?.id;
    let scope = scope.within(home, "subject")?;
    let found = vault::find_by_external_id(&scope, &system, &record_type, &person).await?;
    let subject = found.ok_or_else(|| Error::not_found("subject"))?;
    // The place for it first: what was read and cannot be written would be a read for nothing.
    let mut out = create(&file)?;
    let written = async {
        let document = privacy::export_subject(&op, home, subject.id).await?;
        let text = match format {
            Format::Json => serde_json::to_string_pretty(&document).map_err(Error::from)?,
            Format::HtmlJa => privacy::as_html(&document, "ja")?,
            Format::HtmlEn => privacy::as_html(&document, "en")?,
        };
        let whole = out.write_all(text.as_bytes()).and_then(|()| out.sync_all());
        whole.map_err(|error| Failure::usage(format!("--output: cannot write {} ({error})", file.display())))
    };
    if let Err(failure) = written.await {
        // What is half a document is none, and holds data all the same.
        let _ = std::fs::remove_file(&file);
        return Err(failure);
    }
    output::line(&format!("the document of {person} is in {}", file.display()));
    Ok(ExitCode::SUCCESS)
}

fn create(file: &Path) -> Result<File, Failure> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(file)
        .map_err(|error| Failure::usage(format!("--output: cannot create {} ({error})", file.display())))
}
