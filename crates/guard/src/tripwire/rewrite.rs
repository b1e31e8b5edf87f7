//! A page on its way through: bytes go in, the same bytes come out, and in one place what is put into it.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use tokio::sync::OwnedSemaphorePermit;

use super::place::{Finder, Found, Why};

/// Bytes that are decoded at once. What comes of them is at most a thousand times as much (DEFLATE's best, RFC 1951), and leaves before
/// the next are looked at.
const SIP: usize = 1024;

/// On a list of names and numbers of 92 KB: level 1 gives 36 KB, 2 gives 24 KB in 1.4 times its time, 6 gives 22 KB in 2.2 times.
const LEVEL: Compression = Compression::new(2);

/// In what form a page comes and leaves.
pub enum Coding {
    Plain,
    Gzip(Box<Gzip>),
}

/// A page in gzip (RFC 1952). It leaves in gzip, too, as long as there is a place among those that are coded at once; else plain.
pub struct Gzip {
    decoder: GzDecoder<Vec<u8>>,
    encoder: Option<(GzEncoder<Vec<u8>>, OwnedSemaphorePermit)>,
    /// Went into the encoder and did not come out yet.
    unflushed: bool,
    begun: bool,
    over: bool,
}

impl Gzip {
    /// Decodes; and codes anew with a permit.
    pub fn new(permit: Option<OwnedSemaphorePermit>) -> Self {
        let encoder = permit.map(|permit| (GzEncoder::new(Vec::new(), LEVEL), permit));
        Self { decoder: GzDecoder::new(Vec::new()), encoder, unflushed: false, begun: false, over: false }
    }
}

/// What is done to one page.
pub struct Rewriting {
    coding: Coding,
    /// None once the place is found, or known not to be there.
    finder: Option<Finder>,
    insertion: Bytes,
    /// Comes of what was pushed and was not decoded yet.
    waiting: Bytes,
}

/// What became of the page, told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Marked,
    /// It leaves as it came.
    Unmarked(Why),
    /// There is nothing to be seen on it.
    Empty,
}

/// The page cannot be read, so that nothing true could follow.
#[derive(Debug, thiserror::Error)]
#[error("the page's coding is broken")]
pub struct Unreadable;

/// One step.
pub struct Step {
    /// May be empty.
    pub out: Bytes,
    pub outcome: Option<Outcome>,
    /// There is more of what was pushed.
    pub more: bool,
}

impl Rewriting {
    /// Puts `insertion` into a page; with `whole_only` only into one that begins as a whole document does.
    pub fn new(coding: Coding, insertion: Bytes, whole_only: bool) -> Self {
        Self { coding, finder: Some(Finder::new(whole_only)), insertion, waiting: Bytes::new() }
    }

    /// Takes the next piece; asked again with nothing, until there is no more of it.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn push(&mut self, piece: Bytes) -> Result<Step, Unreadable> {
        let Coding::Gzip(gzip) = &mut self.coding else {
            let (out, outcome) = place(&mut self.finder, &self.insertion, piece);
            return Ok(Step { out, outcome, more: false });
        };
        if !piece.is_empty() {
            self.waiting = piece;
        }
        let sip = self.waiting.split_to(self.waiting.len().min(SIP));
        let decoded = gzip.decode(&sip)?;
        let more = !self.waiting.is_empty();
        let (out, outcome) = place(&mut self.finder, &self.insertion, decoded.into());
        Ok(Step { out: gzip.encode(out), outcome, more })
    }

    /// Whether [`Rewriting::flush`] has something to give.
    pub fn holds(&self) -> bool {
        matches!(&self.coding, Coding::Gzip(gzip) if gzip.unflushed)
    }

    /// All that the client can have before the next piece comes. What is held back while the place is looked for is not among it.
    pub fn flush(&mut self) -> Bytes {
        match &mut self.coding {
            Coding::Plain => Bytes::new(),
            Coding::Gzip(gzip) => gzip.flush(),
        }
    }

    /// The end of the page.
    ///
    /// # Errors
    /// [`Unreadable`] for a page that ends before its coding does.
    pub fn end(&mut self) -> Result<Step, Unreadable> {
        let mut rest = Vec::new();
        if let Coding::Gzip(gzip) = &mut self.coding {
            rest = gzip.decode_end()?;
        }
        let (mut out, mut outcome) = place(&mut self.finder, &self.insertion, rest.into());
        if let Some(mut finder) = self.finder.take() {
            let found = finder.end();
            let (held, told) = settle(&mut finder, found, &self.insertion);
            outcome = Some(told.unwrap_or(Outcome::Empty));
            out = held;
        }
        if let Coding::Gzip(gzip) = &mut self.coding {
            out = gzip.encode_end(out);
        }
        Ok(Step { out, outcome, more: false })
    }
}

