//! The job that gives a tenant's key a successor, and the end of a tenant's data. Here because captured mails, which are the
//! notices', are sealed under tenants' keys as well.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::access::Op;
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::{self, TenantHold};
use crate::jobs::{Outcome, Running};
use crate::{notices, vault};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    #[default]
    Begin,
    People,
    Documents,
    Destroy,
}

/// How far the job came.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    phase: Phase,
    /// The new version.
    to: i32,
    /// The last person, then the last mail, looked at in this pass; and how many people could not be opened.
    after: Option<Uuid>,
    lost: u64,
    done: i64,
    total: Option<i64>,
}

/// One piece of replacing a tenant's key.
///
/// # Errors
/// `CONFLICT` when records do not open (then the old key stays) or when the job is no longer this worker's; unexpected ones.
pub async fn rekey_step(running: &Running) -> Result<Outcome> {
    let payload = &running.job().payload;
    let tenant: Uuid = payload["tenant"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::conflict("the job names no tenant").remedy("ask for the rotation again"))?;
    let fields = payload["fields"].as_bool().unwrap_or(false);
    let step = Step { running, tenant, fields };
    let progress: Progress = running.progress()?;
    match progress.phase {
        Phase::Begin => step.begin(progress).await,
        Phase::People => step.people(progress).await,
        Phase::Documents => step.documents(progress).await,
        Phase::Destroy => step.destroy(progress).await,
    }
}

struct Step<'a> {
    running: &'a Running,
    tenant: Uuid,
    fields: bool,
}

impl Step<'_> {
    fn event(&self, action: &'static str, version: i32) -> Event {
        Event::new(action, format!("tenant_key:{}:{version}", self.tenant))
    }

    async fn begin(&self, mut progress: Progress) -> Result<Outcome> {
        let scope = self.running.scope();
        let successor = vault::succeed(scope, self.tenant).await?;
        progress.to = successor.version;
        progress.phase = Phase::People;
        progress.total = Some(vault::people_left(scope, self.tenant, progress.to).await? as i64);
        let tx = scope.begin().await?;
        successor.write(&tx).await?;
        self.running.save(&tx, &progress, 0, progress.total).await?;
        let event = self.event("key.succeed", progress.to);
        tx.commit_each(event, self.in_own_chain("key.succeed", progress.to)).await?;
        Ok(Outcome::Later(vault::WHILE))
    }

    /// The tenant's own log tells of its keys, too; the operator's own is that log already.
    fn in_own_chain(&self, action: &'static str, version: i32) -> Vec<(Uuid, Event)> {
        if self.tenant == self.running.scope().tenant() {
            return Vec::new();
        }
        vec![(self.tenant, self.event(action, version))]
    }

    async fn people(&self, mut progress: Progress) -> Result<Outcome> {
        let scope = self.running.scope();
        let page = vault::move_people(scope, self.tenant, progress.to, self.fields, progress.after).await?;
        progress.lost += page.lost;
        let Some(last) = page.last else {
            // Through: who is left was changed in the moment of the move, or does not open.
            if vault::people_left(scope, self.tenant, progress.to).await? > progress.lost {
                (progress.after, progress.lost) = (None, 0);
            } else {
                (progress.phase, progress.after) = (Phase::Documents, None);
            }
            let tx = scope.begin().await?;
            self.running.save(&tx, &progress, progress.done, progress.total).await?;
            tx.commit(self.event("key.people_moved", progress.to)).await?;
            return Ok(Outcome::Continue);
        };
        progress.after = Some(last);
        let tx = scope.begin().await?;
        let moved = page.write(&tx).await?;
        progress.done += moved as i64;
        self.running.save(&tx, &progress, progress.done, progress.total).await?;
        let detail = json!({ "people": moved, "fields": self.fields });
        tx.commit(self.event("key.move", progress.to).detail(detail)).await?;
        Ok(Outcome::Continue)
    }

    async fn documents(&self, mut progress: Progress) -> Result<Outcome> {
        let scope = self.running.scope();
        let documents = vault::move_documents(scope, self.tenant, progress.to).await?;
        let mails = notices::move_mails(scope, self.tenant, progress.to, progress.after).await?;
        progress.after = mails.last().or(progress.after);
        let gifts = notices::portal::move_gifts(scope, self.tenant, progress.to).await?;
        let over = documents.is_none() && mails.last().is_none() && gifts.is_empty();
        if over {
            progress.phase = Phase::Destroy;
        }
        let tx = scope.begin().await?;
        if let Some(documents) = documents {
            documents.write(&tx).await?;
        }
        let mails = mails.write(&tx).await?;
        let gifts = gifts.write(&tx).await?;
        self.running.save(&tx, &progress, progress.done, progress.total).await?;
        tx.commit(self.event("key.move", progress.to).detail(json!({ "mails": mails, "gifts": gifts })))
            .await?;
        Ok(if over { Outcome::Later(vault::WHILE) } else { Outcome::Continue })
    }

    async fn destroy(&self, mut progress: Progress) -> Result<Outcome> {
        let scope = self.running.scope();
        let tx = scope.begin().await?;
        let (people, documents) = vault::locked_leftovers(&tx, self.tenant, progress.to).await?;
        let documents = documents || notices::has_old_mails(&tx, self.tenant, progress.to).await?;
        if people > progress.lost || documents {
            // Written under the old key by somebody who began before the new one was there.
            if people > progress.lost {
                (progress.phase, progress.after, progress.lost) = (Phase::People, None, 0);
            } else {
                (progress.phase, progress.after) = (Phase::Documents, None);
            }
            self.running.save(&tx, &progress, progress.done, progress.total).await?;
            tx.commit(self.event("key.people_left", progress.to)).await?;
            return Ok(Outcome::Continue);
        }
        if people > 0 {
            // A retry looks at them again: they may have been restored.
            (progress.phase, progress.after, progress.lost) = (Phase::People, None, 0);
            self.running.save(&tx, &progress, progress.done, progress.total).await?;
            tx.commit(self.event("key.people_left", progress.to).detail(json!({ "people": people }))).await?;
            return Err(Error::conflict(format!(
                "records of people ({people}) do not open: the earlier key was not destroyed"
            ))
            .remedy("restore them from a backup or erase them, then retry the job"));
        }
        let keys = vault::destroy_below(&tx, self.tenant, progress.to).await?;
        self.running.save(&tx, &progress, progress.done, progress.total).await?;
        let event = self.event("key.destroy", progress.to - 1).detail(json!({ "keys": keys }));
        tx.commit_each(event, self.in_own_chain("key.destroy", progress.to - 1)).await?;
        vault::forget_destroyed(scope, self.tenant);
        vault::after_erase(scope).await;
        Ok(Outcome::Done)
    }
}

