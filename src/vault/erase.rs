//! Erasure: the person's key is destroyed, and with it every copy of the record that this key sealed.

use serde_json::json;
use uuid::Uuid;

use super::model::Subject;
use super::store;
use super::subjects::Subjects;
use crate::access::{Action, Op};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Destroys a person's key, record and index rows. The row stays, with its pseudonym and the instant, so that lists of past
/// incidents keep their counts and an import of an old file cannot bring the person back. `reason` is kept in the audit log:
/// a rule or a request number, not a name.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the person was erased before, and those of permission.
pub async fn erase_subject(op: &Op, tenant: Uuid, id: Uuid, reason: &str) -> Result<Subject> {
    let scope = op.permit(Action::Erase, "subject").await?.within(tenant, "subject")?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Error::invalid("reason", "wants 1 to 200 characters")
            .remedy("name the rule or the request, such as: retention P1Y, request 2023-118"));
    }
    let found = Subjects::get(&scope, tenant, id).await?.ok_or_else(|| Error::not_found("subject"))?;
    let tx = scope.begin().await?;
    if !store::erase(&tx, tenant, id, scope.at_micros()).await? {
        return Err(Error::conflict("the subject was erased before"));
    }
    let event = Event::new("subject.erase", format!("subject:{id}"))
        .subject(id.to_string())
        .detail(json!({ "reason": reason, "record_type": found.record_type }));
    tx.commit(event).await?;
    if let Err(error) = store::truncate_log(&scope).await {
        tracing::warn!(%error, "the write-ahead log keeps a copy until its next checkpoint");
    }
    let row = Subjects::get(&scope, tenant, id).await?.ok_or_else(|| Error::not_found("subject"))?;
    Ok(Subject::from(row))
}
