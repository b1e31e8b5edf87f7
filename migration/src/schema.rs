//! A table as data, and how it is created on both databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DatabaseBackend};

/// The few column types that both databases store alike.
#[derive(Clone, Copy)]
pub enum Kind {
    Uuid,
    Text,
    Int64,
    Int32,
    Bytes,
    Bool,
}

pub struct Column {
    name: &'static str,
    kind: Kind,
    nullable: bool,
}

impl Column {
    pub const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, nullable: false }
    }

    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, nullable: true }
    }
}

pub struct Table {
    pub name: &'static str,
    /// Refuses UPDATE and DELETE by trigger.
    pub append_only: bool,
    pub columns: &'static [Column],
    pub primary: &'static [&'static str],
    pub unique: &'static [&'static [&'static str]],
    pub index: &'static [&'static [&'static str]],
}

pub async fn create(manager: &SchemaManager<'_>, table: &Table) -> Result<(), DbErr> {
    let mut statement = sea_query::Table::create();
    statement.table(Alias::new(table.name));
    for column in table.columns {
        let mut definition = ColumnDef::new(Alias::new(column.name));
        match column.kind {
            Kind::Uuid => definition.uuid(),
            Kind::Text => definition.text(),
            Kind::Int64 => definition.big_integer(),
            Kind::Int32 => definition.integer(),
            Kind::Bytes => definition.blob(),
            Kind::Bool => definition.boolean(),
        };
        if !column.nullable {
            definition.not_null();
        }
        statement.col(definition);
    }
    let mut primary = Index::create();
    for column in table.primary {
        primary.col(Alias::new(*column));
    }
    statement.primary_key(&mut primary);
    if ["blind_index", "part_index", "audit_entry_subject"].contains(&table.name)
        && manager.get_database_backend() == DatabaseBackend::Sqlite
    {
        // (Nearly) all its columns are the key: otherwise SQLite keeps each row twice, in a table and in the key's index.
        statement.extra("WITHOUT ROWID");
    }
    manager.create_table(statement).await?;
    for columns in table.unique {
        manager.create_index(index(table, columns, true)).await?;
    }
    for columns in table.index {
        manager.create_index(index(table, columns, false)).await?;
    }
    if table.append_only {
        refuse_changes(manager, table.name).await?;
    }
    Ok(())
}

pub async fn drop(manager: &SchemaManager<'_>, table: &Table) -> Result<(), DbErr> {
    manager.drop_table(sea_query::Table::drop().table(Alias::new(table.name)).to_owned()).await
}

fn index(table: &Table, columns: &[&str], unique: bool) -> IndexCreateStatement {
    let kind = if unique { "unique" } else { "by" };
    let mut statement = Index::create();
    statement.name(format!("{}_{kind}_{}", table.name, columns.join("_"))).table(Alias::new(table.name));
    for column in columns {
        statement.col(Alias::new(*column));
    }
    if unique {
        statement.unique();
    }
    statement
}

async fn refuse_changes(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    let database = manager.get_connection();
    match database.get_database_backend() {
        DatabaseBackend::Postgres => {
            database
                .execute_unprepared(
                    "CREATE OR REPLACE FUNCTION suimon_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ \
                     BEGIN RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME; END $$",
                )
                .await?;
            database
                .execute_unprepared(&format!(
                    "CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE ON {name} \
                     FOR EACH ROW EXECUTE FUNCTION suimon_append_only()"
                ))
                .await?;
            database
                .execute_unprepared(&format!(
                    "CREATE TRIGGER {name}_append_only_truncate BEFORE TRUNCATE ON {name} \
                     FOR EACH STATEMENT EXECUTE FUNCTION suimon_append_only()"
                ))
                .await?;
        }
        _ => {
            for verb in ["UPDATE", "DELETE"] {
                database
                    .execute_unprepared(&format!(
                        "CREATE TRIGGER {name}_append_only_{verb} BEFORE {verb} ON {name} \
                         BEGIN SELECT RAISE(ABORT, 'table {name} is append-only'); END"
                    ))
                    .await?;
            }
        }
    }
    Ok(())
}

/// Runs statements that both databases understand, one after another.
pub async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
