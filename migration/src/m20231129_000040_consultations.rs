//! Consultations of authorities, and why a duty was done late.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const CONSULTATION: Table = Table { name: "consultation", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("incident_id", Kind::Uuid),
    Column::required("regime", Kind::Text),
    Column::required("consulted_at", Kind::Int64),
    Column::required("with_whom", Kind::Text),
    Column::required("summary", Kind::Text),
    Column::optional("view", Kind::Text),
    Column::required("entry", Kind::Int32),
    Column::required("recorded_at", Kind::Int64),
    Column::required("author", Kind::Uuid),
], primary: &["tenant_id", "id"],
unique: &[],
index: &[&["tenant_id", "incident_id", "consulted_at"]] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231129_000040_consultations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &CONSULTATION).await?;
        manager.get_connection().execute_unprepared("ALTER TABLE duty ADD COLUMN late_reason TEXT").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("ALTER TABLE duty DROP COLUMN late_reason").await?;
        drop(manager, &CONSULTATION).await
    }
}
