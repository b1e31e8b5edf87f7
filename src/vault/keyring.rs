//! Tenant keys: created when a tenant's first record is sealed, unwrapped when needed, kept for a while.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use envelope::{TenantKey, TenantKeyContext};
use futures::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::kek::{Keks, KeyTrouble};
use super::{Master, store, store_keys};
use crate::access::{Scope, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};

/// Unwrapped tenant keys kept in memory: a few hundred bytes each, and unwrapping one costs a database read.
const MAX_KEYS: u64 = 4096;
/// How long another node may still use a key after this one has destroyed it.
const KEEP: Duration = Duration::from_secs(60);
/// Keys that are asked of their holder at the same time, where it is another machine.
pub(super) const AT_ONCE: usize = 16;
/// Version of every subject key: a new key takes the old one's place in the row, so there are never two to tell apart.
pub(super) const SUBJECT_KEY_VERSION: u32 = 1;

/// The keys of one service.
pub struct Keyring {
    keks: Arc<Keks>,
    cache: moka::sync::Cache<(Uuid, i32), Arc<TenantKey>>,
}

/// A tenant key that new records may be sealed under.
#[derive(Clone)]
pub(super) struct ActiveKey {
    pub version: i32,
    pub key: Arc<TenantKey>,
}

impl Keyring {
    /// Over the service's key-encryption keys.
    pub fn new(master: &Master) -> Self {
        let cache = moka::sync::Cache::builder().max_capacity(MAX_KEYS).time_to_live(KEEP).build();
        Self { keks: master.keks().clone(), cache }
    }

    async fn unwrap(&self, row: &entity::tenant_key::Model) -> Result<Option<Arc<TenantKey>>> {
        let Some(wrapped) = &row.wrapped else { return Ok(None) };
        let key = self.keks.unwrap(&row.kek_id, &place(row)?, wrapped).await;
        let key = key.map_err(|trouble| {
            fault(trouble, || format!("tenant key {} of tenant {}", row.version, row.tenant_id))
        })?;
        Ok(Some(Arc::new(key)))
    }

    /// The key of a row, wrapped by the current KEK; `None` once destroyed.
    pub(super) async fn rewrap(&self, row: &entity::tenant_key::Model) -> Result<Option<Vec<u8>>> {
        let Some(key) = self.unwrap(row).await? else { return Ok(None) };
        Ok(Some(self.wrap(&place(row)?, &key).await?))
    }

    async fn wrap(&self, place: &TenantKeyContext, key: &TenantKey) -> Result<Vec<u8>> {
        let wrapped = self.keks.wrap(place, key).await;
        wrapped.map_err(|trouble| fault(trouble, || "a tenant key cannot be wrapped".to_owned()))
    }

    /// The tenant's key of a version; `None` once destroyed.
    pub(super) async fn key(
        &self,
        scope: &Scope,
        tenant: Uuid,
        version: i32,
    ) -> Result<Option<Arc<TenantKey>>> {
        if !scope.covers(tenant) {
            return Err(Error::not_found("tenant"));
        }
        if let Some(key) = self.cache.get(&(tenant, version)) {
            return Ok(Some(key));
        }
        let Some(row) = store::tenant_key(scope, tenant, version).await? else { return Ok(None) };
        let key = self.unwrap(&row).await?;
        if let Some(key) = &key {
            self.cache.insert((tenant, version), key.clone());
        }
        Ok(key)
    }

    /// The key of a row, from memory where it is there.
    async fn kept(&self, row: entity::tenant_key::Model) -> Result<Option<(Uuid, ActiveKey)>> {
        let place = (row.tenant_id, row.version);
        let key = match self.cache.get(&place) {
            Some(key) => Some(key),
            None => self.unwrap(&row).await?,
        };
        Ok(key.map(|key| {
            self.cache.insert(place, key.clone());
            (row.tenant_id, ActiveKey { version: row.version, key })
        }))
    }

    async fn keep(&self, rows: Vec<entity::tenant_key::Model>) -> Result<HashMap<Uuid, ActiveKey>> {
        let asked: Vec<_> = rows.into_iter().map(|row| self.kept(row)).collect();
        let kept: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(kept.into_iter().flatten().collect())
    }

    /// The active keys of these tenants, as far as they have one.
    pub(super) async fn active(&self, scope: &Scope, tenants: &[Uuid]) -> Result<HashMap<Uuid, ActiveKey>> {
        self.keep(store::active_keys(scope, scope.connection(), tenants).await?).await
    }

    /// A page of the keys within the scope that still open something, in the order of tenant and version. A tenant has more than
    /// one while its key is being replaced.
    pub(super) async fn live_page(
        &self,
        scope: &Scope,
        after: Option<(Uuid, i32)>,
        limit: u64,
    ) -> Result<Vec<(Uuid, ActiveKey)>> {
        let rows = store_keys::live_page(scope, after, limit).await?;
        let asked: Vec<_> = rows.into_iter().map(|row| self.kept(row)).collect();
        let kept: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        Ok(kept.into_iter().flatten().collect())
    }

