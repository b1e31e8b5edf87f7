//! The keys at the top of the hierarchy, and the secrets of the service itself.
//!
//! Secrets of the service (the key of the audit heads, the key that signs checkpoints) must outlive a rotation of the
//! key-encryption key. They are kept in the database, wrapped by it like a tenant's key. Two of them existed before they were
//! kept: those were derived from the first key file, and are taken over as they are, so that old audit logs verify. All others
//! come from one random root.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use envelope::{TenantKey, TenantKeyContext};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::kek::{Keks, KeyTrouble};
use super::store_secrets as store;
use crate::access::Scope;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::storage::{Database, Wall};

/// The random root of all other secrets.
const ROOT: &str = "suimon service root";
/// What was derived from the key file before secrets were kept. Their names are those of the derivation.
const DERIVED_BEFORE: [&str; 2] = ["suimon audit head", "suimon audit checkpoint"];

/// The keys at the top of the hierarchy. Cannot be printed; wiped when dropped.
pub struct Master {
    keks: Arc<Keks>,
    secrets: HashMap<String, Zeroizing<[u8; 32]>>,
}

impl Master {
    /// Reads the service's secrets; those that are missing are made.
    ///
    /// # Errors
    /// When a secret is wrapped by a key that is not at hand, and those of the database.
    pub async fn open(
        keks: Keks,
        database: &Database,
        entropy: &Entropy,
        clock: &dyn Clock,
    ) -> anyhow::Result<Self> {
        let connection = database.behind(Wall::None);
        let known = store::all(&connection).await.context("cannot read the service's secrets")?;
        for name in DERIVED_BEFORE.into_iter().chain([ROOT]) {
            if known.iter().any(|row| row.name == name) {
                continue;
            }
            let derived = if name == ROOT { None } else { keks.derived_before(name) };
            let secret = derived.unwrap_or_else(|| Zeroizing::new(entropy.bytes()));
            let wrapped = wrap(&keks, name, &secret).await?;
            // Of two nodes that start at once one is first, and both read what it made.
            let at = clock.now().as_microsecond();
            store::insert(&connection, name, keks.id(), wrapped, at)
                .await
                .context("cannot keep a secret of the service")?;
        }
        let mut secrets = HashMap::new();
        for row in store::all(&connection).await.context("cannot read the service's secrets")? {
            secrets.insert(row.name.clone(), unwrap(&keks, &row).await?);
        }
        Ok(Self { keks: Arc::new(keks), secrets })
    }

    /// Names the current key-encryption key without telling it.
    pub fn id(&self) -> &str {
        self.keks.id()
    }

    /// What the holder of the key-encryption key answered last, where that was no success.
    pub fn trouble(&self) -> Option<KeyTrouble> {
        self.keks.trouble()
    }

    pub(super) fn keks(&self) -> &Arc<Keks> {
        &self.keks
    }

    /// A key of its own for each use, so that no key serves two (HMAC-SHA-256 as a PRF over a label).
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        if let Some(secret) = self.secrets.get(label) {
            return secret.clone();
        }
        let root = &self.secrets[ROOT];
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(&**root).expect("HMAC takes a key of any length");
        mac.update(label.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// A secret is bound to its name by a number of its own under a tenant that does not exist.
fn place(name: &str) -> TenantKeyContext {
    let number = DERIVED_BEFORE.iter().position(|known| *known == name).map_or(0, |index| index + 1);
    TenantKeyContext { tenant: Uuid::nil().into_bytes(), key_version: number as u32 }
}

async fn wrap(keks: &Keks, name: &str, secret: &[u8; 32]) -> anyhow::Result<Vec<u8>> {
    let wrapped = keks.wrap(&place(name), &TenantKey::from_bytes(secret)).await;
    wrapped.with_context(|| format!("cannot wrap the service's secret {name:?}"))
}

async fn unwrap(keks: &Keks, row: &entity::service_secret::Model) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let secret = keks.unwrap(&row.kek_id, &place(&row.name), &row.wrapped).await;
    let secret = secret.with_context(|| format!("the service's secret {:?} does not open", row.name))?;
    Ok(Zeroizing::new(*secret.expose_bytes()))
}

/// Wraps the service's secrets under the current key. Returns how many were wrapped by another one.
pub(super) async fn rewrap(tx: &crate::access::Tx, scope: &Scope) -> Result<u64> {
    let app = scope.op().app();
    let master = app.master();
    let mut moved = 0;
    for row in store::all(tx.connection()).await? {
        if row.kek_id == master.id() {
            continue;
        }
        let secret = unwrap(&master.keks, &row).await?;
        let wrapped = wrap(&master.keks, &row.name, &secret).await?;
        if !store::replace(tx, &row, master.id(), wrapped).await? {
            return Err(Error::conflict("a secret of the service was wrapped anew at the same time"));
        }
        moved += 1;
    }
    Ok(moved)
}
