//! `suimon exposure store`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::written::read;
use crate::access::{Action, Op, act_locally};
use crate::cli::{Context, Failure, Format, output};
use crate::incidents::{self, Revision, RowId, affected};

#[derive(Args)]
pub struct Arguments {
    /// Number of the incident.
    #[arg(long, value_name = "NUMBER")]
    incident: i32,
    /// The result, as `suimon exposure scan --out` or `reconstruct --out` wrote it.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Why this list is made; stands in the record.
    #[arg(long)]
    reason: String,
    /// Who acts.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { incident, from, reason, login, format } = arguments;
    let (result, reconstruction) = read(&from)?;
    let app = context.open().await?;
    let op = act_locally(&app, &login).await?;
    let incident = incidents::incident_by_number(&op, incident).await?;
    let home = RowId { tenant: incident.tenant, id: incident.id };
    let revision = affected::store_result(&op, home, &reason, &result, reconstruction.as_ref()).await?;
    print_revision(&op, incident.number, &revision, format).await?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a list that was just made.
pub async fn print_revision(
    op: &Op,
    incident: i32,
    revision: &Revision,
    format: Format,
) -> Result<(), Failure> {
    let number = revision.number.unwrap_or_default();
    if format == Format::Json {
        return output::json(revision);
    }
    let counts = &revision.counts;
    output::line(&format!(
        "revision {number} of incident {incident}: {} persons at {} tenants",
        counts.persons, counts.tenants
    ));
    for kind in &counts.by_kind {
        let name = if kind.kind.is_empty() { "(no kind)" } else { &kind.kind };
        output::line(&format!("  {name:<20} {:>6} persons at {} tenants", kind.persons, kind.tenants));
    }
    if let Some(reads) = &revision.inputs.reads {
        output::line(&format!("  {} persons in clear, {} masked only", reads.plaintext, reads.masked_only));
        for chain in
            reads.chains.iter().filter(|chain| !chain.faults.is_empty() || !chain.archives.is_empty())
        {
            let (faults, archives) = (chain.faults.join(", "), chain.archives.join(", "));
            output::line(&format!("  {}: incomplete: {faults} {archives}", chain.name));
        }
    }
    if !counts.unknown_tenants.is_empty() {
        output::line(&format!(
            "  {} tenants are not known here, no notice can reach them: create them with these short names",
            counts.unknown_tenants.len()
        ));
    }
    if number > 1 {
        let scope = incidents::permit(op, Action::Read, "revision", "revision").await?;
        let difference = incidents::changes(&scope, revision, None).await?;
        output::line(&format!(
            "  since revision {}: {} persons added, {} removed",
            difference.from, difference.persons_added, difference.persons_removed
        ));
    }
    Ok(())
}
