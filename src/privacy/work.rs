//! The jobs of retention: one bounded piece a step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::retention::{Rule, days_ago, rules};
use crate::audit::Event;
use crate::error::Result;
use crate::jobs::{self, Outcome, Running};
use crate::requirements::manifest::Mode;
use crate::{access, incidents, notices, vault};

/// People that one step looks at.
const PAGE: u64 = 200;
/// Rows of the service's own that one step removes.
const ROWS: u64 = 1000;

/// How far the job came.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    /// Requirement and record type of the last rule that is done.
    done: Option<(String, String)>,
    /// Tenant and id of the last person that was looked at for the rule after it.
    after: Option<(Uuid, Uuid)>,
    /// Of the rule under way: people who were due and those of them that are on hold.
    due: u64,
    held: u64,
    erased: i64,
}

/// Erases the next people whose time is over.
///
/// # Errors
/// Unexpected ones; `CONFLICT` when the job is no longer this worker's.
pub async fn retention_step(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let mut progress: Progress = running.progress()?;
    let place = |rule: &Rule| (rule.requirement.clone(), rule.record_type.clone());
    let next = rules(scope).await?.into_iter().find(|rule| {
        rule.mode != Mode::Observe && progress.done.as_ref().is_none_or(|done| place(rule) > *done)
    });
    let Some(rule) = next else {
        vault::after_erase(scope).await;
        return Ok(Outcome::Done);
    };
    let tx = scope.begin().await?;
    // Under locks: an import that changes one of them in this moment comes before or after, and then it is not due.
    let page =
        vault::lock_due(&tx, &rule.system, &rule.record_type, rule.cutoff, progress.after, PAGE).await?;
    let held = incidents::on_hold_in(&tx, &rule.system, &page).await?;
    progress.due += page.len() as u64;
    progress.held += held.len() as u64;
    let mut events: Vec<(Uuid, Event)> = Vec::new();
    if rule.mode == Mode::Enforce {
        for subject in page.iter().filter(|subject| !held.contains(&subject.reference())) {
            vault::erase_locked(&tx, subject).await?;
            let mails = notices::forget_mails(&tx, subject).await?;
            progress.erased += 1;
            let reason = format!("retention {} {}", rule.requirement, rule.after);
            let event = Event::new("subject.erase", format!("subject:{}", subject.id))
                .subject(subject.id.to_string())
                .detail(
                    json!({ "reason": reason, "record_type": rule.record_type, "captured_mails": mails }),
                );
            events.push((subject.tenant, event));
        }
        // Who is kept, and why, stands in the chain of the own tenant.
        let mut kept: BTreeMap<Uuid, u64> = BTreeMap::new();
        held.iter().for_each(|held| *kept.entry(held.tenant).or_default() += 1);
        events.extend(kept.into_iter().map(|(tenant, people)| {
            let detail = json!({ "requirement": rule.requirement, "people": people, "because": "on the list of an open incident" });
            (tenant, Event::new("retention.hold", "subject").detail(detail))
        }));
    }
    let over = (page.len() as u64) < PAGE;
    progress.after = page.last().map(|last| (last.tenant, last.id)).filter(|_| !over);
    let detail = json!({
        "requirement": rule.requirement, "record_type": rule.record_type, "mode": rule.mode.as_str(),
        "people": page.len(), "on_hold": held.len(),
    });
    if over {
        let overdue = progress.due - progress.held;
        if rule.mode == Mode::Audit && overdue > 0 {
            let summary = format!(
                "{}: records of {} are kept longer than {}. The requirement is in mode audit: nothing was erased.",
                rule.requirement, rule.record_type, rule.after
            );
            events.push((scope.tenant(), incidents::detect(&tx, &rule.system, summary).await?));
        }
        (progress.done, progress.due, progress.held) = (Some(place(&rule)), 0, 0);
    }
    running.save(&tx, &progress, progress.erased, None).await?;
    tx.commit_each(Event::new("retention.piece", "subject").detail(detail), events).await?;
    Ok(Outcome::Continue)
}

/// What the service keeps of its own, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub sessions: u64,
    pub tokens: u64,
    pub captured_mails: u64,
    pub import_batches: u64,
    pub jobs: u64,
    #[serde(default)]
    pub denials: u64,
    /// Rows of scans that nobody goes on with.
    #[serde(default)]
    pub scans: u64,
    /// Codes and sessions of recipients' pages.
    #[serde(default)]
    pub pages: u64,
}

/// Removes what the service has kept of its own as long as the configuration says: a bounded number a step.
///
/// # Errors
/// Unexpected ones; `CONFLICT` when the job is no longer this worker's.
pub async fn purge_step(running: &Running) -> Result<Outcome> {
    let scope = running.scope();
    let config = &scope.op().app().config().retention;
    let tx = scope.begin().await?;
    let removed = Kept {
        sessions: access::purge_sessions(&tx, days_ago(scope, config.session_days), ROWS).await?,
        tokens: access::purge_tokens(&tx, days_ago(scope, config.token_days), ROWS).await?,
        captured_mails: notices::purge_mails(&tx, days_ago(scope, config.captured_mail_days), ROWS).await?,
        import_batches: vault::purge_batches(&tx, days_ago(scope, config.import_batch_days), ROWS).await?,
        jobs: jobs::purge(&tx, days_ago(scope, config.job_days), ROWS).await?,
        denials: access::purge_denials(&tx, days_ago(scope, config.denial_days), ROWS).await?,
        scans: incidents::scans::purge(&tx, ROWS).await?,
        pages: notices::portal::purge(&tx, days_ago(scope, config.session_days), ROWS).await?,
    };
    if removed == Kept::default() {
        drop(tx);
        vault::after_erase(scope).await;
        return Ok(Outcome::Done);
    }
    let Kept { sessions, tokens, captured_mails, import_batches, jobs, denials, scans, pages } = removed;
    let sum = sessions + tokens + captured_mails + import_batches + jobs + denials + scans + pages;
    let done = running.job().done + i64::try_from(sum).unwrap_or(0);
    running.save(&tx, &removed, done, None).await?;
    tx.commit(Event::new("retention.purge", "service").detail(serde_json::to_value(removed)?)).await?;
    Ok(Outcome::Continue)
}
