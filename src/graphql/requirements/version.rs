//! A stored version of a manifest.

use async_graphql::{Context, ID, Object};

use super::super::id;
use super::super::scalars::Instant;
use super::ManifestKind;
use crate::access::Op;
use crate::requirements::{self, Version};

/// One immutable version of a manifest.
pub struct ManifestVersion(pub Version);

#[Object]
impl ManifestVersion {
    async fn kind(&self) -> ManifestKind {
        self.0.kind.into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Counts from 1.
    async fn version(&self) -> i32 {
        self.0.number
    }

    /// The system it belongs to; a system belongs to itself.
    async fn system(&self) -> &str {
        &self.0.system
    }

    /// SHA-256 of the manifest's canonical JSON.
    async fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// Canonical JSON of the whole manifest; for a withdrawal that of the version before.
    async fn manifest(&self) -> &str {
        &self.0.manifest
    }

    /// Whether it ends the manifest.
    async fn withdrawn(&self) -> bool {
        self.0.withdrawn
    }

    async fn in_force_from(&self) -> Instant {
        self.0.in_force_from.into()
    }

    async fn applied_at(&self) -> Instant {
        self.0.applied_at.into()
    }

    /// The account that applied it.
    async fn applied_by(&self, context: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(id::encode("Account", context.data::<Op>()?.app().root()?, self.0.applied_by))
    }

    /// Why it was applied.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Who, other than whoever applied it, approved it; null when nobody has.
    #[graphql(complexity = 5)]
    async fn approval(&self, context: &Context<'_>) -> async_graphql::Result<Option<ManifestApproval>> {
        let Version { kind, name, number, .. } = &self.0;
        let approval = requirements::approval(context.data::<Op>()?, *kind, name, *number).await?;
        Ok(approval.map(ManifestApproval))
    }
}

/// That somebody other than whoever applied it approved a version of a manifest.
pub struct ManifestApproval(pub requirements::Approval);

#[Object]
impl ManifestApproval {
    async fn kind(&self) -> ManifestKind {
        self.0.kind.into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn version(&self) -> i32 {
        self.0.version
    }

    /// What was approved: SHA-256 of the manifest's canonical JSON.
    async fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The account that approved it.
    async fn approved_by(&self, context: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(id::encode("Account", context.data::<Op>()?.app().root()?, self.0.approved_by))
    }

    async fn approved_at(&self) -> Instant {
        self.0.approved_at.into()
    }

    async fn note(&self) -> &str {
        &self.0.note
    }
}
