//! Exceptions, probes, and what nobody has thought of.

use async_graphql::{Enum, Object, SimpleObject};

use super::super::scalars::Instant;
use super::LocalizedText;
use super::requirement::EnforcementMode;
use super::version::{ManifestApproval, ManifestVersion};
use crate::requirements::manifest::{self, ProbeSpec};
use crate::requirements::{self, StandingException, Stated};

/// That a requirement is not kept, or less strictly, for a while.
pub struct Exception(pub StandingException);

#[Object]
impl Exception {
    async fn name(&self) -> &str {
        &self.0.stated.version.name
    }

    /// The version that is in force.
    async fn version(&self) -> ManifestVersion {
        ManifestVersion(self.0.stated.version.clone())
    }

    async fn system(&self) -> &str {
        &self.0.stated.spec.system
    }

    /// Name of the requirement.
    async fn requirement(&self) -> &str {
        &self.0.stated.spec.requirement
    }

    async fn reason(&self) -> LocalizedText {
        (&self.0.stated.spec.reason).into()
    }

    /// Who answers for it: a role or a team.
    async fn approver(&self) -> &str {
        &self.0.stated.spec.approver
    }

    /// What is done instead.
    async fn instead(&self) -> Option<LocalizedText> {
        self.0.stated.spec.instead.as_ref().map(LocalizedText::from)
    }

    /// How strictly the requirement's mechanism keeps it meanwhile; null: as stated.
    async fn mode(&self) -> Option<EnforcementMode> {
        self.0.stated.spec.mode.map(EnforcementMode::from)
    }

    async fn expires(&self) -> Instant {
        self.0.stated.spec.expires.into()
    }

    /// Who, other than whoever applied it, approved it; null when nobody has.
    async fn approval(&self) -> Option<ManifestApproval> {
        self.0.approval.clone().map(ManifestApproval)
    }

    /// Whether it holds: approved, begun, not over, and the requirement has no version since that whoever approved it could not read.
    async fn holds(&self) -> bool {
        self.0.holds
    }
}

/// How a probe looks.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "manifest::Check")]
pub enum ProbeCheck {
    /// Synthetic people fetch personal pages and look for each other's.
    Canary,
    /// The configuration of an edge is read.
    EdgeConfiguration,
    /// Header fields of responses.
    Headers,
    /// A burst within the declared limits.
    Capacity,
    /// Versions, suites and certificate of the connection.
    Tls,
    /// Who may do what is tried.
    Access,
    /// A backup is restored.
    Restore,
    /// People look.
    Manual,
}

/// What looks at the running system, and how often.
pub struct Probe(pub Stated<ProbeSpec>);

#[Object]
impl Probe {
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

    async fn check(&self) -> ProbeCheck {
        self.0.spec.check.into()
    }

    /// Names of the requirements whose evidence it gives.
    async fn verifies(&self) -> &[String] {
        &self.0.spec.verifies
    }

    /// The system's public address.
    async fn url(&self) -> Option<&str> {
        self.0.spec.url.as_deref()
    }

    /// Names of the routes that it looks at; empty: all that the requirements are about.
    async fn routes(&self) -> &[String] {
        &self.0.spec.routes
    }

    /// How often (ISO 8601 duration).
    async fn every(&self) -> &str {
        self.0.spec.every.as_str()
    }

    /// For how long a result counts (ISO 8601 duration); null: twice as long as `every`.
    async fn valid_for(&self) -> Option<&str> {
        self.0.spec.valid_for.as_ref().map(|period| period.as_str())
    }

    async fn owner(&self) -> Option<&str> {
        self.0.spec.owner.as_deref()
    }
}

/// A question that nobody has answered.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "requirements::Gap")]
pub enum Gap {
    /// Personal routes, and nothing says what caches may do with them.
    PersonalRoutesWithoutCaching,
    /// No routes are declared: all of them count as personal.
    NoRoutes,
    /// Many people at once are expected, and nothing says who waits.
    SpikeWithoutAdmission,
    /// Personal data is stored encrypted, and nothing says who keeps the keys.
    EncryptionWithoutKeyManagement,
    /// Personal data is stored, and nothing says when it is erased.
    PersonalDataWithoutRetention,
    /// Personal data is stored, and nothing says who may read it.
    PersonalDataWithoutAccess,
    /// Something binds and is only watched.
    BindingNotEnforced,
    /// Nobody looks whether caches keep personal pages.
    CachingWithoutProbe,
}

/// What a system's requirements leave out, though the system's own statement says that it matters.
#[derive(SimpleObject)]
pub struct BlindSpot {
    gap: Gap,
    /// The requirement that it is about, where it is about one.
    requirement: Option<String>,
    text: LocalizedText,
    /// What to do about it.
    remedy: LocalizedText,
}

impl From<requirements::BlindSpot> for BlindSpot {
    fn from(spot: requirements::BlindSpot) -> Self {
        let requirements::BlindSpot { gap, requirement, text, remedy } = spot;
        Self { gap: gap.into(), requirement, text: (&text).into(), remedy: (&remedy).into() }
    }
}
