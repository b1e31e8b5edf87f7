//! The pages of those who are told: one-time codes, sessions, what recipients did there, and whose question an inquiry is.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::schema::{Column, Kind, Table, create, drop};

pub struct Migration;

#[rustfmt::skip]
const CODE: Table = Table { name: "portal_code", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("message_id", Kind::Uuid),
    Column::required("requested_at", Kind::Int64),
    Column::optional("hash", Kind::Bytes),
    Column::optional("expires_at", Kind::Int64),
    Column::required("tries", Kind::Int32),
    Column::optional("ended_at", Kind::Int64),
], primary: &["tenant_id", "id"], unique: &[], index: &[&["tenant_id", "message_id", "requested_at"]] };

#[rustfmt::skip]
const SESSION: Table = Table { name: "portal_session", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("token_hash", Kind::Bytes),
    Column::required("message_id", Kind::Uuid),
    Column::required("opened_at", Kind::Int64),
    Column::required("expires_at", Kind::Int64),
], primary: &["tenant_id", "token_hash"], unique: &[], index: &[&["tenant_id", "message_id"]] };

#[rustfmt::skip]
const ACT: Table = Table { name: "portal_act", append_only: true, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("id", Kind::Uuid),
    Column::required("message_id", Kind::Uuid),
    Column::required("kind", Kind::Text),
    Column::required("at", Kind::Int64),
    Column::optional("reference", Kind::Uuid),
], primary: &["tenant_id", "id"], unique: &[], index: &[&["tenant_id", "message_id", "at"]] };

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231201_000080_portal"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [&CODE, &SESSION, &ACT] {
            create(manager, table).await?;
        }
        let database = manager.get_connection();
        database.execute_unprepared("ALTER TABLE inquiry ADD COLUMN message_id uuid").await?;
        let by_message = "CREATE INDEX inquiry_by_message ON inquiry (tenant_id, message_id)";
        database.execute_unprepared(by_message).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let database = manager.get_connection();
        database.execute_unprepared("DROP INDEX inquiry_by_message").await?;
        database.execute_unprepared("ALTER TABLE inquiry DROP COLUMN message_id").await?;
        for table in [&ACT, &SESSION, &CODE] {
            drop(manager, table).await?;
        }
        Ok(())
    }
}
