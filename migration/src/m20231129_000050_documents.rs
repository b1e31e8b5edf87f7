//! Documents about incidents: each version as it was made, for ever. Nothing in it is changed: a field filled in by hand and the
//! approval are versions of their own.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const DOCUMENT: Table = Table { name: "incident_document", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("incident_id", Kind::Uuid),
    Column::required("number", Kind::Int32),
    Column::required("version", Kind::Int32),
    Column::required("kind", Kind::Text),
    Column::required("language", Kind::Text),
    Column::optional("recipient_id", Kind::Uuid),
    Column::required("state", Kind::Text),
    Column::required("origin", Kind::Text),
    Column::required("content", Kind::Text),
    Column::required("entered", Kind::Text),
    Column::required("sha256", Kind::Text),
    Column::optional("assessment_id", Kind::Uuid),
    Column::optional("revision_id", Kind::Uuid),
    Column::required("author", Kind::Uuid),
    Column::required("created_at", Kind::Int64),
], primary: &["tenant_id", "id"],
unique: &[&["tenant_id", "incident_id", "number", "version"]],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231129_000050_documents"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &DOCUMENT).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &DOCUMENT).await
    }
}
