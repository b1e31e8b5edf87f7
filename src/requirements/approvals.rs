//! The second pair of eyes: somebody other than whoever applied a version approves it. A requirement holds without; an exception
//! does not.

use jiff::Timestamp;
use uuid::Uuid;

use super::manifest::Kind;
use super::read::permit;
use super::{store, store_evidence};
use crate::access::{Action, Op};
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};

/// Characters of a note.
const MAX_NOTE: usize = 500;

/// That a version was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub kind: Kind,
    pub name: String,
    pub version: i32,
    /// What was approved.
    pub fingerprint: String,
    /// The account that approved it.
    pub approved_by: Uuid,
    pub approved_at: Timestamp,
    pub note: String,
}

/// Approves a version, which `fingerprint` names by its content: what somebody read is what is approved.
///
/// # Errors
/// Those of permission, `FORBIDDEN` to whoever applied it, `NOT_FOUND`, `CONFLICT` when it is withdrawn, not the newest, approved
/// already or has another fingerprint.
pub async fn approve(
    op: &Op,
    kind: Kind,
    name: &str,
    version: i32,
    fingerprint: &str,
    note: &str,
) -> Result<Approval> {
    let scope = op.permit_at(op.app().root()?, Action::Approve, "requirement").await?;
    let note = note.trim();
    if note.chars().count() > MAX_NOTE || note.chars().any(char::is_control) {
        let message = format!("wants one line of at most {MAX_NOTE} characters");
        return Err(Error::invalid("note", message).remedy("shorten it, or leave it out"));
    }
    let tx = scope.begin().await?;
    store::serialise(tx.connection(), scope.tenant()).await?;
    let newest = store::newest_of(tx.connection(), scope.tenant(), kind, name)
        .await?
        .filter(|newest| version <= newest.number)
        .ok_or_else(|| Error::not_found("manifest"))?;
    if newest.number != version || newest.withdrawn {
        return Err(Error::conflict("this version is no longer the newest")
            .remedy("read the newest and approve that"));
    }
    if newest.fingerprint != fingerprint {
        return Err(Error::conflict("the version has another fingerprint")
            .remedy("read it again, then approve what it says"));
    }
    let object = format!("{}:{name}", kind.noun());
    // An account only: whoever acts as nobody cannot be told from whoever applied it.
    let Some(account) = op.actor().account.filter(|account| *account != newest.applied_by) else {
        drop(tx);
        let event = Event::new("requirement.approve", object).decision(Decision::Denied);
        scope.record(scope.tenant(), vec![event]).await?;
        return Err(Error::forbidden("approve", "requirement")
            .remedy("somebody other than whoever applied it approves a version"));
    };
    let approval = Approval {
        kind,
        name: name.to_owned(),
        version,
        fingerprint: fingerprint.to_owned(),
        approved_by: account,
        approved_at: scope.at(),
        note: note.to_owned(),
    };
    store_evidence::insert_approval(&tx, &approval).await?;
    // The note is free text, which may name a person: it stays out of the audit log.
    let detail = serde_json::json!({ "version": version, "fingerprint": fingerprint });
    tx.commit(Event::new("requirement.approve", object).detail(detail)).await?;
    Ok(approval)
}

/// The approval of a version, if there is one.
///
/// # Errors
/// Those of permission.
pub async fn approval(op: &Op, kind: Kind, name: &str, version: i32) -> Result<Option<Approval>> {
    store_evidence::approval(&permit(op).await?, kind, name, version).await
}
