//! `suimon duties`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{Context, Failure, Format, assess::Language, output};
use crate::access::{self, Op};
use crate::duties::{self, Duty, Settlement};
use crate::incidents;

/// Duties of an incident.
#[derive(Subcommand)]
pub enum Command {
    /// Lists them by regime and recipient.
    List(List),
    /// Closes one: done with a receipt, or waived with a reason.
    Settle(Settle),
}

#[derive(Args)]
pub struct List {
    /// Number of the incident.
    incident: i32,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Settle {
    /// Number of the incident.
    incident: i32,
    /// Rule pack, such as jp-appi-26.
    #[arg(long)]
    regime: String,
    /// Duty and deadline within the pack, such as regulator.final.
    #[arg(long)]
    kind: String,
    /// It was done: the authority's number, or where the proof lies.
    #[arg(long, required_unless_present = "reason", conflicts_with = "reason")]
    receipt: Option<String>,
    /// It is waived: why.
    #[arg(long)]
    reason: Option<String>,
    /// It was done after its last instant: why.
    #[arg(long, requires = "receipt")]
    late_reason: Option<String>,
    /// When it was done: an instant with an offset (default: now).
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
    #[command(flatten)]
    common: Common,
}

/// Who acts, and how the answer is printed.
#[derive(Args)]
pub struct Common {
    /// Who acts.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    let common = match &command {
        Command::List(list) => &list.common,
        Command::Settle(settle) => &settle.common,
    };
    let op = access::act_locally(&app, &common.login).await?;
    let shown = match &command {
        Command::List(list) => of_incident(&op, list.incident).await?,
        Command::Settle(settle) => vec![close(&op, settle).await?],
    };
    match common.format {
        Format::Json => {
            let rows: Vec<_> = shown.iter().map(json).collect();
            output::json(&serde_json::json!({ "duties": rows }))?;
        }
        Format::Text => {
            for duty in &shown {
                output::line(&line(duty, common.lang.into(), op.at()));
            }
            if shown.is_empty() {
                output::line("no duties");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn of_incident(op: &Op, number: i32) -> Result<Vec<Duty>, Failure> {
    let incident = incidents::incident_by_number(op, number).await?;
    Ok(duties::duties(op, incident.tenant, incident.id).await?)
}

async fn close(op: &Op, settle: &Settle) -> Result<Duty, Failure> {
    let found = of_incident(op, settle.incident).await?.into_iter();
    let duty = { found }.find(|duty| duty.regime == settle.regime && duty.kind == settle.kind);
    let duty = duty.ok_or_else(|| {
        Failure::usage(format!(
            "the incident has no duty {} {}; `suimon duties list {}` shows them",
            settle.regime, settle.kind, settle.incident
        ))
    })?;
    let settlement = Settlement {
        done: settle.receipt.is_some(),
        receipt: settle.receipt.clone(),
        reason: settle.reason.clone(),
        late_reason: settle.late_reason.clone(),
        at: settle.at,
    };
    Ok(duties::settle_duty(op, duty.tenant, duty.id, settlement).await?)
}

fn line(duty: &Duty, lang: law::Lang, now: Timestamp) -> String {
    let Duty { regime, kind, state, wording, nature, .. } = duty;
    let overdue = if duty.overdue(now) { "  OVERDUE" } else { "" };
    let state = state.as_str();
    format!(
        "{state:<10} {regime} {kind}: {}\n           {} [{}]{overdue}",
        wording.title.get(lang),
        wording.due.get(lang),
        nature.label(lang)
    )
}

fn json(duty: &Duty) -> serde_json::Value {
    serde_json::json!({
        "regime": duty.regime, "recipient": duty.recipient, "kind": duty.kind, "title": duty.wording.title,
        "clause": duty.clause, "nature": duty.nature, "due": duty.wording.due, "due_at": duty.due_at,
        "state": duty.state, "receipt": duty.receipt, "reason": duty.reason, "late_reason": duty.late_reason,
        "settled_at": duty.settled_at,
    })
}
