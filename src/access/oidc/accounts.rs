//! Whose account a subject is: linked by its owner or by an administrator who writes issuer and subject, or made by a grant of the
//! configuration. Never by an address or a name.

use std::collections::BTreeSet;
use std::sync::Arc;

use entity::oidc_identity;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

use super::provider::{Claims, Proven, Provider};
use crate::access::accounts::{NewAccount, find, insert};
use crate::access::model::{Action, Role};
use crate::access::op::{Op, Reach, Scope, Tx};
use crate::access::proof::object;
use crate::access::sessions::end_sessions;
use crate::access::{store, store_identity, store_oidc};
use crate::app::App;
use crate::audit::Event;
use crate::config::OidcProvider;
use crate::error::{Error, Result};
use crate::storage::Wall;

/// A subject may be a name or an address: what is stored is this.
pub(super) fn subject_hash(app: &App, issuer: &str, subject: &str) -> [u8; 32] {
    digest(app, "suimon oidc subject v1", issuer, subject)
}

/// Of a provider's own session. Whoever knows its name could end it there (front-channel logout), so that is not stored either.
pub(super) fn session_hash(app: &App, issuer: &str, session: &str) -> [u8; 32] {
    digest(app, "suimon oidc session v1", issuer, session)
}

/// Of a logout token's own name.
pub(super) fn token_hash(app: &App, issuer: &str, id: &str) -> [u8; 32] {
    digest(app, "suimon oidc logout token v1", issuer, id)
}

fn digest(app: &App, label: &str, issuer: &str, value: &str) -> [u8; 32] {
    let key = app.master().derive(label);
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key).expect("HMAC takes keys of any length");
    mac.update(&(issuer.len() as u64).to_be_bytes());
    mac.update(issuer.as_bytes());
    mac.update(value.as_bytes());
    mac.finalize().into_bytes().into()
}

/// What the grants of a provider name for these claims.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Nobody,
    /// Several tenants: no guess is made.
    Several,
    /// Slug, roles in order.
    One(String, Vec<Role>),
}

fn named(provider: &OidcProvider, claims: &Claims) -> Named {
    let (mut tenant, mut roles) = (None, BTreeSet::new());
    for grant in &provider.grants {
        let has = match claims.0.get(&grant.claim) {
            Some(serde_json::Value::String(text)) => *text == grant.value,
            Some(serde_json::Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(&grant.value)),
            _ => false,
        };
        if !has {
            continue;
        }
        if tenant.is_some_and(|tenant| tenant != &grant.tenant) {
            return Named::Several;
        }
        tenant = Some(&grant.tenant);
        // Checked when the configuration was read.
        roles.extend(grant.roles().unwrap_or_default());
    }
    match tenant {
        Some(tenant) if !roles.is_empty() => Named::One(tenant.clone(), roles.into_iter().collect()),
        _ => Named::Nobody,
    }
}

/// Whose account this is: tenant and account, or why it is nobody's.
pub(super) async fn account_of(
    app: &Arc<App>,
    provider: &Provider,
    proven: &Proven,
    hash: &[u8; 32],
) -> Result<std::result::Result<(Uuid, Uuid), &'static str>> {
    let granted = named(&provider.config, &proven.claims);
    match store_oidc::identity(&app.database().behind(Wall::None), hash).await? {
        Some(row) if row.managed => keep_to_grants(app, row, granted).await,
        Some(row) => Ok(Ok((row.tenant_id, row.account_id))),
        None if !provider.config.create_accounts => Ok(Err("no linked account")),
        None => match granted {
            Named::Nobody => Ok(Err("no linked account and no grant")),
            Named::Several => Ok(Err("grants of several tenants")),
            Named::One(slug, roles) => create(app, provider, proven, hash, &slug, roles).await,
        },
    }
}

/// An account that was made by grants has what they name at each sign-in, and nothing when they name nobody any more.
async fn keep_to_grants(
    app: &Arc<App>,
    row: oidc_identity::Model,
    granted: Named,
) -> Result<std::result::Result<(Uuid, Uuid), &'static str>> {
    let (tenant, id) = (row.tenant_id, row.account_id);
    let home = store::tenant(&app.database().behind(Wall::tenant(tenant)), tenant).await?;
    let home = home.ok_or_else(|| Error::not_found("tenant"))?;
    let roles = match granted {
        Named::One(slug, roles) if slug == home.slug => roles,
        _ => Vec::new(),
    };
    let scope = Scope::system(app, tenant, Reach::One(tenant), "sign-in");
    let tx = scope.begin().await?;
    store::lock_account(tx.connection(), tenant, id).await?;
    let mut has = store_identity::roles_of(tx.connection(), tenant, id).await?;
    has.sort();
    if has != roles {
        store::replace_roles(tx.connection(), tenant, id, &roles, scope.at_micros(), None).await?;
        store::bump_policy(tx.connection(), tenant).await?;
        end_sessions(&tx, tenant, id).await?;
        let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        let event = Event::new("account.set_roles", object(id));
        tx.commit(event.detail(json!({ "roles": names, "by": "grants of the provider" }))).await?;
    }
    Ok(if roles.is_empty() { Err("no grant any more") } else { Ok((tenant, id)) })
}

