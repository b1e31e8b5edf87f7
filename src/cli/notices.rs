//! `suimon notices`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Context, Failure, Format, assess::Language, output};
use crate::access::{self, Op};
use crate::incidents;
use crate::notices::portal::{self, GiftCounts};
use crate::notices::postmaster::{self, Asking, Finding, State};
use crate::notices::{self, CapturedMail, Counts, Message, MessageEvent, Notice};
use crate::outbound;

/// Messages that are read at once.
const PAGE: u64 = 200;
/// Longest file of gift codes.
const MOST_BYTES: u64 = 64 << 20;

/// Notices of an incident: how they stand, whom no mail reached, the proof.
#[derive(Subcommand)]
pub enum Command {
    /// Lists them with how many recipients stand where.
    List(Wanted),
    /// Shows how a notice goes on, until every recipient has an outcome.
    Watch(One),
    /// Whom no mail reached: a list for those who call (csv) or letters for the printer (pdf).
    Letters(LetterArguments),
    /// What happened to every message, sealed, with the sums.
    Proof(One),
    /// Shows mails that were captured instead of sent (mail.transport = "captured"), the newest first: those of a notice, or any, such
    /// as the one with a code.
    Mail(MailArguments),
    /// Looks whether mails will be taken: the mail servers, and what the DNS says of the domains in [mail] (SPF, DKIM, DMARC, MX, MTA-STS).
    /// Sends nothing and needs no database. Ends with 3 where something is wrong or could not be looked at.
    Check(CheckArguments),
    /// Gift codes, which concerned people take on their own pages.
    #[command(subcommand)]
    Gift(GiftCommand),
}

#[derive(Subcommand)]
pub enum GiftCommand {
    /// Keeps the codes of a file, one a line: all of them or none. They are sealed; the file is yours to destroy.
    Import(GiftArguments),
    /// How many there are: imported = given + left.
    Show(Wanted),
}

#[derive(Args)]
pub struct CheckArguments {
    /// The server of the DNS to ask, such as 192.0.2.53:53, instead of those of this machine.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Option<SocketAddr>,
    /// An address from which the mail servers send to the world; several times where there are several.
    #[arg(long, value_name = "ADDRESS")]
    sends_from: Vec<IpAddr>,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Args)]
