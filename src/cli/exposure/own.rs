//! `suimon exposure own`.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use uuid::Uuid;

use super::store::print_revision;
use crate::access::{NamedActor, act_locally};
use crate::cli::{Context, Failure, Format};
use crate::incidents::affected::{NewEnforcementList, create_from_enforcement_log};
use crate::incidents::{self, RowId};

#[derive(Args)]
pub struct Arguments {
    /// Number of the incident.
    #[arg(long, value_name = "NUMBER")]
    incident: i32,
    /// The first instant that counts, with its offset.
    #[arg(long, value_name = "INSTANT")]
    from: Timestamp,
    /// The last instant that counts, at least a minute ago.
    #[arg(long, value_name = "INSTANT")]
    to: Timestamp,
    /// Only what this account read, by its tokens too; may be given several times. Everybody, where no account and no token is named.
    #[arg(long = "account", value_name = "LOGIN")]
    accounts: Vec<String>,
    /// Only what this token read, as the audit log names it (without `token:`); may be given several times.
    #[arg(long = "token", value_name = "ID")]
    tokens: Vec<Uuid>,
    /// Only what was read for this purpose, as it was stated; may be given several times.
    #[arg(long = "purpose", value_name = "TEXT")]
    purposes: Vec<String>,
    /// Only people of this record type; may be given several times.
    #[arg(long = "record-type", value_name = "NAME")]
    record_types: Vec<String>,
    /// Only what today's policy refuses: a rule was too wide for a while.
    #[arg(long)]
    now_denied: bool,
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
    let Arguments {
        incident,
        from,
        to,
        accounts,
        tokens,
        purposes,
        record_types,
        now_denied,
        reason,
        login,
        format,
    } = arguments;
    let app = context.open().await?;
    let op = act_locally(&app, &login).await?;
    let incident = incidents::incident_by_number(&op, incident).await?;
    let home = RowId { tenant: incident.tenant, id: incident.id };
    let accounts = accounts.into_iter().map(NamedActor::Login);
    let new = NewEnforcementList {
        reason,
        from,
        to,
        actors: accounts.chain(tokens.into_iter().map(NamedActor::Token)).collect(),
        purposes,
        record_types,
        now_denied,
    };
    let revision = create_from_enforcement_log(&op, home, new).await?;
    print_revision(&op, incident.number, &revision, format).await?;
    let complete = revision.inputs.completeness.as_ref().is_some_and(|known| known.coverage.complete);
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
