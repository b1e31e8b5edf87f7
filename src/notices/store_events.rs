//! What happened to each message, sealed: each entry's hash covers the one before, so that none can be changed, left out or moved
//! without the last one showing it.

use std::collections::HashMap;

use entity::{message, message_event as row};
use jiff::Timestamp;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::model::{MessageState, Reason, words};
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;

/// Entries of one message that others can make: mails that come back, and words of providers. Further ones say nothing new.
const MAX_FROM_OUTSIDE: i32 = 100;
/// A server that goes on trying says so many times, and must not take the place of the end.
const MAX_DELAYS: i32 = 50;

words!(
    /// What happened.
    EventKind {
        /// The mail server took responsibility for it.
        Accepted = "accepted",
        /// It waits for another attempt.
        Deferred = "deferred",
        /// It will not be tried again by itself.
        Failed = "failed",
        /// Whoever was sending it ended without saying what came of it: the server may have it, and it is sent again.
        Interrupted = "interrupted",
        /// An officer had it tried again.
        Requeued = "requeued",
        /// It came back: there is no such address.
        BouncedHard = "bounced_hard",
        /// It came back, for a reason that may pass.
        BouncedSoft = "bounced_soft",
        /// A server on the way is still trying.
        Delayed = "delayed",
        /// A server says that it arrived, or that it handed it on.
        Delivered = "delivered",
        /// The provider that was to send it did not even try.
        Suppressed = "suppressed",
        /// The recipient's provider says that the person called it unwanted.
        Complaint = "complaint",
        /// A program answered for the person.
        AutomaticAnswer = "automatic_answer",
        /// Something came back that no rule understands: somebody has to look at it.
        CameBack = "came_back",
        /// An officer judged that it did arrive, whatever came back.
        Overridden = "overridden",
        /// A letter was posted.
        LetterSent = "letter_sent",
        /// The letter came back.
        LetterReturned = "letter_returned",
        /// Told by telephone.
        PhoneReached = "phone_reached",
        /// Called in vain.
        PhoneNotReached = "phone_not_reached",
        /// Told face to face, or by the tenant.
        ToldInPerson = "told_in_person",
    }
);

/// One entry.
#[derive(Clone, Debug)]
pub struct MessageEvent {
    /// From 1.
    pub seq: i32,
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// Enhanced status code, or why it waits or has failed; never an address.
    pub code: Option<String>,
    pub reply_code: Option<u16>,
    /// SHA-256 of the mail that came back; or the provider that said so, a colon, and SHA-256 of what it calls the event.
    pub source: Option<String>,
    /// A person's words.
    pub note: Option<String>,
    pub author: Option<Uuid>,
    pub recorded_at: Timestamp,
    pub hash: String,
}

impl MessageEvent {
    /// Who said it, with the SHA-256 of what was said: `mail` or a provider. Nothing where the service or an officer knows by itself.
    pub fn source(&self) -> Option<(&str, &str)> {
        let source = self.source.as_deref()?;
        Some(source.split_once(':').unwrap_or(("mail", source)))
    }
}

/// What to append.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    pub at: Option<Timestamp>,
    pub code: Option<String>,
    pub reply_code: Option<u16>,
    pub source: Option<String>,
    pub note: Option<String>,
    pub author: Option<Uuid>,
}

/// What an entry's hash covers, in a fixed order.
#[derive(Serialize)]
struct Sealed<'a>(
    &'a str,
    Uuid,
    Uuid,
    i32,
    &'a str,
    i64,
    Option<&'a str>,
    Option<i32>,
    Option<&'a str>,
    Option<&'a str>,
    Option<Uuid>,
    i64,
);

fn hash(before: &str, row: &row::Model) -> Result<String> {
    let sealed = Sealed(
        before,
        row.tenant_id,
        row.message_id,
        row.seq,
        &row.kind,
        row.at,
        row.code.as_deref(),
        row.reply_code,
        row.source.as_deref(),
        row.note.as_deref(),
        row.author,
        row.recorded_at,
    );
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(&json!(sealed))?)))
}

