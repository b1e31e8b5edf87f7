//! Going through a chain for what happened in a time: its entries by pages, and at the end what is known of the chain itself.

use entity::{audit_entry, audit_head};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::beginning::{self, Start};
use super::chain::{Walk, hash};
use super::checkpoint::origin;
use super::note::Checkpoint;
use super::read::describe;
use super::verify::{ChainFault, FaultKind};
use super::{Archive, Entry, seal, store, verify};
use crate::access::Scope;
use crate::clock::from_micros;
use crate::error::{Error, Result};

const PAGE: u64 = 2000;
/// How far outside the time a checkpoint must have been made for the walk to go on from it, or to end with it. An entry's instant is when
/// its operation began, and the clocks of nodes differ: no operation takes as long, and no clock is as wrong.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// A walk through the chain of one tenant. Memory is that of a page, however long the chain is.
pub struct Reading {
    scope: Scope,
    tenant: Uuid,
    /// Microseconds, both included.
    time: (i64, i64),
    end: End,
    start: Start,
    walk: Walk,
    forged: bool,
    section: Section,
}

/// How far a walk goes.
enum End {
    /// To a signed checkpoint of so many entries, which proves all of them.
    Sealed(i64),
    /// To the end of the chain, as its head says it.
    Head(Option<audit_head::Model>),
}

/// The part of a chain that lies in a time, and whether the chain can be believed.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Numbers of the first and the last entry of the time.
    pub numbers: Option<(i64, i64)>,
    /// Hash of the last one, in hexadecimal: over it and all before it.
    pub hash: String,
    /// The earliest and the latest instant of an entry of the time.
    pub instants: Option<(Timestamp, Timestamp)>,
    /// Entries of the time.
    pub entries: u64,
    /// What is wrong with the chain, from the last checkpoint before the time to the first one after it, or to the chain's end.
    pub faults: Vec<ChainFault>,
    /// Files that may hold entries of the time, the newest first: those were trimmed, and not read.
    pub archives: Vec<Archive>,
}

/// Tenants within the scope that have or must have a chain, in order.
///
/// # Errors
/// Unexpected ones only.
pub async fn chains(scope: &Scope) -> Result<Vec<Uuid>> {
    Ok(verify::tenants(scope).await?.into_iter().collect())
}

/// Begins to read the entries of a tenant from one instant to another, both included. Whoever reads them records it.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn reading(scope: &Scope, tenant: Uuid, from: Timestamp, to: Timestamp) -> Result<Reading> {
    let scope = scope.within(tenant, "tenant")?;
    // The head first: entries that are appended meanwhile lie behind it and are not looked at.
    let head = store::head(scope.connection(), tenant).await?;
    let start = beginning::start(&scope, tenant).await?;
    let (known, forged) = seal::stored(&scope, tenant).await?;
    let before = from.saturating_sub(MARGIN).unwrap_or(Timestamp::MIN);
    let mut walk = walk_from(&scope, tenant, &start, before).await?.compare(&known);
    let after = to.saturating_add(MARGIN).unwrap_or(Timestamp::MAX);
    let sealed = store::checkpoint_since(&scope, tenant, after.as_microsecond()).await?;
    let sealed = sealed.filter(|row| row.size > walk.end().0);
    let end = match sealed.and_then(|row| Some((row.size, seal::tree_of(&scope, tenant, &row)?))) {
        Some((size, tree)) => {
            let checkpoint = Checkpoint { origin: origin(tenant), size: tree.size(), root: tree.root() };
            walk = walk.compare([&checkpoint]);
            End::Sealed(size)
        }
        None => End::Head(head),
    };
    let time = (from.as_microsecond(), to.as_microsecond());
    Ok(Reading { scope, tenant, time, end, start, walk, forged, section: Section::default() })
}

