//! Rotation of the key-encryption key: every tenant key and every secret of the service is wrapped anew, while reads, writes and
//! searches go on. What lies below (subject keys, fields, index) stays as it is.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::keyring::AT_ONCE;
use super::{master, store, store_secrets};
use crate::access::{Action, Op};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::jobs::{self, Handler, Job, NewJob, Outcome, Running};

/// Tenant keys wrapped anew in one transaction.
const CHUNK: u64 = 200;
/// The kind of the job.
const KIND: &str = "keys.rewrap";

pub(super) const HANDLER: Handler = Handler::on_demand(KIND, step);

/// Has everything wrapped by the current key-encryption key that an earlier one wrapped. The answer is the job that does it.
///
/// # Errors
/// Those of permission.
pub async fn rotate_kek(op: &Op) -> Result<Job> {
    let root = op.app().root()?;
    let scope = op.permit_at(root, Action::Rotate, "key").await?;
    op.require_fresh(Action::Rotate, "key").await?;
    let kek = op.app().master().id().to_owned();
    let tx = scope.begin().await?;
    let job = NewJob { kind: KIND, key: kek.clone(), payload: Value::Null, run_at: None };
    let id = jobs::enqueue(&tx, job).await?;
    tx.commit(Event::new("key.rotate", "key").detail(json!({ "kek": kek, "job": id }))).await?;
    jobs::job(op, root, id).await
}

/// Says that an earlier key-encryption key is needed no longer: nothing is wrapped by it. After that its file can be destroyed, and
/// a backup of that time by itself opens for nobody. Tenants' keys stay as they are: unless they were replaced before
/// (`rekey::rotate_tenant_keys`), the old backup together with the present database and key still opens for a person erased since.
///
/// # Errors
/// `CONFLICT` while it is the current one or wraps something still; `REAUTHENTICATION_REQUIRED`; those of permission.
pub async fn retire_kek(op: &Op, kek: &str) -> Result<()> {
    let scope = op.permit_at(op.app().root()?, Action::Rotate, "key").await?;
    op.require_fresh(Action::Rotate, "key").await?;
    if kek.is_empty() || kek.len() > 100 || kek.chars().any(char::is_control) {
        return Err(Error::invalid("kek", "is not the id of a key").remedy("see `suimon keys status`"));
    }
    if kek == op.app().master().id() {
        return Err(Error::conflict("this is the current key").remedy("choose another one in [keys] first"));
    }
    let tenants = store::count_wrapped_by(&scope, kek).await?;
    let secrets = store_secrets::kek_ids(&scope).await?.iter().filter(|id| *id == kek).count();
    if tenants > 0 || secrets > 0 {
        return Err(Error::conflict(format!(
            "it still wraps {tenants} tenant keys and {secrets} secrets of the service"
        ))
        .remedy("run `suimon keys rotate` and wait for its job"));
    }
    let tx = scope.begin().await?;
    tx.commit(Event::new("key.retire", "key").detail(json!({ "kek": kek }))).await
}

#[derive(Default, Serialize, Deserialize)]
struct Progress {
    after: Option<(Uuid, i32)>,
    done: i64,
    total: Option<i64>,
}

fn step(running: &Running) -> BoxFuture<'_, Result<Outcome>> {
    async move {
        let scope = running.scope();
        let app = scope.op().app();
        let (keyring, kek) = (app.keyring(), app.master().id());
        if running.job().key != kek {
            // The configuration of this node is another one than that of the node that was asked.
            return Err(Error::conflict("this node's current key-encryption key is another one")
                .remedy("give all nodes the same [keys] and restart them, then retry the job"));
        }
        let mut progress: Progress = running.progress()?;
        if progress.total.is_none() {
            progress.total = Some(store::count_not_wrapped_by(scope, kek).await?);
        }
        let rows = store::keys_not_wrapped_by(scope, kek, progress.after, CHUNK).await?;
        let Some(last) = rows.last() else {
            let tx = scope.begin().await?;
            let secrets = master::rewrap(&tx, scope).await?;
            running.save(&tx, &progress, progress.done, progress.total).await?;
            tx.commit(Event::new("key.rewrap", "key").detail(json!({ "kek": kek, "secrets": secrets })))
                .await?;
            return Ok(Outcome::Done);
        };
        progress.after = Some((last.tenant_id, last.version));
        // Before the transaction: the holder of the key may be another machine, and nobody should wait for that.
        let asked: Vec<_> = rows.iter().map(|row| keyring.rewrap(row)).collect();
        let wrapped: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        let tx = scope.begin().await?;
        let mut moved: i64 = 0;
        for (row, wrapped) in rows.iter().zip(wrapped) {
            let Some(wrapped) = wrapped else { continue };
            // Not when it was destroyed or wrapped anew meanwhile: a destroyed key must not come back.
            moved += i64::from(store::replace_wrapped(&tx, row, kek, wrapped).await?);
        }
        progress.done += moved;
        running.save(&tx, &progress, progress.done, progress.total).await?;
        tx.commit(Event::new("key.rewrap", "key").detail(json!({ "kek": kek, "keys": moved }))).await?;
        Ok(Outcome::Continue)
    }
    .boxed()
}
