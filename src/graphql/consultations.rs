//! Consultations of authorities.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::id;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::duties::{self, NewConsultation};

/// How an authority sees an incident.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::duties::AuthorityView")]
pub enum AuthorityView {
    /// It is to be reported.
    Reportable,
    /// It need not be reported.
    NotReportable,
}

/// An authority that was asked. Never changed; a correction is one more.
#[derive(SimpleObject)]
pub struct Consultation {
    id: ID,
    /// Rule pack, such as `jp-appi-26`.
    regime: String,
    at: Instant,
    /// Section or function of the authority.
    with_whom: String,
    summary: String,
    /// What the authority thinks; null where it did not say.
    view: Option<AuthorityView>,
    /// Number of the entry of the timeline that tells of it.
    entry: i32,
    recorded_at: Instant,
}

impl From<duties::Consultation> for Consultation {
    fn from(found: duties::Consultation) -> Self {
        let duties::Consultation {
            tenant,
            id,
            incident: _,
            regime,
            at,
            with_whom,
            summary,
            view,
            entry,
            recorded_at,
            author: _,
        } = found;
        Self {
            id: id::encode("Consultation", tenant, id),
            regime,
            at: at.into(),
            with_whom,
            summary,
            view: view.map(Into::into),
            entry,
            recorded_at: recorded_at.into(),
        }
    }
}

/// A consultation to record.
#[derive(InputObject)]
pub struct RecordConsultationInput {
    incident_id: ID,
    /// Rule pack, such as `jp-appi-26`.
    regime: String,
    at: Instant,
    /// Section or function of the authority; never a name.
    with_whom: String,
    /// What was asked and answered. Never personal data.
    summary: String,
    /// What the authority thinks, where it said so: it becomes the fact `process.authority_view.<regime>`.
    view: Option<AuthorityView>,
}

payload!(
    /// Result of `recordConsultation`.
    ConsultationPayload, Consultation
);

#[derive(Default)]
pub struct ConsultationsQuery;

#[Object]
impl ConsultationsQuery {
    /// The consultations of authorities about an incident, oldest first.
    async fn consultations(
        &self,
        context: &Context<'_>,
        incident_id: ID,
    ) -> async_graphql::Result<Vec<Consultation>> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let found = duties::consultations(context.data_unchecked::<Op>(), tenant, incident).await?;
        Ok(found.into_iter().map(Consultation::from).collect())
    }
}

#[derive(Default)]
pub struct ConsultationsMutation;

#[Object]
impl ConsultationsMutation {
    /// Records that an authority was consulted: an entry of the timeline, and a fact where it gave its view.
    async fn record_consultation(
        &self,
        context: &Context<'_>,
        input: RecordConsultationInput,
    ) -> async_graphql::Result<ConsultationPayload> {
        let RecordConsultationInput { incident_id, regime, at, with_whom, summary, view } = input;
        let result = async {
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            let new = NewConsultation { regime, at: at.0, with_whom, summary, view: view.map(Into::into) };
            duties::record_consultation(context.data_unchecked::<Op>(), tenant, incident, new).await
        };
        ConsultationPayload::from_result(result.await, Consultation::from)
    }
}
