//! What comes back: reports of servers, complaints, automatic answers. Read from a maildir to which the mail server delivers the return
//! paths.
//!
//! Whom a mail is about is told by the address it came back to, which only this service can make. One that names a message by its
//! Message-ID alone is recorded for people to see and changes nothing: anybody who got a mail knows that.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bounces::{Action, Report, ReturnPath, Returned, Verdict};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::came_back::{self, News, Taken};
use super::compose;
use super::store_events::{EventKind, NewEvent};
use super::store_messages;
use crate::access::Scope;
use crate::audit::Event;
use crate::error::Result;
use crate::jobs::{Outcome, Running};

/// Kind of the job that reads the maildir.
pub const RETURNS: &str = "notices.returns";
/// Mails a step.
const PIECE: usize = 100;
/// Mails after which the job is held on to.
const HOLD_EVERY: usize = 100;
/// What is noted where nothing but the Message-ID names the message.
pub(super) const KNOWN_BY_ID: &str = "known by its Message-ID alone";
/// Files that are looked at in a step: more wait for the next one.
const MOST_LISTED: usize = 20_000;

/// Reads what has come into the maildir. One mail never stops the others: what cannot be read or recorded is left for later or for a
/// person, and said in the log without a word of it.
///
/// # Errors
/// When the maildir cannot be read; unexpected ones.
pub async fn read_returns(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let app = scope.op().app();
    let Some(returns) = compose::returns(app)? else { return Ok(Outcome::Done) };
    let maildir = PathBuf::from(&app.config().mail.return_maildir);
    let new = maildir.join("new");
    let found = aside(move || list(&new)).await?;
    let (mut recorded, mut not_ours) = (0, 0);
    for (looked_at, file) in found.into_iter().enumerate() {
        // Those that stay where they are take their time as well.
        if looked_at > 0 && looked_at % HOLD_EVERY == 0 {
            running.hold(running.job().done, None).await?;
        }
        if recorded + not_ours >= PIECE {
            break;
        }
        let (from, to) = (file.clone(), maildir.clone());
        let taken = match aside(move || read(&from)).await {
            Ok(Read::Mail(mail)) => take(scope, &returns, *mail).await,
            Ok(Read::NoMail) => Ok(Taken::NotOurs),
            // Another node was faster.
            Ok(Read::Gone) => continue,
            Err(error) => Err(error),
        };
        match taken {
            Ok(Taken::Recorded) => {
                // What it said is recorded, with its SHA-256: the mail itself names a person and does not stay.
                recorded += usize::from(moved_away(aside(move || forget(&file)).await));
            }
            Ok(Taken::NotOurs) => {
                not_ours += usize::from(moved_away(aside(move || flag(&to, &file)).await));
            }
            Ok(Taken::TooEarly) => {}
            Err(error) => {
                tracing::error!(%error, "a mail that came back could not be recorded; it is tried again")
            }
        }
    }
    if recorded + not_ours == 0 {
        return Ok(Outcome::Done);
    }
    let tx = scope.begin().await?;
    let done = running.job().done + i64::try_from(recorded + not_ours).unwrap_or_default();
    running.save(&tx, &json!(null), done, None).await?;
    let event = Event::new("returns.read", "message");
    tx.commit(event.detail(json!({ "recorded": recorded, "not_ours": not_ours }))).await?;
    Ok(if recorded + not_ours >= PIECE { Outcome::Continue } else { Outcome::Done })
}

/// Whether a mail that was read is out of the way. If not, it is looked at again the next time, and recorded once.
fn moved_away(result: Result<()>) -> bool {
    result
        .inspect_err(|error| {
            tracing::error!(%error, "mail.return_maildir: a mail that was read cannot be moved away");
        })
        .is_ok()
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(anyhow::Error::from)??)
}

/// The oldest mails. A maildir that is not there is a wrong configuration, and said so each time.
fn list(new: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(new)
        .with_context(|| format!("mail.return_maildir: cannot read {}", new.display()))?;
    let mut files = Vec::new();
    for entry in entries.take(MOST_LISTED) {
        let entry = entry.with_context(|| new.display().to_string())?;
        let is_mail = !entry.file_name().to_string_lossy().starts_with('.');
        if is_mail && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            files.push(entry.path());
        }
    }
    // Names of a maildir begin with the second of the delivery.
    files.sort_unstable();
    Ok(files)
}

