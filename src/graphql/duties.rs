//! Facts, assessments and duties.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::assessments::{AsKnown, Assessment};
use super::id;
use super::language::Language;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::duties::{self, NewFact, Settlement, VoluntaryReport};

/// How sure a fact is.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "law::Certainty")]
pub enum FactCertainty {
    /// Established.
    Confirmed,
    /// Feared or believed, not established.
    Suspected,
    /// Established not to be so.
    RuledOut,
}

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

/// A recorded fact. Nothing is ever overwritten.
pub struct Fact(duties::FactRecord);

#[Object]
impl Fact {
    async fn id(&self) -> ID {
        id::encode("Fact", self.0.tenant, self.0.id)
    }

    /// Name in the catalogue.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Name for people.
    async fn label(&self, language: Language) -> String {
        let def = law::find_fact(&self.0.name);
        def.map_or_else(|| self.0.name.clone(), |def| label_of(def, language).to_owned())
    }

    /// The value as JSON text: `"unknown"`, `{"known": …}` or `{"range": …}`; `null` for a withdrawal.
    async fn value(&self) -> String {
        self.0.value_json()
    }

    async fn certainty(&self) -> FactCertainty {
        self.0.certainty.into()
    }

    /// Since when it is true.
    async fn valid_at(&self) -> Instant {
        self.0.valid_at.into()
    }

    /// Since when it is known.
    async fn recorded_at(&self) -> Instant {
        self.0.recorded_at.into()
    }

    /// What it rests on. Begins with `suimon:` where the service took it over by itself.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// Whether the service took it over by itself.
    async fn automatic(&self) -> bool {
        self.0.automatic()
    }

    /// Whether it counts.
    async fn current(&self) -> bool {
        self.0.current
    }

    /// The record whose place it took.
    async fn supersedes(&self) -> Option<ID> {
        self.0.supersedes.map(|earlier| id::encode("Fact", self.0.tenant, earlier))
    }
}

fn label_of(def: &law::FactDef, language: Language) -> &'static str {
    match language {
        Language::Ja => def.ja,
        Language::En => def.en,
    }
}

/// A fact that rule packs and facts records may name.
pub struct CatalogueFact(&'static law::FactDef);

#[Object]
impl CatalogueFact {
    /// A name that ends in `.` is a family: a code follows.
    async fn name(&self) -> &str {
        self.0.name
    }

    async fn label(&self, language: Language) -> &str {
        label_of(self.0, language)
    }

    /// `flag`, `count`, `moment`, `choice`, `set`, `codes` or `text`.
    async fn kind(&self) -> &str {
        match self.0.kind {
            law::FactKind::Flag => "flag",
            law::FactKind::Count => "count",
            law::FactKind::Moment => "moment",
            law::FactKind::Choice(_) => "choice",
            law::FactKind::Set(_) => "set",
            law::FactKind::Codes => "codes",
            law::FactKind::Text => "text",
        }
    }

    /// The words of a choice or set.
    async fn words(&self) -> Vec<&str> {
        match self.0.kind {
            law::FactKind::Choice(words) | law::FactKind::Set(words) => words.to_vec(),
            _ => Vec::new(),
        }
    }
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

    async fn settled_at(&self) -> Option<Instant> {
        self.0.settled_at.map(Instant)
    }

    /// The assessment that last asked for it, or took it back.
    async fn assessment_id(&self) -> ID {
        id::encode("Assessment", self.0.tenant, self.0.assessment)
    }
}

/// A fact to record.
#[derive(InputObject)]
pub struct RecordFactInput {
    incident_id: ID,
    /// Name in the catalogue.
    name: String,
    /// The value as JSON text: bare (`339`, `"private"`, `["JP"]`, `true`), `"unknown"`, or
    /// `{"range": {"min": 0, "max": 358}}`.
    value: String,
    #[graphql(default_with = "FactCertainty::Confirmed")]
    certainty: FactCertainty,
    /// Since when it is true; now, when not given.
    valid_at: Option<Instant>,
    /// What it rests on. Never personal data.
    source: String,
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
    /// Result of `recordFact` and `withdrawFact`.
    FactPayload, Fact
);
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
    /// Every fact recorded of an incident until `knownAt` (now), oldest first; those that count are marked.
    async fn facts(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        known_at: Option<Instant>,
        #[graphql(default = false)] current_only: bool,
    ) -> async_graphql::Result<Vec<Fact>> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let op = context.data::<Op>()?;
        let facts = duties::facts(op, tenant, incident, known_at.map(|at| at.0)).await?;
        Ok(facts.into_iter().filter(|fact| fact.current || !current_only).map(Fact).collect())
    }

    /// The facts that can be recorded.
    async fn fact_catalogue(&self, context: &Context<'_>) -> async_graphql::Result<Vec<CatalogueFact>> {
        let catalogue = duties::fact_catalogue(context.data::<Op>()?).await?;
        Ok(catalogue.iter().map(CatalogueFact).collect())
    }

    /// The assessments of an incident, newest first.
    async fn assessments(
        &self,
        context: &Context<'_>,
        incident_id: ID,
    ) -> async_graphql::Result<Vec<Assessment>> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let found = duties::assessments(context.data::<Op>()?, tenant, incident).await?;
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
    /// Records a fact. It takes the place of the one before it; nothing is overwritten.
    async fn record_fact(
        &self,
        context: &Context<'_>,
        input: RecordFactInput,
    ) -> async_graphql::Result<FactPayload> {
        let RecordFactInput { incident_id, name, value, certainty, valid_at, source } = input;
        let result = async {
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            let valid_at = valid_at.map(|at| at.0);
            let new = NewFact { name, value: Some(value), certainty: certainty.into(), valid_at, source };
            duties::record_fact(context.data_unchecked::<Op>(), tenant, incident, new).await
        };
        FactPayload::from_result(result.await, Fact)
    }

    /// Takes back what officers recorded under a name: the service's own fact counts again, where there is one.
    async fn withdraw_fact(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        name: String,
        source: String,
    ) -> async_graphql::Result<FactPayload> {
        let result = async {
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            let certainty = law::Certainty::Confirmed;
            let new = NewFact { name, value: None, certainty, valid_at: None, source };
            duties::record_fact(context.data_unchecked::<Op>(), tenant, incident, new).await
        };
        FactPayload::from_result(result.await, Fact)
    }

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

    /// Closes an open duty: done with a receipt, or waived with a reason. `at` is when it was done (now).
    async fn settle_duty(
        &self,
        context: &Context<'_>,
        duty_id: ID,
        state: DutySettlement,
        receipt: Option<String>,
        reason: Option<String>,
        at: Option<Instant>,
    ) -> async_graphql::Result<DutyPayload> {
        let result = async {
            let (tenant, duty) = id::decode("Duty", &duty_id, "dutyId")?;
            let at = at.map(|at| at.0);
            let settlement = Settlement { done: state == DutySettlement::Done, receipt, reason, at };
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
