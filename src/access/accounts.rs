//! Accounts: creating them, their roles, their passwords.

use entity::account;
use jiff::Timestamp;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::model::{Action, Role};
use super::op::{Op, Scope, Tx};
use super::proof;
use super::sessions::end_sessions;
use super::{password, store, store_identity, store_oidc};
use crate::app::App;
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};

/// An account as its administrators see it.
#[derive(Clone, Debug)]
pub struct Account {
    pub tenant: Uuid,
    pub id: Uuid,
    pub login: String,
    pub display_name: String,
    pub roles: Vec<Role>,
    pub active: bool,
    /// Until then no password opens a session: too many wrong ones were tried.
    pub locked_until: Option<Timestamp>,
    /// Whether signing in asks for a second factor.
    pub second_factor: bool,
    /// Providers of identity at which a subject is linked to the account.
    pub linked_issuers: Vec<String>,
}

/// What a new account needs.
pub struct NewAccount {
    pub login: String,
    pub display_name: String,
    pub roles: Vec<Role>,
    /// None for accounts that only use tokens.
    pub password: Option<String>,
}

impl NewAccount {
    pub(super) fn check(&self, of_operator: bool) -> Result<()> {
        let login_is_plain = (1..=100).contains(&self.login.len())
            && self.login.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte));
        if !login_is_plain {
            return Err(Error::invalid("login", "wants 1 to 100 letters, digits or . _ @ + -"));
        }
        if !(1..=100).contains(&self.display_name.chars().count()) {
            return Err(Error::invalid("displayName", "wants 1 to 100 characters"));
        }
        if self.password.is_some() && self.roles.contains(&Role::Service) {
            return Err(Error::invalid("password", "is not for service accounts")
                .remedy("create it without one and give the program a token of narrow scope"));
        }
        check_roles(&self.roles, of_operator)
    }
}

fn check_roles(roles: &[Role], of_operator: bool) -> Result<()> {
    for (index, role) in roles.iter().enumerate() {
        if roles[..index].contains(role) {
            return Err(Error::invalid("roles", format!("{role} is named twice")));
        }
        if !of_operator && !role.may_be_customers() {
            return Err(Error::invalid("roles", format!("{role} belongs to the operator"))
                .remedy("give tenant_admin or tenant_staff to a customer's people"));
        }
        if of_operator && role.may_be_customers() && *role != Role::Service {
            // The operator's people reach every tenant: a school's role there would be that role in all of them.
            return Err(Error::invalid("roles", format!("{role} belongs to customers"))
                .remedy("give call_centre or one of the operator's own roles"));
        }
    }
    Ok(())
}

/// Accounts are changed by people who signed in, and just now. A leaked token that may change accounts would otherwise make
/// itself whatever it likes: only one that may do everything and names accounts on top of it is taken.
async fn by_a_person(op: &Op, action: Action) -> Result<()> {
    if op.actor().token_scopes.is_some() && !op.actor().unlimited_token() {
        return Err(
            Error::forbidden(action.as_str(), "account").remedy("sign in with a password to change accounts")
        );
    }
    op.require_fresh(action, "account").await
}

/// Creates an account in a tenant.
///
/// # Errors
/// `INVALID`, `CONFLICT` when the login is taken, and those of permission.
pub async fn create_account(op: &Op, tenant: Uuid, new: NewAccount) -> Result<Account> {
    let scope = op.permit_at(tenant, Action::Create, "account").await?;
    by_a_person(op, Action::Create).await?;
    let home = store::tenant(scope.connection(), tenant).await?.ok_or_else(|| Error::not_found("tenant"))?;
    new.check(home.kind == "operator")?;
    let hash = hash_password(op.app(), new.password.clone()).await?;
    let tx = scope.begin().await?;
    let account = insert(tx.connection(), op.app(), &scope, new, hash).await?;
    let roles: Vec<_> = account.roles.iter().map(|role| role.as_str()).collect();
    let event = Event::new("account.create", format!("account:{}", account.id));
    tx.commit(event.detail(serde_json::json!({ "roles": roles }))).await?;
    Ok(account)
}

pub(super) async fn hash_password(app: &App, password: Option<String>) -> Result<Option<String>> {
    match password {
        None => Ok(None),
        Some(password) => {
            password::check_policy(&app.config().identity, &password)?;
            Ok(Some(password::hash(&app.config().identity, app.entropy(), password).await?))
        }
    }
}

pub(super) async fn insert<C: ConnectionTrait>(
    database: &C,
    app: &App,
    scope: &Scope,
    new: NewAccount,
    password_hash: Option<String>,
) -> Result<Account> {
    let NewAccount { login, display_name, roles, password: _ } = new;
    if store::account_by_login(database, &login).await?.is_some() {
        return Err(Error::conflict("this login is taken").remedy("choose another login"));
    }
    let (tenant, at) = (scope.tenant(), scope.at_micros());
    let id = app.entropy().id(scope.at());
    let row = account::Model {
        tenant_id: tenant,
        id,
        login: login.clone(),
        display_name: display_name.clone(),
        password_changed_at: password_hash.is_some().then_some(at),
        password_hash,
        state: "active".to_owned(),
        created_at: at,
        failed_tries: 0,
        last_failed_at: None,
        locked_until: None,
        second_factor_at: None,
    };
    store::insert_account(database, row).await?;
    store::replace_roles(database, tenant, id, &roles, at, scope.op().actor().account).await?;
    store::bump_policy(database, tenant).await?;
    Ok(Account {
        tenant,
        id,
        login,
        display_name,
        roles,
        active: true,
        locked_until: None,
        second_factor: false,
        linked_issuers: Vec::new(),
    })
}