async fn create(
    app: &Arc<App>,
    provider: &Provider,
    proven: &Proven,
    hash: &[u8; 32],
    slug: &str,
    roles: Vec<Role>,
) -> Result<std::result::Result<(Uuid, Uuid), &'static str>> {
    let Some(tenant) = store::tenant_by_slug(&app.database().behind(Wall::None), slug).await? else {
        tracing::warn!(provider = %provider.config.id, "a grant names a tenant that there is not");
        return Ok(Err("the tenant of the grant does not exist"));
    };
    let name = proven
        .name
        .as_deref()
        .map(str::trim)
        .filter(|name| (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control));
    let new = NewAccount {
        // Not the subject, which may be a name or an address.
        login: format!("oidc-{}-{}", provider.config.id, hex::encode(&hash[..8])),
        display_name: name.unwrap_or(&provider.config.label_en).chars().take(100).collect(),
        roles,
        password: None,
    };
    if new.check(tenant.kind == "operator").is_err() {
        tracing::warn!(provider = %provider.config.id, "a grant names roles that its tenant's people cannot have");
        return Ok(Err("the roles of the grant are not for that tenant"));
    }
    let scope = Scope::system(app, tenant.id, Reach::One(tenant.id), "sign-in");
    let tx = scope.begin().await?;
    // An administrator took the link away: whoever that was does not get a second account by coming again.
    if store::account_by_login(&app.database().behind(Wall::None), &new.login).await?.is_some() {
        return Ok(Err("the account was unlinked"));
    }
    let account = insert(tx.connection(), app, &scope, new, None).await?;
    let row = identity(&scope, account.id, &provider.config.issuer, hash, true);
    if !store_oidc::insert_identity(tx.connection(), row).await? {
        // Another request of the same person was faster: the next sign-in finds its account.
        return Ok(Err("linked meanwhile"));
    }
    let roles: Vec<_> = account.roles.iter().map(|role| role.as_str()).collect();
    let event = Event::new("account.create", object(account.id));
    tx.commit(event.detail(json!({ "roles": roles, "provider": provider.config.id }))).await?;
    Ok(Ok((tenant.id, account.id)))
}

fn identity(scope: &Scope, account: Uuid, issuer: &str, hash: &[u8], managed: bool) -> oidc_identity::Model {
    oidc_identity::Model {
        tenant_id: scope.tenant(),
        subject_hash: hash.to_vec(),
        account_id: account,
        issuer: issuer.to_owned(),
        managed,
        created_at: scope.at_micros(),
        created_by: scope.op().actor().account,
    }
}

/// Links a subject to an account inside a transaction, and commits. An account with a linked subject is its owner's to use at
/// once, and no more than it was.
pub(super) async fn link(tx: Tx, account: Uuid, issuer: &str, hash: &[u8]) -> Result<()> {
    let (tenant, scope) = (tx.scope().tenant(), tx.scope().clone());
    if store_identity::roles_of(tx.connection(), tenant, account).await?.contains(&Role::Service) {
        return Err(Error::conflict("a service account signs in nowhere")
            .remedy("give the program a token of narrow scope"));
    }
    if !store_oidc::insert_identity(tx.connection(), identity(&scope, account, issuer, hash, false)).await? {
        return Err(Error::conflict("the subject or the account is linked already")
            .remedy("unlink it first: one subject of an issuer, one account"));
    }
    tx.commit(Event::new("account.link", object(account)).detail(json!({ "issuer": issuer }))).await
}

/// Links a subject to somebody's account: an administrator of the operator writes issuer and subject as the provider gives them.
///
/// # Errors
/// `INVALID` for an issuer that is not configured or a subject that is none, `CONFLICT` when one of them is linked already,
/// `NOT_FOUND`, `REAUTHENTICATION_REQUIRED`, `FORBIDDEN` for whoever is not of the operator: a subject has one account in the
/// whole installation.
pub async fn link_identity(op: &Op, tenant: Uuid, account: Uuid, issuer: &str, subject: &str) -> Result<()> {
    let (scope, _) = find(op, tenant, account, Action::Update).await?;
    if !op.actor().operator {
        return Err(Error::forbidden("update", "account").remedy("ask the operator"));
    }
    let provider = op.app().oidc().of_issuer(issuer)?;
    // OpenID Connect Core 2: at most 255 ASCII characters.
    if !(1..=255).contains(&subject.len()) || !subject.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid("subject", "wants 1 to 255 ASCII characters, as the provider gives it"));
    }
    let hash = subject_hash(op.app(), &provider.config.issuer, subject);
    link(scope.begin().await?, account, &provider.config.issuer, &hash).await
}

/// Takes the link away again; the account's sessions end.
///
/// # Errors
/// `NOT_FOUND` when there is none, `REAUTHENTICATION_REQUIRED`, and those of permission.
pub async fn unlink_identity(op: &Op, tenant: Uuid, account: Uuid, issuer: &str) -> Result<()> {
    let (scope, _) = find(op, tenant, account, Action::Update).await?;
    if issuer.len() > 300 {
        return Err(Error::not_found("linked issuer"));
    }
    let tx = scope.begin().await?;
    if !store_oidc::delete_identity(tx.connection(), tenant, account, issuer).await? {
        return Err(Error::not_found("linked issuer"));
    }
    end_sessions(&tx, tenant, account).await?;
    // Not quoted from the request: it is what the row said.
    tx.commit(Event::new("account.unlink", object(account)).detail(json!({ "issuer": issuer }))).await
}
