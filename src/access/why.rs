//! Another tenant's policy, for those who may see it: why a decision is what it is.

use std::sync::Arc;

use uuid::Uuid;

use super::op::Scope;
use super::policy::Policy;
use super::store;
use crate::error::{Error, Result};

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
