//! Signing in with a password, and the lock against guessing one (OWASP ASVS 2.2.1).

use std::sync::Arc;

use entity::{account, session};
use serde_json::json;

use super::identity::{hash_secret, new_secret};
use super::op::{Reach, Scope, Tx};
use super::{password, store};
use crate::app::App;
use crate::audit::{Decision, Event};
use crate::config::IdentityConfig;
use crate::error::{Error, Result};
use crate::storage::Wall;

/// A new session: both secrets are told once and stored as hashes only.
pub struct SignedIn {
    /// For the cookie.
    pub secret: String,
    /// For the header `X-Suimon-CSRF`.
    pub csrf: String,
    /// Seconds until the session ends in any case.
    pub max_age_seconds: i64,
    /// Whose session.
    pub display_name: String,
}

/// One text for every cause: an unknown login, a wrong password, a locked or a disabled account.
fn refused(config: &IdentityConfig) -> Error {
    Error::unauthenticated("login or password is wrong, or the login is locked").remedy(format!(
        "after {} wrong passwords wait {} minutes, or have an administrator set another password",
        config.lock_after_tries, config.lock_minutes
    ))
}

/// Signs a person in. After `identity.lock_after_tries` wrong passwords in a row no password opens a session of that
/// account for `identity.lock_minutes`; sessions that are open go on, so that nobody can throw an officer out.
///
/// # Errors
/// `UNAUTHENTICATED` with one text for every cause; `LIMIT_EXCEEDED` when too many sign in at once.
pub async fn sign_in(app: &Arc<App>, login: &str, password: String) -> Result<SignedIn> {
    let (root, config) = (app.root()?, &app.config().identity);
    if login.len() > 200 {
        return Err(refused(config));
    }
    let found = store::account_by_login(&app.database().behind(Wall::None), login).await?;
    let stored = found.as_ref().and_then(|account| account.password_hash.clone());
    // Also for an unknown and a locked login: the time that an answer takes tells nothing.
    let fits = password::verify(config, stored, password).await?;
    let Some(read) = found else {
        let scope = Scope::system(app, root, Reach::One(root), "sign-in");
        scope.record(root, vec![denied("account", "unknown")]).await?;
        return Err(refused(config));
    };
    let scope = Scope::system(app, read.tenant_id, Reach::One(read.tenant_id), "sign-in");
    let tx = scope.begin().await?;
    // Again inside the transaction: a password that was changed while the old one was being verified opens nothing, and of
    // tries that came at once each is counted.
    let account = store::lock_account(tx.connection(), read.tenant_id, read.id).await?;
    let account = account.ok_or_else(|| refused(config))?;
    let why = if account.locked_until.is_some_and(|until| until > scope.at_micros()) {
        Some("locked")
    } else if account.state != "active" {
        Some("disabled")
    } else if account.password_hash != read.password_hash {
        Some("changed meanwhile")
    } else {
        None
    };
    if let Some(why) = why {
        tx.commit(denied(&object(&account), why)).await?;
        return Err(refused(config));
    }
    if !fits {
        count_try(tx, &account, config).await?;
        return Err(refused(config));
    }
    open(tx, account).await
}

fn object(account: &account::Model) -> String {
    format!("account:{}", account.id)
}

fn denied(object: &str, why: &str) -> Event {
    Event::new("session.open", object).decision(Decision::Denied).detail(json!({ "why": why }))
}

async fn count_try(tx: Tx, account: &account::Model, config: &IdentityConfig) -> Result<()> {
    let (now, pause) = (tx.scope().at_micros(), i64::from(config.lock_minutes) * 60 * 1_000_000);
    let in_a_row = account.last_failed_at.is_some_and(|last| last + pause > now);
    let tries = if in_a_row { account.failed_tries.saturating_add(1) } else { 1 };
    let locks = i64::from(tries) >= i64::from(config.lock_after_tries);
    let mut events = vec![denied(&object(account), "password")];
    if locks {
        events.push(Event::new("account.lock", object(account)).detail(json!({ "tries": tries })));
        tracing::warn!(account = %account.id, tries, "a login was locked after wrong passwords");
    }
    // The lock begins the count again, so that the first wrong password after it does not lock at once.
    let (count, until) = if locks { (0, Some(now + pause)) } else { (tries, None) };
    store::set_tries(tx.connection(), account.tenant_id, account.id, count, Some(now), until).await?;
    tx.commit_all(events).await
}

async fn open(tx: Tx, account: account::Model) -> Result<SignedIn> {
    let (app, now) = (tx.scope().op().app().clone(), tx.scope().at_micros());
    let (secret, csrf) = (new_secret(&app), new_secret(&app));
    let max_age_seconds = i64::from(app.config().identity.session_absolute_hours) * 3600;
    let row = session::Model {
        token_hash: hash_secret(&secret).to_vec(),
        tenant_id: account.tenant_id,
        account_id: account.id,
        csrf_hash: hash_secret(&csrf).to_vec(),
        created_at: now,
        last_seen_at: now,
        expires_at: now + max_age_seconds * 1_000_000,
        revoked_at: None,
    };
    store::insert_session(tx.connection(), row).await?;
    if account.last_failed_at.is_some() {
        store::set_tries(tx.connection(), account.tenant_id, account.id, 0, None, None).await?;
    }
    tx.commit(Event::new("session.open", object(&account))).await?;
    Ok(SignedIn { secret, csrf, max_age_seconds, display_name: account.display_name })
}

/// Ends the lock of a login, for whoever runs the program on the service's own machine: an officer who is locked out at
/// night need not wait.
///
/// # Errors
/// `NOT_FOUND` when there is no such account.
pub async fn unlock_locally(app: &Arc<App>, login: &str) -> Result<()> {
    let account = store::account_by_login(&app.database().behind(Wall::None), login).await?;
    let account = account.ok_or_else(|| {
        Error::not_found("account").remedy("name the login as it was typed when it was locked")
    })?;
    let scope =
        Scope::system(app, account.tenant_id, Reach::One(account.tenant_id), "unlock on the command line");
    let tx = scope.begin().await?;
    store::set_tries(tx.connection(), account.tenant_id, account.id, 0, None, None).await?;
    tx.commit(Event::new("account.unlock", object(&account))).await
}
