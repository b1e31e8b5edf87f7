//! Where the access log goes: a file, a folder of parts, or a store that is sent what is whole in such a folder.

mod columns;
mod file;
mod folder;
mod measure;
mod send;
mod store;

use std::fmt::Display;
use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use guard::access_log::{AccessLog, Parts, Ring, Settings, Writer};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use self::file::OneFile;
use self::folder::{Folder, Room};
use self::measure::{Bytes, Rotation};
use self::send::{Format, Sender, Sending};
use self::store::Store;
use super::super::Failure;
use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;

/// Where it goes.
#[derive(Args, Clone)]
pub struct LogOptions {
    /// Writes a line of JSON for each personal answer: pseudonyms, nothing personal. Appended to a file; with --access-log-rotate into
    /// files of a folder; or sent as objects to s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:///FOLDER.
    #[arg(long, value_name = "PATH|URL", requires = "key_file")]
    access_log: Option<PathBuf>,
    /// Writes the access log in parts. A part ends before it has more than so many bytes (64KiB to 1GiB), or so long after its first
    /// record (1s to 24h): 256MiB,1h, or one of the two. Objects: 64MiB,5m unless it says otherwise.
    #[arg(long, value_name = "BYTES,TIME", requires = "access_log")]
    access_log_rotate: Option<Rotation>,
    /// Folder on a lasting local disk where parts wait until the store has them.
    #[arg(long, value_name = "FOLDER", requires = "access_log")]
    access_log_spool: Option<PathBuf>,
    /// How many bytes may wait there. What comes beyond that is lost and counted [default: 1GiB]
    #[arg(long, value_name = "BYTES", requires = "access_log_spool")]
    access_log_spool_bytes: Option<Bytes>,
    /// What an object holds: lines of JSON packed by gzip (.jsonl.gz), or columns (.parquet).
    #[arg(long, value_enum, value_name = "FORMAT", requires = "access_log_spool")]
    access_log_format: Option<Format>,
}

/// An object is packed in memory.
const LARGEST_OBJECT: u64 = 256 << 20;
/// Of parts that are sent.
const OBJECT: (u64, Duration) = (64 << 20, Duration::from_secs(5 * 60));
const SPOOL: Bytes = Bytes(1 << 30);

impl LogOptions {
    pub fn is_on(&self) -> bool {
        self.access_log.is_some()
    }

    /// The log, if there is to be one, and who writes it.
    pub async fn start(&self, ring: Ring, entropy: &Arc<Entropy>) -> Result<Option<Writing>, Failure> {
        let Some(path) = &self.access_log else { return Ok(None) };
        let url = path.to_str().filter(|text| text.contains("://"));
        // An address may hold a secret, be it in vain.
        let shown = url.and_then(|url| url.split_once("://")).map(|(scheme, _)| format!("{scheme}://…"));
        let shown = shown.unwrap_or_else(|| path.display().to_string());
        let wrong = |what: &dyn Display| Failure::usage(format!("--access-log {shown}: {what}"));
        let unwritable = |error: io::Error| wrong(&format_args!("cannot be written ({error})"));
        let entropy = entropy.clone();
        let new = |Rotation { bytes, after }| {
            let (part_bytes, part_after) = (bytes.and_then(NonZeroU64::new), after);
            let settings = Settings { part_bytes, part_after, ..Settings::default() };
            AccessLog::new(settings, ring, Arc::new(now), Arc::new(move || entropy.bytes()))
        };
        let Some(url) = url else {
            if self.access_log_spool.is_some() {
                return Err(Failure::usage("--access-log-spool: is for a store; --access-log names none"));
            }
            let Some(rotation) = self.access_log_rotate else {
                if path.is_dir() {
                    return Err(wrong(&"is a folder; say --access-log-rotate, or name a file"));
                }
                let (log, writer) = new(Rotation { bytes: None, after: None });
                let (page, file) = OneFile::open(path).await.map_err(unwritable)?;
                return Ok(Some(Writing::start(log, writer, page, file, None)));
            };
            let (log, writer) = new(rotation);
            let folder = Folder::new(path.to_owned(), None, Arc::new(Notify::new()));
            let first = folder.first(now(), &log).await.map_err(unwritable)?;
            return Ok(Some(Writing::start(log, writer, first, folder, None)));
        };
        let store = Store::open(url).map_err(|error| wrong(&format_args!("{error:#}")))?;
        let Some(spool) = &self.access_log_spool else {
            return Err(wrong(&"a store wants --access-log-spool FOLDER, where parts wait while it is away"));
        };
        let said = self.access_log_rotate.unwrap_or(Rotation { bytes: None, after: None });
        let bytes = said.bytes.unwrap_or(OBJECT.0);
        let Bytes(most) = self.access_log_spool_bytes.unwrap_or(SPOOL);
        if bytes > LARGEST_OBJECT {
            return Err(Failure::usage("--access-log-rotate: an object is 256MiB at most"));
        }
        if most / 2 < bytes {
            return Err(Failure::usage(
                "--access-log-spool-bytes: wants room for two parts of --access-log-rotate",
            ));
        }
        let (log, writer) = new(Rotation { bytes: Some(bytes), after: said.after.or(Some(OBJECT.1)) });
        let (room, whole) = (Arc::new(Room::new(most)), Arc::new(Notify::new()));
        let folder = Folder::new(spool.clone(), Some(room.clone()), whole.clone());
        let unspoolable = |error| {
            Failure::usage(format!("--access-log-spool {}: cannot be written ({error})", spool.display()))
        };
        let first = folder.first(now(), &log).await.map_err(unspoolable)?;
        let format = self.access_log_format.unwrap_or_default();
        let sending = Sender { folder: spool.clone(), store, format, room, whole }.start();
        Ok(Some(Writing::start(log, writer, first, folder, Some(sending))))
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
    sending: Option<Sending>,
}

impl Writing {
    fn start<P: Parts<Out: Send + 'static> + Send + 'static>(
        log: Arc<AccessLog>,
        writer: Writer,
        first: P::Out,
        parts: P,
        sending: Option<Sending>,
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
        Self { log, end, writing, sending }
    }

    /// Writes what still waits. For when no answer is on its way any more.
    pub async fn end(self) {
        let Self { log, end, writing, sending } = self;
        // Who writes may have ended by itself, and said why.
        let _ = end.send(());
        let _ = writing.await;
        if let Some(sending) = sending {
            sending.end().await;
        }
        if log.lost() > 0 {
            tracing::error!(records = log.lost(), "records of personal answers were lost");
        }
    }
}
