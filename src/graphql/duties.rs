//! Assessments and duties.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, Subscription};
use futures::{Stream, StreamExt};

use super::assessments::{AsKnown, Assessment};
use super::id;
use super::language::Language;
use super::live;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::duties::{self, Settlement, VoluntaryReport};

/// What a deadline is made of.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::duties::Nature")]
pub enum DeadlineNature {
    /// Binding text with a number of days or hours.
    Statute,
    /// The authority's guideline.
    Guidance,
    /// A target of one's own, or a voluntary act.
    Internal,
    /// Binding text without a number, such as "promptly".
    OpenTextured,
}

/// State of a duty.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::duties::DutyState")]
pub enum DutyState {
    Open,
    Done,
    Waived,
    /// A later assessment no longer asks for it.
    Superseded,
}

/// How a duty ends.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum DutySettlement {
    /// Done; give a receipt.
    Done,
    /// Not to be done; give a reason.
    Waived,
}

/// What must be done towards whom by when.
pub struct Duty(duties::Duty);

#[Object]
impl Duty {
    async fn id(&self) -> ID {
        id::encode("Duty", self.0.tenant, self.0.id)
    }

    /// Rule pack, such as `jp-appi-26`.
    async fn regime(&self) -> &str {
        &self.0.regime
    }

    /// `regulator`, `persons`, …
    async fn recipient(&self) -> &str {
        &self.0.recipient
    }

    /// Duty and deadline within the pack, such as `regulator.final`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    async fn title(&self, language: Language) -> &str {
        self.0.wording.title.get(language.into())
    }

    /// Towards whom.
    async fn to(&self, language: Language) -> &str {
        self.0.wording.to.get(language.into())
    }

    async fn clause(&self, language: Language) -> &str {
        self.0.clause.get(language.into())
    }

    async fn nature(&self) -> DeadlineNature {
        self.0.nature.into()
    }

    /// The last instant at which it is still met, where the law gives one.
    async fn due_at(&self) -> Option<Instant> {
        self.0.due_at.map(Instant)
    }

    /// The deadline as people read it.
    async fn due_text(&self, language: Language) -> &str {
        self.0.wording.due.get(language.into())
    }

    /// Whether it still hangs on missing facts: a person has to decide.
    async fn provisional(&self) -> bool {
        self.0.wording.provisional
    }

    /// Whether the law only asks for best efforts.
    async fn best_effort(&self) -> bool {
        self.0.wording.best_effort
    }

    async fn state(&self) -> DutyState {
        self.0.state.into()
    }

    /// Open although its last instant has passed.
    async fn overdue(&self, context: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(self.0.overdue(context.data::<Op>()?.at()))
    }

    async fn receipt(&self) -> Option<&str> {
        self.0.receipt.as_deref()
    }

    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Why it was done after its last instant.
    async fn late_reason(&self) -> Option<&str> {
        self.0.late_reason.as_deref()
    }

    async fn settled_at(&self) -> Option<Instant> {
        self.0.settled_at.map(Instant)
    }

    /// The assessment that last asked for it, or took it back.
    async fn assessment_id(&self) -> ID {
        id::encode("Assessment", self.0.tenant, self.0.assessment)
    }
}

/// A report that no law asked for.
#[derive(InputObject)]
pub struct VoluntaryReportInput {
    incident_id: ID,
    /// Rule pack, such as `jp-appi-26`.
    regime: String,
    /// `regulator`, `persons`, …
    recipient: String,
    title: String,
    /// Receipt number, or who filed it how.
    receipt: String,
    filed_at: Instant,
}

payload!(
    /// Result of `assessIncident`.
    AssessIncidentPayload, Assessment
);
payload!(
    /// Result of a change of a duty.
    DutyPayload, Duty
);

#[derive(Default)]
pub struct DutiesQuery;

