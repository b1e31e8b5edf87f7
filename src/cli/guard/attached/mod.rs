//! A guard attached to Suimon: what it keeps comes from there, what it sees goes there, and without Suimon it goes on.
//!
//! Two files in the state folder outlive the guard: `rules.json`, the manifests that it was given last, and `outbox.jsonl`, what it has
//! to tell and nobody has taken yet.

mod client;
mod outbox;
mod rules;
mod telling;

pub use outbox::Outbox;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use openidconnect::url::Url;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::client::Client;
use super::super::Failure;
use super::super::caching::Files;
use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;

/// To whom the guard is attached.
#[derive(Args, Clone)]
pub struct AttachedTo {
    /// Keeps what is in force at the Suimon that answers here, such as https://suimon.example.jp, and tells it what was seen.
    #[arg(long, value_name = "URL", conflicts_with = "manifests", requires_all = ["suimon_token_file", "state", "system"])]
    suimon: Option<String>,
    /// File with a token of an account whose role is `service`; nobody else may read it. It is read again when it is refused.
    #[arg(long, value_name = "FILE", requires = "suimon")]
    suimon_token_file: Option<PathBuf>,
    /// PEM file of certificate authorities that may vouch for Suimon, beside the well-known ones.
    #[arg(long, value_name = "FILE", requires = "suimon")]
    suimon_authorities: Option<PathBuf>,
    /// Folder of this node alone: the rules that it was given last, and what nobody has taken yet.
    #[arg(long, value_name = "FOLDER", requires = "suimon")]
    state: Option<PathBuf>,
    /// Name of this node; each node of one guard has its own.
    #[arg(long, value_name = "NAME", default_value = "guard")]
    node: String,
    /// How often it is asked whether the rules still hold.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    poll_seconds: u64,
}

/// A guard's side of it.
pub struct Attached {
    outbox: Outbox,
    /// Other manifests, as they come.
    changes: mpsc::Receiver<Change>,
    keeping: Keeping,
    end: oneshot::Sender<()>,
    telling: JoinHandle<()>,
}

/// Other manifests.
pub struct Change {
    pub files: Files,
    pub digest: String,
}

/// Of which manifests the guard says that it keeps them.
#[derive(Clone)]
pub struct Keeping(Arc<Mutex<String>>);

impl Keeping {
    /// Says that these are in force.
    pub fn now(&self, digest: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = digest;
    }

    fn digest(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AttachedTo {
    /// Asks Suimon for what the guard keeps, or takes what was kept last; none when the guard is not attached.
    ///
    /// # Errors
    /// What is wrong with the options, the folder and the files, and when neither Suimon nor the folder has rules.
    pub async fn open(&self, system: Option<&str>) -> Result<Option<(Files, Attached)>, Failure> {
        let Self { suimon, suimon_token_file, suimon_authorities, state, node, poll_seconds } = self;
        let (Some(url), Some(token), Some(folder), Some(system)) = (suimon, suimon_token_file, state, system)
        else {
            return Ok(None);
        };
        let node_is_plain = (1..=63).contains(&node.len())
            && node.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !node_is_plain {
            return Err(Failure::usage("--node: wants 1 to 63 letters, digits or - . _"));
        }
        let folder_of_own = private_folder(folder)?;
        let client = Client::new(endpoint(url)?, token.clone(), suimon_authorities.as_deref())?;
        let entropy = Arc::new(Entropy::from_os());
        let (outbox, kept) = outbox::open(&folder_of_own.join("outbox.jsonl"), entropy)
            .map_err(|error| Failure::usage(format!("--state {}: {error:#}", folder.display())))?;
        let store = folder_of_own.join("rules.json");
        let first = rules::first(&client, system, &store).await?;
        let keeping = Keeping(Arc::new(Mutex::new(first.digest.clone())));
        let (changed, changes) = mpsc::channel(1);
        let (end, ended) = oneshot::channel();
        let telling = telling::Telling {
            client,
            system: system.to_owned(),
            node: node.clone(),
            started_at: SystemClock.now(),
            poll: Duration::from_secs(*poll_seconds),
            store,
            known: first.digest,
            keeping: keeping.clone(),
            changed,
        };
        let telling = tokio::spawn(telling.run(kept, ended));
        Ok(Some((first.files, Attached { outbox, changes, keeping, end, telling })))
    }
}

impl Attached {
    /// Where what was seen is put.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Of what the guard says that it keeps it.
    pub fn keeping(&self) -> Keeping {
        self.keeping.clone()
    }

    /// Other manifests, as they come; can be taken once.
    pub fn changes(&mut self) -> mpsc::Receiver<Change> {
        std::mem::replace(&mut self.changes, mpsc::channel(1).1)
    }

    /// Tells what is left, for a moment; what is not taken by then waits in the folder. For when no answer is on its way any more.
    pub async fn end(self) {
        let Self { outbox, changes, keeping: _, end, telling } = self;
        drop((outbox, changes));
        let _ = end.send(());
        let _ = telling.await;
    }
}

fn endpoint(url: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| Failure::usage(format!("--suimon: {why}"));
    let parsed =
        Url::parse(url).map_err(|_| wrong("no address; write one such as https://suimon.example.jp"))?;
    if !crate::outbound::is_protected(&parsed) {
        return Err(wrong("wants https, or an address of this machine, without user and password"));
    }
    parsed.join("/graphql").map_err(|_| wrong("no address that a path can follow"))
}

/// Made when it is not there; nobody else reads what is in it.
fn private_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let made = || -> anyhow::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).context("cannot be made")
    };
    made().map_err(|error| Failure::usage(format!("--state {}: {error:#}", folder.display())))?;
    Ok(folder.to_owned())
}