/// Destroys everything that is sealed for a tenant: its keys, everybody's record and index rows, its contact, kept batches and
/// captured mails. Nobody reads it again: in the database at once, in old backups when the key-encryption key of their time is
/// retired. Pseudonyms, lists of incidents and the audit log stay.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` while somebody of the tenant is, or may be, on the list of an open incident or is still to be
/// written to, when there is no key any more or it is the operator's own; and those of permission.
pub async fn destroy_tenant_data(op: &Op, tenant: Uuid, reason: &str) -> Result<()> {
    let (tx, mut detail) = vault::begin_destroy(op, tenant, reason).await?;
    let scope = tx.scope().clone();
    match incidents::holds_tenant(&tx, tenant).await? {
        TenantHold::Nobody => {}
        TenantHold::Somebody => {
            return Err(Error::conflict("people of this tenant are on the list of an open incident")
                .remedy("close the incident first: they must still be told"));
        }
        TenantHold::Perhaps => {
            return Err(Error::conflict(
                "the list of an open incident names people of an unknown organisation, who may be of this tenant",
            )
            .remedy("correct the list or close the incident first: they must perhaps still be told"));
        }
    }
    if notices::waits_for_tenant(&tx, tenant).await? {
        return Err(Error::conflict("mails to people of this tenant are still to be sent")
            .remedy("wait until they are sent, or cancel the notice"));
    }
    detail["captured_mails"] = json!(notices::forget_mails_of_tenant(&tx, tenant).await?);
    tx.commit(Event::new("key.destroy_tenant", format!("tenant:{tenant}")).detail(detail)).await?;
    vault::forget_destroyed(&scope, tenant);
    vault::after_erase(&scope).await;
    Ok(())
}
