//! Documents about incidents: versions, fields, differences.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::id;
use super::incidents::row;
use super::language::Language;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::{Error, Result};
use crate::reports::documents::{self, Form, NewDocument, Version};

/// What a document is for.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::reports::documents::Kind")]
pub enum DocumentKind {
    /// 速報 to Japan's PPC: the nine items of Rule 8(1).
    PpcPreliminary,
    /// 確報 to Japan's PPC: Rule 8(2).
    PpcFinal,
    /// To the supervisory authority: GDPR Art. 33(3).
    GdprNotification,
    /// Of all incidents of the operator: GDPR Art. 33(5).
    GdprRegister,
    /// From a processor to one controller: GDPR Art. 33(2), APPI Rule 9. Numbers of that controller's people only.
    ProcessorNotice,
    /// To the public, while the work goes on.
    InterimReport,
    /// To the public, at the end.
    FinalReport,
    /// For the operator's web pages.
    PublicNotice,
    /// One page for those who decide.
    BoardSummary,
}

/// Where a version stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::reports::documents::Standing")]
pub enum DocumentState {
    /// Says so on every page.
    Draft,
    /// Approved by somebody who did not write it.
    Final,
}

/// What made a version.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::reports::documents::Origin")]
pub enum DocumentOrigin {
    /// The data, as they stood.
    Data,
    /// Somebody filled in a field.
    Field,
    /// Somebody approved it.
    Final,
}

/// A field of a form, to be copied by itself.
#[derive(SimpleObject)]
pub struct DocumentField {
    /// Its number, by which `setDocumentField` names it; empty where it cannot be filled in.
    number: String,
    label: String,
    text: String,
    /// Whether an open point is in it: it cannot be sent yet.
    unknown: bool,
    /// Whether somebody filled it in by hand.
    entered: bool,
}

/// What a version says otherwise than the one before it.
#[derive(SimpleObject)]
pub struct DocumentChange {
    /// Number of the field; empty for a section.
    number: String,
    /// Label of the field, or the heading of the section.
    label: String,
    /// Null where the version before had no such field or section.
    before: Option<String>,
    /// Null where it is gone.
    after: Option<String>,
}

/// A version of a document, as it was made: the same bytes for ever. Files: `GET /documents/<id>.html`, `.pdf`, `.docx`, `.txt`.
pub struct Document(pub Version);

#[Object]
impl Document {
    pub async fn id(&self) -> ID {
        id::encode("Document", self.0.tenant, self.0.id)
    }

    /// Null for a document about all incidents.
    async fn incident_id(&self) -> Option<ID> {
        self.0.incident.map(|incident| id::encode("Incident", self.0.tenant, incident))
    }

    /// Of the document: its versions share it. Counts from 1 in the incident.
    async fn number(&self) -> i32 {
        self.0.number
    }

    /// Counts from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }

    async fn kind(&self) -> DocumentKind {
        self.0.kind.into()
    }

    async fn language(&self) -> Language {
        self.0.lang.into()
    }

    /// The customer that it is written to, of a kind that is.
    async fn recipient_id(&self) -> Option<ID> {
        self.0.recipient.map(|tenant| id::encode("Tenant", tenant, tenant))
    }

    async fn state(&self) -> DocumentState {
        self.0.standing.into()
    }

    async fn origin(&self) -> DocumentOrigin {
        self.0.origin.into()
    }

    /// SHA-256 of what it says, as stored. Files have their own, which the audit log tells with each read.
    async fn sha256(&self) -> &str {
        &self.0.sha256
    }

    /// The assessment that it rests on.
    async fn assessment_id(&self) -> Option<ID> {
        self.0.assessment.map(|assessment| id::encode("Assessment", self.0.tenant, assessment))
    }

    /// The affected list that it rests on.
    async fn revision_id(&self) -> Option<ID> {
        self.0.revision.map(|revision| id::encode("Revision", self.0.tenant, revision))
    }

    async fn author_id(&self) -> ID {
        id::encode("Account", self.0.tenant, self.0.author)
    }

    async fn created_at(&self) -> Instant {
        self.0.created_at.into()
    }

    /// Each field, to be copied into an authority's form. The read is recorded.
    #[graphql(complexity = "100 + child_complexity")]
    async fn fields(&self, context: &Context<'_>) -> async_graphql::Result<Vec<DocumentField>> {
        let fields = documents::fields(context.data::<Op>()?, &self.0).await?;
        let field = |documents::FieldView { number, label, text, unknown, entered }| DocumentField {
            number,
            label,
            text,
            unknown,
            entered,
        };
        Ok(fields.into_iter().map(field).collect())
    }

