//! Sends parts that are whole from a folder on the local disk to a store, the oldest first. What cannot be sent stays, also for the
//! next start.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout_at};

use super::columns::{Unfit, in_columns};
use super::folder::{self, Room};
use super::store::Store;

/// Between two attempts while the store is away: the first and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Between two looks for what other guards left behind.
const LOOK: Duration = Duration::from_secs(60);
/// At the end, for what still waits.
const END: Duration = Duration::from_secs(10);
/// Parts in a row that fail before the store is taken to be away. One that it does not want must not hold up the others.
const IN_A_ROW: u32 = 3;

/// What an object holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines of JSON, packed by gzip.
    #[default]
    Jsonl,
    /// Columns.
    Parquet,
}

/// What is sent where.
pub struct Sender {
    pub folder: PathBuf,
    pub store: Store,
    pub format: Format,
    pub room: Arc<Room>,
    /// Told of each part that is whole.
    pub whole: Arc<Notify>,
}

/// Whoever sends.
pub struct Sending {
    end: oneshot::Sender<()>,
    sending: JoinHandle<()>,
}

impl Sending {
    /// Tries to send what still waits, for ten seconds.
    pub async fn end(self) {
        let _ = self.end.send(());
        let _ = self.sending.await;
    }
}

/// How far a round came.
#[derive(Default)]
struct Round {
    sent: u64,
    waiting: u64,
    bytes: u64,
    problem: Option<String>,
}

impl Sender {
    pub fn start(self) -> Sending {
        let (end, ended) = oneshot::channel::<()>();
        let sending = tokio::spawn(async move {
            tokio::select! {
                () = self.send() => {}
                // Dropped or told: the end is the end. What was half sent is sent again.
                _ = ended => {}
            }
            self.send_the_rest().await;
        });
        Sending { end, sending }
    }

    async fn send(&self) {
        let (mut wait, mut told, mut failed) = (WAITS.0, None::<String>, 0);
        loop {
            let Round { sent, waiting, bytes, problem } = self.round(failed).await;
            if sent > 0 {
                tracing::info!(sent, waiting, "parts of the access log were sent");
            }
            if let Some(problem) = problem {
                if told.as_ref() != Some(&problem) {
                    tracing::error!(
                        problem,
                        waiting,
                        bytes,
                        "the access log cannot be sent; its parts wait on the disk"
                    );
                }
                (told, failed) = (Some(problem), failed + 1);
                sleep(wait).await;
                wait = (wait * 2).min(WAITS.1);
                continue;
            }
            if told.take().is_some() {
                tracing::info!("the access log can be sent again");
            }
            (wait, failed) = (WAITS.0, 0);
            tokio::select! {
                () = self.whole.notified() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    async fn send_the_rest(&self) {
        let deadline = Instant::now() + END;
        loop {
            match timeout_at(deadline, self.round(0)).await {
                Ok(Round { problem: None, waiting: 0, .. }) => return,
                Ok(_) if Instant::now() + WAITS.0 < deadline => sleep(WAITS.0).await,
                _ => break,
            }
        }
        let folder = self.folder.clone();
        let left = spawn_blocking(move || folder::look(&folder)).await;
        let (parts, bytes) = match &left {
            Ok(Ok(found)) => (found.whole.len(), found.bytes),
            _ => (0, 0),
        };
        let folder = self.folder.display();
        tracing::error!(parts, bytes, %folder, "parts of the access log are not sent; the next start sends them");
    }

    /// Sends all that is whole. After rounds that `failed` it begins with another part each time, and goes on only if the store takes
    /// that: packing what nobody takes would cost for nothing.
    async fn round(&self, failed: usize) -> Round {
        let mut round = Round::default();
        let folder = self.folder.clone();
        let taken = spawn_blocking(move || {
            let lock = alone(&folder)?;
            Ok::<_, io::Error>((lock, folder::look(&folder)?))
        });
        let (lock, mut found) = match taken.await.map_err(io::Error::other).and_then(|taken| taken) {
            Ok(taken) => taken,
            Err(error) => {
                round.problem = Some(format!("the folder of parts cannot be read ({error})"));
                return round;
            }
        };
        self.room.is(found.bytes);
        (round.waiting, round.bytes) = (found.whole.len() as u64, found.bytes);
        // Another guard with the same folder sends them.
        let Some(_lock) = lock else { return round };
        let first = failed % found.whole.len().max(1);
        found.whole.rotate_left(first);
        let most = if failed == 0 { IN_A_ROW } else { 1 };
        let mut in_a_row = 0;
        for (part, bytes) in found.whole {
            match self.one(part).await {
                Ok(()) => {
                    in_a_row = 0;
                    self.room.gave(bytes);
                    (round.sent, round.waiting, round.bytes) =
                        (round.sent + 1, round.waiting - 1, round.bytes.saturating_sub(bytes));
                }
                Err(problem) => {
                    in_a_row += 1;
                    round.problem = Some(problem);
                    if in_a_row == most {
                        break;
                    }
                }
            }
        }
        round
    }

    async fn one(&self, part: PathBuf) -> Result<(), String> {
        let local = |error: io::Error| format!("a part cannot be read or removed on the disk ({error})");
        let Some(name) = part.file_stem().and_then(|name| name.to_str()) else {
            return Err("a part has a strange name".to_owned());
        };
        let (format, to_pack) = (self.format, part.clone());
        let packed = spawn_blocking(move || object(format, &to_pack)).await;
        let (ending, bytes) = packed.map_err(io::Error::other).and_then(|packed| packed).map_err(local)?;
        self.store.put(&format!("{name}.{ending}"), bytes).await?;
        let removed = spawn_blocking(move || fs::remove_file(&part)).await;
        removed.map_err(io::Error::other).and_then(|removed| removed).map_err(local)
    }
}

/// The object of a part, and how its name ends. A part that has no place in columns is sent as it is: better in another form than not.
fn object(format: Format, part: &Path) -> io::Result<(&'static str, Vec<u8>)> {
    if format == Format::Parquet {
        match in_columns(part) {
            Ok(bytes) => return Ok(("parquet", bytes)),
            Err(Unfit::Read(error)) => return Err(error),
            Err(error) => {
                tracing::error!(%error, part = %part.display(), "a part of the access log is sent as JSON lines");
            }
        }
    }
    Ok(("jsonl.gz", packed(part)?))
}

/// The same bytes for the same part, always.
fn packed(part: &Path) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    io::copy(&mut File::open(part)?, &mut encoder)?;
    encoder.flush()?;
    encoder.finish()
}

/// Whoever has this sends. `None`: somebody else has it.
fn alone(folder: &Path) -> io::Result<Option<File>> {
    let file =
        super::file::private().write(true).create(true).truncate(false).open(folder.join("sending.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
