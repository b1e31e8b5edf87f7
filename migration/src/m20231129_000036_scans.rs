//! Scans of logs as jobs: which logs, and what is known of those that were read. Both are gone when the scan is over.

use sea_orm_migration::prelude::*;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const FILE: Table = Table { name: "scan_file", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("job_id", Kind::Uuid),
    Column::required("number", Kind::Int32),
    Column::required("source", Kind::Text),
    Column::required("name", Kind::Text),
    Column::required("size", Kind::Int64),
    Column::required("read", Kind::Bool),
], primary: &["tenant_id", "job_id", "number"],
unique: &[],
index: &[] };

#[rustfmt::skip]
const PART: Table = Table { name: "scan_part", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("job_id", Kind::Uuid),
    Column::required("file", Kind::Int32),
    Column::required("piece", Kind::Int32),
    Column::required("id", Kind::Uuid),
    Column::required("sealed", Kind::Bytes),
], primary: &["tenant_id", "job_id", "file", "piece"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231129_000036_scans"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &FILE).await?;
        create(manager, &PART).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &PART).await?;
        drop(manager, &FILE).await
    }
}
