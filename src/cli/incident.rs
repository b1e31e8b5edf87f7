//! `suimon incident`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{Context, Failure, Format, output};
use crate::access::{Action, Op, act_locally};
use crate::incidents::model::{EntryKind, FindingSource};
use crate::incidents::{self, Entry, Incident, NewEntry, NewFinding, NewIncident, RowId};

/// Incidents: list, show, open, add to the timeline.
#[derive(Subcommand)]
pub enum Command {
    /// Lists incidents, the newest first.
    List(Common),
    /// Shows an incident with its timeline and affected lists.
    Show {
        /// Its number.
        number: i32,
        #[command(flatten)]
        common: Common,
    },
    /// Reports what was seen and opens an incident from it.
    Open(Open),
    /// Adds an entry to the timeline.
    Entry(NewEntryArguments),
}

/// Who acts, and how the answer is printed.
#[derive(Args)]
pub struct Common {
    /// Who acts.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Args)]
pub struct Open {
    /// Name of the system.
    #[arg(long)]
    system: String,
    /// Title of the incident.
    #[arg(long)]
    title: String,
    /// Time zone in which people speak about it.
    #[arg(long, default_value = "Asia/Tokyo")]
    zone: String,
    /// What was seen.
    #[arg(long)]
    summary: String,
    /// When it was seen: an instant with an offset.
    #[arg(long, value_name = "INSTANT")]
    occurred_at: Timestamp,
    /// What saw it: person, check, probe or guard.
    #[arg(long, default_value = "person")]
    source: FindingSource,
    /// What kind of person reported it and through whom; never a name.
    #[arg(long)]
    reporter: Option<String>,
    /// Name of the broken requirement, where known.
    #[arg(long)]
    requirement: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct NewEntryArguments {
    /// Number of the incident.
    number: i32,
    /// What it is about, such as decision, investigation, meeting or note.
    #[arg(long)]
    kind: EntryKind,
    /// When it happened: an instant with an offset.
    #[arg(long, value_name = "INSTANT")]
    occurred_at: Timestamp,
    /// What happened.
    #[arg(long)]
    text: String,
    #[command(flatten)]
    common: Common,
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    let common = match &command {
        Command::List(common) => common,
        Command::Show { common, .. } => common,
        Command::Open(open) => &open.common,
        Command::Entry(entry) => &entry.common,
    };
    let op = act_locally(&app, &common.login).await?;
    let format = common.format;
    match command {
        Command::List(_) => list(&op, format).await,
        Command::Show { number, .. } => show(&op, number, format).await,
        Command::Open(arguments) => open(&op, arguments, format).await,
        Command::Entry(arguments) => entry(&op, arguments, format).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Incidents that `list` shows; older ones are one query away.
const LISTED: u64 = 1000;

async fn list(op: &Op, format: Format) -> Result<(), Failure> {
    let incidents = incidents::incidents(op, None, LISTED).await?;
    if format == Format::Json {
        return output::json(&incidents);
    }
    for incident in &incidents {
        output::line(&heading(incident));
    }
    if incidents.is_empty() {
        output::line("no incidents");
    }
    Ok(())
}

fn heading(incident: &Incident) -> String {
    let Incident { number, status, system, title, .. } = incident;
    format!("{number:>4}  {:<9}  {system}  {title}", status.as_str())
}

async fn show(op: &Op, number: i32, format: Format) -> Result<(), Failure> {
    let incident = incidents::incident_by_number(op, number).await?;
    let scope = incidents::permit(op, Action::Read, "incident", "incident").await?;
    let timeline = incidents::timeline(&scope, incident.id).await?;
    let revisions = if op.allows(Action::Read, "revision") {
        let scope = incidents::permit(op, Action::Read, "revision", "revision").await?;
        incidents::revisions(&scope, incident.id).await?
    } else {
        Vec::new()
    };
    if format == Format::Json {
        return output::json(&serde_json::json!({
            "incident": incident, "timeline": timeline, "revisions": revisions,
        }));
    }
    output::line(&heading(&incident));
    let times = [
        ("occurred from", incident.occurred_from),
        ("occurred to", incident.occurred_to),
        ("detected", incident.detected_at),
        ("aware", incident.aware_at),
        ("contained", incident.contained_at),
        ("closed", incident.closed_at),
    ];
    for (name, at) in times {
        if let Some(at) = at {
            output::line(&format!("      {name:<14} {}", local(at, &incident.zone)));
        }
    }
    for entry in &timeline {
        output::line(&entry_line(entry, &incident.zone));
    }
    for revision in &revisions {
        output::line(&format!(
            "revision {} ({}, {}): {} persons at {} tenants",
            revision.number.unwrap_or_default(),
            revision.method,
            revision.state,
            revision.counts.persons,
            revision.counts.tenants
        ));
    }
    Ok(())
}

fn entry_line(entry: &Entry, zone: &str) -> String {
    let text = entry.text.replace('\n', "\n      ");
    let superseded = if entry.superseded_by.is_some() { "  (superseded)" } else { "" };
    format!("{:>4}  {}  {}{superseded}\n      {text}", entry.seq, local(entry.occurred_at, zone), entry.kind)
}

/// The instant as people of the incident say it.
fn local(at: Timestamp, zone: &str) -> String {
    match at.in_tz(zone) {
        Ok(zoned) => zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        Err(_) => at.to_string(),
    }
}

async fn open(op: &Op, arguments: Open, format: Format) -> Result<(), Failure> {
    let Open { system, title, zone, summary, occurred_at, source, reporter, requirement, common: _ } =
        arguments;
    let finding = NewFinding { system: system.clone(), summary, occurred_at, source, reporter, requirement };
    let finding = incidents::report_finding(op, finding).await?;
    let findings = vec![RowId { tenant: finding.tenant, id: finding.id }];
    let incident = incidents::open_incident(op, NewIncident { system, title, zone, findings }).await?;
    if format == Format::Json {
        return output::json(&incident);
    }
    output::line(&format!("incident {} is open", incident.number));
    Ok(())
}

async fn entry(op: &Op, arguments: NewEntryArguments, format: Format) -> Result<(), Failure> {
    let NewEntryArguments { number, kind, occurred_at, text, common: _ } = arguments;
    let incident = incidents::incident_by_number(op, number).await?;
    let home = RowId { tenant: incident.tenant, id: incident.id };
    let entry = incidents::add_entry(op, home, NewEntry::of(kind, occurred_at, text)).await?;
    if format == Format::Json {
        return output::json(&entry);
    }
    output::line(&format!("entry {} of incident {number}", entry.seq));
    Ok(())
}