/// From the newest checkpoint before an instant, as far as its signature proves it; else from where the chain begins.
async fn walk_from(scope: &Scope, tenant: Uuid, start: &Start, before: Timestamp) -> Result<Walk> {
    let sealed = store::checkpoint_before(scope, tenant, before.as_microsecond()).await?;
    let Some(row) = sealed.filter(|row| row.size > start.behind()) else { return Ok(start.walk()) };
    let Some(tree) = seal::tree_of(scope, tenant, &row) else { return Ok(start.walk()) };
    let entry = store::page(scope.connection(), tenant, row.size - 1, 1).await?.into_iter().next();
    let whole = |entry: &audit_entry::Model| entry.seq == row.size && hash(entry)[..] == entry.hash[..];
    let last = entry.filter(whole).and_then(|entry| entry.hash[..].try_into().ok());
    Ok(last.map_or_else(|| start.walk(), |last| Walk::resume(row.size, last, tree)))
}

impl Reading {
    /// The next entries of the time, in order; `None` at the end of the chain. How many were gone through for them is said, too.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn next(&mut self) -> Result<Option<(Vec<Entry>, u64)>> {
        let end = match &self.end {
            End::Sealed(size) => *size,
            End::Head(head) => head.as_ref().map_or(i64::MAX, |head| head.seq),
        };
        let mut page = store::page(self.scope.connection(), self.tenant, self.walk.end().0, PAGE).await?;
        page.retain(|entry| entry.seq <= end);
        if page.is_empty() {
            return Ok(None);
        }
        let gone_through = page.len() as u64;
        let mut entries = Vec::new();
        for row in page {
            self.walk.take(&row);
            if (self.time.0..=self.time.1).contains(&row.at) {
                self.section.note(&row);
                entries.push(describe(row, None)?);
            }
        }
        Ok(Some((entries, gone_through)))
    }

    /// What is known of the chain, once it was read to its end.
    ///
    /// # Errors
    /// `CONFLICT` when entries were trimmed away meanwhile; unexpected ones.
    pub async fn end(self) -> Result<Section> {
        let Self { scope, tenant, time, end, start, walk, forged, mut section } = self;
        section.faults = match end {
            End::Head(head) => verify::report(&scope, tenant, head.as_ref(), walk, &start, forged).faults,
            End::Sealed(size) => sealed_faults(walk, size, &start, forged),
        };
        if !section.faults.is_empty() && start.moved(&scope, tenant).await? {
            return Err(Error::conflict("the audit log was trimmed while it was read").remedy("ask again"));
        }
        let within = |archive: &Archive| archive.latest.as_microsecond() >= time.0;
        section.archives = start.archives().into_iter().filter(within).collect();
        Ok(section)
    }
}

/// What is wrong with a walk that was to end with a checkpoint.
fn sealed_faults(walk: Walk, size: i64, start: &Start, forged: bool) -> Vec<ChainFault> {
    let (last, _) = walk.end();
    let (_, mut faults) = walk.finish_early();
    let more = [
        (last != size).then_some((last, FaultKind::ShorterThanSealed)),
        forged.then_some((last, FaultKind::ForgedCheckpoint)),
        start.forged.map(|seq| (seq, FaultKind::ForgedBeginning)),
    ];
    faults.extend(more.into_iter().flatten().map(|(seq, kind)| ChainFault { seq, kind }));
    faults
}

impl Section {
    fn note(&mut self, row: &audit_entry::Model) {
        let at = from_micros(row.at);
        self.entries += 1;
        self.numbers = Some((self.numbers.map_or(row.seq, |(first, _)| first), row.seq));
        self.hash = hex::encode(&row.hash);
        self.instants = Some(self.instants.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }
}

/// Entries of some actions in a tenant's chain, the oldest first, whenever they were: for what was true at an instant.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn all_of(scope: &Scope, tenant: Uuid, actions: &[&str]) -> Result<Vec<Entry>> {
    let scope = scope.within(tenant, "tenant")?;
    let mut after = beginning::start(&scope, tenant).await?.behind();
    let mut entries = Vec::new();
    loop {
        let page = store::of_actions(&scope, tenant, actions, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(entries) };
        after = last.seq;
        for row in page {
            entries.push(describe(row, None)?);
        }
    }
}
