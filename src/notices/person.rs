//! What was written to one person: for the person, and to be forgotten.

use jiff::Timestamp;

use super::store_person;
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::vault::Subject;

/// A notice that was written to a person.
#[derive(Clone, Debug)]
pub struct Written {
    pub channel: String,
    pub language: String,
    /// `queued`, `sending`, `accepted`, `deferred` or `failed`.
    pub state: String,
    pub created_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub message_id: String,
}

/// Notices to a person, oldest first. The scope must cover the person.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn written_to(scope: &Scope, subject: &Subject) -> Result<Vec<Written>> {
    let scope = scope.within(subject.tenant, "subject")?;
    let root = scope.op().app().root()?;
    let rows = store_person::messages_to(&scope.everywhere(), root, subject).await?;
    let written = |row: entity::message::Model| Written {
        channel: row.channel,
        language: row.language,
        state: row.state,
        created_at: from_micros(row.created_at),
        accepted_at: row.accepted_at.map(from_micros),
        message_id: row.message_id,
    };
    Ok(rows.into_iter().map(written).collect())
}

/// Removes captured mails that were written to a person. That they were written stays: messages name pseudonyms only.
///
/// # Errors
/// `NOT_FOUND` outside the transaction's scope; unexpected ones.
pub async fn forget_mails(tx: &Tx, subject: &Subject) -> Result<u64> {
    tx.scope().within(subject.tenant, "subject")?;
    let root = tx.scope().op().app().root()?;
    let rows = store_person::messages_to(tx.connection(), root, subject).await?;
    let mail_ids = rows.into_iter().map(|row| row.message_id).collect();
    Ok(store_person::remove_mails(tx, root, mail_ids).await?)
}

/// Removes mails that were captured before `before` (microseconds): at most `limit`.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge_mails(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    let root = tx.scope().op().app().root()?;
    Ok(store_person::purge_mails(tx, root, before, limit).await?)
}
