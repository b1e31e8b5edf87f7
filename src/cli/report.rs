//! `suimon report`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::assess::Language;
use super::{Context, Failure, output};
use crate::access::{self, Op};
use crate::incidents::{self, Incident, RowId};
use crate::reports;
use crate::reports::documents::{self, Form, Kind, NewDocument, Version, word_of};

/// Writes a document about an incident: without `--kind` the interim report as a page or as Markdown; with it the newest stored
/// version of that kind, which is made first where there is none.
#[derive(Args)]
pub struct Arguments {
    /// Number of the incident; none for the register of all of them.
    #[arg(value_name = "NUMBER")]
    incident: Option<i32>,
    /// Who asks.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "ja")]
    lang: Language,
    /// Without --kind html or markdown (the default); with it html, pdf, docx or text (the default).
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// What the document is for.
    #[arg(long, value_enum)]
    kind: Option<DocumentKind>,
    /// Make a new version from the data as they stand.
    #[arg(long, requires = "kind")]
    new: bool,
    /// Short name of the customer that a processor's notice is written to.
    #[arg(long, value_name = "SLUG", requires = "kind")]
    tenant: Option<String>,
    /// List the documents instead.
    #[arg(long, conflicts_with_all = ["kind", "out", "force"])]
    list: bool,
    /// Write to this file instead of standard output. An existing file is kept unless --force is given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file.
    #[arg(long, requires = "out")]
    force: bool,
}

/// Form of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Markdown,
    Pdf,
    Docx,
    Text,
    /// Of --list.
    Json,
}

/// What a document is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum DocumentKind {
    PpcPreliminary,
    PpcFinal,
    GdprNotification,
    GdprRegister,
    ProcessorNotice,
    InterimReport,
    FinalReport,
    PublicNotice,
    BoardSummary,
}

impl From<DocumentKind> for Kind {
    fn from(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::PpcPreliminary => Kind::PpcPreliminary,
            DocumentKind::PpcFinal => Kind::PpcFinal,
            DocumentKind::GdprNotification => Kind::GdprNotification,
            DocumentKind::GdprRegister => Kind::GdprRegister,
            DocumentKind::ProcessorNotice => Kind::ProcessorNotice,
            DocumentKind::InterimReport => Kind::InterimReport,
            DocumentKind::FinalReport => Kind::FinalReport,
            DocumentKind::PublicNotice => Kind::PublicNotice,
            DocumentKind::BoardSummary => Kind::BoardSummary,
        }
    }
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { incident, login, lang, format, kind, new, tenant, list, out, force } = arguments;
    if let Some(file) = out.as_ref().filter(|file| !force && file.exists()) {
        return Err(Failure::usage(format!("{} exists; give --force to replace it", file.display())));
    }
    let kind = kind.map(Kind::from);
    let form = form_of(kind, list, format, out.as_deref())?;
    if incident.is_none() && !list && kind.is_none_or(Kind::of_one_incident) {
        return Err(Failure::usage("give the NUMBER of the incident"));
    }
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let found = match incident {
        Some(number) => Some(incidents::incident_by_number(&op, number).await?),
        None => None,
    };
    if list {
        return tell(&op, found.as_ref(), format == Some(Format::Json)).await;
    }
    let bytes = match (kind, form, &found) {
        (Some(kind), Some(form), found) => {
            let recipient = match tenant {
                Some(slug) => Some(access::tenant_by_slug(&op, &slug).await?.id),
                None => None,
            };
            let incident = found.as_ref().map(row);
            let wanted = NewDocument { incident, kind, lang: lang.into(), recipient };
            let version = version(&op, wanted, new).await?;
            documents::file(&op, &version, form).await?.bytes
        }
        (_, _, Some(found)) => {
            let format = match format {
                Some(Format::Html) => reports::Format::Html,
                _ => reports::Format::Markdown,
            };
            reports::incident_report(&op, found.tenant, found.id, lang.into(), format).await?.into_bytes()
        }
        (_, _, None) => return Err(Failure::usage("give the NUMBER of the incident")),
    };
    match out {
        None => output::bytes(&bytes),
        Some(file) => std::fs::write(&file, bytes)
            .map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn row(incident: &Incident) -> RowId {
    RowId { tenant: incident.tenant, id: incident.id }
}

/// The form of a document's file; none for the report without a kind.
fn form_of(
    kind: Option<Kind>,
    list: bool,
    format: Option<Format>,
    out: Option<&Path>,
) -> Result<Option<Form>, Failure> {
    let form = match (kind, format) {
        _ if list => return Ok(None),
        (None, None | Some(Format::Html | Format::Markdown)) => return Ok(None),
        (None, Some(_)) => return Err(Failure::usage("without --kind the format is html or markdown")),
        (Some(_), None | Some(Format::Text)) => Form::Text,
        (Some(_), Some(Format::Html)) => Form::Html,
        (Some(_), Some(Format::Pdf)) => Form::Pdf,
        (Some(_), Some(Format::Docx)) => Form::Docx,
        (Some(_), Some(Format::Markdown | Format::Json)) => {
            return Err(Failure::usage("with --kind the format is html, pdf, docx or text"));
        }
    };
    match out.is_none() && matches!(form, Form::Pdf | Form::Docx) {
        true => Err(Failure::usage("give --out: this form is no text")),
        false => Ok(Some(form)),
    }
}

/// The newest version of the document, or a new one.
async fn version(op: &Op, wanted: NewDocument, new: bool) -> Result<Version, Failure> {
    let known = match wanted.incident {
        Some(incident) => documents::documents_of(op, incident).await?,
        None => documents::registers(op).await?,
    };
    let same = |version: &Version| {
        version.kind == wanted.kind && version.lang == wanted.lang && version.recipient == wanted.recipient
    };
    match known.into_iter().find(same).filter(|_| !new) {
        Some(version) => Ok(version),
        None => Ok(documents::create(op, wanted).await?),
    }
}

/// The newest version of each document.
async fn tell(op: &Op, incident: Option<&Incident>, as_json: bool) -> Result<ExitCode, Failure> {
    let known = match incident {
        Some(incident) => documents::documents_of(op, row(incident)).await?,
        None => documents::registers(op).await?,
    };
    if as_json {
        let rows: Vec<_> = known
            .iter()
            .map(|one| {
                json!({
                    "number": one.number, "version": one.version, "kind": one.kind.as_str().replace('_', "-"),
                    "language": word_of(one.lang), "state": one.standing.as_str(), "createdAt": one.created_at,
                    "sha256": one.sha256, "recipient": one.recipient,
                })
            })
            .collect();
        output::json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    if known.is_empty() {
        output::line("no documents yet");
    }
    for one in known {
        let kind = one.kind.as_str().replace('_', "-");
        output::line(&format!(
            "{:>3}  v{:<3} {kind:<18} {}  {:<5}  {}  {}",
            one.number,
            one.version,
            word_of(one.lang),
            one.standing.as_str(),
            one.created_at,
            &one.sha256[..16.min(one.sha256.len())]
        ));
    }
    Ok(ExitCode::SUCCESS)
}
