//! Erasure of a person on request: the vault's record, and what the outbox kept of mails to that person.

use serde_json::json;
use uuid::Uuid;

use crate::access::Op;
use crate::audit::Event;
use crate::error::Result;
use crate::notices;
use crate::vault::{self, Subject};

/// Destroys a person's key, record and index rows, and captured mails that were written to the person. The row stays, with its
/// pseudonym and the instant, so that lists of past incidents keep their counts and an import of an old file cannot bring the
/// person back. `reason` is kept in the audit log: a rule or a request number, not a name.
///
/// Not reached: batches of an import that nobody finished (sealed as a whole with other people's rows; retention removes
/// them), what officers wrote in their own words (timeline, inquiries), mails that have left, and backups.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the person was erased before, and those of permission.
pub async fn erase_subject(op: &Op, tenant: Uuid, id: Uuid, reason: &str) -> Result<Subject> {
    let (tx, found) = vault::begin_erase(op, tenant, id, reason).await?;
    let scope = tx.scope().clone();
    let mails = notices::forget_mails(&tx, &found).await?;
    let event = Event::new("subject.erase", format!("subject:{id}")).subject(id.to_string()).detail(
        json!({ "reason": reason.trim(), "record_type": found.record_type, "captured_mails": mails }),
    );
    tx.commit(event).await?;
    vault::after_erase(&scope).await;
    vault::subject(op, tenant, id).await
}
