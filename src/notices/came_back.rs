//! What is said of a message from outside, by a mail that came back or by its provider, is recorded with it, and moves it.

use serde_json::json;
use uuid::Uuid;

use super::model::{MessageState, Reason};
use super::store_events::{self as events, EventKind, NewEvent};
use super::{store, store_messages};
use crate::access::Scope;
use crate::audit::Event;
use crate::error::Result;
use crate::incidents;

/// What is noted where it is about another mail than the one that counts.
const OF_EARLIER: &str = "about an earlier mail of this message";

/// What is said.
pub struct News {
    pub message: Uuid,
    /// Only we could make what names the message. What names it otherwise is recorded, and moves nothing.
    pub is_proven: bool,
    /// Which of the message's mails it is about, where that is proven and known: one that was tried again has several.
    pub mail: Option<u8>,
    pub kind: EventKind,
    /// Why it failed, of a kind that makes it fail.
    pub reason: Option<Reason>,
    pub new: NewEvent,
    /// Of a message that waits for another attempt it is recorded now, because nobody will say it again for long.
    pub while_waiting: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Recorded, now or before.
    Recorded,
    /// About no message of ours.
    NotOurs,
    /// About a message whose sending has not been written down yet: it is to be said again later.
    TooEarly,
}

/// Records it.
///
/// # Errors
/// Unexpected ones only.
pub async fn record(scope: &Scope, news: News) -> Result<Taken> {
    let News { message, is_proven, mail, kind, reason, mut new, while_waiting } = news;
    let tx = scope.begin().await?;
    // First the incident, then its message, as approvals do. Two that come back at once must each see what the other changed.
    for incident in store_messages::incidents_of(&tx, &[message]).await? {
        store::lock_incident(tx.connection(), scope.tenant(), incident).await?;
    }
    let Some(message) = store_messages::locked(&tx, message).await? else {
        // Whoever has our return path has a message of ours: another notice is taking it over at this moment.
        return Ok(if is_proven { Taken::TooEarly } else { Taken::NotOurs });
    };
    let is_early = match message.state {
        MessageState::Sending => true,
        MessageState::Queued | MessageState::Deferred => !while_waiting,
        _ => false,
    };
    if is_early {
        return Ok(Taken::TooEarly);
    }
    // What became of an earlier mail says nothing of the one that was accepted since.
    let taken = events::mails_taken(tx.connection(), scope.tenant(), &[message.id]).await?;
    let taken = taken.get(&message.id).copied().unwrap_or_default();
    let is_of_earlier = mail.is_some_and(|mail| mail < bounces::LAST_MAIL && u64::from(mail) + 1 < taken);
    if is_of_earlier {
        new.note.get_or_insert_with(|| OF_EARLIER.to_owned());
    }
    let Some(head) = events::append(&tx, message.id, kind, new).await? else { return Ok(Taken::Recorded) };
    let moved = match (kind, message.state) {
        _ if !is_proven || is_of_earlier => None,
        (EventKind::BouncedHard, MessageState::Accepted | MessageState::BouncedSoft) => {
            Some(MessageState::BouncedHard)
        }
        (EventKind::BouncedSoft, MessageState::Accepted) => Some(MessageState::BouncedSoft),
        (EventKind::Suppressed, MessageState::Accepted | MessageState::BouncedSoft) => {
            Some(MessageState::Failed)
        }
        _ => None,
    };
    if let Some(state) = moved {
        store_messages::move_to(&tx, &message, state, reason).await?;
    }
    let event = Event::new(format!("message.{}", kind.as_str()), format!("message:{}", message.id));
    if moved.is_some() && message.state == MessageState::Accepted && message.record_type.is_some() {
        // Of thousands that come back, those alone change what the law knows that were the first to tell somebody.
        let first = store_messages::first_accepted(tx.connection(), scope, message.incident).await?;
        if first.is_none() || first > message.accepted_at {
            incidents::reassess(&tx, message.incident, scope.new_id()).await?;
        }
    }
    let detail =
        json!({ "notice": message.notice, "state": moved.map(MessageState::as_str), "history": head });
    tx.commit(event.detail(detail)).await?;
    Ok(Taken::Recorded)
}
