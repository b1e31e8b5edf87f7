//! A copy of a chain as JSON Lines, and the proof of such a copy without the database.

use std::io::{BufRead, Write};

use anyhow::Context;
use entity::audit_entry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::beginning::{self, Beginning};
use super::chain::Walk;
use super::checkpoint::{open, tenant_of, unverified};
use super::merkle::Frontier;
use super::note::{Checkpoint, Verifier};
use super::verify::{ChainFault, FaultKind};
use super::{Event, store};
use crate::access::{Action, Op};
use crate::clock::from_micros;
use crate::error::{Error, Result};

const PAGE: u64 = 2000;
const UNWRITTEN: &str = "the copy could not be written";
/// No entry of ours is longer: texts are cut at 1,000 characters, details hold numbers and names, and a list has at most some
/// hundred people.
const LONGEST_LINE: u64 = 4 << 20;

/// A line of an exported copy: everything that the entry's hash covers, and the hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub tenant: Uuid,
    pub seq: i64,
    id: Uuid,
    at: Timestamp,
    actor: String,
    action: String,
    object: String,
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subjects: Option<String>,
    fields: Option<String>,
    purpose: Option<String>,
    decision: String,
    request_id: String,
    /// JSON as text: its hash is over the bytes.
    detail: String,
    prev: String,
    pub hash: String,
}

impl From<audit_entry::Model> for Line {
    fn from(row: audit_entry::Model) -> Self {
        Self {
            tenant: row.tenant_id,
            seq: row.seq,
            id: row.id,
            at: from_micros(row.at),
            actor: row.actor,
            action: row.action,
            object: row.object,
            subject: row.subject,
            subjects: row.subjects,
            fields: row.fields,
            purpose: row.purpose,
            decision: row.decision,
            request_id: row.request_id,
            detail: row.detail,
            prev: hex::encode(row.prev),
            hash: hex::encode(row.hash),
        }
    }
}

impl Line {
    pub fn into_entry(self) -> std::result::Result<audit_entry::Model, hex::FromHexError> {
        Ok(audit_entry::Model {
            tenant_id: self.tenant,
            seq: self.seq,
            id: self.id,
            at: self.at.as_microsecond(),
            actor: self.actor,
            action: self.action,
            object: self.object,
            subject: self.subject,
            subjects: self.subjects,
            fields: self.fields,
            purpose: self.purpose,
            decision: self.decision,
            request_id: self.request_id,
            detail: self.detail,
            prev: hex::decode(self.prev)?,
            hash: hex::decode(self.hash)?,
        })
    }
}

/// The first line of a copy whose chain begins behind archived entries: what the entries after it go on from. Between two
/// copies that follow one another it says where the second one begins.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    tenant: Uuid,
    /// Number of the last entry that is in the archive.
    pub behind: i64,
    /// Its hash, hexadecimal.
    hash: String,
    /// The latest instant of an entry in the archive.
    pub latest: Timestamp,
    /// Roots of the full subtrees over the archived entries, the largest first, hexadecimal.
    tree: String,
    /// The signed checkpoint of the archived entries.
    checkpoint: String,
    /// Name of the archive's file.
    pub archive: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpeningLine {
    beginning: Opening,
}

impl From<&Beginning> for Opening {
    fn from(beginning: &Beginning) -> Self {
        Self {
            tenant: beginning.row.tenant_id,
            behind: beginning.row.seq,
            hash: hex::encode(beginning.hash),
            latest: from_micros(beginning.row.latest),
            tree: hex::encode(beginning.tree.bytes()),
            checkpoint: beginning.row.note.clone(),
            archive: beginning.row.archive.clone(),
        }
    }
}

