//! The next generation of a tenant's key: everybody's key is wrapped anew (and, when asked for, every field sealed anew), what
//! people are found by is made anew, and the old key is destroyed. Reads, writes and searches go on meanwhile:
//!
//! ```text
//! new key active, old one retired ─ a while ─▶ people, page by page ─▶ documents ─ a while ─▶ old key destroyed
//! ```
//! A person's key, fields and index rows change in one transaction, so everybody is whole under one version or the other, and a
//! search looks for both (the double index). The first while lets searches end that do not know of the new key; the second,
//! reads that hold a row of before. Who writes under the old key meanwhile holds its row until the commit ([`hold`]): the
//! destruction waits and then finds what was written.

mod documents;
mod people;

pub use documents::move_documents;
pub use people::move_people;

use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{store, store_keys};
use crate::access::{Action, Op, Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::jobs::{self, Job, NewJob};

/// The kind of the job that does it (`privacy::rekey_step`).
pub const REKEY: &str = "keys.rekey";
/// Longer than any request lives.
pub const WHILE: SignedDuration = SignedDuration::from_secs(120);
/// Tenants that one call may name.
pub const MAX_TENANTS: usize = 1000;

/// Has tenants' keys replaced by new ones and the old ones destroyed, one job a tenant; all tenants' with `None`. With `fields`
/// the people get new keys, too, and all their fields are sealed anew. The answers are the jobs.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` for a tenant whose key was destroyed, and those of permission.
pub async fn rotate_tenant_keys(op: &Op, tenants: Option<&[Uuid]>, fields: bool) -> Result<Vec<Job>> {
    let root = op.app().root()?;
    let scope = op.permit_at(root, Action::Rotate, "key").await?;
    op.require_fresh(Action::Rotate, "key").await?;
    let all = op.permit(Action::Rotate, "key").await?;
    let tenants = match tenants {
        Some(tenants) if tenants.is_empty() || tenants.len() > MAX_TENANTS => {
            return Err(Error::invalid("tenants", format!("wants 1 to {MAX_TENANTS} tenants")));
        }
        Some(tenants) => {
            let mut tenants = tenants.to_vec();
            tenants.sort_unstable();
            tenants.dedup();
            let keys = store::active_keys(&all, all.connection(), &tenants).await?;
            let without = tenants.iter().find(|tenant| !keys.iter().any(|key| key.tenant_id == **tenant));
            if let Some(tenant) = without {
                return Err(Error::conflict(format!("the tenant {tenant} has no key"))
                    .remedy("a key is made with the first record; a destroyed one has no successor"));
            }
            tenants
        }
        None => with_active_keys(&all).await?,
    };
    if tenants.is_empty() {
        return Err(Error::conflict("no tenant has a key yet"));
    }
    let tx = scope.begin().await?;
    let mut ids = Vec::with_capacity(tenants.len());
    for tenant in &tenants {
        let payload = json!({ "tenant": tenant, "fields": fields });
        let job = NewJob { kind: REKEY, key: tenant.to_string(), payload, run_at: None };
        ids.push(jobs::enqueue(&tx, job).await?);
    }
    let detail = json!({ "tenants": tenants.len(), "fields": fields });
    tx.commit(Event::new("key.rotate_tenants", "key").detail(detail)).await?;
    let mut asked = Vec::with_capacity(ids.len());
    for id in ids {
        asked.push(jobs::job(op, root, id).await?);
    }
    Ok(asked)
}

async fn with_active_keys(scope: &Scope) -> Result<Vec<Uuid>> {
    let (mut tenants, mut after) = (Vec::new(), None);
    loop {
        let page = store::active_keys_page(scope, after, 500).await?;
        let Some(last) = page.last() else { return Ok(tenants) };
        after = Some(last.tenant_id);
        tenants.extend(page.into_iter().map(|row| row.tenant_id));
    }
}

/// A next key for the tenant, still to be put in its place.
///
/// # Errors
/// `CONFLICT` when the tenant's key was destroyed; those of who holds the key-encryption key.
pub async fn succeed(scope: &Scope, tenant: Uuid) -> Result<Successor> {
    let newest = store_keys::newest(scope, tenant).await?.filter(|row| row.state == "active");
    let newest = newest.ok_or_else(|| Error::conflict("the tenant has no active key"))?;
    let version = newest.version + 1;
    let wrapped = scope.op().app().keyring().successor(scope, tenant, version).await?;
    Ok(Successor { tenant, version, wrapped })
}

/// A key that is about to become the active one.
pub struct Successor {
    tenant: Uuid,
    pub version: i32,
    wrapped: Vec<u8>,
}

impl Successor {
    /// Puts it in its place, unless the key before it was destroyed or replaced since: what was destroyed has no successor.
    ///
    /// # Errors
    /// `CONFLICT` then; unexpected ones.
    pub async fn write(self, tx: &Tx) -> Result<()> {
        let Self { tenant, version, wrapped } = self;
        let before = store_keys::lock_keys(tx, tenant).await?.pop();
        let fits = before.is_some_and(|row| row.state == "active" && row.version + 1 == version);
        let kek = tx.scope().op().app().master().id();
        if !fits || !store::insert_tenant_key(tx, tenant, version, kek, wrapped).await? {
            return Err(Error::conflict("the tenant's key was destroyed or replaced meanwhile"));
        }
        Ok(store_keys::retire_below(tx, tenant, version).await?)
    }
}

/// How many people are sealed under another version than this one.
///
/// # Errors
/// Unexpected ones only.
pub async fn people_left(scope: &Scope, tenant: Uuid, version: i32) -> Result<u64> {
    let scope = scope.within(tenant, "tenant")?;
    Ok(store_keys::count_people_under_other(scope.connection(), tenant, version).await?)
}

/// What of a tenant is sealed under other versions than this one, while nobody can seal anything under them until the
/// transaction ends: people, and whether there are documents of the vault's.
///
/// # Errors
/// Unexpected ones only.
pub async fn locked_leftovers(tx: &Tx, tenant: Uuid, version: i32) -> Result<(u64, bool)> {
    store_keys::lock_keys(tx, tenant).await?;
    let people = store_keys::count_people_under_other(tx.connection(), tenant, version).await?;
    let documents = store_keys::old_batch(tx.connection(), tenant, version).await?.is_some()
        || store_keys::old_contact(tx.connection(), tenant, version).await?.is_some();
    Ok((people, documents))
}

/// Destroys the tenant's keys below this version. Nothing may be left under them.
///
/// # Errors
/// Unexpected ones only.
pub async fn destroy_below(tx: &Tx, tenant: Uuid, version: i32) -> Result<u64> {
    Ok(store_keys::destroy(tx, tenant, Some(version)).await?)
}

/// After the commit: this node forgets the destroyed keys at once, the others within a minute.
pub fn forget_destroyed(scope: &Scope, tenant: Uuid) {
    scope.op().app().keyring().forget(tenant);
}

/// Begins a transaction in which a tenant's keys, everybody's records and index rows, the contact and kept batches are destroyed.
/// The people's rows stay, with pseudonym and instant. `privacy::destroy_tenant_data` adds what other parts keep, and commits.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` when there is no key any more or it is the operator's own, and those of permission.
pub async fn begin_destroy(op: &Op, tenant: Uuid, reason: &str) -> Result<(Tx, Value)> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 || reason.chars().any(char::is_control) {
        return Err(Error::invalid("reason", "wants 1 to 200 characters")
            .remedy("name the contract's end or the request, such as: contract ended 2024-03-31"));
    }
    let scope = op.permit_at(tenant, Action::Erase, "key").await?;
    op.require_fresh(Action::Erase, "key").await?;
    if tenant == op.app().root()? {
        return Err(Error::conflict("the operator's own key cannot be destroyed")
            .remedy("it seals what the service keeps for all tenants"));
    }
    let tx = scope.begin_everywhere().await?;
    let keys = store_keys::lock_keys(&tx, tenant).await?;
    if keys.is_empty() {
        return Err(Error::conflict("the tenant has no key: it never had one, or it was destroyed before"));
    }
    let people = store_keys::erase_everybody(&tx, tenant).await?;
    store_keys::destroy(&tx, tenant, None).await?;
    Ok((tx, json!({ "reason": reason, "keys": keys.len(), "people": people })))
}
