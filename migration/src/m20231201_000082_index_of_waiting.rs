//! What waits is found by its notice: without it, a sender went through every message that there ever was to take the next fifty.

use sea_orm_migration::prelude::*;

use crate::schema::run;

pub struct Migration;

// SQLite may be interrupted between them: then all are run again.
const UP: [&str; 3] = [
    "CREATE INDEX IF NOT EXISTS message_by_notice_state ON message (tenant_id, notice_id, state, next_attempt_at)",
    "DROP INDEX IF EXISTS message_by_state_next_attempt_at",
    "DROP INDEX IF EXISTS message_by_tenant_id_notice_id",
];

const DOWN: [&str; 3] = [
    "CREATE INDEX IF NOT EXISTS message_by_state_next_attempt_at ON message (state, next_attempt_at)",
    "CREATE INDEX IF NOT EXISTS message_by_tenant_id_notice_id ON message (tenant_id, notice_id)",
    "DROP INDEX IF EXISTS message_by_notice_state",
];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231201_000082_index_of_waiting"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &DOWN).await
    }
}
