//! Who stands behind the names of the audit log, for the people whose data was read: organisation and role, never the name
//! of an employee.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::op::{Scope, Tx};
use super::store_purge as store;
use crate::error::Result;

/// Organisation and roles of somebody who acted. The roles are those of today.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reader {
    pub organisation_ja: Option<String>,
    pub organisation_en: Option<String>,
    pub roles: BTreeSet<String>,
    /// The service itself, such as the sender of notices.
    pub automatic: bool,
}

/// Organisation and roles for names of the audit log (`account:…`, `token:…`, `cli:…`, `system:…`).
///
/// # Errors
/// Unexpected ones only.
pub async fn readers(scope: &Scope, actors: &BTreeSet<String>) -> Result<BTreeMap<String, Reader>> {
    let id = |actor: &str, kinds: &[&str]| -> Option<Uuid> {
        let (kind, id) = actor.split_once(':')?;
        kinds.contains(&kind).then(|| id.parse().ok()).flatten()
    };
    let database = &scope.everywhere();
    let tokens: Vec<Uuid> = actors.iter().filter_map(|actor| id(actor, &["token"])).collect();
    let of_tokens: BTreeMap<Uuid, Uuid> =
        store::accounts_of_tokens(database, &tokens).await?.into_iter().collect();
    let account = |actor: &str| {
        id(actor, &["account", "cli"]).or_else(|| of_tokens.get(&id(actor, &["token"])?).copied())
    };
    let accounts: Vec<Uuid> = actors.iter().filter_map(|actor| account(actor)).collect();
    let organisations = store::organisations(database, &accounts).await?;
    let roles = store::roles(database, &accounts).await?;
    let reader = |actor: &String| {
        let mut reader = Reader { automatic: actor.starts_with("system:"), ..Reader::default() };
        if let Some(account) = account(actor) {
            if let Some((_, ja, en)) = organisations.iter().find(|(id, ..)| *id == account) {
                (reader.organisation_ja, reader.organisation_en) = (Some(ja.clone()), Some(en.clone()));
            }
            let own = roles.iter().filter(|(id, _)| *id == account);
            reader.roles = own.map(|(_, role)| role.clone()).collect();
        }
        (actor.clone(), reader)
    };
    Ok(actors.iter().map(reader).collect())
}

/// Removes sessions that ended before `before` (microseconds): at most `limit`.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge_sessions(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    Ok(store::sessions(tx, before, limit).await?)
}

/// Removes tokens that ended before `before` (microseconds): at most `limit`.
///
/// # Errors
/// Unexpected ones only.
pub async fn purge_tokens(tx: &Tx, before: i64, limit: u64) -> Result<u64> {
    Ok(store::tokens(tx, before, limit).await?)
}
