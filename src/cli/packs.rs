//! `suimon packs`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use law::cases::Cases;
use law::lint::{Places, Severity, header};
use law::{Grade, Labels, Lang, PackError, Packs, RegimeInfo};
use serde::Serialize;

use super::assess::Language;
use super::{Failure, Format, manifests, output};
use crate::clock::{Clock, SystemClock};
use crate::duties;

#[derive(Subcommand)]
pub enum Command {
    /// Lists those of this build: jurisdiction, regime, versions, how well their texts were checked, and who signed them off.
    List(List),
    /// Checks rule packs: loads them, runs their cases, and tells what is suspicious. Exit code 3: there are errors.
    Check(Check),
    /// Prints the page of the jurisdictions and regimes that are shipped.
    Document(Document),
}

/// Checks the packs, calendars and cases below a folder; without one, those that are shipped. Shipped calendars need not
/// be copied.
#[derive(Args)]
pub struct Check {
    /// Folder with *.yaml, *.yml and *.json.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The day against which ends and checks are held (default: today).
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,
    /// Leaves out what is merely worth knowing.
    #[arg(long)]
    quiet: bool,
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Args)]
pub struct List {
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Args)]
pub struct Document {
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
}

pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List(arguments) => list(arguments),
        Command::Check(arguments) => check(arguments),
        Command::Document(Document { lang }) => {
            let packs = load(law::SHIPPED.iter().copied())
                .map_err(|faults| anyhow::anyhow!("the shipped packs do not load: {faults:?}"))?;
            output::print(&law::document(&packs, lang.into()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(arguments: List) -> Result<ExitCode, Failure> {
    let List { lang, format } = arguments;
    let packs = duties::packs()?;
    if format == Format::Json {
        let one = |info: RegimeInfo<'_>| {
            serde_json::json!({
                "regime": info.id, "jurisdiction": info.jurisdiction, "title": info.title,
                "versions": info.versions.iter().map(|version| version.id).collect::<Vec<_>>(),
                "grade": worst(&info), "reviewer": info.reviewer,
            })
        };
        output::json(&serde_json::json!({ "packs": packs.regimes().map(one).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for info in packs.regimes() {
        let versions: Vec<&str> = info.versions.iter().map(|version| version.id).collect();
        let grade = match worst(&info) {
            Grade::Verified => "verified",
            Grade::Secondary => "secondary",
            Grade::Memory => "memory",
        };
        let reviewer = info.reviewer.unwrap_or("–");
        output::line(&format!("{:<6} {:<20} {}", info.jurisdiction, info.id, info.title.get(lang.into())));
        output::line(&format!("{:27} {} | grade {grade} | reviewer {reviewer}", "", versions.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

/// The worst grade among the texts of a pack.
fn worst(info: &RegimeInfo<'_>) -> Grade {
    info.sources.values().map(|source| source.verification).max().unwrap_or(Grade::Memory)
}

/// One line of the answer.
#[derive(Serialize)]
struct Finding {
    file: String,
    /// 0 where there is no place within the file.
    line: u64,
    column: u64,
    place: String,
    severity: Severity,
    kind: String,
    text: Labels,
}

fn check(arguments: Check) -> Result<ExitCode, Failure> {
    let Check { folder, on, quiet, lang, format } = arguments;
    let files = files(folder)?;
    let on = on.unwrap_or_else(|| SystemClock.now().to_zoned(TimeZone::UTC).date());
    let mut findings = look(&files, on);
    findings.retain(|finding| !quiet || finding.severity != Severity::Note);
    findings.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match format {
        Format::Json => output::json(&serde_json::json!({ "errors": errors, "findings": findings }))?,
        Format::Text => output::print(&text(&findings, errors, files.len(), lang.into())),
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// The files as (name, text), with the shipped calendars that they do not have themselves.
fn files(folder: Option<PathBuf>) -> Result<Vec<(String, String)>, Failure> {
    let shipped =
        law::SHIPPED.iter().chain(law::SHIPPED_CASES).map(|(name, text)| ((*name).into(), (*text).into()));
    let Some(folder) = folder else { return Ok(shipped.collect()) };
    let mut files = Vec::new();
    for file in manifests::read(&[folder])? {
        let text = String::from_utf8(file.content)
            .map_err(|_| Failure::usage(format!("{}: is not UTF-8; save the file as UTF-8", file.name)))?;
        files.push((file.name, text.trim_start_matches('\u{feff}').to_owned()));
    }
    let own: Vec<_> = files.iter().map(|(_, text)| header(text)).collect();
    let is_new = |text: &str| {
        let header = header(text);
        header.0.as_deref() == Some("Calendar") && !own.contains(&header)
    };
    files.extend(shipped.filter(|(_, text): &(String, String)| is_new(text)));
    Ok(files)
}

fn load<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Packs, Vec<PackError>> {
    Packs::load(files)
}

fn look(files: &[(String, String)], on: Date) -> Vec<Finding> {
    let pairs = || files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let of_cases = |text: &str| header(text).0.as_deref() == Some("Cases");
    let mut findings = Vec::new();
    let packs = load(pairs().filter(|(_, text)| !of_cases(text)));
    let mut cases = Cases::default();
    for file in pairs().filter(|(_, text)| of_cases(text)) {
        match Cases::load([file]) {
            Ok(read) => {
                if let Ok(packs) = &packs {
                    let wrong = read.cases.iter().flat_map(|case| case.check(packs));
                    findings.extend(wrong.map(|told| fault(file.0, "case", told)));
                }
                cases.cases.extend(read.cases);
            }
            Err(faults) => findings.extend(faults.into_iter().map(located)),
        }
    }
    match packs {
        Err(faults) => findings.extend(faults.into_iter().map(located)),
        Ok(packs) => {
            let places = Places::new(pairs());
            let lints = law::lint(&packs, Some(&cases), Some(on));
            findings.extend(lints.into_iter().map(|lint| {
                let (file, line, column) = places.of(&lint).unwrap_or((&lint.regime, 0, 0));
                let kind = serde_json::to_value(lint.kind).ok();
                Finding {
                    file: file.to_owned(),
                    line,
                    column,
                    kind: kind.and_then(|k| k.as_str().map(str::to_owned)).unwrap_or_default(),
                    place: lint.place,
                    severity: lint.severity,
                    text: lint.text,
                }
            }));
        }
    }
    findings
}

/// What the loader refuses. It speaks English to both.
fn located(e: PackError) -> Finding {
    let mut finding = fault(&e.file, "load", e.message);
    (finding.line, finding.column, finding.place) = (e.line, e.column, e.path);
    finding
}

fn fault(file: &str, kind: &str, message: String) -> Finding {
    Finding {
        file: file.to_owned(),
        line: 0,
        column: 0,
        place: String::new(),
        severity: Severity::Error,
        kind: kind.to_owned(),
        text: Labels::new(message.clone(), message),
    }
}

/// One line a finding, `file:line:column place: severity kind: text`, and a line with the sum.
fn text(findings: &[Finding], errors: usize, files: usize, lang: Lang) -> String {
    let mut out = String::new();
    for f in findings {
        let severity = match (f.severity, lang) {
            (Severity::Error, Lang::En) => "error",
            (Severity::Warning, Lang::En) => "warning",
            (Severity::Note, Lang::En) => "note",
            (Severity::Error, Lang::Ja) => "エラー",
            (Severity::Warning, Lang::Ja) => "警告",
            (Severity::Note, Lang::Ja) => "参考",
        };
        let line = if f.line == 0 { String::new() } else { format!(":{}:{}", f.line, f.column) };
        let place = if f.place.is_empty() { String::new() } else { format!(" {}", f.place) };
        out.push_str(&format!("{}{line}{place}: {severity} {}: {}\n", f.file, f.kind, f.text.get(lang)));
    }
    out.push_str(&match lang {
        Lang::En => format!("{files} files, {} findings, {errors} of them errors\n", findings.len()),
        Lang::Ja => format!("{files}ファイル、指摘{}件（うちエラー{errors}件）\n", findings.len()),
    });
    out
}
