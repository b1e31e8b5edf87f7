//! Systems and requirements: what is in force, what was, what a set of files would change, and changing it.

mod estimate;
mod plan;
mod requirement;
mod system;
mod version;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, Object, SimpleObject};

use self::estimate::Estimate;
use self::plan::{ApplyManifestsPayload, ManifestChange, ManifestFile, Plan, bytes};
use self::requirement::Requirement;
use self::system::System;
use self::version::ManifestVersion;
use super::connection::Page;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::Error;
use crate::requirements::{self, manifest};

/// What a manifest states.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "manifest::Kind")]
pub enum ManifestKind {
    /// A system under protection.
    System,
    /// One non-functional requirement.
    Requirement,
    /// How large a system must be, from stated assumptions.
    Estimate,
}

/// A text in both languages.
#[derive(SimpleObject)]
pub struct LocalizedText {
    ja: String,
    en: String,
}

impl From<&manifest::Localized> for LocalizedText {
    fn from(text: &manifest::Localized) -> Self {
        Self { ja: text.ja.clone(), en: text.en.clone() }
    }
}

payload!(
    /// Result of `withdrawManifest`.
    WithdrawManifestPayload, ManifestChange
);

#[derive(Default)]
pub struct RequirementsQuery;

#[Object]
impl RequirementsQuery {
    /// Systems in force, now or `at` another instant, by name.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn systems(
        &self,
        context: &Context<'_>,
        at: Option<Instant>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, System, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let at = at.map(|at| at.0);
        let found =
            requirements::systems(context.data::<Op>()?, at, page.after.as_deref(), page.limit()).await?;
        Ok(page.connection(found, |system| system.version.name.clone(), System))
    }

    /// A system in force now.
    async fn system(&self, context: &Context<'_>, name: String) -> async_graphql::Result<System> {
        Ok(System(requirements::system(context.data::<Op>()?, &name).await?))
    }

    /// Requirements in force, now or `at` another instant, of one system or of all, by name.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn requirements(
        &self,
        context: &Context<'_>,
        system: Option<String>,
        at: Option<Instant>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Requirement, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let op = context.data::<Op>()?;
        let (system, after) = (system.as_deref(), page.after.as_deref());
        let found = requirements::requirements(op, system, at.map(|at| at.0), after, page.limit()).await?;
        Ok(page.connection(found, |requirement| requirement.version.name.clone(), Requirement))
    }

    /// A requirement in force now.
    async fn requirement(&self, context: &Context<'_>, name: String) -> async_graphql::Result<Requirement> {
        Ok(Requirement(requirements::requirement(context.data::<Op>()?, &name).await?))
    }

    /// Estimates in force, now or `at` another instant, of one system or of all, by name.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn estimates(
        &self,
        context: &Context<'_>,
        system: Option<String>,
        at: Option<Instant>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Estimate, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let op = context.data::<Op>()?;
        let (system, after) = (system.as_deref(), page.after.as_deref());
        let found = requirements::estimates(op, system, at.map(|at| at.0), after, page.limit()).await?;
        Ok(page.connection(found, |estimate| estimate.version.name.clone(), Estimate))
    }

    /// An estimate in force now.
    async fn estimate(&self, context: &Context<'_>, name: String) -> async_graphql::Result<Estimate> {
        Ok(Estimate(requirements::estimate(context.data::<Op>()?, &name).await?))
    }

    /// Every version of a manifest, the newest first.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn manifest_versions(
        &self,
        context: &Context<'_>,
        kind: ManifestKind,
        name: String,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, ManifestVersion, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let wrong =
            || Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before");
        let before = match &page.after {
            None => None,
            Some(number) => Some(number.parse().ok().ok_or_else(wrong)?),
        };
        let op = context.data::<Op>()?;
        let found = requirements::versions(op, kind.into(), &name, before, page.limit()).await?;
        Ok(page.connection(found, |version| version.number.to_string(), ManifestVersion))
    }

    /// The version that was, is or will be in force at an instant; null before the first one and after a withdrawal.
    async fn in_force(
        &self,
        context: &Context<'_>,
        kind: ManifestKind,
        name: String,
        at: Instant,
    ) -> async_graphql::Result<Option<ManifestVersion>> {
        let op = context.data::<Op>()?;
        Ok(requirements::in_force(op, kind.into(), &name, at.0).await?.map(ManifestVersion))
    }

    /// What applying these files would change. With `prune`, requirements and estimates of the systems that the files state and that are
    /// not in the files would be withdrawn.
    async fn plan(
        &self,
        context: &Context<'_>,
        files: Vec<ManifestFile>,
        #[graphql(default)] prune: bool,
    ) -> async_graphql::Result<Plan> {
        Ok(requirements::plan(context.data::<Op>()?, bytes(files), prune).await?.into())
    }
}

#[derive(Default)]
pub struct RequirementsMutation;

#[Object]
impl RequirementsMutation {
    /// Stores what differs as new versions, all or none. Applying the same files again changes nothing.
    async fn apply_manifests(
        &self,
        context: &Context<'_>,
        files: Vec<ManifestFile>,
        reason: String,
        #[graphql(default)] prune: bool,
    ) -> async_graphql::Result<ApplyManifestsPayload> {
        let result = requirements::apply(context.data::<Op>()?, bytes(files), &reason, prune).await;
        ApplyManifestsPayload::from_result(result)
    }

    /// Ends a manifest from now on. Its versions stay readable.
    async fn withdraw_manifest(
        &self,
        context: &Context<'_>,
        kind: ManifestKind,
        name: String,
        reason: String,
    ) -> async_graphql::Result<WithdrawManifestPayload> {
        let result = requirements::withdraw(context.data::<Op>()?, kind.into(), &name, &reason).await;
        WithdrawManifestPayload::from_result(result, ManifestChange)
    }
}
