//! `suimon assess`.

mod each;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use law::{Decision, Facts, Lang, OpenOutcome, Question, enisa};

use super::{Context, Failure, Format, output};
use crate::access;
use crate::clock::{Clock, SystemClock};
use crate::duties;

/// The longest facts file: far more than every fact of the catalogue needs.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Asks every rule pack whether authority and persons must be told, and by when.
///
/// With `--facts` no database is needed. Exit code 2 when the facts are wrong: every fault is told with its place.
#[derive(Args)]
pub struct Arguments {
    /// A facts record, YAML or JSON: fact name to value.
    #[arg(long, value_name = "FILE", conflicts_with = "incident", required_unless_present_any = ["incident", "each"])]
    facts: Option<PathBuf>,
    /// Many facts records, one of them as JSON a line: for each a line of JSON with the outcomes and ends of deadlines under
    /// every law that binds or may bind, without reasons. `-` reads from the standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["facts", "incident", "questions", "lang", "format", "login"])]
    each: Option<PathBuf>,
    /// An incident of the database, by its number.
    #[arg(long, value_name = "NUMBER")]
    incident: Option<i32>,
    /// Who assesses; needed for --incident.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin", conflicts_with = "facts")]
    login: String,
    /// The law as known at this instant (default: now).
    #[arg(long, value_name = "INSTANT", conflicts_with = "incident")]
    at: Option<Timestamp>,
    /// Which facts to find out next, what most hangs on first, instead of what the law says.
    #[arg(long, requires = "facts")]
    questions: bool,
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Language of the text.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Language {
    Ja,
    En,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Ja => Lang::Ja,
            Language::En => Lang::En,
        }
    }
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { facts, each, incident, login, at, questions, lang, format } = arguments;
    let now = at.unwrap_or_else(|| SystemClock.now());
    if let Some(file) = each {
        return each::run(&file, now);
    }
    let (facts, decisions) = match (facts, incident) {
        (Some(file), _) => {
            let facts = read(&file)?;
            not_after(&facts, now, &file.display())?;
            if questions {
                return ask(&facts, now, lang.into(), format);
            }
            let decisions = duties::assess_offline(&facts, now)?.decisions;
            (facts, decisions)
        }
        (None, Some(number)) => {
            let app = context.open().await?;
            let op = access::act_locally(&app, &login).await?;
            let assessment = duties::assess_by_number(&op, number).await?;
            (assessment.facts, assessment.decisions)
        }
        (None, None) => return Err(Failure::usage("give --facts FILE or --incident NUMBER")),
    };
    // An aid to judging the risk, where somebody recorded what it asks for.
    let severity = enisa::severity(&facts);
    match format {
        Format::Json => {
            let mut answer = serde_json::json!({ "decisions": decisions });
            if let Some(severity) = &severity {
                answer["severity"] = serde_json::json!(severity);
            }
            output::json(&answer)?;
        }
        Format::Text => {
            output::print(&text(&decisions, lang.into()));
            if let Some(severity) = &severity {
                output::print(&severity.to_prose(lang.into()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(facts: &Facts, at: Timestamp, lang: Lang, format: Format) -> Result<ExitCode, Failure> {
    let asked = duties::questions_offline(facts, at)?;
    if format == Format::Json {
        let one = |question: &Question| {
            let outcome = |open: &OpenOutcome| serde_json::json!({ "regime": open.regime, "recipient": open.recipient, "may_become": open.may_become });
            serde_json::json!({
                "fact": question.fact, "label": question.label, "weight": question.weight,
                "deadlines": question.deadlines,
                "outcomes": question.outcomes.iter().map(outcome).collect::<Vec<_>>(),
            })
        };
        output::json(&serde_json::json!({ "questions": asked.iter().map(one).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for question in &asked {
        output::line(&format!("{}  ({})", question.label.get(lang), question.fact));
        for open in &question.outcomes {
            let may: Vec<String> =
                open.may_become.iter().map(|outcome| outcome.label().get(lang).to_owned()).collect();
            output::line(&format!("  {} {}: {}", open.regime, open.recipient, may.join(" | ")));
        }
    }
    if asked.is_empty() {
        output::line(match lang {
            Lang::En => "no single fact changes an outcome or a deadline",
            Lang::Ja => "結論や期限を変える事実はありません",
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing of a record may lie after the instant of the evaluation.
fn not_after(facts: &Facts, at: Timestamp, place: &dyn std::fmt::Display) -> Result<(), Failure> {
    match facts.after(at) {
        later if later.is_empty() => Ok(()),
        later => Err(Failure::usage(format!(
            "{place}: lie after the instant of the evaluation ({at}): {}; correct them, or give --at",
            later.join(", ")
        ))),
    }
}

fn read(file: &Path) -> Result<Facts, Failure> {
    let name = file.display().to_string();
    let cannot = |error: std::io::Error| Failure::usage(format!("cannot read {name}: {error}"));
    let size = std::fs::metadata(file).map_err(cannot)?.len();
    if size > MAX_FILE {
        return Err(Failure::usage(format!(
            "{name} has {size} bytes; a facts record has at most {MAX_FILE}"
        )));
    }
    let bytes = std::fs::read(file).map_err(cannot)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        Failure::usage(format!("{name}:{line}: is not UTF-8; save the file as UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let facts = if json { Facts::from_json(&name, text) } else { Facts::from_yaml(&name, text) };
    facts.map_err(|faults| Failure::usage(format!("the facts are wrong:\n{faults}")))
}

/// The whole decision where the law binds or may bind, and one line that names all others.
fn text(decisions: &[Decision], lang: Lang) -> String {
    let mut text = String::new();
    for decision in duties::binding_first(decisions) {
        text.push_str(&decision.to_prose(lang));
        text.push('\n');
    }
    let out: Vec<&str> =
        duties::out_of_scope(decisions).iter().map(|decision| decision.regime.as_str()).collect();
    if !out.is_empty() {
        let label = law::Outcome::OutOfScope.label();
        text.push_str(&match lang {
            Lang::En => format!("{} ({}): {}\n", label.en, out.len(), out.join(", ")),
            Lang::Ja => format!("{}（{}件）：{}\n", label.ja, out.len(), out.join("、")),
        });
    }
    text
}
