//! A guard attached to Suimon: what it keeps comes from there, what it sees goes there, and without Suimon it goes on.
//!
//! Two files in the state folder outlive the guard: `rules.json`, the manifests that it was given last, and `outbox.jsonl`, what it has
//! to tell and nobody has taken yet.

mod client;
mod outbox;
mod rules;
mod telling;
mod watching;

pub use outbox::Outbox;
pub use watching::Watching;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use openidconnect::url::Url;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::client::Client;
use self::outbox::Kept;
use self::telling::Telling;
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
    /// File with a token of an account whose role is `service`; keep it from others. It is read with each question.
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

/// What a guard begins with that is attached.
pub struct Opened {
    pub files: Arc<Files>,
    /// Where what was seen is put.
    pub outbox: Outbox,
    /// Other manifests, as they come.
    pub changes: mpsc::Receiver<Change>,
    pub keeping: Keeping,
    pub speaking: Speaking,
}

/// Other manifests.
#[derive(Clone)]
pub struct Change {
    pub files: Arc<Files>,
    pub digest: String,
    /// As they came.
    pub manifests: Arc<[String]>,
}

/// Of which manifests the guard says that it keeps them, and which it begins with when nobody gives it any: those that it has put into
/// force.
#[derive(Clone)]
pub struct Keeping {
    system: Arc<str>,
    store: Arc<Path>,
    digest: Arc<Mutex<String>>,
}

impl Keeping {
    /// Says that these are in force. Returns when they are on the disk.
    pub fn now(&self, change: &Change) {
        if let Err(error) = rules::remember(&self.store, &self.system, change) {
            tracing::error!(error = format!("{error:#}"), "the rules cannot be remembered");
        }
        self.digest.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&change.digest);
    }

    fn digest(&self) -> String {
        self.digest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AttachedTo {
    /// Asks Suimon for what the guard keeps, or takes what was kept last; none when the guard is not attached. `fits` says whether
    /// manifests can be kept.
    ///
    /// # Errors
    /// What is wrong with the options, the folder and the files, and when neither Suimon nor the folder has rules that can be kept.
    pub async fn open(
        &self,
        system: Option<&str>,
        fits: impl Fn(&Files) -> Result<(), Failure>,
    ) -> Result<Option<Opened>, Failure> {
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
        let of_folder =
            |error: anyhow::Error| Failure::usage(format!("--state {}: {error:#}", folder.display()));
        let lock = own(folder).map_err(of_folder)?;
        let client = Client::new(endpoint(url)?, token.clone(), suimon_authorities.as_deref())?;
        let entropy = Arc::new(Entropy::from_os());
        let (outbox, kept) = outbox::open(&folder.join("outbox.jsonl"), entropy).map_err(of_folder)?;
        let store = folder.join("rules.json");
        let first = rules::first(&client, system, &store, fits).await?;
        let keeping = Keeping {
            system: system.into(),
            store: store.into(),
            digest: Arc::new(Mutex::new(first.in_force.digest)),
        };
        let (changed, changes) = mpsc::channel(1);
        let telling = Telling {
            client,
            system: system.to_owned(),
            node: node.clone(),
            started_at: SystemClock.now(),
            poll: Duration::from_secs(*poll_seconds),
            known: first.given,
            keeping: keeping.clone(),
            changed,
        };
        let speaking = Speaking { telling, kept, lock };
        Ok(Some(Opened { files: first.in_force.files, outbox, changes, keeping, speaking }))
    }
}

/// Who is about to speak with Suimon.
pub struct Speaking {
    telling: Telling,
    kept: Kept,
    lock: File,
}

/// Who speaks with Suimon.
pub struct Attached {
    end: oneshot::Sender<()>,
    telling: JoinHandle<()>,
    /// Of the folder.
    _lock: File,
}

impl Speaking {
    /// Speaks from now on: what it says of the guard is true.
    pub fn begin(self) -> Attached {
        let Self { telling, kept, lock } = self;
        let (end, ended) = oneshot::channel();
        Attached { end, telling: tokio::spawn(telling.run(kept, ended)), _lock: lock }
    }
}

impl Attached {
    /// Tells what is left, for a moment; what is not taken by then waits in the folder. For when no answer is on its way any more.
    pub async fn end(self) {
        let Self { end, telling, _lock } = self;
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

/// Makes the folder when it is not there, for nobody else to read, and keeps other guards out of it as long as the file is held.
fn own(folder: &Path) -> anyhow::Result<File> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).context("cannot be made")?;
    let lock = outbox::options().write(true).open(folder.join("lock")).context("cannot be written")?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("another guard has it; each node wants a folder of its own"),
        Err(TryLockError::Error(error)) => Err(error).context("cannot be locked"),
    }
}
