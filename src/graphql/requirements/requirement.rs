//! A requirement as its manifest states it, and what keeps it.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, Object, SimpleObject};
use jiff::Timestamp;
use uuid::Uuid;

use super::super::connection::Page;
use super::LocalizedText;
use super::status::{Evidence, RequirementStatus};
use super::version::ManifestVersion;
use crate::access::Op;
use crate::error::Error;
use crate::requirements::manifest::{self, RequirementSpec};
use crate::requirements::{self, Stated};

/// One non-functional requirement.
pub struct Requirement {
    stated: Stated<RequirementSpec>,
    /// The instant that was asked about; none for now.
    at: Option<Timestamp>,
}

impl Requirement {
    /// As it is in force now, or at another instant.
    pub fn new(stated: Stated<RequirementSpec>, at: Option<Timestamp>) -> Self {
        Self { stated, at }
    }
}

#[Object]
impl Requirement {
    async fn name(&self) -> &str {
        &self.stated.version.name
    }

    /// The version that is in force.
    async fn version(&self) -> ManifestVersion {
        ManifestVersion(self.stated.version.clone())
    }

    async fn system(&self) -> &str {
        &self.stated.spec.system
    }

    /// The requirement as a sentence.
    async fn statement(&self) -> LocalizedText {
        (&self.stated.spec.statement).into()
    }

    /// What it is about: `system`, `route:NAME`, `routes:personal`, `record:TYPE`, `field:TYPE.FIELD`, `operation:NAME`.
    async fn target(&self) -> String {
        self.stated.spec.target.to_string()
    }

    /// When it applies; null means always.
    async fn condition(&self) -> Option<&str> {
        self.stated.spec.condition.as_deref()
    }

    /// What is measured.
    async fn metric(&self) -> &str {
        &self.stated.spec.metric
    }

    #[graphql(complexity = "5 + child_complexity")]
    async fn threshold(&self, context: &Context<'_>) -> async_graphql::Result<Threshold> {
        let manifest::Threshold { op, value, unit } = &self.stated.spec.threshold;
        let value = serde_json::to_string(value).map_err(crate::error::Error::from)?;
        let asking = context.data::<Op>()?;
        let at = self.at.unwrap_or(asking.at());
        let figure = requirements::threshold_figure(asking, &self.stated.spec, at).await?;
        Ok(Threshold { op: op.as_str().to_owned(), value, figure, unit: unit.clone() })
    }

    /// How it stands now: evidence, drift, exceptions; null where another instant was asked about. For all of a system ask
    /// `requirementStatuses`.
    #[graphql(complexity = "10 + child_complexity")]
    async fn status(&self, context: &Context<'_>) -> async_graphql::Result<Option<RequirementStatus>> {
        if self.at.is_some() {
            return Ok(None);
        }
        let name = &self.stated.version.name;
        Ok(Some(RequirementStatus(requirements::status(context.data::<Op>()?, name).await?)))
    }

    /// Everything that was seen of it, the newest first.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn evidence(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Evidence, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let wrong = |_| {
            Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before")
        };
        let before = page.after.as_deref().map(|text| text.parse::<Uuid>().map_err(wrong)).transpose()?;
        let op = context.data::<Op>()?;
        let found = requirements::evidence(op, &self.stated.version.name, before, page.limit()).await?;
        Ok(page.connection(found, |evidence| evidence.id.to_string(), Evidence))
    }

    async fn obligation(&self) -> Obligation {
        self.stated.spec.obligation.into()
    }

    /// Where catalogues ask for it.
    async fn catalogue(&self) -> Vec<Citation> {
        let citations = self.stated.spec.catalogue.iter().map(|citation| Citation {
            reference: citation.reference.to_string(),
            level: citation.level.map(i32::from),
            relation: citation.relation.as_str().to_owned(),
        });
        citations.collect()
    }

    /// How it is to be kept; null when it is verified instead.
    async fn enforcement(&self) -> async_graphql::Result<Option<Enforcement>> {
        let Some(enforcement) = &self.stated.spec.enforcement else { return Ok(None) };
        let json = serde_json::to_value(&enforcement.params).map_err(crate::error::Error::from)?;
        Ok(Some(Enforcement {
            mode: enforcement.mode.into(),
            mechanism: enforcement.mechanism().into(),
            params: json["params"].to_string(),
        }))
    }

    /// How it is verified where nothing keeps it: test, inspection, document.
    async fn verification(&self) -> Option<&'static str> {
        self.stated.spec.verification.map(|verification| verification.as_str())
    }

    /// What this version of Suimon itself does to keep it, and what it only writes down.
    async fn enforced_by(&self) -> EnforcedBy {
        let requirements::EnforcedBy { coverage, text } = requirements::enforced_by(&self.stated.spec);
        EnforcedBy { coverage: coverage.into(), text: (&text).into() }
    }

    /// Who answers for it.
    async fn owner(&self) -> Option<&str> {
        self.stated.spec.owner.as_deref()
    }

    async fn rationale(&self) -> Option<LocalizedText> {
        self.stated.spec.rationale.as_ref().map(LocalizedText::from)
    }

    /// Requirements it was derived from.
    async fn derived_from(&self) -> &[String] {
        &self.stated.spec.derived_from
    }

    /// Requirements that must hold for this one to hold.
    async fn depends_on(&self) -> &[String] {
        &self.stated.spec.depends_on
    }
}

/// The bound for a metric.
#[derive(SimpleObject)]
pub struct Threshold {
    /// How the measured value is compared: lt, lte, eq, gte, gt, in.
    op: String,
    /// JSON: a number, a text, a truth value, a list for `in`, or `{estimate, figure, percentile}`.
    value: String,
    /// The number where it follows from an estimate.
    figure: Option<f64>,
    unit: String,
}

/// Whether a requirement binds (RFC 2119).
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "manifest::Obligation")]
pub enum Obligation {
    Must,
    Should,
}

/// A reference to a public catalogue of requirements.
#[derive(SimpleObject)]
pub struct Citation {
    /// `catalogue@version:item`.
    #[graphql(name = "ref")]
    reference: String,
    level: Option<i32>,
    /// satisfies, partially, derived_from, alias.
    relation: String,
}

/// How strictly a requirement is to be kept.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "manifest::Mode")]
pub enum EnforcementMode {
    /// Measure only.
    Observe,
    /// Let it pass, but make a finding.
    Audit,
    /// Prevent it.
    Enforce,
}

/// What keeps a requirement.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "manifest::Mechanism")]
pub enum EnforcementMechanism {
    Admission,
    Cache,
    Access,
    Encryption,
    Retention,
    Slo,
}

/// How a requirement is to be kept.
#[derive(SimpleObject)]
pub struct Enforcement {
    mode: EnforcementMode,
    mechanism: EnforcementMechanism,
    /// JSON: the mechanism's parameters.
    params: String,
}

/// How far this version keeps a requirement by itself.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "requirements::Coverage")]
pub enum EnforcementCoverage {
    /// For everything that Suimon itself stores and serves.
    OwnService,
    /// For a part of what Suimon itself stores and serves.
    OwnServicePartly,
    /// Stored and shown; nothing keeps it yet.
    StatedOnly,
    /// People verify it; nothing keeps it.
    Verified,
}

/// What keeps a requirement, said plainly.
#[derive(SimpleObject)]
pub struct EnforcedBy {
    coverage: EnforcementCoverage,
    text: LocalizedText,
}
