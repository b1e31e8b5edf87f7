//! Reminders of duties that were sent, and an index for those that are open.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const REMINDER: Table = Table { name: "duty_reminder", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("duty_id", Kind::Uuid),
    Column::required("due_at", Kind::Int64),
    Column::required("point", Kind::Text),
    Column::required("incident_id", Kind::Uuid),
    Column::required("recorded_at", Kind::Int64),
], primary: &["tenant_id", "duty_id", "due_at", "point"],
unique: &[],
index: &[] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231129_000041_duty_reminders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &REMINDER).await?;
        // Every few minutes it is asked which open duties end soon.
        let index = "CREATE INDEX duty_by_end ON duty (tenant_id, state, due_at)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX duty_by_end").await?;
        drop(manager, &REMINDER).await
    }
}