/// Appends an entry; gives its hash. The transaction holds the message's row. Nothing when the same mail that came back was recorded
/// before, or more came back than anybody reads: what the service itself and officers record is never refused.
pub async fn append(tx: &Tx, message: Uuid, kind: EventKind, new: NewEvent) -> Result<Option<String>> {
    let (database, tenant) = (tx.connection(), tx.scope().tenant());
    if let Some(source) = &new.source {
        let known = row::Entity::find()
            .filter(row::Column::TenantId.eq(tenant))
            .filter(row::Column::MessageId.eq(message))
            .filter(row::Column::Source.eq(source.as_str()));
        if known.one(database).await?.is_some() {
            return Ok(None);
        }
    }
    let last: Option<(i32, String)> = row::Entity::find()
        .select_only()
        .columns([row::Column::Seq, row::Column::Hash])
        .filter(row::Column::TenantId.eq(tenant))
        .filter(row::Column::MessageId.eq(message))
        .order_by_desc(row::Column::Seq)
        .limit(1)
        .into_tuple()
        .one(database)
        .await?;
    let (seq, before) = last.map_or((1, String::new()), |(seq, hash)| (seq + 1, hash));
    let most = if kind == EventKind::Delayed { MAX_DELAYS } else { MAX_FROM_OUTSIDE };
    if new.source.is_some() && seq > most {
        return Ok(None);
    }
    let model = model_of(tx, message, seq, kind, new, &before)?;
    let head = model.hash.clone();
    row::Entity::insert(model.into_active_model().reset_all()).exec_without_returning(database).await?;
    Ok(Some(head))
}

/// Appends an entry of the service's own to each of several messages, whose rows the transaction holds; gives their hashes in that
/// order. No message may stand there twice.
pub async fn append_each(tx: &Tx, entries: Vec<(Uuid, EventKind, NewEvent)>) -> Result<Vec<String>> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let (database, tenant) = (tx.connection(), tx.scope().tenant());
    // All entries of a message are few: the last one is looked for here, because "the last of each" is no simple question to ask.
    let before: Vec<(Uuid, i32, String)> = row::Entity::find()
        .select_only()
        .columns([row::Column::MessageId, row::Column::Seq, row::Column::Hash])
        .filter(row::Column::TenantId.eq(tenant))
        .filter(row::Column::MessageId.is_in(entries.iter().map(|(message, ..)| *message)))
        .into_tuple()
        .all(database)
        .await?;
    let mut last: HashMap<Uuid, (i32, String)> = HashMap::new();
    for (message, seq, hash) in before {
        if last.get(&message).is_none_or(|(known, _)| *known < seq) {
            last.insert(message, (seq, hash));
        }
    }
    let (mut rows, mut heads) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for (message, kind, new) in entries {
        let (seq, before) = last.remove(&message).map_or((1, String::new()), |(seq, hash)| (seq + 1, hash));
        let model = model_of(tx, message, seq, kind, new, &before)?;
        heads.push(model.hash.clone());
        rows.push(model.into_active_model().reset_all());
    }
    row::Entity::insert_many(rows).exec_without_returning(database).await?;
    Ok(heads)
}

fn model_of(
    tx: &Tx,
    message: Uuid,
    seq: i32,
    kind: EventKind,
    new: NewEvent,
    before: &str,
) -> Result<row::Model> {
    let NewEvent { at, code, reply_code, source, note, author } = new;
    let mut model = row::Model {
        tenant_id: tx.scope().tenant(),
        message_id: message,
        seq,
        kind: kind.as_str().to_owned(),
        at: at.map_or(tx.scope().at_micros(), |at| at.as_microsecond()),
        code,
        reply_code: reply_code.map(i32::from),
        source,
        note,
        author,
        recorded_at: tx.scope().at_micros(),
        hash: String::new(),
    };
    model.hash = hash(before, &model)?;
    Ok(model)
}

/// The entries of messages, the oldest first, and whether each chain is whole.
pub async fn of_messages(scope: &Scope, messages: &[Uuid]) -> Result<Vec<(Uuid, Vec<MessageEvent>, bool)>> {
    read(scope.connection(), scope.tenant(), messages).await
}

async fn read<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    messages: &[Uuid],
) -> Result<Vec<(Uuid, Vec<MessageEvent>, bool)>> {
    let rows = row::Entity::find()
        .filter(row::Column::TenantId.eq(tenant))
        .filter(row::Column::MessageId.is_in(messages.iter().copied()))
        .order_by_asc(row::Column::MessageId)
        .order_by_asc(row::Column::Seq)
        .all(database)
        .await?;
    let mut found: Vec<(Uuid, Vec<MessageEvent>, bool)> = Vec::new();
    for row in rows {
        if found.last().is_none_or(|(message, ..)| *message != row.message_id) {
            found.push((row.message_id, Vec::new(), true));
        }
        let Some((_, events, whole)) = found.last_mut() else { continue };
        let before = events.last().map_or("", |last| last.hash.as_str());
        *whole &= row.hash == hash(before, &row)? && row.seq == events.last().map_or(1, |last| last.seq + 1);
        events.push(event_of(row)?);
    }
    Ok(found)
}

