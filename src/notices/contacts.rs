//! Whoever no mail reached, told by another way; and what an officer judges of a mail that came back.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::model::{Message, MessageState, Notice, Reason};
use super::remarks::has_long_number;
use super::store_events::{self as events, EventKind, MessageEvent, NewEvent};
use super::{store, store_messages};
use crate::access::{Action, Op, Tx};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::{self, permit};

/// Messages in one call: a stack of letters.
const MOST_AT_ONCE: usize = 1_000;
/// Characters of a note.
const MAX_NOTE: usize = 300;

/// How somebody was told, or that it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    LetterSent,
    LetterReturned,
    PhoneReached,
    PhoneNotReached,
    ToldInPerson,
}

impl Contact {
    fn kind(self) -> EventKind {
        match self {
            Contact::LetterSent => EventKind::LetterSent,
            Contact::LetterReturned => EventKind::LetterReturned,
            Contact::PhoneReached => EventKind::PhoneReached,
            Contact::PhoneNotReached => EventKind::PhoneNotReached,
            Contact::ToldInPerson => EventKind::ToldInPerson,
        }
    }
}

/// Records for each of these messages how its recipient was told, or that it was tried: all of them, or none. Whoever was not told by
/// mail counts as told then; a letter that came back takes that away again.
///
/// # Errors
/// `INVALID` for the note, the instant or the number; `NOT_FOUND` for a message; `CONFLICT` where one is still being sent; those of
/// permission.
pub async fn record_contacts(
    op: &Op,
    tenant: Uuid,
    messages: &[Uuid],
    contact: Contact,
    at: Option<Timestamp>,
    note: Option<&str>,
) -> Result<Vec<Message>> {
    let scope = permit(op, Action::Update, "message", "message").await?.within(tenant, "message")?;
    if !(1..=MOST_AT_ONCE).contains(&messages.len()) {
        return Err(Error::invalid("messageIds", format!("wants 1 to {MOST_AT_ONCE}")));
    }
    let note = note.map(checked_note).transpose()?.flatten();
    if at.is_some_and(|at| at > scope.at() || at < Timestamp::UNIX_EPOCH) {
        return Err(Error::invalid("at", "lies in the future or before 1970"));
    }
    let mut ids = messages.to_vec();
    // In one order: two that record at once must not wait for each other.
    ids.sort_unstable();
    ids.dedup();
    let tx = scope.begin().await?;
    // First the incidents, then their messages, as approvals do: who is told otherwise is told by no mail made at the same time.
    let concerned = store_messages::incidents_of(&tx, &ids).await?;
    for incident in &concerned {
        store::lock_incident(tx.connection(), tenant, *incident).await?;
    }
    let mut changed = Vec::with_capacity(ids.len());
    let mut heads = Vec::with_capacity(ids.len());
    for id in ids {
        let found = store_messages::locked(&tx, id).await?;
        let mut message = found.ok_or_else(|| Error::not_found("message"))?;
        let (state, reason) = match (contact, message.state) {
            (_, MessageState::Queued | MessageState::Sending | MessageState::Deferred) => {
                let still = format!("message {id} is still being sent");
                return Err(Error::conflict(still).remedy("wait for it, or cancel the notice"));
            }
            (
                Contact::LetterSent | Contact::PhoneReached | Contact::ToldInPerson,
                MessageState::Failed | MessageState::BouncedSoft | MessageState::BouncedHard,
            ) => (MessageState::ToldOtherwise, message.reason),
            (Contact::LetterReturned, MessageState::ToldOtherwise) if !spoken_with(&tx, id).await? => {
                (MessageState::Failed, Some(Reason::LetterCameBack))
            }
            (_, state) => (state, message.reason),
        };
        let new = NewEvent { at, note: note.clone(), author: Some(scope.author()), ..NewEvent::default() };
        let head = events::append(&tx, id, contact.kind(), new).await?;
        heads.push(json!([id, head]));
        if state != message.state {
            store_messages::move_to(&tx, &message, state, reason).await?;
            (message.state, message.reason) = (state, reason);
        }
        changed.push(message);
    }
    if contact != Contact::PhoneNotReached {
        // When the first persons were told may hang on it.
        for incident in concerned {
            incidents::reassess(&tx, incident, scope.new_id()).await?;
        }
    }
    let event = Event::new("message.contact", "message");
    tx.commit(event.detail(json!({ "kind": contact.kind().as_str(), "histories": heads }))).await?;
    Ok(changed)
}

