//! Accounts for other parts: who is told of something, and what a change of a grant does to the policy.

use uuid::Uuid;

use super::model::Role;
use super::op::{Scope, Tx};
use super::store;
use crate::error::{Error, Result};

/// An active account whose login is a mail address.
#[derive(Clone, Debug)]
pub struct WithAddress {
    pub account: Uuid,
    pub address: String,
}

/// Active accounts of a tenant with one of these roles whose login is a mail address, in the order of their logins.
///
/// # Errors
/// Unexpected ones only.
pub async fn people_with(scope: &Scope, tenant: Uuid, roles: &[Role]) -> Result<Vec<WithAddress>> {
    let accounts = store::accounts(scope, tenant).await?;
    let told = |account: &entity::account::Model, held: &[Role]| {
        account.state == "active"
            && account.login.contains('@')
            && held.iter().any(|role| roles.contains(role))
    };
    let told = accounts.into_iter().filter(|(account, held)| told(account, held));
    Ok(told.map(|(account, _)| WithAddress { account: account.id, address: account.login }).collect())
}

/// Grows a tenant's policy version, so that the next request on every node sees a grant that was made or ended.
///
/// # Errors
/// Unexpected ones only, also when the transaction does not reach the tenant.
pub async fn policy_changed(tx: &Tx, tenant: Uuid) -> Result<()> {
    Ok(store::bump_policy(tx.connection(), tenant).await?)
}

/// Locks the acting account's row until the transaction ends, so that what one account asks for is counted one after the
/// other.
///
/// # Errors
/// `FORBIDDEN` for the service itself; unexpected ones.
pub async fn lock_own_account(tx: &Tx) -> Result<Uuid> {
    let actor = tx.scope().op().actor();
    let account = actor.account.ok_or_else(|| Error::forbidden("use", "account"))?;
    store::lock_account(tx.connection(), actor.tenant, account).await?;
    Ok(account)
}
