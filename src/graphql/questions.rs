//! Which fact to find out next, and what an answer would change.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::assessments::{EarlyWarning, LegalOutcome};
use super::facts::NewFactInput;
use super::id;
use super::language::Language;
use super::scalars::Instant;
use crate::access::Op;
use crate::duties;

/// A fact that is worth finding out: some answer changes an outcome or a deadline, or spares another question.
pub struct Question(pub law::Question);

#[Object]
impl Question {
    /// Name in the catalogue.
    async fn fact(&self) -> &str {
        &self.0.fact
    }

    /// Name for people.
    async fn label(&self, language: Language) -> &str {
        self.0.label.get(language.into())
    }

    /// `flag`, `count`, `moment`, `choice`, `set`, `codes` or `text`.
    async fn kind(&self) -> &str {
        super::facts::kind_of(self.0.kind)
    }

    /// The words of a choice or set.
    async fn words(&self) -> Vec<&str> {
        super::facts::words_of(self.0.kind)
    }

    /// The outcomes that an answer can change.
    async fn unknown_outcomes(&self) -> Vec<UnknownOutcome> {
        self.0.outcomes.iter().cloned().map(UnknownOutcome).collect()
    }

    /// How many deadlines an answer can change.
    async fn deadlines(&self) -> usize {
        self.0.deadlines
    }

    /// How much hangs on it; the list is sorted by this.
    async fn weight(&self) -> u32 {
        self.0.weight
    }
}

/// An outcome that an answer can change.
pub struct UnknownOutcome(law::OpenOutcome);

#[Object]
impl UnknownOutcome {
    /// Rule pack, such as `jp-appi-26`.
    async fn regime(&self) -> &str {
        &self.0.regime
    }

    async fn title(&self, language: Language) -> &str {
        self.0.title.get(language.into())
    }

    /// `regulator`, `persons`, …
    async fn recipient(&self) -> &str {
        &self.0.recipient
    }

    /// What it may become.
    async fn may_become(&self) -> Vec<LegalOutcome> {
        self.0.may_become.iter().copied().map(LegalOutcome::from).collect()
    }
}

/// What would differ from the latest assessment.
pub struct WhatIf(duties::WhatIf);

#[Object]
impl WhatIf {
    /// Number of the assessment that it is compared with; null when there was none yet.
    async fn assessment(&self) -> Option<i32> {
        self.0.assessment
    }

    async fn outcomes(&self, language: Language) -> Vec<OutcomeChange> {
        let change = |change: &duties::OutcomeChange| OutcomeChange {
            regime: change.regime.clone(),
            title: change.title.get(language.into()).to_owned(),
            recipient: change.recipient.clone(),
            before: change.before.map(Into::into),
            after: change.after.into(),
        };
        self.0.outcomes.iter().map(change).collect()
    }

    async fn deadlines(&self, language: Language) -> Vec<DeadlineChange> {
        let change = |change: &duties::DeadlineChange| DeadlineChange {
            regime: change.regime.clone(),
            kind: change.kind.clone(),
            label: change.label.get(language.into()).to_owned(),
            before: change.before.as_ref().map(law::Due::show),
            before_at: change.before.as_ref().map(|due| Instant(due.ends_at())),
            after: change.after.as_ref().map(law::Due::show),
            after_at: change.after.as_ref().map(|due| Instant(due.ends_at())),
        };
        self.0.deadlines.iter().map(change).collect()
    }

    /// Counts that would be near to a number from which a duty exists.
    async fn early_warnings(&self) -> Vec<EarlyWarning> {
        self.0.early_warnings.iter().cloned().map(EarlyWarning).collect()
    }
}

/// An outcome that would differ.
#[derive(SimpleObject)]
pub struct OutcomeChange {
    /// Rule pack, such as `jp-appi-26`.
    regime: String,
    title: String,
    /// `regulator`, `persons`, …
    recipient: String,
    before: Option<LegalOutcome>,
    after: LegalOutcome,
}

/// A deadline that would differ; null where there is none.
#[derive(SimpleObject)]
pub struct DeadlineChange {
    /// Rule pack, such as `jp-appi-26`.
    regime: String,
    /// Duty and deadline within the pack, such as `regulator.final`.
    kind: String,
    label: String,
    before: Option<String>,
    before_at: Option<Instant>,
    after: Option<String>,
    after_at: Option<Instant>,
}

#[derive(Default)]
pub struct QuestionsQuery;

#[Object]
impl QuestionsQuery {
    /// What would differ from the latest assessment with these facts in place of what is known. Stores nothing.
    #[graphql(complexity = "100 + child_complexity")]
    async fn what_if(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        facts: Vec<NewFactInput>,
    ) -> async_graphql::Result<WhatIf> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let facts = facts.into_iter().map(Into::into).collect();
        Ok(WhatIf(duties::what_if(context.data_unchecked::<Op>(), tenant, incident, facts).await?))
    }
}