/// Whether somebody has spoken with the person: a letter that comes back takes nothing from that.
async fn spoken_with(tx: &Tx, message: Uuid) -> Result<bool> {
    let found = events::of_messages(tx.scope(), &[message]).await?;
    let spoken =
        |event: &MessageEvent| matches!(event.kind, EventKind::PhoneReached | EventKind::ToldInPerson);
    Ok(found.iter().any(|(_, events, _)| events.iter().any(spoken)))
}

/// Judges that a message did arrive, whatever came back: a server may report wrongly, a person may have answered.
///
/// # Errors
/// `INVALID` for the note, `NOT_FOUND`, `CONFLICT` when it did not come back, and those of permission.
pub async fn override_return(op: &Op, tenant: Uuid, message: Uuid, note: &str) -> Result<Message> {
    let scope = permit(op, Action::Update, "message", "message").await?.within(tenant, "message")?;
    let note = checked_note(note)?.ok_or_else(|| {
        Error::invalid("note", "is missing")
            .remedy("say what the judgement rests on, without names or addresses")
    })?;
    let tx = scope.begin().await?;
    let found = store_messages::locked(&tx, message).await?;
    let mut message = found.ok_or_else(|| Error::not_found("message"))?;
    if !matches!(message.state, MessageState::BouncedSoft | MessageState::BouncedHard) {
        return Err(Error::conflict("this message did not come back"));
    }
    let new = NewEvent { note: Some(note), author: Some(scope.author()), ..NewEvent::default() };
    let head = events::append(&tx, message.id, EventKind::Overridden, new).await?;
    store_messages::move_to(&tx, &message, MessageState::Accepted, None).await?;
    message.state = MessageState::Accepted;
    incidents::reassess(&tx, message.incident, scope.new_id()).await?;
    let event = Event::new("message.override", format!("message:{}", message.id));
    tx.commit(event.detail(json!({ "history": head }))).await?;
    Ok(message)
}

/// What happened to a message, the oldest first, and whether nothing of it was changed since. The read is recorded with the list that
/// named the message.
///
/// # Errors
/// Those of permission.
pub async fn events_of(op: &Op, message: &Message) -> Result<(Vec<MessageEvent>, bool)> {
    let scope = permit(op, Action::Read, "message", "message").await?.within(message.tenant, "message")?;
    let found = events::of_messages(&scope, &[message.id]).await?;
    Ok(found.into_iter().next().map_or((Vec::new(), true), |(_, events, whole)| (events, whole)))
}

/// One line, or nothing. Words of people may hold what they should not: marks of addresses are refused.
fn checked_note(note: &str) -> Result<Option<String>> {
    let note = note.trim();
    if note.is_empty() {
        return Ok(None);
    }
    if note.chars().count() > MAX_NOTE || note.chars().any(char::is_control) {
        return Err(Error::invalid("note", format!("wants one line of at most {MAX_NOTE} characters")));
    }
    if note.contains('@') || has_long_number(note) {
        return Err(Error::invalid("note", "holds an address or a long number")
            .remedy("leave names and addresses out: it is kept for ever"));
    }
    Ok(Some(note.to_owned()))
}

/// The messages of a notice with what happened to each, by page: for the proof.
///
/// # Errors
/// Those of permission.
pub async fn proof_page(
    op: &Op,
    notice: &Notice,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<(Message, Vec<MessageEvent>, bool)>> {
    let messages = super::messages(op, notice, None, after, limit).await?;
    let scope = permit(op, Action::Read, "message", "notice").await?.within(notice.tenant, "notice")?;
    let ids: Vec<Uuid> = messages.iter().map(|message| message.id).collect();
    let mut events: std::collections::HashMap<Uuid, (Vec<MessageEvent>, bool)> =
        events::of_messages(&scope, &ids)
            .await?
            .into_iter()
            .map(|(id, events, whole)| (id, (events, whole)))
            .collect();
    let mut page = Vec::with_capacity(messages.len());
    for message in messages {
        let (events, whole) = events.remove(&message.id).unwrap_or_else(|| (Vec::new(), true));
        page.push((message, events, whole));
    }
    Ok(page)
}
