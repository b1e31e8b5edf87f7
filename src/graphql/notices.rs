//! Notices, their messages, and mail that was captured instead of sent.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};
use uuid::Uuid;

use super::connection::Page;
use super::id;
use super::language::Language;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::Op;
use crate::error::{Error, Result};
use crate::notices::{self, NewNotice, Variables};

/// Who is told.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::Audience")]
pub enum NoticeAudience {
    /// Every person whose exposure is confirmed or possible.
    Persons,
    /// Every tenant that has such people.
    Tenants,
}

/// Where a notice stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::NoticeState")]
pub enum NoticeState {
    /// Written; sends nothing.
    Draft,
    /// Its messages exist and are being sent.
    Approved,
    /// Every message has been accepted or has failed.
    Done,
    /// Given up.
    Cancelled,
}

/// Where a message stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::MessageState")]
pub enum MessageState {
    /// Waits for its first attempt.
    Queued,
    /// A worker has taken it.
    Sending,
    /// The mail server has taken responsibility for it.
    Accepted,
    /// Waits for another attempt.
    Deferred,
    /// Will not be tried again unless somebody asks for it.
    Failed,
}

/// How many messages of a notice stand where.
#[derive(SimpleObject)]
pub struct MessageCounts {
    queued: u64,
    sending: u64,
    accepted: u64,
    deferred: u64,
    failed: u64,
}

/// A notification campaign for one approved revision.
pub struct Notice(pub notices::Notice);

#[Object]
impl Notice {
    pub async fn id(&self) -> ID {
        id::encode("Notice", self.0.tenant, self.0.id)
    }

    async fn incident_id(&self) -> ID {
        id::encode("Incident", self.0.tenant, self.0.incident)
    }

    async fn revision_id(&self) -> ID {
        id::encode("Revision", self.0.tenant, self.0.revision)
    }

    async fn audience(&self) -> NoticeAudience {
        self.0.audience.into()
    }

    async fn template(&self) -> &str {
        &self.0.template
    }

    /// What the author added, by language and name.
    async fn variables(&self) -> Json<Variables> {
        Json(self.0.variables.clone())
    }

    async fn state(&self) -> NoticeState {
        self.0.state.into()
    }

    /// Who wrote it.
    async fn author_id(&self) -> ID {
        id::encode("Account", self.0.tenant, self.0.author)
    }

    async fn created_at(&self) -> Instant {
        self.0.created_at.into()
    }

    /// Who approved it: never its author.
    async fn approved_by_id(&self) -> Option<ID> {
        self.0.approved_by.map(|account| id::encode("Account", self.0.tenant, account))
    }

    async fn approved_at(&self) -> Option<Instant> {
        self.0.approved_at.map(Instant)
    }

    async fn counts(&self, context: &Context<'_>) -> async_graphql::Result<MessageCounts> {
        let notices::Counts { queued, sending, accepted, deferred, failed } =
            notices::counts(context.data::<Op>()?, &self.0).await?;
        Ok(MessageCounts { queued, sending, accepted, deferred, failed })
    }

    /// Its messages, in no meaningful but a stable order.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn messages(
        &self,
        context: &Context<'_>,
        state: Option<MessageState>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Message, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let (op, state, after) = (context.data::<Op>()?, state.map(Into::into), row_after(&page)?);
        let rows = notices::messages(op, &self.0, state, after, page.limit()).await?;
        Ok(page.connection(rows, |row| row.id.to_string(), Message))
    }
}

fn row_after(page: &Page) -> Result<Option<Uuid>> {
    let parse = |after: &String| {
        after.parse().map_err(|_| {
            Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before")
        })
    };
    page.after.as_ref().map(parse).transpose()
}

/// One mail to one recipient. It holds neither address nor text.
pub struct Message(pub notices::Message);

#[Object]
impl Message {
    pub async fn id(&self) -> ID {
        id::encode("Message", self.0.tenant, self.0.id)
    }

    async fn channel(&self) -> &str {
        self.0.channel.as_str()
    }

