//! Documents: the report of an incident, the table of permissions.

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

/// Form of the table of permissions.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::reports::TableFormat")]
pub enum PermissionTableFormat {
    /// A line for each role, object and action, for spreadsheets: UTF-8 with a byte order mark, no cell is a formula.
    Csv,
    /// One page that needs nothing else, for printing on A4.
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

    /// 権限一覧表: who may do what at a tenant with a system, now, as a text: role × object × action from the policy engine's own
    /// answers, with conditions in words, where each rule comes from, and how many hold each role.
    #[graphql(complexity = 500)]
    async fn permission_table(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        system: String,
        format: PermissionTableFormat,
        language: Language,
    ) -> async_graphql::Result<String> {
        let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
        let op = context.data::<Op>()?;
        Ok(reports::permission_table(op, tenant, &system, language.into(), format.into()).await?)
    }
}
