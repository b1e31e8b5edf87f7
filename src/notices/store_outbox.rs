//! The outbox as the worker sees it: claims with leases, outcomes, captured mail.

use std::collections::{BTreeMap, HashMap};

use entity::{captured_mail, message, notice, revision_person, tenant};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, UpdateMany,
};
use uuid::Uuid;

use super::model::{Affected, Message, MessageState, Notice, NoticeState, Reason};
use super::store::{self, concerned};
use super::store_messages::message_of;
use crate::access::{Scope, Tx};
use crate::error::Result;

const WAITING: [&str; 2] = ["queued", "deferred"];
const OPEN: [&str; 3] = ["queued", "sending", "deferred"];

fn notices_in(tenant: Uuid, states: &[NoticeState]) -> SelectStatement {
    Query::select()
        .column(notice::Column::Id)
        .from(notice::Entity)
        .and_where(notice::Column::TenantId.eq(tenant))
        .and_where(notice::Column::State.is_in(states.iter().map(|state| state.as_str())))
        .to_owned()
}

/// Approved notices that are sent in certain hours only, each with them as they are stored and the zone of its incident.
pub async fn with_hours(scope: &Scope) -> Result<Vec<(Uuid, String, String)>> {
    let rows = notice::Entity::find()
        .filter(notice::Column::TenantId.eq(scope.tenant()))
        .filter(notice::Column::State.eq(NoticeState::Approved.as_str()))
        .filter(notice::Column::SendBetween.is_not_null())
        .all(scope.connection())
        .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(hours) = row.send_between else { continue };
        let incident = super::store::incident(scope.connection(), scope, row.incident_id).await?;
        let zone = incident.map_or_else(|| "UTC".to_owned(), |incident| incident.zone);
        found.push((row.id, hours, zone));
    }
    Ok(found)
}

/// Whether something of an approved notice is still to be sent to this tenant's people or office.
pub async fn waits_for<C: ConnectionTrait>(database: &C, root: Uuid, tenant: Uuid) -> Result<bool> {
    let found = message::Entity::find()
        .filter(message::Column::TenantId.eq(root))
        .filter(message::Column::RecipientTenant.eq(tenant))
        .filter(message::Column::State.is_in(OPEN))
        .filter(
            message::Column::NoticeId
                .in_subquery(notices_in(root, &[NoticeState::Approved, NoticeState::Paused])),
        )
        .one(database)
        .await?;
    Ok(found.is_some())
}

/// A message as its worker has it, for the time for which it was taken: the same worker may have taken it twice.
pub fn owned(message: &Message, owner: Uuid) -> Condition {
    Condition::all()
        .add(message::Column::TenantId.eq(message.tenant))
        .add(message::Column::Id.eq(message.id))
        .add(message::Column::NoticeId.eq(message.notice))
        .add(message::Column::LeaseOwner.eq(owner))
        .add(message::Column::Attempts.eq(message.attempts))
        .add(message::Column::State.eq(MessageState::Sending.as_str()))
}

