//! What the outbox keeps about one person, and for how long.

use entity::{captured_mail, incident, message};
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::access::Tx;
use crate::vault::{self, Subject};

/// Most messages to one person that are listed.
const LISTED: u64 = 1000;

fn incidents_of(system: &str) -> SelectStatement {
    Query::select()
        .column(incident::Column::Id)
        .from(incident::Entity)
        .and_where(incident::Column::System.eq(system))
        .to_owned()
}

/// Messages to a person, oldest first. They are the operator's rows: the caller's scope was checked for the person.
pub async fn messages_to<C: ConnectionTrait>(
    database: &C,
    root: Uuid,
    subject: &Subject,
) -> Result<Vec<message::Model>, DbErr> {
    message::Entity::find()
        .filter(message::Column::TenantId.eq(root))
        .filter(message::Column::RecipientTenant.eq(subject.tenant))
        .filter(message::Column::Recipient.eq(subject.external_id.as_str()))
        .filter(message::Column::RecordType.eq(subject.record_type.as_str()))
        .filter(message::Column::IncidentId.in_subquery(incidents_of(&subject.system)))
        .order_by_asc(message::Column::CreatedAt)
        .order_by_asc(message::Column::Id)
        .limit(LISTED)
        .all(database)
        .await
}

/// Removes kept mails by Message-ID.
pub async fn remove_mails(tx: &Tx, root: Uuid, mail_ids: Vec<String>) -> Result<u64, DbErr> {
    if mail_ids.is_empty() {
        return Ok(0);
    }
    let deleted = captured_mail::Entity::delete_many()
        .filter(captured_mail::Column::TenantId.eq(root))
        .filter(captured_mail::Column::MessageId.is_in(mail_ids))
        .exec(tx.connection())
        .await?;
    Ok(deleted.rows_affected)
}

/// Removes mails that were kept before `before`: at most `limit`.
pub async fn purge_mails(tx: &Tx, root: Uuid, before: i64, limit: u64) -> Result<u64, DbErr> {
    let old: Vec<Uuid> = captured_mail::Entity::find()
        .select_only()
        .column(captured_mail::Column::Id)
        .filter(captured_mail::Column::TenantId.eq(root))
        .filter(captured_mail::Column::CapturedAt.lt(before))
        .limit(limit)
        .into_tuple()
        .all(tx.connection())
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    let deleted = captured_mail::Entity::delete_many()
        .filter(captured_mail::Column::TenantId.eq(root))
        .filter(captured_mail::Column::Id.is_in(old))
        .exec(tx.connection())
        .await?;
    Ok(deleted.rows_affected)
}

/// Messages to people of a tenant, and to its office.
pub async fn messages_of_tenant(tx: &Tx, root: Uuid, tenant: Uuid) -> Result<Vec<Uuid>, DbErr> {
    message::Entity::find()
        .select_only()
        .column(message::Column::Id)
        .filter(message::Column::TenantId.eq(root))
        .filter(message::Column::RecipientTenant.eq(tenant))
        .into_tuple()
        .all(tx.connection())
        .await
}

/// Removes all kept mails that were written to people of a tenant, or to its office.
pub async fn remove_mails_of_tenant(tx: &Tx, root: Uuid, tenant: Uuid) -> Result<u64, DbErr> {
    let theirs = Query::select()
        .column(message::Column::MessageId)
        .from(message::Entity)
        .and_where(message::Column::TenantId.eq(root))
        .and_where(message::Column::RecipientTenant.eq(tenant))
        .to_owned();
    let deleted = captured_mail::Entity::delete_many()
        .filter(captured_mail::Column::TenantId.eq(root))
        .filter(captured_mail::Column::MessageId.in_subquery(theirs))
        .exec(tx.connection())
        .await?;
    Ok(deleted.rows_affected)
}

/// Kept mails that another version of the tenant's key sealed; `after` is the last one of the page before.
pub async fn old_mails<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    version: i32,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<captured_mail::Model>, DbErr> {
    let mut query = captured_mail::Entity::find()
        .filter(captured_mail::Column::TenantId.eq(tenant))
        .filter(vault::of_other_version(Expr::col(captured_mail::Column::Sealed), version));
    if let Some(after) = after {
        query = query.filter(captured_mail::Column::Id.gt(after));
    }
    query.order_by_asc(captured_mail::Column::Id).limit(limit).all(database).await
}

/// False when it is gone or another one by now.
pub async fn replace_mail(tx: &Tx, old: &captured_mail::Model, sealed: Vec<u8>) -> Result<bool, DbErr> {
    let updated = captured_mail::Entity::update_many()
        .col_expr(captured_mail::Column::Sealed, Expr::value(sealed))
        .filter(captured_mail::Column::TenantId.eq(old.tenant_id))
        .filter(captured_mail::Column::Id.eq(old.id))
        .filter(captured_mail::Column::Sealed.eq(old.sealed.clone()))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}
