//! What can be done with affected lists.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::enforcement::CreateRevisionFromEnforcementLogInput;
use super::types::{ExposureClass, Revision, RevisionMethod};
use crate::access::{Action, Op};
use crate::error::{Error, Result};
use crate::graphql::id;
use crate::graphql::incidents::{may, row};
use crate::graphql::problem::payload;
use crate::graphql::scalars::Instant;
use crate::incidents::affected::model::{Evidence, Inputs};
use crate::incidents::affected::{
    Addition, Correction, NewPerson, NewRevision, Received, Removal, approve_revision, correct_revision,
    create_from_enforcement_log, create_revision, receive_people,
};

/// What a log line shows.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "exposure::EvidenceKind")]
pub enum EvidenceKind {
    Login,
    FailedLogin,
    OriginRequest,
    EdgeRequest,
}

#[derive(InputObject)]
pub struct EvidenceLineInput {
    at: Instant,
    what: EvidenceKind,
    /// Name of the log.
    input: String,
    /// From 1.
    line: u64,
}

/// A person at a tenant.
#[derive(InputObject)]
pub struct RevisionPersonInput {
    /// Short name of the tenant; left out when the logs name none.
    tenant: Option<String>,
    /// The system's pseudonym for the person; never an address or a name.
    person: String,
    /// Record type, such as `applicant`.
    kind: Option<String>,
    class: ExposureClass,
    first_at: Option<Instant>,
    last_at: Option<Instant>,
    #[graphql(default)]
    requests: i64,
    #[graphql(default)]
    logins: i64,
    #[graphql(default)]
    routes: Vec<String>,
    /// Log lines that count, in all; the number of `evidence`, when left out.
    evidence_total: Option<u64>,
    /// The first of them, at most 50.
    #[graphql(default)]
    evidence: Vec<EvidenceLineInput>,
    /// Of a reconstruction: answers of caches that may have been this person's page, at most 50.
    #[graphql(default)]
    answers: Vec<KeptAnswerInput>,
}

/// An answer that came from a cache and may have been a person's page.
#[derive(InputObject)]
pub struct KeptAnswerInput {
    /// CONFIRMED, POSSIBLE or SELF_ONLY.
    says: ExposureClass,
    at: Instant,
    route: String,
    /// Ids of the people who may have got it; empty when nobody knows.
    #[graphql(default)]
    viewers: Vec<String>,
    /// How many people's page it may have been.
    candidates: u64,
    /// Name of the edge's log.
    input: String,
    /// From 1.
    line: u64,
}

impl From<KeptAnswerInput> for exposure::KeptAnswer {
    fn from(answer: KeptAnswerInput) -> Self {
        let KeptAnswerInput { says, at, route, viewers, candidates, input, line } = answer;
        let says = match says {
            ExposureClass::Confirmed => exposure::Exposure::Confirmed,
            ExposureClass::Possible => exposure::Exposure::Possible,
            ExposureClass::Indeterminate => exposure::Exposure::Indeterminate,
            ExposureClass::SelfOnly => exposure::Exposure::SelfOnly,
            ExposureClass::Excluded => exposure::Exposure::Excluded,
        };
        Self { says, at: at.0, route, viewers, candidates, input, line }
    }
}

impl From<RevisionPersonInput> for NewPerson {
    fn from(input: RevisionPersonInput) -> Self {
        let RevisionPersonInput {
            tenant,
            person,
            kind,
            class,
            first_at,
            last_at,
            requests,
            logins,
            routes,
            evidence_total,
            evidence,
            answers,
        } = input;
        let line = |EvidenceLineInput { at, what, input, line }| exposure::Evidence {
            at: at.0,
            what: what.into(),
            input,
            line,
        };
        Self {
            tenant,
            person,
            kind,
            class: class.into(),
            first_at: first_at.map(|at| at.0),
            last_at: last_at.map(|at| at.0),
            requests,
            logins,
            evidence: Evidence {
                routes,
                total: evidence_total.unwrap_or(evidence.len() as u64),
                lines: evidence.into_iter().map(line).collect(),
                answers: answers.into_iter().map(Into::into).collect(),
                ..Evidence::default()
            },
        }
    }
}

