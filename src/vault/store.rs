//! The only place that knows the tables of subjects, their index and the tenant keys.

use entity::{blind_index, part_index, subject, tenant, tenant_key};
use sea_orm::sea_query::{Condition, Expr, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::store_plans as plans;
use crate::access::{Scope, Tx};
use crate::storage::Walled;

/// SQLite takes a statement apart into a tree of at most 1,000 levels, one for each OR.
pub const ALTERNATIVES: usize = 250;

/// People by tenant and id; the callers' scopes were checked before (`vault::subjects`).
pub async fn subjects_by_key(database: &Walled, keys: &[(Uuid, Uuid)]) -> Result<Vec<subject::Model>, DbErr> {
    plans::subjects_by_keys(keys).all(database).await
}

pub async fn subjects_of(
    scope: &Scope,
    tenant: Uuid,
    record_type: Option<&str>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<subject::Model>, DbErr> {
    let mut query = subject::Entity::find()
        .filter(scope.rows(subject::Column::TenantId))
        .filter(subject::Column::TenantId.eq(tenant))
        .order_by_asc(subject::Column::Id)
        .limit(limit);
    if let Some(record_type) = record_type {
        query = query.filter(subject::Column::RecordType.eq(record_type));
    }
    if let Some(after) = after {
        query = query.filter(subject::Column::Id.gt(after));
    }
    query.all(scope.connection()).await
}

/// Records of one type of a system in the scope's tenant, in the order of their ids.
pub async fn subjects_of_system(
    scope: &Scope,
    system: &str,
    record_type: &str,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<subject::Model>, DbErr> {
    let mut query = subject::Entity::find()
        .filter(scope.rows(subject::Column::TenantId))
        .filter(subject::Column::TenantId.eq(scope.tenant()))
        .filter(subject::Column::System.eq(system))
        .filter(subject::Column::RecordType.eq(record_type))
        .order_by_asc(subject::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(subject::Column::Id.gt(after));
    }
    query.all(scope.connection()).await
}

/// People of a system by their external ids, in every tenant of the scope.
pub async fn by_external_ids<C: ConnectionTrait>(
    scope: &Scope,
    database: &C,
    system: &str,
    record_type: &str,
    external_ids: &[&str],
) -> Result<Vec<subject::Model>, DbErr> {
    let rows = scope.rows(subject::Column::TenantId);
    plans::by_external_ids(rows, system, record_type, external_ids).all(database).await
}

/// The pseudonyms of everybody of a tenant, of those who were erased too.
pub fn pseudonyms_of(tenant: Uuid) -> SelectStatement {
    Query::select()
        .column(subject::Column::ExternalId)
        .from(subject::Entity)
        .and_where(subject::Column::TenantId.eq(tenant))
        .to_owned()
}

/// Destroys the person's key and record; returns whether there was an unerased one.
pub async fn erase(tx: &Tx, tenant: Uuid, id: Uuid, at: i64) -> Result<bool, DbErr> {
    let updated = subject::Entity::update_many()
        .col_expr(subject::Column::WrappedKey, Option::<Vec<u8>>::None.into())
        .col_expr(subject::Column::Fields, Option::<Vec<u8>>::None.into())
        .col_expr(subject::Column::ErasedAt, at.into())
        .col_expr(subject::Column::IndexMark, Option::<i64>::None.into())
        .col_expr(subject::Column::UpdatedAt, at.into())
        .filter(subject::Column::TenantId.eq(tenant))
        .filter(subject::Column::Id.eq(id))
        .filter(subject::Column::ErasedAt.is_null())
        .exec(tx.connection())
        .await?;
    delete_index(tx, tenant, &[id]).await?;
    Ok(updated.rows_affected == 1)
}

/// Deletes all index rows of these people, whatever they were made of.
pub async fn delete_index(tx: &Tx, tenant: Uuid, subjects: &[Uuid]) -> Result<(), DbErr> {
    part_index::Entity::delete_many()
        .filter(part_index::Column::TenantId.eq(tenant))
        .filter(part_index::Column::SubjectId.is_in(subjects.iter().copied()))
        .exec(tx.connection())
        .await?;
    blind_index::Entity::delete_many()
        .filter(blind_index::Column::TenantId.eq(tenant))
        .filter(blind_index::Column::SubjectId.is_in(subjects.iter().copied()))
        .exec(tx.connection())
        .await?;
    Ok(())
}

/// On SQLite, copies what was overwritten out of the write-ahead log, so that the log does not keep it. Best effort: a
/// reader that is still at work keeps the log alive until the next checkpoint.
pub async fn truncate_log(scope: &Scope) -> Result<(), DbErr> {
    let database = scope.connection();
    if database.get_database_backend() == sea_orm::DbBackend::Sqlite {
        database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    }
    Ok(())
}

/// People who have one of these digests, of all systems that declare such a record type: at most `limit`, in no particular order.
/// Also whether somebody's index rows are of another statement than this `mark`: in one look at the database, so that nobody is
/// brought up to date between the two answers, and in one trip.
pub async fn matches(scope: &Scope, lookup: Lookup<'_>) -> Result<(Vec<subject::Model>, bool), DbErr> {
    let Lookup { system, record_type, field, mark, digests, limit } = lookup;
    let found = plans::matches(scope.rows(blind_index::Column::TenantId), record_type, field, digests, limit);
    let stale = plans::stale(scope.rows(subject::Column::TenantId), system, record_type, mark);
    let rows = scope.connection().query_all(&plans::beside(found, stale)).await?;
    let stale = rows.first().map(|row| row.try_get::<bool>("", plans::STALE)).transpose()?.unwrap_or(false);
    let mut people = Vec::new();
    for row in &rows {
        // A row without a person stands for the answer about stale ones alone.
        if row.try_get::<Option<Uuid>>("", subject::Column::Id.as_str())?.is_some() {
            people.push(subject::Model::from_query_result(row, "")?);
        }
    }
    Ok((people, stale))
}

/// A look at the index of whole values.
pub struct Lookup<'a> {
    pub system: &'a str,
    pub record_type: &'a str,
    pub field: &'a str,
    pub mark: i64,
    /// At most [`ALTERNATIVES`].
    pub digests: &'a [(Uuid, [u8; envelope::BLIND_INDEX_LEN])],
    pub limit: u64,
}

/// People of a system by tenant and id, within the scope.
pub async fn subjects_by_ids(
    scope: &Scope,
    system: &str,
    ids: &[(Uuid, Uuid)],
) -> Result<Vec<subject::Model>, DbErr> {
    let statement = plans::subjects_by_ids(scope.rows(subject::Column::TenantId), ids);
    let mut people = statement.all(scope.connection()).await?;
    // Not asked of the database, which might look through everybody of the system for it (see `store_plans`).
    people.retain(|person| person.system == system);
    Ok(people)
}

/// The same of whichever system.
pub async fn subjects_of_any_system(
    scope: &Scope,
    ids: &[(Uuid, Uuid)],
) -> Result<Vec<subject::Model>, DbErr> {
    plans::subjects_by_ids(scope.rows(subject::Column::TenantId), ids).all(scope.connection()).await
}

pub async fn tenant_key(
    scope: &Scope,
    tenant: Uuid,
    version: i32,
) -> Result<Option<tenant_key::Model>, DbErr> {
    tenant_key::Entity::find_by_id((tenant, version))
        .filter(scope.rows(tenant_key::Column::TenantId))
        .one(scope.connection())
        .await
}

/// The newest active key of each of these tenants.
pub async fn active_keys<C: ConnectionTrait>(
    scope: &Scope,
    database: &C,
    tenants: &[Uuid],
) -> Result<Vec<tenant_key::Model>, DbErr> {
    tenant_key::Entity::find()
        .filter(scope.rows(tenant_key::Column::TenantId))
        .filter(tenant_key::Column::TenantId.is_in(tenants.iter().copied()))
        .filter(tenant_key::Column::State.eq("active"))
        .order_by_asc(tenant_key::Column::Version)
        .all(database)
        .await
}

pub async fn active_keys_page(
    scope: &Scope,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<tenant_key::Model>, DbErr> {
    let mut query = tenant_key::Entity::find()
        .filter(scope.rows(tenant_key::Column::TenantId))
        .filter(tenant_key::Column::State.eq("active"))
        .order_by_asc(tenant_key::Column::TenantId)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(tenant_key::Column::TenantId.gt(after));
    }
    query.all(scope.connection()).await
}

pub async fn tenants_with_keys<C: ConnectionTrait>(
    database: &C,
    tenants: &[Uuid],
) -> Result<Vec<Uuid>, DbErr> {
    tenant_key::Entity::find()
        .select_only()
        .column(tenant_key::Column::TenantId)
        .filter(tenant_key::Column::TenantId.is_in(tenants.iter().copied()))
        .into_tuple()
        .all(database)
        .await
}

/// Inserts a key unless another node just did; whether it did.
pub async fn insert_tenant_key(
    tx: &Tx,
    tenant: Uuid,
    version: i32,
    kek_id: &str,
    wrapped: Vec<u8>,
) -> Result<bool, DbErr> {
    let row = tenant_key::Model {
        tenant_id: tenant,
        version,
        kek_id: kek_id.to_owned(),
        wrapped: Some(wrapped),
        state: "active".to_owned(),
        created_at: tx.scope().at_micros(),
        destroyed_at: None,
    };
    let inserted = tenant_key::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::columns([tenant_key::Column::TenantId, tenant_key::Column::Version])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(tx.connection())
        .await?;
    Ok(inserted == 1)
}

/// All keys within the scope with the slug of their tenant.
pub async fn keys(scope: &Scope) -> Result<Vec<(tenant_key::Model, String)>, DbErr> {
    let rows = tenant_key::Entity::find()
        .filter(scope.rows(tenant_key::Column::TenantId))
        .order_by_asc(tenant_key::Column::TenantId)
        .order_by_asc(tenant_key::Column::Version)
        .all(scope.connection())
        .await?;
    let slugs: Vec<(Uuid, String)> = tenant::Entity::find()
        .select_only()
        .column(tenant::Column::Id)
        .column(tenant::Column::Slug)
        .filter(scope.rows(tenant::Column::Id))
        .into_tuple()
        .all(scope.connection())
        .await?;
    let slugs: std::collections::HashMap<Uuid, String> = slugs.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let slug = slugs.get(&row.tenant_id).cloned().unwrap_or_default();
            (row, slug)
        })
        .collect())
}

