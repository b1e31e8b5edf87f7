//! The three steps: going to the provider, coming back from it, and finishing in the client. A return from the provider is a
//! navigation that another site began, so it opens nothing by itself: the client takes what it proved with a request of its own.

use std::sync::Arc;

use entity::oidc_return;
use serde_json::json;
use uuid::Uuid;

use super::accounts::{account_of, link, session_hash, subject_hash};
use super::flow::{FLOW_SECONDS, Flow, Purpose};
use super::provider::{Failure, Provider};
use crate::access::identity::hash_secret;
use crate::access::model::{Action, Role};
use crate::access::op::{Op, Reach, Scope, Tx};
use crate::access::proof::{barred, count_try, denied, object, take_code};
use crate::access::sessions::{Origin, open};
use crate::access::sign_in::{SignInStep, go_on};
use crate::access::{store, store_identity, store_oidc, store_oidc_logout};
use crate::app::App;
use crate::audit::{Decision, Event};
use crate::error::{Error, Result};
use crate::storage::Wall;

/// The browser goes to the provider.
pub struct Begun {
    /// Address of the provider.
    pub location: String,
    /// For a cookie that the browser sends along when it comes back.
    pub cookie: String,
}

/// What a return from a provider brings.
#[derive(Default)]
pub struct ReturnFrom<'a> {
    /// The provider whose address it came to.
    pub provider: &'a str,
    pub state: &'a str,
    pub code: Option<&'a str>,
    /// RFC 9207.
    pub issuer: Option<&'a str>,
}

/// What the client has of it.
pub enum Finished {
    /// A session, or the wait for a code of the second factor.
    SignedIn(SignInStep),
    /// The session has fresh proof, or the account a linked subject.
    Done,
}

/// One text for every cause: whoever may know more asks an administrator, who reads it in the audit log.
fn refused() -> Error {
    Error::unauthenticated("signing in at this provider did not succeed")
        .remedy("begin again; if it happens again, ask an administrator whether your account is linked")
}

/// Begins a sign-in at a provider; with a session also fresh proof, or linking the subject to the own account.
///
/// # Errors
/// `NOT_FOUND` for an unknown provider, `INVALID` for a path of somebody else's, `CONFLICT` when the provider does not answer,
/// `FORBIDDEN` for tokens, `REAUTHENTICATION_REQUIRED` for linking.
pub async fn begin(
    app: &Arc<App>,
    op: Option<&Op>,
    provider: &str,
    purpose: Purpose,
    return_to: &str,
) -> Result<Begun> {
    app.root()?;
    let asked_by = match purpose {
        Purpose::SignIn => None,
        Purpose::ReAuthenticate | Purpose::Link => {
            let op = op.ok_or_else(|| Error::unauthenticated("sign in first"))?;
            if purpose == Purpose::Link {
                op.require_fresh(Action::Update, "account").await?;
            }
            Some(session_of(op)?)
        }
    };
    let provider = app.oidc().provider(provider)?;
    let flow = Flow::new(app, &provider.config.id, purpose, return_to, asked_by)?;
    Ok(Begun { location: provider.authorization(app, &flow).await?, cookie: flow.sealed(app)? })
}

fn session_of(op: &Op) -> Result<(Uuid, Uuid, Uuid)> {
    let (Some(session), Some(account)) = (&op.actor().session, op.actor().account) else {
        return Err(
            Error::forbidden("prove", "session").remedy("sign in: a token proves nothing about a person")
        );
    };
    Ok((session.id, op.actor().tenant, account))
}

/// Takes a return from a provider: checks that this browser went there, exchanges the code, checks the id token and finds the
/// account. Gives the path to go on at.
///
/// # Errors
/// `UNAUTHENTICATED` with one text for every cause, `CONFLICT` when the provider does not answer.
pub async fn take_return(app: &Arc<App>, cookie: &str, back: ReturnFrom<'_>) -> Result<String> {
    let root = app.root()?;
    // Nothing that a stranger made up is written down: without the cookie of a sign-in that is under way there is none.
    let flow = Flow::opened(app, cookie).filter(|flow| {
        flow.provider == back.provider && back.state.len() <= 100 && flow.has_state(app, back.state)
    });
    let Some(flow) = flow else {
        tracing::info!("a return from a provider of identity fits no sign-in of its browser");
        return Err(refused());
    };
    let provider = app.oidc().provider(&flow.provider).map_err(|_| refused())?;
    match prove(app, provider, &flow, &back).await? {
        Ok(()) => Ok(flow.return_to),
        Err((tenant, about, why)) => {
            let tenant = tenant.unwrap_or(root);
            let scope = Scope::system(app, tenant, Reach::One(tenant), "sign-in");
            let event = Event::new(action(flow.purpose), about).decision(Decision::Denied);
            let event = event.detail(json!({ "why": why, "provider": provider.config.id }));
            scope.record(tenant, vec![event]).await?;
            Err(refused())
        }
    }
}

