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

/// The acting account's own mail address: its login, where that is one.
///
/// # Errors
/// Unexpected ones only.
pub async fn own_address(scope: &Scope) -> Result<Option<String>> {
    let actor = scope.op().actor();
    let Some(account) = actor.account else { return Ok(None) };
    let found = store::account(&scope.everywhere(), actor.tenant, account).await?;
    Ok(found.map(|(account, _)| account.login).filter(|login| login.contains('@')))
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

/// Whether two accounts' logins are mail addresses of one mailbox: as mail servers read them, without regard to case and to what
/// follows a `+`. Accounts do not know persons; where this says so, it is one person.
///
/// # Errors
/// Unexpected ones only.
pub async fn share_a_mailbox(scope: &Scope, one: (Uuid, Uuid), other: (Uuid, Uuid)) -> Result<bool> {
    let everywhere = scope.everywhere();
    let login = async |(tenant, account): (Uuid, Uuid)| {
        let found = store::account(&everywhere, tenant, account).await?;
        Ok::<_, Error>(found.and_then(|(account, _)| mailbox(&account.login)))
    };
    let (one, other) = (login(one).await?, login(other).await?);
    Ok(one.is_some() && one == other)
}

fn mailbox(login: &str) -> Option<String> {
    let (local, domain) = login.rsplit_once('@')?;
    let local = local.split('+').next().unwrap_or_default();
    Some(format!("{}@{}", local.to_lowercase(), domain.trim_end_matches('.').to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::mailbox;

    #[test]
    fn one_mailbox_has_many_spellings() {
        let same = ["night@example.jp", "Night@Example.JP", "night+suimon@example.jp", "night@example.jp."];
        assert!(same.iter().all(|login| mailbox(login) == mailbox(same[0])));
        for other in ["nights@example.jp", "night@example.com", "night.x@example.jp"] {
            assert_ne!(mailbox(other), mailbox(same[0]), "{other}");
        }
        assert_eq!(mailbox("night"), None);
    }
}