/// Prolongs the lease before an attempt. False when the message is no longer this worker's or its notice no longer approved.
pub async fn hold<C: ConnectionTrait>(
    database: &C,
    message: &Message,
    owner: Uuid,
    lease_until: i64,
) -> Result<bool> {
    let approved = notices_in(message.tenant, &[NoticeState::Approved]);
    let updated = message::Entity::update_many()
        .col_expr(message::Column::LeaseUntil, Expr::value(lease_until))
        .filter(owned(message, owner))
        .filter(message::Column::NoticeId.in_subquery(approved))
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Prolongs the lease during an attempt, whatever has become of the notice: what is under way stays this worker's until its
/// outcome is known, or a notice in its place would tell the same person again. False when it is no longer this worker's.
pub async fn renew<C: ConnectionTrait>(
    database: &C,
    message: &Message,
    owner: Uuid,
    lease_until: i64,
) -> Result<bool> {
    let updated = message::Entity::update_many()
        .col_expr(message::Column::LeaseUntil, Expr::value(lease_until))
        .filter(owned(message, owner))
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// What was taken and not begun stands as it stood before: it was no attempt.
fn given_back() -> UpdateMany<message::Entity> {
    message::Entity::update_many()
        .col_expr(
            message::Column::State,
            Expr::case(Expr::col(message::Column::Attempts).lte(1), MessageState::Queued.as_str())
                .finally(MessageState::Deferred.as_str())
                .into(),
        )
        .col_expr(message::Column::Attempts, Expr::col(message::Column::Attempts).sub(1))
        .col_expr(message::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(message::Column::LeaseOwner, Expr::value(None::<Uuid>))
}

/// Gives back what was taken and not begun; it does not count as an attempt.
pub async fn release<C: ConnectionTrait>(database: &C, messages: &[Message], owner: Uuid) -> Result<u64> {
    let mut by_attempts: BTreeMap<u32, Vec<Uuid>> = BTreeMap::new();
    for message in messages {
        by_attempts.entry(message.attempts).or_default().push(message.id);
    }
    let mut released = 0;
    for (attempts, ids) in by_attempts {
        let updated = given_back()
            .filter(message::Column::Id.is_in(ids))
            .filter(message::Column::Attempts.eq(attempts))
            .filter(message::Column::LeaseOwner.eq(owner))
            .filter(message::Column::State.eq(MessageState::Sending.as_str()))
            .exec(database)
            .await?;
        released += updated.rows_affected;
    }
    Ok(released)
}

/// Gives back what has to wait for its domain until an instant, in microseconds; it does not count as an attempt.
pub async fn postpone<C: ConnectionTrait>(
    database: &C,
    message: &Message,
    owner: Uuid,
    until: i64,
) -> Result<bool> {
    let updated = given_back()
        .col_expr(message::Column::NextAttemptAt, Expr::value(until))
        .filter(owned(message, owner))
        .exec(database)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Whether a notice of the query around it has messages in one of these states.
fn has_messages(more: Condition) -> Expr {
    let messages = Query::select()
        .expr(Expr::val(1))
        .from(message::Entity)
        .and_where(
            Expr::col((message::Entity, message::Column::TenantId))
                .equals((notice::Entity, notice::Column::TenantId)),
        )
        .and_where(
            Expr::col((message::Entity, message::Column::NoticeId))
                .equals((notice::Entity, notice::Column::Id)),
        )
        .cond_where(more)
        .take();
    Expr::exists(messages)
}

/// Approved notices none of whose messages is open any more.
pub async fn finished(scope: &Scope) -> Result<Vec<Uuid>> {
    let open = Expr::col((message::Entity, message::Column::State)).is_in(OPEN);
    Ok(notice::Entity::find()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::TenantId.eq(scope.tenant()))
        .filter(notice::Column::State.eq(NoticeState::Approved.as_str()))
        .filter(has_messages(Condition::all().add(open)).not())
        .into_tuple()
        .all(scope.connection())
        .await?)
}

/// Whether a notice has messages that are still open.
pub async fn has_open<C: ConnectionTrait>(database: &C, notice: &Notice) -> Result<bool> {
    let found: Option<Uuid> = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::TenantId.eq(notice.tenant))
        .filter(message::Column::NoticeId.eq(notice.id))
        .filter(message::Column::State.is_in(OPEN))
        .limit(1)
        .into_tuple()
        .one(database)
        .await?;
    Ok(found.is_some())
}

/// What was under way when its notice was cancelled and then had to wait.
fn waits_or_was_lost(now: i64) -> Condition {
    let state = || Expr::col((message::Entity, message::Column::State));
    Condition::any().add(state().is_in(WAITING)).add(
        Condition::all()
            .add(state().eq(MessageState::Sending.as_str()))
            .add(Expr::col((message::Entity, message::Column::LeaseUntil)).lte(now)),
    )
}

fn left_over(tenant: Uuid, now: i64) -> Condition {
    Condition::all()
        .add(message::Column::TenantId.eq(tenant))
        .add(message::Column::NoticeId.in_subquery(notices_in(tenant, &[NoticeState::Cancelled])))
        .add(waits_or_was_lost(now))
}

/// Whether a cancelled notice still has messages that were under way when it was cancelled and then had to wait.
pub async fn anything_left_over(scope: &Scope) -> Result<bool> {
    let found: Option<Uuid> = notice::Entity::find()
        .select_only()
        .column(notice::Column::Id)
        .filter(notice::Column::TenantId.eq(scope.tenant()))
        .filter(notice::Column::State.eq(NoticeState::Cancelled.as_str()))
        .filter(has_messages(waits_or_was_lost(scope.at_micros())))
        .limit(1)
        .into_tuple()
        .one(scope.connection())
        .await?;
    Ok(found.is_some())
}

/// Which of those somebody was sending; their rows are held.
pub async fn left_over_under_way(tx: &Tx) -> Result<Vec<Uuid>> {
    let scope = tx.scope();
    let mut query = message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(left_over(scope.tenant(), scope.at_micros()))
        .filter(message::Column::State.eq(MessageState::Sending.as_str()))
        .order_by_asc(message::Column::Id);
    if tx.connection().get_database_backend() == DbBackend::Postgres {
        query = query.lock(LockType::Update);
    }
    Ok(query.into_tuple().all(tx.connection()).await?)
}

/// Gives those up.
pub async fn fail_left_over<C: ConnectionTrait>(database: &C, scope: &Scope) -> Result<u64> {
    let updated = message::Entity::update_many()
        .col_expr(message::Column::State, Expr::value(MessageState::Failed.as_str()))
        .col_expr(message::Column::Reason, Expr::value(Reason::Cancelled.as_str()))
        .col_expr(message::Column::LeaseUntil, Expr::value(None::<i64>))
        .col_expr(message::Column::LeaseOwner, Expr::value(None::<Uuid>))
        .filter(left_over(scope.tenant(), scope.at_micros()))
        .exec(database)
        .await?;
    Ok(updated.rows_affected)
}

/// Where on the list these people stand.
pub async fn entries_of(
    scope: &Scope,
    revision: Uuid,
    persons: &[&str],
) -> Result<HashMap<String, Vec<Affected>>> {
    let mut found: HashMap<String, Vec<Affected>> = HashMap::new();
    for entry in store::affected_among(scope.connection(), scope.tenant(), revision, persons).await? {
        found.entry(entry.person.clone()).or_default().push(entry);
    }
    Ok(found)
}

#[derive(FromQueryResult)]
struct KindCount {
    person_kind: String,
    number: i64,
}

/// The people of a tenant who are on the list.
pub async fn people_of(scope: &Scope, revision: Uuid, slug: &str) -> Result<Vec<String>> {
    Ok(concerned(scope.tenant(), revision)
        .select_only()
        .column(revision_person::Column::Person)
        .filter(revision_person::Column::TenantSlug.eq(slug))
        .into_tuple()
        .all(scope.connection())
        .await?)
}

/// How many people of a tenant are on the list, by kind.
pub async fn groups(scope: &Scope, revision: Uuid, slug: &str) -> Result<Vec<(String, u64)>> {
    let rows = revision_person::Entity::find()
        .select_only()
        .column(revision_person::Column::PersonKind)
        .column_as(revision_person::Column::Person.count(), "number")
        .filter(revision_person::Column::TenantId.eq(scope.tenant()))
        .filter(revision_person::Column::RevisionId.eq(revision))
        .filter(revision_person::Column::TenantSlug.eq(slug))
        .filter(revision_person::Column::Class.is_in(["confirmed", "possible"]))
        .group_by(revision_person::Column::PersonKind)
        .order_by_asc(revision_person::Column::PersonKind)
        .into_model::<KindCount>()
        .all(scope.connection())
        .await?;
    Ok(rows.into_iter().map(|row| (row.person_kind, u64::try_from(row.number).unwrap_or_default())).collect())
}

/// A tenant's names and sealed contact.
pub struct Office {
    pub id: Uuid,
    pub name_ja: String,
    pub name_en: String,
    pub contact: Option<Vec<u8>>,
}

/// Tenants by short name.
pub async fn offices(scope: &Scope, slugs: &[&str]) -> Result<BTreeMap<String, Office>> {
    let rows = tenant::Entity::find()
        .filter(scope.rows(tenant::Column::Id))
        .filter(tenant::Column::Slug.is_in(slugs.iter().copied()))
        .all(scope.connection())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let tenant::Model { id, slug, name_ja, name_en, contact, .. } = row;
            (slug, Office { id, name_ja, name_en, contact })
        })
        .collect())
}

