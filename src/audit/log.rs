//! Appending: inside a transaction, or through the writer task that batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use entity::audit_entry;
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::chain::{GENESIS, HeadKey, hash};
use super::{Draft, store};
use crate::clock::from_micros;
use crate::entropy::Entropy;
use crate::error::Result;

/// Requests that may wait for the writer; beyond it a request waits before it is queued.
const QUEUE: usize = 1024;
/// Requests that share one transaction.
const BATCH: usize = 256;

struct Request {
    tenant: Uuid,
    drafts: Vec<Draft>,
    done: oneshot::Sender<std::result::Result<(), String>>,
}

/// The audit log of one service.
pub struct Log {
    appender: Arc<Appender>,
    queue: mpsc::Sender<Request>,
}

struct Appender {
    key: HeadKey,
    entropy: Arc<Entropy>,
}

impl Log {
    /// Starts the writer; it ends when the log is dropped and everything queued is written.
    pub fn start(database: DatabaseConnection, key: &[u8; 32], entropy: Arc<Entropy>) -> Self {
        let appender = Arc::new(Appender { key: HeadKey::new(key), entropy });
        let (queue, requests) = mpsc::channel(QUEUE);
        tokio::spawn(write(database, appender.clone(), requests));
        Self { appender, queue }
    }

    pub(crate) fn head_key(&self) -> &HeadKey {
        &self.appender.key
    }

    /// Appends and returns when the entries are on the disk.
    pub(crate) async fn record(&self, tenant: Uuid, drafts: Vec<Draft>) -> Result<()> {
        if drafts.is_empty() {
            return Ok(());
        }
        let (done, written) = oneshot::channel();
        self.queue.send(Request { tenant, drafts, done }).await.ok().context("the audit writer has ended")?;
        written
            .await
            .context("the audit writer has ended")?
            .map_err(|error| anyhow::anyhow!("audit log: {error}"))?;
        Ok(())
    }

    /// Appends as part of a transaction.
    pub(crate) async fn append_in(
        &self,
        transaction: &DatabaseTransaction,
        tenant: Uuid,
        drafts: &[Draft],
    ) -> Result<()> {
        self.appender.append(transaction, tenant, drafts).await
    }
}

impl Appender {
    async fn append(&self, transaction: &DatabaseTransaction, tenant: Uuid, drafts: &[Draft]) -> Result<()> {
        let head = match store::lock_head(transaction, tenant).await? {
            Some(head) => head,
            None => {
                store::create_head(transaction, tenant, GENESIS, self.key.mac(tenant, 0, &GENESIS)).await?;
                store::lock_head(transaction, tenant).await?.context("the audit head vanished")?
            }
        };
        let mut seq = head.seq;
        let mut prev = head.hash;
        let mut entries = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let Draft { at, actor, action, object, subject, fields, purpose, decision, request_id, detail } =
                draft.clone();
            seq += 1;
            let mut entry = audit_entry::Model {
                tenant_id: tenant,
                seq,
                id: self.entropy.id(from_micros(at)),
                at,
                actor,
                action,
                object,
                subject,
                fields,
                purpose,
                decision: decision.to_owned(),
                request_id,
                detail,
                prev,
                hash: Vec::new(),
            };
            entry.hash = hash(&entry).to_vec();
            prev = entry.hash.clone();
            entries.push(entry);
        }
        let last: [u8; 32] = prev.try_into().ok().context("the audit head is damaged")?;
        store::insert(transaction, entries).await?;
        store::move_head(transaction, tenant, seq, last, self.key.mac(tenant, seq, &last)).await?;
        Ok(())
    }
}

async fn write(database: DatabaseConnection, appender: Arc<Appender>, mut requests: mpsc::Receiver<Request>) {
    let mut batch = Vec::with_capacity(BATCH);
    while requests.recv_many(&mut batch, BATCH).await > 0 {
        let result = write_batch(&database, &appender, &mut batch).await.map_err(|error| error.to_string());
        if let Err(error) = &result {
            tracing::error!(error, "audit log could not be written");
        }
        for request in batch.drain(..) {
            // The requester may have gone away (a cancelled request); its entry is written all the same.
            let _ = request.done.send(result.clone());
        }
    }
}

async fn write_batch(
    database: &DatabaseConnection,
    appender: &Appender,
    batch: &mut [Request],
) -> Result<()> {
    // In the order of tenants, so that two nodes lock heads in the same order and cannot wait for each other.
    let mut by_tenant: BTreeMap<Uuid, Vec<Draft>> = BTreeMap::new();
    for request in batch {
        by_tenant.entry(request.tenant).or_default().append(&mut request.drafts);
    }
    let transaction = crate::storage::begin(database).await?;
    for (tenant, drafts) in &by_tenant {
        appender.append(&transaction, *tenant, drafts).await?;
    }
    transaction.commit().await?;
    Ok(())
}
