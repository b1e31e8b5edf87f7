//! Reading notices: one, those of an incident, how they look, how they go, and mail that was captured.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, Object, SimpleObject, Subscription};
use futures::{Stream, StreamExt};

use super::message::row_after;
use super::notice::{Notice, NoticeState};
use crate::access::Op;
use crate::error::Error;
use crate::graphql::connection::Page;
use crate::graphql::id;
use crate::graphql::language::Language;
use crate::graphql::live;
use crate::graphql::problem::payload;
use crate::graphql::scalars::Instant;
use crate::notices;

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

payload!(
    /// Result of `previewNotice`.
    PreviewNoticePayload, NoticePreview
);

/// What approval would make of a draft.
#[derive(SimpleObject)]
pub struct RecipientPreview {
    /// Messages that would go out.
    reachable: u64,
    /// Recipients whom no mail can reach: letters and the telephone are for them.
    unreachable: u64,
    /// Recipients who have been told already, and get nothing.
    told: u64,
    /// Mails of recipients spread over the list.
    samples: Vec<RecipientSample>,
}

/// The mail of one recipient as it would go out.
#[derive(SimpleObject)]
pub struct RecipientSample {
    /// As its message would name it: a pseudonym, or a tenant.
    recipient: String,
    language: Language,
    /// Null where the address does not open.
    text: Option<NoticeText>,
    /// Why there is none.
    reason: Option<String>,
}

impl From<notices::RecipientPreview> for RecipientPreview {
    fn from(preview: notices::RecipientPreview) -> Self {
        let sample = |notices::Sample { message, text }: notices::Sample| {
            let (text, reason) = match text {
                Ok(notices::Text { subject, body }) => (Some(NoticeText { subject, body }), None),
                Err(reason) => (None, Some(reason.as_str().to_owned())),
            };
            RecipientSample { recipient: message.recipient, language: message.language.into(), text, reason }
        };
        let notices::RecipientPreview { reachable, unreachable, told, samples } = preview;
        Self { reachable, unreachable, told, samples: samples.into_iter().map(sample).collect() }
    }
}

payload!(
    /// Result of `previewRecipients`.
    PreviewRecipientsPayload, RecipientPreview
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

    /// What approval would make of a draft: how many get it, how many cannot be reached, and the mails of a few real people (at most 5).
    /// Names are opened for these, with the purpose: why they are looked at.
    #[graphql(complexity = "20 + child_complexity")]
    async fn preview_recipients(
        &self,
        context: &Context<'_>,
        notice_id: ID,
        purpose: String,
        #[graphql(default = 3)] samples: i32,
    ) -> async_graphql::Result<PreviewRecipientsPayload> {
        let result = async {
            let (tenant, notice) = id::decode("Notice", &notice_id, "noticeId")?;
            let op = context.data_unchecked::<Op>().for_purpose(&purpose)?;
            let samples = usize::try_from(samples)
                .map_err(|_| Error::invalid("samples", format!("wants 0 to {}", notices::MOST_SAMPLES)))?;
            let notice = notices::notice(&op, tenant, notice).await?;
            notices::preview_recipients(&op, &notice, samples).await
        };
        PreviewRecipientsPayload::from_result(result.await, RecipientPreview::from)
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
