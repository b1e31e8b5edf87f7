//! The scan: takes inputs one by one, or on many threads, and ends in a result.

mod columns;
mod lines;
mod told;

use std::collections::HashSet;
use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::blocks::{Block, Cutter};
use crate::crew::read_together;
use crate::finish::finish;
use crate::formats::{Format, Forms};
use crate::input::{InputReport, Opened, Reading, open};
use crate::query::{Compiled, QueryError, WindowQuery};
use crate::reconstruct::{CacheFacts, Exposure, FactsError, Reconstruction, reconstruct};
use crate::result::{Class, WindowResult};
use crate::store::{Store, Subject};
use crate::unpack::Packing;

use lines::{File, Found};

/// Reads inputs for one [`WindowQuery`].
///
/// Memory grows with the people, the sessions, and the distinct logins and personal requests near the window
/// (about 100 bytes each; without them a line in two files could not be known as one). All other lines leave
/// nothing behind.
///
/// For several threads, see [`read_files`](crate::read_files), or give each its own scan of the same query and
/// [`merge`](Scan::merge) them at the end.
#[derive(Debug, Clone)]
pub struct Scan {
    pub(crate) compiled: Compiled,
    pub(crate) store: Store,
    pub(crate) forms: Forms,
    /// Where inputs are read into, one after another.
    room: Block,
}

/// Two scans ask different questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scans have different queries; merge only scans made from the same query")]
pub struct MergeError;

impl Scan {
    /// Prepares a scan.
    ///
    /// # Errors
    /// [`QueryError`] when the window is reversed or a route pattern is not valid.
    pub fn new(query: WindowQuery) -> Result<Self, QueryError> {
        Ok(Self {
            compiled: Compiled::new(query)?,
            store: Store::default(),
            forms: Forms::default(),
            room: Block::default(),
        })
    }

    /// Reads one input, plain, gzip or zstd, of whatever format its lines show.
    ///
    /// There is no error: what cannot be read is in the report, and the rest is used.
    pub fn read(&mut self, name: &str, reader: impl Read + Send) -> InputReport {
        self.read_as(name, None, reader)
    }

    /// Reads one input as the given format; `None` finds out.
    pub fn read_as(&mut self, name: &str, format: Option<Format>, reader: impl Read + Send) -> InputReport {
        self.read_on(NonZeroUsize::MIN, name, format, reader)
    }

    /// Reads one input on several threads: one reads and unpacks, one hashes, and all look at the lines. The result is the same. Many
    /// inputs are faster read each on one thread.
    pub fn read_on(
        &mut self,
        threads: NonZeroUsize,
        name: &str,
        format: Option<Format>,
        reader: impl Read + Send,
    ) -> InputReport {
        let max = self.compiled.query.limits.max_line_bytes;
        let Opened { content, packing, broken } = open(reader);
        let mut cutter = Cutter::new(content, broken, max);
        let (reading, found) = if packing == Packing::Parquet {
            let (block, mut hash) = (&mut self.room, Sha256::new());
            while cutter.next(block) {
                hash.update(block.fresh());
            }
            (cutter.end(packing, hash), Found::parquet_as_stream())
        } else if threads == NonZeroUsize::MIN {
            let mut file = File::new(&mut self.compiled, format, self.forms.clone());
            file.found.store.skew = self.store.skew.bounded();
            let (block, mut hash) = (&mut self.room, Sha256::new());
            while cutter.next(block) {
                hash.update(block.fresh());
                file.block(block);
            }
            (cutter.end(packing, hash), file.found)
        } else {
            // Looks at the lines that say how others are read, and remembers nothing else.
            let mut scout_compiled = self.compiled.clone();
            let mut scout = File::new(&mut scout_compiled, format, self.forms.clone());
            let mut known = Arc::new(scout.known());
            let prepare = move |block: &Block| {
                let before = known.clone();
                if scout.look_ahead(block) {
                    known = Arc::new(scout.known());
                }
                before
            };
            let mut copies = vec![self.compiled.clone(); threads.get()];
            let forms = &self.forms;
            let hand = |compiled| (File::new(compiled, format, forms.clone()), None);
            let mut hands: Vec<_> = copies.iter_mut().map(hand).collect();
            let (cutter, hash) = read_together(cutter, prepare, &mut hands);
            let found = hands.into_iter().map(|(file, _)| file.found).reduce(Found::merge);
            (cutter.end(packing, hash), found.unwrap_or_default())
        };
        self.keep(name, found, reading)
    }

