//! Work that goes on after its request: queued in the transaction that asks for it, done in steps under a lease.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const JOB: Table = Table { name: "job", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("kind", Kind::Text),
    Column::required("key", Kind::Text),
    Column::required("state", Kind::Text),
    Column::required("payload", Kind::Text),
    Column::required("progress", Kind::Text),
    Column::required("done", Kind::Int64),
    Column::optional("total", Kind::Int64),
    Column::required("attempts", Kind::Int32),
    Column::required("run_at", Kind::Int64),
    Column::optional("lease_until", Kind::Int64),
    Column::optional("lease_owner", Kind::Uuid),
    Column::optional("problem", Kind::Text),
    Column::required("created_at", Kind::Int64),
    Column::required("created_by", Kind::Uuid),
    Column::optional("finished_at", Kind::Int64),
], primary: &["tenant_id", "id"],
unique: &[],
index: &[&["state", "run_at"]] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000004_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &JOB).await?;
        // Of one kind and key there is at most one that is not over: asking twice gives the same job.
        let index = "CREATE UNIQUE INDEX job_open_key ON job (tenant_id, kind, key) WHERE state IN ('queued', 'running')";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &JOB).await
    }
}
