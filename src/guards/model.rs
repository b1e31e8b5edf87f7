//! Guards' nodes, sightings, and what a guard tells.

use jiff::Timestamp;
use uuid::Uuid;

use crate::incidents::Incident;
use crate::requirements::Watched;

/// A node of a system's guard, as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardNode {
    pub system: String,
    /// The name that it was started with.
    pub node: String,
    /// Digest of the manifests that it keeps; none when it keeps files of its own.
    pub rules: Option<String>,
    /// Of the program.
    pub version: String,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
}

/// How a browser got a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// As a page to be shown.
    Page,
    /// As the answer to a script.
    Fetch,
}

impl How {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Fetch => "fetch",
        }
    }

    pub(super) fn read(word: &str) -> Option<Self> {
        [Self::Page, Self::Fetch].into_iter().find(|how| how.as_str() == word)
    }
}

/// What a browser told through a guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSighting {
    /// The guard's own: told twice, it is recorded once.
    pub id: Uuid,
    /// As the access log has it: 32 hexadecimal digits.
    pub response_id: String,
    /// Whether the guard still remembered the response. If not, the access log has the rest under the response's id.
    pub known: bool,
    /// Name of the declared route.
    pub route: Option<String>,
    /// When the response left the guard.
    pub made_at: Option<Timestamp>,
    /// Whose response it was: a pseudonym of the access log.
    pub owner: Option<String>,
    /// When the browser told it.
    pub seen_at: Timestamp,
    /// Who got it: a pseudonym of the access log.
    pub viewer: Option<String>,
    pub how: How,
    /// Whether the page was hidden before it was shown.
    pub hidden: bool,
}

impl NewSighting {
    /// Whether somebody got a response of their own that was made for another of their browsers: a cache mixes people up, and
    /// nobody's data was seen.
    pub fn is_of_one_person(&self) -> bool {
        self.owner.is_some() && self.owner == self.viewer
    }
}

/// A stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub seen: NewSighting,
    pub system: String,
    pub node: String,
    pub incident: Option<Uuid>,
    pub recorded_at: Timestamp,
}

/// A fault that a guard saw for the first time under its rules: once for each route and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardFinding {
    /// The guard's own: told twice, it is recorded once.
    pub id: Uuid,
    pub at: Timestamp,
    /// Name of the declared route; none where no route covers the path.
    pub route: Option<String>,
    /// Code of the kind of fault, such as `cache_control_permits`.
    pub kind: String,
    /// note, weakness, leak.
    pub grade: String,
    /// corrected, reported.
    pub effect: String,
}

/// What a guard tells at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReport {
    pub system: String,
    pub node: String,
    pub rules: Option<String>,
    pub version: String,
    pub started_at: Timestamp,
    pub findings: Vec<GuardFinding>,
    pub sightings: Vec<NewSighting>,
    /// What was looked at since the last time, by requirement.
    pub watched: Vec<Watched>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Reported {
    /// What was new: findings and sightings that were not known yet.
    pub recorded: usize,
    /// Pieces of evidence that were recorded.
    pub evidence: usize,
    /// The incident that sightings opened or belong to.
    pub incident: Option<Incident>,
}