/// The accounts of a tenant.
///
/// # Errors
/// Those of permission.
pub async fn list_accounts(op: &Op, tenant: Uuid) -> Result<Vec<Account>> {
    let scope = op.permit_at(tenant, Action::Read, "account").await?;
    let rows = store::accounts(&scope, tenant).await?;
    let mut linked = store_oidc::issuers(&scope, tenant).await?;
    Ok(rows
        .into_iter()
        .map(|(row, roles)| Account {
            tenant: row.tenant_id,
            id: row.id,
            linked_issuers: linked.remove(&row.id).unwrap_or_default(),
            login: row.login,
            display_name: row.display_name,
            roles,
            active: row.state == "active",
            locked_until: row.locked_until.filter(|until| *until > scope.at_micros()).map(from_micros),
            second_factor: row.second_factor_at.is_some(),
        })
        .collect())
}

/// Sets another password, ends all sessions and tokens of the account, and its lock.
///
/// # Errors
/// `INVALID`, `NOT_FOUND` and those of permission.
pub async fn set_password(op: &Op, tenant: Uuid, account: Uuid, password: String) -> Result<()> {
    let (scope, _) = find(op, tenant, account, Action::Update).await?;
    if store_identity::roles_of(scope.connection(), tenant, account).await?.contains(&Role::Service) {
        return Err(Error::conflict("a service account has no password")
            .remedy("give the program a token of narrow scope"));
    }
    // Hashed before the transaction: nobody else waits for it.
    let hash = hash_password(op.app(), Some(password)).await?;
    let tx = scope.begin().await?;
    store::change_password(tx.connection(), tenant, account, hash, scope.at_micros()).await?;
    store::set_tries(tx.connection(), tenant, account, 0, None, None).await?;
    end_access(&tx, tenant, account).await?;
    tx.commit(Event::new("account.set_password", format!("account:{account}"))).await
}

/// Replaces the roles of an account, with effect from its next request, and ends its sessions. Its tokens go on, with the new roles.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `CONFLICT` for one's own account, and those of permission.
pub async fn set_roles(op: &Op, tenant: Uuid, account: Uuid, roles: Vec<Role>) -> Result<()> {
    let (scope, of_operator) = find(op, tenant, account, Action::Update).await?;
    if op.actor().account == Some(account) {
        return Err(Error::conflict("you cannot change your own roles").remedy("ask another administrator"));
    }
    check_roles(&roles, of_operator)?;
    let tx = scope.begin().await?;
    store::replace_roles(tx.connection(), tenant, account, &roles, scope.at_micros(), op.actor().account)
        .await?;
    store::bump_policy(tx.connection(), tenant).await?;
    end_sessions(&tx, tenant, account).await?;
    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    let event = Event::new("account.set_roles", format!("account:{account}"));
    tx.commit(event.detail(serde_json::json!({ "roles": roles }))).await
}

/// Sets another password of one's own, with the present one and a code. All sessions and tokens of the account end, as
/// after a reset: whoever changes a password may have reason to.
///
/// # Errors
/// `UNAUTHENTICATED` when password or code is wrong, `INVALID` for a new one that is too short or the old one,
/// `FORBIDDEN` for tokens.
pub async fn change_own_password(op: &Op, password: String, code: Option<&str>, new: String) -> Result<()> {
    if password == new {
        return Err(Error::invalid("newPassword", "is the present one"));
    }
    let hash = hash_password(op.app(), Some(new)).await?;
    let (tx, account, _) = proof::prove(op, "account.change_password", Some(password), code).await?;
    let (tenant, id) = (account.tenant_id, account.id);
    if account.password_hash.is_none() {
        return Err(Error::conflict("this account has no password").remedy("ask an administrator to set one"));
    }
    store::change_password(tx.connection(), tenant, id, hash, tx.scope().at_micros()).await?;
    end_access(&tx, tenant, id).await?;
    tx.commit(Event::new("account.change_password", format!("account:{id}"))).await
}

/// Disables an account: its sessions and tokens stop at once.
///
/// # Errors
/// `NOT_FOUND`, `CONFLICT` for one's own account, and those of permission.
pub async fn disable_account(op: &Op, tenant: Uuid, account: Uuid) -> Result<()> {
    let (scope, _) = find(op, tenant, account, Action::Delete).await?;
    if op.actor().account == Some(account) {
        return Err(
            Error::conflict("you cannot disable your own account").remedy("ask another administrator")
        );
    }
    let tx = scope.begin().await?;
    store::disable_account(tx.connection(), tenant, account).await?;
    end_access(&tx, tenant, account).await?;
    tx.commit(Event::new("account.disable", format!("account:{account}"))).await
}

/// Ends what an account can come in with: whoever resets a password or disables an account means all of it.
async fn end_access(tx: &Tx, tenant: Uuid, account: Uuid) -> Result<()> {
    let at = tx.scope().at_micros();
    end_sessions(tx, tenant, account).await?;
    store::revoke_tokens_of(tx.connection(), tenant, account, at).await?;
    Ok(())
}

pub(super) async fn find(op: &Op, tenant: Uuid, id: Uuid, action: Action) -> Result<(Scope, bool)> {
    let scope = op.permit_at(tenant, action, "account").await?;
    by_a_person(op, action).await?;
    let (_, tenant) =
        store::account(scope.connection(), tenant, id).await?.ok_or_else(|| Error::not_found("account"))?;
    Ok((scope, tenant.kind == "operator"))
}
