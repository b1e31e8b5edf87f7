//! Generations of tenant keys: the next one, those that still open something, and their end.

use entity::{blind_index, import_batch, part_index, subject, tenant, tenant_key};
use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::blob::HEAD;
use crate::access::{Scope, Tx};

/// A page of the keys within the scope that still open something, in the order of tenant and version.
pub async fn live_page(
    scope: &Scope,
    after: Option<(Uuid, i32)>,
    limit: u64,
) -> Result<Vec<tenant_key::Model>, DbErr> {
    let mut query = tenant_key::Entity::find()
        .filter(scope.rows(tenant_key::Column::TenantId))
        .filter(tenant_key::Column::State.ne("destroyed"))
        .order_by_asc(tenant_key::Column::TenantId)
        .order_by_asc(tenant_key::Column::Version)
        .limit(limit);
    if let Some((tenant, version)) = after {
        let later = Condition::all()
            .add(tenant_key::Column::TenantId.eq(tenant))
            .add(tenant_key::Column::Version.gt(version));
        query = query.filter(Condition::any().add(tenant_key::Column::TenantId.gt(tenant)).add(later));
    }
    query.all(scope.connection()).await
}

/// The keys of these tenants that are there still, kept from being destroyed until the transaction ends.
pub async fn hold_keys(tx: &Tx, tenants: impl IntoIterator<Item = Uuid>) -> Result<Vec<(Uuid, i32)>, DbErr> {
    tenant_key::Entity::find()
        .select_only()
        .column(tenant_key::Column::TenantId)
        .column(tenant_key::Column::Version)
        .filter(tenant_key::Column::TenantId.is_in(tenants))
        .filter(tenant_key::Column::State.ne("destroyed"))
        .order_by_asc(tenant_key::Column::TenantId)
        .lock_shared()
        .into_tuple()
        .all(tx.connection())
        .await
}

/// The keys of a tenant that are there still, locked until the transaction ends: nobody seals anything under them meanwhile.
pub async fn lock_keys(tx: &Tx, tenant: Uuid) -> Result<Vec<tenant_key::Model>, DbErr> {
    tenant_key::Entity::find()
        .filter(tenant_key::Column::TenantId.eq(tenant))
        .filter(tenant_key::Column::State.ne("destroyed"))
        .order_by_asc(tenant_key::Column::Version)
        .lock_exclusive()
        .all(tx.connection())
        .await
}

/// The newest version that the tenant ever had.
pub async fn newest(scope: &Scope, tenant: Uuid) -> Result<Option<tenant_key::Model>, DbErr> {
    tenant_key::Entity::find()
        .filter(scope.rows(tenant_key::Column::TenantId))
        .filter(tenant_key::Column::TenantId.eq(tenant))
        .order_by_desc(tenant_key::Column::Version)
        .one(scope.connection())
        .await
}

/// What is active below this version seals nothing new from now on.
pub async fn retire_below(tx: &Tx, tenant: Uuid, version: i32) -> Result<(), DbErr> {
    tenant_key::Entity::update_many()
        .col_expr(tenant_key::Column::State, Expr::value("retired"))
        .filter(tenant_key::Column::TenantId.eq(tenant))
        .filter(tenant_key::Column::Version.lt(version))
        .filter(tenant_key::Column::State.eq("active"))
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// Destroys a tenant's keys below a version; all with `None`. Returns how many there were.
pub async fn destroy(tx: &Tx, tenant: Uuid, below: Option<i32>) -> Result<u64, DbErr> {
    let mut update = tenant_key::Entity::update_many()
        .col_expr(tenant_key::Column::State, Expr::value("destroyed"))
        .col_expr(tenant_key::Column::Wrapped, Expr::value(None::<Vec<u8>>))
        .col_expr(tenant_key::Column::DestroyedAt, Expr::value(tx.scope().at_micros()))
        .filter(tenant_key::Column::TenantId.eq(tenant))
        .filter(tenant_key::Column::State.ne("destroyed"));
    if let Some(below) = below {
        update = update.filter(tenant_key::Column::Version.lt(below));
    }
    Ok(update.exec(tx.connection()).await?.rows_affected)
}

/// Who is sealed under another version: living ones only.
fn sealed_under_other(tenant: Uuid, version: i32) -> Condition {
    Condition::all()
        .add(subject::Column::TenantId.eq(tenant))
        .add(subject::Column::KeyVersion.ne(version))
        .add(subject::Column::WrappedKey.is_not_null())
}

pub async fn count_people_under_other<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    version: i32,
) -> Result<u64, DbErr> {
    subject::Entity::find().filter(sealed_under_other(tenant, version)).count(database).await
}

