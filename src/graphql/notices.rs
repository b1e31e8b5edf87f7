//! Notices, their messages, and mail that was captured instead of sent.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject, Subscription};
use futures::{Stream, StreamExt};
use uuid::Uuid;

use super::connection::Page;
use super::id;
use super::language::Language;
use super::live;
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
    /// Whoever was told by an earlier notice and is not on the list any more.
    Cleared,
}

/// Where a notice stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::NoticeState")]
pub enum NoticeState {
    /// Written; sends nothing.
    Draft,
    /// Its messages exist and are being sent.
    Approved,
    /// Held up; what waits, waits.
    Paused,
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
    /// Was accepted and came back, for a reason that may pass.
    BouncedSoft,
    /// Was accepted and came back: there is no such address.
    BouncedHard,
    /// Did not arrive, and the recipient was told by another way.
    ToldOtherwise,
}

/// How many messages of a notice stand where. Each recipient is in one place, so that `audience` is always the sum of all others but
/// `open` and `notReached`, which sum up what they name.
#[derive(SimpleObject)]
pub struct MessageCounts {
    audience: u64,
    queued: u64,
    sending: u64,
    deferred: u64,
    accepted: u64,
    bounced_soft: u64,
    bounced_hard: u64,
    failed: u64,
    told_otherwise: u64,
    /// Queued, being sent or deferred.
    open: u64,
    /// Failed or came back, and told by no other way.
    not_reached: u64,
}

impl From<notices::Counts> for MessageCounts {
    fn from(counts: notices::Counts) -> Self {
        let (audience, open, not_reached) = (counts.audience(), counts.open(), counts.not_reached());
        let notices::Counts {
            queued,
            sending,
            accepted,
            deferred,
            failed,
            bounced_soft,
            bounced_hard,
            told_otherwise,
        } = counts;
        Self {
            audience,
            queued,
            sending,
            deferred,
            accepted,
            bounced_soft,
            bounced_hard,
            failed,
            told_otherwise,
            open,
            not_reached,
        }
    }
}

/// How a notice goes on.
#[derive(SimpleObject)]
pub struct NoticeProgress {
    state: NoticeState,
    audience: u64,
    accepted: u64,
    /// Queued, being sent or deferred.
    open: u64,
    /// Failed or came back, and told by no other way.
    not_reached: u64,
    told_otherwise: u64,
}

#[derive(Default)]
pub struct NoticesSubscription;

#[Subscription]
impl NoticesSubscription {
    /// How a notice stands now, and again each time that this changes, until it is done or cancelled and nothing of it is open.
    async fn notice_progress(
        &self,
        context: &Context<'_>,
        notice_id: ID,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<NoticeProgress>> + use<>> {
        let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
        let asked = move |op: Op| async move {
            let found = notices::notice(&op, tenant, notice).await?;
            Ok((found.state, notices::counts(&op, &found).await?))
        };
        let is_over = |(state, counts): &(notices::NoticeState, notices::Counts)| {
            matches!(state, notices::NoticeState::Done | notices::NoticeState::Cancelled)
                && counts.open() == 0
        };
        Ok(live::watch(context, asked, is_over).map(|progress| {
            progress.map(|(state, counts)| NoticeProgress {
                state: state.into(),
                audience: counts.audience(),
                accepted: counts.accepted,
                open: counts.open(),
                not_reached: counts.not_reached(),
                told_otherwise: counts.told_otherwise,
            })
        }))
    }
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
        Ok(notices::counts(context.data::<Op>()?, &self.0).await?.into())
    }

    /// Not before this instant.
    async fn send_from(&self) -> Option<Instant> {
        self.0.delivery.from.map(Instant)
    }

    /// Only in these hours of the incident's zone: `08:00-21:00`.
    async fn send_between(&self) -> Option<String> {
        self.0.delivery.between.map(|hours| hours.to_string())
    }