impl Opening {
    /// The tree, when its checkpoint has its root. Whose signature that is, is not looked at.
    pub fn frontier(&self) -> Option<Frontier> {
        let sealed = unverified(&self.checkpoint).ok()?;
        let tree = Frontier::restore(sealed.size, &hex::decode(&self.tree).ok()?)?;
        let whole = tenant_of(&sealed.origin) == Some(self.tenant)
            && i64::try_from(sealed.size) == Ok(self.behind)
            && sealed.root == tree.root();
        whole.then_some(tree)
    }

    fn walk(&self) -> Option<Walk> {
        Some(Walk::resume(self.behind, hex::decode(&self.hash).ok()?.try_into().ok()?, self.frontier()?))
    }
}

/// Writes the first line of a copy that begins behind archived entries.
pub(super) fn write_opening(out: &mut (impl Write + ?Sized), beginning: &Beginning) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, &OpeningLine { beginning: beginning.into() })?;
    out.write_all(b"\n")
}

/// Writes an entry as a line of a copy.
pub(super) fn write_entry(out: &mut (impl Write + ?Sized), row: audit_entry::Model) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, &Line::from(row))?;
    out.write_all(b"\n")
}

/// Number and hash of a chain's last entry: what a copy ends with, and what one writes down elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainEnd {
    pub tenant: Uuid,
    pub seq: i64,
    /// Hexadecimal.
    pub hash: String,
}

/// Writes the chain of a tenant, from where it begins to the last entry at this moment. The export is recorded behind them.
///
/// # Errors
/// `NOT_FOUND`, those of permission, and those of writing.
pub async fn export(op: &Op, tenant: Uuid, out: &mut (dyn Write + Send)) -> Result<ChainEnd> {
    let scope = op.permit_at(tenant, Action::Export, "audit").await?;
    op.require_fresh(Action::Export, "audit").await?;
    let start = beginning::start(&scope, tenant).await?;
    let (mut seq, mut hash) = (0, String::new());
    if let Some(beginning) = &start.beginning {
        write_opening(out, beginning).context(UNWRITTEN)?;
        (seq, hash) = (beginning.row.seq, hex::encode(beginning.hash));
    }
    let end = store::head(scope.connection(), tenant).await?.map_or(0, |head| head.seq);
    while seq < end {
        let page = store::page(scope.connection(), tenant, seq, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for row in page.into_iter().filter(|row| row.seq <= end) {
            seq = row.seq;
            hash = hex::encode(&row.hash);
            write_entry(out, row).context(UNWRITTEN)?;
        }
    }
    if start.moved(&scope, tenant).await? {
        return Err(Error::conflict("the log was trimmed meanwhile").remedy("export it again"));
    }
    out.flush().context(UNWRITTEN)?;
    scope.record(tenant, vec![Event::new("audit.export", "audit").detail(json!({ "to": seq }))]).await?;
    Ok(ChainEnd { tenant, seq, hash })
}

/// What an exported copy proves by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    pub end: ChainEnd,
    pub entries: i64,
    /// Number of the last entry before the copy, which lies in `archive`; 0 when the copy holds the first one.
    pub behind: i64,
    pub archive: Option<String>,
    /// What is wrong; empty when every entry continues the one before it.
    pub faults: Vec<ChainFault>,
}

/// Why a copy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("line {0} is no entry of an exported audit log; export it again, and do not edit it")]
    NoEntry(u64),
    #[error("line {0} belongs to another tenant; verify the copy of each tenant by itself")]
    OtherTenant(u64),
    #[error("the checkpoint is of another tenant's log")]
    OtherCheckpoint,
    #[error(
        "the checkpoint seals {sealed} entries, and the copy begins behind entry {behind}: they are in the archive {archive}; give it with --copy, in front of this copy"
    )]
    OlderCheckpoint { sealed: u64, behind: i64, archive: String },
    #[error("the copy is empty")]
    Empty,
    #[error("the copy cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// A line of a copy.
pub(super) enum Part {
    Entry(Box<Line>),
    Beginning(Box<Opening>),
}