/// How many people there are, and how many of them were erased, a version of a tenant's key.
pub async fn count_subjects(scope: &Scope) -> Result<Vec<(Uuid, i32, i64, i64)>, DbErr> {
    subject::Entity::find()
        .select_only()
        .column(subject::Column::TenantId)
        .column(subject::Column::KeyVersion)
        .column_as(subject::Column::Id.count(), "people")
        .column_as(subject::Column::ErasedAt.count(), "erased")
        .filter(scope.rows(subject::Column::TenantId))
        .group_by(subject::Column::TenantId)
        .group_by(subject::Column::KeyVersion)
        .into_tuple()
        .all(scope.connection())
        .await
}

pub async fn count_index_rows(scope: &Scope) -> Result<u64, DbErr> {
    blind_index::Entity::find()
        .filter(scope.rows(blind_index::Column::TenantId))
        .count(scope.connection())
        .await
}

/// Ids of tenants by their slugs, as far as they are within the scope.
pub async fn tenants_by_slug(scope: &Scope, slugs: &[&str]) -> Result<Vec<(String, Uuid)>, DbErr> {
    tenant::Entity::find()
        .select_only()
        .column(tenant::Column::Slug)
        .column(tenant::Column::Id)
        .filter(scope.rows(tenant::Column::Id))
        .filter(tenant::Column::Slug.is_in(slugs.iter().copied()))
        .into_tuple()
        .all(scope.connection())
        .await
}