/// Keeps a mail; one with the same Message-ID is kept already. Returns whether it is new.
pub async fn keep_mail<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    id: Uuid,
    message_id: &str,
    at: i64,
    sealed: Vec<u8>,
) -> Result<bool> {
    let row = captured_mail::Model {
        tenant_id: tenant,
        id,
        message_id: message_id.to_owned(),
        captured_at: at,
        sealed,
    };
    let inserted = captured_mail::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::columns([captured_mail::Column::TenantId, captured_mail::Column::MessageId])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(database)
        .await?;
    Ok(inserted == 1)
}

/// A kept mail: id, Message-ID, when, sealed bytes.
pub type KeptMail = captured_mail::Model;

/// The messages that kept mails belong to, by Message-ID.
pub async fn messages_by_mail(scope: &Scope, mail_ids: &[&str]) -> Result<HashMap<String, Message>> {
    let rows = message::Entity::find()
        .filter(message::Column::TenantId.eq(scope.tenant()))
        .filter(message::Column::MessageId.is_in(mail_ids.iter().copied()))
        .all(scope.connection())
        .await?;
    rows.into_iter().map(|row| Ok((row.message_id.clone(), message_of(row)?))).collect()
}

/// Kept mails, oldest first.
pub async fn kept_mails(scope: &Scope, after: Option<Uuid>, limit: u64) -> Result<Vec<KeptMail>> {
    let mut query = captured_mail::Entity::find()
        .filter(scope.rows(captured_mail::Column::TenantId))
        .order_by_asc(captured_mail::Column::Id);
    if let Some(after) = after {
        query = query.filter(captured_mail::Column::Id.gt(after));
    }
    Ok(query.limit(limit).all(scope.connection()).await?)
}

/// The newest kept mails, newest first: of all, or of those that are messages of a notice.
pub async fn newest_mails(scope: &Scope, notice: Option<Uuid>, limit: u64) -> Result<Vec<KeptMail>> {
    let mut query = captured_mail::Entity::find()
        .filter(scope.rows(captured_mail::Column::TenantId))
        .order_by_desc(captured_mail::Column::Id);
    if let Some(notice) = notice {
        let of_notice = Query::select()
            .column(message::Column::MessageId)
            .from(message::Entity)
            .and_where(message::Column::TenantId.eq(scope.tenant()))
            .and_where(message::Column::NoticeId.eq(notice))
            .to_owned();
        query = query.filter(captured_mail::Column::MessageId.in_subquery(of_notice));
    }
    Ok(query.limit(limit).all(scope.connection()).await?)
}
