//! What was written to one person: for the person, and to be forgotten.

use jiff::Timestamp;
use uuid::Uuid;

use super::store::CHUNK;
use super::{portal, store_outbox, store_person};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::vault::{self, Subject};

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
    /// What the person asked on the page of this notice, with the answers.
    pub questions: Vec<portal::Asked>,
}

/// Notices to a person, oldest first. The scope must cover the person.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn written_to(scope: &Scope, subject: &Subject) -> Result<Vec<Written>> {
    let scope = scope.within(subject.tenant, "subject")?;
    let root = scope.op().app().root()?;
    let rows = store_person::messages_to(&scope.everywhere(), root, subject).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut questions = portal::asked_about(&scope, &ids).await?;
    let written = |row: entity::message::Model| Written {
        questions: questions.remove(&row.id).unwrap_or_default(),
        channel: row.channel,
        language: row.language,
        state: row.state,
        created_at: from_micros(row.created_at),
        accepted_at: row.accepted_at.map(from_micros),
        message_id: row.message_id,
    };
    Ok(rows.into_iter().map(written).collect())
}

/// Removes captured mails that were written to a person, and what the pages of these notices keep about the person: codes, sessions, the
/// words of questions. That there were notices and questions stays: messages name pseudonyms only.
///
/// # Errors
/// `NOT_FOUND` outside the transaction's scope; unexpected ones.
pub async fn forget_mails(tx: &Tx, subject: &Subject) -> Result<u64> {
    tx.scope().within(subject.tenant, "subject")?;
    let root = tx.scope().op().app().root()?;
    let rows = store_person::messages_to(tx.connection(), root, subject).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut mail_ids = portal::forget(tx, &ids).await?;
    mail_ids.extend(rows.into_iter().map(|row| row.message_id));
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

/// Removes all captured mails to people of a tenant and to its office, and what the pages of their notices keep.
///
/// # Errors
/// `NOT_FOUND` outside the transaction's scope; unexpected ones.
pub async fn forget_mails_of_tenant(tx: &Tx, tenant: Uuid) -> Result<u64> {
    tx.scope().within(tenant, "tenant")?;
    let root = tx.scope().op().app().root()?;
    let messages = store_person::messages_of_tenant(tx, root, tenant).await?;
    let codes = portal::forget(tx, &messages).await?;
    let mut removed = 0;
    for chunk in codes.chunks(CHUNK) {
        removed += store_person::remove_mails(tx, root, chunk.to_vec()).await?;
    }
    Ok(removed + store_person::remove_mails_of_tenant(tx, root, tenant).await?)
}

/// Whether something of an approved notice is still to be sent to people of a tenant or to its office.
///
/// # Errors
/// `NOT_FOUND` outside the transaction's scope; unexpected ones.
pub async fn waits_for_tenant(tx: &Tx, tenant: Uuid) -> Result<bool> {
    tx.scope().within(tenant, "tenant")?;
    let root = tx.scope().op().app().root()?;
    store_outbox::waits_for(tx.connection(), root, tenant).await
}

/// Mails are read whole to give their key a new wrapping: some megabytes at once.
const MOVED: u64 = 20;

/// Captured mails with their keys wrapped by another version of the tenant's key.
pub struct MovedMails(Vec<(entity::captured_mail::Model, Vec<u8>)>);

/// The next captured mails that another version of a tenant's key sealed, as they shall be; `after` is the last one of the page
/// before, so that a box of many is gone through once.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones, also when a mail does not open.
pub async fn move_mails(scope: &Scope, tenant: Uuid, to: i32, after: Option<Uuid>) -> Result<MovedMails> {
    let scope = scope.within(tenant, "tenant")?;
    let rows = store_person::old_mails(scope.connection(), tenant, to, after, MOVED).await?;
    let mut moved = Vec::with_capacity(rows.len());
    for row in rows {
        let sealed = vault::rewrap_document(&scope, "captured mail", row.id, &row.sealed, to).await?;
        moved.push((row, sealed));
    }
    Ok(MovedMails(moved))
}

/// Whether there are such mails, or gift codes.
///
/// # Errors
/// Unexpected ones only.
pub async fn has_old_mails(tx: &Tx, tenant: Uuid, version: i32) -> Result<bool> {
    let mails = store_person::old_mails(tx.connection(), tenant, version, None, 1).await?;
    Ok(!mails.is_empty() || portal::has_old_gifts(tx, tenant, version).await?)
}

impl MovedMails {
    /// The last of them; `None` when there was none.
    pub fn last(&self) -> Option<Uuid> {
        self.0.last().map(|(mail, _)| mail.id)
    }

    /// Writes them; returns how many. One that was removed meanwhile stays away.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn write(self, tx: &Tx) -> Result<u64> {
        let mut written = 0;
        for (old, sealed) in self.0 {
            written += u64::from(store_person::replace_mail(tx, &old, sealed).await?);
        }
        Ok(written)
    }
}