pub async fn tenant_contact(scope: &Scope, tenant: Uuid) -> Result<Option<Vec<u8>>, DbErr> {
    let row = tenant::Entity::find_by_id(tenant)
        .filter(scope.rows(tenant::Column::Id))
        .one(scope.connection())
        .await?;
    Ok(row.and_then(|row| row.contact))
}

/// Returns whether the tenant exists.
pub async fn set_tenant_contact(tx: &Tx, tenant: Uuid, sealed: Option<Vec<u8>>) -> Result<bool, DbErr> {
    let updated = tenant::Entity::update_many()
        .col_expr(tenant::Column::Contact, sealed.into())
        .filter(tenant::Column::Id.eq(tenant))
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}

/// How many tenant keys this KEK wraps.
pub async fn count_wrapped_by(scope: &Scope, kek: &str) -> Result<u64, DbErr> {
    tenant_key::Entity::find()
        .filter(scope.rows(tenant_key::Column::TenantId))
        .filter(tenant_key::Column::KekId.eq(kek))
        .filter(tenant_key::Column::Wrapped.is_not_null())
        .count(scope.connection())
        .await
}

fn not_wrapped_by(scope: &Scope, kek: &str) -> sea_orm::Select<tenant_key::Entity> {
    tenant_key::Entity::find()
        .filter(scope.rows(tenant_key::Column::TenantId))
        .filter(tenant_key::Column::KekId.ne(kek))
        .filter(tenant_key::Column::Wrapped.is_not_null())
}

