//! Files that lines are written to, one after another.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::Settings;

/// What a part begins with.
#[derive(Clone, Copy, Debug)]
pub struct Begin<'a> {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time: u64,
    /// 32 hexadecimal digits, drawn for this run of the guard.
    pub run: &'a str,
    /// Counts on from 1 in a run.
    pub part: u64,
}

/// Whoever opens the files that lines are written to. Lines are never divided between two of them.
///
/// A file must take what it is given or fail: one that says of bytes that they are written, and loses them later, loses records that
/// nobody counts, and one that fails has taken nothing of that write. After a write that was given up half way it is given the same
/// bytes again, with others behind them. One that fails until another is asked for may end in the middle of a line, which the other
/// one begins with.
pub trait Parts {
    type Out: AsyncWrite + Unpin;

    /// Opens the next one; `None` when the one that is open is still the right one.
    ///
    /// # Errors
    /// It cannot be opened: the one before is written on, and this is asked again.
    fn open(&mut self, begin: Begin<'_>) -> impl Future<Output = io::Result<Option<Self::Out>>> + Send;

    /// Takes back one whose lines are all written.
    ///
    /// # Errors
    /// It is whole all the same, but for what `close` was to do with it.
    fn close(&mut self, out: Self::Out) -> impl Future<Output = io::Result<()>> + Send;
}

/// One file or pipe for all of it.
pub(super) struct Single<W>(std::marker::PhantomData<W>);

impl<W> Single<W> {
    pub(super) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<W: AsyncWrite + Unpin + Send> Parts for Single<W> {
    type Out = W;

    async fn open(&mut self, _: Begin<'_>) -> io::Result<Option<W>> {
        Ok(None)
    }

    async fn close(&mut self, mut out: W) -> io::Result<()> {
        out.shutdown().await
    }
}

/// The part that is written, and when it ends.
pub(super) struct Open<P: Parts> {
    pub parts: P,
    pub out: P::Out,
    /// Of this part.
    pub number: u64,
    /// Those that are whole but not taken back yet.
    before: Vec<P::Out>,
    bytes: u64,
    /// When its first record was written.
    since: Option<Instant>,
    /// Somebody asked for another.
    asked: bool,
    /// When opening failed: not before this.
    again: Option<Instant>,
}

impl<P: Parts> Open<P> {
    pub(super) fn new(first: P::Out, parts: P) -> Self {
        let before = Vec::new();
        Self { parts, out: first, number: 1, before, bytes: 0, since: None, asked: false, again: None }
    }

    pub(super) fn ask(&mut self) {
        (self.asked, self.again) = (true, None);
    }

    /// Somebody waits for another, which may be opened now.
    pub(super) fn is_asked(&self) -> bool {
        self.asked && self.again.is_none_or(|again| again <= Instant::now())
    }

    /// Lines were written into it.
    pub(super) fn wrote(&mut self, bytes: u64, records: u64) {
        self.bytes += bytes;
        if records > 0 && self.since.is_none() {
            self.since = Some(Instant::now());
        }
    }

    /// When it ends. One without records does not by itself: a guard that nobody asks for anything makes no files.
    pub(super) fn due(&self, settings: &Settings, now: Instant) -> Option<Instant> {
        let end = if self.asked { now } else { later(self.since?, settings.part_after?)? };
        Some(self.again.map_or(end, |again| end.max(again)))
    }

    /// Whether lines of so many bytes belong into another one.
    pub(super) fn ends_before(&self, bytes: usize, settings: &Settings) -> bool {
        let now = Instant::now();
        if self.again.is_some_and(|again| now < again) {
            return false;
        }
        let is_full =
            settings.part_bytes.is_some_and(|most| self.bytes.saturating_add(bytes as u64) > most.get());
        (self.since.is_some() && is_full) || self.due(settings, now).is_some_and(|due| due <= now)
    }

    /// Opens the next one; whether there is another now. Given up half way it has changed nothing.
    pub(super) async fn turn(&mut self, time: u64, run: &str, patience: Duration) -> io::Result<bool> {
        let opened = self.parts.open(Begin { time, run, part: self.number + 1 }).await;
        // Nothing waits from here on.
        self.asked = opened.is_err() && self.asked;
        self.again = if opened.is_err() { later(Instant::now(), patience) } else { None };
        let Some(next) = opened? else {
            // Its measure begins anew, or it would end at once again.
            (self.bytes, self.since) = (0, None);
            return Ok(false);
        };
        self.before.push(std::mem::replace(&mut self.out, next));
        self.number += 1;
        (self.bytes, self.since) = (0, None);
        Ok(true)
    }

    /// Gives back those that are whole.
    pub(super) async fn close_those_before(&mut self) {
        while let Some(out) = self.before.pop() {
            if let Err(error) = self.parts.close(out).await {
                tracing::error!(%error, "a part of the access log is written, but could not be put away; look after its folder");
            }
        }
    }

    pub(super) async fn close(mut self) -> io::Result<()> {
        self.close_those_before().await;
        self.parts.close(self.out).await
    }
}

fn later(instant: Instant, by: Duration) -> Option<Instant> {
    instant.checked_add(by)
}