pub async fn people_under_other(
    scope: &Scope,
    tenant: Uuid,
    version: i32,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<subject::Model>, DbErr> {
    let mut query = subject::Entity::find()
        .filter(scope.rows(subject::Column::TenantId))
        .filter(sealed_under_other(tenant, version))
        .order_by_asc(subject::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(subject::Column::Id.gt(after));
    }
    query.all(scope.connection()).await
}

/// What a person's row shall be.
pub struct Resealed {
    pub version: i32,
    pub wrapped: Vec<u8>,
    /// `None` where the fields stay as they are.
    pub fields: Option<Vec<u8>>,
    pub mark: i64,
}

/// Writes it. False when the person was changed, erased or moved since `seen` was read. `updated_at` stays: a rotation is no
/// change of the person's data, and retention counts from the last one.
pub async fn reseal(tx: &Tx, seen: &subject::Model, to: Resealed) -> Result<bool, DbErr> {
    let mut update = subject::Entity::update_many()
        .col_expr(subject::Column::KeyVersion, Expr::value(to.version))
        .col_expr(subject::Column::WrappedKey, Expr::value(to.wrapped))
        .col_expr(subject::Column::IndexMark, Expr::value(to.mark));
    if let Some(fields) = to.fields {
        update = update.col_expr(subject::Column::Fields, Expr::value(fields));
    }
    let updated = update
        .filter(subject::Column::TenantId.eq(seen.tenant_id))
        .filter(subject::Column::Id.eq(seen.id))
        .filter(subject::Column::UpdatedAt.eq(seen.updated_at))
        .filter(subject::Column::KeyVersion.eq(seen.key_version))
        .filter(subject::Column::ErasedAt.is_null())
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// That a sealed document's head names another version of the tenant's key than this one.
pub fn of_other_version(sealed: impl Into<SimpleExpr>, version: i32) -> SimpleExpr {
    let length = HEAD.len() as i32 + 4;
    let head = Func::cust("substr").arg(sealed).arg(1).arg(length);
    let wanted: Vec<u8> = HEAD.into_iter().chain(version.to_be_bytes()).collect();
    Expr::expr(head).ne(wanted)
}

pub async fn old_contact<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    version: i32,
) -> Result<Option<Vec<u8>>, DbErr> {
    let row = tenant::Entity::find_by_id(tenant)
        .filter(tenant::Column::Contact.is_not_null())
        .filter(of_other_version(Expr::col(tenant::Column::Contact), version))
        .one(database)
        .await?;
    Ok(row.and_then(|row| row.contact))
}

/// False when it is another one by now.
pub async fn replace_contact(tx: &Tx, tenant: Uuid, old: &[u8], new: Vec<u8>) -> Result<bool, DbErr> {
    let updated = tenant::Entity::update_many()
        .col_expr(tenant::Column::Contact, Expr::value(new))
        .filter(tenant::Column::Id.eq(tenant))
        .filter(tenant::Column::Contact.eq(old.to_vec()))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// A batch of an import that nobody finished, sealed under another version.
pub async fn old_batch<C: ConnectionTrait>(
    database: &C,
    tenant: Uuid,
    version: i32,
) -> Result<Option<import_batch::Model>, DbErr> {
    import_batch::Entity::find()
        .filter(import_batch::Column::TenantId.eq(tenant))
        .filter(of_other_version(Expr::col(import_batch::Column::Sealed), version))
        .order_by_asc(import_batch::Column::ImportId)
        .order_by_asc(import_batch::Column::FirstLine)
        .limit(1)
        .one(database)
        .await
}

pub async fn replace_batch(tx: &Tx, old: &import_batch::Model, new: Vec<u8>) -> Result<bool, DbErr> {
    let updated = import_batch::Entity::update_many()
        .col_expr(import_batch::Column::Sealed, Expr::value(new))
        .filter(import_batch::Column::TenantId.eq(old.tenant_id))
        .filter(import_batch::Column::ImportId.eq(old.import_id))
        .filter(import_batch::Column::FirstLine.eq(old.first_line))
        .filter(import_batch::Column::Sealed.eq(old.sealed.clone()))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Empties all people of a tenant and forgets what they could be found by, its contact and kept batches. Returns how many
/// people there were.
pub async fn erase_everybody(tx: &Tx, tenant: Uuid) -> Result<u64, DbErr> {
    let at = tx.scope().at_micros();
    let erased = subject::Entity::update_many()
        .col_expr(subject::Column::WrappedKey, Expr::value(None::<Vec<u8>>))
        .col_expr(subject::Column::Fields, Expr::value(None::<Vec<u8>>))
        .col_expr(subject::Column::IndexMark, Expr::value(None::<i64>))
        .col_expr(subject::Column::ErasedAt, Expr::value(at))
        .col_expr(subject::Column::UpdatedAt, Expr::value(at))
        .filter(subject::Column::TenantId.eq(tenant))
        .filter(subject::Column::ErasedAt.is_null())
        .exec(tx.connection())
        .await?;
    let database = tx.connection();
    blind_index::Entity::delete_many()
        .filter(blind_index::Column::TenantId.eq(tenant))
        .exec(database)
        .await?;
    part_index::Entity::delete_many().filter(part_index::Column::TenantId.eq(tenant)).exec(database).await?;
    import_batch::Entity::delete_many()
        .filter(import_batch::Column::TenantId.eq(tenant))
        .exec(database)
        .await?;
    tenant::Entity::update_many()
        .col_expr(tenant::Column::Contact, Expr::value(None::<Vec<u8>>))
        .filter(tenant::Column::Id.eq(tenant))
        .exec(database)
        .await?;
    Ok(erased.rows_affected)
}
