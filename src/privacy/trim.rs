//! Retention of the audit log: old entries leave for the archive, unless an open incident may need them.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::access::{Action, Op, Scope, Tx};
use crate::audit::{self, Archived, ChainReport, Copied, Due, Event, Rest, Trim};
use crate::error::{Error, Result};
use crate::incidents;

/// Until when entries of the audit log may leave.
#[derive(Clone, Copy, Debug)]
pub struct TrimLimit {
    /// Entries before this may leave.
    pub before: Timestamp,
    /// The beginning of the oldest open incident, where it lies before what was asked for.
    pub held: Option<Timestamp>,
}

/// One piece of a chain, ready to leave.
pub enum TrimPiece {
    Nothing,
    Rest(Rest),
    Archived(Box<Trim>, Archived),
    /// A damaged chain is not trimmed.
    Damaged(ChainReport),
    /// The archive cannot be written, so nothing leaves: why.
    Unwritable(String),
}

/// Until when entries may leave by the configuration, or until the earlier instant that somebody asks for.
///
/// # Errors
/// `CONFLICT` where the log is kept for ever, `INVALID` for an instant that the configuration does not let go yet.
pub async fn trim_limit(scope: &Scope, asked: Option<Timestamp>) -> Result<TrimLimit> {
    let days = scope.op().app().config().audit.keep_days;
    if days == 0 {
        return Err(Error::conflict("the audit log is kept for ever")
            .remedy("audit.keep_days says for how long; set it together with audit.archive_folder"));
    }
    let cutoff = scope.at() - SignedDuration::from_hours(24 * i64::from(days));
    if asked.is_some_and(|asked| asked > cutoff) {
        return Err(Error::invalid("before", format!("wants an instant at least {days} days back"))
            .remedy("audit.keep_days says how long entries are kept"));
    }
    let before = asked.unwrap_or(cutoff);
    let held = incidents::open_since(scope).await?.filter(|held| *held < before);
    Ok(TrimLimit { before: held.unwrap_or(before), held })
}

/// Permission to trim the chain of a tenant.
///
/// # Errors
/// `NOT_FOUND`, `REAUTHENTICATION_REQUIRED` and those of permission.
pub async fn permit_trim(op: &Op, tenant: Uuid) -> Result<Scope> {
    let scope = op.permit_at(tenant, Action::Delete, "audit").await?;
    op.require_fresh(Action::Delete, "audit").await?;
    Ok(scope)
}

/// Archives the next piece of a tenant's chain. Nothing is taken away yet.
///
/// # Errors
/// Unexpected ones only.
pub async fn prepare_trim(scope: &Scope, tenant: Uuid, limit: TrimLimit) -> Result<TrimPiece> {
    let trim = match audit::due(scope, tenant, limit.before).await? {
        Due::Nothing => return Ok(TrimPiece::Nothing),
        Due::Rest(rest) => return Ok(TrimPiece::Rest(rest)),
        Due::Damaged(report) => return Ok(TrimPiece::Damaged(report)),
        Due::Entries(trim) => trim,
    };
    let folder = &scope.op().app().config().audit.archive_folder;
    if folder.is_empty() {
        return Ok(TrimPiece::Unwritable("audit.archive_folder is not set".to_owned()));
    }
    Ok(match trim.copy(scope, folder).await? {
        Copied::Whole(archived) => TrimPiece::Archived(trim, archived),
        Copied::Damaged(report) => TrimPiece::Damaged(report),
        Copied::Unwritable(why) => TrimPiece::Unwritable(why),
    })
}

impl TrimPiece {
    /// Takes the piece away, where it lies in the archive; what to commit it with, in the tenant's own chain.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn remove(&self, tx: &Tx) -> Result<Option<Event>> {
        Ok(match self {
            TrimPiece::Rest(rest) => Some(rest.remove(tx).await?),
            TrimPiece::Archived(trim, archived) => Some(trim.remove(tx, archived).await?),
            TrimPiece::Nothing | TrimPiece::Damaged(_) | TrimPiece::Unwritable(_) => None,
        })
    }
}
