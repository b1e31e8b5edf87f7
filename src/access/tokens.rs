//! API tokens: told once, stored as a hash, limited in scope and time.

use std::sync::Arc;

use entity::api_token;
use jiff::Timestamp;
use uuid::Uuid;

use super::identity::{hash_secret, new_secret};
use super::model::{Action, TokenScope};
use super::op::{Op, Reach, Scope, Tx};
use super::store;
use crate::app::App;
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// A token without its secret.
#[derive(Clone, Debug)]
pub struct ApiToken {
    pub tenant: Uuid,
    pub id: Uuid,
    pub account: Uuid,
    pub label: String,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// To the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A new token with its secret, which is never told again.
pub struct IssuedToken {
    pub token: ApiToken,
    pub secret: String,
}

const MAX_DAYS: u32 = 366;

/// Issues a token for the caller's own account: it can never do more than that account.
///
/// # Errors
/// `INVALID` and those of permission. A token cannot issue tokens.
pub async fn issue_token(op: &Op, label: &str, scopes: &[String], days: u32) -> Result<IssuedToken> {
    let account = op.actor().account.ok_or_else(|| Error::forbidden("create", "token"))?;
    if op.actor().token_scopes.is_some() {
        return Err(Error::forbidden("create", "token").remedy("sign in with a password to issue tokens"));
    }
    check(label, scopes, days)?;
    let scope = op.permit_at(op.actor().tenant, Action::Create, "token").await?;
    op.require_fresh(Action::Create, "token").await?;
    within_role(op, scopes)?;
    issue(&scope, account, label, scopes, days).await
}

/// Issues a token for an account, for whoever runs the program on the service's own machine and so holds its keys already.
///
/// # Errors
/// `INVALID`, and `NOT_FOUND` when there is no such account.
pub async fn issue_token_for(
    app: &Arc<App>,
    login: &str,
    label: &str,
    scopes: &[String],
    days: u32,
) -> Result<IssuedToken> {
    check(label, scopes, days)?;
    let op = super::act_locally(app, login).await?;
    within_role(&op, scopes)?;
    let tenant = op.actor().tenant;
    let scope = Scope::system(app, tenant, Reach::One(tenant), "token on the command line");
    issue(&scope, op.actor().account.unwrap_or_default(), label, scopes, days).await
}

/// A scope that names an object must name one on which the account's roles allow something now: a token that waits for a role
/// to come is nobody's need. Patterns of objects need no check, because a token never does more than its account.
fn within_role(op: &Op, scopes: &[String]) -> Result<()> {
    for (index, text) in scopes.iter().enumerate() {
        let scope: TokenScope = text.parse().map_err(|problem: String| Error::invalid("scopes", problem))?;
        let Some(object) = scope.plain_object() else { continue };
        let allowed =
            Action::ALL.into_iter().any(|action| scope.covers(action, object) && op.allows(action, object));
        if !allowed {
            return Err(Error::invalid(
                &format!("scopes[{index}]"),
                "is beyond what the account's roles allow",
            )
            .remedy("leave it out, or have an administrator change the roles first"));
        }
    }
    Ok(())
}

fn check(label: &str, scopes: &[String], days: u32) -> Result<()> {
    if !(1..=100).contains(&label.chars().count()) {
        return Err(Error::invalid("label", "wants 1 to 100 characters"));
    }
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Error::invalid("days", format!("wants 1 to {MAX_DAYS}")));
    }
    if scopes.is_empty() || scopes.len() > 50 {
        return Err(Error::invalid("scopes", "wants 1 to 50 entries such as read:incident*"));
    }
    for scope in scopes {
        scope.parse::<TokenScope>().map_err(|problem| Error::invalid("scopes", problem))?;
    }
    Ok(())
}

async fn issue(
    scope: &Scope,
    account: Uuid,
    label: &str,
    scopes: &[String],
    days: u32,
) -> Result<IssuedToken> {
    let tx = scope.begin().await?;
    let (issued, event) = issue_in(&tx, account, label, scopes, days).await?;
    tx.commit(event).await?;
    Ok(issued)
}

/// The same within a transaction; to be committed with the event.
async fn issue_in(
    tx: &Tx,
    account: Uuid,
    label: &str,
    scopes: &[String],
    days: u32,
) -> Result<(IssuedToken, Event)> {
    let scope = tx.scope();
    let secret = format!("suimon_{}", new_secret(scope.op().app()));
    let row = api_token::Model {
        tenant_id: scope.tenant(),
        id: scope.new_id(),
        account_id: account,
        token_hash: hash_secret(&secret).to_vec(),
        label: label.to_owned(),
        scopes: serde_json::to_string(scopes)?,
        created_at: scope.at_micros(),
        expires_at: scope.at_micros() + i64::from(days) * 86_400_000_000,
        revoked_at: None,
        last_used_at: None,
    };
    store::insert_token(tx.connection(), row.clone()).await?;
    let event = Event::new("token.issue", format!("token:{}", row.id));
    let event = event.detail(serde_json::json!({ "scopes": scopes, "days": days }));
    Ok((IssuedToken { token: describe(row)?, secret }, event))
}

