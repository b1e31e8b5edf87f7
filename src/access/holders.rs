//! Who holds a token or a session: asked from the database by each request, so that a revoked one ends with the next
//! request on every node; concurrent requests share the trip.

use std::collections::{BTreeSet, HashMap};

use entity::account;
use uuid::Uuid;

use super::store::{self, SessionHolder, TokenHolder};
use super::touches::Touches;
use crate::loader::Loader;
use crate::storage::{Database, Wall};

type Hash = [u8; 32];

/// The look-ups of one service.
pub struct Holders {
    pub(super) tokens: Loader<Hash, TokenHolder>,
    pub(super) sessions: Loader<Hash, SessionHolder>,
    /// Accounts by tenant and login, for decisions about them.
    pub(super) accounts: Loader<(Uuid, String), account::Model>,
    pub(super) touches: Touches,
}

impl Holders {
    /// Over the service's database.
    pub fn start(database: &Database) -> Self {
        // Before it is known who asks there is no tenant to name.
        let (tokens, sessions, accounts) =
            (database.behind(Wall::None), database.behind(Wall::None), database.clone());
        Self {
            touches: Touches::start(database),
            tokens: Loader::start(move |hashes| {
                let database = tokens.clone();
                async move {
                    let rows = store::token_holders(&database, &hashes).await?;
                    Ok(by_hash(rows, |row| &row.token_hash))
                }
            }),
            accounts: Loader::start(move |keys: Vec<(Uuid, String)>| {
                // The tenants of those who asked in this trip, each of whom was permitted to.
                let tenants: BTreeSet<Uuid> = keys.iter().map(|(tenant, _)| *tenant).collect();
                let database = accounts.behind(Wall::Tenants(tenants.into_iter().collect()));
                async move {
                    let rows = store::accounts_by_login(&database, &keys).await?;
                    Ok(rows.into_iter().map(|row| ((row.tenant_id, row.login.clone()), row)).collect())
                }
            }),
            sessions: Loader::start(move |hashes| {
                let database = sessions.clone();
                async move {
                    let rows = store::session_holders(&database, &hashes).await?;
                    Ok(by_hash(rows, |row| &row.token_hash))
                }
            }),
        }
    }
}

fn by_hash<T>(rows: Vec<T>, hash: fn(&T) -> &[u8]) -> HashMap<Hash, T> {
    rows.into_iter().filter_map(|row| Some((hash(&row).try_into().ok()?, row))).collect()
}
