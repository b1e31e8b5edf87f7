//! `suimon audit`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, Failure, Format, output};
use crate::access::{self, permission_table};
use crate::audit::{self, ChainFault, FaultKind};

/// Verifies the audit log; prints the table of permissions.
#[derive(Subcommand)]
pub enum Command {
    /// Proves that no entry was changed, removed or swapped. Exit code 3 when one was.
    Verify {
        /// A copy that `suimon audit export` wrote, instead of the database: needs neither configuration nor keys.
        #[arg(long, value_name = "FILE")]
        copy: Option<PathBuf>,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Writes the chain of a tenant as JSON Lines, and prints number and hash of its last entry. Keep those elsewhere: they
    /// prove that nothing is cut off later.
    Export {
        /// Short name of the tenant; the operator's own chain when not given.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// The file; it must not exist yet.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// The auditor who exports it.
        #[arg(long = "as", value_name = "LOGIN")]
        login: String,
    },
    /// Prints who may do what, generated from the policy engine's own answers.
    Permissions,
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Verify { copy: Some(file), format } => verify_copy(&file, format),
        Command::Verify { copy: None, format } => verify(context, format).await,
        Command::Export { tenant, output, login } => export(context, tenant, &output, &login).await,
        Command::Permissions => {
            output::print(&permission_table().await?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn verify(context: &Context, format: Format) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    let reports = audit::verify_all(&app).await?;
    let sound = reports.iter().all(|report| report.faults.is_empty());
    if format == Format::Json {
        output::json(&reports)?;
    } else {
        for report in &reports {
            output::line(&format!("{}  {} entries", report.tenant, report.entries));
            tell(&report.faults);
        }
        output::line(if sound { "the audit log is sound" } else { "THE AUDIT LOG IS DAMAGED" });
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn tell(faults: &[ChainFault]) {
    for fault in faults {
        let words = match fault.kind {
            FaultKind::Changed => "was changed",
            FaultKind::Missing => "does not follow: entries before it are missing",
            FaultKind::Broken => "does not continue the entry before it: swapped or replaced",
            FaultKind::WrongEnd => "is not the end that the head names: entries were cut off or added",
            FaultKind::ForgedHead => "head was not written with this key",
        };
        output::line(&format!("  entry {} {words}", fault.seq));
    }
}

async fn export(
    context: &Context,
    tenant: Option<String>,
    file: &Path,
    login: &str,
) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    let op = access::act_locally(&app, login).await?;
    let tenant = match tenant {
        Some(slug) => access::tenant_by_slug(&op, &slug).await?.id,
        None => app.root()?,
    };
    // An older copy may be the only proof of what was cut off since: it is not overwritten.
    let out = File::create_new(file)
        .map_err(|error| Failure::usage(format!("--output: cannot create {} ({error})", file.display())))?;
    let end = match audit::export(&op, tenant, &mut BufWriter::new(out)).await {
        Ok(end) => end,
        Err(error) => {
            // What is half a copy is none. That it cannot be removed is told by the file itself.
            let _ = std::fs::remove_file(file);
            return Err(error.into());
        }
    };
    output::line(&format!("{}  {} entries, the last one has the hash {}", end.tenant, end.seq, end.hash));
    Ok(ExitCode::SUCCESS)
}

fn verify_copy(file: &Path, format: Format) -> Result<ExitCode, Failure> {
    let wrong =
        |error: &dyn std::fmt::Display| Failure::usage(format!("--copy: {}: {error}", file.display()));
    let copy = File::open(file).map_err(|error| wrong(&error))?;
    let report = audit::verify_copy(BufReader::new(copy)).map_err(|error| wrong(&error))?;
    let sound = report.faults.is_empty();
    if format == Format::Json {
        output::json(&report)?;
    } else {
        output::line(&format!("{}  {} entries", report.end.tenant, report.entries));
        tell(&report.faults);
        output::line(&if sound {
            format!(
                "nothing inside was changed, removed or swapped; the end is entry {} with the hash {}: compare it with what \
                 was written down elsewhere",
                report.end.seq, report.end.hash
            )
        } else {
            "THE COPY IS DAMAGED".to_owned()
        });
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
