//! The first set-up: the operator and its first administrator.

use std::sync::Arc;

use entity::tenant;
use uuid::Uuid;

use super::accounts::{NewAccount, hash_password, insert};
use super::model::Role;
use super::op::{Reach, Scope};
use super::{identity, store};
use crate::app::App;
use crate::audit::Event;
use crate::error::{Error, Result};

/// The organisation that runs the installation.
pub struct NewOperator {
    pub slug: String,
    pub name_ja: String,
    pub name_en: String,
}

/// Its first administrator. Without a password a random one is made.
pub struct FirstAdmin {
    pub login: String,
    pub display_name: String,
    pub password: Option<String>,
}

/// What `initialise` made.
pub struct Initialised {
    pub operator: Uuid,
    pub login: String,
    /// The generated password, told once.
    pub generated_password: Option<String>,
}

/// Creates the operator and its first administrator, once.
///
/// # Errors
/// `CONFLICT` when there is an operator already, `INVALID` for wrong input.
pub async fn initialise(app: &Arc<App>, operator: NewOperator, admin: FirstAdmin) -> Result<Initialised> {
    let already = || {
        Error::conflict("this installation has an operator already")
            .remedy("add people with `suimon account add`")
    };
    if app.root().is_ok() {
        return Err(already());
    }
    let id = app.entropy().id(app.clock().now());
    let scope = Scope::system(app, id, Reach::One(id), "set-up");
    let generated = admin.password.is_none().then(|| identity::new_secret(app));
    let password = admin.password.or_else(|| generated.clone());
    let hash = hash_password(app, password).await?;
    let tx = scope.begin().await?;
    // Again inside the transaction: another node may have been faster.
    if store::operator(tx.connection()).await?.is_some() {
        return Err(already());
    }
    let row = tenant::Model {
        id,
        slug: operator.slug,
        name_ja: operator.name_ja,
        name_en: operator.name_en,
        kind: "operator".to_owned(),
        policy_version: 1,
        contact: None,
        created_at: scope.at_micros(),
    };
    store::insert_tenant(tx.connection(), row).await?;
    let roles = vec![Role::OperatorAdmin];
    let new = NewAccount { login: admin.login, display_name: admin.display_name, roles, password: None };
    let account = insert(tx.connection(), app, &scope, new, hash).await?;
    tx.commit(Event::new("installation.initialise", format!("account:{}", account.id))).await?;
    app.remember_root(id);
    Ok(Initialised { operator: id, login: account.login, generated_password: generated })
}
