//! The second factor: an authenticator app, and recovery codes for the day it is lost (NIST SP 800-63B 3.1.4, 3.1.2).

use entity::second_factor;
use jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::accounts::find;
use super::model::Action;
use super::op::{Op, Tx};
use super::proof::{self, object, open_secret, recovery_hash, refused, seal_secret};
use super::sessions::{Origin, SignedIn, end_sessions, open};
use super::{store, store_identity, totp};
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// Recovery codes of one enrolment.
const RECOVERY_CODES: usize = 10;

/// What the person's app needs. Told once.
pub struct Enrolment {
    /// The secret in base 32, for typing.
    pub secret: Zeroizing<String>,
    /// The same as `otpauth:` URI, for a QR code.
    pub uri: Zeroizing<String>,
}

/// The second factor is on.
pub struct Enrolled {
    /// Each takes the place of a code once. Told once, stored as hashes.
    pub recovery_codes: Vec<String>,
    /// All sessions ended; this is the new one.
    pub session: SignedIn,
}

/// What is known of an account's second factor.
pub struct SecondFactor {
    /// Since when signing in asks for it.
    pub since: Timestamp,
    /// Recovery codes that were not used.
    pub recovery_codes_left: u64,
}

/// Begins an enrolment; signing in does not ask for it before it was confirmed.
///
/// # Errors
/// `CONFLICT` when there is a second factor already, `REAUTHENTICATION_REQUIRED`, `FORBIDDEN` for tokens.
pub async fn enrol_second_factor(op: &Op) -> Result<Enrolment> {
    by_session(op)?;
    op.require_fresh(Action::Update, "account").await?;
    let (scope, id) = op.own()?;
    let secret = Zeroizing::new(op.app().entropy().bytes::<{ totp::SECRET_BYTES }>());
    let (wrapped_key, sealed_secret) = seal_secret(op.app(), scope.tenant(), id, &*secret)?;
    let tx = scope.begin().await?;
    let account = store::lock_account(tx.connection(), scope.tenant(), id).await?;
    let account = account.ok_or_else(|| Error::not_found("account"))?;
    if account.second_factor_at.is_some() {
        return Err(already());
    }
    let row = second_factor::Model {
        tenant_id: scope.tenant(),
        account_id: id,
        wrapped_key,
        sealed_secret,
        created_at: scope.at_micros(),
        confirmed_at: None,
        last_step: 0,
    };
    store_identity::put_second_factor(tx.connection(), row).await?;
    tx.commit(Event::new("second_factor.begin", object(id))).await?;
    Ok(Enrolment {
        uri: Zeroizing::new(totp::uri(&account.login, &*secret)),
        secret: Zeroizing::new(totp::BASE32.encode(&*secret)),
    })
}

fn already() -> Error {
    Error::conflict("there is a second factor already")
        .remedy("POST /auth/second-factor/remove with password and code, then enrol again")
}

fn by_session(op: &Op) -> Result<()> {
    match op.actor().session {
        Some(_) => Ok(()),
        None => Err(Error::forbidden("update", "second_factor").remedy("sign in with a password")),
    }
}

/// Confirms an enrolment by a code of the app. All sessions of the account end; the caller gets a new one.
///
/// # Errors
/// `INVALID` for a wrong code, `CONFLICT` when nothing was begun or it is confirmed already, and those of enrolling.
pub async fn confirm_second_factor(op: &Op, code: &str) -> Result<Enrolled> {
    by_session(op)?;
    op.require_fresh(Action::Update, "account").await?;
    let (scope, id) = op.own()?;
    let (app, tenant) = (op.app(), scope.tenant());
    let tx = scope.begin().await?;
    let account = store::lock_account(tx.connection(), tenant, id).await?;
    let account = account.ok_or_else(|| Error::not_found("account"))?;
    if account.second_factor_at.is_some() {
        return Err(already());
    }
    let begun = store_identity::second_factor(tx.connection(), tenant, id).await?;
    let begun = begun.ok_or_else(|| {
        Error::conflict("no enrolment was begun").remedy("POST /auth/second-factor/enrol first")
    })?;
    let secret = open_secret(app, &begun)?;
    let wrong = || {
        Error::invalid("code", "is not the one that your app shows now")
            .remedy("check that the clock of your telephone is right, and send the code that it shows")
    };
    let step =
        totp::matching_step(&secret, code, scope.at().as_second(), begun.last_step).ok_or_else(wrong)?;
    if !store_identity::take_step(tx.connection(), tenant, id, step, scope.at_micros()).await? {
        return Err(wrong());
    }
    store_identity::mark_second_factor(tx.connection(), tenant, id, Some(scope.at_micros())).await?;
    let recovery_codes = new_codes(&tx, id).await?;
    // Under the lock: a session that ended since the request began has no successor.
    let present = op.actor().session.as_ref().map(|session| session.id).unwrap_or_default();
    let present = store_identity::living_session(tx.connection(), tenant, present).await?;
    let present = present.ok_or_else(|| Error::unauthenticated("the session is over"))?;
    end_sessions(&tx, tenant, id).await?;
    let origin = present.oidc_subject_hash.map(|subject_hash| Origin {
        subject_hash,
        sid_hash: present.oidc_sid_hash,
        proven_at: Some(present.authenticated_at),
    });
    let methods = format!("{} totp", present.methods);
    let events = vec![Event::new("second_factor.enrol", object(id))];
    let session = open(tx, account, &methods, origin, events).await?;
    Ok(Enrolled { recovery_codes, session })
}