#[Object]
impl DutiesQuery {
    /// The assessments of an incident, newest first; `before` is the number of the last one of the page before.
    async fn assessments(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        #[graphql(default = 20)] first: u32,
        before: Option<i32>,
    ) -> async_graphql::Result<Vec<Assessment>> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let op = context.data::<Op>()?;
        let found = duties::assessments(op, tenant, incident, before, u64::from(first)).await?;
        Ok(found.into_iter().map(Assessment::from).collect())
    }

    /// What an assessment would have said with the facts and the law known at an earlier instant. Stores nothing.
    async fn assessment_as_known(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        known_at: Instant,
    ) -> async_graphql::Result<AsKnown> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let op = context.data::<Op>()?;
        let (facts, assessment) = duties::assess_as_known(op, tenant, incident, known_at.0).await?;
        Ok(AsKnown::new(&facts, assessment))
    }

    /// The duties of an incident by regime and recipient.
    async fn duties(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        state: Option<DutyState>,
    ) -> async_graphql::Result<Vec<Duty>> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let found = duties::duties(context.data::<Op>()?, tenant, incident).await?;
        let wanted = state.map(duties::DutyState::from);
        Ok(found
            .into_iter()
            .filter(|duty| wanted.is_none_or(|state| duty.state == state))
            .map(Duty)
            .collect())
    }
}

#[derive(Default)]
pub struct DutiesMutation;

#[Object]
impl DutiesMutation {
    /// Evaluates every rule pack on what is known now and brings the duties up to date.
    async fn assess_incident(
        &self,
        context: &Context<'_>,
        incident_id: ID,
    ) -> async_graphql::Result<AssessIncidentPayload> {
        let result = async {
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            duties::assess(context.data_unchecked::<Op>(), tenant, incident).await
        };
        AssessIncidentPayload::from_result(result.await, Assessment::from)
    }

    /// Closes an open duty: done with a receipt, or waived with a reason. `at` is when it was done (now); what was done after its last
    /// instant wants a `lateReason`.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn settle_duty(
        &self,
        context: &Context<'_>,
        duty_id: ID,
        state: DutySettlement,
        receipt: Option<String>,
        reason: Option<String>,
        late_reason: Option<String>,
        at: Option<Instant>,
    ) -> async_graphql::Result<DutyPayload> {
        let result = async {
            let (tenant, duty) = id::decode("Duty", &duty_id, "dutyId")?;
            let at = at.map(|at| at.0);
            let settlement =
                Settlement { done: state == DutySettlement::Done, receipt, reason, late_reason, at };
            duties::settle_duty(context.data_unchecked::<Op>(), tenant, duty, settlement).await
        };
        DutyPayload::from_result(result.await, Duty)
    }

    /// Records a report that was made although no law asked for it.
    async fn record_voluntary_report(
        &self,
        context: &Context<'_>,
        input: VoluntaryReportInput,
    ) -> async_graphql::Result<DutyPayload> {
        let VoluntaryReportInput { incident_id, regime, recipient, title, receipt, filed_at } = input;
        let result = async {
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            let report = VoluntaryReport { regime, recipient, title, receipt, filed_at: filed_at.0 };
            duties::record_voluntary_report(context.data_unchecked::<Op>(), tenant, incident, report).await
        };
        DutyPayload::from_result(result.await, Duty)
    }
}

/// How the duties of an incident stand.
#[derive(SimpleObject)]
pub struct DutiesStanding {
    open: usize,
    overdue: usize,
    settled: usize,
    /// The next last instant of an open duty.
    next_due_at: Option<Instant>,
    /// Number of the latest assessment.
    assessment: Option<i32>,
    /// Differs whenever anything of the duties does: ask for them anew.
    mark: String,
}

impl From<duties::Standing> for DutiesStanding {
    fn from(standing: duties::Standing) -> Self {
        let duties::Standing { open, overdue, settled, next_due_at, assessment, mark } = standing;
        Self { open, overdue, settled, next_due_at: next_due_at.map(Instant), assessment, mark }
    }
}

#[derive(Default)]
pub struct DutiesSubscription;

#[Subscription]
impl DutiesSubscription {
    /// How the duties of an incident stand now, and again each time that this changes.
    async fn duties_changed(
        &self,
        context: &Context<'_>,
        incident_id: ID,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<DutiesStanding>> + use<>> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let asked = move |op: Op| async move { duties::standing(&op, tenant, incident).await };
        Ok(live::watch(context, asked, |_| false).map(|standing| standing.map(DutiesStanding::from)))
    }
}
