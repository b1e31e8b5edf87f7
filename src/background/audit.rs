//! The audit log's own work: checkpoints and whole verifications, and the alarm when a chain is damaged.

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::access::Tx;
use crate::audit::{self, ChainReport, Event, Sealed, VerifyProgress};
use crate::error::Result;
use crate::incidents;
use crate::jobs::{Handler, Outcome, Running};

/// The system that findings about the service itself name.
const SELF: &str = "suimon";

/// Seals each chain that has grown.
pub const CHECKPOINT: Handler = Handler {
    kind: "audit.checkpoint",
    every: |config| {
        let minutes = config.audit.checkpoint_minutes;
        (minutes > 0).then(|| SignedDuration::from_mins(i64::from(minutes)))
    },
    step: |running| checkpoint(running).boxed(),
};

/// Verifies all chains from their first entries.
pub const VERIFY: Handler = Handler {
    kind: "audit.verify",
    every: |config| {
        let hours = config.audit.verify_hours;
        (hours > 0).then(|| SignedDuration::from_hours(i64::from(hours)))
    },
    step: |running| -> BoxFuture<'_, _> { verify(running).boxed() },
};

async fn checkpoint(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let after: Option<Uuid> = running.progress()?;
    let Some(tenant) = audit::next_unsealed(scope, after).await? else { return Ok(Outcome::Done) };
    let sealed = audit::seal(scope, tenant).await?;
    if let Sealed::Good(seal) = &sealed {
        seal.write_outside(&scope.op().app().config().audit.checkpoint_folder)?;
    }
    let tx = scope.begin().await?;
    running.save(&tx, &Some(tenant), running.job().done + 1, None).await?;
    let events = match sealed {
        Sealed::Good(seal) => vec![seal.keep(&tx).await?],
        Sealed::Damaged(report) => alarm(&tx, &report).await?,
    };
    tx.commit_all(events).await?;
    Ok(Outcome::Continue)
}

async fn verify(running: &Running) -> Result<Outcome> {
    let progress: VerifyProgress = running.progress()?;
    let (damaged, progress, end) = audit::verify_piece(running.scope(), progress).await?;
    let tx = running.scope().begin().await?;
    running.save(&tx, &progress, progress.entries, None).await?;
    let mut events = Vec::new();
    for report in &damaged {
        events.extend(alarm(&tx, report).await?);
    }
    if events.is_empty() {
        events.push(Event::new("audit.verify", "audit").detail(json!({ "entries": progress.entries })));
    }
    tx.commit_all(events).await?;
    Ok(if end { Outcome::Done } else { Outcome::Continue })
}

/// A damaged chain: an error in the log of the service, an entry, and a finding that somebody has to take up.
async fn alarm(tx: &Tx, report: &ChainReport) -> Result<Vec<Event>> {
    let faults = serde_json::to_value(&report.faults)?;
    tracing::error!(tenant = %report.tenant, %faults, "THE AUDIT LOG IS DAMAGED");
    let first = report.faults.first();
    let kind = first.map(|fault| serde_json::to_value(fault.kind)).transpose()?.unwrap_or_default();
    let summary = format!(
        "The audit log of tenant {} is damaged: {} at entry {}. It is not sealed until this is cleared up; see `suimon audit verify`.",
        report.tenant,
        kind.as_str().unwrap_or_default(),
        first.map_or(0, |fault| fault.seq),
    );
    let damaged =
        Event::new("audit.damaged", "audit").detail(json!({ "tenant": report.tenant, "faults": faults }));
    Ok(vec![damaged, incidents::detect(tx, SELF, summary).await?])
}