async fn new_codes(tx: &Tx, account: Uuid) -> Result<Vec<String>> {
    let app = tx.scope().op().app();
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| {
            let text = totp::BASE32.encode(&app.entropy().bytes::<10>()).to_lowercase();
            [&text[..4], &text[4..8], &text[8..12], &text[12..]].join("-")
        })
        .collect();
    let hashes: Vec<[u8; 32]> = codes.iter().map(|code| recovery_hash(account, code)).collect();
    let (tenant, at) = (tx.scope().tenant(), tx.scope().at_micros());
    store_identity::replace_recovery_codes(tx.connection(), tenant, account, &hashes, at).await?;
    Ok(codes)
}

/// Makes ten new recovery codes; the old ones end.
///
/// # Errors
/// `UNAUTHENTICATED` when password or code is wrong, `CONFLICT` without a second factor.
pub async fn renew_recovery_codes(op: &Op, password: Option<String>, code: &str) -> Result<Vec<String>> {
    let (tx, account, _) = proof::prove(op, "second_factor.recovery_codes", password, Some(code)).await?;
    has_one(&account)?;
    let codes = new_codes(&tx, account.id).await?;
    tx.commit(Event::new("second_factor.recovery_codes", object(account.id))).await?;
    Ok(codes)
}

fn has_one(account: &entity::account::Model) -> Result<()> {
    if account.second_factor_at.is_some() {
        return Ok(());
    }
    Err(Error::conflict("there is no second factor").remedy("POST /auth/second-factor/enrol"))
}

/// Takes one's own second factor away, with password and code. All sessions of the account end.
///
/// # Errors
/// `UNAUTHENTICATED` when password or code is wrong, `CONFLICT` without a second factor.
pub async fn remove_own_second_factor(op: &Op, password: Option<String>, code: &str) -> Result<()> {
    let (tx, account, _) = proof::prove(op, "second_factor.remove", password, Some(code)).await?;
    has_one(&account)?;
    take_away(&tx, account.id).await?;
    tx.commit(Event::new("second_factor.remove", object(account.id))).await
}

/// Takes somebody else's second factor away: the telephone is lost, and the recovery codes too. Their sessions end. Nobody
/// goes round their own this way.
///
/// # Errors
/// `CONFLICT` for one's own account or when there is none, `NOT_FOUND`, `REAUTHENTICATION_REQUIRED`, those of permission.
pub async fn remove_second_factor(op: &Op, tenant: Uuid, account: Uuid) -> Result<()> {
    let (scope, _) = find(op, tenant, account, Action::Update).await?;
    if op.actor().account == Some(account) {
        return Err(Error::conflict("you cannot take your own second factor away as an administrator")
            .remedy("POST /auth/second-factor/remove with password and code, or ask another administrator"));
    }
    let tx = scope.begin().await?;
    let row = store::lock_account(tx.connection(), tenant, account).await?;
    has_one(&row.ok_or_else(|| Error::not_found("account"))?)?;
    take_away(&tx, account).await?;
    tx.commit(Event::new("second_factor.remove", object(account))).await
}

async fn take_away(tx: &Tx, account: Uuid) -> Result<()> {
    let (tenant, at) = (tx.scope().tenant(), tx.scope().at_micros());
    if !store_identity::delete_second_factor(tx.connection(), tenant, account).await? {
        return Err(Error::conflict("there is no second factor"));
    }
    store_identity::replace_recovery_codes(tx.connection(), tenant, account, &[], at).await?;
    store_identity::mark_second_factor(tx.connection(), tenant, account, None).await?;
    end_sessions(tx, tenant, account).await
}

/// One's own second factor.
///
/// # Errors
/// Unexpected ones only.
pub async fn own_second_factor(op: &Op) -> Result<Option<SecondFactor>> {
    let (scope, id) = op.own()?;
    let (account, _) = store::account(scope.connection(), scope.tenant(), id)
        .await?
        .ok_or_else(|| refused(&op.app().config().identity))?;
    let Some(since) = account.second_factor_at else { return Ok(None) };
    let left = store_identity::recovery_codes_left(scope.connection(), scope.tenant(), id).await?;
    Ok(Some(SecondFactor { since: from_micros(since), recovery_codes_left: left }))
}
