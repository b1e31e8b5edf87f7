//! Requirements: what an operator states about a system, in versions that never change.

pub mod manifest;
mod store;

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::Scope;
use crate::error::{Error, Result};
use manifest::SystemSpec;

/// The system of this name as it was in force at `at`.
///
/// # Errors
/// Unexpected ones only.
pub async fn system_in_force(scope: &Scope, name: &str, at: Timestamp) -> Result<Option<Arc<SystemSpec>>> {
    store::system_in_force(scope, name, at).await
}

/// The system of this name as it is in force now.
///
/// # Errors
/// `NOT_FOUND` when there is none.
pub async fn require_system(scope: &Scope, name: &str) -> Result<Arc<SystemSpec>> {
    system_in_force(scope, name, scope.at())
        .await?
        .ok_or_else(|| Error::not_found("system").remedy("apply its manifest first: suimon apply"))
}