fn event_of(row: row::Model) -> Result<MessageEvent> {
    let row::Model {
        tenant_id: _,
        message_id: _,
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
    } = row;
    Ok(MessageEvent {
        seq,
        kind: EventKind::from_stored(&kind)?,
        at: from_micros(at),
        code,
        reply_code: reply_code.and_then(|code| u16::try_from(code).ok()),
        source,
        note,
        author,
        recorded_at: from_micros(recorded_at),
        hash,
    })
}

/// The server did not answer the end of the mail: it may have it.
fn ambiguous() -> Condition {
    Condition::all()
        .add(row::Column::Kind.eq(EventKind::Failed.as_str()))
        .add(row::Column::Code.eq(Reason::Ambiguous.as_str()))
}

/// How many mails of these messages a server has taken, or may have: each that leaves after is another one. Copies that left because nobody
/// knew of the one before count as one.
pub async fn mails_taken<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    messages: &[Uuid],
) -> Result<HashMap<Uuid, u64>> {
    let rows: Vec<(Uuid, i64)> = row::Entity::find()
        .select_only()
        .column(row::Column::MessageId)
        .column_as(row::Column::Seq.count(), "number")
        .filter(row::Column::TenantId.eq(tenant))
        .filter(row::Column::MessageId.is_in(messages.iter().copied()))
        .filter(Condition::any().add(row::Column::Kind.eq(EventKind::Accepted.as_str())).add(ambiguous()))
        .group_by(row::Column::MessageId)
        .into_tuple()
        .all(database)
        .await?;
    Ok(rows.into_iter().map(|(id, number)| (id, u64::try_from(number).unwrap_or_default())).collect())
}

/// How many messages of a notice were sent anew because nobody knew what had become of the attempt before: as many recipients at most
/// have the same mail twice.
pub async fn may_be_repeated(scope: &Scope, notice: Uuid) -> Result<u64> {
    let messages = Query::select()
        .column(message::Column::Id)
        .from(message::Entity)
        .and_where(message::Column::TenantId.eq(scope.tenant()))
        .and_where(message::Column::NoticeId.eq(notice))
        // Where nothing came of it in the end, there is at most one.
        .and_where(message::Column::AcceptedAt.is_not_null())
        .to_owned();
    let number: Option<i64> = row::Entity::find()
        .select_only()
        .expr_as(Expr::col(row::Column::MessageId).count_distinct(), "number")
        .filter(row::Column::TenantId.eq(scope.tenant()))
        .filter(
            // An ambiguous one was tried again by somebody.
            Condition::any().add(row::Column::Kind.eq(EventKind::Interrupted.as_str())).add(ambiguous()),
        )
        .filter(row::Column::MessageId.in_subquery(messages))
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default())
}

/// When the first person of an incident was told in another way than by mail.
pub async fn first_told_otherwise(scope: &Scope, incident: Uuid) -> Result<Option<Timestamp>> {
    let messages = Query::select()
        .column(message::Column::Id)
        .from(message::Entity)
        .and_where(message::Column::TenantId.eq(scope.tenant()))
        .and_where(message::Column::IncidentId.eq(incident))
        .and_where(message::Column::RecordType.is_not_null())
        .and_where(message::Column::State.eq(MessageState::ToldOtherwise.as_str()))
        .to_owned();
    let kinds = [EventKind::LetterSent, EventKind::PhoneReached, EventKind::ToldInPerson];
    // A letter that came back told nobody, whatever came after it.
    let later = Alias::new("later");
    let came_back = Query::select()
        .expr(Expr::val(1))
        .from_as(row::Entity, later.clone())
        .and_where(
            Expr::col((later.clone(), row::Column::TenantId)).equals((row::Entity, row::Column::TenantId)),
        )
        .and_where(
            Expr::col((later.clone(), row::Column::MessageId)).equals((row::Entity, row::Column::MessageId)),
        )
        .and_where(Expr::col((later.clone(), row::Column::Kind)).eq(EventKind::LetterReturned.as_str()))
        .and_where(Expr::col((later, row::Column::Seq)).gt(Expr::col((row::Entity, row::Column::Seq))))
        .to_owned();
    let first: Option<Option<i64>> = row::Entity::find()
        .select_only()
        .column_as(row::Column::At.min(), "first")
        .filter(row::Column::TenantId.eq(scope.tenant()))
        .filter(row::Column::Kind.is_in(kinds.map(EventKind::as_str)))
        .filter(
            Condition::any()
                .add(row::Column::Kind.ne(EventKind::LetterSent.as_str()))
                .add(Expr::exists(came_back).not()),
        )
        .filter(row::Column::MessageId.in_subquery(messages))
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(first.flatten().map(from_micros))
}
