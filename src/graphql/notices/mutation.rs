//! Writing notices, and what people record about their messages.

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};

use super::message::Message;
use super::notice::{Notice, NoticeAudience};
use crate::access::Op;
use crate::error::Error;
use crate::graphql::id;
use crate::graphql::language::Language;
use crate::graphql::problem::payload;
use crate::graphql::scalars::Instant;
use crate::notices::{self, NewNotice};

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
    /// Not before this instant; at most 30 days ahead.
    send_from: Option<Instant>,
    /// Only in these hours of the incident's zone, so that nobody is woken: `08:00-21:00`.
    send_between: Option<String>,
    /// Only these of the list.
    filter: Option<NoticeFilterInput>,
}

/// Which of a list are told. What is left out leaves out nobody.
#[derive(InputObject)]
pub struct NoticeFilterInput {
    /// Short names of tenants.
    #[graphql(default)]
    tenants: Vec<String>,
    /// Kinds of people, by name of the record type.
    #[graphql(default)]
    kinds: Vec<String>,
    /// Only people whose exposure is confirmed.
    #[graphql(default)]
    confirmed_only: bool,
}

/// How somebody was told otherwise, or that it was tried.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::Contact")]
pub enum ContactKind {
    LetterSent,
    LetterReturned,
    PhoneReached,
    PhoneNotReached,
    ToldInPerson,
}

/// How recipients were told otherwise.
#[derive(InputObject)]
pub struct RecordContactsInput {
    /// At most 1,000 messages.
    message_ids: Vec<ID>,
    kind: ContactKind,
    /// When it was; now where it is left out.
    at: Option<Instant>,
    /// One line without names and addresses.
    note: Option<String>,
}

/// Messages that were changed.
#[derive(SimpleObject)]
pub struct ChangedMessages {
    messages: Vec<Message>,
}

/// A test mail is on its way to whoever asked for it.
#[derive(SimpleObject)]
pub struct NoticeTestSent {
    notice_id: ID,
}

/// The contact of a tenant was set.
#[derive(SimpleObject)]
pub struct ContactSet {
    tenant_id: ID,
    /// Whether there is one now.
    known: bool,
}

payload!(
    /// Result of a change of a notice.
    NoticePayload, Notice
);

payload!(
    /// Result of `sendNoticeTest`.
    SendNoticeTestPayload, NoticeTestSent
);

payload!(
    /// Result of `recordContacts`.
    RecordContactsPayload, ChangedMessages
);

payload!(
    /// Result of `overrideReturn`.
    OverrideReturnPayload, Message
);

payload!(
    /// Result of `setTenantContact`.
    SetTenantContactPayload, ContactSet
);

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
            let CreateNoticeInput {
                incident_id,
                revision_id,
                audience,
                template,
                variables,
                send_from,
                send_between,
                filter,
            } = input;
            let (tenant, incident) = id::decode("Incident", &incident_id, "incidentId")?;
            let (revision_tenant, revision) = id::decode("Revision", &revision_id, "revisionId")?;
            if revision_tenant != tenant {
                return Err(Error::not_found("revision"));
            }
            let variables = serde_json::from_value(variables.0).map_err(|_| {
                Error::invalid("variables", "wants texts by language and name")
                    .remedy("give {\"ja\": {\"what_happened\": \"…\", …}, \"en\": {…}}")
            })?;
            let between = send_between.map(|hours| hours.parse()).transpose();
            let between = between.map_err(|problem: &str| Error::invalid("sendBetween", problem))?;
            let delivery = notices::Delivery { from: send_from.map(|at| at.0), between };
            let filter = filter.map_or_else(notices::Filter::default, |filter| notices::Filter {
                tenants: filter.tenants,
                kinds: filter.kinds,
                confirmed_only: filter.confirmed_only,
            });
            let audience = audience.into();
            let new = NewNotice { incident, revision, audience, template, variables, delivery, filter };
            notices::create_notice(context.data_unchecked::<Op>(), tenant, new).await
        };
        NoticePayload::from_result(result.await, Notice)
    }

    /// Sends a notice to whoever asks, and to nobody else, with a made-up recipient: how it looks in a mail program.
    async fn send_notice_test(
        &self,
        context: &Context<'_>,
        notice_id: ID,
        language: Language,
    ) -> async_graphql::Result<SendNoticeTestPayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            notices::send_test(context.data_unchecked::<Op>(), tenant, notice, language.into()).await
        };
        SendNoticeTestPayload::from_result(result.await, |()| NoticeTestSent { notice_id: notice_id.clone() })
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

    /// Holds a notice up: what waits, waits.
    async fn pause_notice(
        &self,
        context: &Context<'_>,
        notice_id: ID,
    ) -> async_graphql::Result<NoticePayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            notices::pause_notice(context.data_unchecked::<Op>(), tenant, notice).await
        };
        NoticePayload::from_result(result.await, Notice)
    }

    /// Lets a paused notice go on.
    async fn resume_notice(
        &self,
        context: &Context<'_>,
        notice_id: ID,
    ) -> async_graphql::Result<NoticePayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            notices::resume_notice(context.data_unchecked::<Op>(), tenant, notice).await
        };
        NoticePayload::from_result(result.await, Notice)
    }

    /// Records how recipients whom no mail reached were told, or that it was tried: for all of them, or for none.
    async fn record_contacts(
        &self,
        context: &Context<'_>,
        input: RecordContactsInput,
    ) -> async_graphql::Result<RecordContactsPayload> {
        let result = async {
            let RecordContactsInput { message_ids, kind, at, note } = input;
            let op = context.data_unchecked::<Op>();
            let mut ids = Vec::with_capacity(message_ids.len());
            let mut tenant = None;
            for (index, message) in message_ids.iter().enumerate() {
                let (own, id) = id::decode("Message", message, &format!("messageIds[{index}]"))?;
                if *tenant.get_or_insert(own) != own {
                    return Err(Error::not_found("message"));
                }
                ids.push(id);
            }
            let tenant = tenant.unwrap_or_default();
            notices::record_contacts(op, tenant, &ids, kind.into(), at.map(|at| at.0), note.as_deref()).await
        };
        RecordContactsPayload::from_result(result.await, |messages| ChangedMessages {
            messages: messages.into_iter().map(Message).collect(),
        })
    }

    /// Judges that a message did arrive, whatever came back.
    async fn override_return(
        &self,
        context: &Context<'_>,
        message_id: ID,
        note: String,
    ) -> async_graphql::Result<OverrideReturnPayload> {
        let result = async {
            let (tenant, message) = id::decode("Message", &message_id, "messageId")?;
            notices::override_return(context.data_unchecked::<Op>(), tenant, message, &note).await
        };
        OverrideReturnPayload::from_result(result.await, Message)
    }

    /// Tries the messages of an approved notice again that failed or came back.
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
