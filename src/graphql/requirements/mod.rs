//! Systems and requirements: what is in force, what was, what a set of files would change, and changing it.

mod catalogue;
mod estimate;
mod exception;
mod plan;
mod requirement;
mod status;
mod system;
mod version;

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, Object, SimpleObject};

use self::catalogue::{Catalogue, CatalogueCopy, CatalogueCoverage, ModelSystem, RemoveCatalogueCopyPayload};
use self::estimate::Estimate;
use self::exception::{Exception, Probe};
use self::plan::{ApplyManifestsPayload, ManifestChange, ManifestFile, Plan, bytes};
pub use self::requirement::EnforcementMode;
use self::requirement::Requirement;
use self::status::{Evidence, EvidenceInput, RecordEvidencePayload, RequirementStatus};
use self::system::System;
use self::version::{ManifestApproval, ManifestVersion};
use super::connection::Page;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::Error;
use crate::requirements::manifest::RequirementSpec;
use crate::requirements::{self, Against, Stated, manifest};

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
    /// What looks at the running system, and how often.
    Probe,
    /// That a requirement is not kept for a while.
    Exception,
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

payload!(
    /// Result of `approveManifest`.
    ApproveManifestPayload, ManifestApproval
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
        Ok(page.connection(found, |system| system.version.name.clone(), |system| System::new(system, at)))
    }

    /// A system in force now.
    async fn system(&self, context: &Context<'_>, name: String) -> async_graphql::Result<System> {
        Ok(System::new(requirements::system(context.data::<Op>()?, &name).await?, None))
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
        let at = at.map(|at| at.0);
        let found = requirements::requirements(op, system, at, after, page.limit()).await?;
        let name = |requirement: &Stated<RequirementSpec>| requirement.version.name.clone();
        Ok(page.connection(found, name, |requirement| Requirement::new(requirement, at)))
    }

    /// A requirement in force now.
    async fn requirement(&self, context: &Context<'_>, name: String) -> async_graphql::Result<Requirement> {
        Ok(Requirement::new(requirements::requirement(context.data::<Op>()?, &name).await?, None))
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

    /// How the requirements in force now stand, of one system or of all, by name.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn requirement_statuses(
        &self,
        context: &Context<'_>,
        system: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, RequirementStatus, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let op = context.data::<Op>()?;
        let found =
            requirements::statuses(op, system.as_deref(), page.after.as_deref(), page.limit()).await?;
        Ok(page.connection(found, |status| status.requirement.version.name.clone(), RequirementStatus))
    }

    /// Exceptions whose newest version is in force, now or `at` another instant, of one system or of all, by name: those that
    /// wait for approval and those that are over too.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn exceptions(
        &self,
        context: &Context<'_>,
        system: Option<String>,
        at: Option<Instant>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Exception, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let op = context.data::<Op>()?;
        let (system, after) = (system.as_deref(), page.after.as_deref());
        let found = requirements::exceptions(op, system, at.map(|at| at.0), after, page.limit()).await?;
        Ok(page.connection(found, |exception| exception.stated.version.name.clone(), Exception))
    }

    /// An exception whose newest version is in force now.
    async fn exception(&self, context: &Context<'_>, name: String) -> async_graphql::Result<Exception> {
        Ok(Exception(requirements::exception(context.data::<Op>()?, &name).await?))
    }

    /// Probes in force, now or `at` another instant, of one system or of all, by name.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn probes(
        &self,
        context: &Context<'_>,
        system: Option<String>,
        at: Option<Instant>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Probe, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let op = context.data::<Op>()?;
        let (system, after) = (system.as_deref(), page.after.as_deref());
        let found = requirements::probes(op, system, at.map(|at| at.0), after, page.limit()).await?;
        Ok(page.connection(found, |probe| probe.version.name.clone(), Probe))
    }

    /// Which items of a catalogue the requirements in force of a system answer: by the `copy` of this digest, else by the newest
    /// copy of the catalogue, else by the ids that come with Suimon.
    #[graphql(complexity = "100 + child_complexity")]
    async fn catalogue_coverage(
        &self,
        context: &Context<'_>,
        system: String,
        catalogue: Catalogue,
        copy: Option<String>,
        #[graphql(desc = "Asks for the levels that a copy of IPA's sheet proposes for such systems.")]
        model: Option<ModelSystem>,
    ) -> async_graphql::Result<CatalogueCoverage> {
        let against = match copy {
            Some(digest) => Against::Kept(catalogue.into(), digest),
            None => Against::Newest(catalogue.into()),
        };
        let (op, model) = (context.data::<Op>()?, model.map(Into::into));
        Ok(CatalogueCoverage(requirements::catalogue_coverage(op, &system, against, model).await?))
    }

    /// The installation's own copies of catalogues, the newest first.
    #[graphql(complexity = "30 * child_complexity.max(1)")]
    async fn catalogue_copies(&self, context: &Context<'_>) -> async_graphql::Result<Vec<CatalogueCopy>> {
        let copies = requirements::catalogue_copies(context.data::<Op>()?).await?;
        Ok(copies.into_iter().map(CatalogueCopy).collect())
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

    /// What applying these files would change. With `prune`, whatever is stored of the systems that the files state and is not in the files
    /// would be withdrawn.
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
    /// Stores what differs as new versions, all or none. Applying the same files again changes nothing. With `base` only as it was
    /// planned.
    async fn apply_manifests(
        &self,
        context: &Context<'_>,
        files: Vec<ManifestFile>,
        reason: String,
        #[graphql(default)] prune: bool,
        #[graphql(
            desc = "`base` of the plan that was read: refused when somebody has changed these manifests since."
        )]
        base: Option<String>,
    ) -> async_graphql::Result<ApplyManifestsPayload> {
        let (op, files) = (context.data::<Op>()?, bytes(files));
        let result = match base {
            Some(base) => requirements::apply_planned(op, files, &reason, prune, &base).await,
            None => requirements::apply(op, files, &reason, prune).await,
        };
        ApplyManifestsPayload::from_result(result)
    }

    /// Approves the newest version of a manifest. Somebody other than whoever applied it does; an exception holds only then.
    async fn approve_manifest(
        &self,
        context: &Context<'_>,
        kind: ManifestKind,
        name: String,
        version: i32,
        #[graphql(desc = "What was read: the version's own fingerprint.")] fingerprint: String,
        #[graphql(default)] note: String,
    ) -> async_graphql::Result<ApproveManifestPayload> {
        let op = context.data::<Op>()?;
        let result = requirements::approve(op, kind.into(), &name, version, &fingerprint, &note).await;
        ApproveManifestPayload::from_result(result, ManifestApproval)
    }

    /// Records what was seen of a requirement.
    async fn record_evidence(
        &self,
        context: &Context<'_>,
        input: EvidenceInput,
    ) -> async_graphql::Result<RecordEvidencePayload> {
        let result = requirements::record(context.data::<Op>()?, input.into()).await;
        RecordEvidencePayload::from_result(result, Evidence)
    }

    /// Removes an installation's own copy of a catalogue, with its titles. No requirement changes by it.
    async fn remove_catalogue_copy(
        &self,
        context: &Context<'_>,
        digest: String,
    ) -> async_graphql::Result<RemoveCatalogueCopyPayload> {
        let result = requirements::remove_catalogue_copy(context.data::<Op>()?, &digest).await;
        RemoveCatalogueCopyPayload::from_result(result, CatalogueCopy)
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
