//! `suimon import`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Context, Failure, Format, output};
use crate::access::{self, Op};
use crate::requirements::{self, CatalogueCopy, ImportedCopy};
use crate::vault::{self, Encoding, FileKind, ImportFile, ImportReport, Mode, Progress, State};

/// Imports people from CSV (tenant,external_id,language,<field names>) or JSON Lines, tenants from CSV
/// (slug,name_ja,name_en[,contact]), or your own copy of a catalogue of requirements.
///
/// A row states the whole record of a person: a person who is known already is replaced by it, or left untouched when nothing
/// differs, so that the same file can be imported again. Exit code 3 when rows were refused.
#[derive(Args)]
pub struct Arguments {
    /// A .csv file, or a .jsonl file with one object a line: tenant, external_id, language, fields.
    file: PathBuf,
    /// The file lists tenants, not people.
    #[arg(long, conflicts_with_all = ["system", "record_type"])]
    tenants: bool,
    /// The file is your own copy of a catalogue: IPA's sheet (.xls, .xlsx), secreq 4.0 (.xlsx) or ASVS 5.0.0 (.json). Ids, titles
    /// and levels are kept for `suimon attest coverage` and the API; the titles leave with no export.
    #[arg(long, conflicts_with_all = ["tenants", "system", "record_type", "mode", "encoding"])]
    catalogue: bool,
    /// Name of the system.
    #[arg(long, required_unless_present_any = ["tenants", "catalogue"])]
    system: Option<String>,
    /// Name of the record type, as the system's manifest declares it.
    #[arg(long, required_unless_present_any = ["tenants", "catalogue"])]
    record_type: Option<String>,
    /// What happens to good rows when others are wrong.
    #[arg(long, value_enum, default_value = "keep-good")]
    mode: ModeName,
    /// Encoding of the file.
    #[arg(long, value_enum, default_value = "utf-8")]
    encoding: EncodingName,
    /// On behalf of this account.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum ModeName {
    /// Keep them; a file that is imported again changes nothing that is there already.
    KeepGood,
    /// Keep nothing.
    AllOrNothing,
}

#[derive(Clone, Copy, ValueEnum)]
enum EncodingName {
    #[value(name = "utf-8")]
    Utf8,
    #[value(name = "shift_jis")]
    ShiftJis,
}

/// Problems that are printed as text; all stand in the JSON.
const SHOWN: usize = 50;

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { file, tenants, catalogue, system, record_type, mode, encoding, login, format } =
        arguments;
    let encoding = match encoding {
        EncodingName::Utf8 => Encoding::Utf8,
        EncodingName::ShiftJis => Encoding::ShiftJis,
    };
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    if catalogue {
        return import_catalogue(&op, &file, format).await;
    }
    if tenants {
        return import_tenants(&op, &file, encoding, format).await;
    }
    let mode = match mode {
        ModeName::KeepGood => Mode::KeepGood,
        ModeName::AllOrNothing => Mode::AllOrNothing,
    };
    let bar = progress_bar(&file)?;
    let import = ImportFile {
        kind: kind_of(&file)?,
        path: file,
        encoding,
        system: system.unwrap_or_default(),
        record_type: record_type.unwrap_or_default(),
        mode,
    };
    let mut on_progress = |progress| match progress {
        Progress::Checked(bytes) => {
            bar.set_message("checking");
            bar.set_position(bytes);
        }
        Progress::Written(bytes) => {
            bar.set_message("importing");
            bar.set_position(bytes);
        }
    };
    let report = vault::import_file(&op, import, &mut on_progress).await;
    bar.finish_and_clear();
    let report = report?;
    match format {
        Format::Json => output::json(&report)?,
        Format::Text => print(&report),
    }
    Ok(if report.failure.is_some() {
        ExitCode::from(2)
    } else if report.rows_refused > 0 {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    })
}

fn kind_of(file: &Path) -> Result<FileKind, Failure> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(FileKind::Csv),
        Some("jsonl" | "ndjson") => Ok(FileKind::JsonLines),
        _ => Err(Failure::usage("the file's name must end in .csv, .jsonl or .ndjson")),
    }
}

fn progress_bar(file: &Path) -> Result<ProgressBar, Failure> {
    let length = std::fs::metadata(file)
        .map_err(|error| Failure::usage(format!("cannot read {} ({error})", file.display())))?
        .len();
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{msg:10} {bar:40} {bytes}/{total_bytes} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    Ok(ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()).with_style(style))
}

fn print(report: &ImportReport) {
    let ImportReport {
        import: _,
        mode: _,
        state,
        rows_read,
        created,
        changed,
        unchanged,
        rows_refused,
        problems,
        failure,
    } = report;
    for problem in problems.iter().take(SHOWN) {
        output::line(&format!("line {}: {}", problem.line, problem.reason));
    }
    let shown = i64::try_from(problems.len().min(SHOWN)).unwrap_or(i64::MAX);
    if *rows_refused > shown {
        output::line(&format!(
            "… and {} more refused rows (--format json lists the first 1000)",
            rows_refused - shown
        ));
    }
    output::line(&format!(
        "{rows_read} rows read: {created} created, {changed} changed, {unchanged} as they were, {rows_refused} refused"
    ));
    if *state == State::Undone {
        output::line("nothing was kept: correct the rows above and import the file again");
    }
    if let Some(failure) = failure {
        output::complain(failure);
    }
}

async fn import_tenants(
    op: &Op,
    file: &Path,
    encoding: Encoding,
    format: Format,
) -> Result<ExitCode, Failure> {
    let input = std::fs::File::open(file)
        .map_err(|error| Failure::usage(format!("cannot read {} ({error})", file.display())))?;
    let report = vault::import_tenants(op, input, encoding).await?;
    match format {
        Format::Json => output::json(&report)?,
        Format::Text => output::line(&format!(
            "{} tenants read: {} created; {} contacts set",
            report.read, report.created, report.contacts
        )),
    }
    Ok(ExitCode::SUCCESS)
}

async fn import_catalogue(op: &Op, file: &Path, format: Format) -> Result<ExitCode, Failure> {
    let bytes = super::attest::bytes(file, "FILE")?;
    let ImportedCopy { copy, is_new, notes, missing } = requirements::import_catalogue(op, bytes).await?;
    let CatalogueCopy { digest, catalogue, version, items, imported_by: _, imported_at } = copy;
    let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    match format {
        Format::Json => output::json(&serde_json::json!({
            "catalogue": catalogue.as_str(), "version": version, "digest": digest, "items": items, "new": is_new,
            "importedAt": imported_at.to_string(), "notes": notes, "missing": missing,
        }))?,
        Format::Text => {
            for note in notes.iter().take(SHOWN) {
                output::complain(note);
            }
            if notes.len() > SHOWN {
                output::complain(&format!("… and {} more notes (--format json)", notes.len() - SHOWN));
            }
            if !missing.is_empty() {
                output::complain(&format!(
                    "{} known items are not in the file (--format json)",
                    missing.len()
                ));
            }
            let is = if is_new { "kept" } else { "kept already, nothing changed" };
            output::line(&format!("{catalogue} {version}: {items} items, {is} ({digest})"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
