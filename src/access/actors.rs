//! Who stands behind the names of the audit log, for whoever asks the log about somebody: an account reads as itself, from a shell of the
//! service's own machine, and by its tokens.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::op::Scope;
use super::store_actors as store;
use crate::error::{Error, Result};

/// Accounts and tokens of one question.
const MAX_NAMED: usize = 1000;

/// Somebody whom a question names.
#[derive(Clone, Debug)]
pub enum NamedActor {
    Account(Uuid),
    /// A login is one account's, whichever tenant it belongs to.
    Login(String),
    /// One token alone. It may have been removed since.
    Token(Uuid),
}

/// Those whom a question names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actors {
    pub accounts: BTreeSet<Uuid>,
    /// Those named by themselves.
    pub tokens: BTreeSet<Uuid>,
    /// Under which names the log has them.
    pub labels: BTreeSet<String>,
}

/// An account that acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KnownActor {
    pub account: Uuid,
    pub tenant: Uuid,
    pub by_token: bool,
}

/// Those whom a question names, with the tokens of the accounts. The scope was permitted to ask.
///
/// # Errors
/// `INVALID` for an account that does not exist within the scope, and for too many.
pub async fn actors(scope: &Scope, named: &[NamedActor]) -> Result<Actors> {
    if named.len() > MAX_NAMED {
        return Err(Error::invalid("accounts", format!("wants at most {MAX_NAMED} accounts and tokens")));
    }
    let mut actors = Actors::default();
    for actor in named {
        match actor {
            NamedActor::Account(id) => {
                if store::accounts(scope, &[*id]).await?.is_empty() {
                    return Err(nobody());
                }
                actors.accounts.insert(*id);
            }
            NamedActor::Login(login) => {
                actors.accounts.insert(store::account_by_login(scope, login).await?.ok_or_else(nobody)?);
            }
            NamedActor::Token(id) => {
                actors.tokens.insert(*id);
            }
        }
    }
    let accounts: Vec<Uuid> = actors.accounts.iter().copied().collect();
    let own = store::tokens_of(scope, &accounts).await?.into_iter().map(|(token, _)| token);
    let tokens = own.chain(actors.tokens.iter().copied()).map(|token| format!("token:{token}"));
    let themselves = accounts.iter().flat_map(|id| [format!("account:{id}"), format!("cli:{id}")]);
    actors.labels = themselves.chain(tokens).collect();
    Ok(actors)
}

fn nobody() -> Error {
    Error::invalid("accounts", "names an account that does not exist").remedy("see the list of accounts")
}

/// The accounts behind names of the log, as far as they are still known. The scope was permitted to read the log.
///
/// # Errors
/// Unexpected ones only.
pub async fn known_actors(scope: &Scope, labels: &BTreeSet<String>) -> Result<BTreeMap<String, KnownActor>> {
    let id = |label: &str, kinds: &[&str]| -> Option<Uuid> {
        let (kind, id) = label.split_once(':')?;
        kinds.contains(&kind).then(|| id.parse().ok()).flatten()
    };
    let tokens: Vec<Uuid> = labels.iter().filter_map(|label| id(label, &["token"])).collect();
    let of_tokens: BTreeMap<Uuid, Uuid> = store::tokens_by_id(scope, &tokens).await?.into_iter().collect();
    let account = |label: &str| -> Option<(Uuid, bool)> {
        if let Some(account) = id(label, &["account", "cli"]) {
            return Some((account, false));
        }
        of_tokens.get(&id(label, &["token"])?).map(|account| (*account, true))
    };
    let accounts: BTreeSet<Uuid> =
        labels.iter().filter_map(|label| account(label)).map(|(account, _)| account).collect();
    let accounts: Vec<Uuid> = accounts.into_iter().collect();
    let homes: BTreeMap<Uuid, Uuid> = store::accounts(scope, &accounts).await?.into_iter().collect();
    let known = |label: &String| {
        let (account, by_token) = account(label)?;
        let tenant = *homes.get(&account)?;
        Some((label.clone(), KnownActor { account, tenant, by_token }))
    };
    Ok(labels.iter().filter_map(known).collect())
}
