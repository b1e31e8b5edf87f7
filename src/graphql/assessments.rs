//! Assessments with their decisions, as clients see them.

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::duties::DeadlineNature;
use super::facts::FactCertainty;
use super::id;
use super::language::Language;
use super::scalars::Instant;
use crate::duties;

/// Outcome of a rule pack for one recipient.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "law::Outcome")]
pub enum LegalOutcome {
    /// The duty exists.
    Must,
    /// A person has to decide: a fact or a rule is missing.
    NeedsReview,
    /// The law asks for best efforts.
    BestEffort,
    /// The duty would exist, but an exemption applies.
    Exempt,
    /// The law applies and asks for nothing here.
    NotRequired,
    /// The law does not bind this organisation, place or time.
    OutOfScope,
}

/// State of a computed deadline.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "law::DeadlineStatus")]
pub enum DeadlineStatus {
    /// There is an end.
    Computed,
    /// The text gives no date.
    Open,
    /// The start has not happened or is only suspected.
    NotStarted,
    /// The end could not be computed; a person has to.
    NeedsReview,
    /// Held up, for instance at the request of law enforcement; the end says until when as far as that is known.
    Suspended,
}

/// Why a fact could still change the outcome.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "law::Missing")]
pub enum MissingReason {
    Unknown,
    Range,
    Suspected,
}

/// One evaluation of all rule packs. Never overwritten.
pub struct Assessment(duties::Assessment);

impl From<duties::Assessment> for Assessment {
    fn from(assessment: duties::Assessment) -> Self {
        Self(assessment)
    }
}

#[Object]
impl Assessment {
    async fn id(&self) -> ID {
        id::encode("Assessment", self.0.tenant, self.0.id)
    }

    /// Counts from 1 in the incident.
    async fn number(&self) -> i32 {
        self.0.number
    }

    async fn evaluated_at(&self) -> Instant {
        self.0.evaluated_at.into()
    }

    /// The revision of the affected list whose numbers were used.
    async fn revision_id(&self) -> Option<ID> {
        self.0.revision.map(|revision| id::encode("Revision", self.0.tenant, revision))
    }

    /// SHA-256 over facts and decisions as stored.
    async fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The facts used, as they were known then.
    async fn facts(&self) -> Vec<UsedFact> {
        used_facts(&self.0.facts)
    }

    /// What binds or may bind, what asks for most first; laws that do not bind only where asked for, at the end. `regime`: that one,
    /// whether it binds or not.
    async fn decisions(
        &self,
        regime: Option<String>,
        #[graphql(default = false)] out_of_scope: bool,
    ) -> Vec<LegalDecision> {
        decisions(&self.0.decisions, regime.as_deref(), out_of_scope)
    }

    /// How many laws do not bind here.
    async fn out_of_scope_count(&self) -> usize {
        duties::out_of_scope(&self.0.decisions).len()
    }

    /// Counts that are near to a number from which a duty exists.
    async fn early_warnings(&self) -> Vec<EarlyWarning> {
        let warnings = duties::early_warnings(&self.0.facts, &self.0.decisions);
        warnings.into_iter().map(EarlyWarning).collect()
    }

    /// Facts used that cannot be true together.
    async fn contradictions(&self, language: Language) -> Vec<Contradiction> {
        contradictions(&self.0.facts, language)
    }
}

/// A count that is near to a number from which a duty exists.
pub struct EarlyWarning(pub duties::EarlyWarning);

#[Object]
impl EarlyWarning {
    /// Rule pack, such as `jp-appi-26`.
    async fn regime(&self) -> &str {
        &self.0.regime
    }

    /// Name in the catalogue.
    async fn fact(&self) -> &str {
        &self.0.fact
    }

    async fn label(&self, language: Language) -> &str {
        self.0.label.get(language.into())
    }

    async fn clause(&self, language: Language) -> Option<&str> {
        self.0.clause.as_ref().map(|clause| clause.get(language.into()))
    }

    /// The most that the count may be.
    async fn count(&self) -> u64 {
        self.0.count
    }

    /// From which number on the duty exists.
    async fn reached_at(&self) -> u64 {
        self.0.reached_at
    }
}

/// Facts that cannot be true together.
#[derive(SimpleObject)]
pub struct Contradiction {
    facts: Vec<String>,
    text: String,
}

fn contradictions(facts: &law::Facts, language: Language) -> Vec<Contradiction> {
    facts
        .contradictions()
        .into_iter()
        .map(|found| Contradiction { text: found.text.get(language.into()).to_owned(), facts: found.facts })
        .collect()
}

/// What an assessment would have said at an earlier instant.
pub struct AsKnown {
    facts: Vec<UsedFact>,
    assessment: law::Assessment,
}

impl AsKnown {
    /// From the facts used and what the engine answered.
    pub fn new(facts: &law::Facts, assessment: law::Assessment) -> Self {
        Self { facts: used_facts(facts), assessment }
    }
}

#[Object]
impl AsKnown {
    async fn facts(&self) -> &[UsedFact] {
        &self.facts
    }

    /// As of an assessment.
    async fn decisions(
        &self,
        regime: Option<String>,
        #[graphql(default = false)] out_of_scope: bool,
    ) -> Vec<LegalDecision> {
        decisions(&self.assessment.decisions, regime.as_deref(), out_of_scope)
    }

    /// How many laws do not bind here.
    async fn out_of_scope_count(&self) -> usize {
        duties::out_of_scope(&self.assessment.decisions).len()
    }
}

