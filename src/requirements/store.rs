//! The only place that knows the table of manifests.

use std::sync::Arc;

use anyhow::Context;
use entity::manifest_version;
use jiff::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::manifest::{Manifest, Spec, SystemSpec};
use crate::access::Scope;
use crate::error::Result;

pub async fn system_in_force(scope: &Scope, name: &str, at: Timestamp) -> Result<Option<Arc<SystemSpec>>> {
    // Manifests belong to the operator; a customer's import has to know the record types all the same.
    let row = manifest_version::Entity::find()
        .filter(manifest_version::Column::TenantId.eq(scope.op().app().root()?))
        .filter(manifest_version::Column::Kind.eq("System"))
        .filter(manifest_version::Column::Name.eq(name))
        .filter(manifest_version::Column::InForceFrom.lte(at.as_microsecond()))
        .order_by_desc(manifest_version::Column::Version)
        .one(scope.connection())
        .await?;
    let Some(row) = row.filter(|row| !row.withdrawn) else { return Ok(None) };
    let value = serde_json::from_str(&row.manifest)?;
    match Manifest::from_json(&value).context("stored manifest")?.spec {
        Spec::System(spec) => Ok(Some(Arc::new(*spec))),
        Spec::Requirement(_) => Ok(None),
    }
}
