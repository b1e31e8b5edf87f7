//! Who acts: sessions of people, tokens of programs.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::model::{ActingSession, Actor};
use super::op::{Op, Reach, Scope};
use super::{store, store_identity};
use crate::app::App;
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::storage::Wall;

/// What a request brought.
#[derive(Clone)]
pub enum Credentials {
    /// `Authorization: Bearer …`
    Bearer(String),
    /// The session cookie, and the header that a foreign page cannot set.
    Cookie {
        /// The cookie's value.
        secret: String,
        /// The value of `X-Suimon-CSRF`, where it was sent.
        csrf: Option<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Credentials::Bearer(_) => "Bearer(…)",
            Credentials::Cookie { .. } => "Cookie(…)",
        })
    }
}

/// A random secret of 256 bits in text form.
pub(super) fn new_secret(app: &App) -> String {
    URL_SAFE_NO_PAD.encode(app.entropy().bytes::<32>())
}

/// Secrets of 256 random bits need no slow hash: there is nothing to guess.
pub(super) fn hash_secret(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Ends a session. Ending one that is already over is no error.
///
/// # Errors
/// Unexpected ones only.
pub async fn sign_out(app: &Arc<App>, secret: &str) -> Result<()> {
    let hash = hash_secret(secret);
    let Some(row) = store::session(&app.database().behind(Wall::None), &hash).await? else { return Ok(()) };
    let scope = Scope::system(app, row.tenant_id, Reach::One(row.tenant_id), "sign-out");
    let tx = scope.begin().await?;
    store::revoke_sessions(tx.connection(), row.tenant_id, row.account_id, Some(&hash), scope.at_micros())
        .await?;
    tx.commit(Event::new("session.close", format!("account:{}", row.account_id))).await
}

/// Who is behind a request.
///
/// # Errors
/// `UNAUTHENTICATED` when the credentials are unknown, expired or revoked; `FORBIDDEN` when a cookie comes without the
/// CSRF header; `SECOND_FACTOR_REQUIRED` when the account's role asks for one and there is none.
pub async fn authenticate(app: &Arc<App>, credentials: &Credentials, request_id: &str) -> Result<Op> {
    let (op, must_enrol) = recognise(app, credentials, request_id, true).await?;
    if must_enrol { Err(Error::second_factor_required()) } else { Ok(op) }
}

/// The same for a request that is still being answered: who asks may have lost the session, the account or a role meanwhile. It
/// is no sign of life: a page that only watches does not keep its session from ending.
///
/// # Errors
/// As [`authenticate`].
pub async fn authenticate_again(app: &Arc<App>, credentials: &Credentials, request_id: &str) -> Result<Op> {
    let (op, must_enrol) = recognise(app, credentials, request_id, false).await?;
    if must_enrol { Err(Error::second_factor_required()) } else { Ok(op) }
}

/// The same for the few paths by which a second factor is enrolled: who must still do so comes in here and nowhere else.
///
/// # Errors
/// As [`authenticate`], without `SECOND_FACTOR_REQUIRED`.
pub async fn authenticate_to_enrol(
    app: &Arc<App>,
    credentials: &Credentials,
    request_id: &str,
) -> Result<Op> {
    Ok(recognise(app, credentials, request_id, true).await?.0)
}

async fn recognise(
    app: &Arc<App>,
    credentials: &Credentials,
    request_id: &str,
    sign_of_life: bool,
) -> Result<(Op, bool)> {
    let mut must_enrol = false;
    let now = app.clock().now().as_microsecond();
    let actor = match credentials {
        Credentials::Bearer(secret) => {
            let hash = hash_secret(secret);
            let holder = app.holders().tokens.load(hash).await?;
            // The index looked it up by a hash of 256 random bits; comparing again in constant time costs nothing.
            let holder = holder
                .filter(|holder| bool::from(holder.token_hash[..].ct_eq(&hash)))
                .filter(|holder| holder.revoked_at.is_none() && holder.expires_at > now)
                .ok_or_else(|| Error::unauthenticated("the token is unknown, expired or revoked"))?;
            require_active(&holder.account_state)?;
            app.holders().touches.token(hash, holder.last_used_at, now);
            let scopes: Vec<String> = serde_json::from_str(&holder.scopes)?;
            Actor {
                account: Some(holder.account),
                tenant: holder.tenant,
                operator: holder.tenant_kind == "operator",
                label: format!("token:{}", holder.token).into(),
                token_scopes: Some(scopes.iter().filter_map(|scope| scope.parse().ok()).collect()),
                session: None,
                policy_version: holder.policy_version,
            }
        }
        Credentials::Cookie { secret, csrf } => {
            let hash = hash_secret(secret);
            let idle = i64::from(app.config().identity.session_idle_minutes) * 60 * 1_000_000;
            let holder = app.holders().sessions.load(hash).await?;
            let holder = holder
                .filter(|holder| bool::from(holder.token_hash[..].ct_eq(&hash)))
                .filter(|holder| holder.revoked_at.is_none() && holder.expires_at > now)
                .filter(|holder| app.holders().touches.last_seen(&hash, holder.last_seen_at) + idle > now)
                .ok_or_else(|| Error::unauthenticated("the session has ended; sign in again"))?;
            let proven =
                csrf.as_ref().is_some_and(|csrf| bool::from(hash_secret(csrf).ct_eq(&holder.csrf_hash[..])));
            if !proven {
                return Err(Error::forbidden("request", "session")
                    .remedy("send the token from signing in as header X-Suimon-CSRF"));
            }
            require_active(&holder.account_state)?;
            // What the provider showed counts where the configuration says so.
            let shown = holder.methods.split(' ').any(|method| method == "oidc_second_factor");
            if holder.second_factor_at.is_none() && !shown {
                must_enrol = must_have_second_factor(app, holder.tenant, holder.account).await?;
            }
            if sign_of_life {
                app.holders().touches.session(hash, holder.last_seen_at, now);
            }
            Actor {
                account: Some(holder.account),
                tenant: holder.tenant,
                operator: holder.tenant_kind == "operator",
                label: format!("account:{}", holder.account).into(),
                token_scopes: None,
                session: Some(ActingSession {
                    id: holder.session,
                    authenticated_at: holder.authenticated_at,
                    methods: holder.methods,
                }),
                policy_version: holder.policy_version,
            }
        }
    };
    Ok((Op::new(app.clone(), actor, request_id).await?, must_enrol))
}

/// Whether one of the account's roles asks for a second factor.
async fn must_have_second_factor(app: &App, tenant: Uuid, account: Uuid) -> Result<bool> {
    let asking = app.config().identity.roles_with_second_factor().map_err(anyhow::Error::msg)?;
    if asking.is_empty() {
        return Ok(false);
    }
    let roles =
        store_identity::roles_of(&app.database().behind(Wall::tenant(tenant)), tenant, account).await?;
    Ok(roles.iter().any(|role| asking.contains(role)))
}

fn require_active(state: &str) -> Result<()> {
    if state == "active" { Ok(()) } else { Err(Error::unauthenticated("the account is disabled")) }
}

/// An operation of a named account, for whoever runs the program on the service's own machine and so holds its keys
/// already. The account's role decides as everywhere; the audit log shows that it came from the command line.
///
/// # Errors
/// `NOT_FOUND` when there is no such active account.
pub async fn act_locally(app: &Arc<App>, login: &str) -> Result<Op> {
    let account = store::account_by_login(&app.database().behind(Wall::None), login).await?;
    let account = account
        .filter(|account| account.state == "active")
        .ok_or_else(|| Error::not_found("account").remedy("name an existing account with --as"))?;
    let (account, tenant) = store::account(&app.database().behind(Wall::None), account.tenant_id, account.id)
        .await?
        .ok_or_else(|| Error::not_found("account"))?;
    let actor = Actor {
        account: Some(account.id),
        tenant: tenant.id,
        operator: tenant.kind == "operator",
        label: format!("cli:{}", account.id).into(),
        token_scopes: None,
        session: None,
        policy_version: tenant.policy_version,
    };
    Op::new(app.clone(), actor, "cli").await
}
