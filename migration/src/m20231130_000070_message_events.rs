//! What happened to each message, sealed in a chain of its own; when and in which hours a notice is sent, and to whom of a list.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const EVENT: Table = Table { name: "message_event", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("message_id", Kind::Uuid),
    Column::required("seq", Kind::Int32),
    Column::required("kind", Kind::Text),
    Column::required("at", Kind::Int64),
    Column::optional("code", Kind::Text),
    Column::optional("reply_code", Kind::Int32),
    Column::optional("source", Kind::Text),
    Column::optional("note", Kind::Text),
    Column::optional("author", Kind::Uuid),
    Column::required("recorded_at", Kind::Int64),
    Column::required("hash", Kind::Text),
], primary: &["tenant_id", "message_id", "seq"],
// The same mail that came back is recorded once, however often it is read.
unique: &[&["tenant_id", "message_id", "source"]],
index: &[] };

/// New columns of a notice; nothing in those that were made before.
const NEW: [(&str, &str); 3] = [("send_from", "BIGINT"), ("send_between", "TEXT"), ("filter", "TEXT")];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231130_000070_message_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create(manager, &EVENT).await?;
        let by_mail = "CREATE INDEX message_by_mail ON message (tenant_id, message_id)";
        manager.get_connection().execute_unprepared(by_mail).await?;
        for (column, kind) in NEW {
            let add = format!("ALTER TABLE notice ADD COLUMN {column} {kind}");
            manager.get_connection().execute_unprepared(&add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (column, _) in NEW {
            let remove = format!("ALTER TABLE notice DROP COLUMN {column}");
            manager.get_connection().execute_unprepared(&remove).await?;
        }
        manager.get_connection().execute_unprepared("DROP INDEX message_by_mail").await?;
        drop(manager, &EVENT).await
    }
}
