//! Documents about an incident.

use async_graphql::{Context, Enum, ID, Object};

use super::id;
use super::language::Language;
use crate::access::Op;
use crate::reports;

/// Form of a document.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::reports::Format")]
pub enum ReportFormat {
    /// One page that needs nothing else.
    Html,
    Markdown,
}

#[derive(Default)]
pub struct ReportsQuery;

#[Object]
impl ReportsQuery {
    /// The interim report of an incident as a text. Numbers of people only, never a person.
    #[graphql(complexity = 200)]
    async fn incident_report(
        &self,
        context: &Context<'_>,
        incident_id: ID,
        language: Language,
        format: ReportFormat,
    ) -> async_graphql::Result<String> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let op = context.data::<Op>()?;
        Ok(reports::incident_report(op, tenant, incident, language.into(), format.into()).await?)
    }
}
