//! Another tenant's policy and tokens, for those who may see the policy: why a decision is what it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::model::TokenScope;
use super::op::Scope;
use super::policy::Policy;
use super::store;
use crate::error::{Error, Result};
use crate::storage::Wall;

/// The policy of a tenant as it is now. The scope must have been permitted to read it.
///
/// # Errors
/// `NOT_FOUND` when the tenant lies outside the scope.
pub async fn policy_of(scope: &Scope, tenant: Uuid) -> Result<Arc<Policy>> {
    let scope = scope.within(tenant, "tenant")?;
    let row = store::tenant(scope.connection(), tenant).await?.ok_or_else(|| Error::not_found("tenant"))?;
    let app = scope.op().app();
    app.policies().of(app, tenant, row.policy_version).await
}

/// The account and the scope of a token of a tenant that was not revoked. The scope must have been permitted to read the policy.
///
/// # Errors
/// `NOT_FOUND`, also when the tenant lies outside the scope.
pub async fn token_of(scope: &Scope, tenant: Uuid, token: Uuid) -> Result<(Uuid, Vec<TokenScope>)> {
    let scope = scope.within(tenant, "tenant")?;
    let row = store::token(&scope, token).await?.ok_or_else(|| Error::not_found("token"))?;
    let scopes: Vec<String> = serde_json::from_str(&row.scopes)?;
    Ok((row.account_id, scopes.iter().filter_map(|scope| scope.parse().ok()).collect()))
}

/// The policy of the operator's people: what they may do with the data of a tenant is told to that tenant. The scope must have
/// been permitted to read a policy.
///
/// # Errors
/// Unexpected ones only.
pub async fn operator_policy(scope: &Scope) -> Result<Arc<Policy>> {
    let app = scope.op().app();
    let root = app.root()?;
    let row = store::tenant(&app.database().behind(Wall::tenant(root)), root).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("the operator vanished"))?;
    app.policies().of(app, root, row.policy_version).await
}

/// How many active accounts of a tenant hold each role. The scope must have been permitted to read the policy.
///
/// # Errors
/// `NOT_FOUND` when the tenant lies outside the scope.
pub async fn holders_of(scope: &Scope, tenant: Uuid) -> Result<BTreeMap<String, u64>> {
    let scope = scope.within(tenant, "tenant")?;
    Ok(store::holders(&scope).await?)
}