/// A list, or a batch of it. The first batch names reason, parameters and inputs; further ones name `revisionId`.
#[derive(InputObject)]
pub struct CreateRevisionInput {
    incident_id: ID,
    /// From the answer to the first batch.
    revision_id: Option<ID>,
    reason: Option<String>,
    method: Option<RevisionMethod>,
    /// The `query` of the scan's result.
    parameters: Option<Json<Value>>,
    /// The `inputs` of the scan's result.
    inputs: Option<Json<Value>>,
    /// `coverage`, `unattributed`, `not_counted`, `skew` and `border` of the scan's result.
    completeness: Option<Json<Value>>,
    /// The `reconstruction` of the result without its `people`; with method RECONSTRUCTION.
    reconstruction: Option<Json<Value>>,
    /// At most 1000.
    people: Vec<RevisionPersonInput>,
    /// The list is complete with this batch. Before that it is no revision and nobody sees it.
    last: bool,
}

#[derive(InputObject)]
pub struct AddPersonInput {
    /// Short name of the tenant.
    tenant: String,
    person: String,
    kind: String,
    reason: String,
}

#[derive(InputObject)]
pub struct RemovePersonInput {
    tenant: String,
    person: String,
    reason: String,
}

#[derive(InputObject)]
pub struct CorrectRevisionInput {
    incident_id: ID,
    base_revision_id: ID,
    #[graphql(default)]
    add: Vec<AddPersonInput>,
    #[graphql(default)]
    remove: Vec<RemovePersonInput>,
    reason: String,
}

/// How far a list has come in.
#[derive(SimpleObject)]
pub struct RevisionReceived {
    /// Names the list in the next batch.
    revision_id: ID,
    /// Entries so far.
    received: u64,
    /// The revision, once the last batch is in.
    revision: Option<Revision>,
}

payload!(
    /// Result of `createRevision`.
    CreateRevisionPayload, RevisionReceived
);
payload!(
    /// Result of a change of an affected list.
    RevisionPayload, Revision
);

fn document<T: DeserializeOwned>(field: &str, given: Option<Json<Value>>) -> Result<T> {
    let Some(Json(value)) = given else {
        return Err(Error::invalid(field, "is needed with the first batch"));
    };
    // serde's text may quote what it found; a field name and the remedy are enough.
    serde_json::from_value(value).map_err(|_| {
        Error::invalid(field, "is not what a scan gives")
            .remedy("send it as `suimon exposure scan` or `reconstruct` printed it")
    })
}

async fn create(op: &Op, input: CreateRevisionInput) -> Result<Received> {
    let CreateRevisionInput {
        incident_id,
        revision_id,
        reason,
        method,
        parameters,
        inputs,
        completeness,
        reconstruction,
        people,
        last,
    } = input;
    let incident = row("Incident", &incident_id, "incidentId")?;
    let people = people.into_iter().map(NewPerson::from).collect();
    if let Some(revision) = revision_id {
        let again = reason.is_some()
            || parameters.is_some()
            || inputs.is_some()
            || completeness.is_some()
            || reconstruction.is_some();
        if again {
            return Err(Error::invalid("revisionId", "names a list whose head was sent already").remedy(
                "send reason, parameters, inputs, completeness and reconstruction with the first batch only",
            ));
        }
        let revision = row("Revision", &revision, "revisionId")?;
        return receive_people(op, incident, revision, people, last).await;
    }
    match method {
        Some(RevisionMethod::Manual) => {
            return Err(Error::invalid("method", "cannot be MANUAL here").remedy("use correctRevision"));
        }
        Some(RevisionMethod::EnforcementLog) => {
            return Err(Error::invalid("method", "cannot be ENFORCEMENT_LOG here")
                .remedy("use createRevisionFromEnforcementLog"));
        }
        Some(RevisionMethod::Reconstruction) if reconstruction.is_none() => {
            return Err(Error::invalid("reconstruction", "is needed with the first batch of this method"));
        }
        None | Some(RevisionMethod::Window) if reconstruction.is_some() => {
            return Err(Error::invalid("method", "is not RECONSTRUCTION, but `reconstruction` is given"));
        }
        _ => {}
    }
    let completeness = match completeness {
        None => None,
        given => Some(document("completeness", given)?),
    };
    let reconstruction = match reconstruction {
        None => None,
        given => Some(document("reconstruction", given)?),
    };
    let new = NewRevision {
        reason: reason.ok_or_else(|| Error::invalid("reason", "is needed with the first batch"))?,
        query: document("parameters", parameters)?,
        inputs: Inputs {
            inputs: document("inputs", inputs)?,
            completeness,
            reconstruction,
            ..Inputs::default()
        },
    };
    create_revision(op, incident, new, people, last).await
}