    /// One page that needs nothing else. The read is recorded.
    #[graphql(complexity = 200)]
    async fn html(&self, context: &Context<'_>) -> async_graphql::Result<String> {
        self.file(context, Form::Html).await
    }

    /// Field by field, without wrapped lines. The read is recorded.
    #[graphql(complexity = 200)]
    async fn text(&self, context: &Context<'_>) -> async_graphql::Result<String> {
        self.file(context, Form::Text).await
    }

    /// What it says otherwise than the version before; nothing of a first version. The read is recorded.
    #[graphql(complexity = "100 + child_complexity")]
    async fn differences(&self, context: &Context<'_>) -> async_graphql::Result<Vec<DocumentChange>> {
        let changes = documents::differences(context.data::<Op>()?, &self.0).await?;
        let change = |documents::Change { number, label, before, after }| DocumentChange {
            number,
            label,
            before,
            after,
        };
        Ok(changes.into_iter().map(change).collect())
    }

    /// Every version of the document, the oldest first.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn versions(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Document>> {
        let versions = documents::versions_of(context.data::<Op>()?, &self.0).await?;
        Ok(versions.into_iter().map(Document).collect())
    }
}

impl Document {
    async fn file(&self, context: &Context<'_>, form: Form) -> async_graphql::Result<String> {
        let file = documents::file(context.data::<Op>()?, &self.0, form).await?;
        let text = String::from_utf8(file.bytes).map_err(anyhow::Error::from).map_err(Error::from)?;
        Ok(text)
    }
}

/// A document to make.
#[derive(InputObject)]
pub struct CreateDocumentInput {
    /// Of every kind but `GDPR_REGISTER`, which is about all incidents.
    incident_id: Option<ID>,
    kind: DocumentKind,
    language: Language,
    /// The customer that a `PROCESSOR_NOTICE` is written to.
    recipient_id: Option<ID>,
}

impl CreateDocumentInput {
    fn read(self) -> Result<NewDocument> {
        let Self { incident_id, kind, language, recipient_id } = self;
        let recipient = recipient_id.map(|id| id::decode("Tenant", &id, "recipientId")).transpose()?;
        Ok(NewDocument {
            incident: incident_id.map(|id| row("Incident", &id, "incidentId")).transpose()?,
            kind: kind.into(),
            lang: language.into(),
            recipient: recipient.map(|(tenant, _)| tenant),
        })
    }
}

payload!(
    /// Result of a change of a document: its new version.
    DocumentPayload, Document
);

#[derive(Default)]
pub struct DocumentsQuery;

#[Object]
impl DocumentsQuery {
    /// A version of a document.
    async fn document(&self, context: &Context<'_>, id: ID) -> async_graphql::Result<Document> {
        let id = row("Document", &id, "id")?;
        Ok(Document(documents::document(context.data::<Op>()?, id).await?))
    }

    /// The newest version of each document about all incidents: the registers.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn registers(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Document>> {
        Ok(documents::registers(context.data::<Op>()?).await?.into_iter().map(Document).collect())
    }
}

#[derive(Default)]
pub struct DocumentsMutation;

#[Object]
impl DocumentsMutation {
    /// Makes a version of a document from the data as they stand: the first one, or the next under its number. What was filled in
    /// by hand stays where the data still leave the field open.
    #[graphql(complexity = "300 + child_complexity")]
    async fn create_document(
        &self,
        context: &Context<'_>,
        input: CreateDocumentInput,
    ) -> async_graphql::Result<DocumentPayload> {
        let result = async { documents::create(context.data_unchecked::<Op>(), input.read()?).await };
        DocumentPayload::from_result(result.await, Document)
    }

    /// Fills in a field that the data leave open, by its number; null takes it back. Makes a new version, in which the text is
    /// marked with role and time.
    #[graphql(complexity = "100 + child_complexity")]
    async fn set_document_field(
        &self,
        context: &Context<'_>,
        document_id: ID,
        field: String,
        text: Option<String>,
    ) -> async_graphql::Result<DocumentPayload> {
        let result = async {
            let id = row("Document", &document_id, "documentId")?;
            documents::set_field(context.data_unchecked::<Op>(), id, &field, text.as_deref()).await
        };
        DocumentPayload::from_result(result.await, Document)
    }

    /// Approves the newest version: a new one, which says that it is final. Nobody approves what they made or filled in.
    #[graphql(complexity = "100 + child_complexity")]
    async fn finalise_document(
        &self,
        context: &Context<'_>,
        document_id: ID,
    ) -> async_graphql::Result<DocumentPayload> {
        let result = async {
            let id = row("Document", &document_id, "documentId")?;
            documents::finalise(context.data_unchecked::<Op>(), id).await
        };
        DocumentPayload::from_result(result.await, Document)
    }
}
