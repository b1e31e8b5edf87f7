//! Appending: inside a transaction, or through the writer task that batches.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use anyhow::Context;
use entity::{audit_entry, audit_head};
use futures::FutureExt;
use sea_orm::DatabaseTransaction;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::chain::{GENESIS, HeadKey, hash};
use super::{Draft, store};
use crate::clock::from_micros;
use crate::entropy::Entropy;
use crate::error::Result;
use crate::loader::gather;
use crate::storage::{Database, Wall};

/// Requests that may wait for the writer; beyond it a request waits before it is queued.
const QUEUE: usize = 1024;
/// Requests that share one transaction.
const BATCH: usize = 256;
const FORGED: &str = "the head of an audit chain was not written with this key; nothing is appended to it, see `suimon audit verify`";

struct Request {
    drafts: BTreeMap<Uuid, Vec<Draft>>,
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
    pub fn start(database: Database, key: &[u8; 32], entropy: Arc<Entropy>) -> Self {
        let appender = Arc::new(Appender { key: HeadKey::new(key), entropy });
        let (queue, requests) = mpsc::channel(QUEUE);
        tokio::spawn(write(database, appender.clone(), requests));
        Self { appender, queue }
    }

    pub(crate) fn head_key(&self) -> &HeadKey {
        &self.appender.key
    }

    /// Appends to the chains of these tenants in one transaction and returns when the entries are on the disk. Where the head of
    /// one is forged, the others' entries are kept and the caller is refused: what was asked for must not be shown.
    pub(crate) async fn record(&self, mut drafts: BTreeMap<Uuid, Vec<Draft>>) -> Result<()> {
        drafts.retain(|_, drafts| !drafts.is_empty());
        if drafts.is_empty() {
            return Ok(());
        }
        let (done, written) = oneshot::channel();
        self.queue.send(Request { drafts, done }).await.ok().context("the audit writer has ended")?;
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
        drafts: BTreeMap<Uuid, Vec<Draft>>,
    ) -> Result<()> {
        let forged = self.appender.append(transaction, drafts).await?;
        if forged.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(FORGED).into()) }
    }
}

impl Appender {
    /// Appends to the chains of several tenants: a statement to lock their heads, one to insert, one to move the heads.
    /// Returns tenants whose head somebody else wrote: to theirs nothing is appended, for the next MAC would make it good.
    async fn append(
        &self,
        transaction: &DatabaseTransaction,
        mut drafts: BTreeMap<Uuid, Vec<Draft>>,
    ) -> Result<Vec<Uuid>> {
        let tenants: Vec<Uuid> = drafts.keys().copied().collect();
        let mut heads = store::lock_heads(transaction, &tenants).await?;
        if heads.len() < tenants.len() {
            for tenant in tenants.iter().filter(|tenant| heads.iter().all(|head| head.tenant_id != **tenant))
            {
                store::create_head(transaction, *tenant, GENESIS, self.key.mac(*tenant, 0, &GENESIS)).await?;
            }
            heads = store::lock_heads(transaction, &tenants).await?;
        }
        let mut forged = Vec::new();
        for head in &heads {
            if !self.key.verify(head.tenant_id, head.seq, &head.hash, &head.mac) {
                tracing::error!(tenant = %head.tenant_id, "{FORGED}");
                drafts.remove(&head.tenant_id);
                forged.push(head.tenant_id);
            }
        }
        if drafts.is_empty() {
            return Ok(forged);
        }
        let mut heads: HashMap<Uuid, audit_head::Model> =
            heads.into_iter().map(|head| (head.tenant_id, head)).collect();
        let mut entries = Vec::new();
        let mut moved = Vec::with_capacity(tenants.len());
        for (tenant, drafts) in drafts {
            let mut head = heads.remove(&tenant).context("an audit head vanished")?;
            for draft in drafts {
                let entry = self.entry(&head, draft);
                head.seq = entry.seq;
                head.hash.clone_from(&entry.hash);
                entries.push(entry);
            }
            let last: [u8; 32] = head.hash[..].try_into().context("the audit head is damaged")?;
            head.mac = self.key.mac(tenant, head.seq, &last).to_vec();
            moved.push(head);
        }
        store::insert(transaction, entries).await?;
        store::move_heads(transaction, moved).await?;
        Ok(forged)
    }

    /// The entry that follows a head.
    fn entry(&self, head: &audit_head::Model, draft: Draft) -> audit_entry::Model {
        let Draft {
            at,
            actor,
            action,
            object,
            subject,
            subjects,
            fields,
            purpose,
            decision,
            request_id,
            detail,
        } = draft;
        let mut entry = audit_entry::Model {
            tenant_id: head.tenant_id,
            seq: head.seq + 1,
            id: self.entropy.id(from_micros(at)),
            at,
            actor,
            action,
            object,
            subject,
            subjects,
            fields,
            purpose,
            decision: decision.to_owned(),
            request_id,
            detail,
            prev: head.hash.clone(),
            hash: Vec::new(),
        };
        entry.hash = hash(&entry).to_vec();
        entry
    }
}

async fn write(database: Database, appender: Arc<Appender>, mut requests: mpsc::Receiver<Request>) {
    let mut batch = Vec::with_capacity(BATCH);
    while gather(&mut requests, &mut batch, BATCH).await {
        // A panic here must not end the writer: without it nothing could be read any more until a restart.
        let written = AssertUnwindSafe(write_batch(&database, &appender, &mut batch)).catch_unwind().await;
        let result = written
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the audit writer panicked").into()))
            .map_err(|error| error.to_string());
        if let Err(error) = &result {
            tracing::error!(error, "audit log could not be written");
        }
        for request in batch.drain(..) {
            let result = match &result {
                Ok(forged) if forged.iter().any(|tenant| request.drafts.contains_key(tenant)) => {
                    Err(FORGED.to_owned())
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error.clone()),
            };
            // The requester may have gone away (a cancelled request); its entry is written all the same.
            let _ = request.done.send(result);
        }
    }
}

async fn write_batch(database: &Database, appender: &Appender, batch: &mut [Request]) -> Result<Vec<Uuid>> {
    let mut by_tenant: BTreeMap<Uuid, Vec<Draft>> = BTreeMap::new();
    for request in batch {
        for (tenant, drafts) in &mut request.drafts {
            by_tenant.entry(*tenant).or_default().append(drafts);
        }
    }
    let transaction = database.behind(Wall::Tenants(by_tenant.keys().copied().collect())).begin().await?;
    let forged = appender.append(&transaction, by_tenant).await?;
    transaction.commit().await?;
    Ok(forged)
}
