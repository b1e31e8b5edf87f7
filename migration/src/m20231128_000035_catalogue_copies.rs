//! An installation's own copies of catalogues. Not append-only: whoever may no longer use a publisher's text must be able to remove it.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const COPY: Table = Table { name: "catalogue_copy", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("digest", Kind::Text),
    Column::required("catalogue", Kind::Text),
    Column::required("version", Kind::Text),
    Column::required("content", Kind::Text),
    Column::required("items", Kind::Int32),
    Column::required("imported_by", Kind::Uuid),
    Column::required("imported_at", Kind::Int64),
], primary: &["tenant_id", "digest"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231128_000035_catalogue_copies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &COPY).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &COPY).await
    }
}
