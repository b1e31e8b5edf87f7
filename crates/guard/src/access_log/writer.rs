//! Writes the records down, many at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::parts::{Open, Parts, Single};
use super::record::{End, FORM, Line, Lost, Record, SEALED, Start};
use super::{Clock, Settings, Tally};

/// Who writes the log.
pub struct Writer {
    settings: Settings,
    receiver: mpsc::Receiver<Box<Record>>,
    tally: Arc<Tally>,
    turn: Arc<Notify>,
    clock: Clock,
    run: String,
    system: String,
    buffer: Buffer,
    records: u64,
    told_lost: u64,
    failing: bool,
    /// The next part cannot be opened.
    stuck: bool,
}

/// The end came, and not everything could be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "the access log: {records} records and perhaps its last lines are not written; look after its disk or pipe"
)]
pub struct Unwritten {
    pub records: u64,
}

/// Lines that are made and not written yet. It remembers how far it came, so that a write that fails in the middle of a line is
/// gone on with there: no line is cut and none is there twice.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    written: usize,
    /// A file was given some of it, and has not said yet how much it took.
    given: bool,
    /// Bytes of the part's first line, as long as it is in front.
    start: usize,
    /// Records in it.
    records: u64,
    tally: Arc<Tally>,
}

impl Buffer {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Gives up nothing when it is dropped half way.
    async fn write_to(&mut self, out: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        while !self.rest().is_empty() {
            self.given = true;
            let taken = out.write(self.rest()).await;
            self.given = false;
            match taken? {
                0 => return Err(std::io::ErrorKind::WriteZero.into()),
                count => self.written += count,
            }
        }
        out.flush().await?;
        self.bytes.clear();
        self.tally.written.fetch_add(self.records, Ordering::Relaxed);
        (self.written, self.start, self.records) = (0, 0, 0);
        Ok(())
    }

    /// A file has some of it, or may have.
    fn is_begun(&self) -> bool {
        self.given || self.written > 0
    }

    /// Begins with another file: with its first line, and then with what the file before has not whole, but for that one's first line.
    fn begin_with(&mut self, line: &[u8]) {
        let taken = self.bytes.get(..self.written).unwrap_or_default();
        let whole = taken.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.bytes.splice(..whole.max(self.start), line.iter().copied());
        (self.written, self.start) = (0, line.len());
    }
}

impl Writer {
    pub(super) fn new(
        settings: Settings,
        receiver: mpsc::Receiver<Box<Record>>,
        tally: Arc<Tally>,
        turn: Arc<Notify>,
        clock: Clock,
        (run, system): (String, String),
    ) -> Self {
        let buffer = Buffer { tally: tally.clone(), ..Buffer::default() };
        // With nought no record would ever have a place.
        let settings = Settings { flush_bytes: settings.flush_bytes.max(1), ..settings };
        Self {
            settings,
            receiver,
            tally,
            turn,
            clock,
            run,
            system,
            buffer,
            records: 0,
            told_lost: 0,
            failing: false,
            stuck: false,
        }
    }

