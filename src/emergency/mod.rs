//! Break-glass: access in an emergency. One person asks with a reason, another one approves with fresh proof, people are told,
//! and for a bounded time the policy lets that account, and nobody else, read what was named at that tenant. Afterwards a third
//! person looks at what was done.
//!
//! What a grant passes over and what not stands in `access::policy::grants`: never a refusal that a tenant or a requirement in
//! force states on purpose, and never the limits of a token. Only reads can be asked for.

mod alarm;
mod model;
mod store;
mod usage;

pub use alarm::{ALARM, Alarm, alarm_of, recipients};
pub use model::{Access, NewRequest, Permission, State};
pub use usage::{note_uses, permit_read};

use entity::emergency_access;
use serde_json::json;
use uuid::Uuid;

use crate::access::{Action, Op, Scope, Tx, lock_own_account, policy_changed, share_a_mailbox};
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};

/// The object of the policy: `create` asks, `approve` decides and ends, `verify` reviews.
pub const OBJECT: &str = "emergency_access";
const WHAT: &str = "emergency access";
/// Requests of one account in a day, decided ones too: each one rings an alarm.
const MAX_A_DAY: u64 = 20;
const DAY: i64 = 24 * 3600 * 1_000_000;

/// One line of 1 to 500 characters that names no mail address: it stands where nobody can correct it.
fn line(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 500 || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "wants 1 to 500 characters on one line"));
    }
    if text.contains('@') {
        return Err(Error::invalid(field, "must not hold a mail address")
            .remedy("name the request or its number, not the person"));
    }
    Ok(text.to_owned())
}

fn event(verb: &str, id: Uuid) -> Event {
    Event::new(format!("{OBJECT}.{verb}"), format!("{OBJECT}:{id}"))
}

/// Asks for access in an emergency at a tenant, the actor's own where none is named. Nothing is opened by it.
///
/// # Errors
/// `INVALID`, `LIMIT_EXCEEDED` for too many requests, `NOT_FOUND` outside the reach, and those of permission.
pub async fn request(op: &Op, new: NewRequest) -> Result<Access> {
    let tenant = new.tenant.unwrap_or(op.actor().tenant);
    let scope = op.permit_at(tenant, Action::Create, OBJECT).await?;
    let config = &op.app().config().emergency;
    let minutes = new.check(config.max_minutes)?;
    let reason = line("reason", &new.reason)?;
    let tx = scope.begin_everywhere().await?;
    let actor = lock_own_account(&tx).await?;
    let now = scope.at_micros();
    let lapsed = now - i64::from(config.request_minutes) * 60 * 1_000_000;
    if store::open_of(&tx, actor, now, lapsed).await? >= u64::from(config.max_open) {
        return Err(Error::limit(format!("{} requests of yours are open or in force", config.max_open))
            .remedy("wait for a decision, or end one"));
    }
    if store::asked_since(&tx, actor, now - DAY).await? >= MAX_A_DAY {
        return Err(Error::limit(format!("you asked {MAX_A_DAY} times within a day")));
    }
    let row = emergency_access::Model {
        tenant_id: tenant,
        id: scope.new_id(),
        actor_tenant: op.actor().tenant,
        actor,
        state: "requested".to_owned(),
        permissions: Permission::store(&new.permissions)?,
        subject_id: new.subject,
        incident_id: new.incident,
        reason,
        minutes,
        requested_at: now,
        decided_at: None,
        decided_by: None,
        decision_comment: None,
        ends_at: None,
        ended_by: None,
        uses: 0,
        first_used_at: None,
        reviewed_at: None,
        reviewed_by: None,
        review_comment: None,
    };
    store::insert(&tx, row.clone()).await?;
    let access = Access::read(row, now, lapsed)?;
    let mut event = event("request", access.id);
    if let Some(subject) = access.subject {
        event = event.subject(subject.to_string());
    }
    alarm::ring(&tx, tenant, access.id, Alarm::Requested).await?;
    tx.commit(event.detail(json!({ "minutes": minutes, "permissions": access.permissions }))).await?;
    Ok(access)
}

/// Lets a request take effect, from the next request of its account on, for the minutes that it asked for.
///
/// # Errors
/// `FORBIDDEN` for who asked, `CONFLICT` when it was decided or has lapsed, `REAUTHENTICATION_REQUIRED`, `NOT_FOUND` and those of
/// permission.
pub async fn approve(op: &Op, tenant: Uuid, id: Uuid, comment: &str) -> Result<Access> {
    let (scope, row, comment) = second_person(op, tenant, id, comment).await?;
    let ends_at = scope.at_micros() + i64::from(row.minutes) * 60 * 1_000_000;
    let tx = scope.begin_everywhere().await?;
    let decided = store::decide(&tx, &row, "approved", Some(ends_at), &comment, lapse(op)).await?;
    require_open(decided)?;
    policy_changed(&tx, row.actor_tenant).await?;
    alarm::ring(&tx, tenant, id, Alarm::Approved).await?;
    tx.commit(event("approve", id).detail(json!({ "ends_at": ends_at, "for": row.actor }))).await?;
    find(&scope, tenant, id).await
}

/// Refuses a request.
///
/// # Errors
/// As [`approve`].
pub async fn refuse(op: &Op, tenant: Uuid, id: Uuid, comment: &str) -> Result<Access> {
    let (scope, row, comment) = second_person(op, tenant, id, comment).await?;
    let tx = scope.begin_everywhere().await?;
    require_open(store::decide(&tx, &row, "refused", None, &comment, lapse(op)).await?)?;
    tx.commit(event("refuse", id).detail(json!({ "for": row.actor }))).await?;
    find(&scope, tenant, id).await
}

