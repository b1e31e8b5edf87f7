//! Denials that wait to be written: a refusal never waits for its row, and those of a moment share one write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entity::denial;
use uuid::Uuid;

use super::store;
use crate::storage::Database;

/// Rows of one account at one tenant in one minute; the rest is counted. Each node counts for itself.
const A_MINUTE: u32 = 30;
/// Rows that may wait for the database; what comes beyond is counted as well.
const WAITING: usize = 4096;
/// Accounts whose minute is remembered before those of other minutes are forgotten.
const REMEMBERED: usize = 10_000;
/// How long rows gather. A crash loses those of this time; the audit log has their refusals.
const GATHER: Duration = Duration::from_millis(100);

const MICROS: i64 = 60 * 1_000_000;

/// What waits, on one node.
#[derive(Clone)]
pub struct Denials(Arc<Inner>);

struct Inner {
    database: Database,
    waiting: Mutex<Waiting>,
    /// Held while what was taken is written: who waits for it knows that everything noted before is on the disk.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<denial::Model>,
    /// Refusals that were not kept, by tenant and id of the last row that was.
    more: HashMap<(Uuid, Uuid), i64>,
    minutes: HashMap<(Uuid, Uuid), Minute>,
    /// Somebody will write.
    called: bool,
}

/// The minute of an account at a tenant.
#[derive(Clone, Copy)]
struct Minute {
    number: i64,
    kept: u32,
    last: Uuid,
}

impl Denials {
    /// Over the service's database.
    pub fn new(database: &Database) -> Self {
        let inner = Inner {
            database: database.clone(),
            waiting: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// Whether another row of this account is kept in this minute. If not, the refusal is counted here: nobody needs to
    /// find out why it was.
    pub(super) fn has_room(&self, tenant: Uuid, account: Uuid, at: i64) -> bool {
        let mut waiting = self.waiting();
        if waiting.has_room(tenant, account, at) {
            return true;
        }
        waiting.count(tenant, account);
        self.call(waiting);
        false
    }

    /// Keeps a row, or counts it where others were faster.
    pub(super) fn keep(&self, row: denial::Model) {
        let mut waiting = self.waiting();
        let (tenant, account) = (row.tenant_id, row.account);
        if waiting.has_room(tenant, account, row.at) {
            waiting.keep(row);
        } else {
            waiting.count(tenant, account);
        }
        self.call(waiting);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A panic while it was held leaves counts, not a half-made structure: they are still good.
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that what waits is written soon.
    fn call(&self, mut waiting: MutexGuard<'_, Waiting>) {
        if std::mem::replace(&mut waiting.called, true) {
            return;
        }
        drop(waiting);
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(GATHER).await;
            this.flush().await;
        });
    }

    /// Writes what waits. When it returns, everything noted before on this node is on the disk, or the log says why not.
    pub async fn flush(&self) {
        let _only = self.0.writing.lock().await;
        let (rows, more) = {
            let mut waiting = self.waiting();
            waiting.called = false;
            (std::mem::take(&mut waiting.rows), std::mem::take(&mut waiting.more))
        };
        if rows.is_empty() && more.is_empty() {
            return;
        }
        let denials = rows.len();
        if let Err(error) = store::write(&self.0.database, rows, more).await {
            // The refusals themselves stand in the audit log.
            tracing::error!(%error, denials, "why requests were refused was not kept");
        }
    }
}

impl Waiting {
    fn has_room(&self, tenant: Uuid, account: Uuid, at: i64) -> bool {
        let kept = match self.minutes.get(&(tenant, account)) {
            Some(minute) if minute.number == at.div_euclid(MICROS) => minute.kept,
            _ => 0,
        };
        kept < A_MINUTE && self.rows.len() < WAITING
    }

    fn keep(&mut self, row: denial::Model) {
        let number = row.at.div_euclid(MICROS);
        if self.minutes.len() >= REMEMBERED {
            self.minutes.retain(|_, minute| minute.number == number);
        }
        let fresh = Minute { number, kept: 0, last: row.id };
        let minute = self.minutes.entry((row.tenant_id, row.account)).or_insert(fresh);
        if minute.number != number {
            *minute = fresh;
        }
        minute.kept += 1;
        minute.last = row.id;
        self.rows.push(row);
    }

    /// Counts one that is not kept, with the last one that was.
    fn count(&mut self, tenant: Uuid, account: Uuid) {
        let Some(Minute { last, .. }) = self.minutes.get(&(tenant, account)).copied() else { return };
        *self.more.entry((tenant, last)).or_default() += 1;
    }
}
