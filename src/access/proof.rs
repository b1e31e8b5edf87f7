//! Proving who one is: password and code, each wrong one counted towards the lock of the login.

use entity::account;
use envelope::{FieldCipher, FieldContext, SubjectKeyContext, TenantKey};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::op::{Op, Tx};
use super::{password, store, store_identity, totp};
use crate::app::App;
use crate::audit::{Decision, Event};
use crate::config::IdentityConfig;
use crate::error::{Error, Result};

/// Longer inputs are no codes of ours.
const LONGEST_CODE: usize = 64;

/// One text for every cause.
pub(super) fn refused(config: &IdentityConfig) -> Error {
    Error::unauthenticated("password or code is wrong or was used, or the login is locked").remedy(format!(
        "after {} wrong ones wait {} minutes; a code of your app counts once: wait for the next",
        config.lock_after_tries, config.lock_minutes
    ))
}

pub(super) fn object(account: Uuid) -> String {
    format!("account:{account}")
}

pub(super) fn denied(action: &'static str, object: &str, why: &str) -> Event {
    Event::new(action, object).decision(Decision::Denied).detail(json!({ "why": why }))
}

/// Whether password or code may not be tried now.
pub(super) fn barred(account: &account::Model, at: i64) -> Option<&'static str> {
    if account.locked_until.is_some_and(|until| until > at) {
        Some("locked")
    } else if account.state != "active" {
        Some("disabled")
    } else {
        None
    }
}

/// Counts a wrong password or code, and locks the login after too many. Commits.
pub(super) async fn count_try(
    tx: Tx,
    account: &account::Model,
    config: &IdentityConfig,
    action: &'static str,
    why: &str,
) -> Result<()> {
    let (now, pause) = (tx.scope().at_micros(), i64::from(config.lock_minutes) * 60 * 1_000_000);
    let in_a_row = account.last_failed_at.is_some_and(|last| last + pause > now);
    let tries = if in_a_row { account.failed_tries.saturating_add(1) } else { 1 };
    let locks = i64::from(tries) >= i64::from(config.lock_after_tries);
    let mut events = vec![denied(action, &object(account.id), why)];
    if locks {
        events.push(Event::new("account.lock", object(account.id)).detail(json!({ "tries": tries })));
        tracing::warn!(account = %account.id, tries, "a login was locked after wrong passwords or codes");
    }
    // The lock begins the count again, so that the first wrong one after it does not lock at once.
    let (count, until) = if locks { (0, Some(now + pause)) } else { (tries, None) };
    store::set_tries(tx.connection(), account.tenant_id, account.id, count, Some(now), until).await?;
    tx.commit_all(events).await
}

/// Takes a code of the app or a recovery code, each once. Returns how it was proven. The account's row is locked by the
/// caller, so that of two requests with the same code one fails.
pub(super) async fn take_code(tx: &Tx, account: &account::Model, code: &str) -> Result<Option<&'static str>> {
    if code.len() > LONGEST_CODE || account.second_factor_at.is_none() {
        return Ok(None);
    }
    let (database, at) = (tx.connection(), tx.scope().at_micros());
    let (tenant, id) = (account.tenant_id, account.id);
    let Some(row) = store_identity::second_factor(database, tenant, id).await? else { return Ok(None) };
    let Some(since) = row.confirmed_at else { return Ok(None) };
    let secret = open_secret(tx.scope().op().app(), &row)?;
    if let Some(step) = totp::matching_step(&secret, code, tx.scope().at().as_second(), row.last_step) {
        let taken = store_identity::take_step(database, tenant, id, step, since).await?;
        return Ok(taken.then_some("totp"));
    }
    let hash = recovery_hash(id, code);
    let taken = store_identity::use_recovery_code(database, tenant, id, hash, at).await?;
    Ok(taken.then_some("recovery"))
}

/// Codes have 80 random bits: nobody finds one from its hash, so that no slow hash is needed. The account is in it, so that
/// no two rows can be compared.
pub(super) fn recovery_hash(account: Uuid, code: &str) -> [u8; 32] {
    let plain: String =
        code.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase()).collect();
    Sha256::new()
        .chain_update(b"suimon recovery code")
        .chain_update(account.as_bytes())
        .chain_update(plain)
        .finalize()
        .into()
}