    /// Which of the list are told; null where all are.
    async fn filter(&self) -> Option<NoticeFilter> {
        let notices::Filter { tenants, kinds, confirmed_only } = self.0.filter.clone();
        (!self.0.filter.is_empty()).then_some(NoticeFilter { tenants, kinds, confirmed_only })
    }

    /// What somebody who reads the texts before they go to many would stumble over. It stops nothing.
    async fn remarks(&self) -> Vec<NoticeRemark> {
        let one = |remark: notices::Remark| NoticeRemark {
            language: remark.language.into(),
            variable: remark.variable,
            kind: remark.kind.into(),
        };
        notices::remarks(&self.0.variables).into_iter().map(one).collect()
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

/// Which of a list are told.
#[derive(SimpleObject)]
pub struct NoticeFilter {
    /// Short names of tenants; empty: all.
    tenants: Vec<String>,
    /// Kinds of people; empty: all.
    kinds: Vec<String>,
    confirmed_only: bool,
}

/// What is to be looked at in a text.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::RemarkKind")]
pub enum NoticeRemarkKind {
    /// Something that reads like a gap.
    Unfinished,
    /// A mail address that is not the desk's.
    MailAddress,
    /// A long number.
    LongNumber,
    /// A link: people are warned not to follow links in such mails.
    Link,
    /// The desk to ask has neither address nor number.
    DeskUnreachable,
}

/// A place in a text and what is to be looked at.
#[derive(SimpleObject)]
pub struct NoticeRemark {
    language: Language,
    variable: String,
    kind: NoticeRemarkKind,
}

/// What happened to a message.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::EventKind")]
pub enum MessageEventKind {
    Accepted,
    Deferred,
    Failed,
    Requeued,
    BouncedHard,
    BouncedSoft,
    /// A server on the way is still trying.
    Delayed,
    /// A server says that it arrived, or that it handed it on.
    Delivered,
    /// The recipient's provider says that the person called it unwanted.
    Complaint,
    /// A program answered for the person.
    AutomaticAnswer,
    /// Something came back that no rule understands.
    CameBack,
    /// An officer judged that it did arrive.
    Overridden,
    LetterSent,
    LetterReturned,
    PhoneReached,
    PhoneNotReached,
    ToldInPerson,
}

/// One entry of what happened to a message.
#[derive(SimpleObject)]
pub struct MessageEvent {
    seq: i32,
    kind: MessageEventKind,
    at: Instant,
    /// Enhanced status code, or why it waits or has failed.
    code: Option<String>,
    reply_code: Option<u16>,
    /// SHA-256 of the mail that came back.
    source_sha256: Option<String>,
    /// A person's words.
    note: Option<String>,
    /// Who recorded it, where a person did.
    author_id: Option<ID>,
    recorded_at: Instant,
    /// Covers this entry and the one before.
    hash: String,
}

/// What happened to a message, sealed.
#[derive(SimpleObject)]
pub struct MessageHistory {
    events: Vec<MessageEvent>,
    /// Whether nothing was changed, left out or moved since.
    intact: bool,
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

    /// What happened to it.
    async fn history(&self, context: &Context<'_>) -> async_graphql::Result<MessageHistory> {
        let (events, intact) = notices::events_of(context.data::<Op>()?, &self.0).await?;
        let one = |event: notices::MessageEvent| {
            let notices::MessageEvent {
                seq,
                kind,
                at,
                code,
                reply_code,
                source,
                note,
                author,
                recorded_at,
                hash,
            } = event;
            MessageEvent {
                seq,
                kind: kind.into(),
                at: at.into(),
                code,
                reply_code,
                source_sha256: source,
                note,
                author_id: author.map(|account| id::encode("Account", self.0.tenant, account)),
                recorded_at: recorded_at.into(),
                hash,
            }
        };
        Ok(MessageHistory { events: events.into_iter().map(one).collect(), intact })
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
