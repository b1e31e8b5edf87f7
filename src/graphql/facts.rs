//! Facts.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::id;
use super::language::Language;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::duties::{self, NewFact};

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
        duties::fact_label(&self.0.name).get(language.into()).to_owned()
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
        kind_of(self.0.kind)
    }

    /// The words of a choice or set.
    async fn words(&self) -> Vec<&str> {
        words_of(self.0.kind)
    }
}

/// The type of a fact, as clients see it.
pub fn kind_of(kind: law::FactKind) -> &'static str {
    match kind {
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
pub fn words_of(kind: law::FactKind) -> Vec<&'static str> {
    match kind {
        law::FactKind::Choice(words) | law::FactKind::Set(words) => words.to_vec(),
        _ => Vec::new(),
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

/// One of several facts to record, or a withdrawal.
#[derive(InputObject)]
pub struct NewFactInput {
    /// Name in the catalogue.
    name: String,
    /// The value as of `RecordFactInput`; `null` takes back what officers recorded under the name.
    value: Option<String>,
    #[graphql(default_with = "FactCertainty::Confirmed")]
    certainty: FactCertainty,
    /// Since when it is true; now, when not given.
    valid_at: Option<Instant>,
    /// What it rests on. Never personal data.
    source: String,
}

impl From<NewFactInput> for NewFact {
    fn from(input: NewFactInput) -> Self {
        let NewFactInput { name, value, certainty, valid_at, source } = input;
        Self { name, value, certainty: certainty.into(), valid_at: valid_at.map(|at| at.0), source }
    }
}

/// Facts that were recorded together.
#[derive(SimpleObject)]
pub struct RecordedFacts {
    facts: Vec<Fact>,
}

payload!(
    /// Result of `recordFact` and `withdrawFact`.
    FactPayload, Fact
);
payload!(
    /// Result of `recordFacts`.
    RecordFactsPayload, RecordedFacts
);

#[derive(Default)]
pub struct FactsQuery;

#[Object]
impl FactsQuery {
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
}

#[derive(Default)]
pub struct FactsMutation;

#[Object]
impl FactsMutation {
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

    /// Records several facts, all or none; they may correct one another. A fault names its place, such as `facts[2].value`.
    async fn record_facts(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        facts: Vec<NewFactInput>,
    ) -> async_graphql::Result<RecordFactsPayload> {
        let result = async {
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            let facts = facts.into_iter().map(NewFact::from).collect();
            duties::record_facts(context.data_unchecked::<Op>(), tenant, incident, facts).await
        };
        RecordFactsPayload::from_result(result.await, |facts| RecordedFacts {
            facts: facts.into_iter().map(Fact).collect(),
        })
    }
}
