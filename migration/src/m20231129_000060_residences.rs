//! How many people of an affected list live where: laws of several States count them separately.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const RESIDENCE: Table = Table { name: "revision_residence", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("revision_id", Kind::Uuid),
    Column::required("code", Kind::Text),
    Column::required("persons", Kind::Int64),
    Column::required("recorded_at", Kind::Int64),
], primary: &["tenant_id", "revision_id", "code"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231129_000060_residences"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &RESIDENCE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &RESIDENCE).await
    }
}