/// Looks for the place, or lets through.
fn place(finder: &mut Option<Finder>, insertion: &Bytes, piece: Bytes) -> (Bytes, Option<Outcome>) {
    let Some(looking) = finder else { return (piece, None) };
    match looking.push(&piece) {
        Found::Not => (Bytes::new(), None),
        found => {
            let settled = settle(looking, found, insertion);
            *finder = None;
            settled
        }
    }
}

fn settle(finder: &mut Finder, found: Found, insertion: &Bytes) -> (Bytes, Option<Outcome>) {
    let mut held = finder.held();
    match found {
        Found::Not => (held.into(), None),
        Found::Nowhere(why) => (held.into(), Some(Outcome::Unmarked(why))),
        Found::At(place) => {
            // Within what is held: the finder looked at nothing else.
            let rest = held.split_off(place.min(held.len()));
            let mut out = Vec::with_capacity(held.len() + insertion.len() + rest.len());
            [&held[..], insertion, &rest].iter().for_each(|part| out.extend_from_slice(part));
            (out.into(), Some(Outcome::Marked))
        }
    }
}

impl Gzip {
    fn decode(&mut self, mut sip: &[u8]) -> Result<Vec<u8>, Unreadable> {
        self.begun |= !sip.is_empty();
        // What follows the end is no part of the page; browsers leave it, too.
        while !sip.is_empty() && !self.over {
            match self.decoder.write(sip) {
                Ok(0) => self.over = true,
                Ok(taken) => sip = sip.get(taken..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Unreadable),
            }
        }
        self.decoder.flush().map_err(|_| Unreadable)?;
        Ok(std::mem::take(self.decoder.get_mut()))
    }

    fn decode_end(&mut self) -> Result<Vec<u8>, Unreadable> {
        // An answer may say a coding and have no body.
        if self.begun {
            self.decoder.try_finish().map_err(|_| Unreadable)?;
        }
        Ok(std::mem::take(self.decoder.get_mut()))
    }

    fn encode(&mut self, page: Bytes) -> Bytes {
        let Some((encoder, _)) = &mut self.encoder else { return page };
        if page.is_empty() {
            return page;
        }
        self.unflushed = true;
        written(encoder, |encoder| encoder.write_all(&page))
    }

    fn flush(&mut self) -> Bytes {
        self.unflushed = false;
        self.encoder.as_mut().map_or_else(Bytes::new, |(encoder, _)| written(encoder, Write::flush))
    }

    fn encode_end(&mut self, page: Bytes) -> Bytes {
        self.unflushed = false;
        match &mut self.encoder {
            Some((encoder, _)) if self.begun => written(encoder, |encoder| {
                encoder.write_all(&page)?;
                encoder.try_finish()
            }),
            _ => page,
        }
    }
}

/// What an encoder gives for it.
fn written(
    encoder: &mut GzEncoder<Vec<u8>>,
    write: impl FnOnce(&mut GzEncoder<Vec<u8>>) -> io::Result<()>,
) -> Bytes {
    // Into memory: there is nothing that could fail.
    let _ = write(encoder);
    std::mem::take(encoder.get_mut()).into()
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