/// How many tenant keys another KEK wraps.
pub async fn count_not_wrapped_by(scope: &Scope, kek: &str) -> Result<i64, DbErr> {
    Ok(not_wrapped_by(scope, kek).count(scope.connection()).await? as i64)
}

/// A page of the tenant keys that another KEK wraps.
pub async fn keys_not_wrapped_by(
    scope: &Scope,
    kek: &str,
    after: Option<(Uuid, i32)>,
    limit: u64,
) -> Result<Vec<tenant_key::Model>, DbErr> {
    let mut query = not_wrapped_by(scope, kek)
        .order_by_asc(tenant_key::Column::TenantId)
        .order_by_asc(tenant_key::Column::Version);
    if let Some((tenant, version)) = after {
        let later = Condition::all()
            .add(tenant_key::Column::TenantId.eq(tenant))
            .add(tenant_key::Column::Version.gt(version));
        query = query.filter(Condition::any().add(tenant_key::Column::TenantId.gt(tenant)).add(later));
    }
    query.limit(limit).all(scope.connection()).await
}

/// Replaces what a KEK wrapped. False when the key was destroyed or wrapped anew meanwhile.
pub async fn replace_wrapped(
    tx: &Tx,
    row: &tenant_key::Model,
    kek: &str,
    wrapped: Vec<u8>,
) -> Result<bool, DbErr> {
    let updated = tenant_key::Entity::update_many()
        .col_expr(tenant_key::Column::KekId, Expr::value(kek))
        .col_expr(tenant_key::Column::Wrapped, Expr::value(wrapped))
        .filter(tenant_key::Column::TenantId.eq(row.tenant_id))
        .filter(tenant_key::Column::Version.eq(row.version))
        .filter(tenant_key::Column::KekId.eq(row.kek_id.as_str()))
        .filter(tenant_key::Column::Wrapped.is_not_null())
        .exec(tx.connection())
        .await?;
    Ok(updated.rows_affected == 1)
}