    /// The person's pseudonym, or `tenant:` and its short name.
    async fn recipient(&self) -> &str {
        &self.0.recipient
    }

    async fn recipient_tenant_id(&self) -> ID {
        id::encode("Tenant", self.0.recipient_tenant, self.0.recipient_tenant)
    }

    async fn record_type(&self) -> Option<&str> {
        self.0.record_type.as_deref()
    }

    async fn language(&self) -> Language {
        self.0.language.into()
    }

    /// The mail's Message-ID: the same in every attempt.
    async fn message_id(&self) -> &str {
        &self.0.message_id
    }

    async fn state(&self) -> MessageState {
        self.0.state.into()
    }

    async fn attempts(&self) -> u32 {
        self.0.attempts
    }

    async fn next_attempt_at(&self) -> Instant {
        self.0.next_attempt_at.into()
    }

    /// The mail server's last reply code.
    async fn reply_code(&self) -> Option<u16> {
        self.0.reply_code
    }

    /// Why it waits or has failed.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.map(notices::Reason::as_str)
    }

    async fn created_at(&self) -> Instant {
        self.0.created_at.into()
    }

    async fn accepted_at(&self) -> Option<Instant> {
        self.0.accepted_at.map(Instant)
    }
}

/// A text as a recipient will see it.
#[derive(SimpleObject)]
pub struct NoticeText {
    subject: String,
    body: String,
}

/// What a notice will look like.
#[derive(SimpleObject)]
pub struct NoticePreview {
    /// For a made-up, ordinary recipient.
    typical: NoticeText,
    /// For a made-up recipient with everything long, strange or absent.
    worst_case: NoticeText,
}

/// A mail that was kept instead of being sent.
pub struct CapturedMail(notices::CapturedMail);

#[Object]
impl CapturedMail {
    pub async fn id(&self) -> ID {
        id::encode("CapturedMail", self.0.tenant, self.0.id)
    }

    async fn message_id(&self) -> &str {
        &self.0.message_id
    }

    async fn captured_at(&self) -> Instant {
        self.0.captured_at.into()
    }

    async fn from(&self) -> &str {
        &self.0.from
    }

    async fn to(&self) -> &str {
        &self.0.to
    }

    async fn subject(&self) -> &str {
        &self.0.subject
    }

    async fn body(&self) -> &str {
        &self.0.body
    }

    /// The mail as it would have gone over the line (RFC 5322).
    async fn source(&self) -> &str {
        &self.0.source
    }
}

/// The contact of a tenant was set.
#[derive(SimpleObject)]
pub struct ContactSet {
    tenant_id: ID,
    /// Whether there is one now.
    known: bool,
}

/// A notice to write.
#[derive(InputObject)]
pub struct CreateNoticeInput {
    incident_id: ID,
    /// An approved revision of the incident.
    revision_id: ID,
    audience: NoticeAudience,
    /// `incident_notice_person` or `incident_notice_tenant`.
    template: String,
    /// Texts by language and name: `{"ja": {"what_happened": "…", …}, "en": {…}}`; one language is enough. Every template
    /// wants what_happened, data_items, cause, secondary_damage, measures and contact_desk.
    variables: Json<serde_json::Value>,
}

payload!(
    /// Result of a change of a notice.
    NoticePayload, Notice
);
payload!(
    /// Result of `previewNotice`.
    PreviewNoticePayload, NoticePreview
);
payload!(
    /// Result of `setTenantContact`.
    SetTenantContactPayload, ContactSet
);

#[derive(Default)]
pub struct NoticesQuery;

#[Object]
impl NoticesQuery {
    /// A notice.
    async fn notice(&self, context: &Context<'_>, id: ID) -> async_graphql::Result<Notice> {
        let (tenant, notice) = id::decode("Notice", &id, "id")?;
        Ok(Notice(notices::notice(context.data::<Op>()?, tenant, notice).await?))
    }

