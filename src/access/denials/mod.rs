//! "Why was this refused?": for who is asked about a refusal later, by the id of its request.
//!
//! That somebody was refused stands in the audit log, which nobody can correct and which therefore says little. Why is kept
//! here for a while: the rules that spoke, their conditions, the roles that would be allowed. Names and the rules' own values
//! only, never a value of the request. A refusal does not wait for its row, and an account gets a bounded number of them a
//! minute, so that nobody can fill the disk by being refused.

mod gather;
mod note;
mod store;

use entity::denial;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

pub use gather::Denials;
pub use note::Undecided;
pub(super) use note::{Because, Noted};

use super::model::Action;
use super::op::{Op, Tx};
use super::policy::Explanation;
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// Which denials are asked for; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct DenialFilter {
    /// Of this request: the id that its answer carried.
    pub request_id: Option<String>,
    /// Of this actor, as the audit log names it. `account:…` finds what its tokens asked, too.
    pub actor: Option<String>,
}

/// A refusal and why.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The tenant that was asked about.
    pub tenant: Uuid,
    pub id: Uuid,
    pub at: Timestamp,
    /// `account:…`, `token:…` or `cli:…`.
    pub actor: String,
    pub actor_tenant: Uuid,
    /// The account behind the actor.
    pub account: Uuid,
    /// The account of the tenant that a program of the protected system asked about.
    pub about: Option<Uuid>,
    pub action: String,
    pub object: String,
    /// Which fields were withheld, where it was a read of several.
    pub fields: Vec<String>,
    pub system: Option<String>,
    pub request_id: String,
    pub policy_version: i64,
    pub explanation: Explanation,
    /// Further refusals of that account at this tenant in the same minute, which were counted only.
    pub more_in_minute: i64,
}

/// Denials at one tenant, or in the whole reach of who asks, the newest first; `older_than` is the last one of the page before.
/// That they were read is recorded.
///
/// # Errors
/// `INVALID` for a filter that can match nothing, `NOT_FOUND` for a tenant out of reach, and those of permission.
pub async fn list_denials(
    op: &Op,
    tenant: Option<Uuid>,
    filter: &DenialFilter,
    older_than: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Denial>> {
    let scope = match tenant {
        Some(tenant) => op.permit_at(tenant, Action::Read, "denial").await?,
        None => op.permit(Action::Read, "denial").await?,
    };
    if let Some(id) = &filter.request_id
        && !((1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    {
        return Err(Error::invalid("requestId", "is not the id of a request")
            .remedy("take it from extensions.requestId of the error, or from the header X-Request-Id"));
    }
    if filter.actor.as_ref().is_some_and(|actor| actor.len() > 200 || actor.contains('\0')) {
        return Err(Error::invalid("actor", "wants at most 200 bytes"));
    }
    op.app().denials().flush().await;
    let rows = store::listed(&scope, filter, older_than, limit).await?;
    let event = Event::new("denial.read", "denial").detail(json!({ "denials": rows.len() }));
    scope.record(scope.tenant(), vec![event]).await?;
    rows.into_iter().map(describe).collect()
}

/// Removes denials of before `before` (microseconds): at most `limit`.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge_denials(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    Ok(store::purge(tx, before, limit).await?)
}

fn describe(row: denial::Model) -> Result<Denial> {
    Ok(Denial {
        tenant: row.tenant_id,
        id: row.id,
        at: from_micros(row.at),
        actor: row.actor,
        actor_tenant: row.actor_tenant,
        account: row.account,
        about: row.about,
        action: row.action,
        object: row.object,
        fields: row.fields.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        system: row.system,
        request_id: row.request_id,
        policy_version: row.policy_version,
        explanation: serde_json::from_str(&row.reasons)?,
        more_in_minute: row.dropped,
    })
}