/// Tokens within the caller's reach.
///
/// # Errors
/// Those of permission.
pub async fn list_tokens(op: &Op) -> Result<Vec<ApiToken>> {
    let scope = op.permit(Action::Read, "token").await?;
    store::tokens(&scope).await?.into_iter().map(describe).collect()
}

/// Revokes a token with effect from its next request.
///
/// # Errors
/// `NOT_FOUND` when there is no such live token, and those of permission.
pub async fn revoke_token(op: &Op, tenant: Uuid, id: Uuid) -> Result<()> {
    let scope = op.permit_at(tenant, Action::Delete, "token").await?;
    let tx = scope.begin().await?;
    if !store::revoke_token(tx.connection(), tenant, id, scope.at_micros()).await? {
        return Err(Error::not_found("token"));
    }
    tx.commit(Event::new("token.revoke", format!("token:{id}"))).await
}

/// What a calendar's secret opens. It stands in an address, so it opens nothing else.
const CALENDAR: &str = "read:calendar";
/// The same as it is stored.
const CALENDAR_SCOPES: &str = r#"["read:calendar"]"#;
/// How the token of a calendar is called.
const CALENDAR_LABEL: &str = "calendar";

/// The calendar feed of the caller's own account, where there is one.
///
/// # Errors
/// `FORBIDDEN` for the service itself.
pub async fn calendar_feed(op: &Op) -> Result<Option<ApiToken>> {
    let (scope, account) = op.own()?;
    let mut found = store::labelled_tokens(&scope, account, CALENDAR_LABEL, CALENDAR_SCOPES).await?;
    found.retain(|row| row.expires_at > scope.at_micros());
    found.pop().map(describe).transpose()
}

/// Issues the secret of the caller's own calendar; the one before ends with it.
///
/// # Errors
/// `FORBIDDEN` for tokens and for whoever may not read calendars.
pub async fn renew_calendar_feed(op: &Op) -> Result<IssuedToken> {
    let (scope, account) = op.own()?;
    if op.actor().token_scopes.is_some() {
        return Err(
            Error::forbidden("create", "calendar").remedy("sign in with a password to have a calendar")
        );
    }
    op.permit_at(op.actor().tenant, Action::Read, "calendar").await?;
    // A secret that lasts a year, as any other token.
    op.require_fresh(Action::Create, "token").await?;
    let tx = scope.begin().await?;
    // One after the other: of two renewals at once only one secret stays.
    super::lock_own_account(&tx).await?;
    let mut events = end_feeds(&tx, account).await?;
    let (issued, event) = issue_in(&tx, account, CALENDAR_LABEL, &[CALENDAR.to_owned()], MAX_DAYS).await?;
    events.push(event);
    tx.commit_all(events).await?;
    Ok(issued)
}

/// Ends the caller's own calendar. False when there was none.
///
/// # Errors
/// `FORBIDDEN` for tokens.
pub async fn revoke_calendar_feed(op: &Op) -> Result<bool> {
    let (scope, account) = op.own()?;
    if op.actor().token_scopes.is_some() {
        return Err(Error::forbidden("delete", "calendar").remedy("sign in with a password"));
    }
    let tx = scope.begin().await?;
    super::lock_own_account(&tx).await?;
    let ended = end_feeds(&tx, account).await?;
    if ended.is_empty() {
        return Ok(false);
    }
    tx.commit_all(ended).await?;
    Ok(true)
}

/// Ends every feed of an account; to be committed with the events.
async fn end_feeds(tx: &Tx, account: Uuid) -> Result<Vec<Event>> {
    let scope = tx.scope();
    let mut events = Vec::new();
    for row in store::labelled_tokens(scope, account, CALENDAR_LABEL, CALENDAR_SCOPES).await? {
        if store::revoke_token(tx.connection(), row.tenant_id, row.id, scope.at_micros()).await? {
            events.push(Event::new("token.revoke", format!("token:{}", row.id)));
        }
    }
    Ok(events)
}

/// Who reads a calendar by its secret. Other tokens do not belong into an address, and open nothing here.
///
/// # Errors
/// `UNAUTHENTICATED`.
pub async fn reader_of_calendar(app: &Arc<App>, secret: &str, request_id: &str) -> Result<Op> {
    let op = super::authenticate(app, &super::Credentials::Bearer(secret.to_owned()), request_id).await?;
    let scopes = op.actor().token_scopes.as_deref().unwrap_or_default();
    match scopes {
        [only] if only.to_string() == CALENDAR => Ok(op),
        _ => Err(Error::unauthenticated("this token is not a calendar's")),
    }
}

fn describe(row: api_token::Model) -> Result<ApiToken> {
    Ok(ApiToken {
        tenant: row.tenant_id,
        id: row.id,
        account: row.account_id,
        label: row.label,
        scopes: serde_json::from_str(&row.scopes)?,
        created_at: from_micros(row.created_at),
        expires_at: from_micros(row.expires_at),
        revoked_at: row.revoked_at.map(from_micros),
        last_used_at: row.last_used_at.map(from_micros),
    })
}
