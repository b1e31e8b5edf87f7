//! Corrective actions. One may name the requirement that it adds: then it is done when that requirement is in force, and not
//! when somebody says so.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{ActionState, CorrectiveAction, EntryKind, RowId};
use super::timeline::{NewEntry, append};
use super::{MAX_LISTED, begin, check, permit, store};
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::requirements::requirement_in_force;

/// What a new corrective action needs.
#[derive(Clone, Debug)]
pub struct NewAction {
    pub title: String,
    /// Name of the requirement that it adds; it need not exist yet.
    pub requirement: Option<String>,
    pub owner: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
}

/// Plans an action.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `LIMIT_EXCEEDED` and those of permission.
pub async fn plan_action(op: &Op, incident: RowId, new: NewAction) -> Result<CorrectiveAction> {
    let (scope, tx, incident) = begin(op, incident, Action::Create, "action").await?;
    let NewAction { title, requirement, owner, starts_at, due_at } = new;
    let starts_at = starts_at.map(|at| check::sane("startsAt", at)).transpose()?;
    let due_at = due_at.map(|at| check::sane("dueAt", at)).transpose()?;
    check::order("dueAt", starts_at, due_at)?;
    let action = CorrectiveAction {
        tenant: incident.tenant,
        id: scope.new_id(),
        incident: incident.id,
        title: check::text("title", &title, 500)?,
        requirement: requirement.map(|name| check::name("requirement", &name)).transpose()?,
        owner: check::optional_line("owner", owner, 200)?,
        starts_at,
        due_at,
        state: ActionState::Planned,
        done_at: None,
        recorded_at: scope.at(),
    };
    if store::count_actions(&tx, incident.id, None).await? >= MAX_LISTED {
        return Err(Error::limit(format!("an incident has at most {MAX_LISTED} corrective actions")));
    }
    store::insert_action(&tx, &action).await?;
    let detail = json!({ "action": action.id, "requirement": action.requirement });
    tx.commit(Event::new("action.plan", format!("incident:{}", incident.id)).detail(detail)).await?;
    Ok(action)
}

/// Completes an action. One that names a requirement is refused until that requirement is in force.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it is not planned any more or its requirement is not in force, `INVALID`, and those of
/// permission.
pub async fn complete_action(op: &Op, action: RowId, at: Option<Timestamp>) -> Result<CorrectiveAction> {
    let (scope, mut found) = find(op, action).await?;
    let done_at = check::past("at", at.unwrap_or_else(|| scope.at()), scope.at())?;
    if let Some(requirement) = &found.requirement
        && requirement_in_force(&scope, requirement, scope.at()).await?.is_none()
    {
        return Err(Error::conflict(format!("the requirement {requirement} is not in force"))
            .remedy("apply its manifest first, or drop this action with a reason"));
    }
    let tx = scope.begin().await?;
    if !store::end_action(&tx, action, ActionState::Done, Some(done_at.as_microsecond())).await? {
        return Err(ended(found.state));
    }
    let detail = json!({ "action": found.id, "requirement": found.requirement });
    tx.commit(Event::new("action.complete", format!("incident:{}", found.incident)).detail(detail)).await?;
    (found.state, found.done_at) = (ActionState::Done, Some(done_at));
    Ok(found)
}

/// Drops a planned action. The reason stands in the timeline.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` when it is not planned any more, `INVALID`, and those of permission.
pub async fn drop_action(op: &Op, action: RowId, reason: &str) -> Result<CorrectiveAction> {
    let (_, mut found) = find(op, action).await?;
    let home = RowId { tenant: found.tenant, id: found.incident };
    let (scope, tx, incident) = begin(op, home, Action::Update, "action").await?;
    let reason = check::text("reason", reason, 2000)?;
    if !store::end_action(&tx, action, ActionState::Dropped, None).await? {
        return Err(ended(found.state));
    }
    let text = format!("{}\n→ dropped: {reason}", found.title);
    append(&tx, incident.id, NewEntry::of(EntryKind::Measure, scope.at(), text)).await?;
    let detail = json!({ "action": found.id });
    tx.commit(Event::new("action.drop", format!("incident:{}", incident.id)).detail(detail)).await?;
    found.state = ActionState::Dropped;
    Ok(found)
}

fn ended(state: ActionState) -> Error {
    let state = if state == ActionState::Planned { "being ended by somebody else" } else { state.as_str() };
    Error::conflict(format!("this action is {state} already"))
}

async fn find(op: &Op, action: RowId) -> Result<(Scope, CorrectiveAction)> {
    const WHAT: &str = "corrective action";
    let scope = permit(op, Action::Update, "action", WHAT).await?.within(action.tenant, WHAT)?;
    let found = store::find_action(&scope, action.id).await?.ok_or_else(|| Error::not_found(WHAT))?;
    Ok((scope, found))
}

/// The corrective actions of an incident, in the order of recording.
///
/// # Errors
/// Unexpected ones only.
pub async fn actions(scope: &Scope, incident: Uuid) -> Result<Vec<CorrectiveAction>> {
    store::actions(scope, incident).await
}
