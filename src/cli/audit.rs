//! `suimon audit`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, Failure, Format, output};
use crate::access::permission_table;
use crate::audit::{self, FaultKind};

/// Verifies the audit log; prints the table of permissions.
#[derive(Subcommand)]
pub enum Command {
    /// Proves that no entry was changed, removed or swapped. Exit code 3 when one was.
    Verify {
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Prints who may do what, generated from the policy engine's own answers.
    Permissions,
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Verify { format } => verify(context, format).await,
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
            for fault in &report.faults {
                let words = match fault.kind {
                    FaultKind::Changed => "was changed",
                    FaultKind::Missing => "does not follow: entries before it are missing",
                    FaultKind::Broken => "does not continue the entry before it: swapped or replaced",
                    FaultKind::WrongEnd => {
                        "is not the end that the head names: entries were cut off or added"
                    }
                    FaultKind::ForgedHead => "head was not written with this key",
                };
                output::line(&format!("  entry {} {words}", fault.seq));
            }
        }
        output::line(if sound { "the audit log is sound" } else { "THE AUDIT LOG IS DAMAGED" });
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
