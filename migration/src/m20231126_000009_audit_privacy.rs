//! Checkpoints that are made by schedule.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const CHECKPOINT: Table = Table { name: "audit_checkpoint", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("size", Kind::Int64),
    Column::required("at", Kind::Int64),
    Column::required("note", Kind::Text),
    Column::required("tree", Kind::Bytes),
], primary: &["tenant_id", "size"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000009_audit_privacy"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &CHECKPOINT).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &CHECKPOINT).await
    }
}
