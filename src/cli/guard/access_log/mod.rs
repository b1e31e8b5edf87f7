//! Where the access log goes: a file, or a folder of parts.

mod file;
mod folder;
mod measure;

use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use guard::access_log::{AccessLog, Parts, Ring, Settings, Writer};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use self::file::OneFile;
use self::folder::Folder;
use self::measure::Rotation;
use super::super::Failure;
use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;

/// Where it goes.
#[derive(Args, Clone)]
pub struct Options {
    /// Writes a line of JSON for each personal answer: pseudonyms, nothing personal. Appended to a file; with --access-log-rotate into
    /// files of a folder.
    #[arg(long, value_name = "PATH", requires = "key_file")]
    access_log: Option<PathBuf>,
    /// Writes the access log in parts. A part ends before it has more than so many bytes (64KiB to 1GiB), or so long after its first
    /// record (1s to 24h): 256MiB,1h, or one of the two.
    #[arg(long, value_name = "BYTES,TIME", requires = "access_log")]
    access_log_rotate: Option<Rotation>,
}

impl Options {
    pub fn is_on(&self) -> bool {
        self.access_log.is_some()
    }

    /// The log, if there is to be one, and who writes it.
    pub async fn start(&self, ring: Ring, entropy: &Arc<Entropy>) -> Result<Option<Writing>, Failure> {
        let Some(path) = &self.access_log else { return Ok(None) };
        let wrong = |what: std::fmt::Arguments<'_>| {
            Failure::usage(format!("--access-log {}: {what}", path.display()))
        };
        let unwritable = |error: io::Error| wrong(format_args!("cannot be written ({error})"));
        let entropy = entropy.clone();
        let new = |Rotation { bytes, after }| {
            let (part_bytes, part_after) = (bytes.and_then(NonZeroU64::new), after);
            let settings = Settings { part_bytes, part_after, ..Settings::default() };
            AccessLog::new(settings, ring, Arc::new(now), Arc::new(move || entropy.bytes()))
        };
        let Some(rotation) = self.access_log_rotate else {
            if path.is_dir() {
                return Err(wrong(format_args!("is a folder; say --access-log-rotate, or name a file")));
            }
            let (log, writer) = new(Rotation { bytes: None, after: None });
            let (page, file) = OneFile::open(path).await.map_err(unwritable)?;
            return Ok(Some(Writing::start(log, writer, page, file)));
        };
        let (log, writer) = new(rotation);
        let folder = Folder::new(path.clone(), None, Arc::new(Notify::new()));
        let first = folder.first(now(), &log).await.map_err(unwritable)?;
        Ok(Some(Writing::start(log, writer, first, folder)))
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    u64::try_from(SystemClock.now().as_millisecond()).unwrap_or_default()
}

/// Who writes the access log.
pub struct Writing {
    pub log: Arc<AccessLog>,
    end: oneshot::Sender<()>,
    writing: JoinHandle<()>,
}

impl Writing {
    fn start<P: Parts<Out: Send + 'static> + Send + 'static>(
        log: Arc<AccessLog>,
        writer: Writer,
        first: P::Out,
        parts: P,
    ) -> Self {
        let (end, ended) = oneshot::channel::<()>();
        let writing = tokio::spawn(async move {
            let ended = async {
                // Dropped or told: the end is the end.
                let _ = ended.await;
            };
            if let Err(unwritten) = writer.run_in_parts(first, parts, ended).await {
                tracing::error!(error = %unwritten, "the access log was not written to its end");
            }
        });
        Self { log, end, writing }
    }

    /// Writes what still waits. For when no answer is on its way any more.
    pub async fn end(self) {
        let Self { log, end, writing } = self;
        // Who writes may have ended by itself, and said why.
        let _ = end.send(());
        let _ = writing.await;
        if log.lost() > 0 {
            tracing::error!(records = log.lost(), "records of personal answers were lost");
        }
    }
}
