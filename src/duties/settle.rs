//! How duties end, and reports that no law asked for.

use law::Labels;
use serde_json::json;
use uuid::Uuid;

use super::model::{Duty, DutyState, Nature, Settlement, VoluntaryReport, Wording};
use super::{VOLUNTARY, happened, line, packs, permit, store};
use crate::access::{Action, Op};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents;

/// Closes an open duty: done with a receipt (and, after its last instant, with why it was late), or waived with a reason.
///
/// # Errors
/// `CONFLICT` when it is not open, `INVALID`, `NOT_FOUND` and those of permission.
pub async fn settle_duty(op: &Op, tenant: Uuid, id: Uuid, settlement: Settlement) -> Result<Duty> {
    let scope = permit(op, tenant, Action::Update, "duty", "duty").await?;
    let Settlement { done, receipt, reason, late_reason, at } = settlement;
    let (state, receipt, reason) = match (done, receipt, reason) {
        (true, Some(receipt), None) => (DutyState::Done, Some(line("receipt", &receipt, 300)?), None),
        (false, None, Some(reason)) => (DutyState::Waived, None, Some(line("reason", &reason, 1000)?)),
        (true, ..) => return Err(Error::invalid("receipt", "DONE wants a receipt and no reason")),
        (false, ..) => return Err(Error::invalid("reason", "WAIVED wants a reason and no receipt")),
    };
    let at = at.unwrap_or(scope.at());
    happened("at", at, scope.at())?;
    let tx = scope.begin().await?;
    let find = async || {
        store::duty(tx.connection(), scope.tenant(), id).await?.ok_or_else(|| Error::not_found("duty"))
    };
    // Read again under the lock of its incident: an assessment at the same moment may move its end.
    store::lock_incident(&tx, scope.tenant(), find().await?.incident).await?;
    let duty = find().await?;
    match duty.state {
        DutyState::Open => {}
        DutyState::Done | DutyState::Waived => {
            return Err(Error::conflict(format!("the duty is already {}", duty.state.as_str())));
        }
        DutyState::Superseded => {
            return Err(Error::conflict("the latest assessment no longer asks for this duty")
                .remedy("record a voluntary report where something was filed all the same"));
        }
    }
    let late = state == DutyState::Done && duty.due_at.is_some_and(|due| due < at);
    let late_reason = match (late, late_reason) {
        (true, Some(reason)) => Some(line("lateReason", &reason, 1000)?),
        (true, None) => {
            return Err(Error::invalid("lateReason", "is wanted: it was done after its last instant")
                .remedy("say why it was late; or give the true time in at"));
        }
        (false, Some(_)) => {
            return Err(Error::invalid("lateReason", "is for what was done after its last instant"));
        }
        (false, None) => None,
    };
    let settled = Duty {
        state,
        receipt,
        reason,
        late_reason,
        settled_at: Some(at),
        settled_by: Some(scope.author()),
        ..duty
    };
    store::update_duty(&tx, &settled, DutyState::Open).await?;
    // A report to the authority starts the clocks that are chained to it.
    incidents::reassess(&tx, settled.incident, id).await?;
    let event = Event::new("duty.settle", format!("duty:{id}")).detail(json!({
        "state": settled.state.as_str(), "regime": settled.regime, "kind": settled.kind, "late": late,
    }));
    tx.commit(event).await?;
    Ok(settled)
}

/// Records a report that was made although no law asked for it. It stands among the duties as done, by its own nature.
///
/// # Errors
/// `INVALID`, `CONFLICT` before the first assessment, `NOT_FOUND` and those of permission.
pub async fn record_voluntary_report(
    op: &Op,
    tenant: Uuid,
    incident: Uuid,
    report: VoluntaryReport,
) -> Result<Duty> {
    let scope = permit(op, tenant, Action::Update, "duty", "incident").await?;
    let VoluntaryReport { regime, recipient, title, receipt, filed_at } = report;
    let known = packs()?;
    let Some(law) = known.regimes().find(|info| info.id == regime) else {
        let ids: Vec<_> = known.regimes().map(|info| info.id.to_owned()).collect();
        return Err(Error::invalid("regime", "is not a rule pack of this installation")
            .remedy(format!("use one of {}", ids.join(", "))));
    };
    let recipient = line("recipient", &recipient, 60)?;
    let (title, receipt) = (line("title", &title, 200)?, line("receipt", &receipt, 300)?);
    happened("filedAt", filed_at, scope.at())?;
    let tx = scope.begin().await?;
    store::lock_incident(&tx, scope.tenant(), incident).await?;
    let Some(assessment) = store::latest(&scope, incident).await? else {
        return Err(Error::conflict("the incident was not assessed yet").remedy("assess it first"));
    };
    let duties = store::duties(&scope, tx.connection(), incident).await?;
    let number = duties.iter().filter(|duty| duty.kind.starts_with(VOLUNTARY)).count() + 1;
    let duty = Duty {
        tenant: scope.tenant(),
        id: scope.new_id(),
        incident,
        assessment: assessment.id,
        regime,
        recipient,
        kind: format!("{VOLUNTARY}{number}"),
        clause: law.short.clone(),
        nature: Nature::Internal,
        due_at: None,
        wording: Wording {
            title: Labels::new(title.as_str(), title.as_str()),
            to: Labels::new("voluntary report", "任意の報告"),
            due: Labels::new("voluntary", "任意"),
            provisional: false,
            best_effort: false,
            last_day: None,
        },
        state: DutyState::Done,
        receipt: Some(receipt),
        reason: None,
        late_reason: None,
        settled_at: Some(filed_at),
        settled_by: Some(scope.author()),
        created_at: scope.at(),
    };
    store::insert_duty(&tx, &duty).await?;
    incidents::reassess(&tx, incident, duty.id).await?;
    let event = Event::new("duty.voluntary_report", format!("duty:{}", duty.id))
        .detail(json!({ "incident": incident, "regime": duty.regime }));
    tx.commit(event).await?;
    Ok(duty)
}
