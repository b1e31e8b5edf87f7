//! A notice, whom it tells and how far it is.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, Json, Object, SimpleObject};

use super::message::{Message, MessageActKind, MessageState, row_after};
use crate::access::Op;
use crate::graphql::connection::Page;
use crate::graphql::id;
use crate::graphql::language::Language;
use crate::graphql::scalars::Instant;
use crate::notices::{self, Variables};

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

    /// How many recipients may have the same mail twice, with the same Message-ID: whoever was sending theirs ended before it was known
    /// what the server said. Their histories have `INTERRUPTED`.
    async fn may_be_repeated(&self, context: &Context<'_>) -> async_graphql::Result<i32> {
        let number = notices::may_be_repeated(context.data::<Op>()?, &self.0).await?;
        Ok(i32::try_from(number).unwrap_or(i32::MAX))
    }

    /// What its recipients did on their pages, and how many of them: whether the tenants have opened their lists, confirmed or corrected them, take over.
    async fn acts(&self, context: &Context<'_>) -> async_graphql::Result<Vec<NoticeActs>> {
        let counts = notices::portal::act_counts(context.data::<Op>()?, &self.0).await?;
        let acts = counts.into_iter().map(|count| NoticeActs {
            kind: count.kind.into(),
            recipients: i32::try_from(count.recipients).unwrap_or(i32::MAX),
            last_at: Instant(count.last),
        });
        Ok(acts.collect())
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

/// How many recipients of a notice did something on their pages.
#[derive(SimpleObject)]
pub struct NoticeActs {
    kind: MessageActKind,
    recipients: i32,
    /// When somebody last did.
    last_at: Instant,
}
