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
use crate::privacy::{self, TrimPiece};

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

/// Lets entries go that have been kept long enough, into archives.
pub const TRIM: Handler = Handler {
    kind: "audit.trim",
    every: |config| {
        let hours = config.retention.every_hours;
        (hours > 0 && config.audit.keep_days > 0).then(|| SignedDuration::from_hours(i64::from(hours)))
    },
    step: |running| -> BoxFuture<'_, _> { trim(running).boxed() },
};

/// Chains without anything due that one step looks at.
const LOOKED_AT: usize = 200;

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

async fn trim(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    // Switched off since: nothing may leave any more.
    if scope.op().app().config().audit.keep_days == 0 {
        return Ok(Outcome::Done);
    }
    let limit = privacy::trim_limit(scope, None).await?;
    let mut after: Option<Uuid> = running.progress()?;
    for _ in 0..LOOKED_AT {
        let Some(tenant) = audit::next_chain(scope, after).await? else { return Ok(Outcome::Done) };
        let piece = privacy::prepare_trim(scope, tenant, limit).await?;
        if matches!(piece, TrimPiece::Nothing) {
            after = Some(tenant);
            continue;
        }
        let tx = scope.begin().await?;
        let (mut own, mut theirs) = (Vec::new(), Vec::new());
        // After a piece the same chain again: more of it may be due.
        match piece {
            TrimPiece::Damaged(report) => own = alarm(&tx, &report).await?,
            TrimPiece::Unwritable(why) => own = unarchived(&tx, tenant, &why).await?,
            piece => theirs.extend(piece.remove(&tx).await?.map(|event| (tenant, event))),
        }
        if !own.is_empty() {
            after = Some(tenant);
        }
        running.save(&tx, &after, running.job().done + 1, None).await?;
        theirs.extend(own.into_iter().map(|event| (scope.tenant(), event)));
        let event = Event::new("audit.trim_piece", "audit").detail(json!({ "tenant": tenant }));
        tx.commit_each(event, theirs).await?;
        return Ok(Outcome::Continue);
    }
    let tx = scope.begin().await?;
    running.save(&tx, &after, running.job().done, None).await?;
    tx.commit(Event::new("audit.trim_piece", "audit")).await?;
    Ok(Outcome::Continue)
}

/// The archive cannot be written: nothing leaves, and somebody has to see to it.
async fn unarchived(tx: &Tx, tenant: Uuid, why: &str) -> Result<Vec<Event>> {
    tracing::error!(%tenant, why, "THE AUDIT LOG CANNOT BE ARCHIVED; nothing was taken away");
    // Without the tenant: a full disk is one finding, not one for each chain.
    let summary = format!(
        "Entries of the audit log cannot be archived ({why}). They stay in the database until this is cleared up; see `suimon audit trim`."
    );
    let event = Event::new("audit.unarchived", "audit").detail(json!({ "tenant": tenant, "why": why }));
    Ok(vec![event, incidents::detect(tx, SELF, summary).await?])
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