    /// Writes until `end`, then what still waits, and closes `out`. End it after the guard has let its last connection go
    /// ([`crate::serve`] has returned): records are made when answers have left.
    ///
    /// Where `out` fails it is tried again; meanwhile the queue fills, and then records are lost and counted.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub async fn run(
        self,
        out: impl AsyncWrite + Unpin + Send,
        end: impl Future<Output = ()>,
    ) -> Result<End, Unwritten> {
        self.run_in_parts(out, Single::new(), end).await
    }

    /// As [`Writer::run`], in files one after another: another one begins when [`Settings::part_bytes`] or [`Settings::part_after`]
    /// says so, or [`super::AccessLog::turn`] is called. `first` was opened for part 1 of [`super::AccessLog::run`].
    ///
    /// Where the next one cannot be opened, the one before is written on.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub async fn run_in_parts<P: Parts>(
        mut self,
        first: P::Out,
        parts: P,
        end: impl Future<Output = ()>,
    ) -> Result<End, Unwritten> {
        let mut open = Open::new(first, parts);
        self.buffer.begin_with(&self.start(open.number));
        tokio::pin!(end);
        let turn = self.turn.clone();
        // When the lines in the buffer are to be written, at the latest.
        let mut due = Some(Instant::now());
        loop {
            let has_place = self.buffer.rest().len() < self.settings.flush_bytes;
            // A part whose lines cannot be written does not end.
            let part_due = open.due(&self.settings, Instant::now()).filter(|_| !self.failing);
            let wait = [due, part_due].into_iter().flatten().min();
            tokio::select! {
                biased;
                () = &mut end => break,
                () = turn.notified() => open.ask(),
                () = sleep_until(wait.unwrap_or_else(Instant::now)), if wait.is_some() => {
                    if has_place {
                        self.tell_losses();
                    }
                    tokio::select! {
                        biased;
                        written = self.write(&mut open) => due = self.outcome(written),
                        () = &mut end => break,
                    }
                }
                record = self.receiver.recv(), if has_place => {
                    let Some(record) = record else { break };
                    self.record(record);
                    let full = self.buffer.rest().len() >= self.settings.flush_bytes;
                    let after = if full { Instant::now() } else { Instant::now() + self.settings.flush_after };
                    // One that failed waits on.
                    due = Some(due.map_or(after, |due| if full && !self.failing { due.min(after) } else { due }));
                }
            }
        }
        self.finish(open).await
    }

    /// Writes what is in the buffer, into another part if it belongs there. Gives up nothing when it is dropped half way.
    async fn write<P: Parts>(&mut self, open: &mut Open<P>) -> std::io::Result<()> {
        if !self.buffer.is_begun() && open.ends_before(self.buffer.bytes.len(), &self.settings) {
            self.turn(open).await;
        }
        open.close_those_before().await;
        let (bytes, records) = (self.buffer.bytes.len() as u64, self.buffer.records);
        let mut written = self.buffer.write_to(&mut open.out).await;
        // Whoever looked after the log asks for another file: what this one took of a line is written again there.
        if written.is_err() && open.is_asked() && self.turn(open).await {
            open.close_those_before().await;
            written = self.buffer.write_to(&mut open.out).await;
        }
        written?;
        open.wrote(bytes, records);
        Ok(())
    }

    /// Begins another part, if there is another; whether it did. Given up half way it has changed nothing.
    async fn turn<P: Parts>(&mut self, open: &mut Open<P>) -> bool {
        match open.turn((self.clock)(), &self.run, self.settings.flush_after).await {
            Ok(turned) => {
                if turned {
                    let start = self.start(open.number);
                    self.buffer.begin_with(&start);
                }
                self.stuck = false;
                turned
            }
            Err(error) => {
                if !self.stuck {
                    tracing::error!(%error, "the next part of the access log cannot be opened: the one before is written on; look after its folder");
                }
                self.stuck = true;
                false
            }
        }
    }

    async fn finish<P: Parts>(mut self, mut open: Open<P>) -> Result<End, Unwritten> {
        let deadline = Instant::now() + self.settings.end;
        // What comes from now on is lost, and nobody would read of it.
        self.receiver.close();
        while let Some(record) = self.receiver.recv().await {
            self.record(record);
            if self.buffer.rest().len() >= self.settings.flush_bytes {
                self.insist(&mut open, deadline).await?;
            }
        }
        self.tell_losses();
        let (time, run) = ((self.clock)(), self.run.clone());
        let end = End { run, time, records: self.records, lost: self.told_lost };
        self.line(&Line::End(end.clone()));
        self.insist(&mut open, deadline).await?;
        match timeout_at(deadline, open.close()).await {
            Ok(Ok(())) => Ok(end),
            _ => Err(Unwritten { records: 0 }),
        }
    }

    /// Writes, again and again until the deadline.
    async fn insist<P: Parts>(&mut self, open: &mut Open<P>, deadline: Instant) -> Result<(), Unwritten> {
        loop {
            let written = timeout_at(deadline, self.write(open)).await;
            let now = Instant::now();
            match written {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if now < deadline => {
                    let _ = self.outcome(Err(error));
                    sleep_until(deadline.min(now + self.settings.flush_after)).await;
                }
                _ => {
                    let waiting = self.receiver.len() as u64;
                    return Err(Unwritten { records: self.buffer.records + waiting });
                }
            }
        }
    }

    /// When to write next.
    fn outcome(&mut self, written: std::io::Result<()>) -> Option<Instant> {
        match written {
            Ok(()) => {
                if self.failing {
                    tracing::info!("the access log can be written again");
                }
                self.failing = false;
                None
            }
            Err(error) => {
                if !self.failing {
                    tracing::error!(%error, "the access log cannot be written; look after its disk or pipe");
                }
                self.failing = true;
                Some(Instant::now() + self.settings.flush_after)
            }
        }
    }

    fn record(&mut self, record: Box<Record>) {
        self.line(&Line::Response(record));
        self.records += 1;
        self.buffer.records += 1;
    }

    fn tell_losses(&mut self) {
        let records = self.tally.untold.swap(0, Ordering::Relaxed);
        if records > 0 {
            self.told_lost += records;
            let (time, run) = ((self.clock)(), self.run.clone());
            self.line(&Line::Lost(Lost { run, time, records }));
            tracing::warn!(records, "the access log was too slow: records were lost");
        }
    }

    /// The line that a part begins with.
    fn start(&self, part: u64) -> Vec<u8> {
        let (time, run, system) = ((self.clock)(), self.run.clone(), self.system.clone());
        let start = Start { form: FORM, time, run, part, system, sealed: SEALED.to_vec() };
        // Texts and numbers: it cannot fail, and if it did a part would be without.
        let mut line = serde_json::to_vec(&Line::Start(start)).unwrap_or_default();
        line.push(b'\n');
        line
    }

    fn line(&mut self, line: &Line) {
        let before = self.buffer.bytes.len();
        // Texts and numbers into memory: it cannot fail. If it did, half a line must not stay.
        if serde_json::to_writer(&mut self.buffer.bytes, line).is_err() {
            self.buffer.bytes.truncate(before);
            self.tally.lose();
            return;
        }
        self.buffer.bytes.push(b'\n');
    }
}
