//! The only place that knows the table of catalogue copies. Its rows belong to the root tenant.

use entity::catalogue_copy::{Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::copies::CatalogueCopy;
use crate::access::{Scope, Tx};
use crate::clock::from_micros;
use crate::error::Result;

/// Writes a copy unless one of the same file is there; whether it was written.
pub async fn insert(tx: &Tx, copy: &CatalogueCopy, content: String) -> Result<bool, DbErr> {
    let CatalogueCopy { digest, catalogue, version, items, imported_by, imported_at } = copy.clone();
    let row = Model {
        tenant_id: tx.scope().tenant(),
        digest,
        catalogue: catalogue.as_str().to_owned(),
        version,
        content,
        items,
        imported_by,
        imported_at: imported_at.as_microsecond(),
    };
    let same = OnConflict::columns([Column::TenantId, Column::Digest]).do_nothing().to_owned();
    let row = row.into_active_model().reset_all();
    Ok(Entity::insert(row).on_conflict(same).exec_without_returning(tx.connection()).await? == 1)
}

/// How many there are.
pub async fn count(tx: &Tx) -> Result<u64, DbErr> {
    Entity::find().filter(Column::TenantId.eq(tx.scope().tenant())).count(tx.connection()).await
}

/// Removes a copy; whether there was one.
pub async fn remove(tx: &Tx, digest: &str) -> Result<bool, DbErr> {
    let key = (tx.scope().tenant(), digest.to_owned());
    Ok(Entity::delete_by_id(key).exec(tx.connection()).await?.rows_affected == 1)
}

/// One copy, by its digest, without its titles.
pub async fn one(scope: &Scope, digest: &str) -> Result<Option<CatalogueCopy>> {
    Ok(list(scope).await?.into_iter().find(|copy| copy.digest == digest))
}

/// All copies, the newest first, without their titles.
pub async fn list(scope: &Scope) -> Result<Vec<CatalogueCopy>> {
    let rows: Vec<(String, String, String, i32, uuid::Uuid, i64)> = Entity::find()
        .select_only()
        .columns([
            Column::Digest,
            Column::Catalogue,
            Column::Version,
            Column::Items,
            Column::ImportedBy,
            Column::ImportedAt,
        ])
        .filter(Column::TenantId.eq(scope.tenant()))
        .order_by_desc(Column::ImportedAt)
        .order_by_asc(Column::Digest)
        .into_tuple()
        .all(scope.connection())
        .await?;
    rows.into_iter()
        .map(|(digest, catalogue, version, items, imported_by, imported_at)| {
            let catalogue = catalogue::Scheme::named(&catalogue).ok_or_else(|| {
                anyhow::anyhow!("a stored copy is of a catalogue that this version does not know")
            })?;
            let imported_at = from_micros(imported_at);
            Ok(CatalogueCopy { digest, catalogue, version, items, imported_by, imported_at })
        })
        .collect()
}

/// What a copy says.
pub async fn content(scope: &Scope, digest: &str) -> Result<Option<String>, DbErr> {
    let key = (scope.tenant(), digest.to_owned());
    Ok(Entity::find_by_id(key).one(scope.connection()).await?.map(|row| row.content))
}