    /// Takes over what an input had.
    fn keep(&mut self, name: &str, mut found: Found, reading: Reading) -> InputReport {
        found.bad.samples.sort_unstable_by_key(|sample| sample.line);
        found.bad.samples.truncate(self.compiled.query.limits.bad_samples);
        let sha256 = hex::encode(reading.sha256);
        let duplicate_of = self
            .store
            .inputs
            .iter()
            .filter(|input| input.sha256 == sha256)
            .map(|input| input.name.clone())
            .min();
        let mut store = found.store;
        let report = InputReport {
            name: name.to_owned(),
            sha256,
            format: found.format,
            compressed: matches!(reading.packing, Packing::Gzip | Packing::Zstd),
            bytes: reading.bytes,
            lines: found.lines,
            used: found.used,
            bad: found.bad,
            oversized: found.oversized,
            truncated: reading.truncated,
            first: found.seen.and_then(|(first, _)| Timestamp::from_millisecond(first).ok()),
            last: found.seen.and_then(|(_, last)| Timestamp::from_millisecond(last).ok()),
            duplicate_of,
            lost: found.lost,
        };
        store.inputs = vec![report.clone()];
        self.store.merge(store);
        report
    }

    /// Joins two scans of the same query, in any order.
    ///
    /// # Errors
    /// [`MergeError`] when the queries differ.
    pub fn merge(mut self, other: Self) -> Result<Self, MergeError> {
        if self.compiled.query != other.compiled.query {
            return Err(MergeError);
        }
        self.absorb(other);
        Ok(self)
    }

    #[cfg(test)]
    pub(crate) fn settled(&mut self) -> (&Compiled, &Store) {
        self.store.settle();
        (&self.compiled, &self.store)
    }

    /// The same question, and nothing read.
    pub(crate) fn empty(&self) -> Self {
        let (compiled, forms) = (self.compiled.clone(), self.forms.clone());
        Self { compiled, store: Store::default(), forms, room: Block::default() }
    }

    /// Takes over what a scan of the same query found.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.store.merge(other.store);
    }

    /// Lists the people.
    #[must_use]
    pub fn finish(mut self) -> WindowResult {
        self.store.settle();
        finish(&self.compiled, &self.store, &HashSet::new())
    }

    /// Lists the people, and for each of them says what the logs show of who saw whose page.
    ///
    /// # Errors
    /// [`FactsError`].
    pub fn reconstruct(self, facts: &CacheFacts) -> Result<(WindowResult, Reconstruction), FactsError> {
        facts.check()?;
        if self.compiled.query.personal_routes.is_empty() {
            return Err(FactsError::NoRoutes);
        }
        let Self { compiled, mut store, .. } = self;
        store.settle();
        let mut window = finish(&compiled, &store, &HashSet::new());
        let mut reconstruction = reconstruct(&compiled, &store, facts, &window);
        // The window is the upper bound: whoever made a page just before it, by whichever clock, is on its list, too.
        let also = not_listed(&store, &window, &reconstruction);
        if !also.is_empty() {
            window = finish(&compiled, &store, &also);
            reconstruction = reconstruct(&compiled, &store, facts, &window);
        }
        Ok((window, reconstruction))
    }
}

/// Whom the reconstruction lists as seen, or perhaps seen, and the window does not.
fn not_listed(store: &Store, window: &WindowResult, found: &Reconstruction) -> HashSet<u32> {
    let tenants = window.people.iter().flat_map(|person| {
        let possible = person.tenants.iter().filter(|tenant| tenant.class == Class::Possible);
        possible.map(|tenant| (person.person.as_str(), tenant.tenant.as_deref().unwrap_or_default()))
    });
    let listed: HashSet<(&str, &str)> = tenants.collect();
    let seen: HashSet<(&str, &str)> = found
        .people
        .iter()
        .flat_map(|person| {
            let seen = person.tenants.iter().filter(|tenant| tenant.exposure <= Exposure::Possible);
            seen.map(|tenant| (person.person.as_str(), tenant.tenant.as_deref().unwrap_or_default()))
        })
        .collect();
    let subjects = (0..).zip(&store.subjects);
    let of = |subject: &Subject| {
        let key = (subject.person.as_str(), subject.tenant.as_str());
        seen.contains(&key) && !listed.contains(&key)
    };
    subjects.filter(|(_, subject)| of(subject)).map(|(number, _)| number).collect()
}