impl Part {
    fn parse(text: &[u8]) -> Option<Self> {
        if text.starts_with(b"{\"beginning\"") {
            let OpeningLine { beginning } = serde_json::from_slice(text).ok()?;
            return Some(Part::Beginning(Box::new(beginning)));
        }
        serde_json::from_slice(text).ok().map(|line| Part::Entry(Box::new(line)))
    }

    fn tenant(&self) -> Uuid {
        match self {
            Part::Entry(line) => line.tenant,
            Part::Beginning(beginning) => beginning.tenant,
        }
    }
}

/// The lines of a copy of one chain.
pub(super) fn parts(mut copy: impl BufRead) -> impl Iterator<Item = std::result::Result<Part, CopyError>> {
    let (mut number, mut tenant, mut text) = (0, None, Vec::new());
    std::iter::from_fn(move || {
        number += 1;
        text.clear();
        let mut next = || {
            if std::io::Read::take(&mut copy, LONGEST_LINE).read_until(b'\n', &mut text)? == 0 {
                return Ok(None);
            }
            let part = Part::parse(&text).ok_or(CopyError::NoEntry(number))?;
            if *tenant.get_or_insert(part.tenant()) != part.tenant() {
                return Err(CopyError::OtherTenant(number));
            }
            Ok(Some(part))
        };
        next().transpose()
    })
}

/// Checks a copy of one tenant's chain without a database. It proves that nothing inside was changed, removed or swapped;
/// that nothing was cut off its end is proven by a checkpoint, or by comparing `end` with what was written down elsewhere.
/// Where it begins behind archived entries, `key` proves that beginning; copies that follow one another are given as one.
///
/// # Errors
/// With the line, when it is not an exported copy of one chain.
pub fn verify_copy(
    copy: impl BufRead,
    sealed: Option<&Checkpoint>,
    key: Option<&Verifier>,
) -> std::result::Result<CopyReport, CopyError> {
    let mut walk: Option<Walk> = None;
    let (mut tenant, mut behind, mut archive) = (None, 0, None);
    for (index, part) in parts(copy).enumerate() {
        let (part, number) = (part?, index as u64 + 1);
        if sealed.is_some_and(|checkpoint| tenant_of(&checkpoint.origin) != Some(part.tenant())) {
            return Err(CopyError::OtherCheckpoint);
        }
        tenant = Some(part.tenant());
        match part {
            Part::Entry(line) => {
                let walk = walk.get_or_insert_with(|| Walk::default().compare(sealed));
                walk.take(&line.into_entry().map_err(|_| CopyError::NoEntry(number))?);
            }
            Part::Beginning(beginning) => {
                let from = beginning.walk().ok_or(CopyError::NoEntry(number))?;
                let signed = key.is_none_or(|key| open(key, &beginning.checkpoint).is_ok());
                let walk = match &mut walk {
                    Some(walk) => {
                        if walk.end() != from.end() || walk.tree().root() != from.tree().root() {
                            walk.fault(beginning.behind, FaultKind::Missing);
                        }
                        walk
                    }
                    None => {
                        if let Some(sealed) = sealed.filter(|sealed| sealed.size < from.tree().size()) {
                            return Err(CopyError::OlderCheckpoint {
                                sealed: sealed.size,
                                behind: beginning.behind,
                                archive: beginning.archive,
                            });
                        }
                        (behind, archive) = (beginning.behind, Some(beginning.archive));
                        walk.insert(from.compare(sealed))
                    }
                };
                if !signed {
                    walk.fault(beginning.behind, FaultKind::ForgedBeginning);
                }
            }
        }
    }
    let (tenant, walk) = tenant.zip(walk).ok_or(CopyError::Empty)?;
    let (seq, hash) = walk.end();
    let (entries, faults) = walk.finish();
    let end = ChainEnd { tenant, seq, hash: hex::encode(hash) };
    Ok(CopyReport { end, entries, behind, archive, faults })
}
