//! One mail to one recipient, and what happened to it.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use uuid::Uuid;

use crate::access::Op;
use crate::error::{Error, Result};
use crate::graphql::connection::Page;
use crate::graphql::id;
use crate::graphql::language::Language;
use crate::graphql::scalars::Instant;
use crate::notices;
use crate::notices::portal::ActKind;

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

    /// What its recipient did on the page that the mail leads to, in order; the newest 200.
    async fn acts(&self, context: &Context<'_>) -> async_graphql::Result<Vec<MessageAct>> {
        let acts = notices::portal::acts_of(context.data::<Op>()?, &self.0).await?;
        let one = |act: notices::portal::Act| {
            let kind = match act.kind {
                ActKind::Asked | ActKind::Corrected => "Inquiry",
                ActKind::Opened | ActKind::Downloaded | ActKind::Confirmed | ActKind::TakenOver => "Revision",
            };
            MessageAct {
                number: act.id.to_string(),
                kind: act.kind.into(),
                at: act.at.into(),
                reference_id: act.reference.map(|row| id::encode(kind, self.0.tenant, row)),
            }
        };
        Ok(acts.0.into_iter().map(one).collect())
    }

    /// What happened to it.
    async fn history(&self, context: &Context<'_>) -> async_graphql::Result<MessageHistory> {
        let (events, intact) = notices::events_of(context.data::<Op>()?, &self.0).await?;
        let one = |event: notices::MessageEvent| {
            let said = event.source().map(|(who, sha256)| (who.to_owned(), sha256.to_owned()));
            let (source, source_sha256) = said.unzip();
            let notices::MessageEvent {
                seq,
                kind,
                at,
                code,
                reply_code,
                source: _,
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
                source,
                source_sha256,
                note,
                author_id: author.map(|account| id::encode("Account", self.0.tenant, account)),
                recorded_at: recorded_at.into(),
                hash,
            }
        };
        Ok(MessageHistory { events: events.into_iter().map(one).collect(), intact })
    }
}

/// What a recipient did on the page that the mail leads to.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::portal::ActKind")]
pub enum MessageActKind {
    /// Opened the page with a one-time code.
    Opened,
    /// Asked a question.
    Asked,
    /// A tenant downloaded its list.
    Downloaded,
    /// A tenant confirmed its list.
    Confirmed,
    /// A tenant said what of its list is wrong.
    Corrected,
    /// A tenant takes over telling its own people. Nobody is left out because of it: that is for the operator to decide.
    TakenOver,
}

/// One thing that a recipient did on the page.
#[derive(SimpleObject)]
pub struct MessageAct {
    /// Of a download: the number that stands on each line of its file.
    number: String,
    kind: MessageActKind,
    at: Instant,
    /// The inquiry of a question or a correction; the list (revision) of all else.
    reference_id: Option<ID>,
}

/// What happened to a message.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::notices::EventKind")]
pub enum MessageEventKind {
    Accepted,
    Deferred,
    Failed,
    /// Whoever was sending it ended without saying what came of it: the server may have it, and it is sent again.
    Interrupted,
    Requeued,
    BouncedHard,
    BouncedSoft,
    /// A server on the way is still trying.
    Delayed,
    /// A server says that it arrived, or that it handed it on.
    Delivered,
    /// The provider that was to send it did not even try: the code says why.
    Suppressed,
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
    /// Who said it: `mail` that came back, or the provider `ses`, `sendgrid` or `postmark`.
    source: Option<String>,
    /// SHA-256 of the mail that came back, or of what the provider calls the event.
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

pub(super) fn row_after(page: &Page) -> Result<Option<Uuid>> {
    let parse = |after: &String| {
        after.parse().map_err(|_| {
            Error::invalid("after", "is not a cursor").remedy("use pageInfo.endCursor of the page before")
        })
    };
    page.after.as_ref().map(parse).transpose()
}