fn action(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SignIn => "session.open",
        Purpose::ReAuthenticate => "session.re_authenticate",
        Purpose::Link => "account.link",
    }
}

/// Why nothing was proven: tenant and object where they are known, and our own words.
type Denied = (Option<Uuid>, String, &'static str);

async fn prove(
    app: &Arc<App>,
    provider: &Provider,
    flow: &Flow,
    back: &ReturnFrom<'_>,
) -> Result<std::result::Result<(), Denied>> {
    let denied = |why| Ok(Err((None, "account".to_owned(), why)));
    if !provider.is_of(app, back.issuer).await? {
        return denied("issuer of the return");
    }
    let token_hash = hash_secret(flow.secret());
    let Some(code) = back.code.filter(|code| (1..=2048).contains(&code.len())) else {
        return denied("no code");
    };
    if store_oidc::returned(&app.database().behind(Wall::None), &token_hash).await?.is_some() {
        return denied("used");
    }
    let proven = match provider.prove(app, flow, code).await {
        Ok(proven) => proven,
        Err(Failure::Refused(why)) => return denied(why),
        Err(Failure::Unavailable(error)) => return Err(error),
    };
    let hash = subject_hash(app, &provider.config.issuer, &proven.subject);
    let (tenant, account) = match (flow.purpose, flow.asked_by) {
        (Purpose::SignIn, _) => match account_of(app, provider, &proven, &hash).await? {
            Ok(found) => found,
            Err(why) => return denied(why),
        },
        (_, None) => return denied("nobody asked"),
        (Purpose::Link, Some((_, tenant, account))) => (tenant, account),
        (Purpose::ReAuthenticate, Some((_, tenant, account))) => {
            let linked = store_oidc::identity(&app.database().behind(Wall::None), &hash).await?;
            let own = linked.is_some_and(|row| (row.tenant_id, row.account_id) == (tenant, account));
            if !own {
                return Ok(Err((Some(tenant), object(account), "somebody else")));
            }
            (tenant, account)
        }
    };
    let scope = Scope::system(app, tenant, Reach::One(tenant), "sign-in");
    let now = scope.at_micros();
    let tx = scope.begin().await?;
    let row = oidc_return::Model {
        tenant_id: tenant,
        token_hash: token_hash.to_vec(),
        account_id: account,
        purpose: flow.purpose.as_str().to_owned(),
        provider: provider.config.id.clone(),
        issuer: provider.config.issuer.clone(),
        subject_hash: hash.to_vec(),
        second_factor: proven.second_factor,
        session_id: flow.asked_by.map(|(session, ..)| session),
        created_at: now,
        expires_at: now + Provider::RETURN_SECONDS * 1_000_000,
        finished_at: None,
        sid_hash: proven.session.map(|sid| session_hash(app, &provider.config.issuer, &sid).to_vec()),
        proven_at: proven.proven_at.map(|seconds| seconds.saturating_mul(1_000_000)),
    };
    if !store_oidc::insert_return(tx.connection(), row, now - FLOW_SECONDS * 1_000_000).await? {
        return denied("used");
    }
    let event = Event::new("session.provider", object(account));
    let purpose = flow.purpose.as_str();
    tx.commit(event.detail(json!({ "provider": provider.config.id, "purpose": purpose }))).await?;
    Ok(Ok(()))
}

/// Finishes what a return proved, once: opens a session (or asks for the second factor that the provider did not show), gives the
/// session fresh proof, or links the subject. `code` is of the app, for fresh proof where there is a second factor.
///
/// # Errors
/// `UNAUTHENTICATED` with one text for every cause; a wrong code counts towards the lock of the login. `CONFLICT` when subject
/// or account is linked already.
pub async fn finish(app: &Arc<App>, op: Option<&Op>, cookie: &str, code: Option<&str>) -> Result<Finished> {
    let flow = Flow::opened(app, cookie).ok_or_else(refused)?;
    let hash = hash_secret(flow.secret());
    let row = store_oidc::returned(&app.database().behind(Wall::None), &hash).await?;
    let row = row.filter(|row| row.purpose == flow.purpose.as_str()).ok_or_else(refused)?;
    let (tenant, id) = (row.tenant_id, row.account_id);
    let scope = match flow.purpose {
        Purpose::SignIn => Scope::system(app, tenant, Reach::One(tenant), "sign-in"),
        Purpose::ReAuthenticate | Purpose::Link => {
            let op = op.ok_or_else(|| Error::unauthenticated("sign in first"))?;
            if flow.purpose == Purpose::Link {
                op.require_fresh(Action::Update, "account").await?;
            }
            let (session, of, account) = session_of(op)?;
            if row.session_id != Some(session) || (of, account) != (tenant, id) {
                return Err(refused());
            }
            op.own()?.0
        }
    };
    // Everywhere, because logout tokens are the operator's; every other query here names the tenant.
    let tx = scope.begin_everywhere().await?;
    let account = store::lock_account(tx.connection(), tenant, id).await?.ok_or_else(refused)?;
    let mut why = barred(&account, scope.at_micros());
    if store_identity::roles_of(tx.connection(), tenant, id).await?.contains(&Role::Service) {
        why = why.or(Some("service account"));
    }
    if flow.purpose != Purpose::Link
        && !store_oidc::still_linked(tx.connection(), tenant, id, &row.subject_hash).await?
    {
        why = why.or(Some("unlinked meanwhile"));
    }
    // Under the lock that a logout takes too.
    if store_oidc_logout::logged_out(tx.connection(), app.root()?, &row, flow.began).await? {
        why = why.or(Some("logged out at the provider meanwhile"));
    }
    if !store_oidc::finish_return(tx.connection(), &row, scope.at_micros()).await? {
        why = why.or(Some("used or too late"));
    }
    if let Some(why) = why {
        tx.commit(denied(action(flow.purpose), &object(id), why)).await?;
        return Err(refused());
    }
    let methods = if row.second_factor { PROVIDER_AND_SECOND } else { PROVIDER };
    let origin = || {
        let (subject_hash, sid_hash) = (row.subject_hash.clone(), row.sid_hash.clone());
        Some(Origin { subject_hash, sid_hash, proven_at: row.proven_at })
    };
    match flow.purpose {
        Purpose::SignIn if row.second_factor => {
            let session = open(tx, account, methods, origin(), Vec::new()).await?;
            Ok(Finished::SignedIn(SignInStep::Open(session)))
        }
        Purpose::SignIn => Ok(Finished::SignedIn(go_on(tx, account, methods, origin()).await?)),
        Purpose::Link => {
            link(tx, id, &row.issuer, &row.subject_hash).await?;
            Ok(Finished::Done)
        }
        Purpose::ReAuthenticate => {
            let session = row.session_id.ok_or_else(refused)?;
            // Proven in that session of the provider, so that it ends with that one now.
            store_oidc_logout::follow(tx.connection(), &row, session).await?;
            refresh(app, tx, account, session, methods, code).await
        }
    }
}

/// How a session was opened, as its owner sees it.
const PROVIDER: &str = "oidc";
/// The second word lets in whom `identity.require_second_factor` asks for one.
const PROVIDER_AND_SECOND: &str = "oidc oidc_second_factor";

async fn refresh(
    app: &App,
    tx: Tx,
    account: entity::account::Model,
    session: Uuid,
    methods: &str,
    code: Option<&str>,
) -> Result<Finished> {
    let (tenant, id, at) = (account.tenant_id, account.id, tx.scope().at_micros());
    let mut methods = methods.to_owned();
    if account.second_factor_at.is_some() && methods == PROVIDER {
        match take_code(&tx, &account, code.unwrap_or_default()).await? {
            Some(method) => methods = format!("{methods} {method}"),
            None => {
                let config = &app.config().identity;
                count_try(tx, &account, config, "session.re_authenticate", "code").await?;
                return Err(refused());
            }
        }
    }
    if account.last_failed_at.is_some() {
        store::set_tries(tx.connection(), tenant, id, 0, None, None).await?;
    }
    store_identity::refresh_session(tx.connection(), tenant, session, &methods, at).await?;
    let event = Event::new("session.re_authenticate", object(id));
    tx.commit(event.detail(json!({ "session": session, "methods": methods }))).await?;
    Ok(Finished::Done)
}
