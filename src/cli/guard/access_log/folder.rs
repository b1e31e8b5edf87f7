//! A folder of parts, named by the instants at which they begin.
//!
//! `NAME.jsonl.open` is being written, by whoever has its lock; `NAME.jsonl` is whole and is never changed. NAME is
//! `20261128T182601123Z-RUN-000001`: the instant (UTC), the run's 32 hexadecimal digits, the number of the part in the run. Names sort by
//! time, and two guards never have the same.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use guard::access_log::{AccessLog, Begin, Parts};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::file::{Page, private};

/// Of a whole part.
const WHOLE: &str = ".jsonl";
/// Of one that is being written.
const OPEN: &str = ".jsonl.open";

/// How many bytes a folder may hold.
pub struct Room {
    most: u64,
    used: AtomicU64,
}

impl Room {
    pub fn new(most: u64) -> Self {
        Self { most, used: AtomicU64::new(0) }
    }

    /// # Errors
    /// There is none left.
    pub fn check(&self) -> io::Result<()> {
        if self.used.load(Ordering::Relaxed) < self.most {
            return Ok(());
        }
        let full = "the folder holds as many bytes as it may, because they cannot be sent on";
        Err(io::Error::new(io::ErrorKind::StorageFull, full))
    }

    pub fn took(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn gave(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// What a look into the folder found.
    pub fn is(&self, bytes: u64) {
        self.used.store(bytes, Ordering::Relaxed);
    }
}

/// A folder to write parts into.
pub struct Folder {
    folder: PathBuf,
    room: Option<Arc<Room>>,
    /// Told of each part that is whole.
    whole: Arc<Notify>,
}

impl Folder {
    pub fn new(folder: PathBuf, room: Option<Arc<Room>>, whole: Arc<Notify>) -> Self {
        Self { folder, room, whole }
    }

    /// Makes the folder if need be, puts in order what was left behind in it, and opens the run's first part.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub async fn first(&self, time: u64, log: &AccessLog) -> io::Result<Page> {
        let folder = self.folder.clone();
        let looked = spawn_blocking(move || {
            make(&folder)?;
            look(&folder)
        });
        let found = looked.await.map_err(io::Error::other)??;
        if let Some(room) = &self.room {
            room.is(found.bytes);
        }
        self.begin(Begin { time, run: log.run(), part: 1 }).await
    }

    async fn begin(&self, begin: Begin<'_>) -> io::Result<Page> {
        let name = name(begin);
        let (folder, room) = (self.folder.clone(), self.room.clone());
        let made = spawn_blocking(move || {
            // Under its name it has its lock from the beginning, or somebody could take it for one that was left behind.
            let new = folder.join(format!("{name}.new"));
            let path = folder.join(format!("{name}{OPEN}"));
            let file = private().append(true).create_new(true).open(&new)?;
            let named = file.try_lock().map_err(io::Error::from).and_then(|()| fs::rename(&new, &path));
            if let Err(error) = named {
                let _ = fs::remove_file(&new);
                return Err(error);
            }
            Ok(Page::new(file, path, room))
        });
        made.await.map_err(io::Error::other)?
    }
}

impl Parts for Folder {
    type Out = Page;

    async fn open(&mut self, begin: Begin<'_>) -> io::Result<Option<Page>> {
        self.begin(begin).await.map(Some)
    }

    async fn close(&mut self, page: Page) -> io::Result<()> {
        let closed = spawn_blocking(move || {
            // A disk that was full until another part was asked for: the line is whole in that one.
            let (lines, _) =
                cut_half_line(&mut fs::OpenOptions::new().read(true).write(true).open(&page.path)?)?;
            if lines == 0 {
                return fs::remove_file(&page.path);
            }
            page.file().sync_data()?;
            fs::rename(&page.path, whole(&page.path))
        });
        closed.await.map_err(io::Error::other)??;
        self.whole.notify_one();
        Ok(())
    }
}

fn name(begin: Begin<'_>) -> String {
    let Begin { time, run, part } = begin;
    let instant = i64::try_from(time).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    let instant = instant.unwrap_or(Timestamp::MAX);
    format!("{}-{run}-{part:06}", instant.strftime("%Y%m%dT%H%M%S%3fZ"))
}

/// `NAME.jsonl` of `NAME.jsonl.open`.
fn whole(open: &Path) -> PathBuf {
    open.with_extension("")
}

/// Makes a folder for the owner alone.
///
/// # Errors
/// It is not there and cannot be made.
pub fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What is in a folder.
#[derive(Default)]
pub struct Found {
    /// Parts that are whole, the oldest first, and their bytes.
    pub whole: Vec<(PathBuf, u64)>,
    /// Bytes of all parts.
    pub bytes: u64,
}

/// Looks into a folder. Parts of guards that did not end as they should are made whole: nobody has their lock any more.
///
/// # Errors
/// The folder cannot be read.
pub fn look(folder: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let mut left = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        // One that was sent or renamed meanwhile is not there.
        let Ok(bytes) = fs::metadata(&path).map(|found| found.len()) else { continue };
        if name.ends_with(OPEN) {
            left.push((path, bytes));
        } else if name.ends_with(WHOLE) {
            found.bytes += bytes;
            found.whole.push((path, bytes));
        }
    }
    for (path, bytes) in left {
        match mend(&path) {
            Ok(Some((whole, bytes))) => {
                found.bytes += bytes;
                found.whole.push((whole, bytes));
            }
            Ok(None) => found.bytes += bytes,
            Err(error) => {
                found.bytes += bytes;
                tracing::error!(%error, part = %path.display(), "a part of the access log that was left behind cannot be put in order");
            }
        }
    }
    found.whole.sort();
    Ok(found)
}

/// Makes a part whole that was left behind: the half of a line at its end goes. `None`: it is being written, or was empty.
fn mend(path: &Path) -> io::Result<Option<(PathBuf, u64)>> {
    let open = fs::OpenOptions::new().read(true).write(true).open(path);
    let mut file = match open {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (lines, cut) = cut_half_line(&mut file)?;
    let moved = if lines == 0 { fs::remove_file(path) } else { fs::rename(path, whole(path)) };
    match moved {
        // Its writer put it away just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        moved => moved?,
    }
    tracing::warn!(part = %path.display(), bytes = lines, cut, "a guard did not end as it should: its part of the access log was put in order");
    Ok((lines > 0).then(|| (whole(path), lines)))
}

/// How many bytes its whole lines have, and how many the half of a line had that was at its end.
fn cut_half_line(file: &mut File) -> io::Result<(u64, u64)> {
    let is = file.metadata()?.len();
    let lines = end_of_lines(file, is)?;
    if lines < is {
        file.set_len(lines)?;
    }
    Ok((lines, is - lines))
}

/// Where the last line ends.
fn end_of_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let mut piece = vec![0; 64 << 10];
    let mut end = length;
    while end > 0 {
        let begin = end.saturating_sub(piece.len() as u64);
        let wanted = usize::try_from(end - begin).map_err(io::Error::other)?;
        let piece = &mut piece[..wanted];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}
