//! Writes the records down, many at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::record::{End, FORM, Line, Lost, Record, SEALED, Start};
use super::{Clock, Settings, Tally};

/// Who writes the log.
pub struct Writer {
    settings: Settings,
    receiver: mpsc::Receiver<Box<Record>>,
    tally: Arc<Tally>,
    clock: Clock,
    run: String,
    system: String,
    buffer: Buffer,
    records: u64,
    told_lost: u64,
    failing: bool,
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
            match out.write(self.rest()).await? {
                0 => return Err(std::io::ErrorKind::WriteZero.into()),
                count => self.written += count,
            }
        }
        out.flush().await?;
        self.bytes.clear();
        self.tally.written.fetch_add(self.records, Ordering::Relaxed);
        (self.written, self.records) = (0, 0);
        Ok(())
    }
}

impl Writer {
    pub(super) fn new(
        settings: Settings,
        receiver: mpsc::Receiver<Box<Record>>,
        tally: Arc<Tally>,
        clock: Clock,
        run: String,
        system: String,
    ) -> Self {
        let buffer = Buffer { tally: tally.clone(), ..Buffer::default() };
        // With nought no record would ever have a place.
        let settings = Settings { flush_bytes: settings.flush_bytes.max(1), ..settings };
        Self {
            settings,
            receiver,
            tally,
            clock,
            run,
            system,
            buffer,
            records: 0,
            told_lost: 0,
            failing: false,
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
        mut self,
        mut out: impl AsyncWrite + Unpin,
        end: impl Future<Output = ()>,
    ) -> Result<End, Unwritten> {
        let (time, run, system) = ((self.clock)(), self.run.clone(), self.system.clone());
        self.line(&Line::Start(Start { form: FORM, time, run, system, sealed: SEALED.to_vec() }));
        tokio::pin!(end);
        // When the lines in the buffer are to be written, at the latest.
        let mut due = Some(Instant::now());
        loop {
            let has_place = self.buffer.rest().len() < self.settings.flush_bytes;
            let wait = due.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                () = &mut end => break,
                () = sleep_until(wait), if due.is_some() => {
                    self.tell_losses();
                    tokio::select! {
                        biased;
                        written = self.buffer.write_to(&mut out) => due = self.outcome(written),
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
        self.finish(&mut out).await
    }

    async fn finish(mut self, out: &mut (impl AsyncWrite + Unpin)) -> Result<End, Unwritten> {
        let deadline = Instant::now() + self.settings.end;
        // What comes from now on is lost, and nobody would read of it.
        self.receiver.close();
        while let Some(record) = self.receiver.recv().await {
            self.record(record);
            if self.buffer.rest().len() >= self.settings.flush_bytes {
                self.insist(out, deadline).await?;
            }
        }
        self.tell_losses();
        let (time, run) = ((self.clock)(), self.run.clone());
        let end = End { run, time, records: self.records, lost: self.told_lost };
        self.line(&Line::End(end.clone()));
        self.insist(out, deadline).await?;
        match timeout_at(deadline, out.shutdown()).await {
            Ok(Ok(())) => Ok(end),
            _ => Err(Unwritten { records: 0 }),
        }
    }

    /// Writes, again and again until the deadline.
    async fn insist(
        &mut self,
        out: &mut (impl AsyncWrite + Unpin),
        deadline: Instant,
    ) -> Result<(), Unwritten> {
        loop {
            let written = timeout_at(deadline, self.buffer.write_to(out)).await;
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