#[derive(Default)]
pub struct ExposureMutation;

#[Object]
impl ExposureMutation {
    /// Stores the result of a scan as an affected list, whole or by batches. Counts are computed here.
    async fn create_revision(
        &self,
        context: &Context<'_>,
        input: CreateRevisionInput,
    ) -> async_graphql::Result<CreateRevisionPayload> {
        let result = async {
            let op = may(context, Action::Create, "revision", "incident").await?;
            create(op, input).await
        };
        CreateRevisionPayload::from_result(result.await, |received| RevisionReceived {
            revision_id: id::encode("Revision", received.id.tenant, received.id.id),
            received: received.received,
            revision: received.revision.map(Revision),
        })
    }

    /// Makes an affected list of those whose data was read through this service: by accounts in wrong hands, or by a rule that was too wide.
    #[graphql(complexity = 500)]
    async fn create_revision_from_enforcement_log(
        &self,
        context: &Context<'_>,
        input: CreateRevisionFromEnforcementLogInput,
    ) -> async_graphql::Result<RevisionPayload> {
        let result = async {
            let op = may(context, Action::Create, "revision", "incident").await?;
            let incident = row("Incident", &input.incident_id, "incidentId")?;
            create_from_enforcement_log(op, incident, input.list()?).await
        };
        RevisionPayload::from_result(result.await, Revision)
    }

    /// Makes the next revision from an earlier one, with a reason for each person.
    async fn correct_revision(
        &self,
        context: &Context<'_>,
        input: CorrectRevisionInput,
    ) -> async_graphql::Result<RevisionPayload> {
        let result = async {
            let op = may(context, Action::Create, "revision", "incident").await?;
            let CorrectRevisionInput { incident_id, base_revision_id, add, remove, reason } = input;
            let addition =
                |AddPersonInput { tenant, person, kind, reason }| Addition { tenant, person, kind, reason };
            let removal = |RemovePersonInput { tenant, person, reason }| Removal { tenant, person, reason };
            let correction = Correction {
                base: row("Revision", &base_revision_id, "baseRevisionId")?,
                add: add.into_iter().map(addition).collect(),
                remove: remove.into_iter().map(removal).collect(),
                reason,
            };
            correct_revision(op, row("Incident", &incident_id, "incidentId")?, correction).await
        };
        RevisionPayload::from_result(result.await, Revision)
    }

    /// Approves a revision: it is frozen, and notices go by it. Not for its author.
    async fn approve_revision(
        &self,
        context: &Context<'_>,
        revision_id: ID,
    ) -> async_graphql::Result<RevisionPayload> {
        let result = async {
            let op = may(context, Action::Approve, "revision", "revision").await?;
            approve_revision(op, row("Revision", &revision_id, "revisionId")?).await
        };
        RevisionPayload::from_result(result.await, Revision)
    }
}
