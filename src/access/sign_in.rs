//! Signing in with a password, and the lock against guessing one (OWASP ASVS 2.2.1).

use std::sync::Arc;

use entity::{account, sign_in_step};
use serde_json::json;

use super::identity::{hash_secret, new_secret};
use super::model::Role;
use super::op::{Reach, Scope, Tx};
use super::proof::{barred, count_try, denied, object, take_code};
use super::sessions::{Origin, SignedIn, open};
use super::{password, store, store_identity};
use crate::app::App;
use crate::audit::Event;
use crate::config::IdentityConfig;
use crate::error::{Error, Result};
use crate::storage::Wall;

/// How far a sign-in came.
pub enum SignInStep {
    /// There is a session.
    Open(SignedIn),
    /// The first factor was right; the second is awaited.
    SecondFactor {
        /// For a cookie: binds the second step to the client of the first.
        secret: String,
        /// Seconds until it has to begin again.
        max_age_seconds: i64,
    },
}

/// How long the second step may take.
const STEP_SECONDS: i64 = 300;

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
pub async fn sign_in(app: &Arc<App>, login: &str, password: String) -> Result<SignInStep> {
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
        scope.record(root, vec![denied("session.open", "account", "unknown")]).await?;
        return Err(refused(config));
    };
    let scope = Scope::system(app, read.tenant_id, Reach::One(read.tenant_id), "sign-in");
    let tx = scope.begin().await?;
    // Again inside the transaction: a password that was changed while the old one was being verified opens nothing, and of
    // tries that came at once each is counted.
    let account = store::lock_account(tx.connection(), read.tenant_id, read.id).await?;
    let account = account.ok_or_else(|| refused(config))?;
    let mut why = barred(&account, scope.at_micros());
    if account.password_hash != read.password_hash {
        why = why.or(Some("changed meanwhile"));
    } else if store_identity::roles_of(tx.connection(), account.tenant_id, account.id)
        .await?
        .contains(&Role::Service)
    {
        // A program has tokens; a password that lies in some file of its machine opens nothing.
        why = why.or(Some("service account"));
    }
    if let Some(why) = why {
        tx.commit(denied("session.open", &object(account.id), why)).await?;
        return Err(refused(config));
    }
    if !fits {
        count_try(tx, &account, config, "session.open", "password").await?;
        return Err(refused(config));
    }
    go_on(tx, account, "password", None).await
}

/// After a right first factor: a session, or the wait for the second one. The count of wrong tries goes on until both were
/// right: who knows a password cannot begin it again between guesses at the code.
pub(super) async fn go_on(
    tx: Tx,
    account: account::Model,
    method: &str,
    origin: Option<Origin>,
) -> Result<SignInStep> {
    if account.second_factor_at.is_none() {
        return Ok(SignInStep::Open(open(tx, account, method, origin, Vec::new()).await?));
    }
    let secret = new_secret(tx.scope().op().app());
    let row = sign_in_step::Model {
        tenant_id: account.tenant_id,
        token_hash: hash_secret(&secret).to_vec(),
        account_id: account.id,
        method: method.to_owned(),
        created_at: tx.scope().at_micros(),
        expires_at: tx.scope().at_micros() + STEP_SECONDS * 1_000_000,
        oidc_subject_hash: origin.as_ref().map(|origin| origin.subject_hash.clone()),
        oidc_proven_at: origin.as_ref().and_then(|origin| origin.proven_at),
        oidc_sid_hash: origin.and_then(|origin| origin.sid_hash),
    };
    store_identity::insert_step(tx.connection(), row).await?;
    tx.commit(Event::new("session.first_factor", object(account.id)).detail(json!({ "method": method })))
        .await?;
    Ok(SignInStep::SecondFactor { secret, max_age_seconds: STEP_SECONDS })
}

/// One text for every cause.
fn code_refused(config: &IdentityConfig) -> Error {
    Error::unauthenticated(
        "the code is wrong or was used, or signing in took too long, or the login is locked",
    )
    .remedy(format!(
        "wait for the next code of your app, or begin again; after {} wrong ones wait {} minutes",
        config.lock_after_tries, config.lock_minutes
    ))
}

/// The second step of signing in: a code of the app, or a recovery code.
///
/// # Errors
/// `UNAUTHENTICATED` with one text for every cause; wrong codes count towards the lock of the login.
pub async fn sign_in_with_code(app: &Arc<App>, secret: &str, code: &str) -> Result<SignedIn> {
    let config = &app.config().identity;
    let Some(step) = store_identity::step(&app.database().behind(Wall::None), &hash_secret(secret)).await?
    else {
        return Err(code_refused(config));
    };
    let (tenant, id) = (step.tenant_id, step.account_id);
    let scope = Scope::system(app, tenant, Reach::One(tenant), "sign-in");
    let tx = scope.begin().await?;
    let account = store::lock_account(tx.connection(), tenant, id).await?;
    let account = account.ok_or_else(|| code_refused(config))?;
    // Again under the lock: of two requests with one step, one finds it gone.
    let why = if !store_identity::step_waits(tx.connection(), &step).await? {
        Some("step used")
    } else if step.expires_at <= scope.at_micros() {
        Some("step expired")
    } else {
        barred(&account, scope.at_micros())
    };
    if let Some(why) = why {
        tx.commit(denied("session.open", &object(id), why)).await?;
        return Err(code_refused(config));
    }
    let Some(method) = take_code(&tx, &account, code).await? else {
        count_try(tx, &account, config, "session.open", "code").await?;
        return Err(code_refused(config));
    };
    store_identity::delete_step(tx.connection(), &step).await?;
    let (sid_hash, proven_at) = (step.oidc_sid_hash, step.oidc_proven_at);
    let origin = step.oidc_subject_hash.map(|subject_hash| Origin { subject_hash, sid_hash, proven_at });
    open(tx, account, &format!("{} {method}", step.method), origin, Vec::new()).await
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
    tx.commit(Event::new("account.unlock", object(account.id))).await
}