    /// The notices of an incident, oldest first.
    async fn notices(&self, context: &Context<'_>, incident_id: ID) -> async_graphql::Result<Vec<Notice>> {
        let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
        let found = notices::notices_of(context.data::<Op>()?, tenant, incident).await?;
        Ok(found.into_iter().map(Notice).collect())
    }

    /// What a notice will look like in a language.
    async fn preview_notice(
        &self,
        context: &Context<'_>,
        notice_id: ID,
        language: Language,
    ) -> async_graphql::Result<PreviewNoticePayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            notices::preview_notice(context.data_unchecked::<Op>(), tenant, notice, language.into()).await
        };
        PreviewNoticePayload::from_result(result.await, |[typical, worst_case]| {
            let text = |notices::Text { subject, body }| NoticeText { subject, body };
            NoticePreview { typical: text(typical), worst_case: text(worst_case) }
        })
    }

    /// Mail that the captured-mail transport kept, oldest first. Each is a read of personal data and is recorded for its
    /// recipient, with the purpose: why the mails are looked at.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn captured_mails(
        &self,
        context: &Context<'_>,
        purpose: String,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, CapturedMail, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let op = context.data::<Op>()?.for_purpose(&purpose)?;
        let rows = notices::captured_mails(&op, row_after(&page)?, page.limit()).await?;
        Ok(page.connection(rows, |row| row.id.to_string(), CapturedMail))
    }
}

#[derive(Default)]
pub struct NoticesMutation;

#[Object]
impl NoticesMutation {
    /// Writes a draft. It sends nothing.
    async fn create_notice(
        &self,
        context: &Context<'_>,
        input: CreateNoticeInput,
    ) -> async_graphql::Result<NoticePayload> {
        let result = async {
            let CreateNoticeInput { incident_id, revision_id, audience, template, variables } = input;
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            let (revision_tenant, revision) = id::decode("Revision", &revision_id, "revisionId")?;
            if revision_tenant != tenant {
                return Err(Error::not_found("revision"));
            }
            let variables = serde_json::from_value(variables.0).map_err(|_| {
                Error::invalid("variables", "wants texts by language and name")
                    .remedy("give {\"ja\": {\"what_happened\": \"…\", …}, \"en\": {…}}")
            })?;
            let new = NewNotice { incident, revision, audience: audience.into(), template, variables };
            notices::create_notice(context.data_unchecked::<Op>(), tenant, new).await
        };
        NoticePayload::from_result(result.await, Notice)
    }

    /// Approves a notice, which makes its messages. Its author cannot.
    async fn approve_notice(
        &self,
        context: &Context<'_>,
        notice_id: ID,
    ) -> async_graphql::Result<NoticePayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            notices::approve_notice(context.data_unchecked::<Op>(), tenant, notice).await
        };
        NoticePayload::from_result(result.await, Notice)
    }

    /// Gives a notice up: what waits is never sent.
    async fn cancel_notice(
        &self,
        context: &Context<'_>,
        notice_id: ID,
    ) -> async_graphql::Result<NoticePayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            notices::cancel_notice(context.data_unchecked::<Op>(), tenant, notice).await
        };
        NoticePayload::from_result(result.await, Notice)
    }

    /// Tries the failed messages of an approved notice again.
    async fn retry_notice(
        &self,
        context: &Context<'_>,
        notice_id: ID,
    ) -> async_graphql::Result<NoticePayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            notices::retry_notice(context.data_unchecked::<Op>(), tenant, notice).await
        };
        NoticePayload::from_result(result.await, Notice)
    }

    /// Sets the mail address of a tenant's office, to which notices for the tenant go; none removes it. It is kept sealed.
    async fn set_tenant_contact(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        address: Option<String>,
    ) -> async_graphql::Result<SetTenantContactPayload> {
        let result = async {
            let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
            notices::set_tenant_contact(context.data_unchecked::<Op>(), tenant, address.as_deref()).await
        };
        SetTenantContactPayload::from_result(result.await, |()| ContactSet {
            tenant_id: tenant_id.clone(),
            known: address.is_some(),
        })
    }
}
