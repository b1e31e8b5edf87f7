//! A requirement as its manifest states it, and what keeps it.

use async_graphql::{Enum, Object, SimpleObject};

use super::LocalizedText;
use super::version::ManifestVersion;
use crate::requirements::manifest::{self, RequirementSpec};
use crate::requirements::{self, Stated};

/// One non-functional requirement.
pub struct Requirement(pub Stated<RequirementSpec>);

#[Object]
impl Requirement {
    async fn name(&self) -> &str {
        &self.0.version.name
    }

    /// The version that is in force.
    async fn version(&self) -> ManifestVersion {
        ManifestVersion(self.0.version.clone())
    }

    async fn system(&self) -> &str {
        &self.0.spec.system
    }

    /// The requirement as a sentence.
    async fn statement(&self) -> LocalizedText {
        (&self.0.spec.statement).into()
    }

    /// What it is about: `system`, `route:NAME`, `routes:personal`, `record:TYPE`, `field:TYPE.FIELD`, `operation:NAME`.
    async fn target(&self) -> String {
        self.0.spec.target.to_string()
    }

    /// When it applies; null means always.
    async fn condition(&self) -> Option<&str> {
        self.0.spec.condition.as_deref()
    }

    /// What is measured.
    async fn metric(&self) -> &str {
        &self.0.spec.metric
    }

    async fn threshold(&self) -> async_graphql::Result<Threshold> {
        let manifest::Threshold { op, value, unit } = &self.0.spec.threshold;
        let value = serde_json::to_string(value).map_err(crate::error::Error::from)?;
        Ok(Threshold { op: op.as_str().to_owned(), value, unit: unit.clone() })
    }

    async fn obligation(&self) -> Obligation {
        self.0.spec.obligation.into()
    }

    /// Where catalogues ask for it.
    async fn catalogue(&self) -> Vec<Citation> {
        let citations = self.0.spec.catalogue.iter().map(|citation| Citation {
            reference: citation.reference.to_string(),
            level: citation.level.map(i32::from),
            relation: citation.relation.as_str().to_owned(),
        });
        citations.collect()
    }

    /// How it is to be kept; null when it is verified instead.
    async fn enforcement(&self) -> async_graphql::Result<Option<Enforcement>> {
        let Some(enforcement) = &self.0.spec.enforcement else { return Ok(None) };
        let json = serde_json::to_value(&enforcement.params).map_err(crate::error::Error::from)?;
        Ok(Some(Enforcement {
            mode: enforcement.mode.into(),
            mechanism: enforcement.mechanism().into(),
            params: json["params"].to_string(),
        }))
    }

    /// How it is verified where nothing keeps it: test, inspection, document.
    async fn verification(&self) -> Option<&'static str> {
        self.0.spec.verification.map(|verification| verification.as_str())
    }

    /// What this version of Suimon itself does to keep it, and what it only writes down.
    async fn enforced_by(&self) -> EnforcedBy {
        let requirements::EnforcedBy { coverage, text } = requirements::enforced_by(&self.0.spec);
        EnforcedBy { coverage: coverage.into(), text: (&text).into() }
    }

    /// Who answers for it.
    async fn owner(&self) -> Option<&str> {
        self.0.spec.owner.as_deref()
    }

    async fn rationale(&self) -> Option<LocalizedText> {
        self.0.spec.rationale.as_ref().map(LocalizedText::from)
    }

    /// Requirements it was derived from.
    async fn derived_from(&self) -> &[String] {
        &self.0.spec.derived_from
    }

    /// Requirements that must hold for this one to hold.
    async fn depends_on(&self) -> &[String] {
        &self.0.spec.depends_on
    }
}

/// The bound for a metric.
#[derive(SimpleObject)]
pub struct Threshold {
    /// How the measured value is compared: lt, lte, eq, gte, gt, in.
    op: String,
    /// JSON: a number, a text, a truth value, or a list for `in`.
    value: String,
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