/// What a file is.
enum Read {
    /// A mail, with the SHA-256 of its bytes.
    Mail(Box<(bounces::Mail, String)>),
    /// No mail, or longer than any report.
    NoMail,
    /// Not there any more.
    Gone,
}

fn read(file: &Path) -> anyhow::Result<Read> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let opened = match std::fs::File::open(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Read::Gone),
        opened => opened?,
    };
    opened.take(bounces::limits::BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(match bounces::read(&bytes) {
        Ok(mail) => Read::Mail(Box::new((mail, hex::encode(Sha256::digest(&bytes))))),
        Err(_) => Read::NoMail,
    })
}

fn forget(file: &Path) -> anyhow::Result<()> {
    gone_is_fine(std::fs::remove_file(file))
}

/// Moves a mail to where a mail program shows it, flagged.
fn flag(maildir: &Path, file: &Path) -> anyhow::Result<()> {
    let Some(name) = file.file_name() else { return Ok(()) };
    let cur = maildir.join("cur");
    std::fs::create_dir_all(&cur)?;
    let mut to = name.to_owned();
    to.push(":2,F");
    gone_is_fine(std::fs::rename(file, cur.join(to)))
}

/// Another node was faster.
fn gone_is_fine(result: std::io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => Ok(result?),
    }
}

/// Records what a mail says about one of our messages.
async fn take(scope: &Scope, returns: &ReturnPath, (mail, sha256): (bounces::Mail, String)) -> Result<Taken> {
    let own = mail.returned_to.iter().find_map(|address| returns.message_of(address));
    let message = match (own, &mail.about) {
        (Some((message, _)), _) => Some(Uuid::from_bytes(message)),
        (None, Some(about)) => store_messages::by_message_id(scope, &format!("<{about}>")).await?,
        (None, None) => None,
    };
    let Some(message) = message else { return Ok(Taken::NotOurs) };
    let (kind, report) = kind_of(&mail.returned);
    let new = NewEvent {
        code: report.and_then(|report| report.code).map(|code| code.to_string()),
        reply_code: report.and_then(|report| report.reply),
        source: Some(sha256),
        note: own.is_none().then(|| KNOWN_BY_ID.to_owned()),
        ..NewEvent::default()
    };
    let (is_proven, mail) = (own.is_some(), own.and_then(|(_, mail)| mail));
    let news = News { message, is_proven, mail, kind, reason: None, new, while_waiting: false };
    came_back::record(scope, news).await
}

/// The worst that it says: one mail of ours has one recipient, and a list behind that address has its own reports.
fn kind_of(returned: &Returned) -> (EventKind, Option<Report>) {
    match returned {
        Returned::Reports(reports) => {
            let worst = reports.iter().max_by_key(|report| report.verdict());
            worst.map_or((EventKind::CameBack, None), |report| (kind_of_report(report), Some(*report)))
        }
        Returned::Note(report) if report.action == Action::Failed && report.code.is_none() => {
            (EventKind::BouncedSoft, Some(*report))
        }
        Returned::Note(report) => (kind_of_report(report), Some(*report)),
        Returned::Complaint => (EventKind::Complaint, None),
        Returned::AutomaticAnswer => (EventKind::AutomaticAnswer, None),
        Returned::Other => (EventKind::CameBack, None),
    }
}

fn kind_of_report(report: &Report) -> EventKind {
    kind_of_verdict(report.verdict())
}

/// What is recorded of what a report means.
pub(super) fn kind_of_verdict(verdict: Verdict) -> EventKind {
    match verdict {
        Verdict::Hard => EventKind::BouncedHard,
        Verdict::Soft => EventKind::BouncedSoft,
        Verdict::Delayed => EventKind::Delayed,
        Verdict::Delivered => EventKind::Delivered,
    }
}