pub struct GiftArguments {
    /// Number of the incident.
    incident: i32,
    /// A text file with one code a line, at most 500,000.
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct Wanted {
    /// Number of the incident.
    incident: i32,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct One {
    /// Number of the incident.
    incident: i32,
    /// Which of its notices, as `list` counts them.
    notice: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub struct LetterArguments {
    /// Number of the incident.
    incident: i32,
    /// Which of its notices, as `list` counts them.
    notice: usize,
    /// Who acts.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
    /// Why the addresses are needed: it stands in the audit log.
    #[arg(long)]
    purpose: String,
    #[arg(long, value_enum, default_value = "csv")]
    form: Form,
    /// Letters of this language.
    #[arg(long, value_enum, default_value = "ja")]
    lang: Language,
    /// The printer prints on both sides: no letter begins on the back of another one.
    #[arg(long)]
    duplex: bool,
    /// The file to write; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args)]
pub struct MailArguments {
    /// Number of the incident: only mails of a notice of it.
    #[arg(requires = "notice")]
    incident: Option<i32>,
    /// Which of its notices, as `list` counts them.
    notice: Option<usize>,
    /// So many.
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = value_parser!(u64).range(1..=PAGE))]
    last: u64,
    /// Why they are looked at: it stands in the audit log, for each recipient.
    #[arg(long)]
    purpose: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Csv,
    Pdf,
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

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Check(arguments) => return check(context, arguments).await,
        Command::List(Wanted { incident, common }) => {
            let op = acting(context, &common.login).await?;
            list(&op, incident, common.format).await?;
        }
        Command::Watch(One { incident, notice, common }) => {
            let app = context.open().await?;
            loop {
                let op = access::act_locally(&app, &common.login).await?;
                let found = one(&op, incident, notice).await?;
                let counts = notices::counts(&op, &found).await?;
                if show(&counts, common.format)? {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Command::Letters(arguments) => {
            let op = acting(context, &arguments.login).await?.for_purpose(&arguments.purpose)?;
            letters(&op, arguments).await?;
        }
        Command::Proof(One { incident, notice, common }) => {
            let op = acting(context, &common.login).await?;
            let found = one(&op, incident, notice).await?;
            return proof(&op, &found, common.format).await;
        }
        Command::Mail(arguments) => {
            let op = acting(context, &arguments.common.login).await?;
            mails(&op.for_purpose(&arguments.purpose)?, &arguments).await?;
        }
        Command::Gift(GiftCommand::Import(GiftArguments { incident, file, common })) => {
            let op = acting(context, &common.login).await?;
            let incident = incidents::incident_by_number(&op, incident).await?;
            let text = codes(&file)?;
            let counts = portal::import_gifts(&op, incident.tenant, incident.id, &text).await?;
            show_gifts(counts, common.format)?;
        }
        Command::Gift(GiftCommand::Show(Wanted { incident, common })) => {
            let op = acting(context, &common.login).await?;
            let incident = incidents::incident_by_number(&op, incident).await?;
            let counts = portal::gift_counts(&op, incident.tenant, incident.id).await?;
            show_gifts(counts, common.format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The service, opened for somebody who acts.
async fn acting(context: &Context, login: &str) -> Result<Op, Failure> {
    Ok(access::act_locally(&context.open().await?, login).await?)
}

async fn check(context: &Context, arguments: CheckArguments) -> Result<ExitCode, Failure> {
    let config = context.config()?;
    output::start_logging(&config.log);
    let CheckArguments { dns, sends_from, format } = arguments;
    let authorities = outbound::public_authorities();
    let asking = Asking { dns, sends_from, authorities, policy_port: 443 };
    let findings = postmaster::check(&config.mail, &asking).await?;
    match format {
        Format::Json => {
            let rows = findings.iter().map(|finding| {
                json!({
                    "about": finding.about.as_str(), "state": finding.state.as_str(), "place": finding.place,
                    "what": finding.what, "remedy": finding.remedy,
                })
            });
            output::json(&rows.collect::<Vec<_>>())?;
        }
        Format::Text => {
            for Finding { about, state, place, what, remedy } in &findings {
                output::line(&format!("{:8} {:8} {place}: {what}", state.as_str(), about.as_str()));
                if let Some(remedy) = remedy {
                    output::line(&format!("{:17} -> {remedy}", ""));
                }
            }
        }
    }
    let stops = |finding: &Finding| matches!(finding.state, State::Wrong | State::Unknown);
    Ok(if findings.iter().any(stops) { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// The file of codes, wiped from memory afterwards.
fn codes(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("{}: {why}", file.display()));
    let length = std::fs::metadata(file).map_err(|error| wrong(&error))?.len();
    if length > MOST_BYTES {
        return Err(wrong(&format!("is longer than {MOST_BYTES} bytes; import several files")));
    }
    let bytes = std::fs::read(file).map_err(|error| wrong(&error))?;
    String::from_utf8(bytes).map(Zeroizing::new).map_err(|_| wrong(&"is no text in UTF-8"))
}

fn show_gifts(counts: GiftCounts, format: Format) -> Result<(), Failure> {
    let (GiftCounts { imported, given }, left) = (counts, counts.left());
    match format {
        Format::Json => output::json(&json!({ "imported": imported, "given": given, "left": left }))?,
        Format::Text => output::line(&format!("{imported} imported = {given} given + {left} left")),
    }
    Ok(())
}

async fn of_incident(op: &Op, number: i32) -> Result<Vec<Notice>, Failure> {
    let incident = incidents::incident_by_number(op, number).await?;
    Ok(notices::notices_of(op, incident.tenant, incident.id).await?)
}

async fn one(op: &Op, incident: i32, number: usize) -> Result<Notice, Failure> {
    let mut found = of_incident(op, incident).await?;
    match number.checked_sub(1).filter(|index| *index < found.len()) {
        Some(index) => Ok(found.swap_remove(index)),
        None => Err(Failure::usage(format!(
            "incident {incident} has {} notices, no {number}; `suimon notices list {incident}` shows them",
            found.len()
        ))),
    }
}

fn counts_json(counts: &Counts) -> Value {
    let Counts { queued, sending, accepted, deferred, failed, bounced_soft, bounced_hard, told_otherwise } =
        counts;
    json!({
        "audience": counts.audience(), "queued": queued, "sending": sending, "deferred": deferred, "accepted": accepted,
        "bounced_soft": bounced_soft, "bounced_hard": bounced_hard, "failed": failed, "told_otherwise": told_otherwise,
    })
}

fn counts_text(counts: &Counts) -> String {
    format!(
        "{} = {} accepted + {} came back + {} failed + {} told otherwise + {} open",
        counts.audience(),
        counts.accepted,
        counts.bounced_soft + counts.bounced_hard,
        counts.failed,
        counts.told_otherwise,
        counts.open()
    )
}

async fn list(op: &Op, incident: i32, format: Format) -> Result<(), Failure> {
    let found = of_incident(op, incident).await?;
    let mut rows = Vec::with_capacity(found.len());
    for (index, notice) in found.iter().enumerate() {
        let counts = notices::counts(op, notice).await?;
        let may_be_repeated = notices::may_be_repeated(op, notice).await?;
        let repeated = match may_be_repeated {
            0 => String::new(),
            number => format!("  ({number} may have it twice)"),
        };
        match format {
            Format::Json => rows.push(json!({
                "notice": index + 1, "id": notice.id, "audience": notice.audience.as_str(), "state": notice.state.as_str(),
                "counts": counts_json(&counts), "may_be_repeated": may_be_repeated,
            })),
            Format::Text => output::line(&format!(
                "{}  {}  {}  {}{repeated}",
                index + 1,
                notice.audience.as_str(),
                notice.state.as_str(),
                counts_text(&counts)
            )),
        }
    }
    match format {
        Format::Json => output::json(&json!({ "notices": rows }))?,
        Format::Text if found.is_empty() => output::line("no notices"),
        Format::Text => {}
    }
    Ok(())
}

/// Shows where it stands; true when nothing is open any more.
fn show(counts: &Counts, format: Format) -> Result<bool, Failure> {
    let over = counts.open() == 0;
    match format {
        Format::Json => output::json(&counts_json(counts))?,
        Format::Text => {
            let bar = ProgressBar::new(counts.audience());
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_position(counts.audience() - counts.open());
            bar.abandon();
            if over || !console_is_there() {
                output::line(&counts_text(counts));
            }
        }
    }
    Ok(over)
}

fn console_is_there() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

/// The text that a person reads, with its first headers. Where there is none, that is said, so that nobody takes the silence for a mail.
async fn mails(op: &Op, arguments: &MailArguments) -> Result<(), Failure> {
    let &MailArguments { incident, notice, last, ref common, .. } = arguments;
    let found = match incident.zip(notice) {
        Some((incident, notice)) => Some(one(op, incident, notice).await?),
        None => None,
    };
    let mails = notices::newest_mails(op, found.as_ref(), last).await?;
    match common.format {
        Format::Json => {
            let mails = mails.iter().map(|mail| {
                json!({
                    "id": mail.id, "message_id": mail.message_id, "captured_at": mail.captured_at, "from": mail.from,
                    "to": mail.to, "subject": mail.subject, "body": mail.body,
                })
            });
            output::json(&json!({ "mails": mails.collect::<Vec<_>>() }))?;
        }
        Format::Text if mails.is_empty() => output::line("no captured mail"),
        Format::Text => {
            for mail in &mails {
                let CapturedMail { captured_at, from, to, subject, body, .. } = mail;
                output::line(&format!("{captured_at}\nFrom: {from}\nTo: {to}\nSubject: {subject}\n\n{body}"));
            }
        }
    }
    Ok(())
}

async fn letters(op: &Op, arguments: LetterArguments) -> Result<(), Failure> {
    let LetterArguments { incident, notice, form, lang, duplex, out, .. } = arguments;
    let found = one(op, incident, notice).await?;
    let lang = match lang {
        Language::Ja => notices::Language::Ja,
        Language::En => notices::Language::En,
    };
    // Before anything is opened.
    if out.exists() {
        return Err(Failure::usage(format!("{} exists; name another file", out.display())));
    }
    let paper = match form {
        Form::Csv => notices::unreached_csv(op, &found).await?,
        Form::Pdf => notices::letters(op, &found, lang, duplex).await?,
    };
    write(&out, &paper.bytes)?;
    output::line(&format!(
        "{} people in {}; {} without a usable address",
        paper.people,
        out.display(),
        paper.left_out.len()
    ));
    for message in &paper.left_out {
        output::line(&format!("  {message}"));
    }
    Ok(())
}

/// For its owner alone: it holds names and addresses.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(file).and_then(|mut opened| opened.write_all(bytes));
    written.map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))
}

/// One line for each message, one with the sums at the end. Exit code 3 when a history is not what it was.
async fn proof(op: &Op, notice: &Notice, format: Format) -> Result<ExitCode, Failure> {
    let counts = notices::counts(op, notice).await?;
    let (mut after, mut seal, mut broken) = (None, Sha256::new(), 0);
    loop {
        let page = notices::proof_page(op, notice, after, PAGE).await?;
        after = page.last().map(|(message, ..)| message.id);
        let full = page.len() as u64 == PAGE;
        for (message, events, whole) in &page {
            broken += usize::from(!whole);
            let line = message_json(message, events, *whole);
            seal.update(line.to_string());
            seal.update(b"\n");
            match format {
                Format::Json => output::line(&line.to_string()),
                Format::Text => output::line(&message_text(message, events, *whole)),
            }
        }
        if !full {
            break;
        }
    }
    let seal = hex::encode(seal.finalize());
    match format {
        Format::Json => output::line(
            &json!({ "notice": notice.id, "counts": counts_json(&counts), "broken": broken, "sha256": seal })
                .to_string(),
        ),
        Format::Text => {
            output::line(&counts_text(&counts));
            output::line(&format!(
                "histories that are not what they were: {broken}; SHA-256 of all lines as JSON: {seal}"
            ));
        }
    }
    Ok(ExitCode::from(if broken > 0 { 3 } else { 0 }))
}

fn message_json(message: &Message, events: &[MessageEvent], whole: bool) -> Value {
    let event = |event: &MessageEvent| {
        let (source, sha256) = event.source().unzip();
        json!({
            "seq": event.seq, "kind": event.kind.as_str(), "at": event.at, "code": event.code, "reply_code": event.reply_code,
            "source": source, "source_sha256": sha256, "note": event.note, "author": event.author, "hash": event.hash,
        })
    };
    json!({
        "message": message.id, "recipient": message.recipient, "message_id": message.message_id, "state": message.state.as_str(),
        "accepted_at": message.accepted_at, "intact": whole, "events": events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn message_text(message: &Message, events: &[MessageEvent], whole: bool) -> String {
    let events: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "{} {}{}",
                event.at,
                event.kind.as_str(),
                event.reply_code.map_or_else(String::new, |code| format!(" {code}"))
            )
        })
        .collect();
    let mark = if whole { "" } else { "  NOT WHAT IT WAS" };
    format!(
        "{}  {}  {}  {}{mark}",
        message.recipient,
        message.state.as_str(),
        message.message_id,
        events.join("; ")
    )
}
