//! Guards: what they keep, how they were last seen, what they told.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use uuid::Uuid;

use super::connection::Page;
use super::id;
use super::problem::payload;
use super::requirements::EnforcementMode;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::{Error, Result};
use crate::guards::{self, Of};
use crate::requirements;

/// How a browser got a response.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::guards::How")]
pub enum SightingHow {
    /// As a page to be shown.
    Page,
    /// As the answer to a script.
    Fetch,
}

/// What a guard keeps.
#[derive(SimpleObject)]
pub struct GuardRules {
    /// A name for what they say: the same manifests have the same one.
    digest: String,
    /// Canonical JSON, each a whole manifest; null when the caller knows them already.
    manifests: Option<Vec<String>>,
}

/// A node of a system's guard, as it was last seen.
#[derive(SimpleObject)]
pub struct GuardNode {
    /// The name that it was started with.
    node: String,
    /// Digest of the manifests that it keeps; null when it keeps files of its own.
    rules: Option<String>,
    /// Whether that is what is in force; null when it keeps files of its own.
    is_current: Option<bool>,
    /// Of the program.
    version: String,
    started_at: Instant,
    seen_at: Instant,
    /// Whether it has not been heard of for longer than it should.
    is_silent: bool,
}

/// A browser got a response that was made for another one. People by the pseudonyms of the guard's access log.
pub struct Sighting(guards::Sighting, Uuid);

#[Object]
impl Sighting {
    async fn id(&self) -> ID {
        id::encode("Sighting", self.1, self.0.seen.id)
    }

    async fn system(&self) -> &str {
        &self.0.system
    }

    /// Which node of the guard was told.
    async fn node(&self) -> &str {
        &self.0.node
    }

    /// As the access log has it.
    async fn response_id(&self) -> &str {
        &self.0.seen.response_id
    }

    /// Whether the guard still remembered the response. If not, the access log has the rest under the response's id.
    async fn known(&self) -> bool {
        self.0.seen.known
    }

    /// Name of the declared route; null where no route covers the path, or where it is not known.
    async fn route(&self) -> Option<&str> {
        self.0.seen.route.as_deref()
    }

    /// When the response left the guard.
    async fn made_at(&self) -> Option<Instant> {
        self.0.seen.made_at.map(Instant)
    }

    /// Whose response it was.
    async fn owner(&self) -> Option<&str> {
        self.0.seen.owner.as_deref()
    }

    /// When the browser told it.
    async fn seen_at(&self) -> Instant {
        self.0.seen.seen_at.into()
    }

    /// Who got it; null where the browser was nobody's that the guard knew.
    async fn viewer(&self) -> Option<&str> {
        self.0.seen.viewer.as_deref()
    }

    async fn how(&self) -> SightingHow {
        self.0.seen.how.into()
    }

    /// Whether the page was hidden before it was shown.
    async fn hidden(&self) -> bool {
        self.0.seen.hidden
    }

    /// Whether somebody got a response of their own that was made for another of their browsers: nobody's data was seen.
    async fn is_of_one_person(&self) -> bool {
        self.0.seen.is_of_one_person()
    }

    async fn recorded_at(&self) -> Instant {
        self.0.recorded_at.into()
    }
}

/// A page of sightings, the newest first.
pub type Sightings = async_graphql::Result<Connection<String, Sighting, EmptyFields, EmptyFields>>;

/// A page of those of an incident or a system.
pub async fn sightings(
    context: &Context<'_>,
    of: Of<'_>,
    first: Option<i32>,
    after: Option<String>,
) -> Sightings {
    let page = Page::read(context, first, after)?;
    let wrong =
        || Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before");
    let before = page.after.as_deref().map(|id| id.parse().map_err(|_| wrong())).transpose()?;
    let op = context.data::<Op>()?;
    let root = op.app().root()?;
    let found = guards::sightings(op, of, before, page.limit()).await?;
    Ok(page.connection(found, |one| one.seen.id.to_string(), |one| Sighting(one, root)))
}

/// The nodes of a system's guards.
pub async fn nodes(op: &Op, system: &str) -> Result<Vec<GuardNode>> {
    let nodes = guards::nodes(op, system).await?;
    let in_force = match nodes.iter().any(|node| node.rules.is_some()) {
        true => guards::in_force(op, system).await?,
        false => None,
    };
    let describe = |seen: guards::GuardNode| {
        let is_silent = guards::is_silent(&seen, op.at());
        let guards::GuardNode { system: _, node, rules, version, started_at, seen_at } = seen;
        let is_current = rules.as_ref().map(|rules| in_force.as_ref() == Some(rules));
        let (started_at, seen_at) = (started_at.into(), seen_at.into());
        GuardNode { node, rules, is_current, version, started_at, seen_at, is_silent }
    };
    Ok(nodes.into_iter().map(describe).collect())
}

#[derive(Default)]
pub struct GuardsQuery;

#[Object]
impl GuardsQuery {
    /// What a guard of this system keeps now: the manifests in force, and of the exceptions those that hold.
    async fn guard_rules(
        &self,
        context: &Context<'_>,
        system: String,
        #[graphql(desc = "Digest of what the caller has: when it still holds, the manifests are left out.")]
        known: Option<String>,
    ) -> async_graphql::Result<GuardRules> {
        let crate::requirements::Kept { digest, manifests } =
            guards::kept(context.data::<Op>()?, &system).await?;
        let manifests = (known.as_ref() != Some(&digest)).then_some(manifests);
        Ok(GuardRules { digest, manifests })
    }

    /// What browsers told of responses that were made for others, the newest first.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn sightings(
        &self,
        context: &Context<'_>,
        system: String,
        first: Option<i32>,
        after: Option<String>,
    ) -> Sightings {
        sightings(context, Of::System(&system), first, after).await
    }
}