/// Password, and code where there is a second factor, of whoever has this session. On success the account's row is locked in
/// the returned transaction, and the words say how it was proven; on failure the try is counted and committed.
///
/// # Errors
/// `UNAUTHENTICATED` with one text for every cause; `FORBIDDEN` for a token; `CONFLICT` for an account that has neither.
pub(super) async fn prove(
    op: &Op,
    action: &'static str,
    password: Option<String>,
    code: Option<&str>,
) -> Result<(Tx, account::Model, String)> {
    if op.actor().session.is_none() {
        return Err(
            Error::forbidden("prove", "session").remedy("sign in: a token proves nothing about a person")
        );
    }
    let (scope, id) = op.own()?;
    let config = &op.app().config().identity;
    let (read, _) =
        store::account(scope.connection(), scope.tenant(), id).await?.ok_or_else(|| refused(config))?;
    if read.password_hash.is_none() && read.second_factor_at.is_none() {
        return Err(Error::conflict("this account has neither password nor second factor")
            .remedy("ask an administrator for a password"));
    }
    let knows = match &read.password_hash {
        Some(stored) => password::verify(config, Some(stored.clone()), password.unwrap_or_default()).await?,
        None => true,
    };
    let tx = scope.begin().await?;
    let account = store::lock_account(tx.connection(), scope.tenant(), id).await?;
    let account = account.ok_or_else(|| refused(config))?;
    let why = barred(&account, scope.at_micros());
    let why = why.or((account.password_hash != read.password_hash).then_some("changed meanwhile"));
    if let Some(why) = why {
        tx.commit(denied(action, &object(id), why)).await?;
        return Err(refused(config));
    }
    let mut methods = if account.password_hash.is_some() { vec!["password"] } else { Vec::new() };
    // Both are always looked at: neither text nor time tells which of them was wrong.
    let has = match account.second_factor_at {
        None => true,
        Some(_) => match take_code(&tx, &account, code.unwrap_or_default()).await? {
            Some(method) => {
                methods.push(method);
                true
            }
            None => false,
        },
    };
    if !(knows && has) {
        count_try(tx, &account, config, action, if knows { "code" } else { "password" }).await?;
        return Err(refused(config));
    }
    if account.last_failed_at.is_some() {
        store::set_tries(tx.connection(), account.tenant_id, id, 0, None, None).await?;
    }
    Ok((tx, account, methods.join(" ")))
}

/// The key that wraps the accounts' keys: of the service, not of a tenant, because it is needed before anybody is known.
fn service_key(app: &App) -> TenantKey {
    TenantKey::from_bytes(&app.master().derive("suimon second factor v1"))
}

fn key_place(tenant: Uuid, account: Uuid) -> SubjectKeyContext {
    SubjectKeyContext {
        tenant: tenant.into_bytes(),
        subject: account.into_bytes(),
        tenant_key_version: 1,
        key_version: 1,
    }
}

fn secret_place(tenant: Uuid, account: Uuid) -> FieldContext<'static> {
    FieldContext {
        tenant: tenant.into_bytes(),
        record_type: "account",
        subject: account.into_bytes(),
        field: "second_factor",
        key_version: 1,
    }
}

/// Seals the secret of an authenticator app under a key of its account's own: wrapped key, sealed secret.
pub(super) fn seal_secret(
    app: &App,
    tenant: Uuid,
    account: Uuid,
    secret: &[u8],
) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut rng = app.entropy().fork();
    let key = envelope::SubjectKey::generate(&mut rng);
    let seal = || -> std::result::Result<_, envelope::Error> {
        let wrapped = service_key(app).wrap_subject_key(&key_place(tenant, account), &key, &mut rng)?;
        let sealed = FieldCipher::new(&key).seal_bytes(&secret_place(tenant, account), secret, &mut rng)?;
        Ok((wrapped, sealed))
    };
    let mut seal = seal;
    seal().map_err(|error| anyhow::Error::new(error).context("second factor").into())
}

/// Opens it.
pub(super) fn open_secret(app: &App, row: &entity::second_factor::Model) -> Result<Zeroizing<Vec<u8>>> {
    let (tenant, account) = (row.tenant_id, row.account_id);
    let open = || -> std::result::Result<_, envelope::Error> {
        let key = service_key(app).unwrap_subject_key(&key_place(tenant, account), &row.wrapped_key)?;
        FieldCipher::new(&key).open_bytes(&secret_place(tenant, account), &row.sealed_secret)
    };
    open().map_err(|error| anyhow::Error::new(error).context("second factor").into())
}