    /// A new key for a tenant, wrapped for storage as this version.
    pub(super) async fn successor(&self, scope: &Scope, tenant: Uuid, to: i32) -> Result<Vec<u8>> {
        let key = TenantKey::generate(&mut scope.op().app().entropy().fork());
        let place = TenantKeyContext { tenant: tenant.into_bytes(), key_version: version(to)? };
        self.wrap(&place, &key).await
    }

    /// Forgets a tenant's keys, so that destroyed ones open nothing on this node from now on.
    pub(super) fn forget(&self, tenant: Uuid) {
        let known: Vec<_> =
            self.cache.iter().map(|(place, _)| *place).filter(|(of, _)| *of == tenant).collect();
        known.iter().for_each(|place| self.cache.invalidate(place));
    }

    /// The active keys of these tenants; missing ones are created and committed first, so that nothing is ever sealed under
    /// a key that a roll-back takes away. A tenant whose key was destroyed gets no new one and is left out.
    pub(super) async fn ensure(&self, scope: &Scope, tenants: &[Uuid]) -> Result<HashMap<Uuid, ActiveKey>> {
        let mut keys = self.active(scope, tenants).await?;
        let missing: Vec<Uuid> = tenants.iter().copied().filter(|id| !keys.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        // Destroyed ones get none: nothing is written then, for the caller may be in a transaction already.
        let known = store::tenants_with_keys(scope.connection(), &missing).await?;
        if missing.iter().all(|tenant| known.contains(tenant)) {
            keys.extend(self.active(scope, &missing).await?);
            return Ok(keys);
        }
        let tx = scope.begin().await?;
        let created = self.create(&tx, &missing).await?;
        if created.is_empty() {
            drop(tx);
        } else {
            let events = created
                .iter()
                .map(|tenant| Event::new("key.create", format!("tenant_key:{tenant}:1")))
                .collect();
            tx.commit_all(events).await?;
        }
        keys.extend(self.active(scope, &missing).await?);
        Ok(keys)
    }

    /// Inserts the first key of those tenants that never had one; returns which.
    async fn create(&self, tx: &Tx, tenants: &[Uuid]) -> Result<Vec<Uuid>> {
        let known: HashSet<Uuid> =
            store::tenants_with_keys(tx.connection(), tenants).await?.into_iter().collect();
        let mut rng = tx.scope().op().app().entropy().fork();
        let missing: Vec<Uuid> = tenants.iter().copied().filter(|tenant| !known.contains(tenant)).collect();
        let new = |tenant: Uuid| {
            let key = TenantKey::generate(&mut rng);
            let place = TenantKeyContext { tenant: tenant.into_bytes(), key_version: 1 };
            async move { self.wrap(&place, &key).await }
        };
        let asked: Vec<_> = missing.iter().copied().map(new).collect();
        let wrapped: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        for (tenant, wrapped) in missing.iter().zip(wrapped) {
            store::insert_tenant_key(tx, *tenant, 1, self.keks.id(), wrapped).await?;
        }
        Ok(missing)
    }

    /// The active key of the scope's tenant inside a transaction, created there when missing. A created key is not kept in
    /// memory: a roll-back may take it away.
    pub(super) async fn ensure_in(&self, tx: &Tx) -> Result<ActiveKey> {
        let (scope, tenant) = (tx.scope(), tx.scope().tenant());
        // What is sealed here is found by whoever destroys an earlier key afterwards.
        store_keys::hold_keys(tx, [tenant]).await?;
        let rows = store::active_keys(scope, tx.connection(), &[tenant]).await?;
        if let Some(row) = rows.first()
            && let Some(key) = self.cache.get(&(tenant, row.version))
        {
            return Ok(ActiveKey { version: row.version, key });
        }
        if rows.is_empty() {
            self.create(tx, &[tenant]).await?;
        }
        let row = store::active_keys(scope, tx.connection(), &[tenant]).await?.into_iter().next();
        let row = row.ok_or_else(|| {
            Error::conflict("the key of this tenant was destroyed").remedy("its records cannot come back")
        })?;
        let key = self.unwrap(&row).await?.context("an active tenant key without bytes")?;
        Ok(ActiveKey { version: row.version, key })
    }
}

/// That the holder of the key is away is said to the caller. What is wrong with the key or its setting is for the log.
fn fault(trouble: KeyTrouble, what: impl FnOnce() -> String) -> Error {
    if trouble.away {
        Error::unavailable("the service that holds the key-encryption key")
    } else {
        Error::Internal(anyhow::Error::new(trouble).context(what()))
    }
}

/// A key version as the envelope counts it.
pub(super) fn version(stored: i32) -> Result<u32> {
    Ok(u32::try_from(stored).context("a negative key version")?)
}

fn place(row: &entity::tenant_key::Model) -> Result<TenantKeyContext> {
    Ok(TenantKeyContext { tenant: row.tenant_id.into_bytes(), key_version: version(row.version)? })
}
