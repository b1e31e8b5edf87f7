//! Gift codes for the people of an incident.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const GIFT: Table = Table { name: "gift_code", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("incident_id", Kind::Uuid),
    Column::required("digest", Kind::Bytes),
    Column::required("sealed", Kind::Bytes),
    Column::required("imported_at", Kind::Int64),
    Column::optional("person", Kind::Text),
    Column::optional("message_id", Kind::Uuid),
    Column::optional("given_at", Kind::Int64),
], primary: &["tenant_id", "id"],
// The same code is kept once; a person of an incident is given one.
unique: &[&["tenant_id", "incident_id", "digest"], &["tenant_id", "incident_id", "person"]],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231201_000081_gift_codes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &GIFT).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &GIFT).await
    }
}
