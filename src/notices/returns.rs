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

use super::compose;
use super::events::{self, EventKind, NewEvent};
use super::model::MessageState;
use super::store_messages;
use crate::access::Scope;
use crate::audit::Event;
use crate::error::Result;
use crate::jobs::{Outcome, Running};

/// Kind of the job that reads the maildir.
pub const RETURNS: &str = "notices.returns";
/// Mails a step.
const PIECE: usize = 100;

/// What became of a mail that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// Recorded, now or before.
    Recorded,
    /// About no message of ours, or no mail at all: it is left, flagged, for a person.
    NotOurs,
    /// About a message whose sending has not been written down yet: it is read again later.
    TooEarly,
}

/// Reads what has come into the maildir.
///
/// # Errors
/// When it cannot be read; unexpected ones.
pub async fn read_returns(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let app = scope.op().app();
    let Some(returns) = compose::returns(app)? else { return Ok(Outcome::Done) };
    let maildir = PathBuf::from(&app.config().mail.return_maildir);
    let new = maildir.join("new");
    let found = aside(move || list(&new)).await?;
    let full = found.len() == PIECE;
    let (mut recorded, mut not_ours, mut later) = (0, 0, 0);
    for file in found {
        let (from, to) = (file.clone(), maildir.clone());
        let taken = match aside(move || read(&from)).await? {
            Some(bytes) => take(scope, &returns, &bytes).await?,
            // Longer than any report.
            None => Taken::NotOurs,
        };
        // Read and seen, or flagged: a mail program shows what nobody understood.
        match taken {
            Taken::Recorded => {
                recorded += 1;
                aside(move || put_away(&to, &file, "S")).await?;
            }
            Taken::NotOurs => {
                not_ours += 1;
                aside(move || put_away(&to, &file, "F")).await?;
            }
            Taken::TooEarly => later += 1,
        }
    }
    if recorded + not_ours > 0 {
        let event = Event::new("returns.read", "message");
        let detail = json!({ "recorded": recorded, "not_ours": not_ours });
        scope.record(scope.tenant(), vec![event.detail(detail)]).await?;
    }
    // Whatever is read again later does not keep the job going round.
    Ok(if full && later == 0 { Outcome::Continue } else { Outcome::Done })
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(anyhow::Error::from)??)
}

/// The oldest mails. A maildir that is not there is a wrong configuration, and said so each time.
fn list(new: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(new)
        .with_context(|| format!("mail.return_maildir: cannot read {}", new.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| new.display().to_string())?;
        let is_mail = !entry.file_name().to_string_lossy().starts_with('.');
        if is_mail && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            files.push(entry.path());
        }
    }
    // Names of a maildir begin with the second of the delivery.
    files.sort_unstable();
    files.truncate(PIECE);
    Ok(files)
}

/// Nothing where it is longer than what is read.
fn read(file: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let most = bounces::limits::BYTES as u64 + 1;
    std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 != most).then_some(bytes))
}

fn put_away(maildir: &Path, file: &Path, flags: &str) -> anyhow::Result<()> {
    let Some(name) = file.file_name() else { return Ok(()) };
    let cur = maildir.join("cur");
    std::fs::create_dir_all(&cur)?;
    let mut to = name.to_owned();
    to.push(format!(":2,{flags}"));
    match std::fs::rename(file, cur.join(to)) {
        // Another node was faster.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => Ok(result?),
    }
}

/// Records what a mail says about one of our messages.
async fn take(scope: &Scope, returns: &ReturnPath, bytes: &[u8]) -> Result<Taken> {
    let Ok(mail) = bounces::read(bytes) else { return Ok(Taken::NotOurs) };
    let own = mail.returned_to.iter().find_map(|address| returns.message_of(address)).map(Uuid::from_bytes);
    let message = match (own, &mail.about) {
        (Some(message), _) => Some(message),
        (None, Some(about)) => store_messages::by_message_id(scope, &format!("<{about}>")).await?,
        (None, None) => None,
    };
    let Some(message) = message else { return Ok(Taken::NotOurs) };
    let tx = scope.begin().await?;
    let Some(message) = store_messages::locked(&tx, message).await? else { return Ok(Taken::NotOurs) };
    if matches!(message.state, MessageState::Queued | MessageState::Sending | MessageState::Deferred) {
        return Ok(Taken::TooEarly);
    }
    let (kind, report) = kind_of(&mail.returned);
    let new = NewEvent {
        code: report.and_then(|report| report.code).map(|code| code.to_string()),
        reply_code: report.and_then(|report| report.reply),
        source: Some(hex::encode(Sha256::digest(bytes))),
        note: own.is_none().then(|| "known by its Message-ID alone".to_owned()),
        ..NewEvent::default()
    };
    if !events::append(&tx, message.id, kind, new).await? {
        return Ok(Taken::Recorded);
    }
    let moved = match (kind, message.state) {
        _ if own.is_none() => None,
        (EventKind::BouncedHard, MessageState::Accepted | MessageState::BouncedSoft) => {
            Some(MessageState::BouncedHard)
        }
        (EventKind::BouncedSoft, MessageState::Accepted) => Some(MessageState::BouncedSoft),
        _ => None,
    };
    if let Some(state) = moved {
        store_messages::move_to(&tx, &message, state, None).await?;
    }
    let event = Event::new(format!("message.{}", kind.as_str()), format!("message:{}", message.id));
    let detail = json!({ "notice": message.notice, "state": moved.map(MessageState::as_str) });
    tx.commit(event.detail(detail)).await?;
    Ok(Taken::Recorded)
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
    match report.verdict() {
        Verdict::Hard => EventKind::BouncedHard,
        Verdict::Soft => EventKind::BouncedSoft,
        Verdict::Delayed => EventKind::Delayed,
        Verdict::Delivered => EventKind::Delivered,
    }
}
