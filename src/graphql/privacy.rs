//! What is kept how long, and a person's own data for that person.

use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject};

use super::id;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::Error;
use crate::privacy;

/// What is due by one retention requirement.
#[derive(SimpleObject)]
pub struct RetentionDue {
    requirement: String,
    system: String,
    record_type: String,
    /// ISO 8601 period after the record's last change.
    after: String,
    /// `observe`, `audit` or `enforce`: only the last one erases.
    mode: String,
    /// Records whose last change is not younger are due.
    cutoff: Instant,
    due: u64,
    /// Of the first 20,000 of them: people on a list of an incident that is not closed. They are kept.
    on_hold: u64,
}

impl From<privacy::Due> for RetentionDue {
    fn from(due: privacy::Due) -> Self {
        let privacy::Due { requirement, system, record_type, after, mode, cutoff, due, on_hold } = due;
        Self { requirement, system, record_type, after, mode, cutoff: Instant(cutoff), due, on_hold }
    }
}

/// In which language a page is written.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ExportLanguage {
    Ja,
    En,
}

/// Everything about one person, for that person.
pub struct SubjectExport(privacy::SubjectDocument);

#[Object]
impl SubjectExport {
    /// The document as JSON; docs/SUBJECT_EXPORT.md describes it.
    async fn json(&self) -> async_graphql::Result<Json<serde_json::Value>> {
        Ok(Json(serde_json::to_value(&self.0).map_err(Error::from)?))
    }

    /// The same as a page to read.
    async fn html(&self, language: ExportLanguage) -> async_graphql::Result<String> {
        let language = if language == ExportLanguage::En { "en" } else { "ja" };
        Ok(privacy::as_html(&self.0, language)?)
    }
}

payload! {
    /// Result of `exportSubject`.
    ExportSubjectPayload, SubjectExport
}

#[derive(Default)]
pub struct PrivacyQuery;

#[Object]
impl PrivacyQuery {
    /// What is due now by each retention requirement; nothing is changed.
    #[graphql(complexity = "500 + child_complexity")]
    async fn retention_plan(&self, context: &Context<'_>) -> async_graphql::Result<Vec<RetentionDue>> {
        let due = privacy::plan(context.data_unchecked::<Op>()).await?;
        Ok(due.into_iter().map(RetentionDue::from).collect())
    }
}

#[derive(Default)]
pub struct PrivacyMutation;

#[Object]
impl PrivacyMutation {
    /// Everything about one person, for that person: all fields, who read them, notices. `purpose` names the request. It is
    /// recorded as an export.
    #[graphql(complexity = "200 + child_complexity")]
    async fn export_subject(
        &self,
        context: &Context<'_>,
        id: ID,
        purpose: String,
    ) -> async_graphql::Result<ExportSubjectPayload> {
        let result = async {
            let op = context.data_unchecked::<Op>().for_purpose(&purpose)?;
            let (tenant, id) = id::decode("Subject", &id, "id")?;
            privacy::export_subject(&op, tenant, id).await
        };
        ExportSubjectPayload::from_result(result.await, SubjectExport)
    }
}
