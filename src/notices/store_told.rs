//! Who has been told of an incident before: by which message, where, and what a new notice takes over from a cancelled one.

use std::collections::{HashMap, HashSet};

use entity::{message, notice, revision as list};
use sea_orm::sea_query::{Condition, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::model::{Audience, Channel, Language, Message, MessageState, Notice, NoticeState};
use super::store::CHUNK;
use super::store_messages::IN_VAIN;
use crate::error::{Error, Result};

fn cancelled_notices(tenant: Uuid) -> SelectStatement {
    Query::select()
        .column(notice::Column::Id)
        .from(notice::Entity)
        .and_where(notice::Column::TenantId.eq(tenant))
        .and_where(notice::Column::State.eq(NoticeState::Cancelled.as_str()))
        .to_owned()
}

/// Some recipients, and the lists for which there can be messages to them: by both they are found by the key of messages.
type Among<'a> = (&'a [Uuid], &'a [&'a str]);

/// Messages of an incident, of all its recipients or of some.
fn of_incident(notice: &Notice, among: Option<Among<'_>>) -> sea_orm::Select<message::Entity> {
    let messages = message::Entity::find()
        .filter(message::Column::TenantId.eq(notice.tenant))
        .filter(message::Column::IncidentId.eq(notice.incident));
    let Some((lists, recipients)) = among else { return messages };
    messages
        .filter(message::Column::RevisionId.is_in(lists.iter().copied()))
        .filter(message::Column::Channel.eq(Channel::Mail.as_str()))
        .filter(message::Column::Recipient.is_in(recipients.iter().copied()))
}

/// Lists of an incident for which somebody approved a notice: for the others there are no messages.
pub async fn lists_with_notices<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<Vec<Uuid>> {
    let lists: Vec<Uuid> = notice::Entity::find()
        .select_only()
        .column(notice::Column::RevisionId)
        .filter(notice::Column::TenantId.eq(notice.tenant))
        .filter(notice::Column::IncidentId.eq(notice.incident))
        .filter(notice::Column::Id.ne(notice.id))
        .filter(notice::Column::ApprovedAt.is_not_null())
        .distinct()
        .into_tuple()
        .all(database)
        .await?;
    Ok(lists)
}

/// What a recipient was last told of.
pub struct Told {
    pub revision: Uuid,
    /// It has reached the recipient, as far as anybody knows.
    pub reached: bool,
}

/// Recipients who have been told of this incident or are about to be, with the revision of the newest message; and whoever has any
/// message of the notice's own list: all of them, or those `among` these. What has failed or come back does not count: a notice for a later
/// list reaches for these people anew. Nor does what failed in a cancelled notice of the same list: nobody can try it again, so a notice that
/// takes the cancelled one's place must be able to. Whoever was last told not to be concerned has been told of nothing.
pub async fn told<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    among: Option<Among<'_>>,
) -> Result<HashMap<String, Told>> {
    let counts = Condition::any().add(message::Column::State.is_not_in(IN_VAIN)).add(
        Condition::all()
            .add(message::Column::RevisionId.eq(notice.revision))
            .add(message::Column::NoticeId.not_in_subquery(cancelled_notices(notice.tenant))),
    );
    last_words(database, notice, counts, among).await
}

/// Recipients among these whom another notice of this incident has told or is about to tell.
pub async fn told_elsewhere<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    among: &[&str],
) -> Result<HashSet<String>> {
    // A tenant hears once a list, and a correction goes to those whom another notice reached: only of the incident a person hears once.
    if notice.audience != Audience::Persons {
        return Ok(HashSet::new());
    }
    let counts = Condition::all()
        .add(message::Column::NoticeId.ne(notice.id))
        .add(message::Column::State.is_not_in(IN_VAIN));
    let lists = lists_with_notices(database, notice).await?;
    Ok(last_words(database, notice, counts, Some((&lists, among))).await?.into_keys().collect())
}

async fn last_words<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    counts: Condition,
    among: Option<Among<'_>>,
) -> Result<HashMap<String, Told>> {
    if among.is_some_and(|(lists, recipients)| lists.is_empty() || recipients.is_empty()) {
        return Ok(HashMap::new());
    }
    let cleared: HashSet<Uuid> = notice::Entity::find()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::TenantId.eq(notice.tenant))
        .filter(notice::Column::IncidentId.eq(notice.incident))
        .filter(notice::Column::Audience.eq(Audience::Cleared.as_str()))
        .into_tuple()
        .all(database)
        .await?
        .into_iter()
        .collect();
    // Lists follow each other by number; a list and its corrections name different people. (Instants may be the same.)
    let numbers: HashMap<Uuid, i32> = list::Entity::find()
        .select_only()
        .columns([list::Column::Id, list::Column::Number])
        .filter(list::Column::TenantId.eq(notice.tenant))
        .filter(list::Column::IncidentId.eq(notice.incident))
        .filter(list::Column::Number.is_not_null())
        .into_tuple()
        .all(database)
        .await?
        .into_iter()
        .collect();
    let mut rows: Vec<(String, Uuid, Uuid, String)> = of_incident(notice, among)
        .select_only()
        .columns([
            message::Column::Recipient,
            message::Column::RevisionId,
            message::Column::NoticeId,
            message::Column::State,
        ])
        .filter(counts)
        .order_by_asc(message::Column::CreatedAt)
        .into_tuple()
        .all(database)
        .await?;
    rows.sort_by_key(|(_, revision, ..)| numbers.get(revision).copied());
    let mut told = HashMap::new();
    for (recipient, revision, notice, state) in rows {
        let state = MessageState::from_stored(&state)?;
        let reached = matches!(state, MessageState::Accepted | MessageState::ToldOtherwise);
        match cleared.contains(&notice) {
            // A correction that has not arrived has corrected nothing.
            true if reached => {
                told.remove(&recipient);
            }
            true => {}
            false => {
                told.insert(recipient, Told { revision, reached });
            }
        }
    }
    Ok(told)
}