fn decisions(all: &[law::Decision], regime: Option<&str>, out_of_scope: bool) -> Vec<LegalDecision> {
    let shown: Vec<&law::Decision> = match regime {
        Some(id) => all.iter().filter(|decision| decision.regime == id).collect(),
        None if out_of_scope => {
            let mut shown = duties::binding_first(all);
            shown.extend(duties::out_of_scope(all));
            shown
        }
        None => duties::binding_first(all),
    };
    shown.into_iter().cloned().map(LegalDecision).collect()
}

fn used_facts(facts: &law::Facts) -> Vec<UsedFact> {
    facts
        .iter()
        .map(|(name, fact)| UsedFact {
            name: name.to_owned(),
            value: fact.value.to_string(),
            certainty: fact.certainty.into(),
            source: fact.source.clone(),
        })
        .collect()
}

/// A fact as an assessment saw it.
#[derive(SimpleObject, Clone)]
pub struct UsedFact {
    name: String,
    value: String,
    certainty: FactCertainty,
    source: Option<String>,
}

/// A decision under one regime.
pub struct LegalDecision(law::Decision);

#[Object]
impl LegalDecision {
    /// Rule pack, such as `jp-appi-26`.
    async fn regime(&self) -> &str {
        &self.0.regime
    }

    /// Version of the pack that was applied.
    async fn pack_id(&self) -> &str {
        &self.0.pack_id
    }

    async fn jurisdiction(&self) -> &str {
        &self.0.jurisdiction
    }

    async fn title(&self, language: Language) -> &str {
        self.0.title.get(language.into())
    }

    /// Report to the authority.
    async fn outcome_regulator(&self) -> LegalOutcome {
        self.0.regulator.into()
    }

    /// Notice to the persons.
    async fn outcome_persons(&self) -> LegalOutcome {
        self.0.persons.into()
    }

    /// Other recipients.
    async fn outcome_others(&self) -> Vec<OtherOutcome> {
        let other =
            |o: &law::Other| OtherOutcome { recipient: o.recipient.clone(), outcome: o.outcome.into() };
        self.0.others.iter().map(other).collect()
    }

    /// Clauses that are met.
    async fn matched_clauses(&self, language: Language) -> Vec<&str> {
        self.0.matched_clauses.iter().map(|clause| clause.get(language.into())).collect()
    }

    /// Facts that could change the outcome.
    async fn missing_facts(&self) -> Vec<MissingFact> {
        self.0.missing_facts.iter().cloned().map(MissingFact).collect()
    }

    /// Every deadline of every duty.
    async fn deadlines(&self) -> Vec<Deadline> {
        self.0.deadlines().map(|(duty, deadline)| Deadline(duty.clone(), deadline.clone())).collect()
    }

    /// Remarks for the reader, such as what remains possible where nothing is required.
    async fn notes(&self, language: Language) -> Vec<&str> {
        self.0.notes.iter().map(|note| note.get(language.into())).collect()
    }

    /// Rules on which the decision rests although their text was not verified: clause, or the rule's id.
    async fn caveats(&self, language: Language) -> Vec<&str> {
        self.0
            .caveats
            .iter()
            .map(|caveat| caveat.clause.as_ref().map_or(caveat.rule_id.as_str(), |c| c.get(language.into())))
            .collect()
    }

    /// Every rule that was asked, one a line, indented, down to the clause.
    async fn trace(&self, language: Language) -> String {
        self.0.trace.to_prose(language.into())
    }

    /// The whole decision in words.
    async fn prose(&self, language: Language) -> String {
        self.0.to_prose(language.into())
    }
}

/// Outcome for a recipient besides authority and persons.
#[derive(SimpleObject)]
pub struct OtherOutcome {
    recipient: String,
    outcome: LegalOutcome,
}

/// A fact that could change the outcome.
pub struct MissingFact(law::MissingFact);

#[Object]
impl MissingFact {
    /// Name in the catalogue.
    async fn fact(&self) -> &str {
        &self.0.fact
    }

    async fn reason(&self) -> MissingReason {
        self.0.reason.into()
    }

    async fn label(&self, language: Language) -> &str {
        self.0.label.get(language.into())
    }
}

/// A deadline of a duty.
pub struct Deadline(law::DutyDecision, law::DeadlineDecision);

#[Object]
impl Deadline {
    /// Duty and deadline within the pack, such as `regulator.final`.
    async fn kind(&self) -> String {
        format!("{}.{}", self.0.id, self.1.id)
    }

    async fn label(&self, language: Language) -> &str {
        self.1.label.get(language.into())
    }

    async fn clause(&self, language: Language) -> &str {
        self.1.clause.get(language.into())
    }

    async fn nature(&self) -> DeadlineNature {
        duties::Nature::from(self.1.nature).into()
    }

    async fn status(&self) -> DeadlineStatus {
        self.1.status.into()
    }

    /// The last day or instant, as the law counts it.
    async fn due(&self) -> Option<String> {
        self.1.due.as_ref().map(law::Due::show)
    }

    /// The last instant at which it is still met.
    async fn due_at(&self) -> Option<Instant> {
        self.1.due.as_ref().map(|due| Instant(due.ends_at()))
    }

    /// First day of a guidance window.
    async fn window_opens(&self) -> Option<String> {
        self.1.window_opens.as_ref().map(law::Due::show)
    }

    /// Whether it still hangs on missing facts.
    async fn provisional(&self) -> bool {
        self.1.provisional
    }

    /// The computation in steps.
    async fn computation(&self, language: Language) -> Vec<&str> {
        self.1.computation.iter().map(|step| step.get(language.into())).collect()
    }
}