/// A fault that a guard saw for the first time under its rules.
#[derive(InputObject)]
pub struct GuardFindingInput {
    /// The guard's own: told twice, it is recorded once.
    id: Uuid,
    at: Instant,
    /// Name of the declared route; null where no route covers the path.
    route: Option<String>,
    /// Code of the kind of fault, such as `cache_control_permits`.
    kind: String,
    /// note, weakness, leak.
    grade: String,
    /// corrected, reported.
    effect: String,
}

/// What a browser told through a guard.
#[derive(InputObject)]
pub struct SightingInput {
    /// The guard's own: told twice, it is recorded once.
    id: Uuid,
    /// 32 hexadecimal digits.
    response_id: String,
    known: bool,
    route: Option<String>,
    made_at: Option<Instant>,
    /// A pseudonym of the access log, never a name.
    owner: Option<String>,
    seen_at: Instant,
    /// A pseudonym of the access log, never a name.
    viewer: Option<String>,
    how: SightingHow,
    hidden: bool,
}

/// What a guard looked at while it kept a requirement. It becomes evidence: FAIL where something wrong was left so, WARN where it was
/// corrected, else PASS; at most one record of a requirement and a node in an hour, and one more where it is worse.
#[derive(InputObject)]
pub struct WatchedInput {
    /// The guard's own: told twice, it is recorded once.
    id: Uuid,
    /// Name of the requirement.
    requirement: String,
    /// Of the version that was kept. Of another one than that in force it is not recorded.
    fingerprint: String,
    mode: EnforcementMode,
    since: Instant,
    until: Instant,
    /// Answers that were judged; of admission its decisions. Where there were none, nothing is recorded.
    judged: u32,
    /// Of these with notes alone; of admission those to let somebody wait.
    noted: u32,
    /// Of these wrong, and corrected.
    corrected: u32,
    /// Of these wrong, and left so.
    uncorrected: u32,
}

impl From<WatchedInput> for requirements::Watched {
    fn from(input: WatchedInput) -> Self {
        let WatchedInput {
            id,
            requirement,
            fingerprint,
            mode,
            since,
            until,
            judged,
            noted,
            corrected,
            uncorrected,
        } = input;
        Self {
            id,
            requirement,
            fingerprint,
            mode: mode.into(),
            since: since.0,
            until: until.0,
            judged: judged.into(),
            noted: noted.into(),
            corrected: corrected.into(),
            uncorrected: uncorrected.into(),
        }
    }
}

/// What a guard tells at once: at most 100 findings, 100 sightings and 100 requirements that were watched.
#[derive(InputObject)]
pub struct GuardReportInput {
    system: String,
    /// The name that this node was started with.
    node: String,
    /// Digest of the manifests that it keeps; null when it keeps files of its own.
    rules: Option<String>,
    /// Of the program.
    version: String,
    started_at: Instant,
    #[graphql(default)]
    findings: Vec<GuardFindingInput>,
    #[graphql(default)]
    sightings: Vec<SightingInput>,
    #[graphql(default)]
    watched: Vec<WatchedInput>,
}

impl From<GuardFindingInput> for guards::GuardFinding {
    fn from(input: GuardFindingInput) -> Self {
        let GuardFindingInput { id, at, route, kind, grade, effect } = input;
        Self { id, at: at.0, route, kind, grade, effect }
    }
}

impl From<SightingInput> for guards::NewSighting {
    fn from(input: SightingInput) -> Self {
        let SightingInput { id, response_id, known, route, made_at, owner, seen_at, viewer, how, hidden } =
            input;
        let (made_at, seen_at) = (made_at.map(|at| at.0), seen_at.0);
        Self { id, response_id, known, route, made_at, owner, seen_at, viewer, how: how.into(), hidden }
    }
}

impl From<GuardReportInput> for guards::NewReport {
    fn from(input: GuardReportInput) -> Self {
        let GuardReportInput { system, node, rules, version, started_at, findings, sightings, watched } =
            input;
        Self {
            system,
            node,
            rules,
            version,
            started_at: started_at.0,
            findings: findings.into_iter().map(Into::into).collect(),
            sightings: sightings.into_iter().map(Into::into).collect(),
            watched: watched.into_iter().map(Into::into).collect(),
        }
    }
}

/// What came of a report.
#[derive(SimpleObject)]
pub struct GuardReport {
    /// Findings and sightings that were not known yet.
    recorded: i32,
    /// Pieces of evidence that were recorded.
    evidence: i32,
    /// Number of the incident that sightings opened or belong to.
    incident_number: Option<i32>,
}

impl From<guards::Reported> for GuardReport {
    fn from(reported: guards::Reported) -> Self {
        let guards::Reported { recorded, evidence, incident } = reported;
        let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            recorded: number(recorded),
            evidence: number(evidence),
            incident_number: incident.map(|incident| incident.number),
        }
    }
}

payload!(
    /// Result of `reportGuard`.
    ReportGuardPayload, GuardReport
);

#[derive(Default)]
pub struct GuardsMutation;

#[Object]
impl GuardsMutation {
    /// Records what a guard tells, each thing once. A response that reached somebody else's browser opens an incident, or belongs
    /// to the one that an earlier one opened, as long as that is not resolved.
    async fn report_guard(
        &self,
        context: &Context<'_>,
        input: GuardReportInput,
    ) -> async_graphql::Result<ReportGuardPayload> {
        let result = guards::report(context.data::<Op>()?, input.into()).await;
        ReportGuardPayload::from_result(result, Into::into)
    }
}
