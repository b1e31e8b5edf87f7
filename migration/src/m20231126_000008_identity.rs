//! The second factor, and sessions that know when somebody last proved who they are.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

use crate::schema::{Column, Kind, Table as Plan, create, drop};

pub struct Migration;

#[rustfmt::skip]
const SECOND_FACTOR: Plan = Plan { name: "second_factor", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("account_id", Kind::Uuid),
    Column::required("wrapped_key", Kind::Bytes),
    Column::required("sealed_secret", Kind::Bytes),
    Column::required("created_at", Kind::Int64),
    Column::optional("confirmed_at", Kind::Int64),
    Column::required("last_step", Kind::Int64),
], primary: &["tenant_id", "account_id"],
unique: &[],
index: &[] };

#[rustfmt::skip]
const RECOVERY_CODE: Plan = Plan { name: "recovery_code", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("account_id", Kind::Uuid),
    Column::required("code_hash", Kind::Bytes),
    Column::required("created_at", Kind::Int64),
    Column::optional("used_at", Kind::Int64),
], primary: &["tenant_id", "account_id", "code_hash"],
unique: &[],
index: &[] };

#[rustfmt::skip]
const SIGN_IN_STEP: Plan = Plan { name: "sign_in_step", append_only: false, columns: &[
    Column::required("tenant_id", Kind::Uuid),
    Column::required("token_hash", Kind::Bytes),
    Column::required("account_id", Kind::Uuid),
    Column::required("method", Kind::Text),
    Column::required("created_at", Kind::Int64),
    Column::required("expires_at", Kind::Int64),
], primary: &["tenant_id", "token_hash"],
unique: &[&["token_hash"]],
index: &[&["tenant_id", "account_id"]] };

const TABLES: [&Plan; 3] = [&SECOND_FACTOR, &RECOVERY_CODE, &SIGN_IN_STEP];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20231126_000008_identity"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            create(manager, table).await?;
        }
        // Sessions of the older version do not know when their owner proved who they are: they end here, so that the new
        // columns, which SQLite can only add as nullable ones, are never empty.
        // TRUNCATE, because row-level security hides every row from a DELETE that names no tenant.
        let end = match manager.get_database_backend() {
            DatabaseBackend::Postgres => "TRUNCATE session",
            _ => "DELETE FROM session",
        };
        manager.get_connection().execute_unprepared(end).await?;
        let columns = [
            ("session", ColumnDef::new("id").uuid().to_owned()),
            ("session", ColumnDef::new("authenticated_at").big_integer().to_owned()),
            ("session", ColumnDef::new("methods").text().to_owned()),
            ("account", ColumnDef::new("second_factor_at").big_integer().to_owned()),
            ("api_token", ColumnDef::new("last_used_at").big_integer().to_owned()),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("api_token", "last_used_at"),
            ("account", "second_factor_at"),
            ("session", "methods"),
            ("session", "authenticated_at"),
            ("session", "id"),
        ] {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        for table in TABLES.into_iter().rev() {
            drop(manager, table).await?;
        }
        Ok(())
    }
}
