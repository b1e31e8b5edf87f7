//! Import of a file: read and checked on one thread, sealed on another while the database writes what came before.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::decode::Encoding;
use super::engine::{CHUNK, Checked, Importer, Written, check_row, overtaken, write};
use super::row::RowProblem;
use super::run::{ImportReport, Mode, Run, State};
use super::seal::{Placed, SealedChunk};
use super::source::{FileError, FileKind, Source};
use super::store::WriteError;
use crate::access::{Action, Op, Scope};
use crate::error::{Error, Result};
use crate::vault::schema::Schema;

/// Chunks that are on their way at once: one is sealed while the one before is written.
const AHEAD: usize = 2;
/// How often a chunk is read and sealed again because somebody else changed the same people.
const ATTEMPTS: usize = 5;

/// A file to import.
#[derive(Clone, Debug)]
pub struct ImportFile {
    pub path: PathBuf,
    pub kind: FileKind,
    pub encoding: Encoding,
    pub system: String,
    pub record_type: String,
    pub mode: Mode,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes of the file that were checked, before anything is written (all or nothing only).
    Checked(u64),
    /// Bytes of the file whose rows were written or refused.
    Written(u64),
}

/// Imports people from a file.
///
/// # Errors
/// `INVALID` when the file as a whole cannot be read (nothing was kept), `NOT_FOUND` for an unknown system or record type,
/// `CONFLICT`, and those of permission. Wrong rows are not an error: they stand in the report.
pub async fn import_file(
    op: &Op,
    file: ImportFile,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<ImportReport> {
    let scope = op.permit(Action::Create, "import").await?;
    let schema = Schema::load(&scope, &file.system, &file.record_type).await?;
    match file.mode {
        Mode::KeepGood => keep_good(scope, schema, file, on_progress).await,
        Mode::AllOrNothing => all_or_nothing(scope, schema, file, on_progress).await,
    }
}

async fn begin(scope: &Scope, file: &ImportFile) -> Result<Run> {
    let kind = match file.kind {
        FileKind::Csv => "csv",
        FileKind::JsonLines => "jsonl",
    };
    // A file's name may be a person's: only its kind is kept.
    Run::begin(scope, &file.system, &file.record_type, file.mode, kind).await
}

/// A chunk on its way.
struct Sealed {
    read: usize,
    bytes: u64,
    problems: Vec<RowProblem>,
    people: Arc<Vec<Placed>>,
    work: JoinHandle<Result<SealedChunk>>,
}

async fn start_sealing(importer: &mut Importer, rows: Rows) -> Result<Sealed> {
    let Rows { rows, bytes } = rows;
    let read = rows.len();
    let (people, mut problems) = importer.locate(rows).await?;
    importer.ensure_keys(people.iter().map(|(tenant, _)| *tenant)).await?;
    let (placed, destroyed) = importer.place(people);
    problems.extend(destroyed);
    let people = Arc::new(placed);
    let work = tokio::spawn(importer.preparation().seal(people.clone()));
    Ok(Sealed { read, bytes, problems, people, work })
}

async fn keep_good(
    scope: Scope,
    schema: Schema,
    file: ImportFile,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<ImportReport> {
    let mut chunks = Chunks::read(&file, &schema);
    // A file that cannot be read at all leaves no trace.
    let mut next = chunks.next().await.map_err(unreadable)?;
    let mut run = begin(&scope, &file).await?;
    let mut importer = Importer::new(scope.clone(), schema, run.row.id);
    let mut ahead = VecDeque::new();
    let mut failure = None;
    loop {
        while let Some(rows) = next.take() {
            ahead.push_back(start_sealing(&mut importer, rows).await?);
            match chunks.next().await {
                Ok(rows) => next = rows,
                Err(error) => failure = Some(error),
            }
            if ahead.len() >= AHEAD {
                break;
            }
        }
        let Some(sealed) = ahead.pop_front() else { break };
        let bytes = sealed.bytes;
        keep_chunk(&importer, &mut run, sealed).await?;
        on_progress(Progress::Written(bytes));
    }
    let state = if failure.is_some() { State::Failed } else { State::Done };
    run.finish(&scope, state).await?;
    let failure = failure.map(|error| format!("{error}; {}", error.remedy()));
    Ok(run.report(state, failure))
}

/// Writes a chunk in a transaction of its own; reads and seals it again when somebody else was faster.
async fn keep_chunk(importer: &Importer, run: &mut Run, sealed: Sealed) -> Result<()> {
    let Sealed { read, bytes: _, problems, people, work } = sealed;
    let mut chunk = work.await.context("sealing a chunk ended early")??;
    for attempt in 1.. {
        let tx = importer.scope.begin().await?;
        match write(&tx, chunk).await {
            Ok((written, more)) => {
                run.add(read, written, [problems, more].concat());
                return run.commit(tx, State::Running, "import.chunk").await;
            }
            Err(WriteError::Raced) if attempt < ATTEMPTS => {
                drop(tx);
                chunk = importer.preparation().seal(people.clone()).await?;
            }
            Err(error) => return Err(overtaken(error)),
        }
    }
    Ok(())
}

async fn all_or_nothing(
    scope: Scope,
    schema: Schema,
    file: ImportFile,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<ImportReport> {
    // First every row is checked and every tenant gets its key, so that the transaction below is short and rarely in vain.
    let mut importer = Importer::new(scope.clone(), schema.clone(), Uuid::nil());
    let mut chunks = Chunks::read(&file, &schema);
    let mut tenants = HashSet::new();
    let (mut read, mut problems, mut refused) = (0, Vec::new(), 0);
    while let Some(Rows { rows, bytes }) = chunks.next().await.map_err(unreadable)? {
        read += rows.len();
        let (people, wrong) = importer.locate(rows).await?;
        tenants.extend(people.into_iter().map(|(tenant, _)| tenant));
        refused += wrong.len();
        problems.extend(wrong);
        on_progress(Progress::Checked(bytes));
    }
    let mut run = begin(&scope, &file).await?;
    if refused > 0 {
        run.add(read, Written::default(), problems);
        run.finish(&scope, State::Undone).await?;
        return Ok(run.report(State::Undone, None));
    }
    importer.ensure_keys(tenants).await?;
    importer.forget_seen();
    importer.import = run.row.id;
    let written = write_whole(&mut importer, &mut run, &file, &schema, on_progress).await;
    match written {
        Ok(state) => Ok(run.report(state, None)),
        Err(error) => {
            run.forget_kept();
            run.finish(&scope, State::Undone).await?;
            Err(error)
        }
    }
}

async fn write_whole(
    importer: &mut Importer,
    run: &mut Run,
    file: &ImportFile,
    schema: &Schema,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<State> {
    let mut chunks = Chunks::read(file, schema);
    let mut ahead = VecDeque::new();
    let mut next = chunks.next().await.map_err(unreadable)?;
    // The keys are there already, so nothing below writes outside this transaction.
    let tx = importer.scope.begin().await?;
    loop {
        while let Some(rows) = next.take() {
            ahead.push_back(start_sealing(importer, rows).await?);
            next = chunks.next().await.map_err(unreadable)?;
            if ahead.len() >= AHEAD {
                break;
            }
        }
        let Some(Sealed { read, bytes, problems, people: _, work }) = ahead.pop_front() else { break };
        let chunk = work.await.context("sealing a chunk ended early")??;
        let (written, more) = write(&tx, chunk).await.map_err(overtaken)?;
        run.add(read, written, [problems, more].concat());
        on_progress(Progress::Written(bytes));
    }
    if run.row.rows_refused > 0 {
        // An erased person, or a file that was changed between the two readings.
        drop(tx);
        run.forget_kept();
        let scope = importer.scope.clone();
        run.finish(&scope, State::Undone).await?;
        return Ok(State::Undone);
    }
    run.commit(tx, State::Done, "import.end").await?;
    Ok(State::Done)
}

fn unreadable(error: FileError) -> Error {
    Error::invalid("file", error.to_string()).remedy(error.remedy())
}

/// Rows that were read at once.
struct Rows {
    rows: Vec<Checked>,
    /// Bytes of the file that were read so far.
    bytes: u64,
}

/// Reads a file on a thread of its own.
struct Chunks {
    rows: mpsc::Receiver<std::result::Result<Rows, FileError>>,
}

impl Chunks {
    fn read(file: &ImportFile, schema: &Schema) -> Self {
        let (sender, rows) = mpsc::channel(1);
        let (file, schema) = (file.clone(), schema.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(&file, &schema, &sender) {
                // Nobody listens any more when the import has failed already.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self { rows }
    }

    async fn next(&mut self) -> std::result::Result<Option<Rows>, FileError> {
        self.rows.recv().await.transpose()
    }
}

fn read(
    file: &ImportFile,
    schema: &Schema,
    sender: &mpsc::Sender<std::result::Result<Rows, FileError>>,
) -> std::result::Result<(), FileError> {
    let record_type = schema.record_type();
    let input = File::open(&file.path).map_err(FileError::Io)?;
    let bytes = Arc::new(AtomicU64::new(0));
    let counting = Counting { inner: input, bytes: bytes.clone() };
    let mut source = Source::open(counting, file.kind, file.encoding, record_type)?;
    loop {
        let mut rows = Vec::new();
        let mut failed = None;
        while rows.len() < CHUNK {
            match source.next() {
                Ok(Some(Ok(row))) => rows.push(check_row(record_type, row)),
                Ok(Some(Err(problem))) => rows.push(Err(problem)),
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let last = rows.len() < CHUNK;
        let chunk = Rows { rows, bytes: bytes.load(Ordering::Relaxed) };
        // In front of a failure the good rows are handed on; with none, the failure comes first and leaves no trace.
        if !(failed.is_some() && chunk.rows.is_empty()) && sender.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if last {
            return Ok(());
        }
    }
}

struct Counting<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
