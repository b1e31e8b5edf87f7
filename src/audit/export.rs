//! A copy of a chain as JSON Lines, and the proof of such a copy without the database.

use std::io::{BufRead, Write};

use anyhow::Context;
use entity::audit_entry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::chain::Walk;
use super::checkpoint::tenant_of;
use super::note::Checkpoint;
use super::verify::ChainFault;
use super::{Event, store};
use crate::access::{Action, Op};
use crate::clock::from_micros;
use crate::error::Result;

const PAGE: u64 = 2000;
/// No entry of ours is longer: texts are cut at 1,000 characters, and details hold numbers and names.
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

/// Number and hash of a chain's last entry: what a copy ends with, and what one writes down elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainEnd {
    pub tenant: Uuid,
    pub seq: i64,
    /// Hexadecimal.
    pub hash: String,
}

/// Writes the chain of a tenant, from its first entry to the last one at this moment. The export is recorded behind them.
///
/// # Errors
/// `NOT_FOUND`, those of permission, and those of writing.
pub async fn export(op: &Op, tenant: Uuid, out: &mut (dyn Write + Send)) -> Result<ChainEnd> {
    let scope = op.permit_at(tenant, Action::Export, "audit").await?;
    op.require_fresh(Action::Export, "audit").await?;
    let (mut seq, mut hash) = (0, String::new());
    let end = store::head(scope.connection(), tenant).await?.map_or(0, |head| head.seq);
    while seq < end {
        let page = store::page(scope.connection(), tenant, seq, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for row in page.into_iter().filter(|row| row.seq <= end) {
            seq = row.seq;
            hash = hex::encode(&row.hash);
            serde_json::to_writer(&mut *out, &Line::from(row))?;
            out.write_all(b"\n").context("the copy could not be written")?;
        }
    }
    out.flush().context("the copy could not be written")?;
    scope.record(tenant, vec![Event::new("audit.export", "audit").detail(json!({ "to": seq }))]).await?;
    Ok(ChainEnd { tenant, seq, hash })
}

/// What an exported copy proves by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    pub end: ChainEnd,
    pub entries: i64,
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
    #[error("the copy is empty")]
    Empty,
    #[error("the copy cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// The lines of a copy of one chain.
pub(super) fn lines(mut copy: impl BufRead) -> impl Iterator<Item = std::result::Result<Line, CopyError>> {
    let (mut number, mut tenant, mut text) = (0, None, Vec::new());
    std::iter::from_fn(move || {
        number += 1;
        text.clear();
        let mut next = || {
            if std::io::Read::take(&mut copy, LONGEST_LINE).read_until(b'\n', &mut text)? == 0 {
                return Ok(None);
            }
            let line: Line = serde_json::from_slice(&text).map_err(|_| CopyError::NoEntry(number))?;
            if *tenant.get_or_insert(line.tenant) != line.tenant {
                return Err(CopyError::OtherTenant(number));
            }
            Ok(Some(line))
        };
        next().transpose()
    })
}

/// Checks a copy of one tenant's chain without a database. It proves that nothing inside was changed, removed or swapped;
/// that nothing was cut off its end is proven by a checkpoint, or by comparing `end` with what was written down elsewhere.
///
/// # Errors
/// With the line, when it is not an exported copy of one chain.
pub fn verify_copy(
    copy: impl BufRead,
    sealed: Option<&Checkpoint>,
) -> std::result::Result<CopyReport, CopyError> {
    let mut walk = Walk::sealed(sealed);
    let mut tenant = None;
    for (index, line) in lines(copy).enumerate() {
        let (line, number) = (line?, index as u64 + 1);
        if sealed.is_some_and(|checkpoint| tenant_of(&checkpoint.origin) != Some(line.tenant)) {
            return Err(CopyError::OtherCheckpoint);
        }
        tenant = Some(line.tenant);
        walk.take(&line.into_entry().map_err(|_| CopyError::NoEntry(number))?);
    }
    let tenant = tenant.ok_or(CopyError::Empty)?;
    let (seq, hash) = walk.end();
    let (entries, faults) = walk.finish();
    Ok(CopyReport { end: ChainEnd { tenant, seq, hash: hex::encode(hash) }, entries, faults })
}
