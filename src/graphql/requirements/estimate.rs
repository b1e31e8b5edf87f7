//! An estimate as its manifest states it, and what follows from it.

use async_graphql::{Context, Json, Object};

use super::super::language::Language;
use super::LocalizedText;
use super::version::ManifestVersion;
use crate::access::Op;
use crate::requirements::manifest::SystemEstimate;
use crate::requirements::{self, Stated};

/// How large a system must be, from stated assumptions.
pub struct Estimate(pub Stated<SystemEstimate>);

#[Object]
impl Estimate {
    async fn name(&self) -> &str {
        &self.0.version.name
    }

    /// The version that is in force; its `manifest` has the assumptions.
    async fn version(&self) -> ManifestVersion {
        ManifestVersion(self.0.version.clone())
    }

    async fn system(&self) -> &str {
        &self.0.spec.system
    }

    /// What is estimated.
    async fn scenario(&self) -> LocalizedText {
        let capacity::Localized { ja, en } = self.0.spec.spec.scenario.clone();
        LocalizedText { ja, en }
    }

    /// Every figure as 5th percentile, median and 95th percentile, what moves it most, whether capacities suffice, and how the
    /// estimate stands to what was observed elsewhere.
    #[graphql(complexity = 100)]
    async fn figures(&self, context: &Context<'_>) -> async_graphql::Result<Json<capacity::EstimateResult>> {
        let figures = requirements::figures(context.data::<Op>()?, &self.0).await?;
        Ok(Json(capacity::EstimateResult::clone(&figures)))
    }

    /// The same as a picture: SVG that needs nothing else.
    #[graphql(complexity = 100)]
    async fn chart(&self, context: &Context<'_>, language: Language) -> async_graphql::Result<String> {
        let figures = requirements::figures(context.data::<Op>()?, &self.0).await?;
        Ok(capacity::chart::svg(&figures, language.into()))
    }
}
