//! Who must not be erased yet: people on an affected list of an incident that is not closed. They may still have to be told,
//! and the list is evidence.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;
use crate::vault::{Subject, SubjectRef};

use super::store;

/// Those of these people of a system who are on hold.
///
/// # Errors
/// Unexpected ones only.
pub async fn on_hold(scope: &Scope, system: &str, people: &[Subject]) -> Result<HashSet<SubjectRef>> {
    let listed = store::listed(&scope.everywhere(), scope, system, &names(people)).await?;
    Ok(held(people, &listed))
}

/// The same inside a transaction.
///
/// # Errors
/// Unexpected ones only.
pub async fn on_hold_in(tx: &Tx, system: &str, people: &[Subject]) -> Result<HashSet<SubjectRef>> {
    let listed = store::listed(tx.connection(), tx.scope(), system, &names(people)).await?;
    Ok(held(people, &listed))
}

/// How surely somebody of a tenant is on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantHold {
    Nobody,
    /// A list names somebody of a school that Suimon did not know then, and it may be this one.
    Perhaps,
    Somebody,
}

/// Whether anybody of this tenant is on hold.
///
/// # Errors
/// Unexpected ones only.
pub async fn holds_tenant(tx: &Tx, tenant: Uuid) -> Result<TenantHold> {
    let root = tx.scope().op().app().root()?;
    Ok(match store::any_listed_of(tx.connection(), root, tenant).await? {
        None => TenantHold::Nobody,
        Some(false) => TenantHold::Perhaps,
        Some(true) => TenantHold::Somebody,
    })
}

/// The earliest instant that an incident that is not closed speaks of: its own times and those of its timeline. What happened
/// since then at any tenant may be needed to clear it up.
///
/// # Errors
/// Unexpected ones only.
pub async fn open_since(scope: &Scope) -> Result<Option<Timestamp>> {
    let root = scope.op().app().root()?;
    Ok(store::open_since(&scope.everywhere(), root).await?.map(from_micros))
}

fn names(people: &[Subject]) -> Vec<String> {
    people.iter().map(|subject| subject.external_id.clone()).collect()
}

/// A list may name a person of a school that Suimon did not know then: that one holds everybody of the pseudonym.
fn held(people: &[Subject], listed: &[store::Listed]) -> HashSet<SubjectRef> {
    let mut by_name: BTreeMap<(&str, &str), Vec<_>> = BTreeMap::new();
    for entry in listed {
        by_name.entry((&entry.kind, &entry.person)).or_default().push(entry.tenant);
    }
    let on_list = |subject: &&Subject| {
        let entries = by_name.get(&(subject.record_type.as_str(), subject.external_id.as_str()));
        entries.is_some_and(|tenants| tenants.iter().any(|tenant| tenant.is_none_or(|t| t == subject.tenant)))
    };
    people.iter().filter(on_list).map(Subject::reference).collect()
}
