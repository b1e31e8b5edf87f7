//! A provider says that somebody logged out there (OpenID Connect Back-Channel Logout 1.0): what came from that session ends here.

use std::sync::Arc;

use entity::oidc_logout;
use serde_json::json;
use uuid::Uuid;

use super::accounts::{session_hash, subject_hash, token_hash};
use super::provider::Provider;
use crate::access::op::{Reach, Scope, Tx};
use crate::access::proof::{denied, object};
use crate::access::{store, store_oidc_logout};
use crate::app::App;
use crate::audit::Event;
use crate::error::{Error, Result};

/// How long a token is remembered: longer than it is taken, and than a sign-in that was begun before it can last.
const REMEMBERED_SECONDS: i64 = 3600;
const ACTION: &str = "session.provider_logout";

/// One text for every cause; the log says which.
fn refused() -> Error {
    Error::invalid("logout_token", "is not right")
}

/// Ends the sessions and half-done sign-ins that came from a provider's session, or all of a subject's that came from that provider.
/// Nobody to end is no failure: the person is logged out already. Nothing is written for a token that the provider did not sign.
///
/// # Errors
/// `INVALID` with one text for every cause.
pub async fn log_out_at_provider(app: &Arc<App>, provider: &str, token: &str) -> Result<()> {
    let root = app.root()?;
    let provider = app.oidc().provider(provider).map_err(|_| refused())?;
    let id = &provider.config.id;
    let told = provider.logout_token(app, token).await.map_err(|why| {
        tracing::info!(provider = %id, why, "a logout token was refused");
        refused()
    })?;
    let issuer = &provider.config.issuer;
    let out = store_oidc_logout::LoggedOut {
        subject_hash: told.subject.map(|subject| subject_hash(app, issuer, &subject).to_vec()),
        sid_hash: told.session.map(|session| session_hash(app, issuer, &session).to_vec()),
    };
    let scope = Scope::system(app, root, Reach::All, "logout at a provider");
    let now = scope.at_micros();
    let tx = scope.begin().await?;
    let row = oidc_logout::Model {
        tenant_id: root,
        token_hash: token_hash(app, issuer, &told.id).to_vec(),
        subject_hash: out.subject_hash.clone(),
        sid_hash: out.sid_hash.clone(),
        created_at: now,
        expires_at: now + REMEMBERED_SECONDS * 1_000_000,
    };
    if !store_oidc_logout::insert_logout(tx.connection(), row, now).await? {
        tx.commit(denied(ACTION, "session", "used")).await?;
        return Err(refused());
    }
    let (ended, events) = end(&tx, provider, &out).await?;
    let event = Event::new(ACTION, "session").detail(json!({ "provider": id, "sessions": ended }));
    tx.commit_each(event, events).await?;
    // A sign-in that was begun between looking and committing may have missed the token's row; none that follows does.
    if store_oidc_logout::concerned(scope.connection(), &out).await?.is_empty() {
        return Ok(());
    }
    let tx = scope.begin().await?;
    let (ended, events) = end(&tx, provider, &out).await?;
    let event = Event::new(ACTION, "session").detail(json!({ "provider": id, "sessions": ended }));
    tx.commit_each(event, events).await
}

/// Ends what there is: how many sessions, and what the chains of their tenants say.
async fn end(
    tx: &Tx,
    provider: &Provider,
    out: &store_oidc_logout::LoggedOut,
) -> Result<(u64, Vec<(Uuid, Event)>)> {
    let (mut ended, mut events) = (0, Vec::new());
    for (tenant, account) in store_oidc_logout::concerned(tx.connection(), out).await? {
        // A sign-in that is being finished holds this lock: either it is seen here, or it sees the token's row.
        store::lock_account(tx.connection(), tenant, account).await?;
        let at = tx.scope().at_micros();
        let sessions = store_oidc_logout::end(tx.connection(), (tenant, account), out, at).await?;
        ended += sessions;
        let detail = json!({ "by": "provider", "provider": provider.config.id, "sessions": sessions });
        events.push((tenant, Event::new("session.close", object(account)).detail(detail)));
    }
    Ok((ended, events))
}
