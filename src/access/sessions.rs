//! Sessions: opening, listing and ending them, and proving again who one is.

use entity::{account, session};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::identity::{hash_secret, new_secret};
use super::op::{Op, Tx};
use super::proof::{self, object};
use super::{store, store_identity, store_oidc};
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};

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

/// A session as its owner sees it.
pub struct Session {
    pub tenant: Uuid,
    pub id: Uuid,
    pub created_at: Timestamp,
    /// To the minute.
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    /// When its owner last proved who they are.
    pub authenticated_at: Timestamp,
    /// How: `password`, `totp`, `recovery`, `oidc`, `oidc_second_factor`.
    pub methods: Vec<String>,
    /// Whether the request came with it.
    pub current: bool,
}

/// The sign-in at a provider of identity that a session came from.
#[derive(Clone)]
pub(super) struct Origin {
    /// Keyed digest of issuer and subject.
    pub subject_hash: Vec<u8>,
    /// Keyed digest of issuer and the provider's own session id, where it told one.
    pub sid_hash: Option<Vec<u8>>,
    /// When the provider says that its person proved who they are (microseconds). A person whom it knew still has proven
    /// nothing now: unknown is long ago.
    pub proven_at: Option<i64>,
}

/// Opens a session and commits, with what else happened in the transaction. Without an origin it is by password, proven now.
pub(super) async fn open(
    tx: Tx,
    account: account::Model,
    methods: &str,
    origin: Option<Origin>,
    mut events: Vec<Event>,
) -> Result<SignedIn> {
    let (app, now) = (tx.scope().op().app().clone(), tx.scope().at_micros());
    let (secret, csrf) = (new_secret(&app), new_secret(&app));
    let max_age_seconds = i64::from(app.config().identity.session_absolute_hours) * 3600;
    let row = session::Model {
        token_hash: hash_secret(&secret).to_vec(),
        tenant_id: account.tenant_id,
        id: tx.scope().new_id(),
        account_id: account.id,
        csrf_hash: hash_secret(&csrf).to_vec(),
        created_at: now,
        last_seen_at: now,
        expires_at: now + max_age_seconds * 1_000_000,
        revoked_at: None,
        authenticated_at: origin.as_ref().map_or(now, |origin| origin.proven_at.unwrap_or(0).min(now)),
        methods: methods.to_owned(),
        oidc_subject_hash: origin.as_ref().map(|origin| origin.subject_hash.clone()),
        oidc_sid_hash: origin.and_then(|origin| origin.sid_hash),
    };
    let id = row.id;
    store::insert_session(tx.connection(), row).await?;
    if account.last_failed_at.is_some() {
        store::set_tries(tx.connection(), account.tenant_id, account.id, 0, None, None).await?;
    }
    let event = Event::new("session.open", object(account.id));
    events.push(event.detail(json!({ "session": id, "methods": methods })));
    tx.commit_all(events).await?;
    Ok(SignedIn { secret, csrf, max_age_seconds, display_name: account.display_name })
}

/// Ends all sessions of an account, and sign-ins that are half done.
pub(super) async fn end_sessions(tx: &Tx, tenant: Uuid, account: Uuid) -> Result<()> {
    store::revoke_sessions(tx.connection(), tenant, account, None, tx.scope().at_micros()).await?;
    store_identity::delete_steps_of(tx.connection(), tenant, account).await?;
    store_oidc::end_returns_of(tx.connection(), tenant, account, tx.scope().at_micros()).await?;
    Ok(())
}

/// One's own sessions that are not over, newest first.
///
/// # Errors
/// `FORBIDDEN` for tokens of limited scope.
pub async fn own_sessions(op: &Op) -> Result<Vec<Session>> {
    by_its_owner(op, "read")?;
    let (scope, account) = op.own()?;
    let idle = i64::from(op.app().config().identity.session_idle_minutes) * 60 * 1_000_000;
    let rows = store_identity::sessions_of(&scope, account, scope.at_micros() - idle).await?;
    let current = op.actor().session.as_ref().map(|session| session.id);
    Ok(rows
        .into_iter()
        .map(|row| Session {
            tenant: row.tenant_id,
            id: row.id,
            created_at: from_micros(row.created_at),
            last_seen_at: from_micros(row.last_seen_at),
            expires_at: from_micros(row.expires_at),
            authenticated_at: from_micros(row.authenticated_at),
            methods: row.methods.split(' ').map(str::to_owned).collect(),
            current: current == Some(row.id),
        })
        .collect())
}

/// Ends one of one's own sessions.
///
/// # Errors
/// `NOT_FOUND` when the caller has no such session; `FORBIDDEN` for tokens of limited scope.
pub async fn revoke_own_session(op: &Op, tenant: Uuid, id: Uuid) -> Result<()> {
    by_its_owner(op, "delete")?;
    let (scope, account) = op.own()?;
    let tx = scope.begin().await?;
    let own = scope.tenant() == tenant
        && store_identity::revoke_session(tx.connection(), tenant, account, id, scope.at_micros()).await?;
    if !own {
        return Err(Error::not_found("session"));
    }
    tx.commit(Event::new("session.close", object(account)).detail(json!({ "session": id }))).await
}

fn by_its_owner(op: &Op, action: &str) -> Result<()> {
    if op.actor().token_scopes.is_some() && !op.actor().unlimited_token() {
        return Err(Error::forbidden(action, "session").remedy("sign in to see and end your sessions"));
    }
    Ok(())
}

/// Proves again who has this session, by password and, where there is a second factor, a code.
///
/// # Errors
/// `UNAUTHENTICATED` when one of them is wrong; each try counts towards the lock. `FORBIDDEN` for tokens.
pub async fn re_authenticate(op: &Op, password: Option<String>, code: Option<&str>) -> Result<()> {
    let (tx, account, methods) = proof::prove(op, "session.re_authenticate", password, code).await?;
    let session = op.actor().session.as_ref().ok_or_else(|| Error::forbidden("prove", "session"))?;
    let at = tx.scope().at_micros();
    store_identity::refresh_session(tx.connection(), account.tenant_id, session.id, &methods, at).await?;
    let event = Event::new("session.re_authenticate", object(account.id));
    tx.commit(event.detail(json!({ "session": session.id, "methods": methods }))).await
}