/// Whether a sender still has messages of a cancelled notice of this incident in hand. Nobody knows yet whether they reach anybody.
pub async fn cancelled_under_way<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<bool> {
    let found: Option<Uuid> = of_incident(notice, None)
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::State.eq(MessageState::Sending.as_str()))
        .filter(message::Column::NoticeId.in_subquery(cancelled_notices(notice.tenant)))
        .limit(1)
        .into_tuple()
        .one(database)
        .await?;
    Ok(found.is_some())
}

/// Where each person of an incident was last written to: tenant, record type and language.
pub async fn last_places<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
) -> Result<HashMap<String, (Uuid, String, Language)>> {
    let rows: Vec<(String, Uuid, Option<String>, String)> = of_incident(notice, None)
        .select_only()
        .columns([
            message::Column::Recipient,
            message::Column::RecipientTenant,
            message::Column::RecordType,
            message::Column::Language,
        ])
        .filter(message::Column::RecordType.is_not_null())
        .order_by_asc(message::Column::CreatedAt)
        .into_tuple()
        .all(database)
        .await?;
    let mut places = HashMap::new();
    for (recipient, tenant, record_type, language) in rows {
        if let Some(record_type) = record_type {
            places.insert(recipient, (tenant, record_type, Language::from_stored(&language)?));
        }
    }
    Ok(places)
}

/// Gives to a new notice the messages for these recipients that failed in cancelled ones for the same list: a recipient has one message a
/// list, and its id and Message-ID stay what they were, so that a mail that did leave after all is known as the same. They are
/// taken out here and come back with the rest of `messages`. Returns how many were taken over.
pub async fn take_over<C: ConnectionTrait>(
    database: &C,
    notice: &Notice,
    messages: &mut [Message],
) -> Result<u64> {
    let given_up = Condition::all()
        .add(message::Column::TenantId.eq(notice.tenant))
        .add(message::Column::IncidentId.eq(notice.incident))
        .add(message::Column::RevisionId.eq(notice.revision))
        .add(message::Column::State.is_in(IN_VAIN))
        .add(message::Column::NoticeId.in_subquery(cancelled_notices(notice.tenant)));
    let mut taken_over = 0;
    for messages in messages.chunks_mut(CHUNK) {
        let recipients = messages.iter().map(|message| message.recipient.as_str());
        let rows: Vec<(Uuid, String, String)> = message::Entity::find()
            .select_only()
            .columns([message::Column::Id, message::Column::Recipient, message::Column::MessageId])
            .filter(given_up.clone())
            .filter(message::Column::Channel.eq(Channel::Mail.as_str()))
            .filter(message::Column::Recipient.is_in(recipients))
            .into_tuple()
            .all(database)
            .await?;
        if rows.is_empty() {
            continue;
        }
        let taken: Vec<Uuid> = rows.iter().map(|(id, ..)| *id).collect();
        let mut known: HashMap<String, (Uuid, String)> =
            rows.into_iter().map(|(id, recipient, message_id)| (recipient, (id, message_id))).collect();
        for message in messages {
            if let Some((id, message_id)) = known.remove(&message.recipient) {
                (message.id, message.message_id) = (id, message_id);
            }
        }
        let (number, deleted) = (taken.len() as u64, message::Entity::delete_many().filter(given_up.clone()));
        let deleted = deleted.filter(message::Column::Id.is_in(taken)).exec(database).await?;
        if deleted.rows_affected != number {
            return Err(
                Error::conflict("messages of a cancelled notice changed meanwhile").remedy("try again")
            );
        }
        taken_over += number;
    }
    Ok(taken_over)
}

/// Who has a correction of this list already, whatever became of it.
pub async fn corrected<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<HashSet<String>> {
    let rows: Vec<String> = of_incident(notice, None)
        .select_only()
        .column(message::Column::Recipient)
        .filter(message::Column::RevisionId.eq(notice.revision))
        .filter(message::Column::NoticeId.not_in_subquery(cancelled_notices(notice.tenant)))
        .into_tuple()
        .all(database)
        .await?;
    Ok(rows.into_iter().collect())
}
