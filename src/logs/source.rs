//! Where a log is: a file, standard input, an object of a store. Read as it comes; only Parquet is put on the disk first, because its table
//! of contents stands at its end.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exposure::{InputReport, Scan};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

use super::Problem;
use super::stores::{PATIENCE, told};

/// Between two pieces of an object.
const SILENCE: Duration = Duration::from_secs(60);
/// Most bytes of Parquet that are put on the disk.
const SPOOLED: u64 = 32 << 30;
/// More than a log has of which one knows.
const UNKNOWN: u64 = 1 << 50;
const PARQUET: &[u8] = b"PAR1";

/// A log to read.
#[derive(Clone)]
pub struct Source {
    pub place: Place,
    /// As it appears in the result, with `/`.
    pub name: String,
    /// Bytes; 0 where nobody knows.
    pub size: u64,
}

#[derive(Clone)]
pub enum Place {
    File(PathBuf),
    Stdin,
    Object { store: Arc<dyn ObjectStore>, path: ObjectPath },
}

impl Source {
    /// Bytes, for sharing the work out. What has no size is likely large.
    pub fn weight(&self) -> u64 {
        if self.size == 0 && !matches!(self.place, Place::File(_)) { UNKNOWN } else { self.size }
    }

    /// Reads it into the scan, on so many threads, and counts its bytes. Must not run on a thread that drives the runtime.
    ///
    /// # Errors
    /// It cannot be opened. What goes wrong later is in the report of the input.
    pub fn read(
        &self,
        (scan, threads): (&mut Scan, NonZeroUsize),
        format: Option<exposure::Format>,
        handle: &Handle,
        counter: &(dyn Fn(u64) + Sync),
    ) -> Result<InputReport, Problem> {
        match &self.place {
            Place::File(path) => {
                let mut file = File::open(path).map_err(|error| Problem::io(&error))?;
                // A pipe has no beginning to go back to.
                let is_file = file.metadata().is_ok_and(|about| about.is_file());
                if is_file && is_parquet(&mut file).map_err(|error| Problem::io(&error))? {
                    let report = scan.read_parquet(&self.name, format, file);
                    counter(self.size);
                    return Ok(report);
                }
                self.stream((scan, threads), format, file, counter)
            }
            Place::Stdin => self.stream((scan, threads), format, io::stdin(), counter),
            Place::Object { store, path } => {
                let asked =
                    handle.block_on(async { tokio::time::timeout(PATIENCE * 3, store.get(path)).await });
                let object = match asked {
                    Ok(Ok(object)) => object.into_stream(),
                    Ok(Err(error)) => return Err(Problem::Unreadable(told(&error))),
                    Err(_) => return Err(Problem::Unreadable("it does not answer in time".to_owned())),
                };
                let object = Object { handle: handle.clone(), stream: object, piece: Bytes::new() };
                self.stream((scan, threads), format, object, counter)
            }
        }
    }

    fn stream(
        &self,
        (scan, threads): (&mut Scan, NonZeroUsize),
        format: Option<exposure::Format>,
        reader: impl Read + Send,
        counter: &(dyn Fn(u64) + Sync),
    ) -> Result<InputReport, Problem> {
        let mut reader = Counted { reader, counter };
        let mut magic = Vec::new();
        // What cannot be read here cannot be read by the scan, which says so.
        let begun = reader.by_ref().take(PARQUET.len() as u64).read_to_end(&mut magic);
        if begun.is_ok() && magic == PARQUET {
            let whole = Cursor::new(magic).chain(reader);
            let spooled = spool(whole).map_err(|error| {
                Problem::Unreadable(format!("Parquet cannot be put into a temporary file: {error}"))
            })?;
            return Ok(scan.read_parquet(&self.name, format, spooled));
        }
        let rest = match begun {
            Ok(_) => Rest::More(reader),
            Err(error) => Rest::Broken(error.kind()),
        };
        Ok(scan.read_on(threads, &self.name, format, Cursor::new(magic).chain(rest)))
    }
}

fn is_parquet(file: &mut File) -> io::Result<bool> {
    let mut magic = Vec::new();
    file.by_ref().take(PARQUET.len() as u64).read_to_end(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(magic == PARQUET)
}

/// A file without a name that nobody else can open, and that is gone with this process.
fn spool(reader: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let bytes = io::copy(&mut reader.take(SPOOLED + 1), &mut file)?;
    if bytes > SPOOLED {
        return Err(io::Error::other("it is larger than 32 GiB; put it on the disk and name the file"));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Counts the bytes that are read.
struct Counted<'b, R> {
    reader: R,
    counter: &'b (dyn Fn(u64) + Sync),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.reader.read(buffer)?;
        (self.counter)(got as u64);
        Ok(got)
    }
}

/// An object, piece by piece.
struct Object {
    handle: Handle,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = async { tokio::time::timeout(SILENCE, self.stream.next()).await };
            self.piece = match self.handle.block_on(next) {
                Ok(None) => return Ok(0),
                Ok(Some(Ok(piece))) => piece,
                // No word of the store's: it may repeat keys.
                Ok(Some(Err(_))) => return Err(io::ErrorKind::ConnectionAborted.into()),
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            };
        }
        let taken = self.piece.split_to(buffer.len().min(self.piece.len()));
        let room = buffer.get_mut(..taken.len()).unwrap_or_default();
        room.copy_from_slice(&taken);
        Ok(room.len())
    }
}

/// What comes after the first bytes.
enum Rest<R> {
    More(R),
    /// Reading them went wrong, which is said again.
    Broken(io::ErrorKind),
}

impl<R: Read> Read for Rest<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::More(reader) => reader.read(buffer),
            Self::Broken(kind) => Err((*kind).into()),
        }
    }
}