/// Ends a grant before its time: whoever may approve, and its own account.
///
/// # Errors
/// `CONFLICT` when it is not in force, `NOT_FOUND` and those of permission.
pub async fn end(op: &Op, tenant: Uuid, id: Uuid) -> Result<Access> {
    let own = !op.allows(Action::Approve, OBJECT);
    let action = if own { Action::Create } else { Action::Approve };
    let scope = op.permit_at(tenant, action, OBJECT).await?;
    let row = store::find(&scope, tenant, id).await?.filter(|row| !own || row.actor == scope.author());
    let row = row.ok_or_else(|| Error::not_found(WHAT))?;
    let tx: Tx = scope.begin_everywhere().await?;
    if !store::end(&tx, tenant, id).await? {
        return Err(Error::conflict("this access is not in force"));
    }
    policy_changed(&tx, row.actor_tenant).await?;
    tx.commit(event("end", id).detail(json!({ "for": row.actor }))).await?;
    find(&scope, tenant, id).await
}

/// Closes the review that is due when a grant is over. Neither who asked nor who approved may do it.
///
/// # Errors
/// `FORBIDDEN` for those two, `CONFLICT` when no review is due, `NOT_FOUND` and those of permission.
pub async fn review(op: &Op, tenant: Uuid, id: Uuid, comment: &str) -> Result<Access> {
    let scope = op.permit_at(tenant, Action::Verify, OBJECT).await?;
    let comment = line("comment", comment)?;
    let row = store::find(&scope, tenant, id).await?.ok_or_else(|| Error::not_found(WHAT))?;
    if is_who_asked(&scope, &row).await? || is_who_decided(&scope, &row).await? {
        return Err(
            not_you(&scope, "review", id, "a review wants somebody who neither asked nor approved").await?
        );
    }
    let tx = scope.begin_everywhere().await?;
    if !store::review(&tx, tenant, id, &comment).await? {
        return Err(Error::conflict("no review is due"));
    }
    tx.commit(event("review", id).detail(json!({ "for": row.actor, "uses": row.uses }))).await?;
    find(&scope, tenant, id).await
}

/// Requests and grants, the newest first, of all tenants within reach or of one; `before` is the last one of the page before.
/// Who may not read them sees the own ones.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn list(
    op: &Op,
    tenant: Option<Uuid>,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Access>> {
    let own = !op.allows(Action::Read, OBJECT);
    let action = if own { Action::Create } else { Action::Read };
    let scope = match tenant {
        Some(tenant) => op.permit_at(tenant, action, OBJECT).await?,
        None => op.permit(action, OBJECT).await?,
    };
    let of = own.then(|| scope.author());
    let rows = store::list(&scope, of, state, before, limit, lapse(op)).await?;
    rows.into_iter().map(|row| Access::read(row, scope.at_micros(), lapse(op))).collect()
}

/// Requests made before this instant and not decided have lapsed.
fn lapse(op: &Op) -> i64 {
    op.at().as_microsecond() - i64::from(op.app().config().emergency.request_minutes) * 60 * 1_000_000
}

fn require_open(decided: bool) -> Result<()> {
    if decided { Ok(()) } else { Err(Error::conflict("this request was decided, or has lapsed")) }
}

async fn find(scope: &Scope, tenant: Uuid, id: Uuid) -> Result<Access> {
    let row = store::find(scope, tenant, id).await?.ok_or_else(|| Error::not_found(WHAT))?;
    Access::read(row, scope.at_micros(), lapse(scope.op()))
}

/// Somebody who may decide, with fresh proof, and is not who asked.
async fn second_person(
    op: &Op,
    tenant: Uuid,
    id: Uuid,
    comment: &str,
) -> Result<(Scope, emergency_access::Model, String)> {
    let scope = op.permit_at(tenant, Action::Approve, OBJECT).await?;
    op.require_fresh(Action::Approve, OBJECT).await?;
    let comment = line("comment", comment)?;
    let row = store::find(&scope, tenant, id).await?.ok_or_else(|| Error::not_found(WHAT))?;
    if is_who_asked(&scope, &row).await? {
        return Err(not_you(&scope, "approve", id, "a second person decides, never who asked").await?);
    }
    Ok((scope, row, comment))
}

/// Whether the actor is who asked: by the account, or by another one with the same mailbox. One subject of a provider of identity
/// has one account only, so that cannot be shared.
async fn is_who_asked(scope: &Scope, row: &emergency_access::Model) -> Result<bool> {
    let author = (scope.op().actor().tenant, scope.author());
    Ok(row.actor == author.1 || share_a_mailbox(scope, (row.actor_tenant, row.actor), author).await?)
}

/// The same of who decided: somebody of the operator or of the tenant itself.
async fn is_who_decided(scope: &Scope, row: &emergency_access::Model) -> Result<bool> {
    let Some(decided_by) = row.decided_by else { return Ok(false) };
    let author = (scope.op().actor().tenant, scope.author());
    if decided_by == author.1 {
        return Ok(true);
    }
    for tenant in [scope.op().app().root()?, row.tenant_id] {
        if share_a_mailbox(scope, (tenant, decided_by), author).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn not_you(scope: &Scope, verb: &str, id: Uuid, why: &str) -> Result<Error> {
    let denied = event(verb, id).decision(Decision::Denied).detail(json!({ "why": why }));
    scope.record(scope.tenant(), vec![denied]).await?;
    Ok(Error::forbidden(verb, WHAT).remedy(why))
}
