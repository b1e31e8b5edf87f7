//! A file that lines are appended to, and one that somebody else moves away.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use guard::access_log::{Begin, Parts};
use tokio::io::AsyncWrite;
use tokio::task::{JoinHandle, spawn_blocking};

use super::folder::Room;

/// A file that says of bytes that they are written when the system has them, and of how many: tokio's own says it before, and forgets
/// them where the disk is full.
pub struct Page {
    file: Arc<File>,
    /// Bytes on their way. A write that is given up and asked for again finds its own here.
    writing: Option<JoinHandle<io::Result<usize>>>,
    room: Option<Arc<Room>>,
    pub path: PathBuf,
}

impl Page {
    pub fn new(file: File, path: PathBuf, room: Option<Arc<Room>>) -> Self {
        Self { file: Arc::new(file), writing: None, room, path }
    }

    pub fn file(&self) -> &Arc<File> {
        &self.file
    }
}

impl AsyncWrite for Page {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let writing = match &mut this.writing {
            Some(writing) => writing,
            None => {
                if let Some(room) = &this.room {
                    room.check()?;
                }
                let (file, bytes) = (this.file.clone(), bytes.to_vec());
                this.writing.insert(spawn_blocking(move || {
                    loop {
                        match (&*file).write(&bytes) {
                            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                            outcome => return outcome,
                        }
                    }
                }))
            }
        };
        let written = ready!(Pin::new(writing).poll(context)).map_err(io::Error::other);
        this.writing = None;
        let written = written??;
        if let Some(room) = &this.room {
            room.took(written as u64);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// One file under one name. When it was moved (`logrotate`), asking for the next part opens another one under the name.
pub struct OneFile {
    path: PathBuf,
    known: Option<Known>,
}

/// Device and number of a file: what a name means now.
type Known = (u64, u64);

impl OneFile {
    /// # Errors
    /// The file cannot be opened for appending.
    pub async fn open(path: &Path) -> io::Result<(Page, Self)> {
        let mut file = Self { path: path.to_owned(), known: None };
        let page = file.open_again().await?.ok_or(io::ErrorKind::NotFound)?;
        Ok((page, file))
    }

    async fn open_again(&mut self) -> io::Result<Option<Page>> {
        let (path, known) = (self.path.clone(), self.known);
        let opened = spawn_blocking(move || {
            let is = std::fs::metadata(&path).ok().and_then(|found| known_as(&found));
            if known.is_some() && known == is {
                return Ok(None);
            }
            let file = append(&path)?;
            let is = known_as(&file.metadata()?);
            Ok::<_, io::Error>(Some((Page::new(file, path, None), is)))
        });
        let Some((page, is)) = opened.await.map_err(io::Error::other)?? else { return Ok(None) };
        self.known = is;
        Ok(Some(page))
    }
}

impl Parts for OneFile {
    type Out = Page;

    async fn open(&mut self, _: Begin<'_>) -> io::Result<Option<Page>> {
        self.open_again().await
    }

    async fn close(&mut self, _: Page) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a file behind whatever is in it. A process that was killed may have left half a line, which must not become half of ours.
fn append(path: &Path) -> io::Result<File> {
    let mut file = private().append(true).create(true).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.len() > 0 {
        let mut last = [0];
        let mut before = File::open(path)?;
        before.seek(SeekFrom::End(-1))?;
        before.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// For the owner alone.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn known_as(found: &Metadata) -> Option<Known> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

/// Where there is no SIGHUP nobody asks.
#[cfg(not(unix))]
fn known_as(_: &Metadata) -> Option<Known> {
    None
}
