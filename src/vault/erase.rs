//! Erasure: the person's key is destroyed, and with it every copy of the record that this key sealed.

use jiff::Timestamp;
use uuid::Uuid;

use super::model::Subject;
use super::subjects::Subjects;
use super::{store, store_due};
use crate::access::{Action, Op, Scope, Tx};
use crate::error::{Error, Result};

/// Begins a transaction in which a person's key, record and index rows are destroyed. The row stays, with its pseudonym and
/// the instant. `privacy::erase_subject` adds what other parts keep of the person, and commits.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when the person was erased before, and those of permission.
pub async fn begin_erase(op: &Op, tenant: Uuid, id: Uuid, reason: &str) -> Result<(Tx, Subject)> {
    let scope = op.permit(Action::Erase, "subject").await?.within(tenant, "subject")?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Error::invalid("reason", "wants 1 to 200 characters")
            .remedy("name the rule or the request, such as: retention P1Y, request 2023-118"));
    }
    let found = Subjects::get(&scope, tenant, id).await?.ok_or_else(|| Error::not_found("subject"))?;
    let tx = scope.begin_everywhere().await?;
    if !store::erase(&tx, tenant, id, scope.at_micros()).await? {
        return Err(Error::conflict("the subject was erased before"));
    }
    Ok((tx, Subject::from(found)))
}

/// Destroys the key, record and index rows of a person that [`lock_due`] returned in the same transaction.
///
/// # Errors
/// Unexpected ones only.
pub async fn erase_locked(tx: &Tx, subject: &Subject) -> Result<()> {
    if store::erase(tx, subject.tenant, subject.id, tx.scope().at_micros()).await? {
        return Ok(());
    }
    Err(anyhow::anyhow!("subject {} was erased under our lock", subject.id).into())
}

/// After a commit: on SQLite, what was overwritten leaves the write-ahead log, too.
pub async fn after_erase(scope: &Scope) {
    if let Err(error) = store::truncate_log(scope).await {
        tracing::warn!(%error, "the write-ahead log keeps a copy until its next checkpoint");
    }
}

/// People of a record type whose last change is not younger than `cutoff`, in the order of tenant and id; `after` is the last
/// one of the page before.
///
/// # Errors
/// Unexpected ones only.
pub async fn due(
    scope: &Scope,
    system: &str,
    record_type: &str,
    cutoff: Timestamp,
    after: Option<(Uuid, Uuid)>,
    limit: u64,
) -> Result<Vec<Subject>> {
    let query = store_due::due(scope, system, record_type, cutoff.as_microsecond());
    let rows = store_due::due_page(scope.connection(), query, after, limit, false).await?;
    Ok(rows.into_iter().map(Subject::from).collect())
}

/// How many there are.
///
/// # Errors
/// Unexpected ones only.
pub async fn count_due(scope: &Scope, system: &str, record_type: &str, cutoff: Timestamp) -> Result<u64> {
    Ok(store_due::count_due(scope, system, record_type, cutoff.as_microsecond()).await?)
}

/// The same people, locked until the transaction ends: nobody changes them meanwhile.
///
/// # Errors
/// Unexpected ones only.
pub async fn lock_due(
    tx: &Tx,
    system: &str,
    record_type: &str,
    cutoff: Timestamp,
    after: Option<(Uuid, Uuid)>,
    limit: u64,
) -> Result<Vec<Subject>> {
    let query = store_due::due(tx.scope(), system, record_type, cutoff.as_microsecond());
    let rows = store_due::due_page(tx.connection(), query, after, limit, true).await?;
    Ok(rows.into_iter().map(Subject::from).collect())
}

/// Removes batches of imports that began before `before` and that nobody finished: at most `limit`.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge_batches(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    Ok(store_due::purge_batches(tx, before, limit).await?)
}
